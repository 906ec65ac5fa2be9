//! A holder votes, and the order in which an election would take the candidates changes.

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{ChainReader as _, ContractReader as _, Height};
use causeway_contracts::{
    Election,
    governance::{contribution, score},
};
use serde_json::{Value, json};

use super::{DemoError, Stage, id};
use crate::{
    contracts,
    local::{DEPLOYER, MEMBERS},
    store::RelayCall,
};

/// Native smallest units beyond what the vote needs: a thousand points.
const MARGIN: u128 = 1_000 * 10_u128.pow(18);
/// Parts in a whole, in an election's configuration.
const WHOLE: u64 = 10_000;

/// What came of the vote.
pub(super) struct Voted {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// An account votes for whom an election would take last now, and that candidate is first. The score is computed again
/// from what the chain shows.
pub(super) async fn vote(stage: &Stage<'_>) -> Result<Voted, DemoError> {
    let chains = &stage.daemon.chains;
    let accounts = [DEPLOYER, MEMBERS[0]].map(|name| chains.accounts.get(name).copied());
    let [Some(deployer), Some(voter)] = accounts else {
        return Err(DemoError::Pair);
    };
    let at = contracts::election(deployer, chains.holders());
    let now = stage.public.chain.finalized().await?.height;
    let config = ask(stage, at, now, Election::configCall {}).await?;
    let before = ask(stage, at, now, Election::rankingCall {}).await?;
    let (Some(&first), Some(&last)) = (before.first(), before.last()) else {
        return Err(DemoError::Answer("Election.ranking"));
    };
    let score_of = |number| ask(stage, at, now, Election::scoreOfCall { number });
    let (best, was) = (score_of(first).await?, score_of(last).await?);
    // What it lacks, in points: votes are a part of the score.
    let lack = best.saturating_sub(was) * U256::from(WHOLE) / U256::from(config.voteWeight.max(1));
    let stake = lack + U256::from(MARGIN);
    let data = Election::voteCall { number: last }.abi_encode();
    let call = RelayCall {
        task: format!("demo:vote:{}", keccak256(&data)),
        to: at,
        data: data.into(),
        value: stake,
        ..RelayCall::default()
    };
    stage
        .daemon
        .relay
        .call(id(stage.public), voter, &call)
        .await?;
    // All at one height, so that what is computed here is what the contract says.
    let now = stage.public.chain.finalized().await?.height;
    let after = ask(stage, at, now, Election::rankingCall {}).await?;
    let is = ask(stage, at, now, Election::scoreOfCall { number: last }).await?;
    let candidate = ask(stage, at, now, Election::candidateCall { number: last }).await?;
    let seats = ask(stage, at, now, Election::seatsCall {}).await?;
    let recomputed = score(&config, &candidate);
    let ok = after.first() == Some(&last) && is > was && recomputed == is;
    let text = format!(
        "{} votes for candidate {last}: it leads {} candidates for {seats} seats; the next epoch is elected in its last blocks",
        MEMBERS[0],
        after.len()
    );
    let found = json!({
        "election": at.to_string(), "candidate": last, "seats": seats, "ranking_before": before, "ranking": after,
        "score_before": was.to_string(), "score": is.to_string(), "recomputed": recomputed.to_string(),
        "contribution": contribution(&config, &candidate).to_string(),
    });
    Ok(Voted { ok, text, found })
}

async fn ask<C: SolCall>(
    stage: &Stage<'_>,
    to: Address,
    at: Height,
    call: C,
) -> Result<C::Return, DemoError> {
    let data = call.abi_encode();
    let answer = stage.public.chain.call(to, data.into(), at).await?;
    C::abi_decode_returns(&answer).map_err(|_| DemoError::Answer("Election"))
}
