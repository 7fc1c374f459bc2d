//! Raw entries -> measurements, with the engine that otherwise runs in the page: same entries, same values, same attribution.

use vitals::{Label, PageView, is_plausible, replay};
use wire::decode::{Refusal, RefusalCode};
use wire::{Beacon, RawEntries, Vital};

/// Fills in what the page could not compute. Answers what was refused: values that no page can have.
pub fn evaluate(raw: &RawEntries, beacon: &mut Beacon) -> Vec<Refusal> {
    let view = replay(raw);
    beacon.navigation_type = view.navigation_type();
    beacon.context.interactions = view.interactions();
    beacon.context.interactions_seen = view.interactions_seen();
    beacon.measurements = view.measurements(|Label(place)| raw.text(place as u32));
    Vital::ALL
        .into_iter()
        .filter_map(|vital| refusal(vital, view.raw_value(vital)?))
        .collect()
}

fn replay(raw: &RawEntries) -> PageView {
    let mut view = replay::open(
        raw.opening,
        raw.at_ms,
        raw.first_hidden_ms,
        raw.interaction_count,
        raw.flags,
    );
    for &(kind, numbers) in &raw.calls {
        replay::hear(&mut view, kind, numbers);
    }
    view
}

fn refusal(vital: Vital, value: f64) -> Option<Refusal> {
    (!is_plausible(vital, value)).then(|| Refusal {
        index: None,
        code: RefusalCode::OutOfRange,
        detail: format!("{} is 0 to {}", vital.name(), vital.max_value()),
    })
}

#[cfg(test)]
mod tests {
    use wire::decode::decode;
    use wire::{Measurement, NavigationType};

    use super::*;

    const RAW: &str = include_str!("../../../crates/wire/testdata/v1/raw.json");
    /// What the agent would have sent of the same page view.
    const MEASURED: &str = include_str!("../../../crates/wire/testdata/v1/raw-measured.json");

    fn evaluated(json: &str) -> (Beacon, Vec<Refusal>) {
        let decoded = decode(json.as_bytes()).expect("a good beacon");
        let mut beacon = decoded.beacon;
        let refused = evaluate(&decoded.raw.expect("raw entries"), &mut beacon);
        (beacon, refused)
    }

    fn calls(open: &str, calls: &str) -> (Beacon, Vec<Refusal>) {
        evaluated(&format!(
            r#"{{"v":1,"view":"0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f","seq":0,"sent":0,"start":0,"path":"/",
                "raw":{{"open":{open},"calls":{calls}}}}}"#
        ))
    }

    fn values(measurements: &[Measurement]) -> Vec<(&'static str, f64)> {
        let values = measurements.iter();
        values
            .map(|measurement| (measurement.vital.name(), measurement.value))
            .collect()
    }

    /// JSON objects are decoded in the order of the page, the engine has its own.
    #[test]
    fn the_collector_computes_what_the_page_would_have() {
        let (mut beacon, refused) = evaluated(RAW);
        assert_eq!(refused, []);
        let mut measured = decode(MEASURED.as_bytes()).expect("a good beacon").beacon;
        for beacon in [&mut beacon, &mut measured] {
            for measurement in &mut beacon.measurements {
                measurement.attribution.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
        assert_eq!(beacon, measured);
    }

    #[test]
    fn the_engine_says_how_the_page_view_began() {
        let navigation = "[[7,2,0,0,1,1,1,1,100,900]]";
        for (open, expected) in [
            ("[0,0,null,null,15]", NavigationType::BackForward),
            ("[0,0,null,null,31]", NavigationType::Restore),
            ("[1,5000,null,null,15]", NavigationType::BackForwardCache),
            ("[2,5000,null,null,15]", NavigationType::SoftNavigation),
            ("[3,5000,null,null,15]", NavigationType::SoftNavigation),
        ] {
            assert_eq!(
                calls(open, navigation).0.navigation_type,
                expected,
                "{open}"
            );
        }
    }

    #[test]
    fn texts_are_where_the_engine_takes_labels() {
        let (beacon, _) = calls(
            "[0,0,null,0,15]",
            r##"[[7,0,0,0,0,0,0,0,10,900],[0,50],[1,60,null,null,"/a.png","#a"],[2,70,0.1,0,"#b"],
                [4,80,64,81,90,7,"keydown","#c"],[5,75,80,70,"/long.js"],[11,200]]"##,
        );
        let texts: Vec<String> = beacon
            .measurements
            .iter()
            .flat_map(|measurement| &measurement.attribution)
            .filter_map(|(key, value)| match value {
                wire::Scalar::Text(text) => Some(format!("{key} {text}")),
                _ => None,
            })
            .collect();
        let expected = [
            "element #a",
            "url /a.png",
            "element #b",
            "load_state loading",
            "type keydown",
            "element #c",
            "type keydown",
            "element #c",
            "script /long.js",
            "load_state loading",
        ];
        assert_eq!(texts, expected);
        let (restored, _) = calls("[1,100,null,0,15]", r#"[[12,"mousedown",2,100]]"#);
        let name = &restored.measurements[0].attribution;
        assert_eq!(*name, [("type".into(), "mousedown".into())]);
    }

    #[test]
    fn values_that_no_page_can_have_are_refused_one_by_one() {
        let (beacon, refused) = calls(
            "[0,0,null,0,15]",
            "[[0,50],[4,80,700000,80.5,90,7],[2,60,1e308],[2,61,1e308],[13,1,1e300,0]]",
        );
        assert_eq!(values(&beacon.measurements), [("FCP", 50.0), ("FID", 0.5)]);
        let details: Vec<&str> = refused
            .iter()
            .map(|refusal| {
                assert_eq!(
                    (refusal.index, refusal.code),
                    (None, RefusalCode::OutOfRange)
                );
                refusal.detail.split(' ').next().expect("a name")
            })
            .collect();
        assert_eq!(details, ["CLS", "INP", "MEMORY"]);
    }

    #[test]
    fn what_is_no_finite_number_is_not_kept() {
        // Two samples at one time rise infinitely fast, and an absurd activation makes every offset overflow.
        let (beacon, _) = calls(
            "[0,0,null,0,15]",
            "[[7,0,-1e308,0,0,0,0,0,10,900],[0,1],[2,1e308,0.1],[13,1,9,5],[13,1,8,5],[13,1,7,5],[13,1,6,5]]",
        );
        let json = serde_json::to_string(&beacon).expect("is JSON");
        let back: Beacon = serde_json::from_str(&json).expect("what is spooled can be read");
        assert_eq!(back, beacon);
    }
}
