//! P1: a peg that the operator begins, and why it is refused before anything is locked.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{
    Asset, Chain, ChainError, ChainId, Height, Lock, Preimage, Terms, Timestamp,
};
use causeway_contracts::PegMint;
use causeway_core::{
    margin::{self, MarginError, Windows},
    peg::{self, Account, Kind as Way, Leg, Plan, Promise, REFUND_GUARD, Route, TransferId},
};

use super::{PegHandle, PegPort};
use crate::{
    crossing::CrossingError,
    drive::DriveError,
    relay::{RelayError, proofs::Client},
};

/// A peg that this daemon begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PegRequest {
    /// Which way.
    pub kind: Way,
    /// Who gives, where; one of our accounts.
    pub from: Account,
    /// What.
    pub asset: Asset,
    /// How much.
    pub amount: U256,
    /// Safety deposit in native points, for whoever collects or refunds the lock.
    pub deposit: U256,
    /// Who is paid, where.
    pub to: Account,
    /// Seconds until the destination pays no more; what was measured decides without it.
    pub window: Option<u64>,
}

/// Why a peg does not begin. Nothing was locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PegError {
    /// Store, chains, accounts.
    #[error(transparent)]
    Crossing(#[from] CrossingError),
    /// V4.
    #[error(transparent)]
    Margin(#[from] MarginError),
    /// There are no ports.
    #[error(
        "no peg is configured: name its ports and a carrier in [pegs.<name>]; the local profile has one between its \
         public and its consortium chain"
    )]
    ConfigNoPeg,
    /// The wrong way round, or a chain without a port.
    #[error("{kind} goes from chain {expected_from} to chain {expected_to}, got {from} to {to}")]
    PeerWrongWay {
        /// Which way was asked for.
        kind: Way,
        /// Where it begins.
        expected_from: ChainId,
        /// Where it ends.
        expected_to: ChainId,
        /// Where it was to begin.
        from: ChainId,
        /// Where it was to end.
        to: ChainId,
    },
    /// The port takes something else.
    #[error("{kind} takes {expected:?}, got {got:?}")]
    PeerWrongAsset {
        /// Which way.
        kind: Way,
        /// What the port takes.
        expected: Asset,
        /// What was asked for.
        got: Asset,
    },
    /// Nothing would move.
    #[error("the amount must be above zero")]
    PeerZeroAmount,
    /// More than the destination lets through at once.
    #[error("at most {capacity} passes chain {chain} at once, got {got}: send it in parts")]
    PeerAboveCapacity {
        /// The destination.
        chain: ChainId,
        /// What passes at once.
        capacity: U256,
        /// What was asked for.
        got: U256,
    },
    /// The account has less.
    #[error("account {account} has {has} of it on chain {chain}, needs {needs}")]
    PeerTooPoor {
        /// Where.
        chain: ChainId,
        /// Whose.
        account: Address,
        /// What is there.
        has: U256,
        /// What would be locked.
        needs: U256,
    },
    /// The port pays no contract of the peg, and not the zero address.
    #[error("the port of chain {chain} does not pay {got}: name an account")]
    PeerRecipientRefused {
        /// Where.
        chain: ChainId,
        /// Who was to be paid.
        got: Address,
    },
    /// The guardian stopped it.
    #[error(
        "the port of chain {0} is paused: it neither opens nor pays until its administrator ends the pause"
    )]
    PortPaused(ChainId),
    /// It saw two certificates for one height.
    #[error(
        "the light client of chain {of} on chain {on} is frozen: nothing of that chain can be proved there any more"
    )]
    ClientFrozen {
        /// Whose certificates.
        of: ChainId,
        /// Where.
        on: ChainId,
    },
}

impl From<DriveError> for PegError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Margin(margin) => Self::Margin(margin),
            other => Self::Crossing(other.into()),
        }
    }
}

impl From<RelayError> for PegError {
    fn from(error: RelayError) -> Self {
        Self::Crossing(error.into())
    }
}

