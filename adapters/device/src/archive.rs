//! Accepted readings in one SQLite file: written in groups, synced before they are confirmed.
//!
//! Per feed there is a running digest, `d = SHA-256(d | digest)` from 32 zero bytes on, and a tree per period
//! ([`crate::merkle`]). A reading belongs to the period in which it was accepted, so a device that was offline for days adds
//! nothing to periods whose root is known. A period that saw no reading does not exist.

mod rows;

use std::{collections::HashMap, path::Path, time::Duration};

use alloy_primitives::B256;
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use sqlx::{
    Connection as _, QueryBuilder, Sqlite, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use crate::{
    check::Following,
    evidence::Evidence,
    merkle,
    reading::{Chain, Signed},
    sink::{Sink, SinkError},
};
pub use rows::{KeptEvidence, Period};

/// How an archive is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// Length of a period, milliseconds.
    pub period: u64,
    /// Largest size of the file, bytes. Readings are refused past it, none is lost.
    pub max_bytes: u64,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            period: 3_600_000,
            max_bytes: 64 << 30,
        }
    }
}

/// A reading and the way from it to its period's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The reading.
    pub reading: Signed,
    /// Its period; over, so it has a root.
    pub period: Period,
    /// The way.
    pub path: merkle::Path,
}

impl Inclusion {
    /// Whether the reading is where it is said to be.
    pub fn holds(&self) -> bool {
        let root = self.path.root(self.reading.body.digest());
        root.is_some() && root == self.period.root && self.path.count == self.period.count
    }
}

/// The archive of one operator.
#[derive(Debug)]
pub struct Archive {
    config: ArchiveConfig,
    writer: Mutex<Writer>,
    readers: SqlitePool,
}

/// The one connection that writes, and what it knows of the tables.
#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    known: Known,
}

#[derive(Clone, Debug, Default)]
struct Known {
    chains: HashMap<Chain, i64>,
    /// Newest period by feed.
    periods: HashMap<B256, (i64, Period)>,
}

