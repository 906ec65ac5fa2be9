//! Reading back what the relay knows.

use alloy_primitives::{B256, Bytes};
use causeway_adapter_api::{ChainId, Height, TxId};
use causeway_core::{
    lane::Order,
    message::{MessageId, Stored},
};
use sqlx::{Row, sqlite::SqliteRow};

use super::{ItemRow, LaneRow, MessageRow, OpenMessages, SaidRow};
use crate::store::{
    Store, StoreError,
    rows::{self, CursorPath},
};

impl Store {
    /// The next height to read.
    pub async fn relay_cursor(
        &self,
        chain: ChainId,
        path: CursorPath,
    ) -> Result<Option<Height>, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT next_height FROM relay_cursors WHERE chain = ? AND path = ?",
        )
        .bind(rows::chain(chain))
        .bind(path.name())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a cursor of the relay", e))?;
        Ok(found.map(|height| Height(rows::unsigned(height))))
    }

    /// Every lane of every gateway.
    pub async fn relay_lanes(&self) -> Result<Vec<LaneRow>, StoreError> {
        let found = sqlx::query("SELECT * FROM relay_lanes ORDER BY chain, lane")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading lanes", e))?;
        found.iter().map(lane_row).collect()
    }

    /// Items of one side of a lane from number `from` on, at most `limit`.
    pub async fn relay_items(
        &self,
        source: ChainId,
        lane: u32,
        from: u64,
        limit: u32,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE source = ? AND lane = ? AND idx >= ? ORDER BY idx LIMIT ?",
        )
        .bind(rows::chain(source))
        .bind(lane)
        .bind(rows::signed(from))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading items", e))?;
        found.iter().map(item_row).collect()
    }

    /// Items with which something is left to be done at their destination, in the order of their numbers.
    pub async fn relay_open_items(
        &self,
        source: ChainId,
        lane: u32,
        limit: u32,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE source = ? AND lane = ? AND done = 0 ORDER BY idx LIMIT ?",
        )
        .bind(rows::chain(source))
        .bind(lane)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading open items", e))?;
        found.iter().map(item_row).collect()
    }

    /// How many items one side of a lane had after a block.
    pub async fn relay_count_at(
        &self,
        source: ChainId,
        lane: u32,
        height: Height,
    ) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM relay_items WHERE source = ? AND lane = ? AND height <= ?",
        )
        .bind(rows::chain(source))
        .bind(lane)
        .bind(rows::signed(height.0))
        .fetch_one(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("counting items", e))?;
        Ok(rows::unsigned(count))
    }

    /// Messages that have not ended and wait for a time that may have come, or that ended with a hook to run.
    pub async fn relay_due(&self, now: u64, limit: u32) -> Result<Vec<MessageRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE kind = 'message' AND \
             ((ended = 0 AND (deadline < ? OR stage = 'failed')) OR hook IS NOT NULL) \
             ORDER BY deadline LIMIT ?",
        )
        .bind(rows::signed(now))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading messages that are due", e))?;
        found.iter().map(message_row).collect()
    }

    /// Messages that have not ended, by direction, lane and stage.
    pub async fn relay_open_messages(&self) -> Result<Vec<OpenMessages>, StoreError> {
        let failed = |e| StoreError::from_sqlx("counting open messages", e);
        let found = sqlx::query(
            "SELECT source, lane, stage, count(*) AS count, min(created_at) AS oldest FROM relay_items \
             WHERE kind = 'message' AND ended = 0 GROUP BY source, lane, stage",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let row = |row: &SqliteRow| -> Result<OpenMessages, StoreError> {
            let number = |column: &str| {
                let value = row.try_get::<i64, _>(column);
                value.map(rows::unsigned).map_err(failed)
            };
            Ok(OpenMessages {
                source: ChainId(number("source")?),
                lane: row.try_get("lane").map_err(failed)?,
                stage: row.try_get("stage").map_err(failed)?,
                count: number("count")?,
                oldest_ms: number("oldest")?,
            })
        };
        found.iter().map(row).collect()
    }

    /// Messages, newest first.
    pub async fn relay_messages(
        &self,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE kind = 'message' \
             ORDER BY created_at DESC, source, lane, idx DESC LIMIT ? OFFSET ?",
        )
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("listing messages", e))?;
        found.iter().map(message_row).collect()
    }

    /// One message.
    pub async fn relay_message(&self, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE source = ? AND lane = ? AND idx = ? AND kind = 'message'",
        )
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a message", e))?;
        found.as_ref().map(message_row).transpose()
    }

    /// Messages sent in one transaction.
    pub async fn relay_messages_of_tx(&self, tx: TxId) -> Result<Vec<MessageRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM relay_items WHERE tx = ? AND kind = 'message' ORDER BY lane, idx",
        )
        .bind(tx.to_string())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading messages of a transaction", e))?;
        found.iter().map(message_row).collect()
    }

    /// What both chains said about a message, in the order of time.
    pub async fn relay_history(&self, id: MessageId) -> Result<Vec<SaidRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading the history of a message", e);
        let found = sqlx::query(
            "SELECT * FROM relay_history WHERE source = ? AND lane = ? AND idx = ? ORDER BY at, rowid",
        )
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let row = |row: &SqliteRow| -> Result<SaidRow, StoreError> {
            let number = |column: &str| row.try_get::<i64, _>(column).map_err(failed);
            let proved: Option<i64> = row.try_get("proved_at").map_err(failed)?;
            let result: Option<Vec<u8>> = row.try_get("result").map_err(failed)?;
            Ok(SaidRow {
                chain: rows::unsigned(number("chain")?),
                height: rows::unsigned(number("height")?),
                said: row.try_get("said").map_err(failed)?,
                tx: row.try_get("tx").map_err(failed)?,
                proved_at: proved.map(rows::unsigned),
                result: result.map(|bytes| Bytes::from(bytes).to_string()),
                time: rows::unsigned(number("at")?),
            })
        };
        found.iter().map(row).collect()
    }

    /// Whether a gateway was seen to take in a root.
    pub async fn relay_root_known(
        &self,
        chain: ChainId,
        lane: u32,
        root: B256,
    ) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT proved_at FROM relay_roots WHERE chain = ? AND lane = ? AND root = ?",
        )
        .bind(rows::chain(chain))
        .bind(lane)
        .bind(root.to_string())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a root", e))?;
        Ok(found.is_some())
    }
}

