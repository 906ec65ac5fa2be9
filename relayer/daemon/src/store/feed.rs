//! Feeds: what aggregators said, and each operator's state with what it asked for.

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{ChainId, Height, Timestamp, TxId};
use causeway_core::feed::{Effect, State, Stored};
use serde::{Deserialize, Serialize};
use sqlx::{Row, sqlite::SqliteRow};

use super::{Edge, OrderId, PersistPoint, RelayCall, Store, StoreError, orders, rows};
use crate::oracle::feeds::{FeedFact, Said, Standing};

/// Something an aggregator said, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Its place among all that was read.
    pub id: i64,
    /// Which chain.
    pub chain: ChainId,
    /// What.
    pub fact: FeedFact,
}

/// A batch of what an aggregator said, what it comes to, and how far it was read.
#[derive(Clone, Debug)]
pub struct FeedRead<'a> {
    /// Which feed.
    pub feed: B256,
    /// The chain that was read.
    pub chain: ChainId,
    /// In its order.
    pub facts: &'a [FeedFact],
    /// What it comes to.
    pub standing: &'a Standing,
    /// The next height to read.
    pub next: Height,
}

/// An operator's part in a feed, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRow {
    /// Digest of the configuration it is of.
    pub config: B256,
    /// Its state.
    pub state: State,
    /// What the state asked for last.
    pub effects: Vec<Effect>,
    /// The newest [`FeedRow`] that was taken in.
    pub seen: i64,
}

/// A step of an operator: the state, what it asks for, and the orders among that, in one commit.
#[derive(Clone, Debug)]
pub struct OperatorWrite<'a> {
    /// Whose.
    pub operator: Address,
    /// In which feed.
    pub feed: B256,
    /// The row after the step.
    pub row: &'a OperatorRow,
    /// Reports to be sent, each to its chain.
    pub calls: &'a [(ChainId, RelayCall)],
    /// Local milliseconds.
    pub at_ms: u64,
}

/// Stored forms: version and content.
#[derive(Serialize, Deserialize)]
enum Versioned<T> {
    #[serde(rename = "v1")]
    V1(T),
}

impl Store {
    /// Takes in what an aggregator said and how far it was read, in one transaction. What is known changes nothing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn read_feed(&self, read: &FeedRead<'_>) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("taking in what an aggregator said", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        for fact in read.facts {
            sqlx::query(
                "INSERT INTO feed_events (feed, chain, number, said, height, tx, time) \
                 VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(read.feed.to_string())
            .bind(rows::chain(read.chain))
            .bind(rows::signed(fact.number))
            .bind(rows::to_json(
                "event of a feed",
                &Versioned::V1(&fact.said),
            )?)
            .bind(rows::signed(fact.height.0))
            .bind(fact.tx.to_string())
            .bind(rows::signed(fact.time.0))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        sqlx::query(
            "INSERT INTO feed_ends (feed, chain, next_height, standing) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (feed, chain) DO UPDATE SET next_height = ?3, standing = ?4 WHERE next_height < ?3",
        )
        .bind(read.feed.to_string())
        .bind(rows::chain(read.chain))
        .bind(rows::signed(read.next.0))
        .bind(rows::to_json("aggregator", &Versioned::V1(read.standing))?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if !read.facts.is_empty() {
            sqlx::query(
                "DELETE FROM feed_events WHERE feed = ?1 AND chain = ?2 AND id <= \
                 (SELECT id FROM feed_events WHERE feed = ?1 AND chain = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            )
            .bind(read.feed.to_string())
            .bind(rows::chain(read.chain))
            .bind(KEPT)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        self.faults.visit(PersistPoint::FeedRead, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::FeedRead, Edge::After)
    }

    /// The next height to read of an aggregator and what it comes to before; `None` when it was never read.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn feed_end(
        &self,
        feed: B256,
        chain: ChainId,
    ) -> Result<Option<(Height, Standing)>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading where an aggregator stands", e);
        let row =
            sqlx::query("SELECT next_height, standing FROM feed_ends WHERE feed = ? AND chain = ?")
                .bind(feed.to_string())
                .bind(rows::chain(chain))
                .fetch_optional(&self.pool)
                .await
                .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let next = rows::unsigned(row.try_get("next_height").map_err(failed)?);
        let text: &str = row.try_get("standing").map_err(failed)?;
        let Versioned::V1(standing) = rows::from_json("aggregator", text)?;
        Ok(Some((Height(next), standing)))
    }

    /// What the aggregators of a feed said after `seen`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn feed_facts(
        &self,
        feed: B256,
        seen: i64,
        limit: u32,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let found =
            sqlx::query("SELECT * FROM feed_events WHERE feed = ? AND id > ? ORDER BY id LIMIT ?")
                .bind(feed.to_string())
                .bind(seen)
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading what aggregators said", e))?;
        found.iter().map(fact).collect()
    }

