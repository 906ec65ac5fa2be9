//! One transition, one database transaction (V7).

use alloy_primitives::B256;
use causeway_adapter_api::{ChainId, Height, LockId, Preimage, Wanted};
use causeway_core::swap::{Effect, Event, Fate, Seen, State, Stored};
use sqlx::{Sqlite, Transaction};

use super::{
    Edge, PersistPoint, Store, StoreError,
    rows::{self, CursorPath, OrderId, OrderStatus, RecordKey},
};

/// Everything that one transition writes.
#[derive(Debug, Default)]
pub struct Change {
    /// The event of a chain that caused it.
    pub fact: Option<Fact>,
    /// Transfers that begin.
    pub create: Vec<Creation>,
    /// Transfers that change.
    pub steps: Vec<StepWrite>,
    /// The order that came to an end.
    pub order: Option<OrderChange>,
    /// The lock that was answered or refused.
    pub decision: Option<Decision>,
    /// How far the chain has been read now: the next height.
    pub cursor: Option<(ChainId, CursorPath, Height)>,
}

/// Where an event stands on its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// Which chain.
    pub chain: ChainId,
    /// In which block.
    pub height: Height,
    /// Which log of it.
    pub index: u64,
}

/// An event of a chain: [`Event::Locked`], [`Event::Claimed`] or [`Event::Refunded`].
#[derive(Clone, Debug)]
pub struct Fact {
    /// Where it stands.
    pub key: EventKey,
    /// Hash of that block.
    pub block: B256,
    /// What happened.
    pub event: Event,
    /// What a new lock asks for.
    pub wanted: Option<Wanted>,
}

/// A transfer that begins.
#[derive(Debug)]
pub struct Creation {
    /// Its first state.
    pub state: State,
    /// What it asks for.
    pub effects: Vec<Effect>,
    /// Its secret, where it is ours.
    pub secret: Option<Preimage>,
}

/// A transfer that changes.
#[derive(Debug)]
pub struct StepWrite {
    /// Which.
    pub key: RecordKey,
    /// The revision the step was computed from.
    pub from: u64,
    /// What caused it.
    pub event: Event,
    /// Its new state.
    pub state: State,
    /// What it asks for.
    pub effects: Vec<Effect>,
}

/// An order that came to an end.
#[derive(Clone, Copy, Debug)]
pub struct OrderChange {
    /// Which.
    pub id: OrderId,
    /// How.
    pub status: OrderStatus,
}

/// What was decided about a lock that asks for an answer.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Where it is.
    pub chain: ChainId,
    /// Which.
    pub id: LockId,
    /// Why it is not answered, `None` when it is.
    pub refusal: Option<String>,
}

/// Whether a change was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It was.
    Written,
    /// Its event was taken in before: nothing was written.
    SeenBefore,
}

type Tx<'a> = Transaction<'a, Sqlite>;

