//! The peg as one kind of transfer that lives on proofs: rules P1..P16 of docs/transfers.md are in `causeway_core::peg`.
//!
//! * [`PegSite`]: where a pair of ports is, in one place.
//! * `abi`: what ports and locks say, and what is said to them.
//! * `act`: from effects to transactions.
//! * `start`: what a user asks for, and why it is refused.

mod abi;
mod act;
mod start;

use alloy_primitives::{Address, B256, keccak256};
use async_trait::async_trait;
use causeway_adapter_api::{Asset, ChainId, Height, LockId, RawLog, Timestamp};
use causeway_core::peg::{
    self, Account, Destination, Effect, Event, Kind as Way, Leg, Now, Origin, Outcome, Plan, Ports,
    Route, Seen, State, Stored, Unexpected,
};

use self::abi::{Heard, hear};
pub use self::start::{PegError, PegRequest};
use super::{
    About, Act, CrossingError, Ground, Handle, Kind, Machine, News, OnRefusal, Place, Said, Wish,
};
use crate::store::Waits;

/// A running driver of the peg.
pub type PegHandle = Handle<Pegs>;

/// A pair of ports; it serves one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PegSite {
    /// Where the asset is at home, held by `PegVault`.
    pub home: PegPort,
    /// Where `PegMint` makes and destroys what stands for it.
    pub side: PegPort,
}

/// One end of a peg, and who pays for what is brought to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PegPort {
    /// Where.
    pub chain: ChainId,
    /// The port: `PegVault` or `PegMint`.
    pub port: Address,
    /// What it takes: the asset itself at home, its `PegToken` at the side.
    pub asset: Asset,
    /// The `HashTimeLock` there.
    pub locks: Address,
    /// What that chain believes of the other.
    pub client: Address,
    /// One of our accounts there, which carries.
    pub account: Address,
    /// Where reading begins.
    pub start: Height,
}

impl PegSite {
    /// The end on a chain, and the other one.
    pub fn ends(&self, chain: ChainId) -> Option<(&PegPort, &PegPort)> {
        match chain {
            id if id == self.home.chain => Some((&self.home, &self.side)),
            id if id == self.side.chain => Some((&self.side, &self.home)),
            _ => None,
        }
    }

    /// Origin and destination of one way.
    pub const fn way(&self, kind: Way) -> (&PegPort, &PegPort) {
        match kind {
            Way::PegIn => (&self.home, &self.side),
            Way::PegOut => (&self.side, &self.home),
        }
    }

    /// The pair as a lock on `origin` sees it.
    fn ports(&self, origin: &PegPort, destination: &PegPort) -> Ports {
        let kind = if origin.chain == self.home.chain {
            Way::PegIn
        } else {
            Way::PegOut
        };
        Ports {
            route: Route {
                kind,
                to: destination.chain,
                port: destination.port,
            },
            origin: origin.port,
            asset: origin.asset,
        }
    }
}

/// The pegs that one of our daemons drives.
#[derive(Clone, Debug)]
pub struct Pegs {
    sites: Vec<PegSite>,
    /// Accounts whose keys we hold: their locks are ours.
    ours: Vec<Account>,
}

impl Pegs {
    /// Reads and serves `sites`; `ours` are the accounts whose keys we hold.
    pub const fn new(sites: Vec<PegSite>, ours: Vec<Account>) -> Self {
        Self { sites, ours }
    }

    /// The pairs of ports.
    pub fn sites(&self) -> &[PegSite] {
        &self.sites
    }

    /// The pair that a plan goes over: the contracts that it names are theirs.
    fn site_of(&self, plan: &Plan) -> Option<&PegSite> {
        self.sites.iter().find(|site| {
            let (origin, destination) = site.way(plan.route.kind);
            let lock = (plan.give.chain, plan.give.lock.recipient);
            (origin.chain, origin.port) == lock
                && (destination.chain, destination.port) == (plan.route.to, plan.route.port)
        })
    }

    /// Both ends of the pair to which a log is addressed: by its port, or by the lock's recipient.
    fn ends_at(&self, chain: ChainId, port: Address) -> Option<(&PegSite, &PegPort, &PegPort)> {
        self.sites.iter().find_map(|site| {
            let (here, there) = site.ends(chain)?;
            (here.port == port).then_some((site, here, there))
        })
    }

    fn is_ours(&self, chain: ChainId, address: Address) -> bool {
        self.ours.contains(&Account { chain, address })
    }
}

/// What the records of one peg are filed under: a lock's id is its own chain's alone.
fn subject(origin: ChainId, lock: LockId) -> B256 {
    keccak256([&origin.0.to_be_bytes(), lock.0.as_slice()].concat())
}

/// What is filed under a port itself: whether it pays. No id of a lock is as short.
fn port_subject(chain: ChainId, port: Address) -> B256 {
    keccak256([&chain.0.to_be_bytes(), port.as_slice()].concat())
}

impl Machine for Pegs {
    const NAME: &'static str = "peg";
    type State = State;
    type Stored = Stored;
    type Event = Event;
    type Effect = Effect;

    fn step(state: &State, event: &Event, now: &Now) -> Result<(State, Vec<Effect>), Unexpected> {
        match (event, state.destination) {
            // The port's event of a payment proved later does not repeat the waiting time.
            (Event::Opened { paid: true, .. }, Destination::Opened { ready_at, .. }) => {
                let paid = true;
                peg::step(state, &Event::Opened { ready_at, paid }, now)
            }
            _ => peg::step(state, event, now),
        }
    }

