//! How findings and baselines are printed: the columns of the contract's views.

use detect::Finding;
use detect::drift::HitRate;
use detect::series::Hour;
use serde::Serialize;

use crate::history::timestamp;
use crate::store::finding_detail::DetailJson;

/// A finding as JSON, named as in the view `findings`.
#[derive(Serialize)]
pub struct FindingLine<'a> {
    id: &'a str,
    app: &'a str,
    environment: &'a str,
    route: &'a str,
    kind: &'a str,
    vital: &'a str,
    stratum: &'a str,
    direction: &'a str,
    state: &'a str,
    severity: &'a str,
    change_ratio: f64,
    change_low: f64,
    change_high: f64,
    p_value: f64,
    z: f64,
    confidence: f64,
    window_hours: usize,
    baseline_p75: f64,
    current_p75: f64,
    baseline_n: u64,
    current_n: u64,
    change_point: String,
    change_point_low: String,
    change_point_high: String,
    release: &'a str,
    opened_at: String,
    confirmed_at: Option<String>,
    resolved_at: Option<String>,
    recommendation: &'a str,
    detail: DetailJson,
}

impl<'a> FindingLine<'a> {
    pub fn of(finding: &'a Finding) -> FindingLine<'a> {
        let at = |hour: Hour| timestamp(hour);
        FindingLine {
            id: &finding.id,
            app: &finding.key.app,
            environment: &finding.key.environment,
            route: &finding.key.route,
            kind: finding.key.kind.name(),
            vital: &finding.key.vital,
            stratum: "",
            direction: finding.direction.name(),
            state: finding.state.name(),
            severity: finding.severity.name(),
            change_ratio: finding.change_ratio,
            change_low: finding.change_low,
            change_high: finding.change_high,
            p_value: finding.p_value,
            z: finding.z,
            confidence: finding.confidence,
            window_hours: finding.window_hours,
            baseline_p75: finding.baseline_p75,
            current_p75: finding.current_p75,
            baseline_n: finding.baseline_n,
            current_n: finding.current_n,
            change_point: at(finding.change_point_hour),
            change_point_low: at(finding.change_point_low_hour),
            change_point_high: at(finding.change_point_high_hour),
            release: &finding.release,
            opened_at: at(finding.opened_hour),
            confirmed_at: finding.confirmed_hour.map(at),
            resolved_at: finding.resolved_hour.map(at),
            recommendation: &finding.recommendation,
            detail: DetailJson::of(&finding.detail),
        }
    }
}

/// The last line of a replay: how much was judged, and how often it alarmed.
#[derive(Serialize)]
pub struct Summary {
    pub from: String,
    pub to: String,
    pub series: usize,
    pub findings: usize,
    pub series_days: f64,
    pub episodes: u64,
    pub episodes_per_1000_series_days: f64,
    /// What became of the forecasts that a backtest made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecasts: Option<Forecasts>,
}

/// Forecasts of when a threshold is crossed, against what came.
#[derive(Serialize)]
pub struct Forecasts {
    /// Whose time has come, and those of them whose interval held the crossing.
    pub judged: usize,
    pub hits: usize,
    /// Null without one.
    pub hit_rate: Option<f64>,
    /// Thresholds that were crossed, and those of them that a forecast had announced.
    pub crossings: usize,
    pub foreseen: usize,
}

impl From<HitRate> for Forecasts {
    fn from(rate: HitRate) -> Forecasts {
        Forecasts {
            judged: rate.judged,
            hits: rate.hits,
            hit_rate: (rate.judged > 0).then(|| rate.hits as f64 / rate.judged as f64),
            crossings: rate.crossings,
            foreseen: rate.foreseen,
        }
    }
}

impl Summary {
    pub fn of(replay: &detect::Replay, series: usize, hours: &std::ops::Range<Hour>) -> Summary {
        Summary {
            from: timestamp(hours.start),
            to: timestamp(hours.end),
            series,
            findings: replay.findings.len(),
            series_days: replay.series_days,
            episodes: replay.episodes,
            episodes_per_1000_series_days: replay.episodes_per_1000_series_days(),
            forecasts: None,
        }
    }
}
