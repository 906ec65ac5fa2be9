//! What the daemon remembers: transfers, their history, orders, facts of the chains, sealed secrets.
//!
//! One SQLite file. Everything that belongs to one transition is one [`Change`], written in one transaction before
//! anything is done about it (V7). Queries are checked at run time: compile-time checks would need a database, or
//! committed query data, on every machine that builds.
//!
//! What never happens here: a secret of ours or a signed transaction in plain text; a transition that is half written.

mod alarms;
mod change;
mod crossing;
mod error;
mod fault;
mod feed;
mod log;
mod oracle;
mod orders;
mod query;
mod reads;
mod relay;
mod rewards;
mod rows;
mod seal;
mod sealed;
mod stream;
mod supply;

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use alarms::{AlarmRow, AlarmState, DeliveryRow};
pub use change::{Change, Committed, Creation, Decision, EventKey, Fact, OrderChange, StepWrite};
pub use crossing::{
    CrossingChange, CrossingCursor, CrossingFact, CrossingKey, CrossingRow, CrossingStep,
    CrossingWrite, EffectChange, EffectId, EffectRow, Listed, ProofRow, Waits,
};
pub use error::StoreError;
pub use fault::{Edge, FaultPoint, Faults, OnFault, PersistPoint};
pub use feed::{FeedRead, FeedRow, OperatorRow, OperatorWrite};
pub use log::{
    Anchored, HeadRow, Heads, LogFilter, LogPage, LogRow, NewEntry, RawRow, SegmentRow, segment_of,
};
pub use oracle::{DeviceRow, OracleRead};
pub use query::WINDOW;
pub use relay::{
    ItemRow, LaneRow, MessageNews, MessageRow, OpenMessages, Reading, RelayFact, SaidRow, TakenIn,
};
pub use rewards::RewardRow;
pub use rows::{
    Allowed, CursorPath, Kind, KnownLock, OrderId, OrderRow, OrderStatus, Record, RecordKey,
    RelayCall, TransitionRow, TxRow, Work,
};
pub use seal::StoreKey;
pub use sealed::{Kept, MAX_SEALED_FILES};
pub use stream::{StreamRow, Streamed};
pub use supply::{StatementRow, SupplyFact, SupplyRead};

/// The database of one daemon. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Store {
    pool: SqlitePool,
    seal: seal::Seal,
    faults: Faults,
}

impl Store {
    /// Opens the database at `path`, making it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::ConfigWrongKey`] when it was made with another key, [`StoreError::Corrupt`] when the file is
    /// damaged, [`StoreError::ConfigNewerSchema`] when a newer daemon has used it.
    pub async fn open(path: &Path, key: StoreKey) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options);
        let pool = pool
            .await
            .map_err(|e| StoreError::from_sqlx("opening the database", e))?;
        let store = Self {
            pool,
            seal: seal::Seal::new(key),
            faults: Faults::none(),
        };
        store.check_file().await?;
        let migrated = sqlx::migrate!("./migrations").run(&store.pool).await;
        migrated.map_err(StoreError::from_migration)?;
        store.check_key().await?;
        Ok(store)
    }

    /// Makes every persist point run through `faults`. Only crash tests do this.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Closes every connection; what was committed is on disk.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn check_file(&self) -> Result<(), StoreError> {
        let doing = "checking the database file";
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx(doing, e))?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(StoreError::Corrupt {
                doing,
                detail: verdict,
            })
        }
    }

    async fn check_key(&self) -> Result<(), StoreError> {
        let doing = "checking the key of the database";
        let found: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT key_check FROM identity WHERE only = 1")
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx(doing, e))?;
        if let Some(sealed) = found {
            return self
                .seal
                .open(KEY_CHECK, &sealed)
                .map(drop)
                .map_err(|_| StoreError::ConfigWrongKey);
        }
        let sealed = self.seal.seal(KEY_CHECK, KEY_CHECK)?;
        sqlx::query("INSERT INTO identity (only, key_check) VALUES (1, ?)")
            .bind(sealed)
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx(doing, e))?;
        Ok(())
    }
}

const BUSY: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 4;
const KEY_CHECK: &[u8] = b"causeway store key v1";

#[cfg(test)]
mod tests;