impl From<ChainError> for PegError {
    fn from(error: ChainError) -> Self {
        Self::Crossing(error.into())
    }
}

impl PegHandle {
    /// Begins a peg: stores it with its secret; its first transaction follows.
    ///
    /// # Errors
    /// [`PegError`] names what is wrong with the request, or what stands in its way now.
    pub async fn start_peg(&self, request: &PegRequest) -> Result<TransferId, PegError> {
        let (origin, destination) = self.way(request)?;
        self.check(request, origin, destination)?;
        let delay = self.open_to(request, origin, destination).await?;
        let (plan, secret) = self.plan(request, (origin, destination), delay).await?;
        let (state, effects) = peg::start(plan);
        let id = state.id();
        self.begin(state, effects, Some(secret)).await?;
        Ok(id)
    }

    /// The pair of ports that is meant: between these chains, of this asset. Where none fits, the nearest says why.
    fn way(&self, request: &PegRequest) -> Result<(&PegPort, &PegPort), PegError> {
        let ways = || {
            let sites = self.kind().sites().iter();
            sites.map(|site| site.way(request.kind))
        };
        let between = |(origin, destination): &(&PegPort, &PegPort)| {
            (origin.chain, destination.chain) == (request.from.chain, request.to.chain)
        };
        let fits = |way: &(&PegPort, &PegPort)| between(way) && way.0.asset == request.asset;
        let found = ways().find(fits).or_else(|| ways().find(between));
        found.or_else(|| ways().next()).ok_or(PegError::ConfigNoPeg)
    }

    /// What needs no chain to be asked.
    fn check(
        &self,
        request: &PegRequest,
        origin: &PegPort,
        destination: &PegPort,
    ) -> Result<(), PegError> {
        let (kind, from, to) = (request.kind, request.from, request.to);
        if (from.chain, to.chain) != (origin.chain, destination.chain) {
            return Err(PegError::PeerWrongWay {
                kind,
                expected_from: origin.chain,
                expected_to: destination.chain,
                from: from.chain,
                to: to.chain,
            });
        }
        if request.asset != origin.asset {
            return Err(PegError::PeerWrongAsset {
                kind,
                expected: origin.asset,
                got: request.asset,
            });
        }
        if request.amount.is_zero() {
            return Err(PegError::PeerZeroAmount);
        }
        if !self.kind().is_ours(from.chain, from.address) {
            let (chain, account) = (from.chain, from.address);
            return Err(DriveError::ConfigUnknownAccount { chain, account }.into());
        }
        let contracts = [
            Address::ZERO,
            destination.port,
            destination.locks,
            destination.asset.address(),
        ];
        if contracts.contains(&to.address) {
            let (chain, got) = (to.chain, to.address);
            return Err(PegError::PeerRecipientRefused { chain, got });
        }
        Ok(())
    }

    /// Whether both ends would take it now; returns how long a transfer of this amount waits.
    async fn open_to(
        &self,
        request: &PegRequest,
        origin: &PegPort,
        destination: &PegPort,
    ) -> Result<u64, PegError> {
        for (on, of) in [(destination, origin), (origin, destination)] {
            let chain = self.ground().chain(on.chain)?;
            let at = chain.finalized().await?.height;
            let client = Client {
                chain,
                client: on.client,
                at,
            };
            if client.view().await?.frozen {
                let (of, on) = (of.chain, on.chain);
                return Err(PegError::ClientFrozen { of, on });
            }
        }
        let there = self.ground().chain(destination.chain)?;
        let at = there.finalized().await?.height;
        let ask = Ask {
            chain: there,
            port: destination.port,
            at,
        };
        if ask.port(PegMint::pausedCall {}).await? {
            return Err(PegError::PortPaused(destination.chain));
        }
        let limits = ask.port(PegMint::limitsCall {}).await?;
        let capacity = U256::from(limits.capacity);
        if request.amount > capacity {
            return Err(PegError::PeerAboveCapacity {
                chain: destination.chain,
                capacity,
                got: request.amount,
            });
        }
        let here = self.ground().chain(origin.chain)?;
        let has = here.balance(request.asset, request.from.address).await?;
        if has < request.amount {
            return Err(PegError::PeerTooPoor {
                chain: origin.chain,
                account: request.from.address,
                has,
                needs: request.amount,
            });
        }
        let large = request.amount >= U256::from(limits.largeAmount);
        Ok(if large { limits.delay } else { 0 })
    }

