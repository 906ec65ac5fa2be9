//! Reading back.

use alloy_primitives::B256;
use causeway_adapter_api::{ChainId, Hashlock, Height, LockId, Preimage};
use causeway_core::swap::{Seen, Stored, TransferId};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    rows::{self, CursorPath, Kind, KnownLock, Record, RecordKey, TransitionRow},
};

impl Store {
    /// One transfer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn record(&self, key: RecordKey) -> Result<Record, StoreError> {
        let found = sqlx::query("SELECT * FROM transfers WHERE id = ? AND role = ?")
            .bind(key.id.to_string())
            .bind(key.role.name())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a transfer", e))?;
        found.as_ref().map_or_else(
            || {
                Err(StoreError::NotFound {
                    key: key.to_string(),
                })
            },
            record,
        )
    }

    /// Every part we have in one transfer.
    pub async fn records_of(&self, id: TransferId) -> Result<Vec<Record>, StoreError> {
        let found = sqlx::query("SELECT * FROM transfers WHERE id = ? ORDER BY role")
            .bind(id.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a transfer", e))?;
        found.iter().map(record).collect()
    }

    /// Transfers, newest first.
    pub async fn list(&self, limit: u32, offset: u32) -> Result<Vec<Record>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM transfers ORDER BY created_at DESC, id, role LIMIT ? OFFSET ?",
        )
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("listing transfers", e))?;
        found.iter().map(record).collect()
    }

    /// Refuses when a chain once took back what was final.
    ///
    /// # Errors
    /// [`StoreError::Halted`].
    pub async fn check_not_halted(&self) -> Result<(), StoreError> {
        let found: Option<String> = sqlx::query_scalar("SELECT detail FROM halts LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading whether a chain changed", e))?;
        found.map_or(Ok(()), |detail| Err(StoreError::Halted(detail)))
    }

    /// Transfers that have not ended.
    pub async fn open_records(&self) -> Result<Vec<Record>, StoreError> {
        let found =
            sqlx::query("SELECT * FROM transfers WHERE ended = 0 ORDER BY created_at, id, role")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading open transfers", e))?;
        found.iter().map(record).collect()
    }

    /// The history of one transfer, oldest first.
    pub async fn history(&self, key: RecordKey) -> Result<Vec<TransitionRow>, StoreError> {
        let found = sqlx::query(
            "SELECT seq, event, effects, stage, at FROM transitions WHERE transfer = ? AND role = ? ORDER BY seq",
        )
        .bind(key.id.to_string())
        .bind(key.role.name())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a history", e))?;
        found.iter().map(|row| transition(key, row)).collect()
    }

    /// The secret of one of our transfers.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not ours.
    pub async fn secret(&self, id: TransferId) -> Result<Preimage, StoreError> {
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM secrets WHERE transfer = ?")
                .bind(id.to_string())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading a secret", e))?;
        let sealed = sealed.ok_or_else(|| StoreError::NotFound {
            key: id.to_string(),
        })?;
        let plain = self.seal.open(id.0.as_slice(), &sealed)?;
        let bytes = plain
            .as_slice()
            .try_into()
            .map_err(|_| rows::unreadable("secret", "not 32 bytes"))?;
        Ok(Preimage::new(bytes))
    }

    /// The next height to read, `None` when the chain was never read by this path.
    pub async fn cursor(
        &self,
        chain: ChainId,
        path: CursorPath,
    ) -> Result<Option<Height>, StoreError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT next_height FROM cursors WHERE chain = ? AND path = ?")
                .bind(rows::chain(chain))
                .bind(path.name())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading a cursor", e))?;
        Ok(found.map(|height| Height(rows::unsigned(height))))
    }

    /// The hash of a known lock.
    pub async fn hashlock_of(
        &self,
        chain: ChainId,
        id: LockId,
    ) -> Result<Option<Hashlock>, StoreError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT hashlock FROM locks WHERE chain = ? AND lock_id = ?")
                .bind(rows::chain(chain))
                .bind(id.to_string())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading a lock", e))?;
        found
            .map(|text| rows::parse("hash lock", &text).map(Hashlock))
            .transpose()
    }

    /// Every lock under one hash, oldest first on each chain.
    pub async fn locks_of(&self, hashlock: Hashlock) -> Result<Vec<KnownLock>, StoreError> {
        let found = sqlx::query("SELECT * FROM locks WHERE hashlock = ? ORDER BY height, rowid")
            .bind(hashlock.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading locks", e))?;
        found.iter().map(known).collect()
    }

    /// Open locks about which nothing was decided yet, oldest first, at most `limit`.
    pub async fn undecided(&self, limit: u32) -> Result<Vec<KnownLock>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM locks WHERE decided = 0 AND fate = 'open' ORDER BY rowid LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading new locks", e))?;
        found.iter().map(known).collect()
    }

    /// Locks that asked for an answer and were refused, newest first, with the reason.
    pub async fn refused(&self, limit: u32) -> Result<Vec<KnownLock>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM locks WHERE refusal IS NOT NULL ORDER BY rowid DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading refused locks", e))?;
        found.iter().map(known).collect()
    }

    /// Adds a measurement and forgets those beyond the newest [`WINDOW`].
    pub async fn measured(&self, chain: ChainId, kind: Kind, ms: u64) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("storing a measurement", e);
        self.faults.alive()?;
        let done = sqlx::query("INSERT INTO measurements (chain, kind, ms) VALUES (?, ?, ?)")
            .bind(rows::chain(chain))
            .bind(kind.name())
            .bind(rows::signed(ms))
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        if done.last_insert_rowid() % 64 != 0 {
            return Ok(());
        }
        sqlx::query(
            "DELETE FROM measurements WHERE chain = ?1 AND kind = ?2 AND id < \
             (SELECT min(id) FROM (SELECT id FROM measurements WHERE chain = ?1 AND kind = ?2 \
              ORDER BY id DESC LIMIT ?3))",
        )
        .bind(rows::chain(chain))
        .bind(kind.name())
        .bind(WINDOW)
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    /// The newest measurements, at most [`WINDOW`].
    pub async fn measurements(&self, chain: ChainId, kind: Kind) -> Result<Vec<u64>, StoreError> {
        let found: Vec<i64> = sqlx::query_scalar(
            "SELECT ms FROM measurements WHERE chain = ? AND kind = ? ORDER BY id DESC LIMIT ?",
        )
        .bind(rows::chain(chain))
        .bind(kind.name())
        .bind(WINDOW)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading measurements", e))?;
        Ok(found.into_iter().map(rows::unsigned).collect())
    }
}

