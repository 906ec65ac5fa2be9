//! `/v1/evidence`.

use std::sync::Arc;

use alloy_primitives::B256;
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, StatusCode, header},
};
use causeway_adapter_api::TxId;
use causeway_core::swap::TransferId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem};
use crate::evidence::{Collector, EvidenceError, Part, Subject};

/// Media type of a file.
const CBOR: &str = "application/cbor";

/// What is to be proved: one transfer, or one transaction.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Ask {
    /// Every event of a transfer's locks on all chains.
    transfer: Option<String>,
    /// Name or id of the chain of a transaction.
    chain: Option<String>,
    /// Hash of the transaction: it and its events.
    tx: Option<String>,
    /// One of its events alone.
    log: Option<u64>,
}

/// What a verifier compares a file with: a chain is the one that is meant when all of this is the same.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KnownChain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the genesis block.
    pub genesis: String,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// The `ValidatorSet` contract.
    pub validator_set: String,
}

/// One file that proves what happened, to be checked with `causeway evidence verify` and nothing else.
#[utoipa::path(
    get, path = "/v1/evidence", tag = "evidence", params(Ask),
    responses(
        (status = 200, content_type = CBOR, description = "the file: deterministic CBOR"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<([(HeaderName, String); 2], Vec<u8>), Problem> {
    let Query(ask) = ask?;
    let collector = app.collector();
    let (name, subjects) = match &ask {
        Ask {
            transfer: Some(id),
            chain: None,
            tx: None,
            log: None,
        } => {
            let id: TransferId = id.parse().map_err(Problem::bad_request)?;
            (format!("transfer-{id}"), collector.of_transfer(id).await?)
        }
        Ask {
            transfer: None,
            chain: Some(chain),
            tx: Some(tx),
            log,
        } => {
            let expected = "tx is a transaction hash: 64 hexadecimal digits";
            let tx: B256 = tx.parse().map_err(|_| Problem::bad_request(expected))?;
            let subject = Subject {
                chain: app.chain(chain)?.id(),
                tx: TxId(tx),
                part: log.map_or(Part::Whole, Part::Event),
            };
            (format!("transaction-{tx}"), vec![subject])
        }
        _ => {
            let expected =
                "ask for ?transfer=ID, or for ?chain=NAME&tx=HASH with or without &log=N";
            return Err(Problem::bad_request(expected));
        }
    };
    let file = collector.collect(name.clone(), &subjects).await?;
    let disposition = format!("attachment; filename=\"{name}.evidence\"");
    let headers = [
        (header::CONTENT_TYPE, CBOR.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, file))
}

/// The chains hosted here, as a verifier must know them beforehand.
#[utoipa::path(
    get, path = "/v1/evidence/chains", tag = "evidence",
    responses((status = 200, body = [KnownChain]), (status = 503, body = Problem))
)]
pub(super) async fn chains(State(app): State<Arc<App>>) -> Result<Json<Vec<KnownChain>>, Problem> {
    let known = app.collector().known().await?;
    let rows = known.into_iter().map(|(chain_id, known)| KnownChain {
        chain_id,
        genesis: known.genesis.to_string(),
        epoch_length: known.epoch_length,
        validator_set: known.validator_set.to_string(),
    });
    Ok(Json(rows.collect()))
}

impl App {
    pub(super) fn collector(&self) -> Collector {
        let chains = self.chains.iter().map(|entry| Arc::clone(&entry.chain));
        Collector::new(chains.collect())
    }
}

impl From<EvidenceError> for Problem {
    fn from(error: EvidenceError) -> Self {
        let text = error.to_string();
        match error {
            EvidenceError::UnknownTransaction { .. } | EvidenceError::Nothing => {
                Self::not_found(text, "only what is final is proved; look again in a moment")
            }
            EvidenceError::UnknownChain(_)
            | EvidenceError::NotProvable(_)
            | EvidenceError::UnknownLog { .. }
            | EvidenceError::TooMany { .. } => Self::bad_request(text),
            EvidenceError::Chain(_) => Self::unavailable(text),
            EvidenceError::Write { .. } => {
                let what = "see the log of the daemon";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
            EvidenceError::File(_) => {
                let what = "ask for one transaction: the file would be too long";
                Self::new(StatusCode::CONFLICT, "too-long", text, what)
            }
        }
    }
}
