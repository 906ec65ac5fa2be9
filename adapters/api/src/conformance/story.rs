//! What the checks are written in: send and wait, make a lock, compare.

use alloy_primitives::{Address, Bytes, U256};

use super::TestBed;
use crate::{
    Action, Asset, Bump, Chain, ChainError, Event, EventKind, HeightRange, Lock, LockId, LockState,
    Order, Preimage, Terms, Timestamp, Tip, TxId, TxStatus, Wanted,
};

/// One check's view of the bed.
pub(super) struct Story<'a> {
    pub(super) bed: &'a dyn TestBed,
    pub(super) chain: &'a dyn Chain,
    pub(super) alice: Address,
    pub(super) bob: Address,
    pub(super) eve: Address,
}

/// A transaction that became final.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) id: TxId,
    pub(super) at: Tip,
    pub(super) succeeded: bool,
    pub(super) created: Option<Address>,
    pub(super) fee: U256,
}

/// Fails the check with a sentence.
macro_rules! ensure {
    ($holds:expr, $($why:tt)*) => {
        if !$holds {
            return Err(format!($($why)*));
        }
    };
}
pub(super) use ensure;

impl<'a> Story<'a> {
    pub(super) fn new(bed: &'a dyn TestBed) -> Result<Self, String> {
        let chain = bed.chain();
        match chain.accounts()[..] {
            [alice, bob, eve, ..] => Ok(Self {
                bed,
                chain,
                alice,
                bob,
                eve,
            }),
            ref accounts => Err(format!(
                "the bed needs three accounts, it has {}",
                accounts.len()
            )),
        }
    }

    /// Sends and waits until it is final.
    pub(super) async fn send(&self, account: Address, action: Action) -> Result<Done, String> {
        let nonce = self.nonce(account).await?;
        let order = Order { account, action };
        let tx = self
            .chain
            .prepare(&order, nonce, Bump(0))
            .await
            .map_err(say("prepare"))?;
        self.chain.broadcast(&tx).await.map_err(say("broadcast"))?;
        self.finish(tx.id).await
    }

    /// As [`Story::send`], and it must do what it was to do.
    pub(super) async fn succeed(&self, account: Address, action: Action) -> Result<Done, String> {
        let done = self.send(account, action).await?;
        ensure!(
            done.succeeded,
            "transaction {} is final and failed",
            done.id
        );
        Ok(done)
    }

    /// Waits until `id` is final.
    pub(super) async fn finish(&self, id: TxId) -> Result<Done, String> {
        for _ in 0..PATIENCE {
            match self.chain.status(id).await.map_err(say("status"))? {
                TxStatus::Final {
                    at,
                    succeeded,
                    created,
                    fee,
                } => {
                    return Ok(Done {
                        id,
                        at,
                        succeeded,
                        created,
                        fee,
                    });
                }
                TxStatus::Pending => self.bed.progress().await,
                TxStatus::Unknown if !self.bed.pool_is_visible() => self.bed.progress().await,
                TxStatus::Unknown => {
                    return Err(format!("transaction {id} is unknown after its broadcast"));
                }
            }
        }
        Err(format!(
            "transaction {id} is not final after {PATIENCE} occasions to make a block"
        ))
    }

    /// `id` is in the pool, as far as this node shows its pool.
    pub(super) async fn waits(&self, id: TxId) -> Result<(), String> {
        let status = self.chain.status(id).await.map_err(say("status"))?;
        let hidden = status == TxStatus::Unknown && !self.bed.pool_is_visible();
        ensure!(
            status == TxStatus::Pending || hidden,
            "a transaction that must wait is {status:?}"
        );
        Ok(())
    }

    /// The error `action` is refused with, by prepare or by broadcast.
    pub(super) async fn refusal(
        &self,
        account: Address,
        action: Action,
    ) -> Result<ChainError, String> {
        let nonce = self.nonce(account).await?;
        match self
            .chain
            .prepare(&Order { account, action }, nonce, Bump(0))
            .await
        {
            Err(refused) => Ok(refused),
            Ok(_) => Err("prepare accepts what must be refused".into()),
        }
    }

    /// `action` is refused by the contract with the error `name`.
    pub(super) async fn reverts(
        &self,
        account: Address,
        action: Action,
        name: &str,
    ) -> Result<(), String> {
        match self.refusal(account, action).await? {
            ChainError::Reverted { reason, .. } if reason.split('(').next() == Some(name) => Ok(()),
            other => Err(format!(
                "expected the contract to refuse with {name}, got: {other}"
            )),
        }
    }

    pub(super) async fn nonce(&self, account: Address) -> Result<u64, String> {
        self.chain
            .next_nonce(account)
            .await
            .map_err(say("next nonce"))
    }

