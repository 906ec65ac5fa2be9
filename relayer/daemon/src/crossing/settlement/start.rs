//! What the operator of a party begins and wants.

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, ChainError, ChainId, Timestamp};
use causeway_contracts::deal::deal_id;
use causeway_core::{
    margin::{self, MarginError},
    settlement::{self, Deal, Event, Outcome, Party, Plan, Role, State},
    swap::{Account, TransferId, Unexpected, Why},
};

use super::{Heard, SettlementHandle, SettlementSite, abi, name};
use crate::{
    crossing::{CrossingError, CrossingView},
    drive::DriveError,
};

/// A settlement whose initiator is one of our accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementRequest {
    /// Whose asset it is, on the public chain.
    pub from: Account,
    /// What is locked.
    pub asset: Asset,
    /// How much.
    pub amount: U256,
    /// The other party; a plain key, the same on both chains.
    pub counterparty: Address,
    /// The chain of the business.
    pub consortium: ChainId,
    /// The contract there that must conclude the same outcome; without one the parties' word is enough.
    pub business: Option<Address>,
    /// Digest of the private terms.
    pub terms_digest: B256,
    /// Seconds from now until no verdict comes into being any more.
    pub window: u64,
}

/// Why a settlement does not begin, or a word is not given. Nothing was locked or signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettlementError {
    /// Store, chains, accounts.
    #[error(transparent)]
    Crossing(#[from] CrossingError),
    /// V4.
    #[error(transparent)]
    Margin(#[from] MarginError),
    /// There are no contracts.
    #[error(
        "no settlement is configured between chain {public} and chain {consortium}: name its contracts in [settlements.<name>]; \
         the local profile has one from its public to its consortium chain"
    )]
    ConfigNoSettlement {
        /// Chain of the escrow.
        public: ChainId,
        /// Chain of the business.
        consortium: ChainId,
    },
    /// Nothing would be settled.
    #[error("the amount must be above zero")]
    PeerZeroAmount,
    /// The escrow would refuse it, or it would mean nothing.
    #[error("{field} is {got}, expected {expected}")]
    PeerRefused {
        /// What of it.
        field: &'static str,
        /// As given.
        got: String,
        /// What would do.
        expected: &'static str,
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
    /// Both keys are ours.
    #[error("both parties of {0} are ours: name the account that confirms")]
    PeerWhichParty(TransferId),
}

impl From<DriveError> for SettlementError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Margin(margin) => Self::Margin(margin),
            other => Self::Crossing(other.into()),
        }
    }
}

impl From<ChainError> for SettlementError {
    fn from(error: ChainError) -> Self {
        Self::Crossing(error.into())
    }
}

impl SettlementHandle {
    /// S1: begins a settlement; its escrow follows.
    ///
    /// # Errors
    /// [`SettlementError`] names what is wrong with the request, or what stands in its way now.
    pub async fn start_settlement(
        &self,
        request: &SettlementRequest,
    ) -> Result<TransferId, SettlementError> {
        let site = self.checked(request)?;
        let account = request.from.address;
        let here = self.ground().chain(site.public)?;
        let has = here.balance(request.asset, account).await?;
        if has < request.amount {
            return Err(SettlementError::PeerTooPoor {
                chain: site.public,
                account,
                has,
                needs: request.amount,
            });
        }
        let plan = self.plan(site, request).await?;
        let (state, effects) = settlement::start(plan);
        self.begin(state, effects, None).await?;
        Ok(name(plan.deal.id))
    }

    /// S12: has this outcome confirmed as the party `by`, or as the one party that is ours.
    ///
    /// # Errors
    /// [`SettlementError`] names what is wrong with it, or why it cannot be done now.
    pub async fn confirm(
        &self,
        id: TransferId,
        by: Option<Address>,
        outcome: Outcome,
    ) -> Result<(), SettlementError> {
        let views = self.show(id).await?;
        let deal = views.first().map(|view| view.state.plan.deal);
        let deal = deal.ok_or(CrossingError::PeerUnknownTransfer(id))?;
        let refused = |field, got: String, expected| SettlementError::PeerRefused {
            field,
            got,
            expected,
        };
        if outcome.digest.is_zero() {
            let expected = "a digest of the private result";
            return Err(refused("the outcome's digest", "zero".into(), expected));
        }
        if outcome.to_counterparty > deal.amount {
            let got = outcome.to_counterparty.to_string();
            let expected = "at most what the escrow holds";
            return Err(refused("the counterparty's share", got, expected));
        }
        // V4: a word that could not become final before the deadline is not begun; the machine would wait in silence.
        let in_time = |state: &State| {
            let settle = state.plan.settle.saturating_add(1);
            let (expected, got) = (self.latest(deal.consortium)?.plus(settle), deal.deadline);
            if state.ended.is_none() && got < expected {
                return Err(SettlementError::from(MarginError::TooSoon {
                    expected,
                    got,
                }));
            }
            Ok(())
        };
        // S2: of a deal that came too late for the counterparty we have no such part.
        if let Some(view) = views.first()
            && self.kind().signers.hold(deal.counterparty)
            && by.is_none_or(|by| by == deal.counterparty)
            && !views
                .iter()
                .any(|view| party(&view.state) == Some(deal.counterparty))
        {
            in_time(&view.state)?;
        }
        let by = by.map_or_else(|| one_of_ours(&views, id), Ok)?;
        let ours = views.iter().find(|view| party(&view.state) == Some(by));
        let ours = ours.ok_or_else(|| wrong_role(id))?;
        in_time(&ours.state)?;
        Ok(self.command(id, &Heard::Wish { by, outcome }).await?)
    }

