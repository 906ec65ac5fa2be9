//! The event log: entries are appended together with how far their chain was read, in one transaction.

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_api::{ChainId, Height};
use causeway_core::{
    log::{ACTS, Act, Body, Entry, Head},
    swap::TransferId,
};
use futures::{Stream, TryStreamExt as _};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Edge, PersistPoint, Store, StoreError, rows};

/// An entry, and its number in this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Its number in this database: the order in which entries came here.
    pub seq: u64,
    /// What it says.
    pub entry: Entry,
    /// The name of its event or act.
    pub kind: String,
    /// Its encoding.
    pub bytes: Bytes,
}

/// An entry that is to be appended.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What it says.
    pub entry: Entry,
    /// The name of its event or act.
    pub kind: String,
    /// Its encoding.
    pub bytes: Vec<u8>,
}

/// A row as it stands in the database, not believed yet.
#[derive(Clone, Debug)]
pub struct RawRow {
    /// Which segment the row says.
    pub segment: u64,
    /// Which number the row says.
    pub position: u64,
    /// The encoding.
    pub bytes: Vec<u8>,
    columns: Columns,
}

/// What is repeated beside the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Columns {
    at: u64,
    kind: String,
    height: Option<u64>,
    tx: Option<String>,
    address: Option<String>,
    topic: Option<String>,
    topic2: Option<String>,
}

/// How far a chain was read for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// The next height to read.
    pub next: Height,
    /// Height up to which every lane was counted.
    pub verified: Height,
    /// Entries up to there.
    pub size: u64,
}

/// A head that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// Its number in this database.
    pub id: i64,
    /// What it says.
    pub head: Head,
    /// Who signed.
    pub keeper: Address,
    /// r, s and v over [`Head::digest`].
    pub signature: Bytes,
    /// Where it is anchored, once it is.
    pub anchored: Option<Anchored>,
}

/// Where a head is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Number of the keeper's heads.
    pub number: u64,
    /// What the next one names.
    pub link: B256,
    /// The transaction.
    pub tx: B256,
}

/// Which entries are asked for. Everything that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Of this segment.
    pub segment: Option<u64>,
    /// With this name.
    pub kind: Option<String>,
    /// From this second on.
    pub since: Option<u64>,
    /// Before this second.
    pub until: Option<u64>,
    /// From this height on.
    pub from_height: Option<u64>,
    /// Up to this height.
    pub to_height: Option<u64>,
    /// Of the locks of this transfer, on all chains.
    pub transfer: Option<TransferId>,
    /// Of this transaction.
    pub tx: Option<B256>,
}

/// In which direction a page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPage {
    /// Newest first, below this number.
    Before(u64),
    /// Oldest first, above this number.
    After(u64),
}

impl RawRow {
    /// Whether the columns beside the bytes say the same. The name of an event is the daemon's own word for its signature.
    pub fn repeats(&self, entry: &Entry, kind: &str) -> bool {
        self.segment == entry.segment
            && self.position == entry.position
            && self.columns == Columns::of(entry, kind)
    }
}

impl Columns {
    fn of(entry: &Entry, kind: &str) -> Self {
        let (at, kind) = (entry.at, kind.to_owned());
        match &entry.body {
            Body::Event(event) => Self {
                at,
                kind,
                height: Some(event.height),
                tx: Some(event.tx.to_string()),
                address: Some(rows::address_text(event.address)),
                topic: event.topics.get(1).map(B256::to_string),
                topic2: event.topics.get(2).map(B256::to_string),
            },
            Body::Act(_) => Self {
                at,
                kind,
                height: None,
                tx: None,
                address: None,
                topic: None,
                topic2: None,
            },
        }
    }
}

