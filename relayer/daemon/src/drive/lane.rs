//! Sends the orders of one account, one nonce after the other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alloy_primitives::{Address, Bytes, U256};
use causeway_adapter_api::{
    Action, Bump, Chain, ChainError, ChainId, LockState, Order, Preimage, PreparedTx, Retry,
    TxStatus,
};
use causeway_core::{
    retry::{self, Next},
    swap::{Effect, Failure, Give, Leg, Secret, State},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{DriveError, Shared, router::Msg, watcher::jitter};
use crate::{
    metrics,
    store::{Allowed, OrderRow, OrderStatus, RelayCall, StoreError, TxRow, Work},
};

/// Where a lane is woken: by a new order, or by a new block.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) account: Address,
    pub(super) knock: Arc<Notify>,
}

impl Door {
    pub(super) fn new(account: Address) -> Self {
        Self {
            account,
            knock: Arc::new(Notify::new()),
        }
    }
}

/// Sends the orders of one account on one chain. Owns nothing that is not in the store, but for the pauses.
pub(super) struct Lane {
    shared: Arc<Shared>,
    id: ChainId,
    chain: Arc<dyn Chain>,
    door: Door,
    router: mpsc::Sender<Msg>,
    /// Attempts and the next moment to try, by order. Forgotten with a restart: then everything is tried at once.
    pauses: HashMap<i64, (u32, Instant)>,
}

/// How an order is over.
#[derive(Debug)]
pub(super) enum Closed {
    /// It did what it was to do, or somebody else did.
    Done,
    /// It was given up.
    Failed(Failure),
}

