//! `/v1/proofs`: statements accepted on a chain. Proofs are made where the private values are, never here: the daemon
//! sees public inputs alone.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolInterface as _};
use axum::{
    Json,
    extract::{
        Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::ChainError;
use causeway_circuits::{
    format::evm,
    groth16::{circuit_id, statement_of},
    registered::Registered,
};
use causeway_contracts::{
    VerifierRegistry, verifier_registry::IVerifierRegistry, verifiers::RightVerifier,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, At, ChainEntry, Problem};
use crate::{contracts::Proofs, store::RelayCall};

/// Words of a proof.
const PROOF_WORDS: usize = 8;
/// Most public inputs that are read; no registered circuit has so many.
const MAX_INPUTS: usize = 32;

/// A proof to be accepted on a chain for one of the daemon's accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitProof {
    /// Who accepts the statement, where: one of the daemon's accounts. It is accepted for this account alone.
    pub from: At,
    /// Name of the circuit, such as `session-256`.
    pub circuit: String,
    /// The words of A, B (imaginary parts first) and C, as 0x and 64 hexadecimal digits.
    pub proof: Vec<String>,
    /// The public inputs, in order, in the same form.
    pub inputs: Vec<String>,
    /// The `VerifierRegistry`; the one the daemon knows without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// A statement that was accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AcceptedProof {
    /// Name of the chain.
    pub chain: String,
    /// Name of the circuit.
    pub circuit: String,
    /// Hash of the statement: circuit and inputs.
    pub statement: String,
    /// The account it was accepted for.
    pub consumer: String,
    /// The final transaction.
    pub tx: String,
    /// Hash of the verifying key.
    pub key: String,
    /// Whether everybody knows the key's secret: then the proof shows nothing.
    pub development: bool,
}

/// What a chain knows of a circuit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CircuitView {
    /// Its name.
    pub circuit: String,
    /// What contracts call it.
    pub id: String,
    /// The verifier contract.
    pub verifier: String,
    /// Hash of the verifying key.
    pub key: String,
    /// Whether everybody knows the key's secret.
    pub development: bool,
    /// Hash of the ceremony's transcript; zero for a development key.
    pub transcript: String,
}

/// What a chain has for proofs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofsView {
    /// Name of the chain.
    pub chain: String,
    /// Addresses of its contracts, by name.
    pub contracts: BTreeMap<String, String>,
    /// The circuits it has verifiers for.
    pub circuits: Vec<CircuitView>,
}

/// Accepts a statement on a chain; answers once that is final.
#[utoipa::path(
    post, path = "/v1/proofs", tag = "proofs", request_body = SubmitProof,
    responses(
        (status = 201, body = AcceptedProof), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn submit(
    State(app): State<Arc<App>>,
    body: Result<Json<SubmitProof>, JsonRejection>,
) -> Result<(StatusCode, Json<AcceptedProof>), Problem> {
    let Json(request) = body?;
    let (chain, account) = app.account("from", &request.from)?;
    let entry = app.chain(&request.from.chain)?;
    let registry = registry(entry, request.registry.as_deref())?;
    let circuit = Registered::named(&request.circuit).map_err(Problem::bad_request)?;
    let (proof, inputs) = words(&request)?;
    let id = circuit_id(circuit.circuit());
    let known = known(entry, registry, circuit).await?.ok_or_else(|| {
        let detail = format!(
            "no verifier of {} is registered on {}",
            circuit.circuit(),
            entry.name
        );
        let what = "see GET /v1/proofs/{chain} for what is registered there";
        Problem::new(StatusCode::CONFLICT, "circuit-unknown", detail, what)
    })?;
    let statement = statement_of(
        id,
        &inputs.iter().map(U256::to_be_bytes).collect::<Vec<_>>(),
    );
    let seen = VerifierRegistry::acceptedCall {
        consumer: account,
        statement,
    };
    if ask(entry, registry, &seen).await? {
        let detail = format!("statement {statement} was accepted before for {account}");
        let what = "nothing is left to do: a statement is accepted once, whatever its proof";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "statement-seen",
            detail,
            what,
        ));
    }
    let check = VerifierRegistry::checkCall {
        circuit: id,
        proof,
        inputs: inputs.clone(),
    };
    ask(entry, registry, &check).await?;
    let accept = VerifierRegistry::acceptCall {
        circuit: id,
        proof,
        inputs,
    };
    let call = RelayCall {
        task: format!("proof:{account}:{statement}"),
        to: registry,
        data: accept.abi_encode().into(),
        ..RelayCall::default()
    };
    let tx = app.relay.call(chain, account, &call).await?;
    let accepted = AcceptedProof {
        chain: entry.name.clone(),
        circuit: circuit.circuit().into(),
        statement: statement.to_string(),
        consumer: account.to_string(),
        tx: tx.to_string(),
        key: known.keyHash.to_string(),
        development: known.development,
    };
    Ok((StatusCode::CREATED, Json(accepted)))
}

