//! What the page itself blamed: which part of the vital grew, and which element, script or interaction is behind it.

use detect::Scheme;
use serde::Serialize;
use utoipa::ToSchema;

use super::carriers::{Dimension, Share, apart};
use crate::store::around::{Fact, Value};

/// A part that changed by less is not worth a person's time.
const MIN_PHASE_MS: f64 = 5.0;
/// What has less of the change is not to blame.
const MIN_CHANGE_SHARE: f64 = 0.2;
/// What so much of the page views blame is where the change is, though it stands out from nothing: nearly all have it.
const MAIN_SHARE: f64 = 0.5;
/// What is left of many names, and nothing to look at.
const REST: &str = "other";

/// One thing to blame.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Blame {
    /// `phase` (a part of the vital), `element`, `script`, `type` (of interaction) or `load_state`.
    pub fact: String,
    pub name: String,
    /// Mean duration of a phase (ms); p75 of the vital where this was blamed, in its unit. Null where it was not seen.
    pub before: Option<f64>,
    pub after: Option<f64>,
    /// Of the page views that blamed anything of this kind; 1 for phases.
    pub share_before: f64,
    pub share_after: f64,
    /// Of the change, among things of its kind.
    pub change_share: f64,
}

/// Everything to blame: phases first, then by share of the change. `inflation` as for [`apart`].
pub fn blamed(scheme: Scheme, sign: f64, facts: &[Fact], inflation: f64) -> Vec<Blame> {
    let mut found = phases(sign, facts);
    found.retain(|one| one.change_share >= MIN_CHANGE_SHARE);
    found.sort_by(|a, b| b.change_share.total_cmp(&a.change_share));
    let named = facts.iter().filter(|fact| fact.fact != "phase");
    let values: Vec<Value> = named.map(Fact::value).collect();
    let mut things: Vec<Blame> = Vec::new();
    for kind in apart(scheme, sign, &values, inflation) {
        let carriers = kind.values.iter().filter(|one| carries(&kind, one));
        let before = things.len();
        things.extend(carriers.map(|one| blame(&kind, one, one.change_share)));
        if things.len() == before {
            let main = kind.values.iter().find(|one| is_main(one));
            things.extend(main.map(|one| blame(&kind, one, one.own_share)));
        }
    }
    things.sort_by(|a, b| b.change_share.total_cmp(&a.change_share));
    found.extend(things);
    found
}

/// The one that surely does, and what else would have much of the change then.
fn carries(kind: &Dimension, one: &Share) -> bool {
    !kind.carried_by.is_empty() && one.name != REST && one.change_share >= MIN_CHANGE_SHARE
}

fn is_main(one: &Share) -> bool {
    let is_most = one.share_before.min(one.share_after) >= MAIN_SHARE;
    is_most && one.name != REST && one.own_share >= MAIN_SHARE
}

fn blame(kind: &Dimension, one: &Share, change_share: f64) -> Blame {
    Blame {
        fact: kind.dimension.clone(),
        name: one.name.clone(),
        before: one.p75_before,
        after: one.p75_after,
        share_before: one.share_before,
        share_after: one.share_after,
        // Estimates of parts may come to more than the whole.
        change_share: change_share.min(1.0),
    }
}

/// Phases that moved in the direction, each with its share of what those together moved.
fn phases(sign: f64, facts: &[Fact]) -> Vec<Blame> {
    let mean = |name: &str, after: u8| {
        facts
            .iter()
            .find(|fact| fact.fact == "phase" && fact.name == name && fact.after == after)
            .filter(|fact| fact.n > 0)
            .map(|fact| fact.sum_ms / fact.n as f64)
    };
    let names = facts
        .iter()
        .filter(|fact| fact.fact == "phase" && fact.after == 1);
    let mut moved: Vec<(String, f64, f64)> = names
        .filter_map(|fact| {
            Some((
                fact.name.clone(),
                mean(&fact.name, 0)?,
                mean(&fact.name, 1)?,
            ))
        })
        .filter(|(_, before, after)| sign * (after - before) >= MIN_PHASE_MS)
        .collect();
    moved.sort_by(|a, b| a.0.cmp(&b.0));
    let total: f64 = moved
        .iter()
        .map(|(_, before, after)| (after - before).abs())
        .sum();
    moved
        .into_iter()
        .map(|(name, before, after)| Blame {
            fact: "phase".to_owned(),
            name,
            before: Some(before),
            after: Some(after),
            share_before: 1.0,
            share_after: 1.0,
            change_share: (after - before).abs() / total,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: Scheme = Scheme::Milliseconds;

    fn phase(after: u8, name: &str, mean_ms: f64) -> Fact {
        Fact {
            after,
            fact: "phase".into(),
            name: name.into(),
            n: 100,
            sum_ms: 100.0 * mean_ms,
            buckets: Vec::new(),
        }
    }

    fn element(after: u8, name: &str, ms: f64, n: u64) -> Fact {
        let index = SCHEME.bucket_index(ms);
        Fact {
            after,
            fact: "element".into(),
            name: name.into(),
            n,
            sum_ms: 0.0,
            buckets: (0..10).map(|step| (index - 5 + step, n / 10)).collect(),
        }
    }

    fn blamed(facts: &[Fact], sign: f64) -> Vec<Blame> {
        super::blamed(SCHEME, sign, facts, 2.0)
    }

    #[test]
    fn the_phase_that_grew_and_the_element_behind_it() {
        let facts = [
            phase(0, "ttfb_ms", 300.0),
            phase(1, "ttfb_ms", 320.0),
            phase(0, "load_delay_ms", 200.0),
            phase(1, "load_delay_ms", 1_100.0),
            phase(0, "load_ms", 500.0),
            phase(1, "load_ms", 400.0),
            element(0, "#hero", 1000.0, 900),
            element(1, "#hero", 2000.0, 900),
            element(0, "other", 1000.0, 100),
            element(1, "other", 1000.0, 100),
        ];
        let found = blamed(&facts, 1.0);
        let named: Vec<(&str, &str)> = found
            .iter()
            .map(|one| (one.fact.as_str(), one.name.as_str()))
            .collect();
        assert_eq!(named, [("phase", "load_delay_ms"), ("element", "#hero")]);
        assert_eq!(
            (found[0].before, found[0].after),
            (Some(200.0), Some(1_100.0))
        );
        assert!(found[0].change_share > 0.97);
        // Of an improvement the phase that shrank.
        let better = blamed(&facts, -1.0);
        assert_eq!(better[0].name, "load_ms");
    }

    #[test]
    fn what_was_never_seen_before_has_no_before() {
        let facts = [phase(1, "script_ms", 400.0), element(1, "#new", 900.0, 50)];
        assert_eq!(blamed(&facts, 1.0), []);
        let facts = [element(0, "#old", 500.0, 50), element(1, "#new", 900.0, 50)];
        let found = blamed(&facts, 1.0);
        assert_eq!((found[0].name.as_str(), found[0].before), ("#new", None));
    }
    #[test]
    fn an_element_that_nearly_all_have_is_named_though_it_stands_out_from_nothing() {
        let facts = [
            element(0, "#hero", 1000.0, 900),
            element(1, "#hero", 1500.0, 900),
            element(0, "#text", 900.0, 100),
            element(1, "#text", 1350.0, 100),
        ];
        let found = blamed(&facts, 1.0);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].name, "#hero");
        assert!((found[0].change_share - 0.9).abs() < 0.05, "{found:?}");
    }
}
