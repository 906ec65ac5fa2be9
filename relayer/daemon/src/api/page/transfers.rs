//! `/transfers`: the list, and the form that begins one.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form,
    extract::{
        ConnectInfo, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use causeway_console::{
    pages::{
        start::{self, Start},
        transfers::{self as page, Filter as Shown, TransferLine, Transfers},
    },
    parts::{Pager, segment},
};
use serde::Deserialize;
use serde_json::json;

use super::{Look, amounts, look::page_at};
use crate::api::{
    App, Problem, Transfer,
    crossings::StartBody,
    resolve::clipped,
    serve::Caller,
    transfers::{Filter, listed},
};

/// Transfers of one page.
const PAGE: u32 = 25;
/// Fields of the form that begins a transfer.
const FIELDS: [&str; 10] = [
    "kind",
    "from_chain",
    "from_account",
    "give",
    "give_asset",
    "to_chain",
    "to_account",
    "counterparty",
    "want",
    "want_asset",
];

/// Which transfers; empty texts stand for all.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    chain: String,
    #[serde(default)]
    offset: u32,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, ask).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(app: &App, ask: Result<Query<Ask>, QueryRejection>) -> Result<Transfers, Problem> {
    let Query(ask) = ask?;
    let wanted = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let filter = Filter {
        limit: PAGE,
        offset: ask.offset,
        kind: wanted(&ask.kind),
        role: wanted(&ask.role),
        stage: None,
        chain: wanted(&ask.chain),
    };
    let found = listed(app, &filter).await?;
    let query = [
        ("kind", ask.kind.as_str()),
        ("role", &ask.role),
        ("chain", &ask.chain),
    ];
    let at = |offset: u32| page_at("/transfers", &query, offset.into());
    Ok(Transfers {
        rows: found
            .transfers
            .iter()
            .map(|transfer| app.line_of(transfer))
            .collect(),
        chains: app.chain_names(),
        pager: Pager {
            // Filtered pages are of any length: from an older page the way leads to the newest.
            newer: (ask.offset > 0).then(|| at(0)),
            older: found.next_offset.map(at),
        },
        filter: Shown {
            kind: ask.kind,
            role: ask.role,
            chain: ask.chain,
        },
    })
}

pub(super) async fn form(State(app): State<Arc<App>>, look: Look) -> Response {
    let view = app.blank();
    look.show(|frame| Ok(start::page(frame, &view)))
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    look: Look,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Response {
    let typed = match form {
        Ok(Form(typed)) => typed,
        Err(rejection) => {
            let what = "open the page anew and send its form from there";
            let problem = Problem::new(rejection.status(), "bad-form", rejection.body_text(), what);
            return look.refuse(problem);
        }
    };
    let token = typed.get("token").map_or("", String::as_str);
    if let Err(problem) = app.own_form(&headers, &caller, token) {
        return look.refuse(problem);
    }
    match begin(&app, &typed).await {
        Ok(id) => Redirect::to(&format!("/transfers/{}", segment(&id))).into_response(),
        Err(problem) => {
            let kept = FIELDS
                .iter()
                .filter_map(|field| Some(((*field).to_owned(), clipped(typed.get(*field)?))));
            let view = Start {
                typed: kept.collect(),
                wrong: Some(format!("{}. {}", problem.detail, problem.what_to_do)),
                ..app.blank()
            };
            let page = start::page(&look.frame, &view);
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            look.answer(status, page)
        }
    }
}

async fn begin(app: &App, typed: &BTreeMap<String, String>) -> Result<String, Problem> {
    let field = |name: &str| typed.get(name).map_or("", |value| value.trim());
    let is_swap = field("kind") == "swap";
    let given = if is_swap { field("give_asset") } else { "peg" };
    let decimals = app.decimals_of(field("from_chain"), given)?;
    let give = amounts::typed("give", field("give"), decimals)?;
    let (from, to) = (
        json!({ "chain": field("from_chain"), "account": field("from_account") }),
        json!({ "chain": field("to_chain"), "account": field("to_account") }),
    );
    let wanted = || app.decimals_of(field("to_chain"), field("want_asset"));
    let body = match field("kind") {
        "swap" => json!({
            "from": from,
            "give": { "asset": field("give_asset"), "amount": give },
            "counterparty": field("counterparty"),
            "to": to,
            "want": { "asset": field("want_asset"), "amount": amounts::typed("want", field("want"), wanted()?)? },
        }),
        kind => {
            json!({ "kind": kind, "from": from, "give": { "asset": "peg", "amount": give }, "to": to })
        }
    };
    let request = StartBody::read(body)?;
    let begin = app.resolve(&request)?;
    Ok(app.begin(begin).await?.to_string())
}

impl App {
    fn blank(&self) -> Start {
        Start {
            chains: self.chain_names(),
            accounts: self.accounts.keys().cloned().collect(),
            ..Start::default()
        }
    }

    pub(super) fn chain_names(&self) -> Vec<String> {
        self.chains.iter().map(|entry| entry.name.clone()).collect()
    }

    /// The newest transfers of all kinds.
    pub(super) async fn newest_transfers(&self, limit: u32) -> Result<Vec<Transfer>, Problem> {
        let filter = Filter {
            limit,
            ..Filter::default()
        };
        Ok(listed(self, &filter).await?.transfers)
    }

    /// A transfer as a line of a list.
    pub(super) fn line_of(&self, transfer: &Transfer) -> TransferLine {
        let place = |chain: &Option<String>, account: &Option<String>| {
            let named = [chain, account].into_iter().flatten();
            let named: Vec<String> = named.map(|text| shortened(text)).collect();
            match named.is_empty() {
                true => "–".to_owned(),
                false => named.join(": "),
            }
        };
        let give = transfer.give.as_ref();
        let want = transfer.want.as_ref();
        TransferLine {
            id: transfer.id.clone(),
            kind: transfer.kind.clone(),
            role: transfer.role.clone(),
            stage: transfer.stage.clone(),
            outcome: transfer.outcome.clone(),
            from: place(&transfer.from_chain, &transfer.from_account),
            to: place(&transfer.to_chain, &transfer.to_account),
            give: give.map(|give| self.money(transfer.from_chain.as_deref(), give)),
            want: want.map(|want| self.money(transfer.to_chain.as_deref(), want)),
            alarm: transfer.alarm.clone(),
            updated: transfer.updated_at,
        }
    }
}

/// An address cut in the middle; a name as it is.
fn shortened(text: &str) -> String {
    match text.strip_prefix("0x") {
        Some(digits) if digits.len() == 40 && digits.is_ascii() => {
            format!("0x{}…{}", &digits[..4], &digits[36..])
        }
        _ => text.to_owned(),
    }
}
