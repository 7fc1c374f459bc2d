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
use wire::{Beacon, Measurement, NavigationType, PageContext};

/// The detector is replayed over this much of the history; the known regressions begin inside it.
const JUDGED_HOURS: Hour = 14 * 24;
/// A page view's only beacon leaves when it has been looked at for so long.
const VIEW_LENGTH_MS: u64 = 5_000;

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
            ..PageContext::default()
        },
        measurements: measurements.collect(),
        ..Beacon::default()
    }
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
    }
}
