//! How commands reach the store: the configured server, the embedded one of a running `serve`, or one of their own.

use std::time::Duration;

use crate::config::Config;
use crate::embedded::{self, Connection};
use crate::store::cluster::Cluster;
use crate::store::{Access, Store};

/// A command is typed by a person: a server that is just starting may take this long.
const WAIT: Duration = Duration::from_secs(20);

/// A migrated store, and the connection it needs.
pub struct Opened {
    pub store: Store,
    pub connection: Connection,
}

impl Opened {
    /// Ends a server that was started for the command.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

/// Connects and brings the schema to this version.
///
/// # Errors
/// No server can be reached or started, or the schema does not fit.
pub async fn store(config: &Config) -> anyhow::Result<Opened> {
    let connection = embedded::connect(config).await?;
    let store = Store::new(Access {
        url: connection.address.url.clone(),
        database: config.clickhouse.database.clone(),
        user: connection.address.user.clone(),
        password: connection.address.password.clone(),
    })
    .on(config.clickhouse.cluster.clone().map(Cluster::named));
    store.wait(WAIT).await?;
    store.migrate(&config.retention).await?;
    Ok(Opened { store, connection })
}
