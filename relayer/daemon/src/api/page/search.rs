//! `/search`: a number, a hash, an id.

use std::sync::Arc;

use alloy_primitives::B256;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse as _, Redirect, Response},
};
use causeway_console::{pages::found, parts::segment};
use causeway_core::{message::MessageId, swap::TransferId};
use serde::Deserialize;

use super::{Look, chains::blocking};
use crate::api::{App, Problem, resolve::clipped};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    q: String,
}

pub(super) async fn find(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let found = match ask {
        Ok(Query(ask)) => found_by(&app, ask.q.trim()).await,
        Err(rejection) => Err(rejection.into()),
    };
    if let Ok([(_, link)]) = found.as_deref() {
        return Redirect::to(link).into_response();
    }
    look.show(|frame| Ok(found::page(frame, &found?)))
}

/// In words, and where; at least one.
async fn found_by(app: &App, text: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut all = Vec::new();
    if text.parse::<MessageId>().is_ok() {
        all.push((text.to_owned(), format!("/messages/{}", segment(text))));
    } else if let Ok(number) = text.parse::<u64>() {
        all.extend(app.blocks_numbered(number));
    } else if let Ok(hash) = text.parse::<B256>() {
        all.extend(app.hashed(hash).await?);
    } else if text.parse::<TransferId>().is_ok() {
        all.push((text.to_owned(), format!("/transfers/{}", segment(text))));
    }
    if all.is_empty() {
        let detail = format!("nothing here is called {:?}", clipped(text));
        let what = "search for a block number, a hash, a transfer's 32 digits or a message's from-to-lane-number";
        return Err(Problem::not_found(detail, what));
    }
    Ok(all)
}

impl App {
    fn blocks_numbered(&self, number: u64) -> Vec<(String, String)> {
        let hosted = self
            .chains
            .iter()
            .filter_map(|entry| Some((entry, entry.node.as_ref()?)));
        let has = hosted.filter(|(_, node)| node.ledger.tip().block().number() >= number);
        let found = has.map(|(entry, _)| {
            let link = format!("/chains/{}/blocks/{number}", segment(&entry.name));
            (format!("{} {number}", entry.name), link)
        });
        found.collect()
    }

    /// Transactions and blocks of this hash.
    async fn hashed(&self, hash: B256) -> Result<Vec<(String, String)>, Problem> {
        let mut all = Vec::new();
        for entry in &self.chains {
            let Some(node) = entry.node.clone() else {
                continue;
            };
            let found = blocking(move || {
                (
                    node.ledger.locate(hash).ok().flatten(),
                    node.ledger.number_of(hash).ok().flatten(),
                )
            });
            let chain = segment(&entry.name);
            let (tx, block) = found.await?;
            all.extend(tx.map(|_| {
                (
                    format!("{} {hash}", entry.name),
                    format!("/chains/{chain}/tx/{hash}"),
                )
            }));
            all.extend(block.map(|number| {
                (
                    format!("{} {number}", entry.name),
                    format!("/chains/{chain}/blocks/{number}"),
                )
            }));
        }
        Ok(all)
    }
}
