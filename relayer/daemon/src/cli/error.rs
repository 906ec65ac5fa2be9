//! What goes wrong with a command, and its exit code.

use std::io;

use causeway_adapter_hosted::host::HostFailure;

use crate::{
    api::Problem,
    config::ConfigError,
    contracts::DeployError,
    daemon::StartError,
    datadir::DataDirError,
    keys::{CaError, KeystoreError},
    local::LocalError,
    oracle::KitError,
};

/// What goes wrong with a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CliError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The daemon does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The CA.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// A device's directory.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// A genesis file.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// An argument that clap cannot check.
    #[error("{argument} is {got:?}, expected {expected}")]
    Argument {
        /// Which.
        argument: &'static str,
        /// What it is.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// No answer.
    #[error(
        "no daemon answers at {url}: start one with `causeway up`, or name its address with --api"
    )]
    Unreachable {
        /// Where it was asked.
        url: String,
        /// Why.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// No daemon runs on the data directory that was named.
    #[error(
        "no daemon runs on {}: start one with `causeway up` and the same --data-dir, or name the address of another with --api",
        data_dir.display()
    )]
    NoDaemon {
        /// As given.
        data_dir: std::path::PathBuf,
    },
    /// The daemon says no.
    #[error("{} ({}): {}; {}", .0.title, .0.status, .0.detail, .0.what_to_do)]
    Refused(Problem),
    /// A proof, key or witness.
    #[error(transparent)]
    Proof(#[from] causeway_circuits::Error),
    /// A hosted chain cannot go on.
    #[error(transparent)]
    Chain(#[from] HostFailure),
    /// It was tried and failed; the output says more.
    #[error("{0}")]
    Failed(String),
    /// A file or terminal.
    #[error("cannot go on with {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl CliError {
    /// The documented exit code.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Argument { .. } => 2,
            Self::Config(_)
            | Self::Keystore(_)
            | Self::Ca(_)
            | Self::Kit(_)
            | Self::Local(_)
            | Self::Start(_) => 3,
            Self::Unreachable { .. } | Self::NoDaemon { .. } => 4,
            Self::Refused(_) => 5,
            Self::Chain(_) | Self::Failed(_) | Self::Io { .. } | Self::Proof(_) => 1,
        }
    }
}

impl From<DataDirError> for CliError {
    fn from(error: DataDirError) -> Self {
        Self::Start(error.into())
    }
}

impl From<DeployError> for CliError {
    fn from(error: DeployError) -> Self {
        Self::Start(error.into())
    }
}
