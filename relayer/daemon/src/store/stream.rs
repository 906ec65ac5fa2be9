//! What `/v1/events` says, as it was written beside what it is about (`migrations/0014_stream.sql`).

use alloy_primitives::B256;
use causeway_adapter_api::{ChainId, Height, TxId};
use causeway_core::{
    message::{LaneId, MessageId, Way},
    swap::TransferId,
};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    AlarmRow, CrossingKey, CrossingStep, FeedRow, MessageNews, StatementRow, Store, StoreError,
    TransitionRow, crossing, feed, query, rows, supply,
};

/// One event, and its number in this database.
#[derive(Clone, Debug)]
pub struct StreamRow {
    /// Its number: the order in which events became durable.
    pub seq: u64,
    /// What it says; `None` when what it is about was forgotten since.
    pub said: Option<Streamed>,
}

/// What an event says.
#[derive(Clone, Debug)]
pub enum Streamed {
    /// A swap stepped.
    Step(TransitionRow),
    /// A transfer that lives on proofs stepped.
    Crossing {
        /// Which record.
        key: CrossingKey,
        /// Its public name.
        id: TransferId,
        /// The step.
        step: CrossingStep,
    },
    /// Something new about a message.
    Message(MessageNews),
    /// A supply statement finds something else than the one before.
    Supply {
        /// Which peg.
        peg: String,
        /// The statement.
        row: StatementRow,
    },
    /// An aggregator said something.
    Feed {
        /// Id of the feed.
        feed: B256,
        /// What.
        row: FeedRow,
    },
    /// An alarm, as it was then.
    Alarm(AlarmRow),
}

impl Store {
    /// The newest number given, 0 when there is none.
    pub async fn stream_seq(&self) -> Result<u64, StoreError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'stream_events'")
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx(DOING, e))?;
        Ok(found.map_or(0, rows::unsigned))
    }

    /// Events above a number, oldest first, at most `limit`.
    pub async fn stream_after(&self, seq: u64, limit: u32) -> Result<Vec<StreamRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx(DOING, e);
        let found = sqlx::query(
            "SELECT seq, source, about FROM stream_events WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(i64::try_from(seq).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let mut events = Vec::with_capacity(found.len());
        for row in &found {
            let source: &str = row.try_get("source").map_err(failed)?;
            let about: &str = row.try_get("about").map_err(failed)?;
            events.push(StreamRow {
                seq: rows::unsigned(row.try_get("seq").map_err(failed)?),
                said: self.said(source, about).await?,
            });
        }
        Ok(events)
    }

    async fn said(&self, source: &str, about: &str) -> Result<Option<Streamed>, StoreError> {
        match source {
            "step" => self.stepped(about).await,
            "crossing" => self.crossed(about).await,
            "message" => self.told(about).await,
            "supply" => self.stated(about).await,
            "feed" => self.answered(about).await,
            "alarm" => Ok(Some(Streamed::Alarm(rows::from_json(WHAT, about)?))),
            other => Err(rows::unreadable(WHAT, other)),
        }
    }

    async fn stepped(&self, about: &str) -> Result<Option<Streamed>, StoreError> {
        let (id, role, seq): (String, String, i64) = rows::from_json(WHAT, about)?;
        let found = sqlx::query(
            "SELECT seq, event, effects, stage, at FROM transitions WHERE transfer = ? AND role = ? AND seq = ?",
        )
        .bind(&id)
        .bind(&role)
        .bind(seq)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx(DOING, e))?;
        let key = rows::key(&id, &role)?;
        found
            .map(|row| query::transition(key, &row).map(Streamed::Step))
            .transpose()
    }

    async fn crossed(&self, about: &str) -> Result<Option<Streamed>, StoreError> {
        let failed = |e| StoreError::from_sqlx(DOING, e);
        let (kind, subject, role, seq): (String, String, String, i64) =
            rows::from_json(WHAT, about)?;
        let found = sqlx::query(
            "SELECT h.*, c.id AS public FROM crossing_history h JOIN crossings c USING (kind, subject, role) \
             WHERE h.kind = ? AND h.subject = ? AND h.role = ? AND h.seq = ?",
        )
        .bind(&kind)
        .bind(&subject)
        .bind(&role)
        .bind(seq)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        let id: &str = row.try_get("public").map_err(failed)?;
        Ok(Some(Streamed::Crossing {
            id: rows::parse("transfer id", id)?,
            step: crossing::step(&row)?,
            key: CrossingKey {
                kind,
                subject: rows::parse("subject", &subject)?,
                role,
            },
        }))
    }

    async fn told(&self, about: &str) -> Result<Option<Streamed>, StoreError> {
        let failed = |e| StoreError::from_sqlx(DOING, e);
        let (chain, height, index): (i64, i64, i64) = rows::from_json(WHAT, about)?;
        let found = sqlx::query(
            "SELECT h.*, l.remote FROM relay_history h \
             JOIN relay_lanes l ON l.chain = h.source AND l.lane = h.lane \
             WHERE h.chain = ? AND h.height = ? AND h.log_index = ?",
        )
        .bind(chain)
        .bind(height)
        .bind(index)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        let number = |column: &str| {
            let value: i64 = row.try_get(column).map_err(failed)?;
            Ok::<_, StoreError>(rows::unsigned(value))
        };
        let way = Way {
            lane: LaneId(row.try_get("lane").map_err(failed)?),
            from: ChainId(number("source")?),
            to: ChainId(number("remote")?),
        };
        Ok(Some(Streamed::Message(MessageNews {
            id: MessageId {
                way,
                index: number("idx")?,
            },
            said: row.try_get("said").map_err(failed)?,
            chain: ChainId(number("chain")?),
            height: Height(number("height")?),
            tx: TxId(rows::parse(
                "transaction hash",
                row.try_get("tx").map_err(failed)?,
            )?),
            time: number("at")?,
        })))
    }

    async fn stated(&self, about: &str) -> Result<Option<Streamed>, StoreError> {
        let (peg, seq): (String, i64) = rows::from_json(WHAT, about)?;
        let found = sqlx::query(
            "SELECT seq, statement, at FROM supply_statements WHERE peg = ? AND seq = ?",
        )
        .bind(&peg)
        .bind(seq)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx(DOING, e))?;
        let row = found.as_ref().map(supply::statement).transpose()?;
        Ok(row.map(|row| Streamed::Supply { peg, row }))
    }

    async fn answered(&self, about: &str) -> Result<Option<Streamed>, StoreError> {
        let failed = |e| StoreError::from_sqlx(DOING, e);
        let (id,): (i64,) = rows::from_json(WHAT, about)?;
        let found = sqlx::query("SELECT * FROM feed_events WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        let said = |row: SqliteRow| {
            Ok(Streamed::Feed {
                feed: rows::parse("feed", row.try_get("feed").map_err(failed)?)?,
                row: feed::fact(&row)?,
            })
        };
        found.map(said).transpose()
    }
}

#[cfg(test)]
impl Store {
    /// Forgets events up to a number.
    pub async fn forget_stream(&self, up_to: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM stream_events WHERE seq <= ?")
            .bind(rows::signed(up_to))
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(|e| StoreError::from_sqlx(DOING, e))
    }
}

const DOING: &str = "reading the event stream";
const WHAT: &str = "event of the stream";
