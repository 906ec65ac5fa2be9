//! `/members`: validators, organisations and what they vote on, candidates.

use std::sync::Arc;

use alloy_primitives::U256;
use axum::{extract::State, http::StatusCode, response::Response};
use causeway_adapter_hosted::node::Node;
use causeway_console::{
    pages::{
        members::{
            self as page, Candidate, Community, Consortium, Contest, Members, Organisation,
            Proposal, Told,
        },
        sealed::{Opening, Sealed},
    },
    parts::Money,
};

use super::{
    Look, amounts,
    chains::{blocking, of_entry, shortened, signing},
};
use crate::api::{
    App, OpeningView, Problem,
    election::{self, CandidateView},
    members::{self, MembersView, OrganisationView, ProposalView},
    sealed::Chest,
};

/// Newest proposals that are shown.
const PROPOSALS: u32 = 10;
/// Sealed contents that are shown.
const CONTENTS: u32 = 10;
/// Candidates that are shown: all seats there can be.
const CANDIDATES: usize = 101;

pub(super) async fn show(State(app): State<Arc<App>>, look: Look) -> Response {
    let asked = app
        .chains
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), entry.node.clone()?)));
    let asked = asked.map(|(name, node)| blocking(move || members_of(name, &node)));
    let (chains, consortium, contest, sealed) = futures::join!(
        futures::future::try_join_all(asked),
        in_time(&app, consortium(&app)),
        in_time(&app, contest(&app)),
        in_time(&app, sealed(&app))
    );
    let found = chains.map(|chains| Community {
        chains,
        consortium: told(consortium),
        contest: told(contest),
        sealed: told(sealed),
    });
    look.show(|frame| Ok(page::page(frame, &found?)))
}

fn members_of(chain: String, node: &Node) -> Members {
    let tip = node.ledger.tip().block().number();
    let epoch = node.epoch_of(tip);
    let (now, next) = (node.validators(epoch), node.validators(epoch + 1));
    let changes = next.filter(|next| now.as_ref().is_some_and(|now| now != next));
    let epoch_length = node.spec().epoch_length;
    Members {
        chain,
        epoch,
        epoch_length,
        next_at: (epoch + 1).saturating_mul(epoch_length),
        now: signing(node),
        next: changes.map(|next| next.into_iter().map(of_entry).collect()),
    }
}

/// A chain that hangs does not hold up the others.
async fn in_time<T>(
    app: &App,
    asked: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let asked = tokio::time::timeout(2 * app.limits.per_chain(), asked).await;
    asked.unwrap_or_else(|_| Err(Problem::unavailable("the chain does not answer in time")))
}

/// What a contract that is not known, or does not answer, comes to.
fn told<T>(found: Result<T, Problem>) -> Told<T> {
    match found {
        Ok(found) => Told::Known(found),
        Err(problem) if problem.status == StatusCode::NOT_FOUND.as_u16() => Told::Nothing,
        Err(problem) => Told::Problem(problem.detail),
    }
}

/// The newest sealed contents.
async fn sealed(app: &App) -> Result<Vec<Sealed>, Problem> {
    let list = Chest::open(app).await?.page(app, CONTENTS, None).await?;
    let of_opening = |opening: OpeningView| Opening {
        number: opening.grant,
        to: opening.name,
        why: opening.why,
        at: opening.granted_at,
        released: opening.released.into_iter().map(|one| one.name).collect(),
    };
    let contents = list.contents.into_iter().map(|one| Sealed {
        id: one.content,
        digest: one.digest,
        at: one.sealed_at,
        shares: (one.needed as usize, one.holders.len()),
        parties: one
            .parties
            .into_iter()
            .map(|party| party.name.unwrap_or(party.account))
            .collect(),
        openings: one.openings.into_iter().map(of_opening).collect(),
    });
    Ok(contents.collect())
}

async fn consortium(app: &App) -> Result<Consortium, Problem> {
    let (view, proposals) = members::newest(app, PROPOSALS).await?;
    let MembersView {
        chain,
        needed,
        needed_for_pause,
        organisations,
        ..
    } = view;
    Ok(Consortium {
        chain,
        needed,
        needed_for_pause,
        organisations: organisations.into_iter().map(organisation).collect(),
        has_more: proposals.next_before.is_some(),
        proposals: proposals.proposals.into_iter().map(proposal).collect(),
    })
}

fn organisation(view: OrganisationView) -> Organisation {
    let endpoints = view.validators.into_iter().map(|one| one.endpoint);
    Organisation {
        number: view.number,
        name: view.name,
        account: view.account,
        role: view.role.to_string(),
        validators: endpoints.collect(),
        certificates: view.certificates.len(),
    }
}

fn proposal(view: ProposalView) -> Proposal {
    Proposal {
        number: view.number,
        proposer: view.proposer,
        told: view.text,
        why: view.why,
        state: view.state,
        votes: (view.approvals, view.refusals, view.needed),
        closes: view.closes,
    }
}

async fn contest(app: &App) -> Result<Contest, Problem> {
    let view = election::view(app).await?;
    Ok(Contest {
        chain: view.chain,
        seats: view.seats,
        in_office: view.in_office,
        more: view.candidates.len().saturating_sub(CANDIDATES),
        candidates: view
            .candidates
            .into_iter()
            .take(CANDIDATES)
            .map(candidate)
            .collect(),
    })
}

fn candidate(view: CandidateView) -> Candidate {
    let money = |text: &str| match U256::from_str_radix(text, 10) {
        Ok(number) => shortened(amounts::whole(number, amounts::NATIVE, "native")),
        Err(_) => Money {
            amount: text.to_owned(),
            unit: String::new(),
        },
    };
    Candidate {
        number: view.number,
        owner: view.owner,
        endpoint: view.endpoint,
        score: money(&view.score),
        deposit: money(&view.deposit),
        votes: money(&view.votes),
        state: view.state,
        elected: view.elected,
        filled: view.filled,
        benched_until: view.benched_until,
    }
}
