//! `/v1/log`: the event log, its heads and proofs (docs/regulator.md).

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use causeway_adapter_api::ChainId;
use causeway_core::{
    log::{ACTS, Body, Entry},
    swap::TransferId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem};
use crate::{
    eventlog::{LogError, contract_name},
    store::{HeadRow, LogFilter, LogPage, LogRow},
};

/// Most entries of one page.
const MAX_PAGE: u32 = 500;
/// Most entries of one export.
const MAX_CSV: u32 = 10_000;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogEntryView {
    /// Its number at this daemon: the order in which entries came here.
    pub seq: u64,
    /// Name of the chain, or `acts`.
    pub segment: String,
    /// Id of the chain, 0 for acts.
    pub segment_id: u64,
    /// Its number in the segment.
    pub position: u64,
    /// Unix second: of the block, or of the daemon's clock for an act.
    pub at: u64,
    /// Name of the event or act.
    pub kind: String,
    /// A contract that says this event.
    pub contract: Option<String>,
    /// Address of the contract.
    pub address: Option<String>,
    /// Number of the block.
    pub height: Option<u64>,
    /// The transaction.
    pub tx: Option<String>,
    /// Place of the event in its block.
    pub index: Option<u64>,
    /// The first indexed argument: of most events the id of what they are about.
    pub about: Option<String>,
    /// What an act says.
    #[schema(value_type = Option<Object>)]
    pub act: Option<serde_json::Value>,
    /// Its hash: the leaf in the segment's tree, and what the next entry names.
    pub hash: String,
    /// Its canonical encoding, hexadecimal.
    pub bytes: String,
}

/// A page of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogList {
    /// Entries, newest first; oldest first where `after` was asked for.
    pub entries: Vec<LogEntryView>,
    /// What to ask for next: `before` this number, or `after` it.
    pub next: Option<u64>,
    /// Tells numbers of this log from those of one that was made anew.
    pub generation: String,
}

/// Entries of one segment in its order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SegmentPage {
    /// Canonical encodings, hexadecimal.
    pub entries: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next_from: Option<u64>,
}

/// One segment of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SegmentView {
    /// Name of the chain, or `acts`.
    pub segment: String,
    /// Id of the chain, 0 for acts.
    pub segment_id: u64,
    /// Entries.
    pub size: u64,
    /// Of them counted: nothing before them is missing.
    pub counted: u64,
    /// Block up to which nothing is missing.
    pub height: u64,
    /// What does not hold, if anything.
    pub broken: Option<String>,
}

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadView {
    /// Canonical encoding, hexadecimal: what the signature is about.
    pub head: String,
    /// Unix second at which it was signed.
    pub at: u64,
    /// Entries of all chains.
    pub size: u64,
    /// Root over the chains: the same for everybody who reads them.
    pub chains_root: String,
    /// Entries and root of every segment.
    pub segments: Vec<HeadSegment>,
    /// Who signed.
    pub keeper: String,
    /// r, s, v over SHA-256 of `causeway.log.head.v1` and the encoding.
    pub signature: String,
    /// Number of the keeper's anchor.
    pub anchor_number: Option<u64>,
    /// Transaction of the anchor.
    pub anchor_tx: Option<String>,
}

/// A segment in a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadSegment {
    /// Id of the chain, 0 for acts.
    pub segment_id: u64,
    /// Entries.
    pub size: u64,
    /// Root of the tree.
    pub root: String,
    /// Block up to which nothing is missing.
    pub height: u64,
}

/// Where the log stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogState {
    /// The segments now.
    pub segments: Vec<SegmentView>,
    /// The newest signed head.
    pub signed: Option<HeadView>,
    /// The newest anchored head that was signed here.
    pub anchored: Option<HeadView>,
    /// Whether what is here agrees with the newest anchor; absent while not all of it was read again.
    pub agrees: Option<bool>,
    /// Chain and contract of the anchors.
    pub anchor_chain: Option<u64>,
    /// The `LogAnchor`.
    pub anchor_contract: Option<String>,
    /// Tells numbers of this log from those of one that was made anew.
    pub generation: String,
}

/// A proof of RFC 6962.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogProofView {
    /// Entries of the tree.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// Hashes, from the leaves up.
    pub path: Vec<String>,
}

/// Which entries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Ask {
    /// At most so many, 1 to 500; of an export 1 to 10000.
    limit: Option<u32>,
    /// Newest first, below this number.
    before: Option<u64>,
    /// Oldest first, above this number.
    after: Option<u64>,
    /// Of this chain, by name or id; `acts` for the daemon's own acts.
    chain: Option<String>,
    /// With this name.
    kind: Option<String>,
    /// From this unix second on.
    since: Option<u64>,
    /// Before this unix second.
    until: Option<u64>,
    /// From this height on.
    from_height: Option<u64>,
    /// Up to this height.
    to_height: Option<u64>,
    /// About the locks of this transfer.
    transfer: Option<String>,
    /// Of this transaction.
    tx: Option<String>,
    /// `json` or `csv`; the header `Accept` says the same.
    format: Option<Format>,
}

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One JSON document.
    Json,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// Entries of the log, filtered, page by page; or as CSV.
