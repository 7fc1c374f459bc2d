//! Who of several collectors on one ClickHouse does what only one should do.
//!
//! Each renews a claim of its own every beat; the oldest claim that has not run out leads. Nobody writes another's row, so there is
//! nothing to lock and nothing that a crash leaves locked. All times are the server's: a collector whose clock is wrong is as
//! good as any.
//!
//! A claim leads only once it is older than a claim could take to become visible. An insert that is slower than that may
//! make two lead for one beat, so what a leader does must be harmless when it is done twice.

use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use super::Store;

/// A claim lasts so many beats: a leader that has died is followed within two.
const BEATS: u32 = 2;
/// Younger claims do not lead yet; an insert of one row takes some milliseconds.
const SETTLE: Duration = Duration::from_secs(2);

/// One collector's claim to a role.
pub struct Lease {
    store: Store,
    role: &'static str,
    holder: String,
    beat: Duration,
}

/// What a beat saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    pub leads: bool,
    /// Of the server.
    pub now_ms: i64,
    /// When to look again.
    pub next: Duration,
}

#[derive(Row, Deserialize)]
struct Leader {
    now_ms: i64,
    leader: String,
    since_ms: i64,
}

impl Lease {
    /// A claim that nobody has made yet.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(store: Store, role: &'static str, beat: Duration) -> anyhow::Result<Lease> {
        let mut name = [0; 16];
        getrandom::fill(&mut name)
            .map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        let holder = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Lease {
            store,
            role,
            holder,
            beat,
        })
    }

    /// Renews the claim and looks who leads. To be called every beat.
    ///
    /// # Errors
    /// The server's; whether one still leads is then unknown.
    pub async fn beat(&self) -> anyhow::Result<Beat> {
        let lasts_ms = (self.beat * BEATS).as_millis() as u64;
        self.claim(lasts_ms).await?;
        let found: Leader = self
            .store
            .client()
            .query(include_str!("sql/lease_leader.sql"))
            .bind(lasts_ms)
            .bind(self.role)
            .fetch_one()
            .await?;
        let is_first = found.leader == self.holder;
        let age_ms = (found.now_ms - found.since_ms).max(0) as u64;
        let settles = SETTLE.saturating_sub(Duration::from_millis(age_ms));
        Ok(Beat {
            leads: is_first && settles.is_zero(),
            now_ms: found.now_ms,
            next: if is_first && !settles.is_zero() {
                settles.min(self.beat)
            } else {
                self.beat
            },
        })
    }

    /// Ends the claim, so that nobody waits until it has run out.
    ///
    /// # Errors
    /// The server's.
    pub async fn give_up(&self) -> anyhow::Result<()> {
        self.claim(0).await
    }

    async fn claim(&self, lasts_ms: u64) -> anyhow::Result<()> {
        Ok(self
            .store
            .client()
            .query(include_str!("sql/lease_claim.sql"))
            .bind(self.role)
            .bind(&self.holder)
            .bind(lasts_ms)
            .bind(self.role)
            .bind(&self.holder)
            .execute()
            .await?)
    }
}
