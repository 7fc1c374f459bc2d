//! `vitalscope serve`: the collector, until it is told to end.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use super::print;
use crate::config::Config;
use crate::http::tls::certificate::Certificate;
use crate::listeners::Listeners;
use crate::serve;
use crate::shutdown::{Shutdown, requested};

/// Run the collector: take beacons, store them, detect, show.
///
/// Without a configuration file it keeps everything in ./vitalscope-data, with its own ClickHouse, takes beacons on port 8080 and
/// shows the dashboard on 127.0.0.1:8081. Ctrl-C and SIGTERM end it: what was accepted is stored first, or waits in the spool.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  vitalscope serve\n  vitalscope serve --config vitalscope.toml\n  VITALSCOPE_DEMO_ENABLED=true vitalscope serve"
)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// See [`serve::start`].
pub async fn run(_args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let mut shutdown = signals()?;
    let hangup = signal(SignalKind::hangup())?;
    let listeners = Listeners::bind(&config).await?;
    let collector = tokio::select! {
        started = serve::start(config, listeners) => started?,
        () = requested(&mut shutdown) => return Ok(ExitCode::SUCCESS),
    };
    tokio::spawn(reload_on(hangup, collector.certificates.clone()));
    for (name, address) in &collector.addresses {
        print::line(format_args!("{name} {address}"))?;
    }
    collector.run(shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

/// SIGHUP says that certificates were renewed. Without any it ends nothing either, as it would by default.
async fn reload_on(mut hangup: Signal, certificates: Vec<Arc<Certificate>>) {
    while hangup.recv().await.is_some() {
        for certificate in &certificates {
            certificate.reload_and_log();
        }
        info!("certificates read again; changes of the configuration need a restart");
    }
}

/// Turns true at the first SIGINT or SIGTERM; a second one ends the process at once, as it would without us.
fn signals() -> anyhow::Result<Shutdown> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (asked, shutdown) = watch::channel(false);
    tokio::spawn(async move {
        for already in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if already {
                std::process::exit(1);
            }
            asked.send_replace(true);
        }
    });
    Ok(shutdown)
}
