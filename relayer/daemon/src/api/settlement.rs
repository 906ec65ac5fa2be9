//! Settlements in `/v1/transfers`: what only they need.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use axum::{
    Json,
    extract::{
        Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_core::{
    explain,
    settlement::{self, Outcome},
    swap::Account,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Amount, App, At, ExplanationView, PartView, Problem, Transfer,
    crossings::{ProofView, asset_text},
    resolve::{amount, number},
    transfers::transfer_id,
};
use crate::{
    crossing::{
        CrossingView,
        settlement::{SettlementError, SettlementRequest},
    },
    store::{CrossingRow, ProofRow},
};

/// Begin a settlement: lock what the proved result of a private business on the consortium chain will divide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSettlement {
    /// `settlement`.
    pub kind: SettlementKind,
    /// Whose asset it is, on the public chain; an account whose key this daemon holds.
    pub from: At,
    /// What is locked.
    pub give: Amount,
    /// The other party: a name or an address, the same key on both chains.
    pub counterparty: String,
    /// Chain of the business.
    pub consortium: String,
    /// Address of the contract there that must conclude the same outcome; without it the parties' word is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business: Option<String>,
    /// Digest of the private terms, 32 bytes: keccak256 over a random value that only the parties know, then the terms.
    pub terms_digest: String,
    /// Seconds until no result counts any more and the asset goes back.
    pub window_seconds: u64,
}

/// The kind of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementKind {
    /// The only one.
    Settlement,
}

/// Confirm what a settlement came to, as one of its parties. Whoever asks for it has seen the private data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// Which party confirms: the name of an account of this daemon, or an address. Not needed where only one is ours.
    #[serde(default)]
    pub account: Option<String>,
    /// Digest of the private result, 32 bytes: keccak256 over a random value that only the parties know, then the data.
    pub outcome_digest: String,
    /// How much of the amount the counterparty gets, decimal, smallest units; the initiator gets the rest.
    pub to_counterparty: String,
}

/// Has the outcome of a settlement confirmed: signed by a party's key, and said on the consortium chain.
#[utoipa::path(
    post, path = "/v1/transfers/{id}/confirm", tag = "transfers", request_body = ConfirmRequest,
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses(
        (status = 202), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<ConfirmRequest>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let (id, Json(request)) = (transfer_id(id)?, body?);
    let by = request.account.as_deref();
    let by: Option<Address> = by.map(|name| app.address("account", name)).transpose()?;
    let outcome = Outcome {
        digest: digest("outcome_digest", &request.outcome_digest)?,
        to_counterparty: number("to_counterparty", &request.to_counterparty)?,
    };
    app.settlements.confirm(id, by, outcome).await?;
    Ok(StatusCode::ACCEPTED)
}

impl App {
    /// From names to ids, addresses and amounts.
    pub(super) fn settlement(
        &self,
        request: &StartSettlement,
    ) -> Result<SettlementRequest, Problem> {
        let (chain, address) = self.account("from", &request.from)?;
        let (asset, amount) = amount("give", self.named(&request.from)?, &request.give)?;
        let consortium = self.chain(&request.consortium);
        let consortium = consortium.map_err(|problem| Problem::bad_request(problem.detail))?;
        let business = request.business.as_deref();
        let business = business.map(|text| {
            let wrong = || Problem::bad_request("business must be the address of a contract");
            text.parse().map_err(|_| wrong())
        });
        Ok(SettlementRequest {
            from: Account { chain, address },
            asset,
            amount,
            counterparty: self.address("counterparty", &request.counterparty)?,
            consortium: consortium.id(),
            business: business.transpose()?,
            terms_digest: digest("terms_digest", &request.terms_digest)?,
            window: request.window_seconds,
        })
    }

    /// A part of ours in a settlement, in short.
    pub(super) fn short_settlement(
        &self,
        row: &CrossingRow,
        state: &settlement::State,
    ) -> Transfer {
        let deal = &state.plan.deal;
        let name = |address: Address| {
            let known = self.account_name(address);
            Some(known.unwrap_or_else(|| address.to_string()))
        };
        Transfer {
            id: row.id.to_string(),
            kind: row.key.kind.clone(),
            role: row.key.role.clone(),
            stage: row.stage.clone(),
            outcome: row.outcome.clone(),
            from_chain: Some(self.chain_name(deal.public)),
            from_account: name(deal.initiator),
            give: Some(Amount {
                asset: asset_text(deal.asset),
                amount: deal.amount.to_string(),
            }),
            to_chain: Some(self.chain_name(deal.consortium)),
            to_account: name(deal.counterparty),
            want: None,
            alarm: row.alarm.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }

    /// A part of ours in a settlement with everything about it.
    pub(super) fn settlement_part(&self, view: &CrossingView<settlement::State>) -> PartView {
        // All that is proved of a settlement is proved of the consortium.
        let consortium = view.state.plan.deal.consortium;
        let proof = |row: &ProofRow| ProofView {
            purpose: row.purpose.clone(),
            chain: self.chain_name(consortium),
            height: row.height.0,
        };
        PartView {
            transfer: self.short_settlement(&view.row, &view.state),
            explanation: self.explained_settlement(view),
            history: view.history.iter().map(|step| self.line(step)).collect(),
            proofs: view.proofs.iter().map(proof).collect(),
        }
    }

    fn explained_settlement(&self, view: &CrossingView<settlement::State>) -> ExplanationView {
        let now = self.settlements.ground().now();
        let told = explain::settlement(&view.state, &now);
        self.explained(&view.row, &told)
    }
}

/// 32 bytes in hexadecimal.
fn digest(field: &str, text: &str) -> Result<B256, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_request(format!("{field} must be 32 bytes: 64 hexadecimal digits"))
    })
}

impl From<SettlementError> for Problem {
    fn from(error: SettlementError) -> Self {
        let text = error.to_string();
        match error {
            SettlementError::Crossing(error) => error.into(),
            SettlementError::Margin(_) => {
                let what = "choose a longer window; what is asked for is in docs/transfers.md, rules S1 and S2";
                Self::new(StatusCode::CONFLICT, "margin-too-thin", text, what)
            }
            SettlementError::PeerTooPoor { .. } => {
                let what = "fund the account, or lock less";
                Self::new(StatusCode::CONFLICT, "too-poor", text, what)
            }
            SettlementError::ConfigNoSettlement { .. }
            | SettlementError::PeerZeroAmount
            | SettlementError::PeerRefused { .. }
            | SettlementError::PeerWhichParty(_) => Self::bad_request(text),
        }
    }
}
