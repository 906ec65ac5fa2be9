//! What the relay knows: lanes, items, what both chains said about them, orders of its tasks.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_api::{ChainId, Height, TxId};
use causeway_core::{
    lane::{LaneId, Order, Way},
    message::{self, Event, Kind, MessageId, Now, Patience, Sent, State, Stored},
    tree::{self, Ends, LeafKind},
};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    Edge, PersistPoint, Store, StoreError,
    orders::insert_call,
    rows::{self, CursorPath, OrderId, OrderStatus, RelayCall},
};
use crate::relay::abi::{ACK, AckBody, MESSAGE, MessageBody, Processed, Said};

/// One thing a gateway said, and where.
#[derive(Clone, Debug)]
pub struct RelayFact {
    /// In which block.
    pub height: Height,
    /// Which log of it.
    pub index: u64,
    /// In which transaction.
    pub tx: TxId,
    /// Time of the block.
    pub time: u64,
    /// What.
    pub said: Said,
}

/// A lane as its gateway opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// Where.
    pub chain: ChainId,
    /// Its number.
    pub lane: u32,
    /// The other chain.
    pub remote: ChainId,
    /// The other gateway.
    pub remote_gateway: Address,
    /// Light client of the other chain.
    pub client: Address,
    /// In which order its messages are executed.
    pub order: Order,
}

/// An item of a lane.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Its number.
    pub index: u64,
    /// Whether it is a message.
    pub is_message: bool,
    /// Its leaf.
    pub leaf: B256,
    /// Its content.
    pub body: Bytes,
    /// Of an ack: number of the message that came the other way.
    pub about: Option<u64>,
    /// In which block it was appended.
    pub height: Height,
    /// Whether nothing is left to be done with it at its destination.
    pub done: bool,
    /// Local milliseconds at which it was first seen.
    pub since_ms: u64,
}

/// A message as it stands.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its state machine.
    pub state: State,
    /// Its content.
    pub body: Bytes,
    /// In which block it was sent.
    pub height: Height,
    /// In which transaction.
    pub tx: TxId,
    /// How often it changed.
    pub revision: u64,
    /// Local milliseconds at which it was first seen.
    pub created_at: u64,
    /// The sender's failed hook, as it is run again.
    pub hook: Option<Bytes>,
}

/// One line of a message's history.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SaidRow {
    /// Id of the chain that said it.
    pub chain: u64,
    /// In which block.
    pub height: u64,
    /// What: sent, executed, failed, refused, expired, given_up, skipped, acknowledged, timed_out, hook_failed, hook_run.
    pub said: String,
    /// In which transaction.
    pub tx: String,
    /// Height of the other chain whose certificate proved it, where something had to be proved.
    pub proved_at: Option<u64>,
    /// What was returned, or why it failed.
    pub result: Option<String>,
    /// Time of the block, seconds.
    pub time: u64,
}

/// How far a batch of facts was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenIn {
    /// All of it.
    All,
    /// Up to this height, not including it: something there is about an item that the other chain has not shown yet.
    Before(Height),
}

type Tx<'a> = Transaction<'a, Sqlite>;

/// What a batch of facts is read by.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The chain that was read.
    pub chain: ChainId,
    /// Its gateway.
    pub gateway: Address,
    /// By which path.
    pub path: CursorPath,
    /// What is known of time.
    pub now: &'a Now,
    /// How patiently failures are retried.
    pub patience: &'a Patience,
    /// Local milliseconds.
    pub at_ms: u64,
}

