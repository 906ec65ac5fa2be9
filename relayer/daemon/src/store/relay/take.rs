//! Takes in what gateways said: facts become items, history, and steps of the messages they are about.

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes};
use causeway_adapter_api::{ChainId, Height, TxId};
use causeway_core::{
    lane::{LaneId, Order, Way},
    message::{self, Event, Kind, MessageId, Sent, State, Stored},
    tree::{self, Ends, LeafKind},
};

use super::{
    LaneRow, MessageNews, Reading, RelayFact, TakenIn, Tx,
    write::{
        NewItem, by_leaf, finish, finish_ack, insert_item, insert_lane, known, lanes, set_hook,
    },
};
use crate::{
    relay::abi::{ACK, AckBody, MESSAGE, MessageBody, Processed, Said},
    store::{
        Edge, PersistPoint, Store, StoreError,
        rows::{self},
    },
};

impl Store {
    /// Takes in what a gateway said up to `next`, with the states it changed and how far it was read: all of it in one
    /// transaction. What was taken in before is left out; what was new is returned.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn take_in_relay(
        &self,
        reading: Reading<'_>,
        facts: &[RelayFact],
        next: Height,
    ) -> Result<(TakenIn, Vec<MessageNews>), StoreError> {
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
            news: Vec::new(),
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
        Ok((taken, taker.news))
    }
}

/// Takes in one fact after the other.
struct Taker<'a> {
    reading: Reading<'a>,
    lanes: HashMap<(ChainId, u32), LaneRow>,
    /// Height of the other chain that the transaction proved, by transaction.
    proved: HashMap<TxId, u64>,
    /// What was new.
    news: Vec<MessageNews>,
}

/// One side of a lane, and the other.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    pub(super) lane: u32,
    here: ChainId,
    pub(super) there: ChainId,
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
        &mut self,
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
        let fresh = written.rows_affected() > 0;
        if fresh {
            self.news.push(MessageNews {
                id,
                said: said.to_owned(),
                chain: self.reading.chain,
                height: fact.height,
                tx: fact.tx,
                time: fact.time,
            });
        }
        Ok(fresh)
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
