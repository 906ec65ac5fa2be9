//! What the API says and hears. Amounts are decimal text in the asset's smallest unit: JSON readers lose large numbers.

use causeway_adapter_api::Asset;
use causeway_core::{
    explain::Explanation,
    swap::{Outcome, Party, Side, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    crossings::{PegView, ProofView},
};
use crate::{
    drive::TransferView,
    store::{Record, TransitionRow},
};

/// A chain now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChainView {
    /// Its name.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// `public`, `consortium` or `evm`.
    pub kind: String,
    /// Number of the newest final block; `null` while the chain does not answer.
    pub height: Option<u64>,
    /// Hash of that block.
    pub hash: Option<String>,
    /// Time of that block, unix seconds.
    pub time: Option<u64>,
    /// Address of the `HashTimeLock`.
    pub hash_time_lock: String,
    /// Address of the points token.
    pub points_token: Option<String>,
    /// Address of the `Gateway` of messages.
    pub gateway: Option<String>,
    /// Address of the settlements' contract: `SettlementEscrow` on a public chain, `Settlement` on a consortium chain.
    pub settlement: Option<String>,
    /// Address of `DeliveryAgreement`, the worked example of a private business, on a consortium chain.
    pub delivery_agreement: Option<String>,
    /// Ethereum JSON-RPC (HTTP and WebSocket) that needs no certificate.
    pub rpc: Option<String>,
    /// Ethereum JSON-RPC that needs a client certificate.
    pub rpc_tls: Option<String>,
    /// Validators of a hosted chain.
    pub validators: Option<usize>,
    /// Age of the newest final block, in seconds, from which on the chain counts as stalled.
    pub stalled_after_seconds: u64,
    /// Why there is no height, while the chain does not answer.
    pub problem: Option<String>,
    /// The end of the peg there.
    pub peg: Option<PegView>,
    /// Accounts of this daemon there.
    pub accounts: Vec<AccountView>,
}

/// What an account of this daemon has on a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Native wei, decimal; `null` while the chain does not answer.
    pub native: Option<String>,
    /// Points, in the token's smallest unit, decimal.
    pub points: Option<String>,
}

/// An account on a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Name or id of the chain.
    pub chain: String,
    /// Name of an account of this daemon, or an address.
    pub account: String,
}

/// How much of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// `native`, `points` (the chain's points token), or the address of a token.
    pub asset: String,
    /// Decimal, in the asset's smallest unit.
    pub amount: String,
}

/// Begin a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Who gives, where; an account whose key this daemon holds.
    pub from: At,
    /// What is given.
    pub give: Amount,
    /// The other party's account on the chain of `from`: a name or an address.
    pub counterparty: String,
    /// Who is paid, where.
    pub to: At,
    /// What is wanted.
    pub want: Amount,
    /// Safety deposit in native wei for whoever completes the lock, decimal.
    #[serde(default = "zero")]
    pub deposit: String,
}

/// A transfer that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Started {
    /// Its id.
    pub id: String,
}

/// A part of ours in a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    /// Id of the transfer; all who have a part in it share it.
    pub id: String,
    /// `swap`, `peg_in` or `peg_out`.
    pub kind: String,
    /// `initiator`, `counterparty` or `watchtower` of a swap, `user` or `carrier` of a peg.
    pub role: String,
    /// Where it is, in a word.
    pub stage: String,
    /// `completed`, `refunded` or `abandoned`, once it ended.
    pub outcome: Option<String>,
    /// Chain of our lock.
    pub from_chain: Option<String>,
    /// Who gives.
    pub from_account: Option<String>,
    /// What we give.
    pub give: Option<Amount>,
    /// Chain of their lock, or where a peg pays.
    pub to_chain: Option<String>,
    /// Whom a peg pays.
    pub to_account: Option<String>,
    /// What we want.
    pub want: Option<Amount>,
    /// What a chain showed that cannot be; a person must look.
    pub alarm: Option<String>,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds.
    pub updated_at: u64,
    /// Counts changes.
    pub revision: u64,
}

/// A page of transfers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferList {
    /// Newest first.
    pub transfers: Vec<Transfer>,
    /// `offset` of the next page; `null` at the end.
    pub next_offset: Option<u32>,
}

/// One part of ours in a transfer, with everything about it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PartView {
    /// In short.
    #[serde(flatten)]
    pub transfer: Transfer,
    /// In words.
    pub explanation: ExplanationView,
    /// How it came there, oldest first.
    pub history: Vec<HistoryView>,
    /// By which blocks our orders proved something to the other chain; none for a swap.
    #[serde(default)]
    pub proofs: Vec<ProofView>,
}

