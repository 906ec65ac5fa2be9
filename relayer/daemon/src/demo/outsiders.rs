//! Two parties that need no daemon: they swap with their own keys, and one of them goes away before being paid.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{
    Action, Asset, Bump, Chain, ChainReader as _, EventKind, Height, HeightRange, Lock, LockId,
    LockState, Order, Preimage, Terms,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_core::swap::TransferId;

use super::{DEPOSIT, DemoError, Stage, WATCHED, follow::LOOK, points};
use crate::{
    contracts::finalised,
    hosting::Hosting,
    local::{CAROL, DAVE},
};

/// Longest the watchtower may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds until anyone may claim.
const PRIVATE_CLAIM: u64 = 8;
/// Seconds until carol's lock can only be refunded.
const CAROLS_DEADLINE: u64 = 90;
/// Seconds until dave's lock can only be refunded.
const DAVES_DEADLINE: u64 = 45;
/// Seconds in which only the sender may refund.
const PRIVATE_REFUND: u64 = 30;
/// Blocks looked through for who completed.
const LOOKED_THROUGH: u64 = 2_000;

/// Carol locks public points for dave, dave locks consortium points for carol, carol claims and dave goes away. Returns
/// the transfer and carol's lock, which nobody has claimed.
pub(super) async fn swap(stage: &Stage<'_>) -> Result<(TransferId, LockId), DemoError> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|_| crate::drive::DriveError::NoRandomness)?;
    let preimage = Preimage::new(secret);
    let carols = Party::new(stage, stage.public, CAROL, stage.carol)?;
    let daves = Party::new(stage, stage.consortium, DAVE, stage.dave)?;
    let deposit = U256::from(DEPOSIT);
    let first = carols
        .lock(stage.dave, &preimage, deposit, CAROLS_DEADLINE)
        .await?;
    let second = daves
        .lock(stage.carol, &preimage, U256::ZERO, DAVES_DEADLINE)
        .await?;
    let claimer = Party::new(stage, stage.consortium, CAROL, stage.carol)?;
    claimer
        .send(Action::Claim {
            lock: second,
            preimage: preimage.clone(),
        })
        .await?;
    Ok((preimage.hashlock().into(), first.id()?))
}

/// Waits until a lock on the public chain is claimed; returns the name of who did.
pub(super) async fn completed_by(stage: &Stage<'_>, lock: LockId) -> Result<String, DemoError> {
    let chain = &stage.public.chain;
    let deadline = Instant::now() + PATIENCE;
    while chain.lock_state(lock).await? != LockState::Closed {
        if Instant::now() >= deadline {
            let what = format!("the claim of lock {lock}");
            return Err(DemoError::Late {
                what,
                seconds: PATIENCE.as_secs(),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
    claimer(stage, lock).await
}

async fn claimer(stage: &Stage<'_>, lock: LockId) -> Result<String, DemoError> {
    let chain = &stage.public.chain;
    let to = chain.finalized().await?.height;
    let mut from = Height(to.0.saturating_sub(LOOKED_THROUGH));
    while from <= to {
        let end = Height(to.0.min(from.0 + 499));
        for event in chain.events(HeightRange { from, to: end }).await? {
            if let (true, EventKind::Claimed { by, .. }) = (event.lock_id == lock, &event.kind) {
                let accounts = &stage.daemon.chains.accounts;
                let named = accounts.iter().find(|(_, address)| *address == by);
                return Ok(named.map_or_else(|| by.to_string(), |(name, _)| name.clone()));
            }
        }
        from = end.next();
    }
    Ok("nobody".into())
}

/// A person with a key on one chain.
struct Party {
    chain: HostedChain,
    token: Asset,
    account: Address,
}

impl Party {
    fn new(
        stage: &Stage<'_>,
        at: &Hosting,
        name: &str,
        account: Address,
    ) -> Result<Self, DemoError> {
        let chain = stage
            .daemon
            .chains
            .as_account(at, name)
            .ok_or(DemoError::Pair)?;
        Ok(Self {
            chain,
            token: points(at),
            account,
        })
    }

    async fn lock(
        &self,
        recipient: Address,
        preimage: &Preimage,
        deposit: U256,
        deadline: u64,
    ) -> Result<Lock, DemoError> {
        let now = self.chain.finalized().await?.time;
        let lock = Lock {
            hashlock: preimage.hashlock(),
            sender: self.account,
            recipient,
            asset: self.token,
            amount: U256::from(WATCHED),
            deposit,
            terms: Terms {
                public_claim_at: now.plus(PRIVATE_CLAIM),
                refund_at: now.plus(deadline),
                public_refund_at: now.plus(deadline + PRIVATE_REFUND),
                parts: 1,
                hook_flags: 0,
                salt: 1,
            },
            hooks: Address::ZERO,
        };
        let spender = self.chain.info().hash_time_lock;
        let token = self.token.address();
        self.send(Action::Approve {
            token,
            spender,
            amount: lock.amount,
        })
        .await?;
        self.send(Action::Lock { lock, wanted: None }).await?;
        Ok(lock)
    }

    async fn send(&self, action: Action) -> Result<(), DemoError> {
        let (chain, account): (&dyn Chain, _) = (&self.chain, self.account);
        let nonce = chain.next_nonce(account).await?;
        let tx = chain
            .prepare(&Order { account, action }, nonce, Bump(0))
            .await?;
        chain.broadcast(&tx).await?;
        Ok(finalised(chain, tx.id).await?)
    }
}
