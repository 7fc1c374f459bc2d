//! The certificate that a listener shows: read from two PEM files, and read again when they change, so that renewing it needs no
//! restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::sleep;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error as TlsError, InconsistentKeys};
use tracing::{error, info, warn};

use super::{provider, validity};
use crate::clock;
use crate::shutdown::{Shutdown, requested};

/// How often the files are looked at: a few kilobytes, and whoever renews waits no longer than this for it.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Renewal tools renew weeks before the end. With less than this left, theirs does not work.
const WARN_DAYS: i64 = 7;
const DAY_S: i64 = 24 * 3600;
/// A warning each day is read; one each minute is filtered out.
const WARN_INTERVAL_MS: u64 = 24 * 3600 * 1000;

/// Why the files are no certificate. Each text names the key of the configuration to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("{key} = \"{}\" cannot be read: {reason}", path.display())]
    Read {
        key: String,
        path: PathBuf,
        reason: String,
    },
    #[error("{key} = \"{}\" holds no {what} in PEM form (a block that begins with -----BEGIN)", path.display())]
    Empty {
        key: String,
        path: PathBuf,
        what: &'static str,
    },
    #[error(
        "{section}.tls_key does not belong to {section}.tls_certificate: both must come from one renewal"
    )]
    Mismatch { section: &'static str },
    #[error("{section}.tls_certificate and {section}.tls_key cannot be used: {reason}")]
    Unusable {
        section: &'static str,
        reason: String,
    },
}

/// The current certificate of one listener.
#[derive(Debug)]
pub struct Certificate {
    /// `public` or `private`.
    section: &'static str,
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Loaded>,
    /// What was last wrong with the files, so that it is said once.
    failure: Mutex<Option<LoadError>>,
}

#[derive(Debug)]
struct Loaded {
    /// As read, to see whether the files have changed: a renewal may keep length and time stamp, but not this.
    pem: [Vec<u8>; 2],
    certified: Arc<CertifiedKey>,
    not_after_s: i64,
}

impl Certificate {
    /// Reads both files. An expired certificate is shown all the same, with a warning: some clients do not look.
    ///
    /// # Errors
    /// A file is missing or holds something else, or key and certificate are not a pair.
    pub fn load(
        section: &'static str,
        certificate: &Path,
        key: &Path,
    ) -> Result<Certificate, LoadError> {
        let current = load(section, certificate, key)?;
        let certificate = Certificate {
            section,
            certificate: certificate.into(),
            key: key.into(),
            current: RwLock::new(current),
            failure: Mutex::default(),
        };
        certificate.warn_of_end();
        Ok(certificate)
    }

    /// Takes up what the files hold now; true when it is something new.
    ///
    /// # Errors
    /// As [`Certificate::load`]; the certificate before stays in use.
    pub fn reload(&self) -> Result<bool, LoadError> {
        let fresh = load(self.section, &self.certificate, &self.key)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = current.pem != fresh.pem;
        if changed {
            *current = fresh;
        }
        Ok(changed)
    }

    /// [`Certificate::reload`], with what came of it in the log.
    pub fn reload_and_log(&self) {
        let outcome = self.reload();
        let section = self.section;
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(changed) => {
                *failure = None;
                if changed {
                    let not_after = moment(self.not_after_s());
                    info!(section, not_after, "a new certificate is in use");
                }
            }
            Err(error) if failure.as_ref() != Some(&error) => {
                warn!(%error, "the certificate before stays in use");
                *failure = Some(error);
            }
            Err(_) => {}
        }
    }

    /// Looks at the files every minute until the end.
    pub async fn watch(self: Arc<Certificate>, mut shutdown: Shutdown) {
        let mut warned_ms = clock::now_ms();
        loop {
            tokio::select! {
                () = sleep(LOOK_INTERVAL) => {}
                () = requested(&mut shutdown) => return,
            }
            self.reload_and_log();
            if clock::now_ms().saturating_sub(warned_ms) > WARN_INTERVAL_MS {
                warned_ms = clock::now_ms();
                self.warn_of_end();
            }
        }
    }

    /// End of its validity, in seconds since the epoch.
    pub fn not_after_s(&self) -> i64 {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.not_after_s
    }

    fn warn_of_end(&self) {
        let left_s = self.not_after_s() - (clock::now_ms() / 1000) as i64;
        let (section, not_after) = (self.section, moment(self.not_after_s()));
        if left_s <= 0 {
            error!(
                section,
                not_after, "the certificate has expired: browsers refuse it, and beacons are lost"
            );
        } else if left_s < WARN_DAYS * DAY_S {
            warn!(section, not_after, "the certificate ends soon: renew it");
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(current.certified.clone())
    }
}

