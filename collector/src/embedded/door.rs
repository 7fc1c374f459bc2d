//! The server's two configuration files: who may enter, and as whom; and where it stops writing. Measured on ClickHouse 26.7.2.1.
//!
//! Without them the session user `default` has every right and answers any POST: a web page could read files through it.
//! - `default` runs the statement that opens the HTTP port and needs `SYSTEM LISTEN` for that. It would let anybody close the
//!   port again, so the HTTP handlers below make the name unreachable.
//! - A request without `X-ClickHouse-User` is always `reader`, whatever the query string says: SELECT on one database and on
//!   `system`, bounded in time and memory.
//! - A request with that header logs in as `reader` or `vitalscope`; any other name, and basic authentication, is refused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Error, WRITER};

/// An anonymous query may run this long and use this much: the dashboard's own queries need far less.
const READER_MAX_SECONDS: u32 = 60;
const READER_MAX_BYTES: u64 = 2_000_000_000;

/// The server refuses to write when less than this is free. It must stop before the disk is full: a merge that runs out of space
/// has left a part whose index could not be read any more (found by the fault run). Twice what the spool leaves free, so that
/// beacons still find a place when the server has stopped.
const KEEP_FREE_BYTES: u64 = 256 * 1024 * 1024;

/// Writes both files with mode 0600 and returns the path of the main one.
pub fn write(folder: &Path, database: &str, password: &str) -> Result<PathBuf, Error> {
    let users = folder.join("users.xml");
    write_private(&users, &users_file(database, password))?;
    let config = folder.join("config.xml");
    write_private(&config, &config_file(&users))?;
    Ok(config)
}

/// A file that only its owner may read, replaced in one step.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let draft = path.with_extension("draft");
    // A left-over draft may have another mode.
    let _ = fs::remove_file(&draft);
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(Error::io(path))
}

fn users_file(database: &str, password: &str) -> String {
    let database = quote(database);
    format!(
        "<clickhouse>
 <profiles>
  <default/>
  <reader><readonly>2</readonly><max_execution_time>{READER_MAX_SECONDS}</max_execution_time><max_memory_usage>{READER_MAX_BYTES}</max_memory_usage></reader>
 </profiles>
 <quotas><default/></quotas>
 <users>
  <default><no_password/><networks><ip>::1</ip></networks><profile>default</profile><quota>default</quota><grants>
   <query>GRANT SYSTEM LISTEN ON *.*</query></grants></default>
  <reader><no_password/><networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota><grants>
   <query>GRANT SELECT ON `{database}`.*</query><query>GRANT SELECT ON system.*</query><query>GRANT SHOW ON *.*</query></grants></reader>
  <{WRITER}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></{WRITER}>
 </users>
</clickhouse>
"
    )
}

fn config_file(users: &Path) -> String {
    let users = quote(&users.display().to_string());
    let handler = "<type>dynamic_query_handler</type><query_param_name>query</query_param_name>";
    format!(
        "<clickhouse>
 <users_config>{users}</users_config>
 <storage_configuration><disks><default><keep_free_space_bytes>{KEEP_FREE_BYTES}</keep_free_space_bytes></default></disks></storage_configuration>
 <http_handlers>
  <rule><headers><X-ClickHouse-User>regex:({WRITER}|reader)</X-ClickHouse-User></headers><handler>{handler}</handler></rule>
  <rule><url>/</url><methods>POST</methods><handler>{handler}<user>reader</user></handler></rule>
  <rule><url>regex:^/(\\?.*)?$</url><handler>{handler}<user>reader</user></handler></rule>
  <defaults/>
 </http_handlers>
</clickhouse>
"
    )
}

/// Text inside an XML element.
fn quote(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
