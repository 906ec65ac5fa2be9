//! The one task of a kind: reads what is new, steps by time, turns effects into orders and looks what became of them. All it
//! knows is in the store and on the chains.

use std::{collections::HashMap, sync::Arc};

use causeway_adapter_api::{ChainId, Height, Tip};
use causeway_core::swap::{Failure, Now};
use futures::future::select_all;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::{
    Act, CrossingError, Ground, Kind, News, OnRefusal, Place, Wish,
    kind::by_chain,
    read::{cursor, sync},
    step::{parse, state, stepped},
};
use crate::store::{
    CrossingRow, CrossingWrite, CursorPath, EffectChange, EffectRow, OrderStatus, PersistPoint,
    StoreError,
};

pub(super) struct Runner<K: Kind> {
    ground: Arc<Ground>,
    kind: Arc<K>,
    places: Vec<Place>,
    /// The next height to read; the stored cursor may lag, reading again is harmless.
    next: HashMap<ChainId, Height>,
    /// The newest block of each chain up to which everything was taken in.
    tips: HashMap<ChainId, Tip>,
}

impl<K: Kind> Runner<K> {
    pub(super) fn new(ground: Arc<Ground>, kind: Arc<K>) -> Self {
        let places = by_chain(kind.places());
        Self {
            ground,
            kind,
            places,
            next: HashMap::new(),
            tips: HashMap::new(),
        }
    }