impl Archive {
    /// Opens the archive at `path`, making it where there is none.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn open(path: &Path, config: ArchiveConfig) -> Result<Self, SinkError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .pragma("page_size", PAGE.to_string())
            .pragma(
                "max_page_count",
                (config.max_bytes / PAGE).max(1).to_string(),
            );
        let failed = SinkError::of("opening it");
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(&failed)?;
        let migrator = sqlx::migrate!("migrations/archive");
        migrator
            .run(&mut connection)
            .await
            .map_err(SinkError::of_migration)?;
        let readers = SqlitePoolOptions::new().max_connections(READERS);
        let known = Known::default();
        Ok(Self {
            config,
            writer: Mutex::new(Writer { connection, known }),
            readers: readers
                .connect_with(options.read_only(true))
                .await
                .map_err(&failed)?,
        })
    }

    /// Gives every period that is over its root; returns those that got one now, oldest first.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn close_periods(&self, now: u64) -> Result<Vec<Period>, SinkError> {
        let over = rows::over(&self.readers, now).await?;
        let mut closed = Vec::new();
        for (number, mut period) in over {
            let digests = rows::digests(&self.readers, number).await?;
            period.root = merkle::root(&digests);
            let root = period.root.ok_or(SinkError::Damaged { what: "period" })?;
            let mut writer = self.writer.lock().await;
            rows::set_root(&mut writer.connection, number, root).await?;
            closed.push(period);
        }
        Ok(closed)
    }

    /// Periods of a feed, oldest first.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn periods(&self, feed: B256) -> Result<Vec<Period>, SinkError> {
        rows::periods(&self.readers, feed).await
    }

    /// How many readings of each device of a feed were accepted in these periods, of those that are closed; in the order of the
    /// devices' ids, at most `most` devices.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn counted(
        &self,
        feed: B256,
        periods: (u64, u64),
        most: u32,
    ) -> Result<Vec<(B256, u64)>, SinkError> {
        rows::counted(&self.readers, feed, periods, most).await
    }

    /// A reading and the way to its period's root; none where there is no such reading, or its period is not closed.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn inclusion(
        &self,
        chain: Chain,
        sequence: u64,
    ) -> Result<Option<Inclusion>, SinkError> {
        let Some(found) = rows::place(&self.readers, chain, sequence).await? else {
            return Ok(None);
        };
        let (number, index, period) = found;
        let reading = rows::reading(&self.readers, chain, Some(sequence)).await?;
        let (Some(reading), Some(_)) = (reading, period.root) else {
            return Ok(None);
        };
        let digests = rows::digests(&self.readers, number).await?;
        let path = merkle::path(&digests, index).ok_or(SinkError::Damaged { what: "place" })?;
        Ok(Some(Inclusion {
            reading,
            period,
            path,
        }))
    }

    /// Readings of a device that follow each other without a gap: from the last one measured not after `since` to the first
    /// one not before `until`, at most `most`. Where there is no such end it is the chain's.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn stretch(
        &self,
        chain: Chain,
        times: (u64, u64),
        most: u32,
    ) -> Result<Vec<Signed>, SinkError> {
        rows::stretch(&self.readers, chain, times, most).await
    }

    /// Time and value of the newest reading of each device of a feed, of those measured at `since` milliseconds or later.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn recent(&self, feed: B256, since: u64) -> Result<Vec<(u64, i64)>, SinkError> {
        rows::recent(&self.readers, feed, since).await
    }

    /// Everything devices showed against themselves.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn accused(&self) -> Result<Vec<KeptEvidence>, SinkError> {
        rows::evidence(&self.readers).await
    }

    /// How many readings are kept.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn count(&self) -> Result<u64, SinkError> {
        rows::count(&self.readers).await
    }

    /// Closes the file; what was confirmed is on disk.
    pub async fn close(self) {
        self.readers.close().await;
        // An error here loses nothing: the file is as it was committed.
        drop(self.writer.into_inner().connection.close().await);
    }
}

/// An archive as somebody else reads it who neither makes nor changes it.
#[derive(Debug)]
pub struct ArchiveReader {
    path: std::path::PathBuf,
    readers: SqlitePool,
}

impl ArchiveReader {
    /// A reader of the archive at `path`, which need not be there yet.
    pub fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .read_only(true);
        let readers = SqlitePoolOptions::new().max_connections(READERS);
        Self {
            path: path.into(),
            readers: readers.connect_lazy_with(options),
        }
    }

    /// As [`Archive::recent`]; nothing where there is no archive yet.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn recent(&self, feed: B256, since: u64) -> Result<Vec<(u64, i64)>, SinkError> {
        if !self.path.is_file() {
            return Ok(Vec::new());
        }
        rows::recent(&self.readers, feed, since).await
    }
}

#[async_trait]
impl Sink for Archive {
    async fn append(&self, readings: &[Following], now: u64) -> Result<(), SinkError> {
        let mut writer = self.writer.lock().await;
        let Writer { connection, known } = &mut *writer;
        let failed = SinkError::of("writing readings");
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let mut staged = Staged {
            known,
            new: Known::default(),
            length: self.config.period,
        };
        let mut rows = Vec::with_capacity(readings.len());
        for reading in readings {
            rows.push(
                staged
                    .place(&mut transaction, reading.signed(), now)
                    .await?,
            );
        }
        for chunk in rows.chunks(ROWS) {
            insert(chunk)
                .build()
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        let new = staged.new;
        for (number, period) in new.periods.values() {
            rows::advance(&mut transaction, *number, period).await?;
        }
        transaction.commit().await.map_err(&failed)?;
        known.chains.extend(new.chains);
        known.periods.extend(new.periods);
        Ok(())
    }

    async fn last(&self, chain: Chain) -> Result<Option<Signed>, SinkError> {
        rows::reading(&self.readers, chain, None).await
    }

    async fn reading(&self, chain: Chain, sequence: u64) -> Result<Option<Signed>, SinkError> {
        rows::reading(&self.readers, chain, Some(sequence)).await
    }

    async fn accuse(&self, evidence: &Evidence, now: u64) -> Result<(), SinkError> {
        let mut writer = self.writer.lock().await;
        rows::accuse(&mut writer.connection, evidence, now).await
    }
}

/// A reading with its place.
struct Row {
    chain: i64,
    period: i64,
    place: u64,
    digest: B256,
    signed: Signed,
}

/// What one transaction adds to what is known; it is known only once it is committed.
struct Staged<'a> {
    known: &'a Known,
    new: Known,
    length: u64,
}

