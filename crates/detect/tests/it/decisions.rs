//! What people and rules decide about baselines, and what the replay then judges by.

use std::ops::Range;

use detect::{
    Baseline, BaselineState, Decision, History, Hour, Kind, Past, Policy, Replay, Ruling,
    SeriesHourRow, SeriesKey, State, Strategy, resume_decided,
};

const DAY: Hour = 24;
/// First hour that is judged; a UTC midnight.
const FROM: Hour = 60 * DAY;
const TO: Hour = FROM + 10 * DAY;

fn key() -> SeriesKey {
    let [app, environment, route, vital] = ["shop", "production", "/", "LCP"].map(str::to_owned);
    SeriesKey {
        app,
        environment,
        route,
        kind: Kind::Vital,
        vital,
    }
}

/// Seventy days of forty page views an hour, whose bucket is `bucket(hour)` and some noise.
fn history(bucket: impl Fn(Hour) -> u16) -> Vec<History> {
    let mut history = History::new(key());
    let mut state = 1_u64;
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n
    };
    for hour in 0..TO {
        let buckets: Vec<(u16, u64)> = (0..40)
            .map(|_| (bucket(hour) + below(6) as u16 + below(6) as u16, 1))
            .collect();
        history.add(SeriesHourRow {
            stratum: "",
            release: "1",
            hour,
            buckets: &buckets,
        });
    }
    vec![history]
}

fn decision(ruling: Ruling, window: Range<Hour>, at_hour: Hour) -> Decision {
    Decision {
        key: key(),
        ruling,
        window,
        at_hour,
        is_automatic: false,
    }
}

fn run(
    histories: &[History],
    strategy: Strategy,
    decisions: &[Decision],
    hours: Range<Hour>,
) -> Replay {
    let policy = Policy {
        strategy,
        ..Policy::default()
    };
    let past = Past {
        decisions,
        ..Past::default()
    };
    resume_decided(histories, &policy, past, hours.start, hours.end)
}

/// The baseline that is judged by, and the candidate.
fn described(replay: &Replay) -> (&Baseline, Option<&Baseline>) {
    let in_force = replay.baselines.iter().find(|one| !one.is_candidate);
    let candidate = replay.baselines.iter().find(|one| one.is_candidate);
    (in_force.expect("one per series"), candidate)
}

fn window(baseline: &Baseline) -> Range<Hour> {
    baseline.from_hour..baseline.to_hour
}

/// The rolling window of a day.
fn rolling(day: Hour) -> Range<Hour> {
    day - 31 * DAY..day - 3 * DAY
}

#[test]
fn a_rolling_baseline_that_is_rejected_falls_back() {
    let histories = history(|_| 90);
    let replay =
        |decisions: &[Decision], to| run(&histories, Strategy::RollingWindow, decisions, FROM..to);
    let last_day = TO - DAY;
    let undisturbed = replay(&[], TO);
    let (in_force, candidate) = described(&undisturbed);
    assert_eq!(window(in_force), rolling(last_day));
    assert_eq!((in_force.strategy, candidate), ("rolling_window", None));

    let rejected = decision(Ruling::Rejected, rolling(last_day), last_day + 5);
    let told = replay(std::slice::from_ref(&rejected), TO);
    let (in_force, _) = described(&told);
    assert_eq!(in_force.state, BaselineState::Rejected);
    assert_eq!((in_force.hours_used, in_force.hours_left_out), (0, 672));
    assert_eq!(
        in_force.reasons,
        [
            "rejected, and nothing else is approved: 0 of 20 days without its hours",
            "672 hours left out: rejected"
        ]
    );
    // It holds from the day of the decision, not before.
    assert_eq!(undisturbed.series_days - told.series_days, 1.0);

    let approved = decision(Ruling::Approved, rolling(45 * DAY), FROM - 5 * DAY);
    let told = replay(&[approved, rejected], TO);
    let (in_force, candidate) = described(&told);
    assert_eq!(
        (in_force.state, window(in_force)),
        (BaselineState::Approved, rolling(45 * DAY))
    );
    // The rejected one is still shown: the word can be taken back.
    assert_eq!(
        candidate.map(|one| (one.state, window(one))),
        Some((BaselineState::Rejected, rolling(last_day)))
    );
    assert_eq!(undisturbed.series_days, told.series_days);
}

