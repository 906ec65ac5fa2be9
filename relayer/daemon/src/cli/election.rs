//! `causeway election`.

pub(super) mod args;

use std::fmt::Write as _;

use alloy_primitives::{Address, B256, U256};
use args::{Election, Own, Register as Standing, Stake};
use causeway_contracts::governance::candidacy_digest;

use super::{CliError, args::Global, client::Api, output::Output, transfer::smallest_units};
use crate::{
    api::{
        ActOnCandidate, CandidateAct, CandidateView, ElectionEvent, ElectionView, Register,
        Withdraw, Withdrawn,
    },
    config::PasswordSource,
    keys::{Keystore, Signers, address_of},
    local::validator_keys,
};

/// Native smallest units of a point.
const POINT: u128 = 10_u128.pow(18);

pub(super) async fn run(
    global: &Global,
    command: Election,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let candidate = match command {
        Election::Candidates => {
            let election: ElectionView = api.get("/v1/election").await?;
            output.answer(&election, listed(&election));
            return Ok(());
        }
        Election::History => {
            let events: Vec<ElectionEvent> = api.get("/v1/election/history").await?;
            let mut lines: Vec<String> = events
                .iter()
                .map(|event| format!("{}  {:<20} {}", event.at, event.kind, event.text))
                .collect();
            if lines.is_empty() {
                lines.push("nothing yet: an epoch is elected in its last blocks".into());
            }
            output.answer(&events, lines.join("\n"));
            return Ok(());
        }
        Election::Withdraw { by } => {
            let paid: Withdrawn = api.post("/v1/election/withdraw", &Withdraw { by }).await?;
            let text = format!("{} points paid to {}", points(&paid.amount), paid.payee);
            output.answer(&paid, text);
            return Ok(());
        }
        Election::Register(standing) => register(&api, standing).await?,
        Election::Score { candidate } => {
            api.get(&format!("/v1/election/candidates/{candidate}"))
                .await?
        }
        Election::Vote(stake) => {
            let amount = smallest_units("--amount", &stake.amount)?;
            staked(&api, stake, CandidateAct::Vote(amount)).await?
        }
        Election::Unvote(stake) => {
            let amount = smallest_units("--amount", &stake.amount)?;
            staked(&api, stake, CandidateAct::Unvote(amount)).await?
        }
        Election::Rejoin(own) => act(&api, own, CandidateAct::Rejoin).await?,
        Election::Resign(own) => act(&api, own, CandidateAct::Resign).await?,
        Election::Release(own) => act(&api, own, CandidateAct::Release).await?,
        Election::Collect(own) => act(&api, own, CandidateAct::Collect).await?,
    };
    output.answer(&candidate, whole(&candidate));
    Ok(())
}

async fn staked(api: &Api, stake: Stake, act_: CandidateAct) -> Result<CandidateView, CliError> {
    let own = Own {
        candidate: stake.candidate,
        by: stake.by,
    };
    act(api, own, act_).await
}

async fn act(api: &Api, own: Own, act: CandidateAct) -> Result<CandidateView, CliError> {
    let path = format!("/v1/election/candidates/{}", own.candidate);
    api.post(&path, &ActOnCandidate { by: own.by, act }).await
}

/// The vote key signs here; the daemon sees its signature alone.
async fn register(api: &Api, standing: Standing) -> Result<CandidateView, CliError> {
    let election: ElectionView = api.get("/v1/election").await?;
    let owner = owner_of(&election, &standing.owner)?;
    let keystore = Keystore {
        path: standing.keystore,
        password: PasswordSource::File(standing.password_file),
    };
    let vote = keystore.open()?;
    let entry = validator_keys(&vote).entry(standing.endpoint);
    let contract: Address = election.contract.parse().map_err(|_| unreadable())?;
    let digest: B256 = candidacy_digest(
        election.chain_id,
        contract,
        owner,
        entry.vote,
        entry.network,
    );
    let signers = Signers::new([vote]);
    let signature = signers
        .sign(address_of(&vote), digest)
        .ok_or_else(unreadable)?;
    let body = Register {
        owner: standing.owner,
        deposit: smallest_units("--deposit", &standing.deposit)?,
        vote: entry.vote.to_string(),
        network: entry.network.to_string(),
        endpoint: entry.endpoint,
        commission: standing.commission,
        signature: signature.to_string(),
    };
    api.post("/v1/election/candidates", &body).await
}

fn owner_of(election: &ElectionView, name: &str) -> Result<Address, CliError> {
    let text = election.accounts.get(name).map_or(name, String::as_str);
    text.parse().map_err(|_| CliError::Argument {
        argument: "--owner",
        got: name.into(),
        expected: "an account of the daemon: GET /v1/election names them",
    })
}

fn listed(election: &ElectionView) -> String {
    let mut text = String::new();
    for candidate in &election.candidates {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:>4}  score {:>14}  votes {:>14}  {:>6} blocks  {:<9} {}",
            candidate.number,
            points(&candidate.score),
            points(&candidate.votes),
            candidate.produced,
            candidate.elected.as_deref().unwrap_or("-"),
            candidate.endpoint
        );
    }
    let office = if election.in_office {
        ""
    } else {
        "; it is not in office: the set is another's"
    };
    let _ = write!(
        text,
        "{} seats; epoch {}, the next one is elected from block {} on, {} are counted{office}",
        election.seats, election.epoch, election.opens, election.recorded
    );
    text
}

fn whole(candidate: &CandidateView) -> String {
    let mut text = format!(
        "candidate {} of {}: {}{}\nvote key {}, network key {}, at {}\n\
         score {} = votes {} and contribution {} (deposit {}, {} blocks, {} of 10000 slots filled)",
        candidate.number,
        candidate.owner,
        candidate.state,
        candidate
            .elected
            .as_ref()
            .map_or(String::new(), |elected| format!(", {elected}")),
        candidate.vote,
        candidate.network,
        candidate.endpoint,
        points(&candidate.score),
        points(&candidate.votes),
        points(&candidate.contribution),
        points(&candidate.deposit),
        candidate.produced,
        candidate.filled
    );
    if let Some(epoch) = candidate.benched_until {
        let _ = write!(
            text,
            "\nbenched: `causeway election rejoin` from epoch {epoch} on"
        );
    }
    if let Some(at) = candidate.release_at {
        let _ = write!(text, "\nits deposit comes back from {at} on");
    }
    text
}

/// Native points with three decimals, rounded down.
fn points(units: &str) -> String {
    let units: U256 = units.parse().unwrap_or_default();
    let (whole, rest) = units.div_rem(U256::from(POINT));
    let thousandths: u64 = (rest / U256::from(POINT / 1_000)).saturating_to();
    format!("{whole}.{thousandths:03}")
}

fn unreadable() -> CliError {
    CliError::Failed("the daemon's answer cannot be read: is it of the same version?".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_with_three_decimals() {
        assert_eq!(points("1500000000000000000"), "1.500");
        assert_eq!(points("999999999999999"), "0.000");
        assert_eq!(points("0"), "0.000");
    }
}