impl Store {
    /// Takes in what a gateway said up to `next`, with the states it changed and how far it was read: all of it in one
    /// transaction. What was taken in before is left out.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn take_in_relay(
        &self,
        reading: Reading<'_>,
        facts: &[RelayFact],
        next: Height,
    ) -> Result<TakenIn, StoreError> {
        const DOING: &str = "taking in what a gateway said";
        let failed = |e| StoreError::from_sqlx(DOING, e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let mut taker = Taker {
            reading,
            lanes: lanes(&mut tx).await?,
            proved: HashMap::new(),
        };
        let mut taken = TakenIn::All;
        let mut upto = next;
        for fact in facts {
            if !taker.take(&mut tx, fact).await? {
                taken = TakenIn::Before(fact.height);
                upto = fact.height;
                break;
            }
        }
        sqlx::query(
            "INSERT INTO relay_cursors (chain, path, next_height) VALUES (?1, ?2, ?3) \
             ON CONFLICT (chain, path) DO UPDATE SET next_height = \
             CASE WHEN ?2 = 'live' THEN max(next_height, ?3) ELSE ?3 END",
        )
        .bind(rows::chain(reading.chain))
        .bind(reading.path.name())
        .bind(rows::signed(upto.0))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        self.faults.visit(PersistPoint::RelayRead, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::RelayRead, Edge::After)?;
        Ok(taken)
    }

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

    /// Steps a message by something that no chain said.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is no longer at the revision that was read.
    pub async fn step_message(
        &self,
        row: &MessageRow,
        state: State,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        self.faults
            .visit(PersistPoint::RelayStepped, Edge::Before)?;
        let id = state.sent.id;
        let written = sqlx::query(
            "UPDATE relay_items SET state = ?, stage = ?, revision = revision + 1, updated_at = ? \
             WHERE source = ? AND lane = ? AND idx = ? AND revision = ?",
        )
        .bind(rows::to_json("message", &Stored::from(state.clone()))?)
        .bind(state.stage().name())
        .bind(rows::signed(at_ms))
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .bind(rows::signed(row.revision))
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("writing the state of a message", e))?;
        if written.rows_affected() == 0 {
            return Err(StoreError::Conflict {
                key: id.to_string(),
                expected: row.revision,
            });
        }
        self.faults.visit(PersistPoint::RelayStepped, Edge::After)
    }

    /// Stores a call of the relay for an account; it is sent only afterwards. `None` when one of the same task is under
    /// way already.
    pub async fn add_call(
        &self,
        chain: ChainId,
        account: Address,
        call: &RelayCall,
    ) -> Result<Option<OrderId>, StoreError> {
        self.faults.visit(PersistPoint::RelayCalled, Edge::Before)?;
        let order = insert_call(&self.pool, chain, account, call).await?;
        self.faults.visit(PersistPoint::RelayCalled, Edge::After)?;
        Ok(order)
    }

    /// Tasks with a call under way.
    pub async fn live_tasks(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT task FROM outbox WHERE task IS NOT NULL AND status IN ('waiting', 'sent')",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading tasks under way", e))
    }

    /// How a call ended: its status, why it failed, its transactions.
    pub async fn call_status(
        &self,
        id: OrderId,
    ) -> Result<(OrderStatus, Option<String>, Vec<TxId>), StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a call", e);
        let row = sqlx::query("SELECT status, detail FROM outbox WHERE id = ?")
            .bind(id.0)
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        let txs: Vec<String> = sqlx::query_scalar("SELECT hash FROM txs WHERE order_id = ?")
            .bind(id.0)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        let txs: Result<Vec<TxId>, StoreError> = txs
            .iter()
            .map(|hash| rows::parse("transaction hash", hash).map(TxId))
            .collect();
        Ok((
            OrderStatus::from_name(row.try_get("status").map_err(failed)?)?,
            row.try_get("detail").map_err(failed)?,
            txs?,
        ))
    }

    /// How the newest call of a task ended, and why it failed.
    pub async fn task_end(&self, task: &str) -> Result<Option<(OrderId, OrderStatus)>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a task", e);
        let row =
            sqlx::query("SELECT id, status FROM outbox WHERE task = ? ORDER BY id DESC LIMIT 1")
                .bind(task)
                .fetch_optional(&self.pool)
                .await
                .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let status = OrderStatus::from_name(row.try_get("status").map_err(failed)?)?;
        Ok(Some((OrderId(row.try_get("id").map_err(failed)?), status)))
    }

    /// Keeps the proof of an epoch's last block.
    pub async fn keep_epoch(
        &self,
        chain: ChainId,
        epoch: u64,
        proof: &str,
    ) -> Result<(), StoreError> {
        self.faults.alive()?;
        sqlx::query(
            "INSERT INTO relay_epochs (chain, epoch, proof) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(rows::chain(chain))
        .bind(rows::signed(epoch))
        .bind(proof)
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("keeping the proof of an epoch", e))?;
        Ok(())
    }

    /// The kept proof of an epoch's last block.
    pub async fn kept_epoch(
        &self,
        chain: ChainId,
        epoch: u64,
    ) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT proof FROM relay_epochs WHERE chain = ? AND epoch = ?")
            .bind(rows::chain(chain))
            .bind(rows::signed(epoch))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading the proof of an epoch", e))
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

