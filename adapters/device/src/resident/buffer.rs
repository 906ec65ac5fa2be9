//! Signed readings on the device's disk, oldest first out.

use std::path::Path;

use alloy_primitives::B256;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

use crate::reading::{Body, Chain, Signed};

/// The buffer does not work, or is not this device's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BufferError {
    /// The database failed.
    #[error("the buffer on disk failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables cannot be made.
    #[error("the buffer's tables cannot be made: was it used by a newer version?")]
    Schema(#[source] Box<sqlx::migrate::MigrateError>),
    /// A row is none.
    #[error(
        "the buffer is damaged: a stored reading cannot be read; rekey the device and begin with a new file"
    )]
    Damaged,
    /// It holds unsent readings of another chain.
    #[error(
        "the buffer holds {pending} unsent readings of another device, feed or key: send those first, or use another file"
    )]
    OtherChain {
        /// How many.
        pending: u64,
    },
}

/// A bounded queue in one SQLite file.
#[derive(Debug)]
pub struct Buffer {
    pool: SqlitePool,
    max: u64,
}

impl Buffer {
    /// Opens the file, making it where there is none. At most `max` readings wait in it.
    ///
    /// # Errors
    /// See [`BufferError`].
    pub async fn open(path: &Path, max: u64) -> Result<Self, BufferError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await;
        let pool = pool.map_err(failed("opening it"))?;
        let migrated = sqlx::migrate!("migrations/buffer").run(&pool).await;
        migrated.map_err(|e| BufferError::Schema(Box::new(e)))?;
        Ok(Self { pool, max })
    }

    /// Refuses a file with unsent readings of another chain.
    pub(super) async fn belongs_to(&self, chain: Chain) -> Result<(), BufferError> {
        let pending = self.count().await?;
        let same = self
            .newest()
            .await?
            .is_none_or(|body| chain_of(&body) == chain);
        if same || pending == 0 {
            Ok(())
        } else {
            Err(BufferError::OtherChain { pending })
        }
    }

    /// The last reading ever signed of this chain.
    pub(super) async fn head(&self, chain: Chain) -> Result<Option<Body>, BufferError> {
        Ok(self.newest().await?.filter(|body| chain_of(body) == chain))
    }

    async fn newest(&self) -> Result<Option<Body>, BufferError> {
        let row = sqlx::query("SELECT body FROM head WHERE only = 1")
            .fetch_optional(&self.pool)
            .await;
        row.map_err(failed("reading its head"))?
            .map(|row| body(&row))
            .transpose()
    }

    /// How many readings wait.
    ///
    /// # Errors
    /// See [`BufferError`].
    pub async fn count(&self) -> Result<u64, BufferError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pending")
            .fetch_one(&self.pool)
            .await
            .map_err(failed("counting"))?;
        u64::try_from(count).map_err(|_| BufferError::Damaged)
    }

    /// Whether no more may wait.
    pub(super) async fn is_full(&self) -> Result<bool, BufferError> {
        Ok(self.count().await? >= self.max)
    }

    /// Lets the oldest reading go if all destinations but a third of them, rounded down, have stored it: three of four, and
    /// every one of fewer. Returns whether there is room now.
    pub(super) async fn make_room(&self) -> Result<bool, BufferError> {
        let gone = sqlx::query(LET_GO)
            .execute(&self.pool)
            .await
            .map_err(failed("making room"))?;
        Ok(gone.rows_affected() > 0)
    }

    /// Adds a reading; it is on disk, with its number, when this returns.
    pub(super) async fn append(&self, signed: &Signed) -> Result<(), BufferError> {
        let failed = failed("writing a reading");
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        let bytes = signed.body.to_bytes().to_vec();
        sqlx::query(
            "INSERT INTO pending (sequence, body, hardware, feed_signature) VALUES (?, ?, ?, ?)",
        )
        .bind(number(signed.body.sequence))
        .bind(&bytes)
        .bind(signed.hardware.to_vec())
        .bind(signed.feed.map(|signature| signature.to_vec()))
        .execute(&mut *transaction)
        .await
        .map_err(&failed)?;
        sqlx::query("INSERT INTO head (only, body) VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body")
            .bind(&bytes)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// The oldest readings that a destination has not confirmed, in order.
    pub(super) async fn oldest(
        &self,
        destination: &str,
        limit: usize,
    ) -> Result<Vec<Signed>, BufferError> {
        let rows = sqlx::query(
            "SELECT * FROM pending WHERE sequence > \
             COALESCE((SELECT through FROM destinations WHERE name = ?), 0) ORDER BY sequence LIMIT ?",
        )
        .bind(destination)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("reading the oldest"))?;
        rows.iter().map(signed).collect()
    }

    /// Names the destinations whose confirmations are waited for; what was kept for others alone is forgotten. Another
    /// chain than before counts from 1 again, and so does what is confirmed of it.
    pub(super) async fn serve(&self, names: &[&str], chain: Chain) -> Result<(), BufferError> {
        let failed = failed("naming the destinations");
        let same = self
            .newest()
            .await?
            .is_some_and(|body| chain_of(&body) == chain);
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        let kept: Vec<String> = sqlx::query_scalar("SELECT name FROM destinations")
            .fetch_all(&mut *transaction)
            .await
            .map_err(&failed)?;
        for name in kept
            .iter()
            .filter(|name| !same || !names.contains(&name.as_str()))
        {
            sqlx::query("DELETE FROM destinations WHERE name = ?")
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        for name in names {
            // A buffer of a version with one destination has no rows: its readings are for all.
            sqlx::query(
                "INSERT INTO destinations (name, through) VALUES (?, 0) ON CONFLICT DO NOTHING",
            )
            .bind(name)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        }
        sqlx::query(FORGET)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// The digest of a reading that waits.
    pub(super) async fn digest(&self, sequence: u64) -> Result<Option<B256>, BufferError> {
        let row = sqlx::query("SELECT body FROM pending WHERE sequence = ?")
            .bind(number(sequence))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("reading a digest"))?;
        Ok(row
            .map(|row| body(&row))
            .transpose()?
            .map(|body| body.digest()))
    }

    /// Notes that a destination has stored everything up to this number, and drops what all have stored. Returns how many
    /// readings were dropped.
    pub(super) async fn confirm(
        &self,
        destination: &str,
        through: u64,
    ) -> Result<u64, BufferError> {
        let failed = failed("forgetting");
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        sqlx::query("UPDATE destinations SET through = MAX(through, ?) WHERE name = ?")
            .bind(number(through))
            .bind(destination)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        let done = sqlx::query(FORGET)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(done.rows_affected())
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn chain_of(body: &Body) -> Chain {
    Chain {
        device: body.device,
        feed: body.feed,
        key_number: body.key_number,
    }
}

fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> BufferError {
    move |source| BufferError::Database { doing, source }
}

/// Sequence numbers are below 2^63.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn body(row: &SqliteRow) -> Result<Body, BufferError> {
    let bytes: &[u8] = row.try_get("body").map_err(|_| BufferError::Damaged)?;
    Body::from_bytes(bytes).map_err(|_| BufferError::Damaged)
}

fn signed(row: &SqliteRow) -> Result<Signed, BufferError> {
    let hardware: &[u8] = row.try_get("hardware").map_err(|_| BufferError::Damaged)?;
    let feed: Option<&[u8]> = row
        .try_get("feed_signature")
        .map_err(|_| BufferError::Damaged)?;
    let feed = feed.map(|bytes| bytes.try_into().map_err(|_| BufferError::Damaged));
    Ok(Signed {
        body: body(row)?,
        hardware: hardware.try_into().map_err(|_| BufferError::Damaged)?,
        feed: feed.transpose()?,
    })
}

/// Destinations by what they have stored, the furthest first: what the last of those that are needed has, all of them have.
const LET_GO: &str = "DELETE FROM pending WHERE sequence = (SELECT MIN(sequence) FROM pending) AND sequence <= \
     (SELECT through FROM destinations ORDER BY through DESC LIMIT 1 \
      OFFSET (SELECT COUNT(*) - 1 - (COUNT(*) - 1) / 3 FROM destinations))";
/// Without a destination nothing is confirmed, and nothing forgotten.
const FORGET: &str =
    "DELETE FROM pending WHERE sequence <= (SELECT MIN(through) FROM destinations)";