    /// P1: deadlines that leave room for everything, and the lock under a new secret.
    async fn plan(
        &self,
        request: &PegRequest,
        (origin, destination): (&PegPort, &PegPort),
        delay: u64,
    ) -> Result<(Plan, Preimage), PegError> {
        let driver = self.ground().driver();
        let timing = driver.timing(origin.chain, destination.chain).await?;
        let now = self.ground().now();
        for chain in [origin.chain, destination.chain] {
            if now.of(chain).proven == Timestamp(0) {
                return Err(DriveError::ChainSilent(chain).into());
            }
        }
        // The two chains' clocks differ; the later one begins the plan, so that no deadline is early on either.
        let begin = now.of(origin.chain).latest;
        let begin = begin.max(now.of(destination.chain).latest);
        // An approval comes before the lock, and a checkpoint before the opening: a transaction more on each side.
        let approval = margin::settle(timing.a, timing.skew)?;
        let carried = delay.saturating_add(margin::settle(timing.b, timing.skew)?);
        let windows = driver.config().windows;
        let windows = Windows {
            slack: windows.slack.max(1).saturating_add(approval),
            ..windows
        };
        let mut times = margin::peg_schedule(&timing, windows, carried, begin)?;
        if let Some(window) = request.window {
            let t = begin.plus(window);
            let back = |at: Timestamp| Timestamp(t.0.saturating_sub(times.t.since(at)));
            let on = |at: Timestamp| t.plus(at.since(times.t));
            times = margin::PegSchedule {
                lock_by: back(times.lock_by),
                t,
                r: on(times.r),
                public_refund_at: on(times.public_refund_at),
            };
        }
        margin::peg_check(&timing, carried, begin, (times.t, times.r))?;
        let secret = Preimage::new(random()?);
        let promise = Promise {
            recipient: request.to.address,
            nonce: U256::from_be_bytes(random()?),
        };
        let hashlock = secret.hashlock();
        let lock = Lock {
            hashlock,
            sender: request.from.address,
            recipient: origin.port,
            asset: request.asset,
            amount: request.amount,
            deposit: request.deposit,
            terms: Terms {
                public_claim_at: times.t,
                refund_at: times.r,
                public_refund_at: times.public_refund_at,
                parts: 1,
                hook_flags: REFUND_GUARD,
                salt: peg::salt(hashlock, &promise),
            },
            hooks: origin.port,
        };
        // Packed here once, so that it can be packed ever after.
        lock.id()?;
        let plan = Plan {
            give: Leg {
                chain: origin.chain,
                lock,
            },
            spender: origin.locks,
            route: Route {
                kind: request.kind,
                to: destination.chain,
                port: destination.port,
            },
            promise,
            settle: margin::settle(timing.b, timing.skew)?,
            lock_by: times.lock_by,
        };
        Ok((plan, secret))
    }
}

/// Reads a port as of one block.
struct Ask<'a> {
    chain: &'a dyn Chain,
    port: Address,
    at: Height,
}

impl Ask<'_> {
    async fn port<C: SolCall>(&self, question: C) -> Result<C::Return, PegError> {
        let data = question.abi_encode().into();
        let answer = self.chain.call(self.port, data, self.at).await?;
        C::abi_decode_returns(&answer).map_err(|_| {
            PegError::Crossing(CrossingError::NodeMalformed {
                chain: self.chain.info().id,
                contract: "port of the peg",
            })
        })
    }
}

fn random() -> Result<[u8; 32], DriveError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| DriveError::NoRandomness)?;
    Ok(bytes)
}