    pub(super) async fn tip(&self) -> Result<Tip, String> {
        self.chain.finalized().await.map_err(say("finalized"))
    }

    pub(super) async fn balance(&self, asset: Asset, owner: Address) -> Result<U256, String> {
        self.chain
            .balance(asset, owner)
            .await
            .map_err(say("balance"))
    }

    pub(super) async fn state(&self, id: LockId) -> Result<LockState, String> {
        self.chain.lock_state(id).await.map_err(say("lock state"))
    }

    /// The one event `done` left behind.
    pub(super) async fn event_of(&self, done: Done) -> Result<Event, String> {
        let range = HeightRange {
            from: done.at.height,
            to: done.at.height,
        };
        let events = self.chain.events(range).await.map_err(say("events"))?;
        let mut own = events.into_iter().filter(|event| event.tx == done.id);
        match (own.next(), own.next()) {
            (Some(event), None) => {
                ensure!(
                    event.height == done.at.height,
                    "event at {} of a block at {}",
                    event.height,
                    done.at.height
                );
                ensure!(
                    event.block == done.at.hash,
                    "event names block {}, status {}",
                    event.block,
                    done.at.hash
                );
                ensure!(
                    event.time == done.at.time,
                    "event says time {}, status {}",
                    event.time,
                    done.at.time
                );
                Ok(event)
            }
            (found, second) => Err(format!(
                "expected one event of {}, got {found:?} and {second:?}",
                done.id
            )),
        }
    }

    /// A lock of `asset` from Alice to Bob whose windows are one, two and three windows away.
    pub(super) async fn lock(&self, asset: Asset, secret: &Preimage) -> Result<Lock, String> {
        self.bed.progress().await;
        let (now, window) = (self.tip().await?.time, self.bed.window());
        Ok(Lock {
            hashlock: secret.hashlock(),
            sender: self.alice,
            recipient: self.bob,
            asset,
            amount: U256::from(1_234),
            deposit: U256::from(567),
            terms: Terms {
                public_claim_at: now.plus(2 * window),
                refund_at: now.plus(3 * window),
                public_refund_at: now.plus(4 * window),
                parts: 1,
                hook_flags: 0,
                // Unique as long as one account sends one transaction for each lock.
                salt: u128::from(self.nonce(self.alice).await?),
            },
            hooks: Address::ZERO,
        })
    }

    /// Approves if need be, locks, and checks event and state. Returns the lock's transaction and all fees paid for it.
    pub(super) async fn make(
        &self,
        lock: Lock,
        wanted: Option<Wanted>,
    ) -> Result<(Done, U256), String> {
        let mut fees = U256::ZERO;
        if let Asset::Token(token) = lock.asset {
            let spender = self.chain.info().hash_time_lock;
            let approve = Action::Approve {
                token,
                spender,
                amount: lock.amount,
            };
            fees += self.succeed(lock.sender, approve).await?.fee;
        }
        let done = self
            .succeed(lock.sender, Action::Lock { lock, wanted })
            .await?;
        let event = self.event_of(done).await?;
        let id = lock.id().map_err(say("lock id"))?;
        ensure!(
            event.lock_id == id,
            "event names lock {}, its id is {id}",
            event.lock_id
        );
        let expected = EventKind::Locked { lock, wanted };
        ensure!(
            event.kind == expected,
            "expected {expected:?}, got {:?}",
            event.kind
        );
        let (state, open) = (
            self.state(id).await?,
            LockState::Open {
                claimed: U256::ZERO,
            },
        );
        ensure!(state == open, "a new lock is {state:?}");
        Ok((done, fees + done.fee))
    }

    /// Lets time pass until the newest final block is not older than `at`.
    pub(super) async fn pass(&self, at: Timestamp) -> Result<(), String> {
        self.bed.pass_time_to(at).await;
        for _ in 0..PATIENCE {
            if self.tip().await?.time >= at {
                return Ok(());
            }
            self.bed.progress().await;
        }
        Err(format!(
            "no final block is as late as {at} after {PATIENCE} occasions to make one"
        ))
    }

    /// A plain payment of `value`.
    pub(super) fn payment(&self, value: u64) -> Action {
        Action::Call {
            to: Some(self.bob),
            value: U256::from(value),
            data: Bytes::new(),
        }
    }
}

/// Says during what an error came.
pub(super) fn say(doing: &'static str) -> impl Fn(ChainError) -> String {
    move |error| format!("{doing}: {error}")
}

/// How often [`TestBed::progress`] is called for one transaction.
const PATIENCE: usize = 300;
