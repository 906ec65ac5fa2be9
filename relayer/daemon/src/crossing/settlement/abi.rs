//! What both contracts of a settlement say, and the calls they take.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use causeway_adapter_api::{Asset, Checkpoint, RawLog, Timestamp};
use causeway_contracts::{Settlement, SettlementEscrow, deal::deal_id};
use causeway_core::settlement::{Deal, Event, Outcome, Word};

use super::{Heard, SettlementSite};
use crate::crossing::Evidence;

/// What a log says, and about which deal.
pub(super) enum Log {
    /// The escrow was opened.
    Opened(Deal),
    /// The escrow was opened for a deal whose id is not that of its terms.
    Odd,
    /// Anything else.
    Happened(Heard),
}

/// Reads a log of the escrow; `None` for one that is of no use.
pub(super) fn of_escrow(site: &SettlementSite, log: &RawLog) -> Option<(B256, Log)> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    let happened = |id, event| Some((id, Log::Happened(Heard::Event(event))));
    match *log.topics.first()? {
        SettlementEscrow::DealOpened::SIGNATURE_HASH => {
            let e = SettlementEscrow::DealOpened::decode_log(&raw).ok()?.data;
            let whole = deal_id(site.public.0, site.escrow, &e.deal) == e.id;
            let said = if whole {
                Log::Opened(deal(site, e.id, &e.deal))
            } else {
                Log::Odd
            };
            Some((e.id, said))
        }
        SettlementEscrow::VerdictRecorded::SIGNATURE_HASH => {
            let e = SettlementEscrow::VerdictRecorded::decode_log(&raw).ok()?;
            happened(e.id, Event::Recorded)
        }
        SettlementEscrow::DealReleased::SIGNATURE_HASH => {
            let e = SettlementEscrow::DealReleased::decode_log(&raw).ok()?;
            happened(e.id, Event::Released)
        }
        SettlementEscrow::DealRefunded::SIGNATURE_HASH => {
            let e = SettlementEscrow::DealRefunded::decode_log(&raw).ok()?;
            happened(e.id, Event::Refunded)
        }
        _ => None,
    }
}

/// Reads a log of `Settlement`; `None` for one that is of no use.
pub(super) fn of_settlement(log: &RawLog) -> Option<(B256, Heard)> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    match *log.topics.first()? {
        Settlement::OutcomeConfirmed::SIGNATURE_HASH => {
            let e = Settlement::OutcomeConfirmed::decode_log(&raw).ok()?.data;
            let word = Word {
                outcome: outcome(&e.outcome),
                signature: e.signature,
            };
            Some((e.id, Heard::Word { by: e.party, word }))
        }
        Settlement::VerdictPublished::SIGNATURE_HASH => {
            let e = Settlement::VerdictPublished::decode_log(&raw).ok()?.data;
            Some((e.id, Heard::Event(Event::Published(outcome(&e.outcome)))))
        }
        _ => None,
    }
}

/// The escrow's `open`.
pub(super) fn open(of: &Deal) -> Bytes {
    let deal = escrow_deal(of);
    SettlementEscrow::openCall { deal }.abi_encode().into()
}

/// `Settlement`'s `confirm`.
pub(super) fn confirm(of: &Deal, outcome: &Outcome, signature: Bytes) -> Bytes {
    let Deal { asset, .. } = of;
    let deal = Settlement::Deal {
        initiator: of.initiator,
        counterparty: of.counterparty,
        asset: asset.address(),
        amount: of.amount,
        deadline: of.deadline.0,
        business: of.business,
        termsDigest: of.terms_digest,
        salt: U256::from_be_bytes(of.salt.0),
    };
    let outcome = Settlement::Outcome {
        digest: outcome.digest,
        toCounterparty: outcome.to_counterparty,
    };
    Settlement::confirmCall {
        deal,
        outcome,
        signature,
    }
    .abi_encode()
    .into()
}