impl Store {
    /// Appends entries of one segment and says how far its chain was read; `None` for acts. Returns their numbers.
    pub async fn append_log(
        &self,
        segment: u64,
        entries: &[NewEntry],
        read: Option<SegmentRow>,
    ) -> Result<Vec<u64>, StoreError> {
        let failed = |e| StoreError::from_sqlx("appending to the event log", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let mut numbers = Vec::with_capacity(entries.len());
        for new in entries {
            numbers.push(insert(&mut tx, new).await?);
        }
        if let Some(read) = read {
            set_segment(&mut tx, segment, read).await?;
        }
        self.faults.visit(PersistPoint::LogAppended, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::LogAppended, Edge::After)?;
        Ok(numbers)
    }

    /// Takes back what was read of a chain beyond its verified height, to read it again.
    pub async fn truncate_log(&self, segment: u64, to: SegmentRow) -> Result<(), StoreError> {
        let failed =
            |e| StoreError::from_sqlx("taking back unverified entries of the event log", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        sqlx::query("DELETE FROM log_entries WHERE segment = ? AND position >= ?")
            .bind(rows::signed(segment))
            .bind(rows::signed(to.size))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        set_segment(&mut tx, segment, to).await?;
        tx.commit().await.map_err(failed)
    }

    /// Forgets the whole log: the next start reads the chains again. Heads stay, so that the new log is compared with them.
    pub async fn forget_log(&self) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("forgetting the event log", e);
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        for table in ["log_entries", "log_segments", "log_identity"] {
            let sql = match table {
                "log_entries" => "DELETE FROM log_entries",
                "log_segments" => "DELETE FROM log_segments",
                _ => "DELETE FROM log_identity",
            };
            sqlx::query(sql).execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    /// How far a chain was read.
    pub async fn log_segment(&self, segment: u64) -> Result<Option<SegmentRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a segment of the event log", e);
        let found =
            sqlx::query("SELECT next_height, verified, size FROM log_segments WHERE segment = ?")
                .bind(rows::signed(segment))
                .fetch_optional(&self.pool)
                .await
                .map_err(failed)?;
        let number = |row: &SqliteRow, column: &str| {
            let value: i64 = row.try_get(column).map_err(failed)?;
            Ok(rows::unsigned(value))
        };
        found
            .map(|row| {
                Ok(SegmentRow {
                    next: Height(number(&row, "next_height")?),
                    verified: Height(number(&row, "verified")?),
                    size: number(&row, "size")?,
                })
            })
            .transpose()
    }

    /// Segments that have entries.
    pub async fn log_segments(&self) -> Result<Vec<u64>, StoreError> {
        let found: Vec<i64> = sqlx::query_scalar("SELECT DISTINCT segment FROM log_entries")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading segments of the event log", e))?;
        Ok(found.into_iter().map(rows::unsigned).collect())
    }

    /// Every row of a segment as it stands there, in the order of its numbers.
    pub fn raw_log(&self, segment: u64) -> impl Stream<Item = Result<RawRow, StoreError>> + '_ {
        let rows = sqlx::query(
            "SELECT segment, position, at, kind, height, tx, address, topic, topic2, bytes FROM log_entries \
             WHERE segment = ? ORDER BY position",
        )
        .bind(rows::signed(segment))
        .fetch(&self.pool);
        rows.map_err(|e| StoreError::from_sqlx("reading the event log", e))
            .and_then(|row| async move { raw(&row) })
    }

    /// A page of entries.
    pub async fn log_page(
        &self,
        filter: &LogFilter,
        page: LogPage,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        let mut sql = QueryBuilder::new("SELECT seq, kind, bytes FROM log_entries WHERE seq ");
        match page {
            LogPage::Before(seq) => sql.push("< ").push_bind(bounded(seq)),
            LogPage::After(seq) => sql.push("> ").push_bind(bounded(seq)),
        };
        narrow(&mut sql, filter);
        sql.push(match page {
            LogPage::Before(_) => " ORDER BY seq DESC LIMIT ",
            LogPage::After(_) => " ORDER BY seq LIMIT ",
        });
        sql.push_bind(limit);
        let found = sql.build().fetch_all(&self.pool).await;
        let found = found.map_err(|e| StoreError::from_sqlx("reading the event log", e))?;
        found.iter().map(log_row).collect()
    }

    /// Entries of one segment from a number on, in its order.
    pub async fn log_of_segment(
        &self,
        segment: u64,
        from: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        let found = sqlx::query(
            "SELECT seq, kind, bytes FROM log_entries WHERE segment = ? AND position >= ? ORDER BY position LIMIT ?",
        )
        .bind(rows::signed(segment))
        .bind(rows::signed(from))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading the event log", e))?;
        found.iter().map(log_row).collect()
    }

    /// Numbers and encodings of a segment from a number on, believed by nobody.
    pub async fn raw_page(
        &self,
        segment: u64,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading the event log", e);
        let found = sqlx::query(
            "SELECT position, bytes FROM log_entries WHERE segment = ? AND position >= ? ORDER BY position LIMIT ?",
        )
        .bind(rows::signed(segment))
        .bind(bounded(from))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let row = |row: &SqliteRow| {
            let position: i64 = row.try_get("position").map_err(failed)?;
            Ok((
                rows::unsigned(position),
                row.try_get("bytes").map_err(failed)?,
            ))
        };
        found.iter().map(row).collect()
    }

    /// Orders from a number on, as acts, with their numbers.
    pub async fn orders_from(&self, from: u64, limit: u32) -> Result<Vec<(u64, Act)>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading orders for the event log", e);
        let found = sqlx::query(
            "SELECT id, task, purpose, transfer, chain, account FROM outbox WHERE id >= ? ORDER BY id LIMIT ?",
        )
        .bind(rows::signed(from))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let order = |row: &SqliteRow| {
            let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(failed);
            let number = |column: &str| {
                let value: i64 = row.try_get(column).map_err(failed)?;
                Ok::<_, StoreError>(rows::unsigned(value))
            };
            let account: &str = row.try_get("account").map_err(failed)?;
            let purpose: String = row.try_get("purpose").map_err(failed)?;
            let task = match (text("task")?, text("transfer")?) {
                (Some(task), _) => task,
                (None, Some(transfer)) => format!("{purpose}:{transfer}"),
                (None, None) => purpose,
            };
            Ok((
                number("id")?,
                Act::Ordered {
                    task,
                    chain: number("chain")?,
                    account: rows::parse("account", account)?,
                },
            ))
        };
        found.iter().map(order).collect()
    }