/// Takes in one fact after the other.
struct Taker<'a> {
    reading: Reading<'a>,
    lanes: HashMap<(ChainId, u32), LaneRow>,
    /// Height of the other chain that the transaction proved, by transaction.
    proved: HashMap<TxId, u64>,
}

/// One side of a lane, and the other.
#[derive(Clone, Copy)]
struct Sides {
    lane: u32,
    here: ChainId,
    there: ChainId,
    order: Order,
    domain: B256,
}

impl Sides {
    const fn out(&self, index: u64) -> MessageId {
        MessageId {
            way: Way {
                lane: LaneId(self.lane),
                from: self.here,
                to: self.there,
            },
            index,
        }
    }

    const fn inward(&self, index: u64) -> MessageId {
        MessageId {
            way: self.out(index).way.back(),
            index,
        }
    }
}

impl Taker<'_> {
    /// Returns `false` when the fact is about an item that is not known yet.
    async fn take(&mut self, tx: &mut Tx<'_>, fact: &RelayFact) -> Result<bool, StoreError> {
        match &fact.said {
            Said::LaneOpened {
                lane,
                remote,
                remote_gateway,
                client,
                ordered,
            } => {
                let row = LaneRow {
                    chain: self.reading.chain,
                    lane: *lane,
                    remote: ChainId(*remote),
                    remote_gateway: *remote_gateway,
                    client: *client,
                    order: if *ordered {
                        Order::Ordered
                    } else {
                        Order::Unordered
                    },
                };
                insert_lane(tx, &row).await?;
                self.lanes.insert((row.chain, row.lane), row);
                Ok(true)
            }
            Said::Appended {
                lane,
                index,
                kind,
                body,
            } => {
                let Some(sides) = self.sides(*lane) else {
                    return Ok(false);
                };
                self.appended(tx, fact, sides, *index, *kind, body).await
            }
            Said::RootProved { lane, root, height } => {
                let Some(sides) = self.sides(*lane) else {
                    return Ok(false);
                };
                self.proved.insert(fact.tx, *height);
                self.rooted(tx, sides, *root, *height).await?;
                Ok(true)
            }
            Said::Processed {
                lane,
                index,
                how,
                result,
            } => {
                let Some(sides) = self.sides(*lane) else {
                    return Ok(false);
                };
                self.processed(tx, fact, sides, *index, *how, result).await
            }
            Said::Acknowledged {
                lane,
                index,
                status,
                result,
            } => {
                let Some(sides) = self.sides(*lane) else {
                    return Ok(false);
                };
                let id = sides.out(*index);
                if !self
                    .note(tx, fact, id, "acknowledged", Some(result))
                    .await?
                {
                    return known(tx, id).await;
                }
                finish_ack(tx, sides, *index).await?;
                self.step(tx, id, &Event::Acknowledged(*status)).await?;
                Ok(true)
            }
            Said::TimedOut { lane, index } => {
                let Some(sides) = self.sides(*lane) else {
                    return Ok(false);
                };
                let id = sides.out(*index);
                if !self.note(tx, fact, id, "timed_out", None).await? {
                    return known(tx, id).await;
                }
                if sides.order == Order::Unordered {
                    finish(tx, id).await?;
                }
                self.step(tx, id, &Event::TimedOut).await?;
                Ok(true)
            }
            Said::HookFailed { id, sender, data } => {
                let Some(message) = by_leaf(tx, *id, &self.lanes).await? else {
                    return Ok(false);
                };
                if self
                    .note(tx, fact, message, "hook_failed", Some(data))
                    .await?
                {
                    let mut hook = sender.to_vec();
                    hook.extend_from_slice(data);
                    set_hook(tx, message, Some(&hook)).await?;
                    self.step(tx, message, &Event::HookFailed).await?;
                }
                Ok(true)
            }
            Said::HookRun { id } => {
                let Some(message) = by_leaf(tx, *id, &self.lanes).await? else {
                    return Ok(false);
                };
                if self.note(tx, fact, message, "hook_run", None).await? {
                    set_hook(tx, message, None).await?;
                    self.step(tx, message, &Event::HookRun).await?;
                }
                Ok(true)
            }
        }
    }

    fn sides(&self, lane: u32) -> Option<Sides> {
        let here = self.reading.chain;
        let row = self.lanes.get(&(here, lane))?;
        let domain = Ends {
            from: (here, self.reading.gateway),
            to: (row.remote, row.remote_gateway),
            lane: LaneId(lane),
        }
        .domain();
        Some(Sides {
            lane,
            here,
            there: row.remote,
            order: row.order,
            domain,
        })
    }

    /// M1: an item of this side. An acknowledgement also tells how a message of the other side ended here.
    async fn appended(
        &mut self,
        tx: &mut Tx<'_>,
        fact: &RelayFact,
        sides: Sides,
        index: u64,
        kind: u8,
        body: &Bytes,
    ) -> Result<bool, StoreError> {
        let id = sides.out(index);
        if kind == MESSAGE {
            let Some(message) = MessageBody::read(body) else {
                return Err(rows::unreadable("body of a message", id));
            };
            let leaf = tree::leaf(sides.domain, index, LeafKind::Message, body);
            let state = message::begin(Sent {
                id,
                order: sides.order,
                kind: if message.is_call() {
                    Kind::Call
                } else {
                    Kind::Message
                },
                sender: message.sender,
                recipient: message.recipient,
                deadline: causeway_adapter_api::Timestamp(message.deadline),
                gas_limit: message.gas_limit,
                leaf,
            });
            let new = NewItem {
                id,
                kind: "message",
                leaf,
                body,
                about: None,
                state: Some(&state),
            };
            insert_item(tx, fact, &new, self.reading.at_ms).await?;
            self.note(tx, fact, id, "sent", None).await?;
            return Ok(true);
        }
        let Some(ack) = AckBody::read(body).filter(|_| kind == ACK) else {
            return Err(rows::unreadable("body of an acknowledgement", id));
        };
        let about = sides.inward(ack.index);
        if !known(tx, about).await? {
            return Ok(false);
        }
        let new = NewItem {
            id,
            kind: "ack",
            leaf: tree::leaf(sides.domain, index, LeafKind::Ack, body),
            body,
            about: Some(ack.index),
            state: None,
        };
        insert_item(tx, fact, &new, self.reading.at_ms).await?;
        let event = Event::Done {
            status: ack.status,
            result: ack.result,
            ack: index,
        };
        self.step(tx, about, &event).await?;
        Ok(true)
    }

    /// M3: a root of the other side is known here.
    async fn rooted(
        &self,
        tx: &mut Tx<'_>,
        sides: Sides,
        root: B256,
        height: u64,
    ) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("taking in a root", e);
        sqlx::query(
            "INSERT INTO relay_roots (chain, lane, root, proved_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(rows::chain(sides.here))
        .bind(sides.lane)
        .bind(root.to_string())
        .bind(rows::signed(height))
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM relay_items WHERE source = ? AND lane = ? AND height <= ?",
        )
        .bind(rows::chain(sides.there))
        .bind(sides.lane)
        .bind(rows::signed(height))
        .fetch_one(&mut **tx)
        .await
        .map_err(failed)?;
        let count = rows::unsigned(count);
        // Messages of the other side that wait for it here, and of this side whose results it brings home.
        for (source, stages, event) in [
            (sides.there, ["sent", "sent"], Event::Rooted { count }),
            (
                sides.here,
                ["executed", "failed"],
                Event::RootedBack { count },
            ),
        ] {
            let found: Vec<i64> = sqlx::query_scalar(
                "SELECT idx FROM relay_items WHERE source = ? AND lane = ? AND kind = 'message' \
                 AND ended = 0 AND stage IN (?, ?)",
            )
            .bind(rows::chain(source))
            .bind(sides.lane)
            .bind(stages[0])
            .bind(stages[1])
            .fetch_all(&mut **tx)
            .await
            .map_err(failed)?;
            for index in found.into_iter().map(rows::unsigned) {
                let id = if source == sides.there {
                    sides.inward(index)
                } else {
                    sides.out(index)
                };
                self.step(tx, id, &event).await?;
            }
        }
        Ok(())
    }

    async fn processed(
        &mut self,
        tx: &mut Tx<'_>,
        fact: &RelayFact,
        sides: Sides,
        index: u64,
        how: Processed,
        result: &Bytes,
    ) -> Result<bool, StoreError> {
        let id = sides.inward(index);
        let result = (!result.is_empty()).then_some(result);
        if !self.note(tx, fact, id, how.name(), result).await? {
            return known(tx, id).await;
        }
        finish(tx, id).await?;
        match how {
            // M10: the acknowledgement, once there is one, tells the rest.
            Processed::Failed => self.step(tx, id, &Event::Kept).await?,
            Processed::Expired => self.step(tx, id, &Event::Expired).await?,
            Processed::Executed | Processed::Refused | Processed::GivenUp | Processed::Skipped => {}
        }
        Ok(true)
    }

    /// Writes a line of history; `false` when it is there already, or its item is not known.
    async fn note(
        &self,
        tx: &mut Tx<'_>,
        fact: &RelayFact,
        id: MessageId,
        said: &str,
        result: Option<&Bytes>,
    ) -> Result<bool, StoreError> {
        if !known(tx, id).await? {
            return Ok(false);
        }
        let proved = self.proved.get(&fact.tx).copied();
        let written = sqlx::query(
            "INSERT INTO relay_history \
             (chain, height, log_index, source, lane, idx, said, tx, proved_at, result, at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, \
             coalesce(?, CASE WHEN ? = 'sent' THEN NULL ELSE \
             (SELECT max(proved_at) FROM relay_roots WHERE chain = ? AND lane = ?) END), ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(rows::chain(self.reading.chain))
        .bind(rows::signed(fact.height.0))
        .bind(rows::signed(fact.index))
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .bind(said)
        .bind(fact.tx.to_string())
        .bind(proved.map(rows::signed))
        .bind(said)
        .bind(rows::chain(self.reading.chain))
        .bind(id.way.lane.0)
        .bind(result.map(|bytes| bytes.to_vec()))
        .bind(rows::signed(fact.time))
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("writing the history of a message", e))?;
        Ok(written.rows_affected() > 0)
    }

    /// Steps a message; an event that says nothing new changes nothing.
    async fn step(&self, tx: &mut Tx<'_>, id: MessageId, event: &Event) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("stepping a message", e);
        let found: Option<String> = sqlx::query_scalar(
            "SELECT state FROM relay_items WHERE source = ? AND lane = ? AND idx = ? AND state IS NOT NULL",
        )
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
        let Some(text) = found else {
            return Ok(()); // An acknowledgement has no state of its own.
        };
        let state = State::from(rows::from_json::<Stored>("message", &text)?);
        let next = match message::step(&state, event, self.reading.now, self.reading.patience) {
            Ok((next, _)) => next,
            Err(unexpected) => {
                tracing::debug!(message = %id, %unexpected, "nothing new");
                return Ok(());
            }
        };
        sqlx::query(
            "UPDATE relay_items SET state = ?, stage = ?, ended = ?, revision = revision + 1, updated_at = ? \
             WHERE source = ? AND lane = ? AND idx = ?",
        )
        .bind(rows::to_json("message", &Stored::from(next.clone()))?)
        .bind(next.stage().name())
        .bind(next.outcome().is_some())
        .bind(rows::signed(self.reading.at_ms))
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

struct NewItem<'a> {
    id: MessageId,
    kind: &'static str,
    leaf: B256,
    body: &'a Bytes,
    about: Option<u64>,
    state: Option<&'a State>,
}

