//! Transfers that live on proofs, among the others of `/v1/transfers`.

use alloy_primitives::B256;
use axum::http::StatusCode;
use causeway_adapter_api::{Asset, ChainId};
use causeway_core::{
    explain,
    peg::{self, Account, TransferId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Amount, App, At, ChainEntry, EventView, ExplanationView, HistoryView, PartView, Problem,
    StartRequest, Transfer,
    resolve::{amount, clipped, number},
    settlement::StartSettlement,
};
use crate::{
    crossing::{
        CrossingView, Machine as _,
        peg::{PegPort, PegRequest},
        settlement::{SettlementRequest, Settlements},
    },
    drive::SwapRequest,
    store::{CrossingKey, CrossingRow, CrossingStep, ProofRow},
};

/// Begin a transfer: a swap, unless `kind` says otherwise.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum StartBody {
    /// `kind` is `swap` or left out.
    Swap(StartRequest),
    /// `kind` is `peg_in` or `peg_out`.
    Peg(StartPeg),
    /// `kind` is `settlement`.
    Settlement(StartSettlement),
}

/// What a body comes to.
pub(super) enum Begin {
    Swap(SwapRequest),
    Peg(PegRequest),
    Settlement(SettlementRequest),
}

/// Begin a way over the peg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartPeg {
    /// `peg_in` leaves the asset's home chain, `peg_out` comes back.
    pub kind: PegKind,
    /// Who gives, where; an account whose key this daemon holds.
    pub from: At,
    /// What is given; its asset may be `peg`: what the peg takes on that chain.
    pub give: Amount,
    /// Who is paid, where.
    pub to: At,
    /// Safety deposit in native wei for whoever collects or refunds the lock, decimal.
    #[serde(default = "zero")]
    pub deposit: String,
    /// Seconds until the destination pays no more; what was measured decides without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u64>,
}

/// Which way over the peg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PegKind {
    /// Away from home.
    PegIn,
    /// Back home.
    PegOut,
}

/// By which block of a chain an order of ours proved something on the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofView {
    /// What for: `open`, `open_paid`, `refund`.
    pub purpose: String,
    /// The chain that was proved.
    pub chain: String,
    /// Height of the block, whose certificate the other chain's light client took.
    pub height: u64,
}

/// The end of a peg on a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PegView {
    /// The port: `PegVault` at home, `PegMint` on the other chain.
    pub port: String,
    /// What it takes and pays: the address of a token, or `native`.
    pub asset: String,
    /// The light client of the other chain.
    pub client: String,
}

impl StartBody {
    /// Reads a body by its `kind`.
    pub(super) fn read(mut body: Value) -> Result<Self, Problem> {
        let kind = body.get("kind").cloned().unwrap_or_else(|| "swap".into());
        let read = match kind.as_str() {
            Some("swap") => {
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("kind");
                }
                serde_json::from_value(body).map(Self::Swap)
            }
            Some("peg_in" | "peg_out") => serde_json::from_value(body).map(Self::Peg),
            Some("settlement") => serde_json::from_value(body).map(Self::Settlement),
            _ => {
                let kind = clipped(&kind.to_string());
                let detail =
                    format!("kind is {kind}, expected swap, peg_in, peg_out or settlement");
                return Err(Problem::bad_request(detail));
            }
        };
        read.map_err(|error| {
            let what = "correct the body; /openapi.json describes every field";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", error, what)
        })
    }
}

impl App {
    /// From names to ids, addresses and amounts.
    pub(super) fn resolve(&self, body: &StartBody) -> Result<Begin, Problem> {
        match body {
            StartBody::Swap(request) => self.swap(request).map(Begin::Swap),
            StartBody::Peg(request) => self.peg(request).map(Begin::Peg),
            StartBody::Settlement(request) => self.settlement(request).map(Begin::Settlement),
        }
    }

    /// Begins it; its first transaction follows.
    pub(super) async fn begin(&self, begin: Begin) -> Result<TransferId, Problem> {
        Ok(match begin {
            Begin::Swap(request) => self.driver.start_swap(request).await?,
            Begin::Peg(request) => self.pegs.start_peg(&request).await?,
            Begin::Settlement(request) => self.settlements.start_settlement(&request).await?,
        })
    }

    fn peg(&self, request: &StartPeg) -> Result<PegRequest, Problem> {
        let (from, account) = self.account("from", &request.from)?;
        let (to, recipient) = self.account("to", &request.to)?;
        let (asset, give) = if request.give.asset == "peg" {
            let give = number("give.amount", &request.give.amount)?;
            (self.pegged_asset(from, to)?, give)
        } else {
            amount("give", self.named(&request.from)?, &request.give)?
        };
        Ok(PegRequest {
            kind: match request.kind {
                PegKind::PegIn => peg::Kind::PegIn,
                PegKind::PegOut => peg::Kind::PegOut,
            },
            from: Account {
                chain: from,
                address: account,
            },
            asset,
            amount: give,
            deposit: number("deposit", &request.deposit)?,
            to: Account {
                chain: to,
                address: recipient,
            },
            window: request.window_seconds,
        })
    }

