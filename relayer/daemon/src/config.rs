//! Configuration: one TOML file, environment on top, checked into [`Config`] before anything starts.
//!
//! `defaults <- file <- environment`: `CAUSEWAY_API__LISTEN=127.0.0.1:9000` sets `listen` of `[api]`. Without a file the
//! embedded `config/local.toml` is used. Every key is explained in `config/full.toml`. Secrets are never values here:
//! keys name a file, or an environment variable, that holds them.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};

mod check;
mod error;
pub mod raw;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use check::asset;
pub use error::ConfigError;
pub use types::{
    Account, Api, Chain, Config, ElectionAt, EventLog, Evm, Hosted, Offer, OfferAsset, Oracle,
    OracleFeed, OracleMqtt, OracleOperator, PasswordSource, Peg, PegEnd, Profile, Rpc, Settlement,
    Tls, Transfers, Validator,
};

/// Name of the peg that the local profile makes.
pub const POINTS_PEG: &str = "points";

/// The profile used without a file.
pub const LOCAL: &str = include_str!("../../../config/local.toml");
/// A node of its own on its own host.
pub const NODE: &str = include_str!("../../../config/node.toml");
/// A hosted consortium chain and an external chain.
pub const EXTERNAL: &str = include_str!("../../../config/external.toml");
/// Every key with its meaning, default and the cost of changing it.
pub const FULL: &str = include_str!("../../../config/full.toml");

/// Variables of the same prefix that are arguments of the command line and no keys.
const NOT_KEYS: [&str; 6] = [
    "config",
    "crash_at",
    "api_url",
    "client_certificate",
    "client_key",
    "client_ca",
];

/// Where configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file; the embedded local profile without one.
    pub file: Option<PathBuf>,
    /// Put over whatever the file says.
    pub data_dir: Option<PathBuf>,
    /// What is to be started.
    pub purpose: Purpose,
}

/// What a configuration is for; decides which keys are required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The whole daemon.
    #[default]
    Daemon,
    /// Validators alone: no API, no transfers.
    Node,
}

/// Reads and checks the configuration.
///
/// # Errors
/// [`ConfigError`] names the key, what it is, and what to do.
pub fn load(source: &Source) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(raw::Raw::default()));
    let base = match &source.file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|io| ConfigError::Unreadable {
                path: path.clone(),
                source: io,
            })?;
            figment = figment.merge(Toml::string(&text));
            path.parent().map(Path::to_path_buf).unwrap_or_default()
        }
        None => {
            figment = figment.merge(Toml::string(LOCAL));
            PathBuf::new()
        }
    };
    let mut raw = extract(figment.merge(environment()), source.file.as_deref())?;
    let base = absolute(&base);
    if let Some(dir) = &source.data_dir {
        // An argument is relative to where the command runs, a key to its file.
        raw.data_dir = absolute(dir);
    }
    check::check(raw, &base, source.purpose)
}

/// Reads and checks configuration from text, as `config check` and the tests do. No environment.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, base: &Path, purpose: Purpose) -> Result<Config, ConfigError> {
    let figment =
        Figment::from(Serialized::defaults(raw::Raw::default())).merge(Toml::string(text));
    check::check(extract(figment, None)?, base, purpose)
}

fn environment() -> Env {
    Env::prefixed("CAUSEWAY_").ignore(&NOT_KEYS).split("__")
}

fn extract(figment: Figment, file: Option<&Path>) -> Result<raw::Raw, ConfigError> {
    figment.extract().map_err(|source| ConfigError::Malformed {
        file: file.map_or_else(|| "(embedded)".into(), Path::to_path_buf),
        source: Box::new(source),
    })
}

/// Makes a path absolute without asking that it exists.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
