//! A swap that the operator begins.

use alloy_primitives::Address;
use causeway_adapter_api::{Lock, Preimage, Terms, Timestamp, Wanted};
use causeway_core::{
    margin,
    swap::{self, Account, Clock, Leg, Plan, TransferId},
};

use super::{DriveError, Router, SwapRequest};
use crate::{
    drive::Shared,
    store::{Change, Creation, PersistPoint},
};

impl Router {
    pub(super) async fn start(&mut self, request: SwapRequest) -> Result<TransferId, DriveError> {
        check(&self.shared, &request)?;
        let SwapRequest { from, to, .. } = request;
        let timing = self.shared.timing(from.chain, to.chain).await?;
        let now = self.shared.clocks.now();
        for chain in [from.chain, to.chain] {
            if !self.shared.clocks.know([chain]) {
                return Err(DriveError::ChainSilent(chain));
            }
        }
        // The two chains' clocks differ; the later one begins the plan, so that no deadline is early on either.
        let latest = |chain| -> Timestamp {
            let Clock { latest, .. } = now.of(chain);
            latest
        };
        let begin = latest(from.chain).max(latest(to.chain));
        let times = margin::schedule(&timing, self.shared.config.windows, begin)?;
        margin::check(times.t_a, times.t_b, &timing)?;
        let secret = Preimage::new(random::<32>()?);
        let lock = Lock {
            hashlock: secret.hashlock(),
            sender: from.address,
            recipient: request.counterparty,
            asset: request.give_asset,
            amount: request.give_amount,
            deposit: request.deposit,
            terms: Terms {
                public_claim_at: times.t_b,
                refund_at: times.t_a,
                public_refund_at: times.public_refund_at,
                parts: 1,
                hook_flags: 0,
                salt: salt()?,
            },
            hooks: Address::ZERO,
        };
        let wanted = Wanted {
            chain: to.chain,
            asset: request.want_asset,
            amount: request.want_amount,
            recipient: to.address,
        };
        let plan = Plan {
            give: Leg {
                chain: from.chain,
                lock,
            },
            spender: self.shared.linked(from.chain)?.chain.info().hash_time_lock,
            margin: margin::required(&timing)?,
            settle: margin::settle(timing.b, timing.skew)?,
            lock_by: times.lock_by,
        };
        let (state, effects) = swap::initiate(plan, wanted);
        let id = state.id();
        let creation = Creation {
            state,
            effects,
            secret: Some(secret),
        };
        let change = Change {
            create: vec![creation],
            ..Change::default()
        };
        self.commit(PersistPoint::TransferCreated, change).await?;
        Ok(id)
    }
}

fn check(shared: &Shared, request: &SwapRequest) -> Result<(), DriveError> {
    let SwapRequest { from, to, .. } = request;
    if from.chain == to.chain {
        return Err(DriveError::PeerSameChain(from.chain));
    }
    for Account { chain, address } in [*from, *to] {
        if !shared
            .linked(chain)?
            .lanes
            .iter()
            .any(|lane| lane.account == address)
        {
            return Err(DriveError::ConfigUnknownAccount {
                chain,
                account: address,
            });
        }
    }
    if request.give_amount.is_zero() || request.want_amount.is_zero() {
        return Err(DriveError::PeerZeroAmount);
    }
    if request.counterparty.is_zero() {
        return Err(DriveError::PeerZeroCounterparty);
    }
    Ok(())
}

/// 112 random bits: the salt of a lock.
pub(super) fn salt() -> Result<u128, DriveError> {
    let mut bytes = [0; 16];
    bytes[2..].copy_from_slice(&random::<14>()?);
    Ok(u128::from_be_bytes(bytes))
}

fn random<const N: usize>() -> Result<[u8; N], DriveError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| DriveError::NoRandomness)?;
    Ok(bytes)
}