/// Three weeks after the rejected hours there are twenty days without them.
#[test]
fn a_rejected_baseline_is_learned_anew_from_other_hours() {
    let histories = history(|_| 90);
    let rejected = decision(Ruling::Rejected, rolling(FROM - 15 * DAY), FROM - 15 * DAY);
    let told = |to| {
        let decisions = std::slice::from_ref(&rejected);
        run(&histories, Strategy::RollingWindow, decisions, FROM..to)
    };
    let before = told(FROM + 5 * DAY);
    assert_eq!(described(&before).0.state, BaselineState::Rejected);
    let after = told(FROM + 6 * DAY);
    let (in_force, _) = described(&after);
    assert_eq!(in_force.state, BaselineState::Approved, "{in_force:?}");
    assert_eq!((in_force.hours_used, in_force.hours_left_out), (480, 192));
}

#[test]
fn under_manual_approval_nothing_is_judged_until_a_person_approves() {
    let histories = history(|hour| if hour < FROM + 2 * DAY { 90 } else { 93 });
    let replay =
        |decisions: &[Decision]| run(&histories, Strategy::ManualApproval, decisions, FROM..TO);
    let silent = replay(&[]);
    let (in_force, candidate) = described(&silent);
    assert_eq!(
        (in_force.state, candidate),
        (BaselineState::Proposed, None),
        "{in_force:?}"
    );
    assert_eq!((silent.series_days, silent.findings.len()), (0.0, 0));

    let first = decision(Ruling::Approved, rolling(40 * DAY), FROM - DAY);
    let told = replay(std::slice::from_ref(&first));
    let (in_force, candidate) = described(&told);
    assert_eq!(window(in_force), first.window);
    assert_eq!(told.series_days, 10.0);
    // Open, so it stands still; it is the approved one all the same.
    assert_eq!(in_force.state, BaselineState::Frozen);
    assert_eq!(
        candidate.map(window),
        Some(rolling(TO - DAY)),
        "waits for a person"
    );
    assert_eq!(told.findings.len(), 1, "{:#?}", told.findings);
    assert_eq!(told.findings[0].state, State::Confirmed);

    // After the second approval that one is the reference; rejecting it brings the first back.
    let second = decision(Ruling::Approved, rolling(FROM), FROM);
    let calm = history(|_| 90);
    let in_force_of = |decisions: &[Decision]| {
        let told = run(&calm, Strategy::ManualApproval, decisions, FROM..TO);
        let (in_force, _) = described(&told);
        (in_force.state, window(in_force))
    };
    let both = [first.clone(), second.clone()];
    assert_eq!(
        in_force_of(&both),
        (BaselineState::Approved, second.window.clone())
    );
    let rejected = decision(Ruling::Rejected, second.window.clone(), FROM + DAY);
    let [first, second] = both;
    let window = first.window.clone();
    assert_eq!(
        in_force_of(&[first, second, rejected]),
        (BaselineState::Approved, window)
    );
}

/// Of 0.5 % a day the rolling baseline sees a part only; an automatic one stays where the series was calm.
#[test]
fn an_automatic_baseline_stands_while_the_series_is_not_calm() {
    let drift_from = FROM + DAY;
    let histories = history(|hour| 90 + (hour - drift_from).max(0).div_euclid(2 * DAY) as u16);
    let told = run(&histories, Strategy::AutomatedStable, &[], FROM..TO);
    let days: Vec<Hour> = told.approvals.iter().map(|one| one.at_hour).collect();
    assert!(
        days.first() == Some(&FROM) && days.last().is_some_and(|last| *last < TO - 3 * DAY),
        "{days:?}"
    );
    assert!(told.approvals.iter().all(|one| one.is_automatic));
    let last = told.approvals.last().expect("at least one");
    assert_eq!(window(described(&told).0).start, last.window.start);

    // A later evaluation that is told what was approved goes on as if it had seen it.
    let middle = FROM + 3 * DAY;
    let known: Vec<Decision> = told
        .approvals
        .iter()
        .filter(|one| one.at_hour <= middle)
        .cloned()
        .collect();
    let later = run(&histories, Strategy::AutomatedStable, &known, middle..TO);
    let of_late: Vec<&Decision> = told
        .approvals
        .iter()
        .filter(|one| one.at_hour > middle)
        .collect();
    assert_eq!(later.approvals.iter().collect::<Vec<_>>(), of_late);
}
