//! Transfers that live on proofs, read back.

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{ChainId, Height};
use causeway_core::swap::TransferId;
use sqlx::{Row, sqlite::SqliteRow};

use super::{CrossingKey, EffectId};
use crate::store::{
    CursorPath, OrderId, OrderStatus, Record, Store, StoreError,
    query::record,
    rows::{self, unsigned},
};

/// One record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossingRow {
    /// Its name.
    pub key: CrossingKey,
    /// Its public name.
    pub id: TransferId,
    /// JSON of its state.
    pub state: String,
    /// Where that is, in a word.
    pub stage: String,
    /// How it ended, in a word.
    pub outcome: Option<String>,
    /// What a chain showed that cannot be.
    pub alarm: Option<String>,
    /// How often it changed.
    pub revision: u64,
    /// Local seconds at which it was made.
    pub created_at: u64,
    /// Local seconds of its last change.
    pub updated_at: u64,
}

/// One change of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossingStep {
    /// The revision it led to; 0 is the beginning.
    pub seq: u64,
    /// Name of what caused it.
    pub name: String,
    /// Purposes of what it asked for.
    pub does: Vec<String>,
    /// Where it led.
    pub stage: String,
    /// Where it was read, if a chain said it.
    pub read_at: Option<(ChainId, Height)>,
    /// In which transaction that was.
    pub tx: Option<String>,
    /// Local seconds.
    pub at: u64,
}

/// An effect that is not over, with what its newest order came to.
#[derive(Clone, Debug)]
pub struct EffectRow {
    /// Its number.
    pub id: EffectId,
    /// Whose.
    pub key: CrossingKey,
    /// JSON of it.
    pub effect: String,
    /// Whether it waits for an order, rather than for its end.
    pub wanted: bool,
    /// A transaction of an earlier order may have been seen by others.
    pub exposed: bool,
    /// The newest order.
    pub order: Option<OrderEnd>,
}

/// How far an order is.
#[derive(Clone, Debug)]
pub struct OrderEnd {
    /// Its number.
    pub id: OrderId,
    /// How far.
    pub status: OrderStatus,
    /// A transaction of it may have been seen by others.
    pub exposed: bool,
    /// Why it failed, where the contract said.
    pub detail: Option<String>,
}

/// By which block of the other chain an order of ours proved something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofRow {
    /// What for.
    pub purpose: String,
    /// The block's height.
    pub height: Height,
}

/// One transfer of whatever kind.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum Listed {
    /// A swap.
    Swap(Record),
    /// One that lives on proofs.
    Crossing(CrossingRow),
}

impl Store {
    /// Transfers of every kind, newest first.
    pub async fn list_all(&self, limit: u32, offset: u32) -> Result<Vec<Listed>, StoreError> {
        let failed = |e| StoreError::from_sqlx("listing transfers", e);
        let found = sqlx::query(
            "SELECT '' AS kind, '' AS subject, id, role, state, stage, NULL AS outcome, NULL AS alarm, revision, \
             created_at, updated_at FROM transfers \
             UNION ALL SELECT kind, subject, id, role, state, stage, outcome, alarm, revision, created_at, updated_at \
             FROM crossings ORDER BY created_at DESC, id, role, subject LIMIT ? OFFSET ?",
        )
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let listed = |row: &SqliteRow| match row.try_get("kind").map_err(failed)? {
            "" => record(row).map(Listed::Swap),
            _ => crossing(row).map(Listed::Crossing),
        };
        found.iter().map(listed).collect()
    }