    /// The same, newest first, below the place `before`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn feed_history(
        &self,
        feed: B256,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM feed_events WHERE feed = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        )
        .bind(feed.to_string())
        .bind(before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading the history of a feed", e))?;
        found.iter().map(fact).collect()
    }

    /// An operator's part in a feed.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn feed_operator(
        &self,
        operator: Address,
        feed: B256,
    ) -> Result<Option<OperatorRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading an operator's part in a feed", e);
        let row = sqlx::query(
            "SELECT config, state, effects, seen FROM feed_operators WHERE operator = ? AND feed = ?",
        )
        .bind(rows::address_text(operator))
        .bind(feed.to_string())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
        let stored: Stored = rows::from_json("operator's state", text("state")?)?;
        Ok(Some(OperatorRow {
            config: rows::parse("digest", text("config")?)?,
            state: stored.into(),
            effects: rows::from_json("operator's effects", text("effects")?)?,
            seen: row.try_get("seen").map_err(failed)?,
        }))
    }

    /// Stores a step of an operator with the orders it asks for; returns those that are new.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn write_operator(
        &self,
        write: &OperatorWrite<'_>,
    ) -> Result<Vec<OrderId>, StoreError> {
        let failed = |e| StoreError::from_sqlx("storing an operator's step", e);
        self.faults.alive()?;
        let row = write.row;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO feed_operators (operator, feed, config, state, effects, seen, at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (operator, feed) \
             DO UPDATE SET config = ?3, state = ?4, effects = ?5, seen = ?6, at = ?7",
        )
        .bind(rows::address_text(write.operator))
        .bind(write.feed.to_string())
        .bind(row.config.to_string())
        .bind(rows::to_json(
            "operator's state",
            &Stored::from(row.state.clone()),
        )?)
        .bind(rows::to_json("operator's effects", &row.effects)?)
        .bind(row.seen)
        .bind(rows::signed(write.at_ms))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let mut ordered = Vec::new();
        for (chain, call) in write.calls {
            ordered.extend(orders::insert_call(&mut *tx, *chain, write.operator, call).await?);
        }
        self.faults.visit(PersistPoint::FeedStepped, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::FeedStepped, Edge::After)?;
        Ok(ordered)
    }
}

pub(super) fn fact(row: &SqliteRow) -> Result<FeedRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading what an aggregator said", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    let Versioned::V1(said): Versioned<Said> = rows::from_json("event of a feed", text("said")?)?;
    Ok(FeedRow {
        id: row.try_get("id").map_err(failed)?,
        chain: ChainId(number("chain")?),
        fact: FeedFact {
            number: number("number")?,
            said,
            height: Height(number("height")?),
            tx: TxId(rows::parse("transaction hash", text("tx")?)?),
            time: Timestamp(number("time")?),
        },
    })
}

/// Events of each aggregator that are kept.
const KEPT: u32 = 10_000;

#[cfg(test)]
mod tests;
