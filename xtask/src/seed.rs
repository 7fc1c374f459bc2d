//! The synthetic history of `cargo xtask run --seed`, as a file that `vitalscope import` reads.
//! Not here: what happens in it; that is `detect::world`.
//!
//! Hours that exist as page views are written as page views only: the collector makes their rollups itself, and giving
//! it both would count them twice.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use detect::series::Hour;
use detect::world::{self, PageView, Truth, World};
use serde_json::{Value, json};
use wire::{Beacon, Details, Measurement, NavigationType, Operation, PageContext, Scalar, Vital};

/// The detector is replayed over this much of the history; the known regressions begin inside it.
const JUDGED_HOURS: Hour = 14 * 24;
/// A page view's only beacon leaves when it has been looked at for so long.
const VIEW_LENGTH_MS: u64 = 5_000;
/// One request in so many fails, and one in three is served by a cache.
const FAILS_ONE_IN: u32 = 97;
const HITS_ONE_IN: u32 = 3;
/// What a request asks for at most.
const MAX_ITEMS: u32 = 24;

pub struct Seed {
    pub file: PathBuf,
    pub lines: usize,
    /// Where the detector's replay begins (RFC 3339).
    pub judge_since: String,
    /// What is known to be in it.
    pub truth: Vec<Truth>,
}

impl Seed {
    /// One sentence for each known regression.
    pub fn regressions(&self) -> impl Iterator<Item = String> {
        self.truth.iter().map(sentence)
    }

    /// The same for programs: the browser tests compare findings with it.
    pub fn to_json(&self) -> Value {
        let truth = self.truth.iter().map(|truth| {
            json!({
                "route": truth.route,
                "vital": truth.vital.name(),
                "change_ratio": truth.change_ratio,
                "release": truth.release,
                "hour": world::timestamp(truth.hour),
            })
        });
        json!({
            "lines": self.lines,
            "judge_since": self.judge_since,
            "regressions": truth.collect::<Vec<_>>(),
        })
    }
}

/// Writes the history that ends with `end`, an hour since the Unix epoch that is not part of it.
pub fn write(file: &Path, end: Hour) -> Result<Seed> {
    let world = World::shop(world::DEFAULT_SEED, end);
    let views_from = end - world::VIEW_DAYS * 24;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let file_handle =
        File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let mut out = BufWriter::new(file_handle);
    let mut lines = 0;
    for line in world
        .series_hours()
        .take_while(|line| line.hour < views_from)
    {
        writeln!(out, "{}", line.to_json())?;
        lines += 1;
    }
    for view in world.page_views() {
        out.write_all(&view_line(&view))?;
        out.write_all(b"\n")?;
        lines += 1;
    }
    out.flush()?;
    Ok(Seed {
        file: file.to_path_buf(),
        lines,
        judge_since: world::timestamp(end - JUDGED_HOURS),
        truth: world.truth().to_vec(),
    })
}

fn sentence(truth: &Truth) -> String {
    format!(
        "{} on {}: {:+.0} % since release {} ({})",
        truth.vital.name(),
        truth.route,
        (truth.change_ratio - 1.0) * 100.0,
        truth.release,
        world::timestamp(truth.hour)
    )
}