    /// Records of one kind that have not ended, oldest first.
    pub async fn open_crossings(&self, kind: &str) -> Result<Vec<CrossingRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM crossings WHERE kind = ? AND outcome IS NULL ORDER BY created_at, subject, role",
        )
        .bind(kind)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading open transfers", e))?;
        found.iter().map(crossing).collect()
    }

    /// Every part we have in what the chains call `subject`, ended or not.
    pub async fn crossings_about(
        &self,
        kind: &str,
        subject: B256,
    ) -> Result<Vec<CrossingRow>, StoreError> {
        let found =
            sqlx::query("SELECT * FROM crossings WHERE kind = ? AND subject = ? ORDER BY role")
                .bind(kind)
                .bind(subject.to_string())
                .fetch_all(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading a transfer", e))?;
        found.iter().map(crossing).collect()
    }

    /// Every part we have in the transfer of this name.
    pub async fn crossings_of(&self, id: TransferId) -> Result<Vec<CrossingRow>, StoreError> {
        let found = sqlx::query("SELECT * FROM crossings WHERE id = ? ORDER BY created_at, role")
            .bind(id.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a transfer", e))?;
        found.iter().map(crossing).collect()
    }

    /// The history of one record, oldest first.
    pub async fn crossing_history(
        &self,
        key: &CrossingKey,
    ) -> Result<Vec<CrossingStep>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM crossing_history WHERE kind = ? AND subject = ? AND role = ? ORDER BY seq",
        )
        .bind(&key.kind)
        .bind(key.subject.to_string())
        .bind(&key.role)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a history", e))?;
        found.iter().map(step).collect()
    }

    /// By which blocks our orders for one record proved something, oldest first.
    pub async fn crossing_proofs(&self, key: &CrossingKey) -> Result<Vec<ProofRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading what was proved", e);
        let found = sqlx::query(
            "SELECT purpose, proved_at FROM crossing_effects \
             WHERE kind = ? AND subject = ? AND role = ? AND proved_at IS NOT NULL ORDER BY id",
        )
        .bind(&key.kind)
        .bind(key.subject.to_string())
        .bind(&key.role)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let row = |row: &SqliteRow| {
            Ok(ProofRow {
                purpose: row.try_get("purpose").map_err(failed)?,
                height: Height(unsigned(row.try_get("proved_at").map_err(failed)?)),
            })
        };
        found.iter().map(row).collect()
    }

    /// JSON of what the chains said about `subject`, in the order in which it was taken in.
    pub async fn crossing_facts(
        &self,
        kind: &str,
        subject: B256,
    ) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT event FROM crossing_facts WHERE kind = ? AND subject = ? ORDER BY rowid",
        )
        .bind(kind)
        .bind(subject.to_string())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading facts", e))
    }

    /// JSON of what one chain said last about `subject`.
    pub async fn newest_crossing_fact(
        &self,
        kind: &str,
        subject: B256,
    ) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT event FROM crossing_facts WHERE kind = ? AND subject = ? \
             ORDER BY height DESC, log_index DESC LIMIT 1",
        )
        .bind(kind)
        .bind(subject.to_string())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading facts", e))
    }

    /// Effects of one kind that are not over, oldest first.
    pub async fn crossing_effects(&self, kind: &str) -> Result<Vec<EffectRow>, StoreError> {
        let found = sqlx::query(
            "SELECT e.id, e.kind, e.subject, e.role, e.effect, e.status, e.exposed, e.order_id, \
             o.status AS order_status, o.exposed AS order_exposed, o.detail \
             FROM crossing_effects AS e LEFT JOIN outbox AS o ON o.id = e.order_id \
             WHERE e.kind = ? AND e.status IN ('wanted', 'ordered') ORDER BY e.id",
        )
        .bind(kind)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading effects", e))?;
        found.iter().map(effect).collect()
    }

    /// The next height to read.
    pub async fn crossing_cursor(
        &self,
        kind: &str,
        chain: ChainId,
        path: CursorPath,
    ) -> Result<Option<Height>, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT next_height FROM crossing_cursors WHERE kind = ? AND chain = ? AND path = ?",
        )
        .bind(kind)
        .bind(rows::chain(chain))
        .bind(path.name())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a cursor", e))?;
        Ok(found.map(|height| Height(unsigned(height))))
    }

    /// What locks that are not made yet will take of a token of `account`, by `spender`.
    pub(crate) async fn crossings_wait(
        &self,
        chain: ChainId,
        account: Address,
        (token, spender): (Address, Address),
    ) -> Result<U256, StoreError> {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT waits_amount FROM crossings WHERE outcome IS NULL AND waits_chain = ? AND waits_account = ? \
             AND waits_token = ? AND waits_spender = ?",
        )
        .bind(rows::chain(chain))
        .bind(rows::address_text(account))
        .bind(rows::address_text(token))
        .bind(rows::address_text(spender))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading what waits", e))?;
        let mut amounts = found.iter().map(|text| rows::parse("amount", text));
        amounts.try_fold(U256::ZERO, |sum, amount: Result<U256, _>| {
            Ok(sum.saturating_add(amount?))
        })
    }
}

fn key(row: &SqliteRow) -> Result<CrossingKey, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a transfer", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    Ok(CrossingKey {
        kind: text("kind")?.to_owned(),
        subject: rows::parse("subject", text("subject")?)?,
        role: text("role")?.to_owned(),
    })
}

fn crossing(row: &SqliteRow) -> Result<CrossingRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a transfer", e);
    let number = |column: &str| row.try_get(column).map(unsigned).map_err(failed);
    Ok(CrossingRow {
        key: key(row)?,
        id: rows::parse("transfer id", row.try_get("id").map_err(failed)?)?,
        state: row.try_get("state").map_err(failed)?,
        stage: row.try_get("stage").map_err(failed)?,
        outcome: row.try_get("outcome").map_err(failed)?,
        alarm: row.try_get("alarm").map_err(failed)?,
        revision: number("revision")?,
        created_at: number("created_at")?,
        updated_at: number("updated_at")?,
    })
}

pub(in crate::store) fn step(row: &SqliteRow) -> Result<CrossingStep, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a history", e);
    let maybe = |column: &str| row.try_get::<Option<i64>, _>(column).map_err(failed);
    let place = maybe("chain")?.zip(maybe("height")?);
    Ok(CrossingStep {
        seq: row.try_get("seq").map(unsigned).map_err(failed)?,
        name: row.try_get("name").map_err(failed)?,
        does: rows::from_json("purposes", row.try_get("does").map_err(failed)?)?,
        stage: row.try_get("stage").map_err(failed)?,
        read_at: place.map(|(chain, height)| (ChainId(unsigned(chain)), Height(unsigned(height)))),
        tx: row.try_get("tx").map_err(failed)?,
        at: row.try_get("at").map(unsigned).map_err(failed)?,
    })
}

fn effect(row: &SqliteRow) -> Result<EffectRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading an effect", e);
    let order: Option<i64> = row.try_get("order_id").map_err(failed)?;
    let order = match order {
        Some(id) => Some(OrderEnd {
            id: OrderId(id),
            status: OrderStatus::from_name(row.try_get("order_status").map_err(failed)?)?,
            exposed: row.try_get("order_exposed").map_err(failed)?,
            detail: row.try_get("detail").map_err(failed)?,
        }),
        None => None,
    };
    let status: &str = row.try_get("status").map_err(failed)?;
    Ok(EffectRow {
        id: EffectId(row.try_get("id").map_err(failed)?),
        key: key(row)?,
        effect: row.try_get("effect").map_err(failed)?,
        wanted: status == "wanted",
        exposed: row.try_get("exposed").map_err(failed)?,
        order,
    })
}
