//! What an answer of the API costs, and that it does not grow with page views: each is timed at 2 million measurements and at ten
//! times as many, on 500 routes, with nothing kept from an earlier answer. Prints both; fails when one takes more than 1.5 times as
//! long, or too long at all. `cargo xtask bench api` runs it. A number as argument is that of the smaller set's measurements; with the
//! word `keep` the sets are left on disk and used again within the hour.

mod data;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use collector::config::{Config, Retention};
use collector::embedded::{self, Options};
use collector::http::private::{self, SpoolStatus};
use collector::metrics::Metrics;
use collector::store::{Access, Store};
use http_body_util::BodyExt;
use tower::ServiceExt;

const MEASUREMENTS: u64 = 2_000_000;
const TIMES_AS_MANY: u64 = 10;
/// Of the larger set's median over the smaller one's.
const MAX_RATIO: f64 = 1.5;
const MAX_P95: Duration = Duration::from_millis(300);
/// Where single page views are asked for.
const MAX_P95_OF_SINGLE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 20;
const KEEP: &str = "keep";
const SPOOL: SpoolStatus = SpoolStatus {
    bytes: 0,
    oldest_age_s: 0.0,
    accepting: true,
};

/// One question; `{route}` is replaced by the busiest one.
struct Call {
    name: &'static str,
    path: &'static str,
    reads_page_views: bool,
}

const fn call(name: &'static str, path: &'static str) -> Call {
    Call {
        name,
        path,
        reads_page_views: false,
    }
}

const ROUTE: &str = "%2Fsection-0%2Fpage-0%2F%3Aid";
const CALLS: [Call; 24] = [
    call(
        "overview",
        "overview?app=shop&environment=production&range=7d",
    ),
    call(
        "overview, mobile",
        "overview?app=shop&environment=production&device=mobile&range=7d",
    ),
    call(
        "overview, a release",
        "overview?app=shop&environment=production&release=2.0.0&range=7d",
    ),
    call(
        "overview, one country",
        "overview?app=shop&environment=production&country=DE&range=7d",
    ),
    call("all apps", "apps?range=7d"),
    call("live", "live?app=shop&environment=production"),
    call(
        "filters",
        "filters?app=shop&environment=production&range=7d",
    ),
    call(
        "routes",
        "routes?app=shop&environment=production&limit=50&range=7d",
    ),
    call(
        "routes, one country",
        "routes?app=shop&environment=production&limit=50&country=DE&range=7d",
    ),
    call(
        "routes, mobile",
        "routes?app=shop&environment=production&limit=50&device=mobile&range=7d",
    ),
    call(
        "routes, a day",
        "routes?app=shop&environment=production&limit=50&range=24h",
    ),
    call(
        "routes as CSV",
        "routes?app=shop&environment=production&format=csv&range=7d",
    ),
    call(
        "route",
        "routes/{route}?app=shop&environment=production&range=7d",
    ),
    call(
        "route, a release",
        "routes/{route}?app=shop&environment=production&release=2.0.0&range=7d",
    ),
    call(
        "route, dimensions",
        "routes/{route}/dimensions?app=shop&environment=production&range=7d",
    ),
    call(
        "route, attribution",
        "routes/{route}/attribution?app=shop&environment=production&range=7d",
    ),
    call(
        "route, percentiles",
        "routes/{route}/percentiles?app=shop&environment=production&range=7d",
    ),
    call("findings", "findings?app=shop&state=all"),
    call("finding", "findings/finding"),
    call(
        "recommendations",
        "recommendations?app=shop&environment=production&range=7d",
    ),
    call(
        "compare releases",
        "compare?app=shop&environment=production&baseline=1.0.0&current=2.0.0&range=7d",
    ),
    call("baselines", "baselines?app=shop&environment=production"),
    Call {
        name: "page views near p75",
        path: "page-views?app=shop&environment=production&order=near&country=DE&range=7d",
        reads_page_views: true,
    },
    Call {
        name: "page views, the slowest",
        path: "page-views?app=shop&environment=production&route={route}&vital=LCP&range=7d",
        reads_page_views: true,
    },
];