async fn lanes(tx: &mut Tx<'_>) -> Result<HashMap<(ChainId, u32), LaneRow>, StoreError> {
    let found = sqlx::query("SELECT * FROM relay_lanes")
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("reading lanes", e))?;
    found
        .iter()
        .map(|row| lane_row(row).map(|row| ((row.chain, row.lane), row)))
        .collect()
}

async fn insert_lane(tx: &mut Tx<'_>, row: &LaneRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO relay_lanes (chain, lane, remote, remote_gateway, client, ordered) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(row.chain))
    .bind(row.lane)
    .bind(rows::chain(row.remote))
    .bind(rows::address_text(row.remote_gateway))
    .bind(rows::address_text(row.client))
    .bind(row.order == Order::Ordered)
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing a lane", e))?;
    Ok(())
}

async fn insert_item(
    tx: &mut Tx<'_>,
    fact: &RelayFact,
    new: &NewItem<'_>,
    at_ms: u64,
) -> Result<(), StoreError> {
    let state = new
        .state
        .map(|state| rows::to_json("message", &Stored::from(state.clone())))
        .transpose()?;
    sqlx::query(
        "INSERT INTO relay_items \
         (source, lane, idx, kind, leaf, body, about, height, tx, state, stage, deadline, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(new.id.way.from))
    .bind(new.id.way.lane.0)
    .bind(rows::signed(new.id.index))
    .bind(new.kind)
    .bind(new.leaf.to_string())
    .bind(new.body.to_vec())
    .bind(new.about.map(rows::signed))
    .bind(rows::signed(fact.height.0))
    .bind(fact.tx.to_string())
    .bind(state)
    .bind(new.state.map_or("sent", |state| state.stage().name()))
    .bind(new.state.map(|state| rows::signed(state.sent.deadline.0)))
    .bind(rows::signed(at_ms))
    .bind(rows::signed(at_ms))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing an item", e))?;
    Ok(())
}

async fn known(tx: &mut Tx<'_>, id: MessageId) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM relay_items WHERE source = ? AND lane = ? AND idx = ?")
            .bind(rows::chain(id.way.from))
            .bind(id.way.lane.0)
            .bind(rows::signed(id.index))
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| StoreError::from_sqlx("looking for an item", e))?;
    Ok(found.is_some())
}

