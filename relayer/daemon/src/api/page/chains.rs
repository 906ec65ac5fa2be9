//! `/chains`, `/chains/{chain}`.

use std::sync::Arc;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use causeway_adapter_hosted::{certificate::FinalityCertificate, node::Node, spec::ValidatorEntry};
use causeway_console::{
    pages::chains::{self as page, Account, BlockLine, Chain, ChainCard, Pace, Validator},
    parts::{Money, Pager, segment},
};
use serde::Deserialize;

use super::Look;
use crate::{
    api::{Amount, App, ChainEntry, ChainView, Problem, chains::view},
    metrics,
};

/// Newest blocks whose certificates are looked at.
const CERTIFICATES: u64 = 24;
/// Blocks of one page.
const BLOCKS: u64 = 15;
/// Blocks in the pictures.
const PACE: u64 = 60;

/// Which blocks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    /// The newest of them.
    before: Option<u64>,
}

pub(super) async fn list(State(app): State<Arc<App>>, look: Look) -> Response {
    let cards = app.chain_cards().await;
    look.show(|frame| Ok(page::list(frame, &cards)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    chain: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, chain, ask).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(
    app: &App,
    chain: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Chain, Problem> {
    let (Path(chain), Query(ask)) = (chain?, ask?);
    let entry = app.chain(&chain)?;
    let (card, told) = futures::join!(app.chain_card(entry), view(app, entry));
    let name = entry.name.clone();
    let (blocks, pace, pager) = match entry.node.clone() {
        Some(node) => blocking(move || blocks(&name, &node, ask.before)).await?,
        None => Default::default(),
    };
    Ok(Chain {
        card,
        hash: told.hash.clone(),
        rpc: told.rpc.clone(),
        rpc_tls: told.rpc_tls.clone(),
        contracts: contracts(&told),
        accounts: told
            .accounts
            .iter()
            .map(|account| of_account(app, entry, account))
            .collect(),
        blocks,
        pace,
        pager,
    })
}

impl App {
    /// All chains in short, public ones first.
    pub(super) async fn chain_cards(&self) -> Vec<ChainCard> {
        let mut entries: Vec<&ChainEntry> = self.chains.iter().collect();
        entries.sort_by_key(|entry| entry.kind != "public");
        futures::future::join_all(entries.into_iter().map(|entry| self.chain_card(entry))).await
    }

    async fn chain_card(&self, entry: &ChainEntry) -> ChainCard {
        let tip = entry.tip(self.limits.per_chain()).await;
        let validators = match entry.node.clone() {
            Some(node) => blocking(move || signing(&node)).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let now = metrics::unix_seconds();
        ChainCard {
            name: entry.name.clone(),
            kind: entry.kind.to_owned(),
            id: entry.id().0,
            height: tip.as_ref().ok().map(|tip| tip.height.0),
            age: tip.as_ref().ok().map(|tip| now.saturating_sub(tip.time.0)),
            stalled_after: entry.stalled_after,
            problem: tip.err().map(|error| error.to_string()),
            validators,
        }
    }
}

/// Reading a ledger may touch the disk.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|_| Problem::unavailable("reading the chain was interrupted"))
}

/// The validators of now, and how many of the newest certificates each signed.
pub(super) fn signing(node: &Node) -> Vec<Validator> {
    let tip = node.ledger.tip().block().number();
    let epoch = node.epoch_of(tip);
    let set = node
        .validators(epoch)
        .unwrap_or_else(|| node.spec().validators.clone());
    let mut all: Vec<Validator> = set.into_iter().map(of_entry).collect();
    let first = tip.saturating_sub(CERTIFICATES - 1).max(1);
    for height in (first..=tip).rev() {
        let Some(certificate) = certificate(node, height).filter(|found| found.epoch == epoch)
        else {
            continue;
        };
        for one in &mut all {
            one.of += 1;
        }
        for signer in certificate.signers {
            if let Some(one) = all.get_mut(usize::from(signer)) {
                one.signed += 1;
            }
        }
    }
    all
}

/// The certificate of a block's own, when there is one: a block may be final by that of a later block.
pub(super) fn certificate(node: &Node, height: u64) -> Option<FinalityCertificate> {
    let record = node.ledger.record(height).ok()??;
    let raw = node.ledger.certificate(record.block.hash()).ok()??;
    FinalityCertificate::from_bytes(&raw).ok()
}

pub(super) fn of_entry(entry: ValidatorEntry) -> Validator {
    Validator {
        vote: entry.vote.to_string(),
        network: entry.network.to_string(),
        endpoint: entry.endpoint,
        ..Validator::default()
    }
}

fn blocks(chain: &str, node: &Node, before: Option<u64>) -> (Vec<BlockLine>, Vec<Pace>, Pager) {
    let tip = node.ledger.tip().block().number();
    let newest = before.unwrap_or(tip).min(tip);
    let record = |number| node.ledger.record(number).ok().flatten();
    let oldest = newest.saturating_sub(BLOCKS - 1);
    let lines = (oldest..=newest)
        .rev()
        .filter_map(record)
        .map(|record| BlockLine {
            number: record.block.number(),
            hash: record.block.hash().to_string(),
            time: record.block.header().timestamp,
            transactions: record.block.transactions().len(),
        });
    let lines: Vec<BlockLine> = lines.collect();
    let mut pace = Vec::new();
    let mut earlier: Option<u64> = None;
    for record in (newest.saturating_sub(PACE)..=newest).filter_map(record) {
        let at = record.block.time_ms();
        if let Some(earlier) = earlier {
            pace.push(Pace {
                number: record.block.number(),
                millis: at.saturating_sub(earlier),
                transactions: record.block.transactions().len(),
            });
        }
        // The genesis block is as old as its file says.
        earlier = (record.block.number() > 0).then_some(at);
    }
    let at = |number: u64| format!("/chains/{}?before={number}", segment(chain));
    let pager = Pager {
        newer: (newest < tip).then(|| at(newest.saturating_add(BLOCKS).min(tip))),
        older: (oldest > 0).then(|| at(oldest - 1)),
    };
    (lines, pace, pager)
}

fn contracts(told: &ChainView) -> Vec<(String, String)> {
    let named = [
        ("HashTimeLock", Some(&told.hash_time_lock)),
        ("PointsToken", told.points_token.as_ref()),
        ("Gateway", told.gateway.as_ref()),
        ("Settlement", told.settlement.as_ref()),
        ("DeliveryAgreement", told.delivery_agreement.as_ref()),
        ("Peg", told.peg.as_ref().map(|peg| &peg.port)),
        ("LightClient", told.peg.as_ref().map(|peg| &peg.client)),
    ];
    named
        .into_iter()
        .filter_map(|(name, at)| Some((name.to_owned(), at?.clone())))
        .collect()
}

fn of_account(app: &App, entry: &ChainEntry, account: &crate::api::views::AccountView) -> Account {
    let points = account.points.as_ref().zip(entry.points_token);
    let points = points.map(|(amount, token)| (token.to_string(), amount));
    let native = account
        .native
        .as_ref()
        .map(|amount| ("native".to_owned(), amount));
    let has = native.into_iter().chain(points).map(|(asset, amount)| {
        let amount = Amount {
            asset,
            amount: amount.clone(),
        };
        shortened(app.money(Some(&entry.name), &amount))
    });
    Account {
        name: account.name.clone(),
        address: account.address.clone(),
        has: has.collect(),
    }
}

/// Six digits behind the point are enough for a balance.
pub(super) fn shortened(mut money: Money) -> Money {
    if let Some(point) = money.amount.find('.') {
        money.amount.truncate(point + 7);
        let short = money.amount.trim_end_matches('0').trim_end_matches('.');
        money.amount = short.to_owned();
    }
    money
}
