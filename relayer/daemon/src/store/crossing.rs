//! What is written of transfers that live on proofs. The store knows no kind's state machine: states, events and effects
//! are JSON of the kind.

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{ChainId, Height, Preimage, TxId};
use causeway_core::swap::{Account, TransferId};
use sqlx::{Sqlite, Transaction};

use super::{
    Committed, Edge, PersistPoint, Store, StoreError,
    orders::insert_call,
    rows::{self, CursorPath, RelayCall},
};

mod read;

pub(super) use read::step;
pub use read::{CrossingRow, CrossingStep, EffectRow, Listed, ProofRow};

/// Name of one record: which machine, about what, and our part in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrossingKey {
    /// Which state machine.
    pub kind: String,
    /// What the chains call it.
    pub subject: B256,
    /// Our part.
    pub role: String,
}

impl std::fmt::Display for CrossingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.subject, self.role)
    }
}

/// Everything that one transition writes.
#[derive(Debug, Default)]
pub struct CrossingChange {
    /// What a chain said.
    pub fact: Option<CrossingFact>,
    /// Records that begin or change.
    pub writes: Vec<CrossingWrite>,
    /// What became of an effect.
    pub effect: Option<(EffectId, EffectChange)>,
    /// How far a chain was read.
    pub cursor: Option<CrossingCursor>,
}

/// Something that a chain said.
#[derive(Clone, Debug)]
pub struct CrossingFact {
    /// For which state machine.
    pub kind: &'static str,
    /// Where.
    pub chain: ChainId,
    /// In which block.
    pub height: Height,
    /// Which log of it.
    pub index: u64,
    /// Hash of that block.
    pub block: B256,
    /// In which transaction.
    pub tx: TxId,
    /// About what: a transfer, or what many of them hear.
    pub subject: B256,
    /// JSON of the event.
    pub event: String,
    /// Why nothing begins with it.
    pub refusal: Option<String>,
}

/// A record that begins or changes.
#[derive(Debug)]
pub struct CrossingWrite {
    /// Which.
    pub key: CrossingKey,
    /// Its public name.
    pub id: TransferId,
    /// The revision the step was computed from; `None` when it begins.
    pub from: Option<u64>,
    /// JSON of its new state.
    pub state: String,
    /// Where that is, in a word.
    pub stage: String,
    /// How it ended, in a word.
    pub outcome: Option<String>,
    /// What its lock will take.
    pub waits: Option<Waits>,
    /// Name of the event.
    pub name: &'static str,
    /// JSON of the event.
    pub event: Option<String>,
    /// What it asks for: purpose and JSON.
    pub effects: Vec<(&'static str, String)>,
    /// What a chain showed that cannot be.
    pub alarm: Option<String>,
    /// Its secret, where it begins with one.
    pub secret: Option<Preimage>,
}

/// What a lock that is not made yet will take of an ERC-20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Whose, where.
    pub account: Account,
    /// Of what.
    pub token: Address,
    /// By whom.
    pub spender: Address,
    /// How much.
    pub amount: U256,
}

/// Number of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EffectId(pub i64);

/// What became of an effect.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum EffectChange {
    /// It is an order now, of this account on this chain.
    Ordered {
        /// Where.
        chain: ChainId,
        /// Who sends.
        account: Address,
        /// What.
        call: RelayCall,
        /// Height of the other chain that it proves by.
        proved_at: Option<Height>,
    },
    /// Its order failed, and another is to be made.
    Again {
        /// A transaction of the failed order may have been seen by others.
        exposed: bool,
    },
    /// It did what it was to do, or nothing is left to be done.
    Done,
    /// It was given up.
    Failed,
}

/// How far a chain was read.
#[derive(Clone, Copy, Debug)]
pub struct CrossingCursor {
    /// For which state machine.
    pub kind: &'static str,
    /// Which chain.
    pub chain: ChainId,
    /// By which path.
    pub path: CursorPath,
    /// The next height.
    pub next: Height,
}

type Tx<'a> = Transaction<'a, Sqlite>;

