//! `/transfers/{id}`: one transfer on both clocks.

use std::sync::Arc;

use axum::{
    Form,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{FormRejection, PathRejection, QueryRejection},
    },
    http::HeaderMap,
    response::{IntoResponse as _, Redirect, Response},
};
use causeway_adapter_api::{ChainId, Lock};
use causeway_console::{
    pages::transfer::{self as page, Line, Part, Transfer},
    parts::segment,
    windows::{Lane, May, Window},
};
use causeway_core::swap::{State as Swap, Take, TransferId};
use serde::Deserialize;

use super::Look;
use crate::api::{
    App, HistoryView, PartView, Problem,
    serve::Caller,
    transfers::{give_back, parts, transfer_id},
};

/// What was just done.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    asked: String,
}

/// What a form without fields carries.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    #[serde(default)]
    token: String,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    done: Result<Query<Done>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(
        &app,
        id,
        done.is_ok_and(|Query(done)| done.asked == "refund"),
    )
    .await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(
    app: &App,
    id: Result<Path<String>, PathRejection>,
    refund_asked: bool,
) -> Result<Transfer, Problem> {
    let id = transfer_id(id)?;
    let (found, lanes) = (parts(app, id).await?, app.lanes_of(id).await?);
    let is_ours = |part: &PartView| {
        matches!(
            part.transfer.role.as_str(),
            "initiator" | "counterparty" | "user"
        )
    };
    Ok(Transfer {
        id: id.to_string(),
        may_refund: found
            .iter()
            .any(|part| part.transfer.outcome.is_none() && is_ours(part)),
        parts: found.iter().map(|part| app.part(part)).collect(),
        lanes,
        refund_asked,
    })
}

pub(super) async fn refund(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    look: Look,
    form: Result<Form<Token>, FormRejection>,
) -> Response {
    let token = form.map(|Form(form)| form.token).unwrap_or_default();
    let asked = async {
        app.own_form(&headers, &caller, &token)?;
        let id = transfer_id(id)?;
        give_back(&app, id).await?;
        Ok::<_, Problem>(id)
    };
    match asked.await {
        Ok(id) => Redirect::to(&format!(
            "/transfers/{}?asked=refund",
            segment(&id.to_string())
        ))
        .into_response(),
        Err(problem) => look.refuse(problem),
    }
}

impl App {
    fn part(&self, part: &PartView) -> Part {
        let told = &part.explanation;
        let until = told
            .until_chain
            .clone()
            .zip(told.until)
            .zip(told.seconds_left);
        Part {
            line: self.line_of(&part.transfer),
            place: told.place.clone(),
            next: told.next.clone(),
            until: until.map(|((chain, at), left)| (chain, at, left)),
            costs: told.costs.clone(),
            otherwise: told.otherwise.clone(),
            history: part.history.iter().map(line).collect(),
            proofs: part
                .proofs
                .iter()
                .map(|proof| (proof.purpose.clone(), proof.chain.clone(), proof.height))
                .collect(),
        }
    }

    /// The windows of a transfer's locks, one lane for each chain.
    async fn lanes_of(&self, id: TransferId) -> Result<Vec<Lane>, Problem> {
        let mut lanes = Vec::new();
        // Of a transfer of another kind the driver of swaps knows nothing; what else can fail has failed before.
        for view in self.driver.show(id).await.unwrap_or_default() {
            let began = view.record.created_at;
            match &view.record.state {
                Swap::Party(party) => {
                    lanes.push((party.plan.give.chain, of_lock(&party.plan.give.lock, began)));
                    if let Take::Seen { seen, .. } = &party.take {
                        lanes.push((seen.chain, of_lock(&seen.lock, began)));
                    }
                }
                Swap::Watchtower(tower) => {
                    lanes.extend(
                        tower
                            .watched
                            .iter()
                            .map(|one| (one.seen.chain, of_lock(&one.seen.lock, began))),
                    );
                }
            }
        }
        for view in self.pegs.show(id).await? {
            let give = &view.state.plan.give;
            lanes.push((give.chain, of_lock(&give.lock, view.row.created_at)));
        }
        for view in self.settlements.show(id).await? {
            let (deal, from) = (&view.state.plan.deal, view.row.created_at);
            let window = |from, what| Window { from, what };
            let windows = vec![
                window(from, May::Business),
                window(deal.deadline.0, May::Refund),
            ];
            lanes.push((deal.consortium, windows));
        }
        // Both parties of one transfer may be ours, and see the same locks.
        lanes.sort_by_key(|(chain, windows)| (*chain, windows.last().map(|window| window.from)));
        lanes.dedup_by_key(|(chain, windows)| (*chain, windows.last().map(|window| window.from)));
        let lanes = lanes
            .into_iter()
            .map(|(chain, windows)| self.lane(chain, windows));
        Ok(futures::future::join_all(lanes).await)
    }

    async fn lane(&self, chain: ChainId, windows: Vec<Window>) -> Lane {
        let entry = self.chains.iter().find(|entry| entry.id() == chain);
        let now = match entry {
            Some(entry) => entry
                .tip(self.limits.per_chain())
                .await
                .ok()
                .map(|tip| tip.time.0),
            None => None,
        };
        Lane {
            chain: self.chain_name(chain),
            now,
            windows,
            end: None,
        }
    }
}

fn of_lock(lock: &Lock, began: u64) -> Vec<Window> {
    let terms = &lock.terms;
    let from = began.min(terms.public_claim_at.0);
    let all = [
        (from, May::Claim),
        (terms.public_claim_at.0, May::PublicClaim),
        (terms.refund_at.0, May::Refund),
        (terms.public_refund_at.0, May::PublicRefund),
    ];
    all.map(|(from, what)| Window { from, what }).into()
}

fn line(step: &HistoryView) -> Line {
    let said = step.chain.clone().zip(step.height);
    Line {
        at: step.at,
        event: step.event.clone(),
        does: step.does.clone(),
        stage: step.stage.clone(),
        said: said.map(|(chain, height)| (chain, height, step.tx.clone())),
    }
}
