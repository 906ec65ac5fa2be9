//! Where accepted readings go.

use async_trait::async_trait;

use crate::{
    check::Following,
    evidence::Evidence,
    reading::{Chain, Signed},
};

/// A store of readings.
///
/// One caller appends; reads may come from anywhere at the same time. The store may fail at any moment, and may have kept
/// what it did not confirm: the caller asks for the newest reading again after an error.
#[async_trait] // the ledger holds `Arc<dyn Sink>`
pub trait Sink: Send + Sync + 'static {
    /// Keeps all readings or none, in this order; they survive a power cut once this returns.
    async fn append(&self, readings: &[Following], now: u64) -> Result<(), SinkError>;

    /// The newest reading of a chain.
    async fn last(&self, chain: Chain) -> Result<Option<Signed>, SinkError>;

    /// The reading of a number.
    async fn reading(&self, chain: Chain, sequence: u64) -> Result<Option<Signed>, SinkError>;

    /// Keeps what a device shows against itself; may be repeated.
    async fn accuse(&self, evidence: &Evidence, now: u64) -> Result<(), SinkError>;
}

/// A store does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// No space left, on the disk or of the size it may have.
    #[error(
        "no space left for readings while {doing}: free some, or raise the archive's largest size; nothing was lost"
    )]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// A stored value cannot be read back.
    #[error("a stored {what} cannot be read: the archive is damaged, restore a backup")]
    Damaged {
        /// Which value.
        what: &'static str,
    },
    /// A newer version has used the file.
    #[error("a newer version has used this archive: run that version, or move the file away")]
    NewerSchema,
    /// Anything else the database says.
    #[error("the archive failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
}

impl SinkError {
    /// Its name in refusals and metrics; kept.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "archive_full",
            Self::Damaged { .. } => "archive_damaged",
            Self::NewerSchema | Self::Database { .. } => "archive_failed",
        }
    }

    pub(crate) fn of(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| {
            let code = source
                .as_database_error()
                .and_then(|e| e.code()?.parse::<u32>().ok());
            // The low byte is the primary result code, https://sqlite.org/rescode.html.
            match code.map(|code| code & 0xff) {
                Some(SQLITE_FULL) => Self::Full { doing },
                _ => Self::Database { doing, source },
            }
        }
    }

    pub(crate) fn of_migration(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as E;
        match error {
            E::Execute(source) | E::ExecuteMigration(source, _) => {
                Self::of("making its tables")(source)
            }
            _ => Self::NewerSchema,
        }
    }
}

const SQLITE_FULL: u32 = 13;
