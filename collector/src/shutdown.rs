//! How a long-running task hears that the collector ends. Who asks, and in which order tasks end, is not known here.

use tokio::sync::watch;

/// Turns true once, when the end is asked for. Every long-running task holds one.
pub type Shutdown = watch::Receiver<bool>;

/// Returns when the end has been asked for, or when nobody is left who could ask.
pub async fn requested(shutdown: &mut Shutdown) {
    let _ = shutdown.wait_for(|&asked| asked).await;
}