    /// Takes a settlement back before its escrow is opened. Afterwards the asset comes back by itself, if there is no verdict
    /// by the deadline.
    ///
    /// # Errors
    /// [`CrossingError::PeerNotNow`] when there is no way back.
    pub async fn cancel(&self, id: TransferId) -> Result<(), CrossingError> {
        self.command(id, &Heard::Event(Event::Cancel)).await
    }

    /// What needs no chain to be asked.
    fn checked(&self, request: &SettlementRequest) -> Result<&SettlementSite, SettlementError> {
        let (public, consortium) = (request.from.chain, request.consortium);
        let mut sites = self.kind().sites.iter();
        let site = sites.find(|site| (site.public, site.consortium) == (public, consortium));
        let site = site.ok_or(SettlementError::ConfigNoSettlement { public, consortium })?;
        let (account, counterparty) = (request.from.address, request.counterparty);
        let can_send = self.ground().chain(public)?.accounts().contains(&account);
        if !can_send || !self.kind().signers.hold(account) {
            let chain = public;
            return Err(DriveError::ConfigUnknownAccount { chain, account }.into());
        }
        if request.amount.is_zero() {
            return Err(SettlementError::PeerZeroAmount);
        }
        let refused = |field, got: String, expected| {
            Err(SettlementError::PeerRefused {
                field,
                got,
                expected,
            })
        };
        // S1: parties are two, and neither is zero, the escrow or the asset.
        let nobody = [Address::ZERO, account, site.escrow, request.asset.address()];
        if nobody.contains(&counterparty) {
            let expected = "a key other than the initiator's, and no contract of the settlement";
            return refused("the counterparty", counterparty.to_string(), expected);
        }
        if request.terms_digest.is_zero() {
            let expected = "a digest of the private terms";
            return refused("the digest of the terms", "zero".into(), expected);
        }
        if request.business == Some(Address::ZERO) {
            let expected = "a contract of the consortium chain, or none";
            return refused("the business", Address::ZERO.to_string(), expected);
        }
        if request.window > LONGEST {
            let expected = "at most 365 days, in seconds";
            return refused("the window", request.window.to_string(), expected);
        }
        Ok(site)
    }

    /// S1: a deadline that leaves room for everything.
    async fn plan(
        &self,
        site: &SettlementSite,
        request: &SettlementRequest,
    ) -> Result<Plan, SettlementError> {
        // The two chains' clocks differ; the later one begins the plan, so that no deadline is early on either.
        let (public, consortium) = (self.latest(site.public)?, self.latest(site.consortium)?);
        let begin = public.max(consortium);
        let timing = self.ground().driver().timing(site.public, site.consortium);
        let timing = timing.await?;
        let deadline = begin.plus(request.window);
        let mut deal = Deal {
            id: B256::ZERO,
            public: site.public,
            consortium: site.consortium,
            initiator: request.from.address,
            counterparty: request.counterparty,
            asset: request.asset,
            amount: request.amount,
            deadline,
            business: request.business.unwrap_or(site.settlement),
            terms_digest: request.terms_digest,
            salt: random()?,
        };
        deal.id = deal_id(site.public.0, site.escrow, &abi::escrow_deal(&deal));
        Ok(Plan {
            deal,
            escrow: site.escrow,
            open_by: margin::settlement_open_by(&timing, begin, deadline)?,
            settle: margin::settle(timing.b, timing.skew)?,
            patience: self.kind().patience,
        })
    }

    /// The latest it may be on a chain.
    fn latest(&self, chain: ChainId) -> Result<Timestamp, DriveError> {
        let clock = self.ground().now().of(chain);
        if clock.proven == Timestamp(0) {
            return Err(DriveError::ChainSilent(chain));
        }
        Ok(clock.latest)
    }
}

/// The party of a part of ours.
fn party(state: &State) -> Option<Address> {
    match state.role {
        Role::Party(Party::Initiator) => Some(state.plan.deal.initiator),
        Role::Party(Party::Counterparty) => Some(state.plan.deal.counterparty),
        Role::Carrier => None,
    }
}

/// Whose word is meant when nobody is named.
fn one_of_ours(views: &[CrossingView<State>], id: TransferId) -> Result<Address, SettlementError> {
    let mut ours = views.iter().filter_map(|view| party(&view.state));
    match (ours.next(), ours.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(SettlementError::PeerWhichParty(id)),
        (None, _) => Err(wrong_role(id)),
    }
}

fn wrong_role(id: TransferId) -> SettlementError {
    let source = Unexpected {
        event: "confirm",
        why: Why::WrongRole,
    };
    CrossingError::PeerNotNow { id, source }.into()
}

fn random() -> Result<B256, DriveError> {
    let mut bytes = B256::ZERO;
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| DriveError::NoRandomness)?;
    Ok(bytes)
}

/// The escrow's `MAX_HORIZON` is 366 days; clocks may differ.
const LONGEST: u64 = 365 * 86_400;