fn load(section: &'static str, certificate: &Path, key: &Path) -> Result<Loaded, LoadError> {
    let certificate_key = format!("{section}.tls_certificate");
    let key_key = format!("{section}.tls_key");
    let pem = [read(&certificate_key, certificate)?, read(&key_key, key)?];
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem[0])
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    let Some(not_after_s) = chain.first().and_then(|first| validity::not_after_s(first)) else {
        return Err(LoadError::Empty {
            key: certificate_key,
            path: certificate.into(),
            what: "certificate",
        });
    };
    let private = PrivateKeyDer::from_pem_slice(&pem[1]).map_err(|_| LoadError::Empty {
        key: key_key,
        path: key.into(),
        what: "private key",
    })?;
    let certified = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
        if error == TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) {
            return LoadError::Mismatch { section };
        }
        let reason = error.to_string();
        LoadError::Unusable { section, reason }
    })?;
    Ok(Loaded {
        pem,
        certified: Arc::new(certified),
        not_after_s,
    })
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|error| LoadError::Read {
        key: key.into(),
        path: path.into(),
        reason: error.to_string(),
    })
}

/// For people: RFC 3339.
fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".into(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    struct Files {
        dir: tempfile::TempDir,
    }

    impl Files {
        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// A self-signed pair in `NAME.pem` and `NAME.key`.
        fn pair(&self, name: &str) {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap();
            fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }

        fn load(&self, certificate: &str, key: &str) -> Result<Certificate, LoadError> {
            Certificate::load("public", &self.path(certificate), &self.path(key))
        }
    }

    fn files() -> Files {
        let files = Files {
            dir: tempfile::tempdir().unwrap(),
        };
        files.pair("a");
        files.pair("b");
        files
    }

    #[test]
    fn what_is_wrong_with_the_files_is_named_by_its_key() {
        let files = files();
        assert!(files.load("a.pem", "a.key").is_ok());
        fs::write(files.path("text"), "hello").unwrap();
        for (certificate, key, said) in [
            ("none.pem", "a.key", "public.tls_certificate"),
            ("a.pem", "none.key", "public.tls_key"),
            ("text", "a.key", "public.tls_certificate"),
            ("a.pem", "text", "holds no private key"),
            ("a.key", "a.key", "holds no certificate"),
            ("a.pem", "b.key", "does not belong"),
        ] {
            let error = files.load(certificate, key).expect_err(said).to_string();
            assert!(error.contains(said), "{certificate} {key}: {error}");
        }
    }

    #[test]
    fn new_files_are_taken_up_and_broken_ones_are_not() {
        let files = files();
        let certificate = files.load("a.pem", "a.key").unwrap();
        let shown = || certificate.current.read().unwrap().certified.cert[0].clone();
        let first = shown();
        assert_eq!(certificate.reload(), Ok(false));
        // Half of a renewal: the certificate is new, its key not there yet.
        fs::copy(files.path("b.pem"), files.path("a.pem")).unwrap();
        let section = "public";
        assert_eq!(certificate.reload(), Err(LoadError::Mismatch { section }));
        assert_eq!(shown(), first);
        fs::copy(files.path("b.key"), files.path("a.key")).unwrap();
        assert_eq!(certificate.reload(), Ok(true));
        assert_ne!(shown(), first);
    }
}
