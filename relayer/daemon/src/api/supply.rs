//! `/v1/supply`.

use std::sync::Arc;

use alloy_primitives::U256;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem};
use crate::{store::StatementRow, supply::Finding};

/// Most statements of one page.
const MAX_PAGE: u32 = 500;

/// A statement about one peg. Amounts are decimal text in the asset's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupplyView {
    /// Name of the peg.
    pub peg: String,
    /// Number of the statement.
    pub seq: u64,
    /// When it was made, unix seconds.
    pub at: u64,
    /// Whether every token is backed.
    pub holds: bool,
    /// `holds`, `short`, `surplus_fell`, `broken`, `absurd`.
    pub finding: String,
    /// What is missing, for `short` and `surplus_fell`; what was paid and refunded, for `broken`.
    pub missing: Option<String>,
    /// What was given away, for `holds`.
    pub surplus: Option<String>,
    /// The home chain.
    pub home: SupplyEnd,
    /// The side chain.
    pub side: SupplyEnd,
    /// The sums, when there are some.
    pub books: Option<SupplyBooks>,
}

/// One end of a peg at the height of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupplyEnd {
    /// Name of the chain.
    pub chain: String,
    /// Address of the port.
    pub port: String,
    /// Height of the statement there.
    pub height: u64,
    /// The newest block of the other chain that its light client knew.
    pub knows: u64,
    /// Whether opening and claiming were stopped.
    pub paused: bool,
}

/// The sums of a statement: held + carried_in + carried_out = supply + owed_in + owed_out + surplus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupplyBooks {
    /// What the vault has.
    pub held: String,
    /// What the token's contract counts.
    pub supply: String,
    /// Minted, its home lock still open.
    pub carried_in: String,
    /// Released, its side lock still open.
    pub carried_out: String,
    /// Collected at home, not yet minted.
    pub owed_in: String,
    /// Destroyed on the side, not yet released.
    pub owed_out: String,
    /// Locked at home and not minted.
    pub waiting_in: String,
    /// Locked on the side and not released.
    pub waiting_out: String,
}

/// Statements.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SupplyList {
    /// The newest of each peg; or those of one peg, newest first.
    pub statements: Vec<SupplyView>,
    /// Where the next page of a history begins, if there is one.
    pub next_before: Option<u64>,
}

/// Which statements.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    limit: u32,
    /// Below this number.
    before: Option<u64>,
}

/// The newest statement of each peg.
#[utoipa::path(
    get, path = "/v1/supply", tag = "supply", responses((status = 200, body = SupplyList))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<SupplyList>, Problem> {
    let mut statements = Vec::new();
    for peg in app.supply.pegs() {
        let newest = app.supply.statements(&peg.name, None, 1).await?;
        let view = |row| SupplyView::new(&app, &peg.name, row);
        statements.extend(newest.iter().map(view));
    }
    Ok(Json(SupplyList {
        statements,
        next_before: None,
    }))
}

/// Statements of one peg, newest first.
#[utoipa::path(
    get, path = "/v1/supply/{peg}", tag = "supply",
    params(Page, ("peg" = String, Path, description = "name of a peg")),
    responses((status = 200, body = SupplyList), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    peg: Result<Path<String>, PathRejection>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<SupplyList>, Problem> {
    let (Path(peg), Query(page)) = (peg?, page?);
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    let rows = app.supply.statements(&peg, page.before, page.limit).await?;
    let full = rows.len() == page.limit as usize;
    Ok(Json(SupplyList {
        statements: rows
            .iter()
            .map(|row| SupplyView::new(&app, &peg, row))
            .collect(),
        next_before: rows.last().filter(|_| full).map(|row| row.seq),
    }))
}

impl SupplyView {
    pub(super) fn new(app: &App, peg: &str, row: &StatementRow) -> Self {
        let statement = &row.statement;
        let (cut, finding) = (&statement.cut, &statement.finding);
        let site = app.supply.pegs().iter().find(|known| known.name == peg);
        let end = |of_home: bool, height, knows, paused| {
            let port = site.map(|peg| {
                if of_home {
                    peg.site.home
                } else {
                    peg.site.side
                }
            });
            SupplyEnd {
                chain: port.map_or_else(String::new, |port| app.chain_name(port.chain)),
                port: port.map_or_else(String::new, |port| port.port.to_string()),
                height,
                knows,
                paused,
            }
        };
        let (surplus, missing) = match *finding {
            Finding::Holds { surplus } => (Some(surplus), None),
            Finding::Short { missing } => (None, Some(missing)),
            Finding::SurplusFell { from, to } => (None, Some(from.saturating_sub(to))),
            Finding::Broken { amount, .. } => (None, Some(amount)),
            Finding::Absurd => (None, None),
        };
        let text = |amount: U256| amount.to_string();
        Self {
            peg: peg.to_owned(),
            seq: row.seq,
            at: row.at,
            holds: !finding.is_alarm(),
            finding: finding.name().into(),
            missing: missing.map(text),
            surplus: surplus.map(text),
            home: end(true, cut.home.0, cut.home_knows.0, statement.home_paused),
            side: end(false, cut.side.0, cut.side_knows.0, statement.side_paused),
            books: statement.books.map(|books| SupplyBooks {
                held: text(books.held),
                supply: text(books.supply),
                carried_in: text(books.carried_in),
                carried_out: text(books.carried_out),
                owed_in: text(books.owed_in),
                owed_out: text(books.owed_out),
                waiting_in: text(books.waiting_in),
                waiting_out: text(books.waiting_out),
            }),
        }
    }
}

const fn page() -> u32 {
    50
}
