//! A configuration with its types: what starts a server, and what changes a running one. It never says where a value
//! came from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ringway_dataplane::{
    AllowList, AuditOptions, CpuList, Driver, Fsync, IoOptions, LogFormat, LogOptions, LogOutput, OnFailure, Options,
    Policy, TlsOptions,
};
use tracing::level_filters::LevelFilter;

use super::secret::Secret;
use super::state_key::StateKey;

/// Every value that can be configured. Its default is the default of each key.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Settings {
    pub profile: Option<String>,
    pub listen: SocketAddr,
    pub admin_listen: Option<SocketAddr>,
    pub shards: Option<usize>,
    pub cpus: Option<CpuList>,
    pub io: Io,
    pub tls: TlsSettings,
    pub allow_hosts: Vec<String>,
    pub allow_origins: Vec<String>,
    pub state_key: Option<StateKey>,
    pub policy: Policy,
    pub log: Log,
    pub access_log_file: Option<PathBuf>,
    pub auth: Auth,
    pub access: AccessSettings,
    pub audit: Audit,
    pub reload: Reload,
}

/// How callers are known.
#[derive(Clone)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Auth {
    pub mode: String,
    pub jwt_secret: Option<Secret>,
    pub jwt_key_id: Option<String>,
    pub jwt_algorithm: String,
    pub jwks_file: Option<PathBuf>,
    pub jwks_url: Option<String>,
    pub jwks_refresh: Duration,
    pub issuers: Vec<String>,
    pub audiences: Vec<String>,
    pub keys_file: Option<PathBuf>,
    pub client_certificates: bool,
    pub client_certificate_scopes: Vec<String>,
    pub scopes: Vec<String>,
    pub resource: Option<String>,
    pub authorization_servers: Vec<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whatever is added here is not shown until somebody says that it is no secret.
        f.debug_struct("Auth").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// From where callers may call, and what they may have.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct AccessSettings {
    pub addresses: Option<Vec<String>>,
    pub proxies: Option<Vec<String>>,
    pub proxy_protocol: String,
    pub rules_file: Option<PathBuf>,
    pub default: String,
}

/// The audit log.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Audit {
    pub folder: Option<PathBuf>,
    pub fsync: String,
    pub fsync_every: Duration,
    pub on_failure: String,
    pub rotate_bytes: u64,
    pub keep_files: usize,
}

/// How client sockets are driven.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Io {
    pub driver: String,
    pub receive_bytes: u64,
}

/// TLS of the MCP listener.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct TlsSettings {
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub certificates: Vec<String>,
    pub client_ca: Option<PathBuf>,
    pub client_auth: String,
    pub min_version: String,
    pub handshake_time_max: Duration,
    pub handshakes_max: usize,
}

/// The log of state changes.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Log {
    pub level: String,
    pub format: String,
    pub file: Option<PathBuf>,
}

/// How a changed file is noticed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a key, and the table of keys says what it is")]
pub struct Reload {
    pub watch: bool,
    pub check_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let options = Options::default();
        Settings {
            profile: None,
            listen: options.listen,
            admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9990))),
            shards: options.shards,
            cpus: options.cpus,
            io: Io { driver: "auto".into(), receive_bytes: options.io.receive_bytes },
            tls: {
                let TlsOptions { handshake_time_max, handshakes_max, .. } = TlsOptions::default();
                TlsSettings {
                    certificate: None,
                    key: None,
                    certificates: Vec::new(),
                    client_ca: None,
                    client_auth: "none".into(),
                    min_version: "1.2".into(),
                    handshake_time_max,
                    handshakes_max,
                }
            },
            allow_hosts: Vec::new(),
            allow_origins: Vec::new(),
            state_key: None,
            policy: options.policy,
            log: Log { level: "info".into(), format: "auto".into(), file: None },
            access_log_file: None,
            auth: Auth {
                mode: "auto".into(),
                jwt_secret: None,
                jwt_key_id: None,
                jwt_algorithm: "HS256".into(),
                jwks_file: None,
                jwks_url: None,
                jwks_refresh: Duration::from_secs(300),
                issuers: Vec::new(),
                audiences: Vec::new(),
                keys_file: None,
                client_certificates: false,
                client_certificate_scopes: Vec::new(),
                scopes: Vec::new(),
                resource: None,
                authorization_servers: Vec::new(),
            },
            audit: {
                let AuditOptions { rotate_bytes, keep_files, .. } = AuditOptions::default();
                Audit {
                    folder: None,
                    fsync: "interval".into(),
                    fsync_every: Duration::from_secs(1),
                    on_failure: "refuse-writes".into(),
                    rotate_bytes,
                    keep_files,
                }
            },
            access: AccessSettings {
                addresses: None,
                proxies: None,
                proxy_protocol: "off".into(),
                rules_file: None,
                default: "allow".into(),
            },
            // A key that is revoked is refused within a second, in which its file is noticed, settles and is read.
            reload: Reload { watch: true, check_every: Duration::from_millis(500) },
        }
    }
}