/// The page view's beacon, with what otherwise comes from the request (app, browser, system, country) in front.
/// Names in the synthetic world need no escaping.
fn view_line(view: &PageView) -> Vec<u8> {
    let PageView {
        browser,
        os,
        country,
        ..
    } = view;
    let mut line =
        format!(r#"{{"app":"shop","browser":"{browser}","os":"{os}","country":"{country}","#)
            .into_bytes();
    let beacon = wire::encode::encode(&beacon(view));
    line.extend_from_slice(&beacon.bytes()[1..]);
    line
}

fn beacon(view: &PageView) -> Beacon {
    let start_ms = u64::try_from(view.start_ms).unwrap_or_default();
    let measurements = view.vitals.iter().map(|one| Measurement {
        vital: one.vital,
        value: one.value,
        attribution: one
            .attribution
            .iter()
            .map(|&(key, text)| (Cow::Borrowed(key), text.into()))
            .collect(),
    });
    Beacon {
        view: view.view_id.clone(),
        session: view.session_id.clone(),
        sent_ms: start_ms + VIEW_LENGTH_MS,
        start_ms,
        navigation_type: NavigationType::from_name(view.navigation_type).unwrap_or_default(),
        path: view.path.clone(),
        route: view.route.to_owned(),
        release: view.release.to_owned(),
        environment: "production".to_owned(),
        context: PageContext {
            device: view.device.to_owned(),
            connection: view.connection.to_owned(),
            delivery: view.delivery.to_owned(),
            interactions: Some(view.interactions),
            interactions_seen: Some(view.interactions),
            sample_rate: Some(1.0),
            timing: milestones(view),
            ..PageContext::default()
        },
        measurements: measurements.collect(),
        operations: request(view).into_iter().collect(),
        ..Beacon::default()
    }
}

/// The page's request for its data: dearer the more is asked for, cheap from a cache. The world knows nothing of it; it follows from the
/// view's own numbers, so that a seed always gives the same.
fn request(view: &PageView) -> Option<Operation> {
    let ttfb_ms = value(view, Vital::Ttfb)?;
    let chance = view.view_id.bytes().fold(0, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let items = 1 + chance % MAX_ITEMS;
    let is_hit = (chance / MAX_ITEMS).is_multiple_of(HITS_ONE_IN);
    let fails = chance.is_multiple_of(FAILS_ONE_IN);
    let duration_ms = if is_hit {
        12.0 + f64::from(items)
    } else {
        0.4 * ttfb_ms + 5.0 * f64::from(items)
    };
    let name = match view.route {
        "/cart" | "/checkout" => "fetch /api/cart",
        "/search" => "fetch /api/search",
        _ => "fetch /api/products",
    };
    let word = if is_hit { "hit" } else { "miss" };
    Some(Operation {
        name: name.to_owned(),
        duration_ms,
        success: !fails,
        error_type: if fails { "HTTP 503" } else { "" }.to_owned(),
        at_ms: ttfb_ms,
        input_size: Some(items.into()),
        detail: vec![("cache".into(), Scalar::Text(word.to_owned()))],
        ..Operation::default()
    })
}

/// Milestones that fit to the vitals of a view that loaded a document.
fn milestones(view: &PageView) -> Details {
    let loaded = ["navigate", "reload"].contains(&view.navigation_type);
    let times = [Vital::Ttfb, Vital::Fcp, Vital::Lcp].map(|vital| value(view, vital));
    let [Some(ttfb_ms), Some(fcp_ms), Some(lcp_ms)] = times else {
        return Details::new();
    };
    if !loaded {
        return Details::new();
    }
    let milestones = [
        ("request_ms", 0.4 * ttfb_ms),
        ("response_end_ms", 1.1 * ttfb_ms),
        ("dom_interactive_ms", 0.9 * fcp_ms),
        ("first_paint_ms", fcp_ms),
        ("dom_content_loaded_ms", 1.05 * fcp_ms),
        ("load_ms", 1.1 * lcp_ms.max(fcp_ms)),
    ];
    let named = milestones.into_iter();
    named
        .map(|(name, at_ms)| (name.into(), Scalar::Number(at_ms.round())))
        .collect()
}

fn value(view: &PageView, vital: Vital) -> Option<f64> {
    let found = view.vitals.iter().find(|one| one.vital == vital);
    found.map(|one| one.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_beacon_with_what_the_request_would_say() {
        let view = World::shop(1, 494_000).page_views().next().unwrap();
        let line: Value = serde_json::from_slice(&view_line(&view)).unwrap();
        assert_eq!(line["app"], "shop");
        assert_eq!(line["v"], 1);
        assert_eq!(line["view"], view.view_id.as_str());
        assert_eq!(line["start"], view.start_ms);
        assert_eq!(line["context"]["interactions"], view.interactions);
        let vitals = line["m"].as_array().unwrap();
        assert_eq!(vitals.len(), view.vitals.len());
        assert_eq!(vitals[0]["n"], view.vitals[0].vital.name());
        let request = &line["ops"][0];
        assert!(request["v"].as_f64() > Some(0.0) && request["input_size"].as_f64() >= Some(1.0));
        assert!(
            ["hit", "miss"]
                .map(Value::from)
                .contains(&request["detail"]["cache"])
        );
    }
}