/// Where a transfer is, who may act next, until when, and what happens if nobody does.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExplanationView {
    /// Which part of ours.
    pub role: String,
    /// Where it is, in a word.
    pub stage: String,
    /// Where it is, in a sentence.
    pub place: String,
    /// Who may act next.
    pub next: String,
    /// Chain whose clock counts.
    pub until_chain: Option<String>,
    /// Until when, unix seconds of that chain.
    pub until: Option<u64>,
    /// Seconds left by its newest final block.
    pub seconds_left: Option<u64>,
    /// What it costs us.
    pub costs: String,
    /// What happens if nobody acts.
    pub otherwise: String,
    /// All of it as text.
    pub text: String,
}

/// One step of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// Counts from 0.
    pub seq: u64,
    /// What happened; `null` for the beginning.
    pub event: Option<String>,
    /// What we set out to do about it.
    pub does: Vec<String>,
    /// Where it led, in a word.
    pub stage: String,
    /// Chain that said so, for transfers that live on proofs.
    pub chain: Option<String>,
    /// In which block.
    pub height: Option<u64>,
    /// In which transaction.
    pub tx: Option<String>,
    /// Unix seconds.
    pub at: u64,
}

/// A step, as the event stream sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Which transfer.
    pub transfer: String,
    /// Which kind: `swap`, `peg`.
    pub kind: String,
    /// Which part of ours.
    pub role: String,
    /// The step.
    #[serde(flatten)]
    pub step: HistoryView,
}

impl From<&TransitionRow> for HistoryView {
    fn from(row: &TransitionRow) -> Self {
        Self {
            seq: row.seq,
            event: row.event.as_ref().map(|event| event.name().to_owned()),
            does: row
                .effects
                .iter()
                .map(|effect| effect.purpose().to_string())
                .collect(),
            stage: row.stage.clone(),
            chain: None,
            height: None,
            tx: None,
            at: row.at,
        }
    }
}

impl From<&TransitionRow> for EventView {
    fn from(row: &TransitionRow) -> Self {
        Self {
            transfer: row.key.id.to_string(),
            kind: SWAP.into(),
            role: row.key.role.to_string(),
            step: row.into(),
        }
    }
}

impl Transfer {
    pub(super) fn new(app: &App, record: &Record) -> Self {
        let party = match &record.state {
            State::Party(party) => Some(party),
            State::Watchtower(_) => None,
        };
        let lock = party.map(|party| &party.plan.give.lock);
        Self {
            id: record.key.id.to_string(),
            kind: SWAP.into(),
            role: record.key.role.to_string(),
            stage: word(&record.state.stage()),
            outcome: record.state.outcome().map(outcome),
            from_chain: party.map(|p| app.chain_name(p.plan.give.chain)),
            from_account: lock.map(|l| {
                app.account_name(l.sender)
                    .unwrap_or_else(|| l.sender.to_string())
            }),
            give: lock.map(|l| Amount {
                asset: asset(l.asset),
                amount: l.amount.to_string(),
            }),
            to_chain: party
                .and_then(Party::take_chain)
                .map(|id| app.chain_name(id)),
            to_account: None,
            want: party.and_then(want),
            alarm: None,
            created_at: record.created_at,
            updated_at: record.updated_at,
            revision: record.revision,
        }
    }
}

impl PartView {
    pub(super) fn new(app: &App, view: &TransferView) -> Self {
        Self {
            transfer: Transfer::new(app, &view.record),
            explanation: ExplanationView::new(app, &view.explanation),
            history: view.history.iter().map(HistoryView::from).collect(),
            proofs: Vec::new(),
        }
    }
}

impl ExplanationView {
    pub(super) fn new(app: &App, told: &Explanation) -> Self {
        Self {
            role: told.role.to_string(),
            stage: word(&told.stage),
            place: told.place.clone(),
            next: told.next.to_string(),
            until_chain: told.until.map(|until| app.chain_name(until.chain)),
            until: told.until.map(|until| until.at.0),
            seconds_left: told.until.map(|until| until.seconds_left),
            costs: told.costs_text.clone(),
            otherwise: told.otherwise.clone(),
            text: told.to_string(),
        }
    }
}

/// Kind of a transfer between two parties.
const SWAP: &str = "swap";

fn want(party: &Party) -> Option<Amount> {
    match (&party.side, &party.take) {
        (Side::Initiator { wanted, .. }, _) => Some(Amount {
            asset: asset(wanted.asset),
            amount: wanted.amount.to_string(),
        }),
        (_, causeway_core::swap::Take::Seen { seen, .. }) => Some(Amount {
            asset: asset(seen.lock.asset),
            amount: seen.lock.amount.to_string(),
        }),
        _ => None,
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed => "completed".into(),
        Outcome::Refunded => "refunded".into(),
        Outcome::Abandoned(_) => "abandoned".into(),
    }
}

fn asset(asset: Asset) -> String {
    match asset {
        Asset::Native => "native".into(),
        Asset::Token(token) => token.to_string(),
    }
}

/// The stored name of a value of an enum without fields.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn zero() -> String {
    "0".into()
}
