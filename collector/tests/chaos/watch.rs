//! Reads the collector's page of metrics all the time, whatever happens to it, and says when its books ever did not balance.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use collector::loadgen::books::Books;
use collector::loadgen::http::Target;
use tokio::time::sleep;

/// Some looks between any two faults.
const INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub struct Watch {
    pub looks: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Watch {
    /// It ends with the runtime.
    pub fn start(metrics: Target) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        let watching = watch.clone();
        tokio::spawn(async move {
            loop {
                // A collector that is dead or starting has no books to show.
                if let Ok(books) = Books::read(&metrics, None).await {
                    watching.looks.fetch_add(1, Ordering::Relaxed);
                    if !books.balance() {
                        let text = format!("the books do not balance: {books:?}");
                        watching.failure().get_or_insert(text);
                    }
                }
                sleep(INTERVAL).await;
            }
        });
        watch
    }

    /// # Errors
    /// The first look that did not balance.
    pub fn verdict(&self) -> anyhow::Result<()> {
        match &*self.failure() {
            Some(failure) => bail!("{failure}"),
            None => Ok(()),
        }
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.first_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