    /// What the one peg takes that has an end on a chain; of several, the one that leads to the other.
    fn pegged_asset(&self, from: ChainId, to: ChainId) -> Result<Asset, Problem> {
        let takes = |ends: &[(&PegPort, &PegPort)]| match ends {
            [(here, _)] => Some(here.asset),
            _ => None,
        };
        let mut ends: Vec<_> = self.peg_ports(from).collect();
        let only = takes(&ends);
        ends.retain(|(_, there)| there.chain == to);
        only.or_else(|| takes(&ends)).ok_or_else(|| {
            let chain = self.chain_name(from);
            Problem::bad_request(if self.peg_ports(from).next().is_none() {
                format!("give.asset: no peg has an end on chain {chain}")
            } else {
                format!(
                    "give.asset: several pegs have an end on chain {chain}: give the address of the token, or native"
                )
            })
        })
    }

    /// Ends of pegs on a chain, each with the other one.
    pub(super) fn peg_ports(&self, chain: ChainId) -> impl Iterator<Item = (&PegPort, &PegPort)> {
        let sites = self.pegs.kind().sites().iter();
        sites.filter_map(move |site| site.ends(chain))
    }

    /// The first peg's end on a chain, for people; that of a peg that is only watched where none is carried.
    pub(super) fn peg_view(&self, entry: &ChainEntry) -> Option<PegView> {
        let watched = self.supply.pegs().iter();
        let watched = watched.filter_map(|peg| peg.site.ends(entry.id()));
        let (port, _) = self.peg_ports(entry.id()).chain(watched).next()?;
        Some(PegView {
            port: port.port.to_string(),
            asset: asset_text(port.asset),
            client: port.client.to_string(),
        })
    }

    /// A record that lives on proofs, in short.
    pub(super) fn crossing(&self, row: &CrossingRow) -> Result<Transfer, Problem> {
        Ok(if row.key.kind == Settlements::NAME {
            self.short_settlement(row, &self.settlements.state(row)?)
        } else {
            self.short_peg(row, &self.pegs.state(row)?)
        })
    }

    fn short_peg(&self, row: &CrossingRow, state: &peg::State) -> Transfer {
        let (plan, lock) = (&state.plan, &state.plan.give.lock);
        let name = |address| {
            let known = self.account_name(address);
            Some(known.unwrap_or_else(|| address.to_string()))
        };
        Transfer {
            id: row.id.to_string(),
            kind: plan.route.kind.to_string(),
            role: row.key.role.clone(),
            stage: row.stage.clone(),
            outcome: row.outcome.clone(),
            from_chain: Some(self.chain_name(plan.give.chain)),
            from_account: name(lock.sender),
            give: Some(Amount {
                asset: asset_text(lock.asset),
                amount: lock.amount.to_string(),
            }),
            to_chain: Some(self.chain_name(plan.route.to)),
            to_account: name(plan.promise.recipient),
            want: None,
            alarm: row.alarm.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }

    /// A part of ours in a peg with everything about it.
    pub(super) fn peg_part(&self, view: &CrossingView<peg::State>) -> PartView {
        let plan = &view.state.plan;
        let proof = |row: &ProofRow| ProofView {
            purpose: row.purpose.clone(),
            chain: self.chain_name(match row.purpose.as_str() {
                // What was not paid is proved at the origin; all else is proved of the origin.
                "refund" => plan.route.to,
                _ => plan.give.chain,
            }),
            height: row.height.0,
        };
        PartView {
            transfer: self.short_peg(&view.row, &view.state),
            explanation: self.explained_peg(view),
            history: view.history.iter().map(|step| self.line(step)).collect(),
            proofs: view.proofs.iter().map(proof).collect(),
        }
    }

    /// Where a peg is, who may act next, until when, and what happens if nobody does.
    pub(super) fn explained_peg(&self, view: &CrossingView<peg::State>) -> ExplanationView {
        let now = self.pegs.ground().now();
        let names = &self.driver.config().names;
        self.explained(&view.row, &explain::peg(&view.state, &now, names))
    }

    /// An explanation as the API tells it.
    pub(super) fn explained(&self, row: &CrossingRow, told: &explain::Account) -> ExplanationView {
        ExplanationView {
            role: told.role.clone(),
            stage: row.stage.clone(),
            place: told.place.clone(),
            next: told.next.to_string(),
            until_chain: told.until.map(|until| self.chain_name(until.chain)),
            until: told.until.map(|until| until.at.0),
            seconds_left: told.until.map(|until| until.seconds_left),
            costs: told.costs.text(&self.driver.config().names),
            otherwise: told.otherwise.clone(),
            text: told.text(&self.driver.config().names),
        }
    }

    pub(super) fn line(&self, step: &CrossingStep) -> HistoryView {
        HistoryView {
            seq: step.seq,
            event: (step.seq > 0).then(|| step.name.clone()),
            does: step.does.clone(),
            stage: step.stage.clone(),
            chain: step.read_at.map(|(chain, _)| self.chain_name(chain)),
            height: step.read_at.map(|(_, height)| height.0),
            tx: step.tx.clone(),
            at: step.at,
        }
    }

    /// A step, as the event stream sends it.
    pub(super) fn news(&self, key: &CrossingKey, id: TransferId, step: &CrossingStep) -> EventView {
        EventView {
            transfer: id.to_string(),
            kind: key.kind.clone(),
            role: key.role.clone(),
            step: self.line(step),
        }
    }
}

/// Which body a repetition repeats.
pub(super) fn digest(body: &StartBody) -> B256 {
    alloy_primitives::keccak256(serde_json::to_vec(body).unwrap_or_default())
}

pub(super) fn asset_text(asset: Asset) -> String {
    match asset {
        Asset::Native => "native".into(),
        Asset::Token(token) => token.to_string(),
    }
}

fn zero() -> String {
    "0".into()
}