impl Store {
    /// Writes `change` whole or not at all. `at` is the local time in seconds.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a transfer is no longer at the revision the step was computed from.
    pub async fn commit(
        &self,
        point: PersistPoint,
        change: &Change,
        at: u64,
    ) -> Result<Committed, StoreError> {
        const DOING: &str = "writing a transition";
        let failed = |e| StoreError::from_sqlx(DOING, e);
        self.faults.alive()?;
        // IMMEDIATE: what is read inside cannot be overtaken by another writer.
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        if let Some(fact) = &change.fact
            && !take_in(&mut tx, fact).await?
        {
            let before = block_of(&mut tx, fact.key).await?;
            tx.rollback().await.map_err(failed)?;
            if before == fact.block {
                return Ok(Committed::SeenBefore);
            }
            let EventKey { chain, height, .. } = fact.key;
            return Err(self.halt(chain, height, before, fact.block).await?);
        }
        for creation in &change.create {
            self.create(&mut tx, creation, at).await?;
        }
        for step in &change.steps {
            write_step(&mut tx, step, at).await?;
        }
        if let Some(order) = change.order {
            close_order(&mut tx, order).await?;
        }
        if let Some(decision) = &change.decision {
            decide(&mut tx, decision).await?;
        }
        if let Some((chain, path, next)) = change.cursor {
            move_cursor(&mut tx, chain, path, next).await?;
        }
        self.faults.visit(point, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(point, Edge::After)?;
        Ok(Committed::Written)
    }

    /// A final block is not what it was: nothing the chain says can be trusted any more, now and after a restart.
    pub(super) async fn halt(
        &self,
        chain: ChainId,
        height: Height,
        expected: B256,
        got: B256,
    ) -> Result<StoreError, StoreError> {
        let error = StoreError::ChainChanged {
            chain,
            height,
            expected,
            got,
        };
        sqlx::query("INSERT INTO halts (chain, detail) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(rows::chain(chain))
            .bind(error.to_string())
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("noting that a chain changed", e))?;
        Ok(error)
    }

    async fn create(&self, tx: &mut Tx<'_>, new: &Creation, at: u64) -> Result<(), StoreError> {
        const DOING: &str = "writing a new transfer";
        let failed = |e| StoreError::from_sqlx(DOING, e);
        let key = RecordKey::from(&new.state);
        let state = rows::to_json("state", &Stored::from(new.state.clone()))?;
        let written = sqlx::query(
            "INSERT INTO transfers (id, role, state, stage, ended, revision, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(key.id.to_string())
        .bind(key.role.name())
        .bind(state)
        .bind(stage_name(&new.state)?)
        .bind(new.state.outcome().is_some())
        .bind(rows::signed(at))
        .bind(rows::signed(at))
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
        if written.rows_affected() == 0 {
            return Err(StoreError::Exists {
                key: key.to_string(),
            });
        }
        if let Some(secret) = &new.secret {
            let sealed = self.seal.seal(key.id.0.as_slice(), secret.expose())?;
            sqlx::query("INSERT INTO secrets (transfer, sealed) VALUES (?, ?)")
                .bind(key.id.to_string())
                .bind(sealed)
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
        }
        record(tx, key, 0, None, &new.state, &new.effects, at).await
    }
}

/// Returns whether the event is new.
async fn take_in(tx: &mut Tx<'_>, fact: &Fact) -> Result<bool, StoreError> {
    const DOING: &str = "taking in an event";
    let failed = |e| StoreError::from_sqlx(DOING, e);
    let EventKey {
        chain,
        height,
        index,
    } = fact.key;
    let new = sqlx::query(
        "INSERT INTO seen_events (chain, height, log_index, block) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(chain))
    .bind(rows::signed(height.0))
    .bind(rows::signed(index))
    .bind(fact.block.to_string())
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if new.rows_affected() == 0 {
        return Ok(false);
    }
    match &fact.event {
        Event::Locked(seen) => add_lock(tx, seen, fact.wanted.as_ref(), height).await?,
        Event::Claimed {
            chain,
            id,
            preimage,
        } => {
            close_lock(tx, *chain, *id, Fate::Claimed, Some(*preimage)).await?;
        }
        Event::Refunded { chain, id } => close_lock(tx, *chain, *id, Fate::Refunded, None).await?,
        Event::Approved | Event::Failed { .. } | Event::Tick | Event::Cancel => {}
    }
    Ok(true)
}

/// The block in which an event was seen before.
async fn block_of(tx: &mut Tx<'_>, key: EventKey) -> Result<B256, StoreError> {
    let found: String = sqlx::query_scalar(
        "SELECT block FROM seen_events WHERE chain = ? AND height = ? AND log_index = ?",
    )
    .bind(rows::chain(key.chain))
    .bind(rows::signed(key.height.0))
    .bind(rows::signed(key.index))
    .fetch_one(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("reading an event", e))?;
    rows::parse("block hash", &found)
}

async fn add_lock(
    tx: &mut Tx<'_>,
    seen: &Seen,
    wanted: Option<&Wanted>,
    at: Height,
) -> Result<(), StoreError> {
    let wanted = wanted
        .map(|wanted| rows::to_json("memo", wanted))
        .transpose()?;
    sqlx::query(
        "INSERT INTO locks (chain, lock_id, hashlock, sender, recipient, lock, wanted, fate, height) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(seen.chain))
    .bind(seen.id.to_string())
    .bind(seen.lock.hashlock.to_string())
    .bind(rows::address_text(seen.lock.sender))
    .bind(rows::address_text(seen.lock.recipient))
    .bind(rows::to_json("lock", &seen.lock)?)
    .bind(wanted)
    .bind(rows::signed(at.0))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing a lock", e))?;
    Ok(())
}

async fn close_lock(
    tx: &mut Tx<'_>,
    chain: ChainId,
    id: LockId,
    fate: Fate,
    preimage: Option<B256>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE locks SET fate = ?, preimage = ? WHERE chain = ? AND lock_id = ? AND fate = 'open'",
    )
    .bind(rows::fate_name(fate))
    .bind(preimage.map(|p| p.to_string()))
    .bind(rows::chain(chain))
    .bind(id.to_string())
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("closing a lock", e))?;
    Ok(())
}

async fn write_step(tx: &mut Tx<'_>, step: &StepWrite, at: u64) -> Result<(), StoreError> {
    let next = step.from.saturating_add(1);
    let written = sqlx::query(
        "UPDATE transfers SET state = ?, stage = ?, ended = ?, revision = ?, updated_at = ? \
         WHERE id = ? AND role = ? AND revision = ?",
    )
    .bind(rows::to_json("state", &Stored::from(step.state.clone()))?)
    .bind(stage_name(&step.state)?)
    .bind(step.state.outcome().is_some())
    .bind(rows::signed(next))
    .bind(rows::signed(at))
    .bind(step.key.id.to_string())
    .bind(step.key.role.name())
    .bind(rows::signed(step.from))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing a state", e))?;
    if written.rows_affected() == 0 {
        return Err(StoreError::Conflict {
            key: step.key.to_string(),
            expected: step.from,
        });
    }
    record(
        tx,
        step.key,
        next,
        Some(&step.event),
        &step.state,
        &step.effects,
        at,
    )
    .await
}

/// History and outbox of one change.
async fn record(
    tx: &mut Tx<'_>,
    key: RecordKey,
    seq: u64,
    event: Option<&Event>,
    state: &State,
    effects: &[Effect],
    at: u64,
) -> Result<(), StoreError> {
    let failed = |e| StoreError::from_sqlx("writing history and orders", e);
    sqlx::query(
        "INSERT INTO transitions (transfer, role, seq, event, effects, stage, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key.id.to_string())
    .bind(key.role.name())
    .bind(rows::signed(seq))
    .bind(rows::to_json("event", &event)?)
    .bind(rows::to_json("effects", &effects)?)
    .bind(stage_name(state)?)
    .bind(rows::signed(at))
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    for effect in effects {
        sqlx::query(
            "INSERT INTO outbox (transfer, role, purpose, chain, account, effect, status, exposed) \
             VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0)",
        )
        .bind(key.id.to_string())
        .bind(key.role.name())
        .bind(effect.purpose().name())
        .bind(rows::chain(effect.account().chain))
        .bind(rows::account_text(effect.account()))
        .bind(rows::to_json("effect", effect)?)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

async fn close_order(tx: &mut Tx<'_>, order: OrderChange) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET status = ? WHERE id = ?")
        .bind(order.status.name())
        .bind(order.id.0)
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("closing an order", e))?;
    Ok(())
}

async fn decide(tx: &mut Tx<'_>, decision: &Decision) -> Result<(), StoreError> {
    sqlx::query("UPDATE locks SET decided = 1, refusal = ? WHERE chain = ? AND lock_id = ?")
        .bind(decision.refusal.as_deref())
        .bind(rows::chain(decision.chain))
        .bind(decision.id.to_string())
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("writing a decision", e))?;
    Ok(())
}

/// The live cursor never goes back; the rescan may begin anew.
async fn move_cursor(
    tx: &mut Tx<'_>,
    chain: ChainId,
    path: CursorPath,
    next: Height,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursors (chain, path, next_height) VALUES (?1, ?2, ?3) \
         ON CONFLICT (chain, path) DO UPDATE SET next_height = \
         CASE WHEN ?2 = 'live' THEN max(next_height, ?3) ELSE ?3 END",
    )
    .bind(rows::chain(chain))
    .bind(path.name())
    .bind(rows::signed(next.0))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("moving a cursor", e))?;
    Ok(())
}

fn stage_name(state: &State) -> Result<String, StoreError> {
    rows::to_json("stage", &state.stage()).map(|text| text.trim_matches('"').to_owned())
}
