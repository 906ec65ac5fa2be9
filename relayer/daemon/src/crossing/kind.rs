//! What a kind of transfer says of itself; everything else about transfers that live on proofs is the same for all.

use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use causeway_adapter_api::{ChainId, Height, RawLog};
use causeway_core::swap::{Failure, Now, TransferId, Unexpected};
use serde::{Serialize, de::DeserializeOwned};

use super::{CrossingError, Ground};
use crate::store::{RelayCall, Waits};

/// The state machine of one kind: total functions over values, from `causeway_core`.
pub trait Machine: Send + Sync + Sized + 'static {
    /// Name of the kind in the store; never changed.
    const NAME: &'static str;
    /// Where a transfer is.
    type State: Clone + PartialEq + Send + Sync;
    /// The same with its version, as it is stored.
    type Stored: From<Self::State> + Into<Self::State> + Serialize + DeserializeOwned;
    /// What is observed.
    type Event: Clone + Serialize + DeserializeOwned + Send + Sync;
    /// What is to be done.
    type Effect: Clone + Serialize + DeserializeOwned + Send + Sync;

    /// Advances a transfer by one event.
    ///
    /// # Errors
    /// [`Unexpected`] when the event says nothing new, or what cannot be.
    fn step(
        state: &Self::State,
        event: &Self::Event,
        now: &Now,
    ) -> Result<(Self::State, Vec<Self::Effect>), Unexpected>;

    /// What everybody may know of a state.
    fn about(state: &Self::State) -> About;

    /// Name of an event in history and logs.
    fn name(event: &Self::Event) -> &'static str;

    /// What an effect is for, in a word.
    fn purpose(effect: &Self::Effect) -> &'static str;

    /// The event that tells the machine of something that no chain said; `None` when it hears of it otherwise.
    fn told(news: News<'_, Self::Effect>) -> Option<Self::Event>;
}

/// What the machine is told and no chain said.
#[derive(Clone, Debug)]
pub enum News<'a, E> {
    /// Time passed.
    Tick,
    /// The order of this effect is final.
    Done(&'a E),
    /// This effect was given up.
    Failed(&'a E, Failure),
}

/// What everybody may know of a state.
#[derive(Clone, Debug)]
pub struct About {
    /// What the chains call the transfer.
    pub subject: B256,
    /// Its public name.
    pub id: TransferId,
    /// Our part.
    pub role: &'static str,
    /// Where it is, in a word.
    pub stage: String,
    /// How it ended, in a word.
    pub outcome: Option<&'static str>,
    /// What its lock will take of an ERC-20, until it has.
    pub waits: Option<Waits>,
}

/// How a kind reads its contracts and acts on them.
///
/// Nodes may lie and calls may be repeated: `read` must not believe that two logs belong together because they came
/// together, and what `act` returns is checked by the contract it calls.
#[async_trait]
pub trait Kind: Machine {
    /// Contracts whose logs are read; several entries of one chain are read as one.
    fn places(&self) -> Vec<Place>;

    /// What a log of one of them says; `None` for one that is of no use.
    fn read(&self, chain: ChainId, log: &RawLog) -> Option<Said<Self>>;

    /// What this transfer hears of beside itself ([`Said::ToAll`]).
    fn hears(&self, state: &Self::State) -> Option<B256>;

    /// How a refusal of the contract is taken.
    fn on_refusal(&self, effect: &Self::Effect) -> OnRefusal;

    /// What to do about an effect now.
    ///
    /// # Errors
    /// Whatever keeps the question from being answered; it is asked again.
    async fn act(
        &self,
        ground: &Ground,
        state: &Self::State,
        wish: &Wish<Self::Effect>,
    ) -> Result<Act, CrossingError>;
}

/// Contracts of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub chain: ChainId,
    /// Which.
    pub contracts: Vec<Address>,
    /// Where reading begins.
    pub start: Height,
}

/// What a log says.
pub enum Said<M: Machine> {
    /// Something begins. Parts of ours that know it take the event; those of `fresh` that do not are taken up, or why none is.
    Begins {
        /// What the chains call it.
        subject: B256,
        /// For who knows it.
        event: M::Event,
        /// For who does not.
        fresh: Result<Vec<M::State>, String>,
    },
    /// About something that began on the same chain before; of no use when that is not known.
    Follows {
        /// What the chains call it.
        subject: B256,
        /// What happened.
        event: M::Event,
    },
    /// About something whose beginning may be read later: it is kept.
    Tells {
        /// What the chains call it.
        subject: B256,
        /// What happened.
        event: M::Event,
    },
    /// About every transfer that hears of it; the newest counts for what begins later.
    ToAll {
        /// What it is about.
        about: B256,
        /// What happened.
        event: M::Event,
    },
}

/// An effect that waits to be done.
#[derive(Clone, Debug)]
pub struct Wish<E> {
    /// What.
    pub effect: E,
    /// Whether a transaction for it may have been seen by others.
    pub exposed: bool,
    /// What is known of time.
    pub now: Now,
}

/// How a refusal of the contract is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefusal {
    /// The machine is told after a pause, and decides anew by what the chains say by then.
    Tell,
    /// It is tried again so many times in a row, then the machine is told.
    Times(u8),
    /// It is tried again until [`Kind::act`] says otherwise.
    Insist,
}

/// What to do about an effect now.
#[derive(Clone, Debug)]
pub enum Act {
    /// Order this.
    Order(Box<Ordered>),
    /// Something is missing that will come: ask again.
    NotYet,
    /// Nothing is left to be done.
    Moot,
    /// It cannot be done any more.
    Fail(Failure),
}

/// A transaction to be ordered.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// On which chain.
    pub chain: ChainId,
    /// Who sends it.
    pub account: Address,
    /// What, without the name of its task.
    pub call: RelayCall,
    /// Height of the other chain that it proves by.
    pub proved_at: Option<Height>,
}

impl Ordered {
    /// A plain call that proves nothing.
    pub fn call(chain: ChainId, account: Address, to: Address, data: Bytes) -> Self {
        let call = RelayCall {
            to,
            data,
            ..RelayCall::default()
        };
        Self {
            chain,
            account,
            call,
            proved_at: None,
        }
    }
}

/// One place for each chain: all that is read there, from the earliest start.
pub(super) fn by_chain(places: Vec<Place>) -> Vec<Place> {
    let mut merged: Vec<Place> = Vec::new();
    for place in places {
        match merged.iter_mut().find(|known| known.chain == place.chain) {
            Some(known) => {
                known.start = known.start.min(place.start);
                known.contracts.extend(place.contracts);
            }
            None => merged.push(place),
        }
    }
    for place in &mut merged {
        place.contracts.sort_unstable();
        place.contracts.dedup();
    }
    merged
}

impl From<Ordered> for Act {
    fn from(ordered: Ordered) -> Self {
        Self::Order(Box::new(ordered))
    }
}