impl Staged<'_> {
    async fn place(
        &mut self,
        connection: &mut SqliteConnection,
        signed: &Signed,
        now: u64,
    ) -> Result<Row, SinkError> {
        let chain = self.chain(connection, signed.chain()).await?;
        let digest = signed.body.digest();
        let (period, kept) = self.period(connection, signed.body.feed, now).await?;
        let place = kept.count;
        kept.count = place.saturating_add(1);
        let hash = Sha256::new().chain_update(kept.digest).chain_update(digest);
        kept.digest = B256::new(hash.finalize().into());
        Ok(Row {
            chain,
            period,
            place,
            digest,
            signed: *signed,
        })
    }

    async fn chain(
        &mut self,
        connection: &mut SqliteConnection,
        chain: Chain,
    ) -> Result<i64, SinkError> {
        if let Some(number) = self
            .known
            .chains
            .get(&chain)
            .or(self.new.chains.get(&chain))
        {
            return Ok(*number);
        }
        let number = rows::chain(connection, chain).await?;
        self.new.chains.insert(chain, number);
        Ok(number)
    }

    async fn period(
        &mut self,
        connection: &mut SqliteConnection,
        feed: B256,
        now: u64,
    ) -> Result<(i64, &mut Period), SinkError> {
        let staged = self
            .new
            .periods
            .get(&feed)
            .or(self.known.periods.get(&feed));
        let newest = match staged {
            Some(found) => Some(found.clone()),
            None => rows::newest(connection, feed).await?,
        };
        let open = match newest {
            // A clock that was set back does not reopen what is over.
            Some((number, period)) if now < period.until => (number, period),
            before => {
                let before = before.map(|(_, period)| period);
                let length = self.length.max(1);
                let from = (now - now % length).max(before.as_ref().map_or(0, |b| b.until));
                let period = Period {
                    feed,
                    period: before.as_ref().map_or(0, |b| b.period.saturating_add(1)),
                    from,
                    until: from.saturating_add(length),
                    count: 0,
                    digest: before.map_or(B256::ZERO, |b| b.digest),
                    root: None,
                };
                (rows::open(connection, &period).await?, period)
            }
        };
        let number = open.0;
        let slot = self.new.periods.entry(feed).insert_entry(open).into_mut();
        Ok((number, &mut slot.1))
    }
}

/// One statement for many rows: a third of the time of one each.
fn insert(rows: &[Row]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "INSERT INTO readings (chain, sequence, time, value, period, place, digest, hardware, feed_signature) ",
    );
    query.push_values(rows, |mut row, r| {
        let body = &r.signed.body;
        row.push_bind(r.chain)
            .push_bind(rows::number(body.sequence))
            .push_bind(rows::number(body.time))
            .push_bind(body.value)
            .push_bind(r.period)
            .push_bind(rows::number(r.place))
            .push_bind(r.digest.to_vec())
            .push_bind(r.signed.hardware.to_vec())
            .push_bind(r.signed.feed.map(|signature| signature.to_vec()));
    });
    query
}

const BUSY: Duration = Duration::from_secs(10);
const READERS: u32 = 2;
const PAGE: u64 = 4096;
/// Rows of one statement.
const ROWS: usize = 64;

#[cfg(test)]
mod tests;
