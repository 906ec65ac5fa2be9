//! Tables and rows of an archive.

use alloy_primitives::B256;
use sqlx::{Row as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    evidence::{Evidence, Offence},
    reading::{Body, Chain, Signed},
    sink::SinkError,
};

/// The readings of a feed accepted in one stretch of time; what `Evidence` anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The feed's id.
    pub feed: B256,
    /// 0, 1, 2, .. without a gap.
    pub period: u64,
    /// Milliseconds since 1970: it begins here.
    pub from: u64,
    /// It ends before this.
    pub until: u64,
    /// How many readings.
    pub count: u64,
    /// The feed's running digest after its last reading.
    pub digest: B256,
    /// Root over its readings, once it is over and closed.
    pub root: Option<B256>,
}

/// Evidence as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptEvidence {
    /// What it is.
    pub offence: Offence,
    /// The readings, in the order of their numbers.
    pub readings: [(Body, [u8; 64]); 2],
}

/// As SQLite keeps it. Sequence numbers and times are below 2^63, checked when they were read.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) async fn chain(
    connection: &mut SqliteConnection,
    chain: Chain,
) -> Result<i64, SinkError> {
    sqlx::query_scalar(
        "INSERT INTO chains (device, feed, key_number) VALUES (?, ?, ?) \
         ON CONFLICT DO UPDATE SET key_number = key_number RETURNING number",
    )
    .bind(chain.device.to_vec())
    .bind(chain.feed.to_vec())
    .bind(i64::from(chain.key_number))
    .fetch_one(connection)
    .await
    .map_err(SinkError::of("writing a chain"))
}

pub(super) async fn newest(
    connection: &mut SqliteConnection,
    feed: B256,
) -> Result<Option<(i64, Period)>, SinkError> {
    let row = sqlx::query("SELECT * FROM periods WHERE feed = ? ORDER BY period DESC LIMIT 1")
        .bind(feed.to_vec())
        .fetch_optional(connection)
        .await
        .map_err(SinkError::of("reading a period"))?;
    row.map(|row| numbered(&row)).transpose()
}

pub(super) async fn open(connection: &mut SqliteConnection, p: &Period) -> Result<i64, SinkError> {
    sqlx::query_scalar(
        "INSERT INTO periods (feed, period, from_ms, until_ms, count, digest) VALUES (?, ?, ?, ?, ?, ?) \
         RETURNING number",
    )
    .bind(p.feed.to_vec())
    .bind(number(p.period))
    .bind(number(p.from))
    .bind(number(p.until))
    .bind(number(p.count))
    .bind(p.digest.to_vec())
    .fetch_one(connection)
    .await
    .map_err(SinkError::of("opening a period"))
}

pub(super) async fn advance(
    connection: &mut SqliteConnection,
    which: i64,
    p: &Period,
) -> Result<(), SinkError> {
    sqlx::query("UPDATE periods SET count = ?, digest = ? WHERE number = ?")
        .bind(number(p.count))
        .bind(p.digest.to_vec())
        .bind(which)
        .execute(connection)
        .await
        .map(drop)
        .map_err(SinkError::of("writing a period"))
}

pub(super) async fn set_root(
    connection: &mut SqliteConnection,
    which: i64,
    root: B256,
) -> Result<(), SinkError> {
    sqlx::query("UPDATE periods SET root = ? WHERE number = ? AND root IS NULL")
        .bind(root.to_vec())
        .bind(which)
        .execute(connection)
        .await
        .map(drop)
        .map_err(SinkError::of("closing a period"))
}

pub(super) async fn over(pool: &SqlitePool, now: u64) -> Result<Vec<(i64, Period)>, SinkError> {
    let rows =
        sqlx::query("SELECT * FROM periods WHERE root IS NULL AND until_ms <= ? ORDER BY number")
            .bind(number(now))
            .fetch_all(pool)
            .await
            .map_err(SinkError::of("reading periods"))?;
    rows.iter().map(numbered).collect()
}

pub(super) async fn periods(pool: &SqlitePool, feed: B256) -> Result<Vec<Period>, SinkError> {
    let rows = sqlx::query("SELECT * FROM periods WHERE feed = ? ORDER BY period")
        .bind(feed.to_vec())
        .fetch_all(pool)
        .await
        .map_err(SinkError::of("reading periods"))?;
    rows.iter().map(|row| Ok(numbered(row)?.1)).collect()
}

pub(super) async fn digests(pool: &SqlitePool, period: i64) -> Result<Vec<B256>, SinkError> {
    let rows = sqlx::query("SELECT digest FROM readings WHERE period = ? ORDER BY place")
        .bind(period)
        .fetch_all(pool)
        .await
        .map_err(SinkError::of("reading digests"))?;
    rows.iter().map(|row| hash(row, "digest")).collect()
}

