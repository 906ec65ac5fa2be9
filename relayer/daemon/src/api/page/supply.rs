//! `/supply`.

use std::sync::Arc;

use alloy_primitives::U256;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use causeway_console::{
    pages::supply::{self as page, Books, End, Peg, Statement, Sum},
    parts::{Money, Pager, segment},
};
use serde::Deserialize;

use super::{Look, amounts::whole};
use crate::api::{App, Problem, SupplyView, supply::SupplyEnd};

/// Statements of one page.
const PAGE: u32 = 25;
/// Statements in the picture.
const DRAWN: u32 = 200;

/// Which statements.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    before: Option<u64>,
}

pub(super) async fn list(State(app): State<Arc<App>>, look: Look) -> Response {
    let found = app.newest_statements().await;
    look.show(|frame| {
        let all: Vec<Statement> = found?.iter().map(|one| statement(&app, one)).collect();
        Ok(page::list(frame, &all))
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    peg: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, peg, ask).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(
    app: &App,
    peg: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Peg, Problem> {
    let (Path(name), Query(ask)) = (peg?, ask?);
    let rows = app.supply.statements(&name, ask.before, DRAWN).await?;
    let decimals = app.peg_decimals(&name);
    let all: Vec<SupplyView> = rows
        .iter()
        .map(|row| SupplyView::new(app, &name, row))
        .collect();
    let at = |before: u64| format!("/supply/{}?before={before}", segment(&name));
    let shown: Vec<Statement> = all
        .iter()
        .take(PAGE as usize)
        .map(|one| statement(app, one))
        .collect();
    let older = shown
        .last()
        .filter(|_| all.len() > shown.len())
        .map(|last| at(last.seq));
    Ok(Peg {
        pager: Pager {
            newer: ask.before.map(|_| format!("/supply/{}", segment(&name))),
            older,
        },
        history: all
            .iter()
            .rev()
            .filter_map(|view| sum(view, decimals))
            .collect(),
        unit: decimals.map_or("smallest", |_| "points").into(),
        statements: shown,
        name,
    })
}

fn statement(app: &App, view: &SupplyView) -> Statement {
    let decimals = app.peg_decimals(&view.peg);
    Statement {
        peg: view.peg.clone(),
        seq: view.seq,
        at: view.at,
        holds: view.holds,
        finding: view.finding.clone(),
        missing: view.missing.as_deref().map(|text| money(text, decimals)),
        home: end(&view.home),
        side: end(&view.side),
        books: app.books(view),
    }
}

fn end(end: &SupplyEnd) -> End {
    End {
        chain: end.chain.clone(),
        port: end.port.clone(),
        height: end.height,
        is_paused: end.paused,
    }
}

fn sum(view: &SupplyView, decimals: Option<u8>) -> Option<Sum> {
    let books = view.books.as_ref()?;
    // A picture shows fewer digits than a float has.
    let units = |text: &str| money(text, decimals).amount.parse().ok();
    Some(Sum {
        at: view.at,
        held: units(&books.held)?,
        minted: units(&books.supply)?,
    })
}

/// In whole units where the token has said how many digits they have, in smallest units elsewhere.
fn money(text: &str, decimals: Option<u8>) -> Money {
    match (U256::from_str_radix(text, 10), decimals) {
        (Ok(number), Some(decimals)) => whole(number, decimals, "points"),
        _ => Money {
            amount: text.to_owned(),
            unit: "smallest".into(),
        },
    }
}

impl App {
    /// The newest statement of each peg.
    pub(super) async fn newest_statements(&self) -> Result<Vec<SupplyView>, Problem> {
        let mut all = Vec::new();
        for peg in self.supply.pegs() {
            let newest = self.supply.statements(&peg.name, None, 1).await?;
            all.extend(
                newest
                    .iter()
                    .map(|row| SupplyView::new(self, &peg.name, row)),
            );
        }
        Ok(all)
    }

    /// The sums of a statement in the units people use.
    pub(super) fn books(&self, view: &SupplyView) -> Option<Books> {
        let books = view.books.as_ref()?;
        let decimals = self.peg_decimals(&view.peg);
        let money = |text: &str| money(text, decimals);
        Some(Books {
            held: money(&books.held),
            carried_in: money(&books.carried_in),
            carried_out: money(&books.carried_out),
            supply: money(&books.supply),
            owed_in: money(&books.owed_in),
            owed_out: money(&books.owed_out),
            surplus: money(view.surplus.as_deref().unwrap_or("0")),
        })
    }
}
