//! How another process of the same user finds the server that `vitalscope serve` runs: a lock that says somebody does, and
//! `access.json` (mode 0600) that says where and with which password.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, Server, door, start};
use crate::config::Config;

/// Where a server is and who may write to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub url: String,
    pub user: String,
    pub password: String,
}

/// A server to work with, and the server itself where this process had to start it.
pub struct Connection {
    pub address: Address,
    pub server: Option<Server>,
}

impl Connection {
    /// Ends the server if it was started for this connection.
    pub async fn close(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

/// The configured server; or the embedded one of a running `serve`; or an embedded one that lives as long as the connection.
///
/// # Errors
/// As [`start`]; nothing is started when the configuration names a server.
pub async fn connect(config: &Config) -> Result<Connection, Error> {
    if config.clickhouse.url != "embedded" {
        return Ok(Connection {
            address: Address {
                url: config.clickhouse.url.clone(),
                user: config.clickhouse.user.clone(),
                password: config.clickhouse.password.clone(),
            },
            server: None,
        });
    }
    let folder = config.data_dir.join("clickhouse");
    if let Some(address) = running(&folder)? {
        return Ok(Connection {
            address,
            server: None,
        });
    }
    let server = start(&config.data_dir, &config.clickhouse.database).await?;
    Ok(Connection {
        address: Address {
            url: server.url.clone(),
            user: server.user.clone(),
            password: server.password.clone(),
        },
        server: Some(server),
    })
}

/// The address of the server that another process runs in this folder, if one does.
fn running(folder: &Path) -> Result<Option<Address>, Error> {
    if !folder.is_dir() || lock(folder)?.is_some() {
        return Ok(None);
    }
    let path = folder.join("access.json");
    let text = fs::read(&path).map_err(|_| {
        Error::Start(format!(
            "another vitalscope process is just starting or stopping it in {}; try again",
            folder.display()
        ))
    })?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| Error::Start(format!("{}: {error}", path.display())))
}

/// The folder's lock, or none when another process holds it. The system drops it with its process.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let path = folder.join("lock");
    let file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

pub(super) fn write(folder: &Path, url: &str, user: &str, password: &str) -> Result<(), Error> {
    let address = Address {
        url: url.into(),
        user: user.into(),
        password: password.into(),
    };
    let text = serde_json::to_string(&address).expect("three texts are JSON");
    door::write_private(&folder.join("access.json"), &text)
}

pub(super) fn remove(folder: &Path) {
    // Left behind it is harmless: without the lock nobody reads it.
    let _ = fs::remove_file(folder.join("access.json"));
}