    /// The newest number given, 0 when there is none.
    pub async fn log_seq(&self) -> Result<u64, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM log_entries")
            .fetch_one(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading the event log", e))?;
        Ok(found.map_or(0, rows::unsigned))
    }

    /// What tells the numbers of this database from those of another; made at the first call.
    pub async fn log_generation(&self) -> Result<String, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading the identity of the event log", e);
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
        sqlx::query(
            "INSERT INTO log_identity (only, generation) VALUES (1, ?) ON CONFLICT DO NOTHING",
        )
        .bind(hex::encode(bytes))
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        sqlx::query_scalar("SELECT generation FROM log_identity WHERE only = 1")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)
    }

    /// Keeps a signed head.
    pub async fn add_head(
        &self,
        head: &Head,
        keeper: Address,
        signature: &Bytes,
    ) -> Result<i64, StoreError> {
        self.faults.alive()?;
        let done = sqlx::query(
            "INSERT INTO log_heads (body, keeper, signature, root) VALUES (?, ?, ?, ?)",
        )
        .bind(head.encode())
        .bind(rows::address_text(keeper))
        .bind(signature.as_ref())
        .bind(head.chains_root().to_string())
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("keeping a head of the event log", e))?;
        Ok(done.last_insert_rowid())
    }

    /// Notes where a head is anchored.
    pub async fn anchor_head(&self, body: &[u8], at: &Anchored) -> Result<bool, StoreError> {
        self.faults.alive()?;
        let done = sqlx::query("UPDATE log_heads SET number = ?, link = ?, tx = ? WHERE body = ?")
            .bind(rows::signed(at.number))
            .bind(at.link.to_string())
            .bind(at.tx.to_string())
            .bind(body)
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("noting an anchor of the event log", e))?;
        Ok(done.rows_affected() > 0)
    }

    /// Heads, newest first; only those that are anchored where `anchored`.
    pub async fn heads(&self, which: Heads, limit: u32) -> Result<Vec<HeadRow>, StoreError> {
        let sql = match which {
            Heads::All => "SELECT * FROM log_heads ORDER BY id DESC LIMIT ?",
            Heads::Anchored => {
                "SELECT * FROM log_heads WHERE number IS NOT NULL ORDER BY number DESC, id DESC LIMIT ?"
            }
        };
        let found = sqlx::query(sql)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading heads of the event log", e))?;
        found.iter().map(head_row).collect()
    }
}

/// Which heads are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// All that were signed.
    All,
    /// Those that are on a chain.
    Anchored,
}

async fn insert(tx: &mut Transaction<'_, Sqlite>, new: &NewEntry) -> Result<u64, StoreError> {
    let columns = Columns::of(&new.entry, &new.kind);
    let done = sqlx::query(
        "INSERT INTO log_entries (segment, position, at, kind, height, tx, address, topic, topic2, bytes) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(rows::signed(new.entry.segment))
    .bind(rows::signed(new.entry.position))
    .bind(rows::signed(columns.at))
    .bind(columns.kind)
    .bind(columns.height.map(rows::signed))
    .bind(columns.tx)
    .bind(columns.address)
    .bind(columns.topic)
    .bind(columns.topic2)
    .bind(&new.bytes)
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("appending to the event log", e))?;
    Ok(rows::unsigned(done.last_insert_rowid()))
}