impl Store {
    /// Writes `change` whole or not at all. `at` is the local time in seconds.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a record is no longer at the revision the step was computed from,
    /// [`StoreError::Exists`] when one that begins is there, [`StoreError::ChainChanged`].
    pub async fn commit_crossing(
        &self,
        point: PersistPoint,
        change: &CrossingChange,
        at: u64,
    ) -> Result<Committed, StoreError> {
        let failed = |e| StoreError::from_sqlx("writing a transition", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        if let Some(fact) = &change.fact
            && !take_in(&mut tx, fact).await?
        {
            let before = block_of(&mut tx, fact).await?;
            tx.rollback().await.map_err(failed)?;
            if before == fact.block {
                return Ok(Committed::SeenBefore);
            }
            let halted = self.halt(fact.chain, fact.height, before, fact.block);
            return Err(halted.await?);
        }
        for write in &change.writes {
            self.write(&mut tx, write, change.fact.as_ref(), at).await?;
        }
        if let Some((id, effect)) = &change.effect
            && !change_effect(&mut tx, *id, effect).await?
        {
            tx.rollback().await.map_err(failed)?;
            return Ok(Committed::SeenBefore);
        }
        if let Some(cursor) = change.cursor {
            move_cursor(&mut tx, cursor).await?;
        }
        self.faults.visit(point, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(point, Edge::After)?;
        Ok(Committed::Written)
    }

    async fn write(
        &self,
        tx: &mut Tx<'_>,
        write: &CrossingWrite,
        fact: Option<&CrossingFact>,
        at: u64,
    ) -> Result<(), StoreError> {
        match write.from {
            Some(from) => update(tx, write, from, at).await?,
            None => insert(tx, write, at).await?,
        }
        if let Some(secret) = &write.secret {
            let sealed = self.seal.seal(write.id.0.as_slice(), secret.expose())?;
            sqlx::query("INSERT INTO secrets (transfer, sealed) VALUES (?, ?)")
                .bind(write.id.to_string())
                .bind(sealed)
                .execute(&mut **tx)
                .await
                .map_err(|e| StoreError::from_sqlx("sealing a secret", e))?;
        }
        record(tx, write, fact, at).await?;
        match write.outcome {
            Some(_) => drop_wanted(tx, &write.key).await,
            None => Ok(()),
        }
    }
}

/// Returns whether the fact is new.
async fn take_in(tx: &mut Tx<'_>, fact: &CrossingFact) -> Result<bool, StoreError> {
    let new = sqlx::query(
        "INSERT INTO crossing_facts (kind, chain, height, log_index, block, tx, subject, event, refusal) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(fact.kind)
    .bind(rows::chain(fact.chain))
    .bind(rows::signed(fact.height.0))
    .bind(rows::signed(fact.index))
    .bind(fact.block.to_string())
    .bind(fact.tx.to_string())
    .bind(fact.subject.to_string())
    .bind(&fact.event)
    .bind(fact.refusal.as_deref())
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("taking in a fact", e))?;
    Ok(new.rows_affected() > 0)
}

/// The block in which a fact was seen before.
async fn block_of(tx: &mut Tx<'_>, fact: &CrossingFact) -> Result<B256, StoreError> {
    let found: String = sqlx::query_scalar(
        "SELECT block FROM crossing_facts WHERE kind = ? AND chain = ? AND height = ? AND log_index = ?",
    )
    .bind(fact.kind)
    .bind(rows::chain(fact.chain))
    .bind(rows::signed(fact.height.0))
    .bind(rows::signed(fact.index))
    .fetch_one(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("reading a fact", e))?;
    rows::parse("block hash", &found)
}

async fn insert(tx: &mut Tx<'_>, new: &CrossingWrite, at: u64) -> Result<(), StoreError> {
    let waits = new.waits.as_ref();
    let written = sqlx::query(
        "INSERT INTO crossings (kind, subject, role, id, state, stage, outcome, alarm, revision, \
         waits_chain, waits_account, waits_token, waits_spender, waits_amount, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&new.key.kind)
    .bind(new.key.subject.to_string())
    .bind(&new.key.role)
    .bind(new.id.to_string())
    .bind(&new.state)
    .bind(&new.stage)
    .bind(new.outcome.as_deref())
    .bind(new.alarm.as_deref())
    .bind(waits.map(|waits| rows::chain(waits.account.chain)))
    .bind(waits.map(|waits| rows::account_text(waits.account)))
    .bind(waits.map(|waits| rows::address_text(waits.token)))
    .bind(waits.map(|waits| rows::address_text(waits.spender)))
    .bind(waits.map(|waits| waits.amount.to_string()))
    .bind(rows::signed(at))
    .bind(rows::signed(at))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing a new transfer", e))?;
    if written.rows_affected() == 0 {
        let key = new.key.to_string();
        return Err(StoreError::Exists { key });
    }
    Ok(())
}

async fn update(
    tx: &mut Tx<'_>,
    step: &CrossingWrite,
    from: u64,
    at: u64,
) -> Result<(), StoreError> {
    let failed = |e| StoreError::from_sqlx("writing a state", e);
    let written = sqlx::query(
        "UPDATE crossings SET state = ?, stage = ?, outcome = ?, alarm = coalesce(alarm, ?), revision = ?, \
         waits_chain = CASE WHEN ? THEN waits_chain END, updated_at = ? \
         WHERE kind = ? AND subject = ? AND role = ? AND revision = ?",
    )
    .bind(&step.state)
    .bind(&step.stage)
    .bind(step.outcome.as_deref())
    .bind(step.alarm.as_deref())
    .bind(rows::signed(from.saturating_add(1)))
    .bind(step.waits.is_some())
    .bind(rows::signed(at))
    .bind(&step.key.kind)
    .bind(step.key.subject.to_string())
    .bind(&step.key.role)
    .bind(rows::signed(from))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if written.rows_affected() == 0 {
        let key = step.key.to_string();
        return Err(StoreError::Conflict {
            key,
            expected: from,
        });
    }
    Ok(())
}

/// What has ended wants nothing more; an order that is under way goes on.
async fn drop_wanted(tx: &mut Tx<'_>, key: &CrossingKey) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE crossing_effects SET status = 'dropped' \
         WHERE kind = ? AND subject = ? AND role = ? AND status = 'wanted'",
    )
    .bind(&key.kind)
    .bind(key.subject.to_string())
    .bind(&key.role)
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("dropping effects", e))?;
    Ok(())
}

/// History and effects of one change.
async fn record(
    tx: &mut Tx<'_>,
    write: &CrossingWrite,
    fact: Option<&CrossingFact>,
    at: u64,
) -> Result<(), StoreError> {
    let failed = |e| StoreError::from_sqlx("writing history and effects", e);
    let does: Vec<&str> = write.effects.iter().map(|(purpose, _)| *purpose).collect();
    sqlx::query(
        "INSERT INTO crossing_history (kind, subject, role, seq, name, event, does, stage, chain, height, tx, at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&write.key.kind)
    .bind(write.key.subject.to_string())
    .bind(&write.key.role)
    .bind(rows::signed(write.revision()))
    .bind(write.name)
    .bind(write.event.as_deref())
    .bind(rows::to_json("purposes", &does)?)
    .bind(&write.stage)
    .bind(fact.map(|fact| rows::chain(fact.chain)))
    .bind(fact.map(|fact| rows::signed(fact.height.0)))
    .bind(fact.map(|fact| fact.tx.to_string()))
    .bind(rows::signed(at))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    for (purpose, effect) in &write.effects {
        sqlx::query(
            "INSERT INTO crossing_effects (kind, subject, role, purpose, effect, status) \
             VALUES (?, ?, ?, ?, ?, 'wanted')",
        )
        .bind(&write.key.kind)
        .bind(write.key.subject.to_string())
        .bind(&write.key.role)
        .bind(purpose)
        .bind(effect)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

impl CrossingWrite {
    /// The revision this change leads to.
    pub const fn revision(&self) -> u64 {
        match self.from {
            Some(from) => from.saturating_add(1),
            None => 0,
        }
    }
}

/// Returns `false` when an order of the same task is under way already.
async fn change_effect(
    tx: &mut Tx<'_>,
    id: EffectId,
    change: &EffectChange,
) -> Result<bool, StoreError> {
    let failed = |e| StoreError::from_sqlx("writing what became of an effect", e);
    let query = match change {
        EffectChange::Ordered {
            chain,
            account,
            call,
            proved_at,
        } => {
            let Some(order) = insert_call(&mut **tx, *chain, *account, call).await? else {
                return Ok(false);
            };
            sqlx::query(
                "UPDATE crossing_effects SET status = 'ordered', order_id = ?, proved_at = ? \
                 WHERE id = ? AND status = 'wanted'",
            )
            .bind(order.0)
            .bind(proved_at.map(|height| rows::signed(height.0)))
        }
        EffectChange::Again { exposed } => sqlx::query(
            "UPDATE crossing_effects SET status = 'wanted', exposed = max(exposed, ?) WHERE id = ?",
        )
        .bind(*exposed),
        EffectChange::Done => {
            sqlx::query("UPDATE crossing_effects SET status = 'done' WHERE id = ?")
        }
        EffectChange::Failed => {
            sqlx::query("UPDATE crossing_effects SET status = 'failed' WHERE id = ?")
        }
    };
    query.bind(id.0).execute(&mut **tx).await.map_err(failed)?;
    Ok(true)
}

/// The live cursor never goes back; the rescan may begin anew.
async fn move_cursor(tx: &mut Tx<'_>, cursor: CrossingCursor) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO crossing_cursors (kind, chain, path, next_height) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (kind, chain, path) DO UPDATE SET next_height = \
         CASE WHEN ?3 = 'live' THEN max(next_height, ?4) ELSE ?4 END",
    )
    .bind(cursor.kind)
    .bind(rows::chain(cursor.chain))
    .bind(cursor.path.name())
    .bind(rows::signed(cursor.next.0))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("moving a cursor", e))?;
    Ok(())
}

#[cfg(test)]
mod tests;