/// Measurements over which a percentile is taken.
pub const WINDOW: u32 = 2_000;

pub(super) fn record(row: &SqliteRow) -> Result<Record, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a transfer", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    Ok(Record {
        key: rows::key(text("id")?, text("role")?)?,
        state: rows::from_json::<Stored>("state", text("state")?)?.into(),
        revision: number("revision")?,
        created_at: number("created_at")?,
        updated_at: number("updated_at")?,
    })
}

pub(super) fn transition(key: RecordKey, row: &SqliteRow) -> Result<TransitionRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a history", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    Ok(TransitionRow {
        key,
        seq: number("seq")?,
        event: rows::from_json("event", text("event")?)?,
        effects: rows::from_json("effects", text("effects")?)?,
        stage: text("stage")?.to_owned(),
        at: number("at")?,
    })
}

fn known(row: &SqliteRow) -> Result<KnownLock, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a lock", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let maybe = |column: &str| row.try_get::<Option<&str>, _>(column).map_err(failed);
    let chain: i64 = row.try_get("chain").map_err(failed)?;
    let id = LockId(rows::parse("lock id", text("lock_id")?)?);
    let lock = rows::from_json("lock", text("lock")?)?;
    Ok(KnownLock {
        seen: Seen {
            chain: ChainId(rows::unsigned(chain)),
            id,
            lock,
        },
        wanted: maybe("wanted")?
            .map(|text| rows::from_json("memo", text))
            .transpose()?,
        fate: rows::fate(text("fate")?)?,
        preimage: maybe("preimage")?
            .map(|text| rows::parse::<B256>("preimage", text))
            .transpose()?,
        refusal: maybe("refusal")?.map(str::to_owned),
    })
}
