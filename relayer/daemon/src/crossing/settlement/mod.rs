//! Settlements: an escrow on the public chain opens on the proved result of the consortium chain together with both parties'
//! signatures (docs/transfers.md, rules S1..S12).

mod abi;
mod act;
mod start;
#[cfg(test)]
mod tests;

use alloy_primitives::{Address, B256, FixedBytes};
use async_trait::async_trait;
use causeway_adapter_api::{Asset, ChainId, Height, RawLog, Timestamp};
use causeway_core::{
    settlement::{
        self, Deal, Effect, End, Escrow, Event, Outcome, Party, Plan, Role, State, Stored, Word,
    },
    swap::{Account, Now, TransferId, Unexpected, Why},
};
use serde::{Deserialize, Serialize};

use self::abi::Log;
pub use self::start::{SettlementError, SettlementRequest};
use super::{
    About, Act, CrossingError, Ground, Handle, Kind, Machine, News, OnRefusal, Place, Said, Wish,
};
use crate::{keys::Signers, store::Waits};

/// A running driver of settlements.
pub type SettlementHandle = Handle<Settlements>;

/// Where settlements between two chains live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementSite {
    /// The chain of the escrow.
    pub public: ChainId,
    /// `SettlementEscrow`.
    pub escrow: Address,
    /// Where reading it begins.
    pub public_start: Height,
    /// The chain of the business.
    pub consortium: ChainId,
    /// `Settlement`.
    pub settlement: Address,
    /// Where reading it begins.
    pub consortium_start: Height,
    /// What the public chain believes of the consortium.
    pub client: Address,
    /// Who pays, on the public chain, for what anyone may do.
    pub account: Address,
}

/// The kind: its contracts, and the keys of the parties we are.
#[derive(Debug)]
pub struct Settlements {
    /// Where they live.
    pub sites: Vec<SettlementSite>,
    /// Keys of our accounts, for the parties' words.
    pub signers: Signers,
    /// Seconds a confirmation needs to become final, for deals that others open.
    pub settle: u64,
    /// Seconds a verdict may be on its way through the gateway before it is proved instead.
    pub patience: u64,
}

/// What is heard of a settlement. A word names its party by address: whose it is, only the deal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// As the machine takes it.
    Event(Event),
    /// A final block of the consortium shows a party's word.
    Word {
        /// Whose.
        by: Address,
        /// Which.
        word: Word,
    },
    /// The operator has seen the private data and wants this outcome confirmed as this party (S12).
    Wish {
        /// As whom.
        by: Address,
        /// Which.
        outcome: Outcome,
    },
}

impl Settlements {
    fn site(&self, deal: &Deal) -> Option<&SettlementSite> {
        let fits = |site: &&SettlementSite| {
            (site.public, site.consortium) == (deal.public, deal.consortium)
        };
        self.sites.iter().find(fits)
    }

    /// S2, S9: what begins with an escrow that is open: a part for each party we are, or a carrier's. For the counterparty a
    /// deal that left no time for a word when it was opened does not begin.
    fn taken_up(&self, site: &SettlementSite, deal: Deal, opened: Timestamp) -> Vec<State> {
        let in_time = opened.plus(self.settle.saturating_add(1)) <= deal.deadline;
        let plan = Plan {
            deal,
            escrow: site.escrow,
            open_by: deal.deadline,
            settle: self.settle,
            patience: self.patience,
        };
        let parties = [
            (deal.initiator, Party::Initiator),
            (deal.counterparty, Party::Counterparty),
        ];
        let begins = |party| in_time || party == Party::Initiator;
        let ours = parties
            .iter()
            .filter(|(at, party)| self.signers.hold(*at) && begins(*party));
        let mut states: Vec<State> = ours
            .map(|(_, party)| settlement::join(plan, Role::Party(*party)))
            .collect();
        if states.is_empty() {
            states.push(settlement::join(plan, Role::Carrier));
        }
        states
    }
}

impl Machine for Settlements {
    const NAME: &'static str = "settlement";
    type State = State;
    type Stored = Stored;
    type Event = Heard;
    type Effect = Effect;

    fn step(state: &State, event: &Heard, now: &Now) -> Result<(State, Vec<Effect>), Unexpected> {
        let deal = &state.plan.deal;
        let refused = |why| Unexpected {
            event: Self::name(event),
            why,
        };
        match event {
            Heard::Event(event) => settlement::step(state, event, now),
            // S3: the contract takes the word of a party alone; another's is no word of this deal.
            Heard::Word { by, word } => {
                let by = abi::party(deal, *by).ok_or_else(|| refused(Why::Foreign))?;
                let word = word.clone();
                settlement::step(state, &Event::Confirmed { by, word }, now)
            }
            // S12: each party is asked for itself, though one daemon may hold the keys of both.
            Heard::Wish { by, outcome } => match (abi::party(deal, *by), state.role) {
                (Some(party), Role::Party(ours)) if party == ours => {
                    settlement::step(state, &Event::Confirm(*outcome), now)
                }
                _ => Err(refused(Why::WrongRole)),
            },
        }
    }