    fn about(state: &State) -> About {
        let Leg { chain, lock } = state.plan.give;
        let id = match state.origin {
            Origin::Placed { id, .. } => id,
            // Its terms were packed when the plan was made, so this does not fail.
            Origin::Approving | Origin::Locking => lock.id().unwrap_or(LockId(B256::ZERO)),
        };
        let waiting = matches!(state.origin, Origin::Approving | Origin::Locking);
        let waits = match lock.asset {
            Asset::Token(token) if waiting && state.ended.is_none() => Some(Waits {
                account: Account {
                    chain,
                    address: lock.sender,
                },
                token,
                spender: state.plan.spender,
                amount: lock.amount,
            }),
            _ => None,
        };
        About {
            subject: subject(chain, id),
            id: state.id(),
            role: state.role.name(),
            stage: format!("{:?}", state.stage()).to_lowercase(),
            outcome: state.outcome().map(outcome),
            waits,
        }
    }

    fn name(event: &Event) -> &'static str {
        event.name()
    }

    fn purpose(effect: &Effect) -> &'static str {
        effect.purpose().name()
    }

    fn told(news: News<'_, Effect>) -> Option<Event> {
        match news {
            News::Tick => Some(Event::Tick),
            // P2: the lock follows.
            News::Done(Effect::Approve { .. }) => Some(Event::Approved),
            // The chains themselves tell of locks, openings, claims and refunds.
            News::Done(_) => None,
            News::Failed(effect, failure) => Some(Event::Failed {
                purpose: effect.purpose(),
                failure,
            }),
        }
    }
}

const fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Refunded => "refunded",
        Outcome::Abandoned(_) => "abandoned",
    }
}

#[async_trait]
impl Kind for Pegs {
    fn places(&self) -> Vec<Place> {
        let place = |end: &PegPort| Place {
            chain: end.chain,
            contracts: vec![end.locks, end.port],
            start: end.start,
        };
        let sites = self.sites.iter();
        sites
            .flat_map(|site| [place(&site.home), place(&site.side)])
            .collect()
    }

    fn read(&self, chain: ChainId, log: &RawLog) -> Option<Said<Self>> {
        let of_port = self.ends_at(chain, log.address);
        let locks = |site: &PegSite| {
            let here = site.ends(chain).map(|(here, _)| here);
            here.is_some_and(|here| here.locks == log.address)
        };
        if of_port.is_none() && !self.sites.iter().any(locks) {
            return None;
        }
        Some(match (hear(log)?, of_port) {
            (Heard::Locked { id, lock, memo }, None) => {
                let (site, here, there) = self.ends_at(chain, lock.recipient)?;
                if here.locks != log.address {
                    return None;
                }
                let seen = Seen { chain, id, lock };
                let ports = site.ports(here, there);
                // P3: any other lock is ignored, and the reason kept.
                let fresh = peg::check(&ports, &lock, &memo)
                    .map_err(|reason| reason.to_string())
                    .map(|promise| {
                        // P16: a lock of ours that the store does not know is ours to refund; any other is carried.
                        let take_up = if self.is_ours(chain, lock.sender) {
                            peg::adopt
                        } else {
                            peg::carry
                        };
                        vec![take_up(seen, log.height, ports.route, promise)]
                    });
                Said::Begins {
                    subject: subject(chain, id),
                    event: Event::Locked {
                        seen,
                        height: log.height,
                    },
                    fresh,
                }
            }
            (Heard::LockClaimed { id, preimage }, None) => Said::Follows {
                subject: subject(chain, id),
                event: Event::Collected { preimage },
            },
            (Heard::LockRefunded { id }, None) => Said::Follows {
                subject: subject(chain, id),
                event: Event::Refunded,
            },
            (Heard::Opened { id, ready_at, paid }, Some((_, _, there))) => Said::Tells {
                subject: subject(there.chain, id),
                event: Event::Opened { ready_at, paid },
            },
            (Heard::Paid { id }, Some((_, _, there))) => Said::Tells {
                subject: subject(there.chain, id),
                event: Event::Opened {
                    ready_at: Timestamp(0),
                    paid: true,
                },
            },
            (Heard::Claimed { id, preimage }, Some((_, _, there))) => Said::Tells {
                subject: subject(there.chain, id),
                event: Event::Claimed { preimage },
            },
            (Heard::Port(port), Some(_)) => Said::ToAll {
                about: port_subject(chain, log.address),
                event: Event::Port(port),
            },
            _ => return None,
        })
    }

    fn hears(&self, state: &State) -> Option<B256> {
        // Only whether the destination pays matters.
        let Route { to, port, .. } = state.plan.route;
        Some(port_subject(to, port))
    }

    fn on_refusal(&self, effect: &Effect) -> OnRefusal {
        match effect {
            Effect::Approve { .. } | Effect::Lock { .. } => OnRefusal::Times(REFUSALS),
            // P5: the first sending is stopped by its time; once sent it is pursued to the end.
            Effect::Claim {
                secret: peg::Secret::Own,
                ..
            } => OnRefusal::Insist,
            // P13: it may be refused because somebody else was quicker, which the chains tell.
            Effect::Open { .. }
            | Effect::OpenPaid { .. }
            | Effect::Claim { .. }
            | Effect::Collect { .. }
            | Effect::Refund { .. } => OnRefusal::Tell,
        }
    }

    async fn act(
        &self,
        ground: &Ground,
        state: &State,
        wish: &Wish<Effect>,
    ) -> Result<Act, CrossingError> {
        match self.site_of(&state.plan) {
            Some(site) => self.acted(ground, site, state, wish).await,
            // Its peg is not configured any more: it waits until it is.
            None => Ok(Act::NotYet),
        }
    }
}

/// Times a contract may refuse a lock or an approval before it is given up.
const REFUSALS: u8 = 4;

#[cfg(test)]
mod tests;