pub(super) fn lane_row(row: &SqliteRow) -> Result<LaneRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a lane", e);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    Ok(LaneRow {
        chain: ChainId(number("chain")?),
        lane: row.try_get("lane").map_err(failed)?,
        remote: ChainId(number("remote")?),
        remote_gateway: rows::parse("address", text("remote_gateway")?)?,
        client: rows::parse("address", text("client")?)?,
        order: if row.try_get::<bool, _>("ordered").map_err(failed)? {
            Order::Ordered
        } else {
            Order::Unordered
        },
    })
}

fn item_row(row: &SqliteRow) -> Result<ItemRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading an item", e);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let about: Option<i64> = row.try_get("about").map_err(failed)?;
    Ok(ItemRow {
        index: number("idx")?,
        is_message: text("kind")? == "message",
        leaf: rows::parse("leaf", text("leaf")?)?,
        body: row.try_get::<Vec<u8>, _>("body").map_err(failed)?.into(),
        about: about.map(rows::unsigned),
        height: Height(number("height")?),
        done: row.try_get("done").map_err(failed)?,
        since_ms: number("created_at")?,
    })
}

fn message_row(row: &SqliteRow) -> Result<MessageRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a message", e);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let hook: Option<Vec<u8>> = row.try_get("hook").map_err(failed)?;
    Ok(MessageRow {
        state: rows::from_json::<Stored>("message", text("state")?)?.into(),
        body: row.try_get::<Vec<u8>, _>("body").map_err(failed)?.into(),
        height: Height(number("height")?),
        tx: TxId(rows::parse("transaction hash", text("tx")?)?),
        revision: number("revision")?,
        created_at: number("created_at")?,
        hook: hook.map(Bytes::from),
    })
}