/// Median and 95th percentile of one call.
#[derive(Clone, Copy)]
struct Timed {
    median: Duration,
    p95: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` adds `--bench`.
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let (keep, numbers): (Vec<String>, Vec<String>) = words.partition(|word| word == KEEP);
    let keep = !keep.is_empty();
    let few = numbers
        .first()
        .map_or(Ok(MEASUREMENTS), |word| word.parse())?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-api");
    if !keep {
        let _ = std::fs::remove_dir_all(&folder);
    }
    std::fs::create_dir_all(&folder)?;
    let server = embedded::start_with(Options {
        data_dir: folder.clone(),
        database: "vitalscope".into(),
        program: env!("CARGO_BIN_EXE_vitalscope").into(),
    })
    .await?;
    let mut stores = Vec::new();
    for (database, measurements) in [("few", few), ("many", few * TIMES_AS_MANY)] {
        let store = Store::new(Access {
            url: server.url.clone(),
            database: database.into(),
            user: server.user.clone(),
            password: server.password.clone(),
        });
        store.migrate(&Retention::default()).await?;
        let started = Instant::now();
        if data::is_there(&store).await? {
            println!("the {measurements} measurements of an earlier run are used again");
        } else {
            data::fill(&store, measurements).await?;
            println!(
                "{measurements} measurements and their rollups made in {:.0} s",
                started.elapsed().as_secs_f64()
            );
        }
        data::settle(&store).await?;
        stores.push(store);
    }
    let timed = time_all(&stores).await?;
    server.stop().await;
    if !keep {
        std::fs::remove_dir_all(&folder)?;
    }
    let kept = report(few, &timed);
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A listener that has answered nothing yet.
fn router(store: &Store) -> Router {
    private::router(private::State {
        store: store.clone(),
        metrics: Arc::new(Metrics::default()),
        config: Arc::new(Config::default()),
        spool: Arc::new(|| SPOOL),
    })
}

/// Each call against both stores in turns, so that whatever else the machine does meets both. The smaller store's first.
async fn time_all(stores: &[Store]) -> anyhow::Result<Vec<Vec<Timed>>> {
    let mut timed = Vec::new();
    for call in &CALLS {
        let mut took = vec![Vec::new(); stores.len()];
        // The first two are not counted: they read what the server has not had in memory yet.
        for round in 0..ROUNDS + 2 {
            for (store, took) in stores.iter().zip(&mut took) {
                let elapsed = time(router(store), call).await?;
                if round >= 2 {
                    took.push(elapsed);
                }
            }
        }
        timed.push(took.into_iter().map(summed_up).collect());
    }
    Ok(timed)
}

fn summed_up(mut took: Vec<Duration>) -> Timed {
    took.sort_unstable();
    Timed {
        median: took[took.len() / 2],
        p95: took[(took.len() * 95).div_ceil(100) - 1],
    }
}

async fn time(router: Router, call: &Call) -> anyhow::Result<Duration> {
    let path = call.path.replace("{route}", ROUTE);
    let request = Request::get(format!("/api/v1/{path}"))
        .header(header::HOST, "localhost")
        .body(Body::empty())?;
    let started = Instant::now();
    let response = router.oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let elapsed = started.elapsed();
    ensure!(status == StatusCode::OK, "{path}: {status}");
    ensure!(body.len() > 50, "{path}: {body:?}");
    Ok(elapsed)
}

/// Prints both tables side by side; answers whether every bar was kept.
fn report(few: u64, timed: &[Vec<Timed>]) -> bool {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "\n{:24} {:>12} {:>12} {:>12} {:>12} {:>7}",
        format!("of {few} and {}", few * TIMES_AS_MANY),
        "median, ms",
        "p95, ms",
        "median, ms",
        "p95, ms",
        "ratio"
    );
    let mut all_kept = true;
    for (call, timed) in CALLS.iter().zip(timed) {
        let (small, large) = (&timed[0], &timed[1]);
        let ratio = large.median.as_secs_f64() / small.median.as_secs_f64();
        let bar = if call.reads_page_views {
            MAX_P95_OF_SINGLE
        } else {
            MAX_P95
        };
        let kept = large.p95 <= bar && ratio <= MAX_RATIO;
        all_kept &= kept;
        println!(
            "{:24} {:>12.1} {:>12.1} {:>12.1} {:>12.1} {ratio:>7.2}{}",
            call.name,
            ms(small.median),
            ms(small.p95),
            ms(large.median),
            ms(large.p95),
            if kept { "" } else { "  too much" }
        );
    }
    println!(
        "the bars are {MAX_RATIO} times, {} ms, and {} ms where single page views are asked for",
        ms(MAX_P95),
        ms(MAX_P95_OF_SINGLE)
    );
    all_kept
}