pub(super) async fn place(
    pool: &SqlitePool,
    chain: Chain,
    sequence: u64,
) -> Result<Option<(i64, usize, Period)>, SinkError> {
    let row = sqlx::query(
        "SELECT p.*, r.place FROM readings r JOIN chains c ON c.number = r.chain \
         JOIN periods p ON p.number = r.period \
         WHERE c.device = ? AND c.feed = ? AND c.key_number = ? AND r.sequence = ?",
    )
    .bind(chain.device.to_vec())
    .bind(chain.feed.to_vec())
    .bind(i64::from(chain.key_number))
    .bind(number(sequence))
    .fetch_optional(pool)
    .await
    .map_err(SinkError::of("reading a place"))?;
    let Some(row) = row else { return Ok(None) };
    let (number, period) = numbered(&row)?;
    let place = usize::try_from(unsigned(&row, "place")?);
    let place = place.map_err(|_| SinkError::Damaged { what: "place" })?;
    Ok(Some((number, place, period)))
}

/// The reading of a number, or the newest.
pub(super) async fn reading(
    pool: &SqlitePool,
    chain: Chain,
    sequence: Option<u64>,
) -> Result<Option<Signed>, SinkError> {
    // The digest before it is not kept twice: it is the one of the row before.
    let row = sqlx::query(
        "SELECT r.*, (SELECT b.digest FROM readings b WHERE b.chain = r.chain AND b.sequence = r.sequence - 1) AS previous \
         FROM readings r JOIN chains c ON c.number = r.chain \
         WHERE c.device = ? AND c.feed = ? AND c.key_number = ? AND (?4 IS NULL OR r.sequence = ?4) \
         ORDER BY r.sequence DESC LIMIT 1",
    )
    .bind(chain.device.to_vec())
    .bind(chain.feed.to_vec())
    .bind(i64::from(chain.key_number))
    .bind(sequence.map(number))
    .fetch_optional(pool)
    .await
    .map_err(SinkError::of("reading a reading"))?;
    row.map(|row| signed(&row, chain)).transpose()
}

/// Readings from the last one not after `since` to the first one not before `until`, in their order, at most `most`.
pub(super) async fn stretch(
    pool: &SqlitePool,
    chain: Chain,
    (since, until): (u64, u64),
    most: u32,
) -> Result<Vec<Signed>, SinkError> {
    // Times rise with the numbers: both ends are found by the numbers' index.
    let rows = sqlx::query(
        "SELECT r.*, (SELECT b.digest FROM readings b WHERE b.chain = r.chain AND b.sequence = r.sequence - 1) AS previous \
         FROM readings r JOIN chains c ON c.number = r.chain \
         WHERE c.device = ?1 AND c.feed = ?2 AND c.key_number = ?3 \
         AND r.sequence >= COALESCE((SELECT f.sequence FROM readings f WHERE f.chain = c.number AND f.time <= ?4 \
             ORDER BY f.sequence DESC LIMIT 1), 1) \
         AND r.sequence <= COALESCE((SELECT l.sequence FROM readings l WHERE l.chain = c.number AND l.time >= ?5 \
             ORDER BY l.sequence LIMIT 1), r.sequence) \
         ORDER BY r.sequence LIMIT ?6",
    )
    .bind(chain.device.to_vec())
    .bind(chain.feed.to_vec())
    .bind(i64::from(chain.key_number))
    .bind(number(since))
    .bind(number(until))
    .bind(i64::from(most))
    .fetch_all(pool)
    .await
    .map_err(SinkError::of("reading a stretch of readings"))?;
    let found: Vec<Signed> = rows
        .iter()
        .map(|row| signed(row, chain))
        .collect::<Result<_, _>>()?;
    // Each one names the digest of the row before: what is missing here is missing in the file.
    let follows = |pair: &[Signed]| match pair {
        [a, b] => a.body.sequence.checked_add(1) == Some(b.body.sequence),
        _ => true,
    };
    if found.windows(2).all(follows) {
        Ok(found)
    } else {
        Err(SinkError::Damaged { what: "chain" })
    }
}

/// Of a device that changed its key, those of the newest key.
pub(super) async fn recent(
    pool: &SqlitePool,
    feed: B256,
    since: u64,
) -> Result<Vec<(u64, i64)>, SinkError> {
    let rows = sqlx::query(
        "SELECT r.time, r.value FROM chains c JOIN readings r ON r.chain = c.number \
         AND r.sequence = (SELECT MAX(n.sequence) FROM readings n WHERE n.chain = c.number) \
         WHERE c.feed = ?1 AND r.time >= ?2 AND c.key_number = \
         (SELECT MAX(k.key_number) FROM chains k WHERE k.device = c.device AND k.feed = c.feed) LIMIT ?3",
    )
    .bind(feed.to_vec())
    .bind(number(since))
    .bind(MAX_DEVICES)
    .fetch_all(pool)
    .await
    .map_err(SinkError::of("reading the newest readings"))?;
    let row = |row: &SqliteRow| Ok((unsigned(row, "time")?, column(row, "value")?));
    rows.iter().map(row).collect()
}

/// Devices of a feed whose newest readings are looked at.
const MAX_DEVICES: i64 = 10_000;

pub(super) async fn count(pool: &SqlitePool) -> Result<u64, SinkError> {
    let row = sqlx::query("SELECT COUNT(*) AS count FROM readings")
        .fetch_one(pool)
        .await;
    unsigned(&row.map_err(SinkError::of("counting readings"))?, "count")
}