async fn set_segment(
    tx: &mut Transaction<'_, Sqlite>,
    segment: u64,
    row: SegmentRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_segments (segment, next_height, verified, size) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (segment) DO UPDATE SET next_height = ?2, verified = ?3, size = ?4",
    )
    .bind(rows::signed(segment))
    .bind(rows::signed(row.next.0))
    .bind(rows::signed(row.verified.0))
    .bind(rows::signed(row.size))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("moving a cursor of the event log", e))?;
    Ok(())
}

fn narrow(sql: &mut QueryBuilder<Sqlite>, filter: &LogFilter) {
    let numbers = [
        (" AND segment = ", filter.segment),
        (" AND at >= ", filter.since),
        (" AND at < ", filter.until),
        (" AND height >= ", filter.from_height),
        (" AND height <= ", filter.to_height),
    ];
    for (words, number) in numbers {
        if let Some(number) = number {
            sql.push(words).push_bind(bounded(number));
        }
    }
    if let Some(kind) = &filter.kind {
        sql.push(" AND kind = ").push_bind(kind.clone());
    }
    if let Some(tx) = &filter.tx {
        sql.push(" AND tx = ").push_bind(tx.to_string());
    }
    if let Some(id) = &filter.transfer {
        // The id is the beginning of the hash lock, which is the second argument of the events that begin and end a lock.
        let first = format!("0x{id}");
        let last = format!("{first}g");
        sql.push(" AND topic IN (SELECT topic FROM log_entries WHERE topic2 >= ")
            .push_bind(first)
            .push(" AND topic2 < ")
            .push_bind(last)
            .push(")");
    }
}

fn raw(row: &SqliteRow) -> Result<RawRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading the event log", e);
    let number = |column: &str| {
        let value: i64 = row.try_get(column).map_err(failed)?;
        Ok::<_, StoreError>(rows::unsigned(value))
    };
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(failed);
    let height: Option<i64> = row.try_get("height").map_err(failed)?;
    Ok(RawRow {
        segment: number("segment")?,
        position: number("position")?,
        bytes: row.try_get("bytes").map_err(failed)?,
        columns: Columns {
            at: number("at")?,
            kind: row.try_get("kind").map_err(failed)?,
            height: height.map(rows::unsigned),
            tx: text("tx")?,
            address: text("address")?,
            topic: text("topic")?,
            topic2: text("topic2")?,
        },
    })
}

fn log_row(row: &SqliteRow) -> Result<LogRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading the event log", e);
    let seq = rows::unsigned(row.try_get("seq").map_err(failed)?);
    let bytes: Vec<u8> = row.try_get("bytes").map_err(failed)?;
    let entry = Entry::decode(&bytes).map_err(|fault| StoreError::BugUnreadable {
        what: "entry of the event log",
        detail: format!("number {seq}: {fault:?}; `causeway log verify` names it"),
    })?;
    Ok(LogRow {
        seq,
        entry,
        kind: row.try_get("kind").map_err(failed)?,
        bytes: bytes.into(),
    })
}

fn head_row(row: &SqliteRow) -> Result<HeadRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading heads of the event log", e);
    let body: Vec<u8> = row.try_get("body").map_err(failed)?;
    let head = Head::decode(&body).ok_or_else(|| StoreError::BugUnreadable {
        what: "head of the event log",
        detail: "it is not in its encoding".into(),
    })?;
    let signature: Vec<u8> = row.try_get("signature").map_err(failed)?;
    let number: Option<i64> = row.try_get("number").map_err(failed)?;
    let link: Option<String> = row.try_get("link").map_err(failed)?;
    let tx: Option<String> = row.try_get("tx").map_err(failed)?;
    let anchored = match (number, link, tx) {
        (Some(number), Some(link), Some(tx)) => Some(Anchored {
            number: rows::unsigned(number),
            link: rows::parse("link", &link)?,
            tx: rows::parse("transaction hash", &tx)?,
        }),
        _ => None,
    };
    Ok(HeadRow {
        id: row.try_get("id").map_err(failed)?,
        head,
        keeper: rows::parse("keeper", row.try_get::<&str, _>("keeper").map_err(failed)?)?,
        signature: signature.into(),
        anchored,
    })
}

/// Numbers asked for may be larger than any that is stored.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Which segment a chain has.
pub const fn segment_of(chain: ChainId) -> u64 {
    // No chain has the id 0: the configuration refuses it.
    debug_assert!(chain.0 != ACTS);
    chain.0
}