    fn about(state: &State) -> About {
        let Plan { deal, escrow, .. } = &state.plan;
        let waiting = matches!(state.escrow, Escrow::Approving | Escrow::Opening);
        let waits = match deal.asset {
            Asset::Token(token) if waiting && state.ended.is_none() => Some(Waits {
                account: Account {
                    chain: deal.public,
                    address: deal.initiator,
                },
                token,
                spender: *escrow,
                amount: deal.amount,
            }),
            Asset::Token(_) | Asset::Native => None,
        };
        About {
            subject: deal.id,
            id: name(deal.id),
            role: state.role.name(),
            stage: stage(state).into(),
            outcome: state.ended.as_ref().map(|end| match end {
                End::Released => "released",
                End::Refunded => "refunded",
                End::Abandoned(_) => "abandoned",
            }),
            waits,
        }
    }

    fn name(event: &Heard) -> &'static str {
        match event {
            Heard::Event(event) => event.name(),
            Heard::Word { .. } => "confirmed",
            Heard::Wish { .. } => "confirm",
        }
    }

    fn purpose(effect: &Effect) -> &'static str {
        effect.purpose().name()
    }

    fn told(news: News<'_, Effect>) -> Option<Heard> {
        match news {
            News::Tick => Some(Heard::Event(Event::Tick)),
            News::Done(Effect::Approve { .. }) => Some(Heard::Event(Event::Approved)),
            // What it did, the chain says.
            News::Done(_) => None,
            News::Failed(effect, failure) => {
                let purpose = effect.purpose();
                Some(Heard::Event(Event::Failed { purpose, failure }))
            }
        }
    }
}

#[async_trait]
impl Kind for Settlements {
    fn places(&self) -> Vec<Place> {
        let ends = |site: &SettlementSite| {
            let place = |chain, contract, start| Place {
                chain,
                contracts: vec![contract],
                start,
            };
            [
                place(site.public, site.escrow, site.public_start),
                place(site.consortium, site.settlement, site.consortium_start),
            ]
        };
        self.sites.iter().flat_map(ends).collect()
    }

    fn read(&self, chain: ChainId, log: &RawLog) -> Option<Said<Self>> {
        let here = |site: &&SettlementSite| {
            [
                (site.public, site.escrow),
                (site.consortium, site.settlement),
            ]
            .contains(&(chain, log.address))
        };
        let site = self.sites.iter().find(here)?;
        if chain == site.consortium {
            // The escrow may be read later than what is said of it here.
            let (subject, event) = abi::of_settlement(log)?;
            return Some(Said::Tells { subject, event });
        }
        let (subject, said) = abi::of_escrow(site, log)?;
        let begins = |fresh| Said::Begins {
            subject,
            event: Heard::Event(Event::Opened),
            fresh,
        };
        Some(match said {
            Log::Opened(deal) => begins(Ok(self.taken_up(site, deal, log.time))),
            Log::Odd => begins(Err("its id is not that of its terms".into())),
            Log::Happened(event) => Said::Follows { subject, event },
        })
    }

    fn hears(&self, _: &State) -> Option<B256> {
        None
    }

    fn on_refusal(&self, effect: &Effect) -> OnRefusal {
        match effect {
            Effect::Approve { .. } | Effect::Open { .. } | Effect::Confirm { .. } => {
                OnRefusal::Times(REFUSALS)
            }
            // S9, S10: pursued until the escrow is closed; whoever closes it.
            Effect::Prove { .. } | Effect::Release { .. } | Effect::Refund { .. } => {
                OnRefusal::Insist
            }
        }
    }

    async fn act(
        &self,
        ground: &Ground,
        state: &State,
        wish: &Wish<Effect>,
    ) -> Result<Act, CrossingError> {
        self.do_act(ground, state, wish).await
    }
}

/// The public name of a deal: the first half of its id.
pub(crate) fn name(id: B256) -> TransferId {
    TransferId(FixedBytes::from_slice(&id[..16]))
}

/// Where a settlement is, in the word that is stored and shown.
const fn stage(state: &State) -> &'static str {
    use causeway_core::settlement::Stage;

    match state.stage() {
        Stage::Approving => "approving",
        Stage::Opening => "opening",
        Stage::Business => "business",
        Stage::Carrying => "carrying",
        Stage::Releasing => "releasing",
        Stage::Refunding => "refunding",
        Stage::Ended => "ended",
    }
}

/// Times a contract may refuse in a row what only we can send.
const REFUSALS: u8 = 4;