/// What stops a pass: the database; trouble with the chain is dealt with order by order.
type Pass<T> = Result<T, DriveError>;

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        chain: Arc<dyn Chain>,
        door: Door,
        router: mpsc::Sender<Msg>,
    ) -> Self {
        let id = chain.info().id;
        Self {
            shared,
            id,
            chain,
            door,
            router,
            pauses: HashMap::new(),
        }
    }

    /// Works until the driver stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let knock = Arc::clone(&self.door.knock);
        loop {
            if let Some(Err(error)) = stop.run_until_cancelled(self.pass()).await {
                if matches!(
                    error,
                    DriveError::Store(StoreError::Injected(_)) | DriveError::Stopped
                ) {
                    return;
                }
                warn!(chain = %self.id, account = %self.door.account, %error, "orders not worked on");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = knock.notified() => {}
                () = tokio::time::sleep(self.shared.config.poll) => {}
            }
        }
    }

    /// Looks at every order of the account once.
    async fn pass(&mut self) -> Pass<()> {
        // Without a clock nothing is known to be in time.
        if !self.shared.clocks.know([self.id]) {
            return Ok(());
        }
        let orders = self
            .shared
            .store
            .live_orders(self.id, self.door.account, AT_ONCE)
            .await?;
        self.pauses
            .retain(|id, _| orders.iter().any(|order| order.id.0 == *id));
        let mut taken: Vec<u64> = orders
            .iter()
            .flat_map(|o| &o.txs)
            .map(|tx| tx.tx.nonce)
            .collect();
        for order in orders {
            if self
                .pauses
                .get(&order.id.0)
                .is_some_and(|(_, until)| *until > Instant::now())
            {
                continue;
            }
            if order.txs.is_empty() {
                self.begin(&order, &mut taken).await?;
            } else {
                self.pursue(&order).await?;
            }
        }
        self.fill_gap(&taken).await;
        Ok(())
    }

    /// Sends an order for the first time, or again after its nonce was given back.
    async fn begin(&mut self, order: &OrderRow, taken: &mut Vec<u64>) -> Pass<()> {
        if let Some(failure) = self.too_late(order) {
            return self.close(order, Closed::Failed(failure)).await;
        }
        let mut nonce = match self.chain.next_nonce(self.door.account).await {
            Ok(nonce) => nonce,
            Err(error) => return self.trouble(order, &error).await,
        };
        while taken.contains(&nonce) {
            nonce = nonce.saturating_add(1);
        }
        let action = self.action(order).await?;
        let wish = Order {
            account: self.door.account,
            action,
        };
        let tx = match self.chain.prepare(&wish, nonce, Bump(0)).await {
            Ok(tx) => tx,
            Err(error) => return self.trouble(order, &error).await,
        };
        self.shared.store.add_tx(order.id, &tx, Bump(0)).await?;
        taken.push(nonce);
        self.send(order, &tx).await
    }

    /// Looks what became of the transactions of an order.
    async fn pursue(&mut self, order: &OrderRow) -> Pass<()> {
        let Some(newest) = order.txs.last() else {
            return Ok(());
        };
        if newest.sent_at.is_none() {
            // Stored before a crash, never sent.
            return self.send(order, &newest.tx).await;
        }
        match self.found(order).await {
            Err(error) => self.trouble(order, &error).await,
            Ok(Found::Final { row, status }) => self.finish(order, &row, status).await,
            Ok(Found::Pending) => self.replace_stuck(order, newest).await,
            Ok(Found::Nowhere) => self.send_again(order, newest).await,
        }
    }

    async fn found(&self, order: &OrderRow) -> Result<Found, ChainError> {
        let mut found = Found::Nowhere;
        for row in &order.txs {
            match self.chain.status(row.tx.id).await? {
                TxStatus::Unknown => {}
                TxStatus::Pending => found = Found::Pending,
                status @ TxStatus::Final { .. } => {
                    return Ok(Found::Final {
                        row: Box::new(row.clone()),
                        status,
                    });
                }
            }
        }
        Ok(found)
    }

    async fn finish(&mut self, order: &OrderRow, row: &TxRow, status: TxStatus) -> Pass<()> {
        let TxStatus::Final {
            at, succeeded, fee, ..
        } = status
        else {
            return Ok(());
        };
        metrics::transaction(self.id, order.work.purpose(), succeeded, fee);
        if succeeded {
            if let Some(sent) = row.sent_at
                && let Err(error) = self.shared.measure_tx(self.id, sent, at).await
            {
                debug!(chain = %self.id, %error, "transaction not measured");
            }
            return self.close(order, Closed::Done).await;
        }
        info!(chain = %self.id, tx = %row.tx.id, purpose = order.work.purpose(), "transaction reverted");
        self.shared.store.void_txs(order.id).await?;
        if order.work.moot().is_some() {
            // The next simulation tells whether somebody else was first.
            return Ok(());
        }
        self.look(order, "its transaction reverted".into()).await
    }

    /// A transaction that nobody knows: it was dropped, or another one took its nonce.
    async fn send_again(&mut self, order: &OrderRow, newest: &TxRow) -> Pass<()> {
        match self.chain.broadcast(&newest.tx).await {
            Ok(()) => Ok(()),
            Err(ChainError::NonceTooLow { .. }) => match self.found(order).await {
                // Neither of ours got there, so none ever will: the nonce belongs to somebody else.
                Ok(Found::Nowhere) => Ok(self.shared.store.void_txs(order.id).await?),
                Ok(_) => Ok(()),
                Err(error) => self.trouble(order, &error).await,
            },
            Err(error) if error.retry() == Retry::Never => {
                self.shared.store.void_txs(order.id).await?;
                self.trouble(order, &error).await
            }
            Err(error) => self.trouble(order, &error).await,
        }
    }

    /// A transaction that waits too long is replaced by one that pays more.
    async fn replace_stuck(&mut self, order: &OrderRow, newest: &TxRow) -> Pass<()> {
        let Some(sent) = newest.sent_at else {
            return Ok(());
        };
        let waited = Duration::from_millis(self.shared.clocks.millis().saturating_sub(sent));
        let block_time = self.shared.clocks.block_time(self.id);
        let policy = &self.shared.config.retry;
        let Some(bump) = retry::replacement(policy, waited, block_time, newest.bump) else {
            return Ok(());
        };
        let wish = Order {
            account: self.door.account,
            action: self.action(order).await?,
        };
        match self.chain.prepare(&wish, newest.tx.nonce, bump).await {
            Ok(tx) => {
                info!(chain = %self.id, nonce = tx.nonce, bump = bump.0, "replacing a stuck transaction");
                metrics::replaced(self.id);
                self.shared.store.add_tx(order.id, &tx, bump).await?;
                self.send(order, &tx).await
            }
            // It cannot succeed any more; the chain will say so of the first one too.
            Err(ChainError::Reverted { .. }) => Ok(()),
            Err(error) => self.trouble(order, &error).await,
        }
    }

    async fn send(&mut self, order: &OrderRow, tx: &PreparedTx) -> Pass<()> {
        let (store, now) = (&self.shared.store, self.shared.clocks.millis());
        // Preparing may have taken long; a secret is not shown when it is too late for it.
        if !order.exposed && self.too_late(order).is_some() {
            return Ok(store.void_txs(order.id).await?);
        }
        store.mark_sending(order.id, tx.id, now).await?;
        let sent = self.chain.broadcast(tx).await;
        store.note_sent()?;
        match sent {
            Ok(()) => {
                debug!(chain = %self.id, tx = %tx.id, purpose = order.work.purpose(), "sent");
                self.pauses.remove(&order.id.0);
                Ok(())
            }
            // The next pass asks for its status before anything else.
            Err(ChainError::NonceTooLow { .. }) => Ok(()),
            Err(error) if error.retry() == Retry::Never => {
                store.void_txs(order.id).await?;
                self.trouble(order, &error).await
            }
            Err(error) => self.trouble(order, &error).await,
        }
    }

    /// Decides by the kind of the error.
    async fn trouble(&mut self, order: &OrderRow, error: &ChainError) -> Pass<()> {
        if let (ChainError::Reverted { data, .. }, Some(moot)) = (error, order.work.moot())
            && data.starts_with(moot.as_slice())
        {
            debug!(chain = %self.id, purpose = order.work.purpose(), "somebody else was first");
            return self.close(order, Closed::Done).await;
        }
        let attempt = self.attempts(order);
        match retry::next(&self.shared.config.retry, error.retry(), attempt, jitter()) {
            Next::After(pause) | Next::Person(pause) => {
                warn!(chain = %self.id, purpose = order.work.purpose(), %error, ?pause, "order waits");
                self.pause(order, pause);
                Ok(())
            }
            Next::Look => match error {
                ChainError::Reverted { reason, .. } => self.look(order, reason.clone()).await,
                _ => {
                    warn!(chain = %self.id, purpose = order.work.purpose(), %error, "order waits");
                    self.pause(
                        order,
                        retry::look_again(&self.shared.config.retry, attempt, jitter()),
                    );
                    Ok(())
                }
            },
        }
    }

    /// The contract says no: the state of the lock says what that means.
    async fn look(&mut self, order: &OrderRow, reason: String) -> Pass<()> {
        let Work::Transfer { effect, .. } = &order.work else {
            // The relay looks at the chains and decides anew.
            return self
                .close(order, Closed::Failed(Failure::Refused(reason)))
                .await;
        };
        let attempt = self.attempts(order);
        let lock = match effect {
            Effect::Approve { .. } => None,
            Effect::Lock { leg, .. } => leg.lock.id().ok(),
            Effect::Claim { seen, .. } | Effect::Refund { seen, .. } => Some(seen.id),
        };
        let state = match lock {
            Some(id) => match self.chain.lock_state(id).await {
                Ok(state) => Some(state),
                Err(error) => {
                    warn!(chain = %self.id, %error, "state of a lock not read");
                    self.pause(
                        order,
                        retry::look_again(&self.shared.config.retry, attempt, jitter()),
                    );
                    return Ok(());
                }
            },
            None => None,
        };
        match (effect, state) {
            // Already done by us or by someone else.
            (Effect::Claim { .. } | Effect::Refund { .. }, Some(LockState::Closed))
            // The contract forgets a lock that was refunded whole; a refund is only asked for a lock that was there.
            | (Effect::Refund { .. }, Some(LockState::Unknown))
            | (Effect::Lock { .. }, Some(LockState::Open { .. } | LockState::Closed)) => {
                self.close(order, Closed::Done).await
            }
            (Effect::Lock { .. } | Effect::Approve { .. }, _) if attempt >= REFUSALS => {
                self.close(order, Closed::Failed(Failure::Refused(reason)))
                    .await
            }
            _ => {
                debug!(chain = %self.id, purpose = order.work.purpose(), %reason, "refused for now");
                self.pause(
                    order,
                    retry::look_again(&self.shared.config.retry, attempt, jitter()),
                );
                Ok(())
            }
        }
    }

    /// Why an order is not begun any more.
    fn too_late(&self, order: &OrderRow) -> Option<Failure> {
        let clock = self.shared.clocks.now().of(self.id);
        let failure = if order.exposed {
            Failure::Overdue
        } else {
            Failure::NeverSent
        };
        let effect = match &order.work {
            Work::Transfer { effect, .. } => effect,
            Work::Call(call) => {
                let unseen = call.start_before.filter(|_| !order.exposed);
                let mut limits = unseen.into_iter().chain(call.not_after);
                return limits.any(|at| clock.latest >= at).then_some(failure);
            }
        };
        let late = match effect {
            Effect::Approve { not_after, .. } | Effect::Lock { not_after, .. } => {
                clock.latest >= *not_after
            }
            Effect::Claim {
                seen, start_before, ..
            } => {
                let unseen = start_before.filter(|_| !order.exposed);
                unseen.is_some_and(|at| clock.latest >= at)
                    || clock.proven >= seen.lock.terms.refund_at
            }
            Effect::Refund { .. } => false,
        };
        late.then_some(failure)
    }

    async fn action(&self, order: &OrderRow) -> Pass<Action> {
        let (key, effect) = match &order.work {
            Work::Transfer { key, effect } => (key, effect),
            Work::Call(call) => return self.call(call).await,
        };
        Ok(match effect {
            Effect::Approve {
                token,
                spender,
                amount,
                ..
            } => {
                let amount = self.allowance(*token, *spender, *amount).await?;
                Action::Approve {
                    token: *token,
                    spender: *spender,
                    amount,
                }
            }
            Effect::Lock {
                leg: Leg { lock, .. },
                wanted,
                ..
            } => Action::Lock {
                lock: *lock,
                wanted: *wanted,
            },
            Effect::Claim { seen, secret, .. } => {
                let preimage = match secret {
                    Secret::Own => self.shared.store.secret(key.id).await?,
                    Secret::Public(bytes) => Preimage::new(bytes.0),
                };
                Action::Claim {
                    lock: seen.lock,
                    preimage,
                }
            }
            Effect::Refund { seen, .. } => Action::Refund { lock: seen.lock },
        })
    }

    /// A call as it is sent. A secret that it reveals is read here and nowhere before.
    async fn call(&self, call: &RelayCall) -> Pass<Action> {
        if let Some(Allowed { spender, at_least }) = call.allows {
            let amount = self.allowance(call.to, spender, at_least).await?;
            return Ok(Action::Approve {
                token: call.to,
                spender,
                amount,
            });
        }
        let data = match call.reveals {
            None => call.data.clone(),
            Some(id) => {
                let secret = self.shared.store.secret(id).await?;
                [call.data.as_ref(), secret.expose()].concat().into()
            }
        };
        Ok(Action::Call {
            to: Some(call.to),
            value: call.value,
            data,
        })
    }

    /// An approval replaces the one before, so it must cover every transfer of the account that has not locked yet.
    async fn allowance(&self, token: Address, spender: Address, at_least: U256) -> Pass<U256> {
        let (store, account) = (&self.shared.store, self.door.account);
        let mut total = store
            .crossings_wait(self.id, account, (token, spender))
            .await?;
        for record in self.shared.store.open_records().await? {
            let State::Party(party) = record.state else {
                continue;
            };
            let Leg { chain, lock } = party.plan.give;
            let waits = matches!(party.give, Give::Approving | Give::Locking);
            if waits
                && chain == self.id
                && lock.sender == self.door.account
                && lock.asset.address() == token
                && party.plan.spender == spender
            {
                total = total.saturating_add(lock.amount);
            }
        }
        Ok(total.max(at_least))
    }

    /// A nonce that was given back while later ones were under way holds those up: an empty transaction takes it.
    async fn fill_gap(&self, taken: &[u64]) {
        let Ok(next) = self.chain.next_nonce(self.door.account).await else {
            return;
        };
        if taken.contains(&next) || !taken.iter().any(|nonce| *nonce > next) {
            return;
        }
        let action = Action::Call {
            to: Some(self.door.account),
            value: U256::ZERO,
            data: Bytes::new(),
        };
        let wish = Order {
            account: self.door.account,
            action,
        };
        let filled = match self.chain.prepare(&wish, next, Bump(0)).await {
            Ok(tx) => self.chain.broadcast(&tx).await,
            Err(error) => Err(error),
        };
        debug!(chain = %self.id, nonce = next, ?filled, "filled a gap of nonces");
    }

    /// Tells the router what an order came to; it is over once that is stored.
    async fn close(&mut self, order: &OrderRow, closed: Closed) -> Pass<()> {
        let (key, effect) = match &order.work {
            Work::Transfer { key, effect } => (*key, effect),
            Work::Call(call) => return self.close_call(order, call, closed).await,
        };
        let (reply, answer) = oneshot::channel();
        let message = Msg::Closed {
            order: order.id,
            key,
            purpose: effect.purpose(),
            lock: effect.lock_id(),
            closed,
            reply,
        };
        self.router
            .send(message)
            .await
            .map_err(|_| DriveError::Stopped)?;
        answer.await.map_err(|_| DriveError::Stopped)?
    }

    /// A call of the relay is over once that is stored; what it came to, the chain itself tells.
    async fn close_call(&mut self, order: &OrderRow, call: &RelayCall, closed: Closed) -> Pass<()> {
        let (status, detail) = match closed {
            Closed::Done => (OrderStatus::Done, None),
            Closed::Failed(Failure::Refused(why) | Failure::Unable(why)) => {
                (OrderStatus::Failed, Some(why))
            }
            Closed::Failed(Failure::NeverSent | Failure::Overdue) => (OrderStatus::Failed, None),
        };
        if let Some(reason) = &detail {
            info!(chain = %self.id, task = call.task, reason, "call of the relay refused");
        }
        self.shared
            .store
            .close_call(order.id, status, detail.as_deref())
            .await?;
        metrics::call(self.id, &call.task, status.name());
        self.shared.closed_calls.send_replace(());
        Ok(())
    }

    fn attempts(&self, order: &OrderRow) -> u32 {
        self.pauses
            .get(&order.id.0)
            .map_or(0, |(attempt, _)| *attempt)
    }

    fn pause(&mut self, order: &OrderRow, pause: Duration) {
        let attempt = self.attempts(order).saturating_add(1);
        self.pauses
            .insert(order.id.0, (attempt, Instant::now() + pause));
    }
}

enum Found {
    Final { row: Box<TxRow>, status: TxStatus },
    Pending,
    Nowhere,
}

/// Orders of one account under way at once.
const AT_ONCE: u32 = 16;
/// Times a contract may refuse a lock or an approval before it is given up.
const REFUSALS: u32 = 4;
