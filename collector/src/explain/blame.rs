//! What the page itself blamed: which part of the vital grew, and which element, script or interaction is behind it.

use detect::Scheme;
use serde::Serialize;

use super::shares::shares;
use crate::store::around::{Fact, Value};

/// A part that changed by less is not worth a person's time.
const MIN_PHASE_MS: f64 = 5.0;
/// What has less of the change is not to blame.
const MIN_CHANGE_SHARE: f64 = 0.2;

/// One thing to blame.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// Everything to blame: phases first, then by share of the change.
pub fn blamed(scheme: Scheme, sign: f64, facts: &[Fact]) -> Vec<Blame> {
    let mut found = phases(sign, facts);
    for kind in ["element", "script", "type", "load_state"] {
        let values: Vec<Value> = facts
            .iter()
            .filter(|fact| fact.fact == kind)
            .map(Fact::value)
            .collect();
        let values: Vec<&Value> = values.iter().collect();
        let parts = shares(scheme, sign, &values).into_iter();
        found.extend(parts.map(|part| Blame {
            fact: kind.to_owned(),
            name: part.name,
            before: part.p75_before,
            after: part.p75_after,
            share_before: part.share_before,
            share_after: part.share_after,
            change_share: part.change_share,
        }));
    }
    // `other` is what is left of many, and nothing to look at.
    found.retain(|one| one.change_share >= MIN_CHANGE_SHARE && one.name != "other");
    found.sort_by(|a, b| {
        let is_later = |one: &Blame| one.fact != "phase";
        let order = is_later(a).cmp(&is_later(b));
        order.then(b.change_share.total_cmp(&a.change_share))
    });
    found
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
        Fact {
            after,
            fact: "element".into(),
            name: name.into(),
            n,
            sum_ms: 0.0,
            buckets: vec![(SCHEME.bucket_index(ms), n)],
        }
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
        let found = blamed(SCHEME, 1.0, &facts);
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
        let better = blamed(SCHEME, -1.0, &facts);
        assert_eq!(better[0].name, "load_ms");
    }

    #[test]
    fn what_was_never_seen_before_has_no_before() {
        let facts = [phase(1, "script_ms", 400.0), element(1, "#new", 900.0, 50)];
        assert_eq!(blamed(SCHEME, 1.0, &facts), []);
        let facts = [element(0, "#old", 500.0, 50), element(1, "#new", 900.0, 50)];
        let found = blamed(SCHEME, 1.0, &facts);
        assert_eq!((found[0].name.as_str(), found[0].before), ("#new", None));
    }
}