#[utoipa::path(
    get, path = "/v1/log", tag = "log", params(Ask),
    responses((status = 200, body = LogList), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ask) = ask?;
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let csv = match ask.format {
        Some(format) => format == Format::Csv,
        None => accepts.is_some_and(|accept| accept.contains("text/csv")),
    };
    let max = if csv { MAX_CSV } else { MAX_PAGE };
    let limit = ask.limit.unwrap_or(if csv { MAX_CSV } else { 50 });
    if !(1..=max).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is {limit}, expected 1 to {max}"
        )));
    }
    let page = match (ask.before, ask.after) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("ask for before or after, not both"));
        }
        (_, Some(after)) => LogPage::After(after),
        (before, None) => LogPage::Before(before.unwrap_or(u64::MAX)),
    };
    let filter = filter(&app, ask)?;
    let rows = app.log.store().log_page(&filter, page, limit).await;
    let rows = rows.map_err(LogError::from)?;
    let views = rows.iter().map(|row| LogEntryView::new(&app, row));
    if csv {
        let kinds = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (
                header::CONTENT_DISPOSITION,
                "attachment; filename=\"causeway-log.csv\"",
            ),
        ];
        return Ok((kinds, table(views)).into_response());
    }
    let full = rows.len() == limit as usize;
    Ok(Json(LogList {
        entries: views.collect(),
        next: rows.last().filter(|_| full).map(|row| row.seq),
        generation: app.log.generation().to_owned(),
    })
    .into_response())
}

/// Where the log stands: segments, the newest signed and the newest anchored head.
#[utoipa::path(
    get, path = "/v1/log/head", tag = "log", responses((status = 200, body = LogState))
)]
pub(super) async fn head(State(app): State<Arc<App>>) -> Result<Json<LogState>, Problem> {
    let (signed, anchored) = app.log.heads().await?;
    let standings = app.log.standings().await;
    let segments = standings.into_iter().map(|standing| SegmentView {
        segment: segment_name(&app, standing.segment),
        segment_id: standing.segment,
        size: standing.size,
        counted: standing.counted,
        height: standing.height.0,
        broken: standing.broken.map(|broken| broken.to_string()),
    });
    let (_, anchor) = app.log.keeper();
    Ok(Json(LogState {
        segments: segments.collect(),
        signed: signed.map(HeadView::from),
        anchored: anchored.map(HeadView::from),
        agrees: app.log.agrees(),
        anchor_chain: anchor.map(|(chain, _)| chain.0),
        anchor_contract: anchor.map(|(_, at)| at.to_string()),
        generation: app.log.generation().to_owned(),
    }))
}

/// What is to be proved.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AskProof {
    /// Id of the chain, 0 for acts.
    segment: u64,
    /// Entries of the tree, as a head says.
    size: u64,
    /// That this entry is in it ...
    position: Option<u64>,
    /// ... or that the tree of so many entries is its beginning.
    old: Option<u64>,
}

/// Proves that an entry is in the log under a head, or that one head is the beginning of another (RFC 6962).
#[utoipa::path(
    get, path = "/v1/log/proof", tag = "log", params(AskProof),
    responses((status = 200, body = LogProofView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn proof(
    State(app): State<Arc<App>>,
    ask: Result<Query<AskProof>, QueryRejection>,
) -> Result<Json<LogProofView>, Problem> {
    let Query(ask) = ask?;
    let proof = match (ask.position, ask.old) {
        (Some(position), None) => app.log.proof(ask.segment, position, ask.size).await?,
        (None, Some(old)) => app.log.consistency(ask.segment, old, ask.size).await?,
        _ => return Err(Problem::bad_request("ask for position or for old")),
    };
    Ok(Json(LogProofView {
        size: proof.size,
        root: proof.root.to_string(),
        path: proof.path.iter().map(B256::to_string).collect(),
    }))
}

/// Which part of a segment.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FromEntry {
    /// The first entry.
    #[serde(default)]
    from: u64,
    /// At most so many, 1 to 500.
    #[serde(default = "most")]
    limit: u32,
}

/// Entries of one segment in its order, as they are encoded: what `causeway log verify` reads.
#[utoipa::path(
    get, path = "/v1/log/segments/{id}", tag = "log",
    params(FromEntry, ("id" = u64, Path, description = "id of the chain, 0 for acts")),
    responses((status = 200, body = SegmentPage), (status = 400, body = Problem))
)]
pub(super) async fn segment(
    State(app): State<Arc<App>>,
    id: Result<Path<u64>, PathRejection>,
    page: Result<Query<FromEntry>, QueryRejection>,
) -> Result<Json<SegmentPage>, Problem> {
    let (Path(id), Query(page)) = (id?, page?);
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    // As they stand there, readable or not: whoever checks them names what does not hold.
    let rows = app.log.store().raw_page(id, page.from, page.limit).await;
    let rows = rows.map_err(LogError::from)?;
    let full = rows.len() == page.limit as usize;
    Ok(Json(SegmentPage {
        next_from: rows
            .last()
            .filter(|_| full)
            .map(|(n, _)| n.saturating_add(1)),
        entries: rows.iter().map(|(_, bytes)| hex::encode(bytes)).collect(),
    }))
}