/// Nothing is left to be done with the item at its destination.
async fn finish(tx: &mut Tx<'_>, id: MessageId) -> Result<(), StoreError> {
    sqlx::query("UPDATE relay_items SET done = 1 WHERE source = ? AND lane = ? AND idx = ?")
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("finishing an item", e))?;
    Ok(())
}

/// The acknowledgement of a message of this side arrived.
async fn finish_ack(tx: &mut Tx<'_>, sides: Sides, index: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE relay_items SET done = 1, stage = 'acknowledged', ended = 1 \
         WHERE source = ? AND lane = ? AND kind = 'ack' AND about = ?",
    )
    .bind(rows::chain(sides.there))
    .bind(sides.lane)
    .bind(rows::signed(index))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("finishing an acknowledgement", e))?;
    Ok(())
}

async fn set_hook(
    tx: &mut Tx<'_>,
    id: MessageId,
    hook: Option<&Vec<u8>>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE relay_items SET hook = ? WHERE source = ? AND lane = ? AND idx = ?")
        .bind(hook)
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("keeping a hook", e))?;
    Ok(())
}

async fn by_leaf(
    tx: &mut Tx<'_>,
    leaf: B256,
    lanes: &HashMap<(ChainId, u32), LaneRow>,
) -> Result<Option<MessageId>, StoreError> {
    let failed = |e| StoreError::from_sqlx("looking for a message", e);
    let found = sqlx::query("SELECT source, lane, idx FROM relay_items WHERE leaf = ?")
        .bind(leaf.to_string())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
    let Some(row) = found else {
        return Ok(None);
    };
    let from = ChainId(rows::unsigned(row.try_get("source").map_err(failed)?));
    let lane: u32 = row.try_get("lane").map_err(failed)?;
    let index = rows::unsigned(row.try_get("idx").map_err(failed)?);
    Ok(lanes.get(&(from, lane)).map(|known| MessageId {
        way: Way {
            lane: LaneId(lane),
            from,
            to: known.remote,
        },
        index,
    }))
}

fn lane_row(row: &SqliteRow) -> Result<LaneRow, StoreError> {
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