pub(super) async fn counted(
    pool: &SqlitePool,
    feed: B256,
    (first, last): (u64, u64),
    most: u32,
) -> Result<Vec<(B256, u64)>, SinkError> {
    let rows = sqlx::query(
        "SELECT c.device, COUNT(*) AS count FROM periods p JOIN readings r ON r.period = p.number \
         JOIN chains c ON c.number = r.chain \
         WHERE p.feed = ? AND p.period BETWEEN ? AND ? AND p.root IS NOT NULL \
         GROUP BY c.device ORDER BY c.device LIMIT ?",
    )
    .bind(feed.to_vec())
    .bind(number(first))
    .bind(number(last))
    .bind(i64::from(most))
    .fetch_all(pool)
    .await
    .map_err(SinkError::of("counting readings"))?;
    let row = |row: &SqliteRow| Ok((hash(row, "device")?, unsigned(row, "count")?));
    rows.iter().map(row).collect()
}

pub(super) async fn accuse(
    connection: &mut SqliteConnection,
    evidence: &Evidence,
    now: u64,
) -> Result<(), SinkError> {
    let [first, second] = evidence.readings();
    sqlx::query(
        "INSERT INTO evidence (at_ms, offence, first_body, first_signature, second_body, second_signature) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(number(now))
    .bind(evidence.offence().code())
    .bind(first.body.to_bytes().to_vec())
    .bind(first.hardware.to_vec())
    .bind(second.body.to_bytes().to_vec())
    .bind(second.hardware.to_vec())
    .execute(connection)
    .await
    .map(drop)
    .map_err(SinkError::of("writing evidence"))
}

pub(super) async fn evidence(pool: &SqlitePool) -> Result<Vec<KeptEvidence>, SinkError> {
    let rows = sqlx::query("SELECT * FROM evidence ORDER BY number")
        .fetch_all(pool)
        .await;
    let rows = rows.map_err(SinkError::of("reading evidence"))?;
    let kept = |row: &SqliteRow| {
        let body = |column| {
            let body = Body::from_bytes(&bytes(row, column)?);
            body.map_err(|_| SinkError::Damaged { what: column })
        };
        let offence: &str = row
            .try_get("offence")
            .map_err(SinkError::of("reading evidence"))?;
        Ok(KeptEvidence {
            offence: Offence::of_code(offence).ok_or(SinkError::Damaged { what: "offence" })?,
            readings: [
                (body("first_body")?, fixed(row, "first_signature")?),
                (body("second_body")?, fixed(row, "second_signature")?),
            ],
        })
    };
    rows.iter().map(kept).collect()
}

fn signed(row: &SqliteRow, chain: Chain) -> Result<Signed, SinkError> {
    let feed: Option<Vec<u8>> = column(row, "feed_signature")?;
    let previous: Option<Vec<u8>> = column(row, "previous")?;
    let signed = Signed {
        body: Body {
            key_number: chain.key_number,
            sequence: unsigned(row, "sequence")?,
            time: unsigned(row, "time")?,
            value: column(row, "value")?,
            device: chain.device,
            feed: chain.feed,
            previous: match previous {
                Some(_) => hash(row, "previous")?,
                None => B256::ZERO,
            },
        },
        hardware: fixed(row, "hardware")?,
        feed: feed.map(|_| fixed(row, "feed_signature")).transpose()?,
    };
    if signed.body.digest() != hash(row, "digest")? {
        return Err(SinkError::Damaged { what: "reading" });
    }
    Ok(signed)
}

fn numbered(row: &SqliteRow) -> Result<(i64, Period), SinkError> {
    let root: Option<Vec<u8>> = column(row, "root")?;
    let period = Period {
        feed: hash(row, "feed")?,
        period: unsigned(row, "period")?,
        from: unsigned(row, "from_ms")?,
        until: unsigned(row, "until_ms")?,
        count: unsigned(row, "count")?,
        digest: hash(row, "digest")?,
        root: root.map(|_| hash(row, "root")).transpose()?,
    };
    Ok((column(row, "number")?, period))
}

fn column<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    row: &'r SqliteRow,
    name: &'static str,
) -> Result<T, SinkError> {
    row.try_get(name)
        .map_err(|_| SinkError::Damaged { what: name })
}

fn unsigned(row: &SqliteRow, name: &'static str) -> Result<u64, SinkError> {
    let value: i64 = column(row, name)?;
    u64::try_from(value).map_err(|_| SinkError::Damaged { what: name })
}

fn bytes(row: &SqliteRow, name: &'static str) -> Result<Vec<u8>, SinkError> {
    column(row, name)
}

fn fixed<const N: usize>(row: &SqliteRow, name: &'static str) -> Result<[u8; N], SinkError> {
    let found = bytes(row, name)?.try_into();
    found.map_err(|_| SinkError::Damaged { what: name })
}

fn hash(row: &SqliteRow, name: &'static str) -> Result<B256, SinkError> {
    fixed(row, name).map(B256::new)
}