fn filter(app: &App, ask: Ask) -> Result<LogFilter, Problem> {
    let segment = match ask.chain.as_deref() {
        None => None,
        Some("acts") => Some(ACTS),
        Some(chain) => Some(app.chain(chain)?.id().0),
    };
    let transfer: Option<TransferId> = ask
        .transfer
        .map(|id| id.parse().map_err(Problem::bad_request))
        .transpose()?;
    let expected = "tx is a transaction hash: 64 hexadecimal digits";
    let tx = ask.tx.map(|tx| tx.parse());
    let tx: Option<B256> = tx.transpose().map_err(|_| Problem::bad_request(expected))?;
    Ok(LogFilter {
        segment,
        kind: ask.kind,
        since: ask.since,
        until: ask.until,
        from_height: ask.from_height,
        to_height: ask.to_height,
        transfer,
        tx,
    })
}

fn segment_name(app: &App, id: u64) -> String {
    if id == ACTS {
        return "acts".into();
    }
    app.chain_name(ChainId(id))
}

impl LogEntryView {
    pub(super) fn new(app: &App, row: &LogRow) -> Self {
        let LogRow {
            seq,
            entry,
            kind,
            bytes,
        } = row;
        let Entry {
            at, segment, body, ..
        } = entry;
        let (event, act) = match body {
            Body::Event(event) => (Some(event), None),
            Body::Act(act) => (None, Some(act)),
        };
        Self {
            seq: *seq,
            segment: segment_name(app, *segment),
            segment_id: *segment,
            position: entry.position,
            at: *at,
            kind: kind.clone(),
            contract: event
                .and_then(|event| contract_name(&event.topics))
                .map(str::to_owned),
            address: event.map(|event| event.address.to_string()),
            height: event.map(|event| event.height),
            tx: event.map(|event| event.tx.to_string()),
            index: event.map(|event| event.index),
            about: event.and_then(|event| Some(event.topics.get(1)?.to_string())),
            act: act.and_then(|act| serde_json::to_value(act).ok()),
            hash: causeway_core::log::tree::leaf(bytes).to_string(),
            bytes: hex::encode(bytes),
        }
    }
}

impl From<HeadRow> for HeadView {
    fn from(row: HeadRow) -> Self {
        let head = &row.head;
        let parts = std::iter::once(&head.acts).chain(&head.chains);
        let segments = parts.map(|part| HeadSegment {
            segment_id: part.id,
            size: part.size,
            root: part.root.to_string(),
            height: part.height,
        });
        Self {
            head: hex::encode(head.encode()),
            at: head.at,
            size: head.size(),
            chains_root: head.chains_root().to_string(),
            segments: segments.collect(),
            keeper: row.keeper.to_string(),
            signature: Bytes::to_string(&row.signature),
            anchor_number: row.anchored.map(|at| at.number),
            anchor_tx: row.anchored.map(|at| at.tx.to_string()),
        }
    }
}

/// RFC 4180. A field that a spreadsheet would take for a formula is made text.
fn table(views: impl Iterator<Item = LogEntryView>) -> String {
    let mut text = String::from(
        "seq,segment,position,at,kind,contract,address,height,tx,index,about,act,hash\r\n",
    );
    for view in views {
        let number = |value: Option<u64>| value.map_or(String::new(), |n| n.to_string());
        let act = view.act.map_or(String::new(), |act| act.to_string());
        let fields = [
            view.seq.to_string(),
            view.segment,
            view.position.to_string(),
            view.at.to_string(),
            view.kind,
            view.contract.unwrap_or_default(),
            view.address.unwrap_or_default(),
            number(view.height),
            view.tx.unwrap_or_default(),
            number(view.index),
            view.about.unwrap_or_default(),
            act,
            view.hash,
        ];
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    if formula || field.contains([',', '"', '\r', '\n']) {
        return format!("\"{mark}{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

const fn most() -> u32 {
    MAX_PAGE
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        let text = error.to_string();
        match error {
            LogError::PeerNoSegment(_) => {
                Self::not_found(text, "GET /v1/log/head lists the segments")
            }
            LogError::PeerNoProof(_) => {
                Self::bad_request(format!("{text}; GET /v1/log/head says the sizes"))
            }
            LogError::Chain(_) => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway log verify` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_table_are_no_formula_and_end_where_they_should() {
        assert_eq!(quoted("Locked"), "Locked");
        assert_eq!(quoted("a,b\"c"), "\"a,b\"\"c\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
    }
}