    /// Works until the driver stops.
    pub(super) async fn run(mut self) {
        let ground = Arc::clone(&self.ground);
        let mut closed = ground.driver.closed_calls();
        loop {
            match ground.stop.run_until_cancelled(self.look()).await {
                None | Some(Err(CrossingError::Store(StoreError::Injected(_)))) => return,
                Some(Ok(())) => {}
                // Fails closed: the driver stops and does not start again.
                Some(Err(CrossingError::Store(error @ StoreError::ChainChanged { .. }))) => {
                    error!(%error, "nothing is sent any more");
                    return ground.driver.fail_closed();
                }
                Some(Err(error)) => warn!(kind = K::NAME, %error, "looking again"),
            }
            let news = self.places.iter().map(|place| {
                let after = self.tips.get(&place.chain);
                let after = after.map_or(Height(0), |tip| tip.height);
                let ground = &ground;
                Box::pin(async move {
                    match ground.chain(place.chain) {
                        Ok(chain) => chain.finalized_after(after).await.is_ok(),
                        Err(_) => false,
                    }
                })
            });
            tokio::select! {
                () = ground.stop.cancelled() => return,
                _ = closed.changed() => {}
                () = ground.bell.notified() => {}
                () = tokio::time::sleep(ground.config.poll) => {}
                (true, _, _) = select_all(news) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), CrossingError> {
        for place in self.places.clone() {
            match self.follow(&place).await {
                Err(CrossingError::Store(error)) => return Err(error.into()),
                // A chain in trouble holds up only what needs it: its clock stands still.
                Err(error) => warn!(chain = %place.chain, %error, "chain not read, trying again"),
                Ok(()) => {}
            }
        }
        let ground = Arc::clone(&self.ground);
        let clocks = self.tips.iter();
        let now = Now::new(clocks.map(|(chain, tip)| (*chain, ground.clock(tip.time))));
        ground.set_now(now.clone());
        self.tick(&now).await?;
        for effect in ground.store.crossing_effects(K::NAME).await? {
            let done = self.effect(&effect, &now).await;
            match done {
                Err(CrossingError::Store(StoreError::Conflict { .. })) | Ok(()) => {}
                Err(CrossingError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    warn!(kind = K::NAME, subject = %effect.key.subject, %error, "effect waits");
                }
            }
        }
        ground.pace().forget_old(Instant::now());
        Ok(())
    }

    /// Takes in everything up to the newest final block of one chain.
    async fn follow(&mut self, place: &Place) -> Result<(), CrossingError> {
        let tip = self.ground.chain(place.chain)?.finalized().await?;
        let path = CursorPath::Live;
        let next = match self.next.get(&place.chain) {
            Some(next) => *next,
            None => cursor::<K>(&self.ground, place, path).await?,
        };
        let range = (next, tip.height);
        let next = sync(&self.ground, &*self.kind, place, path, range).await?;
        self.next.insert(place.chain, next);
        self.tips.insert(place.chain, tip);
        Ok(())
    }

    /// Steps every open transfer for which something is due by now.
    async fn tick(&self, now: &Now) -> Result<(), CrossingError> {
        let Some(tick) = K::told(News::Tick) else {
            return Ok(());
        };
        for row in self.ground.store.open_crossings(K::NAME).await? {
            let Some(write) = stepped::<K>(&row, &tick, now)? else {
                continue;
            };
            let point = PersistPoint::CrossingStepped;
            match self.ground.commit(point, None, vec![write], None).await {
                // A command of the operator was quicker: the next look sees both.
                Err(CrossingError::Store(StoreError::Conflict { .. })) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Brings one effect a step further.
    async fn effect(&self, row: &EffectRow, now: &Now) -> Result<(), CrossingError> {
        let about = self.ground.store.crossings_about(K::NAME, row.key.subject);
        let about = about.await?;
        let Some(record) = about.iter().find(|record| record.key == row.key) else {
            return Ok(());
        };
        let effect: K::Effect = parse("effect", &row.effect)?;
        let held = Held {
            row,
            record,
            task: task::<K>(row, &effect),
            wish: Wish {
                effect,
                exposed: row.exposed,
                now: now.clone(),
            },
        };
        match (&row.order, row.wanted) {
            (Some(order), false) => match order.status {
                OrderStatus::Waiting | OrderStatus::Sent => Ok(()),
                OrderStatus::Done => {
                    self.ground.pace().done(&held.task);
                    self.end(&held, EffectChange::Done, News::Done(&held.wish.effect))
                        .await
                }
                OrderStatus::Failed => self.refused(&held).await,
            },
            _ if self.ground.pace().pauses(&held.task, Instant::now()) => Ok(()),
            _ => self.act(&held).await,
        }
    }

    /// Orders what is wanted, if its proof is at hand.
    async fn act(&self, held: &Held<'_, K>) -> Result<(), CrossingError> {
        let state = state::<K>(held.record)?;
        match self.kind.act(&self.ground, &state, &held.wish).await? {
            Act::Order(mut ordered) => {
                ordered.call.task.clone_from(&held.task);
                let (chain, account) = (ordered.chain, ordered.account);
                debug!(transfer_id = %held.record.id, task = held.task, proved_at = ?ordered.proved_at, "ordered");
                let change = EffectChange::Ordered {
                    chain,
                    account,
                    call: ordered.call,
                    proved_at: ordered.proved_at,
                };
                let effect = Some((held.row.id, change));
                let point = PersistPoint::CrossingOrdered;
                self.ground.commit(point, None, Vec::new(), effect).await?;
                self.ground.driver.knock(chain, account);
                Ok(())
            }
            Act::NotYet => Ok(()),
            Act::Moot => self.change(held, EffectChange::Done, None).await,
            Act::Fail(failure) => self.fail(held, failure).await,
        }
    }

    /// Its order failed.
    async fn refused(&self, held: &Held<'_, K>) -> Result<(), CrossingError> {
        let Some(order) = &held.row.order else {
            return Ok(());
        };
        let exposed = held.row.exposed || order.exposed;
        let failure = match (&order.detail, exposed) {
            (Some(reason), _) => Failure::Refused(reason.clone()),
            // Its time was over, which no pause changes.
            (None, false) => return self.fail(held, Failure::NeverSent).await,
            (None, true) => return self.fail(held, Failure::Overdue).await,
        };
        let now = Instant::now();
        let times = {
            let mut pace = self.ground.pace();
            pace.refused(&held.task, order.id, &self.ground.config.retry, now)
        };
        match self.kind.on_refusal(&held.wish.effect) {
            OnRefusal::Tell if self.ground.pace().pauses(&held.task, now) => Ok(()),
            OnRefusal::Tell => self.fail(held, failure).await,
            OnRefusal::Times(most) if times >= most => {
                let state = state::<K>(held.record)?;
                // It may be refused because it is done.
                match self.kind.act(&self.ground, &state, &held.wish).await? {
                    Act::Moot => self.change(held, EffectChange::Done, None).await,
                    _ => self.fail(held, failure).await,
                }
            }
            OnRefusal::Times(_) | OnRefusal::Insist => {
                let again = EffectChange::Again { exposed };
                self.change(held, again, None).await
            }
        }
    }

    async fn fail(&self, held: &Held<'_, K>, failure: Failure) -> Result<(), CrossingError> {
        let news = News::Failed(&held.wish.effect, failure);
        self.end(held, EffectChange::Failed, news).await
    }

    /// An effect is over, and the machine hears of it: one commit.
    async fn end(
        &self,
        held: &Held<'_, K>,
        change: EffectChange,
        news: News<'_, K::Effect>,
    ) -> Result<(), CrossingError> {
        let write = match K::told(news) {
            Some(event) => stepped::<K>(held.record, &event, &held.wish.now)?,
            None => None,
        };
        self.change(held, change, write).await
    }

    async fn change(
        &self,
        held: &Held<'_, K>,
        change: EffectChange,
        write: Option<CrossingWrite>,
    ) -> Result<(), CrossingError> {
        let effect = Some((held.row.id, change));
        let writes = write.into_iter().collect();
        let point = PersistPoint::CrossingStepped;
        self.ground.commit(point, None, writes, effect).await?;
        Ok(())
    }
}

/// An effect with all that belongs to it.
struct Held<'a, K: Kind> {
    row: &'a EffectRow,
    record: &'a CrossingRow,
    task: String,
    wish: Wish<K::Effect>,
}

/// One order at a time for each purpose of a record.
fn task<K: Kind>(row: &EffectRow, effect: &K::Effect) -> String {
    let (subject, role) = (row.key.subject, &row.key.role);
    format!("{}:{subject}:{role}:{}", K::NAME, K::purpose(effect))
}
