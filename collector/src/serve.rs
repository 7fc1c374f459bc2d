//! Composition: builds the parts, connects them, runs them, ends them in order.

use tokio::sync::watch;

/// Turns true once, when the collector is asked to end. Every long-running task holds one.
pub type Shutdown = watch::Receiver<bool>;

/// Returns when the end has been asked for, or when nobody is left who could ask.
pub async fn requested(shutdown: &mut Shutdown) {
    let _ = shutdown.wait_for(|&asked| asked).await;
}
