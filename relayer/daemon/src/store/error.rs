//! What goes wrong with the database, and what to do about it.

use alloy_primitives::B256;
use causeway_adapter_api::{ChainId, Height};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space left.
    #[error("disk full while {doing}: free some space and start again, nothing was lost")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
    },
    /// The file is damaged or is no database.
    #[error(
        "the database is damaged ({detail}), found while {doing}: move the file away and start again; \
         open transfers are found again from the chains and refunded, or restore a backup to complete them"
    )]
    Corrupt {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        detail: String,
    },
    /// Another key made this database.
    #[error("the key does not open this database: check which key file belongs to it")]
    ConfigWrongKey,
    /// A newer daemon has used this database.
    #[error("a newer version has used this database: run that version, or move the file away")]
    ConfigNewerSchema,
    /// The file may not be read or written.
    #[error(
        "the database cannot be opened or written while {doing}: check path and permissions: {detail}"
    )]
    ConfigNoAccess {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        detail: String,
    },
    /// Somebody else changed the transfer in between: another daemon uses the same database.
    #[error("transfer {key} changed in between: expected revision {expected}")]
    Conflict {
        /// Which transfer.
        key: String,
        /// The revision the change was made for.
        expected: u64,
    },
    /// A transfer of this name and role is there already.
    #[error("transfer {key} exists already")]
    Exists {
        /// Which transfer.
        key: String,
    },
    /// No such transfer.
    #[error("no transfer {key}")]
    NotFound {
        /// Which transfer.
        key: String,
    },
    /// A stored value cannot be read back.
    #[error("stored {what} cannot be read: {detail}")]
    BugUnreadable {
        /// Which value.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// A value is larger than anything that is stored.
    #[error("{what} is too large to store: at most {max} bytes, got {got}")]
    PeerOversized {
        /// Which value.
        what: &'static str,
        /// Allowed.
        max: usize,
        /// Offered.
        got: usize,
    },
    /// A final block is not what it was.
    #[error(
        "chain {chain} took back final block {height}: expected {expected}, got {got}; nothing is sent any more: \
         find out what happened to the chain, then move the database away and start again"
    )]
    ChainChanged {
        /// Which chain.
        chain: ChainId,
        /// Which height.
        height: Height,
        /// The block as it was.
        expected: B256,
        /// The block as it is said to be.
        got: B256,
    },
    /// A chain took back a final block, found in an earlier run.
    #[error("{0}")]
    Halted(String),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// A crash test stopped the process here.
    #[error("stopped at persist point {0} by a crash test")]
    Injected(String),
    /// Anything else SQLite says.
    #[error("database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Names what SQLite says.
    pub(super) fn from_sqlx(doing: &'static str, source: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &source else {
            return Self::Database { doing, source };
        };
        let detail = database.message().to_owned();
        // The low byte is the primary result code, https://sqlite.org/rescode.html.
        let code = database
            .code()
            .and_then(|code| code.parse::<u32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(SQLITE_FULL) => Self::DiskFull { doing },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Corrupt { doing, detail },
            Some(SQLITE_PERM | SQLITE_READONLY | SQLITE_CANTOPEN) => {
                Self::ConfigNoAccess { doing, detail }
            }
            _ => Self::Database { doing, source },
        }
    }

    pub(super) fn from_migration(error: sqlx::migrate::MigrateError) -> Self {
        const DOING: &str = "bringing its tables up to date";
        use sqlx::migrate::MigrateError as E;
        match error {
            E::VersionMissing(_) | E::VersionTooNew(..) | E::VersionMismatch(_) => {
                Self::ConfigNewerSchema
            }
            E::Execute(source) | E::ExecuteMigration(source, _) => Self::from_sqlx(DOING, source),
            other => Self::BugUnreadable {
                what: "schema",
                detail: other.to_string(),
            },
        }
    }
}

const SQLITE_PERM: u32 = 3;
const SQLITE_READONLY: u32 = 8;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;