impl Settings {
    /// What starts a server.
    pub fn options(&self) -> Options {
        Options {
            listen: self.listen,
            admin_listen: self.admin_listen,
            shards: self.shards,
            cpus: self.cpus.clone(),
            io: self.io_options(),
            policy: self.policy(),
            state_key: self.state_key.as_ref().map(|key| key.0),
            ..Options::default()
        }
    }

    fn io_options(&self) -> IoOptions {
        let driver = match self.io.driver.as_str() {
            "ring" => Driver::Ring,
            "glommio" => Driver::Glommio,
            word => {
                debug_assert_eq!(word, "auto", "its words are those of its key");
                Driver::Auto
            }
        };
        IoOptions { driver, receive_bytes: self.io.receive_bytes }
    }

    /// How the audit log is kept, where one is.
    pub fn audit_options(&self) -> Option<AuditOptions> {
        let audit = &self.audit;
        Some(AuditOptions {
            folder: audit.folder.clone()?,
            rotate_bytes: audit.rotate_bytes,
            keep_files: audit.keep_files,
            fsync: match audit.fsync.as_str() {
                "always" => Fsync::Always,
                "never" => Fsync::Never,
                word => {
                    debug_assert_eq!(word, "interval", "its words are those of its key");
                    Fsync::Interval(audit.fsync_every)
                }
            },
            on_failure: match audit.on_failure.as_str() {
                "refuse-all" => OnFailure::RefuseAll,
                "serve" => OnFailure::Serve,
                word => {
                    debug_assert_eq!(word, "refuse-writes", "its words are those of its key");
                    OnFailure::RefuseWrites
                }
            },
            program: format!("ringway {}", env!("CARGO_PKG_VERSION")),
            ..AuditOptions::default()
        })
    }

    /// The level from which state changes are logged.
    pub fn log_level(&self) -> LevelFilter {
        let level = self.log.level.parse();
        debug_assert!(level.is_ok(), "its words are those of LevelFilter");
        level.unwrap_or(LevelFilter::INFO)
    }

    /// Where logs go and how they look; `is_terminal` is whether standard error is one.
    pub fn log_options(&self, is_terminal: bool) -> LogOptions {
        let file = |path: &Option<PathBuf>| path.clone().map(LogOutput::File);
        let state = file(&self.log.file).unwrap_or_default();
        let pretty = match self.log.format.as_str() {
            "pretty" => true,
            "auto" => is_terminal && state == LogOutput::Stderr,
            _ => false,
        };
        let access_format = if pretty { LogFormat::Pretty } else { LogFormat::Json };
        LogOptions { access: file(&self.access_log_file).unwrap_or_else(|| state.clone()), state, access_format }
    }

    /// What changes a running one.
    pub fn policy(&self) -> Policy {
        let mut allowed = AllowList::loopback();
        let hosts = self.allow_hosts.iter().map(|host| allowed.allow_host(host)).all(|added| added.is_ok());
        let origins = self.allow_origins.iter().map(|origin| allowed.allow_origin(origin)).all(|added| added.is_ok());
        debug_assert!(hosts && origins, "their kinds tried the same");
        Policy { allowed, ..self.policy.clone() }
    }
}
