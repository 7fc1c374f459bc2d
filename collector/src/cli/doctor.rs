//! `vitalscope doctor`: why do I see no data?

use std::process::ExitCode;

use anyhow::{Context, ensure};
use url::Url;

use super::print;
use crate::config::Config;
use crate::doctor::{self, Options, Report, Verdict};

/// Look at a collector from outside, in the order in which data flows, and say what is in the way.
///
/// Ends with 0 when nothing is, with 1 when something loses data, and with 2 when nothing could be looked at. Beacons that it
/// sends call themselves a bot's: they are counted as such and never stored. Only --store sends one that is.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  vitalscope doctor https://rum.example.com --app shop --origin https://shop.example\n  \
    vitalscope doctor https://rum.example.com --page https://shop.example/ --app shop\n  \
    vitalscope doctor http://127.0.0.1:8080 --app shop --private http://127.0.0.1:8081 --store"
)]
pub struct Args {
    /// Address of the public listener, as pages use it.
    url: String,
    /// The app that should have data.
    #[arg(long)]
    app: Option<String>,
    /// Origin of the pages that send, such as https://shop.example; that of --page when absent.
    #[arg(long)]
    origin: Option<String>,
    /// A page that should carry the agent.
    #[arg(long, value_name = "URL")]
    page: Option<String>,
    /// Address of the private listener: spool, ClickHouse, evaluation, refusals.
    #[arg(long, value_name = "URL")]
    private: Option<String>,
    /// Its token. Better in the environment.
    #[arg(long, env = "VITALSCOPE_PRIVATE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Path of the beacons; that of the configuration when absent.
    #[arg(long)]
    path: Option<String>,
    /// Also send a page view that is stored (route /vitalscope-doctor, no measurement), and wait for it.
    #[arg(long, requires = "private", requires = "app")]
    store: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Standard output is closed. What cannot be looked at is said, and ends with 2.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let looked = async { doctor::examine(&options(args, &config)?).await };
    let report = match looked.await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("vitalscope: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    if json {
        print::json(&report)?;
    } else {
        show(&report)?;
    }
    let found = report.has(Verdict::Bad);
    Ok(if found {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn options(args: Args, config: &Config) -> anyhow::Result<Options> {
    let page = args.page.as_deref().map(address).transpose()?;
    let of_page = page
        .as_ref()
        .map(|page| page.origin().ascii_serialization());
    Ok(Options {
        public: address(&args.url)?,
        ingest_path: args.path.unwrap_or_else(|| config.ingest.path.clone()),
        app: args.app,
        origin: args.origin.or(of_page),
        private: args.private.as_deref().map(address).transpose()?,
        token: args.token.or_else(|| config.private.token.clone()),
        page,
        store: args.store,
    })
}

fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text)
        .with_context(|| format!("{text:?} is no address such as https://rum.example.com"))?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    ensure!(
        is_http,
        "{text:?} is no address that begins with https:// or http://"
    );
    Ok(url)
}

fn show(report: &Report) -> std::io::Result<()> {
    for check in &report.checks {
        let mark = match check.verdict {
            Verdict::Good => "ok",
            Verdict::Warning => "WARN",
            Verdict::Bad => "BAD",
            Verdict::Skipped => "-",
        };
        print::line(format_args!("{mark:<5} {:<15} {}", check.name, check.said))?;
        if !check.advice.is_empty() {
            print::line(format_args!("{:<21} -> {}", "", check.advice))?;
        }
    }
    let bad = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .count();
    match bad {
        0 => print::line("nothing found that loses data"),
        1 => print::line("1 thing loses data; begin with it"),
        _ => print::line(format_args!(
            "{bad} things lose data; begin with the first: the others may follow from it"
        )),
    }
}