/// What a chain has for proofs: contracts, and circuits with verifiers.
#[utoipa::path(
    get, path = "/v1/proofs/{chain}", tag = "proofs",
    params(("chain" = String, Path, description = "name or id of the chain")),
    responses((status = 200, body = ProofsView), (status = 404, body = Problem))
)]
pub(super) async fn circuits(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ProofsView>, Problem> {
    let Path(chain) = path?;
    Ok(Json(of_chain(app.chain(&chain)?).await?))
}

/// The same of a chain that was found.
pub(super) async fn of_chain(entry: &ChainEntry) -> Result<ProofsView, Problem> {
    let at = contracts(entry)?;
    let registry = at.registry;
    let mut all = Vec::new();
    for circuit in Registered::ALL {
        if let Some(known) = known(entry, registry, circuit).await? {
            all.push(CircuitView {
                circuit: circuit.circuit().into(),
                id: circuit_id(circuit.circuit()).to_string(),
                verifier: known.verifier.to_string(),
                key: known.keyHash.to_string(),
                development: known.development,
                transcript: known.transcript.to_string(),
            });
        }
    }
    let named = [
        ("VerifierRegistry", at.registry),
        ("OwnedAnchors", at.anchors),
        ("SessionCondition", at.condition),
        ("CredentialDesk", at.desk),
        ("MeteredToken", at.metered),
        ("DeviceSessions", at.sessions),
        ("OwnedCondition", at.owned_condition),
    ];
    let contracts = named.map(|(name, address)| (name.to_owned(), address.to_string()));
    Ok(ProofsView {
        chain: entry.name.clone(),
        contracts: contracts.into(),
        circuits: all,
    })
}

fn contracts(entry: &ChainEntry) -> Result<Proofs, Problem> {
    entry.proofs.ok_or_else(|| {
        let detail = format!("no contracts of proofs are known on {}", entry.name);
        Problem::not_found(
            detail,
            "name the address of a VerifierRegistry in `registry`",
        )
    })
}

fn registry(entry: &ChainEntry, named: Option<&str>) -> Result<Address, Problem> {
    match named {
        Some(text) => text.parse().map_err(|_| {
            Problem::bad_request("registry must be an address: 0x and 40 hexadecimal digits")
        }),
        None => Ok(contracts(entry)?.registry),
    }
}

/// The words of a proof whose points are fit, and of inputs below the modulus.
fn words(request: &SubmitProof) -> Result<([U256; PROOF_WORDS], Vec<U256>), Problem> {
    if request.inputs.len() > MAX_INPUTS || request.proof.len() != PROOF_WORDS {
        return Err(Problem::bad_request(format!(
            "{} words of a proof and {} inputs, expected {PROOF_WORDS} and at most {MAX_INPUTS}",
            request.proof.len(),
            request.inputs.len()
        )));
    }
    let word = |(index, text): (usize, &String)| {
        text.parse::<B256>().map_err(|_| {
            Problem::bad_request(format!("word {index} is not 0x and 64 hexadecimal digits"))
        })
    };
    let all = request.proof.iter().chain(&request.inputs).enumerate();
    let all: Vec<B256> = all.map(word).collect::<Result<_, _>>()?;
    evm::read(all.concat().as_slice(), request.inputs.len()).map_err(Problem::bad_request)?;
    let mut numbers = all.into_iter().map(|word| U256::from_be_bytes(word.0));
    let proof = std::array::from_fn(|_| numbers.next().unwrap_or_default());
    Ok((proof, numbers.collect()))
}

async fn known(
    entry: &ChainEntry,
    registry: Address,
    circuit: Registered,
) -> Result<Option<IVerifierRegistry::Entry>, Problem> {
    let question = VerifierRegistry::entryCall {
        circuit: circuit_id(circuit.circuit()),
    };
    let known = ask(entry, registry, &question).await?;
    Ok((known.verifier != Address::ZERO).then_some(known))
}

/// Asks the registry at the newest final block.
async fn ask<C: SolCall>(
    entry: &ChainEntry,
    registry: Address,
    question: &C,
) -> Result<C::Return, Problem> {
    let tip = entry
        .chain
        .finalized()
        .await
        .map_err(Problem::unavailable)?;
    let data = Bytes::from(question.abi_encode());
    let answer = entry.chain.call(registry, data, tip.height).await;
    let answer = answer.map_err(|error| match error {
        ChainError::Reverted { data, reason } => {
            let detail = refusal(&data).unwrap_or(reason);
            let what = "make the proof of this very statement, under the key registered there";
            Problem::new(StatusCode::CONFLICT, "proof-refused", detail, what)
        }
        other => Problem::unavailable(other),
    })?;
    C::abi_decode_returns(&answer).map_err(|_| {
        let detail = format!(
            "{registry} on {} does not answer as a VerifierRegistry",
            entry.name
        );
        Problem::not_found(
            detail,
            "name the address of a VerifierRegistry in `registry`",
        )
    })
}

/// What the registry or a verifier says, by the names of their errors.
fn refusal(data: &[u8]) -> Option<String> {
    if let Ok(error) = RightVerifier::RightVerifierErrors::abi_decode(data) {
        use RightVerifier::RightVerifierErrors as E;
        return Some(match error {
            E::InputNotCanonical(e) => {
                format!(
                    "InputNotCanonical: input {} is not below the modulus",
                    e.index
                )
            }
            E::InputsCounted(e) => {
                format!(
                    "InputsCounted: {} public inputs, the circuit takes {}",
                    e.got, e.expected
                )
            }
            E::ProofRefused(_) => "ProofRefused: the proof does not verify".into(),
        });
    }
    let error = VerifierRegistry::VerifierRegistryErrors::abi_decode(data).ok()?;
    Some(format!("{error:?}"))
}
