//! A counterparty outside this daemon: she answers a lock with her own key, then goes away.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{
    Action, Bump, Chain, ChainReader as _, EventKind, Height, HeightRange, Lock, LockId, Order,
    Terms, Timestamp,
};
use causeway_core::swap::{Fate, Give, Party, State, TransferId};

use super::{DemoError, Stage, follow::LOOK, points};
use crate::{contracts::finalised, local::CAROL};

/// Longest she waits for alice's lock.
const PATIENCE: Duration = Duration::from_secs(20);
/// Her own time to refund, seconds; the contract asks for 4 at least.
const PRIVATE_REFUND: u64 = 30;
/// Blocks looked through for who completed.
const LOOKED_THROUGH: u64 = 5_000;

/// Locks what alice asked for, until the time alice proposed.
pub(super) async fn answer(stage: &Stage<'_>, id: TransferId) -> Result<(), DemoError> {
    let (_, theirs) = placed(stage, id).await?;
    let chain = stage
        .daemon
        .chains
        .as_account(stage.consortium, CAROL)
        .ok_or(DemoError::Pair)?;
    let refund_at = theirs.terms.public_claim_at;
    let lock = Lock {
        hashlock: theirs.hashlock,
        sender: stage.carol,
        recipient: stage.alice,
        asset: points(stage.consortium),
        amount: theirs.amount,
        deposit: U256::ZERO,
        terms: Terms {
            public_claim_at: Timestamp(refund_at.0.saturating_sub(1)),
            refund_at,
            public_refund_at: refund_at.plus(PRIVATE_REFUND),
            parts: 1,
            hook_flags: 0,
            salt: 1,
        },
        hooks: Address::ZERO,
    };
    let approve = Action::Approve {
        token: lock.asset.address(),
        spender: chain.info().hash_time_lock,
        amount: lock.amount,
    };
    send(&chain, stage.carol, approve).await?;
    send(&chain, stage.carol, Action::Lock { lock, wanted: None }).await
}

/// Who claimed alice's lock for carol.
pub(super) async fn completed_by(stage: &Stage<'_>, id: TransferId) -> Result<String, DemoError> {
    let (lock, _) = placed(stage, id).await?;
    let chain = &stage.public.chain;
    let to = chain.finalized().await?.height;
    let mut from = Height(to.0.saturating_sub(LOOKED_THROUGH));
    while from <= to {
        let end = Height(to.0.min(from.0 + 499));
        for event in chain.events(HeightRange { from, to: end }).await? {
            if let (true, EventKind::Claimed { by, .. }) = (event.lock_id == lock, &event.kind) {
                let named = stage
                    .daemon
                    .chains
                    .accounts
                    .iter()
                    .find(|(_, address)| *address == by);
                return Ok(named.map_or_else(|| by.to_string(), |(name, _)| name.clone()));
            }
        }
        from = end.next();
    }
    Ok("nobody".into())
}

/// Alice's lock, once it is final.
async fn placed(stage: &Stage<'_>, id: TransferId) -> Result<(LockId, Lock), DemoError> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        for view in stage.daemon.driver.show(id).await? {
            if let State::Party(Party {
                plan,
                give: Give::Placed { id, fate },
                ..
            }) = &view.record.state
            {
                if *fate != Fate::Refunded {
                    return Ok((*id, plan.give.lock));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(DemoError::Late {
        what: "alice's lock".into(),
        seconds: PATIENCE.as_secs(),
    })
}

async fn send(chain: &dyn Chain, account: Address, action: Action) -> Result<(), DemoError> {
    let nonce = chain.next_nonce(account).await?;
    let tx = chain
        .prepare(&Order { account, action }, nonce, Bump(0))
        .await?;
    chain.broadcast(&tx).await?;
    Ok(finalised(chain, tx.id).await?)
}