/// The escrow's `prove`.
pub(super) fn prove(id: B256, outcome: &Outcome, evidence: Evidence) -> Bytes {
    SettlementEscrow::proveCall {
        id,
        outcome: escrow_outcome(outcome),
        checkpoint: checkpoint(&evidence.checkpoint),
        accountProof: evidence.account_nodes,
        storageProof: evidence.slot_nodes,
    }
    .abi_encode()
    .into()
}

/// The escrow's `release`.
pub(super) fn release(of: &Deal, outcome: &Outcome, words: [&Bytes; 2]) -> Bytes {
    let [initiator, counterparty] = words;
    SettlementEscrow::releaseCall {
        deal: escrow_deal(of),
        outcome: escrow_outcome(outcome),
        initiatorSignature: initiator.clone(),
        counterpartySignature: counterparty.clone(),
    }
    .abi_encode()
    .into()
}

/// The escrow's `refund`.
pub(super) fn refund(of: &Deal, evidence: Evidence) -> Bytes {
    SettlementEscrow::refundCall {
        deal: escrow_deal(of),
        checkpoint: checkpoint(&evidence.checkpoint),
        accountProof: evidence.account_nodes,
        storageProof: evidence.slot_nodes,
    }
    .abi_encode()
    .into()
}

/// A deal as the escrow takes it.
pub(super) fn escrow_deal(of: &Deal) -> SettlementEscrow::Deal {
    SettlementEscrow::Deal {
        initiator: of.initiator,
        counterparty: of.counterparty,
        asset: of.asset.address(),
        amount: of.amount,
        deadline: of.deadline.0,
        business: of.business,
        termsDigest: of.terms_digest,
        salt: U256::from_be_bytes(of.salt.0),
    }
}

fn deal(site: &SettlementSite, id: B256, of: &SettlementEscrow::Deal) -> Deal {
    Deal {
        id,
        public: site.public,
        consortium: site.consortium,
        initiator: of.initiator,
        counterparty: of.counterparty,
        asset: Asset::from(of.asset),
        amount: of.amount,
        deadline: Timestamp(of.deadline),
        business: of.business,
        terms_digest: of.termsDigest,
        salt: B256::from(of.salt),
    }
}

const fn outcome(of: &Settlement::Outcome) -> Outcome {
    Outcome {
        digest: of.digest,
        to_counterparty: of.toCounterparty,
    }
}

const fn escrow_outcome(of: &Outcome) -> SettlementEscrow::Outcome {
    SettlementEscrow::Outcome {
        digest: of.digest,
        toCounterparty: of.to_counterparty,
    }
}

const fn checkpoint(of: &Checkpoint) -> SettlementEscrow::Checkpoint {
    SettlementEscrow::Checkpoint {
        height: of.height.0,
        timestamp: of.time.0,
        stateRoot: of.state_root,
    }
}

/// The escrow's `stateOf`, and what it answers: whether the escrow is open, was ever opened, and the recorded verdict.
pub(super) fn state_of(id: B256) -> Bytes {
    SettlementEscrow::stateOfCall { id }.abi_encode().into()
}

/// See [`state_of`]; `None` for what no escrow answers.
pub(super) fn standing(answer: &[u8]) -> Option<Standing> {
    let answer = SettlementEscrow::stateOfCall::abi_decode_returns(answer).ok()?;
    Some(Standing {
        made: answer.state > 0,
        open: answer.state == 1,
        verdict: answer.verdict,
    })
}

/// `Settlement`'s `verdictOf`.
pub(super) fn verdict_of(id: B256) -> Bytes {
    Settlement::verdictOfCall { id }.abi_encode().into()
}

/// How an escrow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// It was opened once.
    pub(super) made: bool,
    /// It holds the asset.
    pub(super) open: bool,
    /// The verdict that is recorded, or zero.
    pub(super) verdict: B256,
}

/// The party of a deal at this address.
pub(super) fn party(deal: &Deal, address: Address) -> Option<causeway_core::settlement::Party> {
    use causeway_core::settlement::Party;

    if address == deal.initiator {
        Some(Party::Initiator)
    } else if address == deal.counterparty {
        Some(Party::Counterparty)
    } else {
        None
    }
}
