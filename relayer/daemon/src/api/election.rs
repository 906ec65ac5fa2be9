//! `/v1/election`: who stands on the public chain, who produces, and votes of holders (docs/validators.md).

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent as _};
use axum::{
    Json,
    extract::{
        Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::{ChainError, Height};
use causeway_adapter_hosted::spec::VALIDATOR_SET;
use causeway_contracts::{Election, ValidatorSet};
use causeway_core::log::Body;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, ChainEntry, Problem,
    lanes::ask,
    resolve::{clipped, number},
};
use crate::{
    election::ElectionSite,
    eventlog::LogError,
    store::{LogFilter, LogPage, RelayCall},
};

/// Events of each kind that the history looks back over.
const HISTORY: u32 = 100;

/// The election. Amounts are native smallest units, decimal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ElectionView {
    /// Name of the chain.
    pub chain: String,
    /// Its id, which vote keys sign.
    pub chain_id: u64,
    /// The `Election`.
    pub contract: String,
    /// Whether it administers the `ValidatorSet`.
    pub in_office: bool,
    /// This epoch.
    pub epoch: u64,
    /// Blocks of an epoch.
    pub epoch_length: u64,
    /// The next epoch is elected from this block on.
    pub opens: u64,
    /// Newest block that is counted.
    pub recorded: u64,
    /// Seats.
    pub seats: u32,
    /// The least deposit.
    pub minimum_deposit: String,
    /// Parts of 10,000 that votes count in a score; the rest is the contribution's.
    pub vote_weight: u16,
    /// Paid for a block.
    pub block_reward: String,
    /// What rewards are paid from.
    pub pool: String,
    /// The daemon's accounts, by name.
    pub accounts: BTreeMap<String, String>,
    /// Who stands, in the order an election would take them now; then those who are benched.
    pub candidates: Vec<CandidateView>,
}

/// A candidate. Amounts are native smallest units, decimal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CandidateView {
    /// Its number.
    pub number: u32,
    /// Address of its vote key.
    pub vote: String,
    /// Its network key.
    pub network: String,
    /// Where it listens.
    pub endpoint: String,
    /// Who owns it.
    pub owner: String,
    /// `running`, `leaving`, `gone`, `slashed`.
    pub state: String,
    /// `producer`, `standby`, or nothing: in the election made last.
    pub elected: Option<String>,
    /// Its deposit.
    pub deposit: String,
    /// Points voted for it.
    pub votes: String,
    /// Parts of 10,000 of its rewards that the owner keeps.
    pub commission: u16,
    /// Blocks it made, halved with each epoch.
    pub produced: u64,
    /// Parts of 10,000 of its slots that it filled.
    pub filled: u16,
    /// C = deposit + blockWeight * produced * filled.
    pub contribution: String,
    /// S = k * votes + (1 - k) * C.
    pub score: String,
    /// Epoch from which it may rejoin, while it is benched.
    pub benched_until: Option<u64>,
    /// Unix second from which on its deposit comes back, once it left.
    pub release_at: Option<u64>,
}

/// Something that happened to elections or candidates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ElectionEvent {
    /// Its number in the event log.
    pub seq: u64,
    /// Unix second of its block.
    pub at: u64,
    /// `Elected`, `ElectionKept`, `CandidateRegistered`, `ProducerIdle`, `ProducerSlashed`.
    pub kind: String,
    /// In words.
    pub text: String,
    /// The transaction.
    pub tx: String,
}

/// Stand for election.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Who owns the candidacy and pays the deposit: an account whose key is here.
    pub owner: String,
    /// Native smallest units, decimal.
    pub deposit: String,
    /// Address of the vote key.
    pub vote: String,
    /// The network key, hexadecimal.
    pub network: String,
    /// `host:port` where the validator listens, 1 to 31 bytes.
    pub endpoint: String,
    /// Parts of 10,000 of the rewards that the owner keeps.
    #[serde(default)]
    pub commission: u16,
    /// The vote key's signature of the candidacy: r, s, v.
    pub signature: String,
}

/// Do something with a candidate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActOnCandidate {
    /// An account whose key is here: its owner, or a voter.
    pub by: String,
    /// What.
    pub act: CandidateAct,
}

/// What is done with a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CandidateAct {
    /// Points are locked for it: native smallest units, decimal.
    Vote(String),
    /// Points are taken from it, and wait to be withdrawn.
    Unvote(String),
    /// It stands again after idleness: the owner's right.
    Rejoin,
    /// It stands no more: the owner's right.
    Resign,
    /// Its deposit comes back, after the delay.
    Release,
    /// The voter's share of rewards is credited.
    Collect,
}

/// Withdraw what is credited.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// An account whose key is here; it is paid.
    pub by: String,
}

/// What was paid.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Withdrawn {
    /// To whom.
    pub payee: String,
    /// Native smallest units that were credited before.
    pub amount: String,
}

/// The election, and who stands.
#[utoipa::path(
    get, path = "/v1/election", tag = "election",
    responses((status = 200, body = ElectionView), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Json<ElectionView>, Problem> {
    view(&app).await.map(Json)
}

/// The same for the page.
pub(super) async fn view(app: &App) -> Result<ElectionView, Problem> {
    let hustings = Hustings::open(app).await?;
    within(app, hustings.view(app)).await
}

/// One candidate.
#[utoipa::path(
    get, path = "/v1/election/candidates/{number}", tag = "election",
    params(("number" = u32, Path, description = "number of the candidate")),
    responses(
        (status = 200, body = CandidateView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn candidate(
    State(app): State<Arc<App>>,
    number: Result<Path<u32>, PathRejection>,
) -> Result<Json<CandidateView>, Problem> {
    let Path(number) = number?;
    shown(&app, number).await.map(Json)
}

/// What happened to elections and candidates, newest first, from the event log.
#[utoipa::path(
    get, path = "/v1/election/history", tag = "election",
    responses((status = 200, body = [ElectionEvent]), (status = 404, body = Problem))
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
) -> Result<Json<Vec<ElectionEvent>>, Problem> {
    let site = app.election()?;
    let mut events = Vec::new();
    for kind in [
        "Elected",
        "ElectionKept",
        "CandidateRegistered",
        "ProducerIdle",
        "ProducerSlashed",
    ] {
        let filter = LogFilter {
            segment: Some(site.chain.0),
            kind: Some(kind.into()),
            ..LogFilter::default()
        };
        let rows = app
            .log
            .store()
            .log_page(&filter, LogPage::Before(u64::MAX), HISTORY)
            .await
            .map_err(LogError::from)?;
        events.extend(rows.into_iter().filter_map(|row| {
            let Body::Event(event) = row.entry.body else {
                return None;
            };
            let tx = event.tx.to_string();
            let of_contract = event.address == site.contract;
            let raw = alloy_primitives::Log::new(event.address, event.topics, event.data)?;
            let text = said(&raw)?;
            of_contract.then(|| ElectionEvent {
                seq: row.seq,
                at: row.entry.at,
                kind: kind.into(),
                text,
                tx,
            })
        }));
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.seq));
    Ok(Json(events))
}

/// Has a validator stand; answers once that is final.
#[utoipa::path(
    post, path = "/v1/election/candidates", tag = "election", request_body = Register,
    responses(
        (status = 201, body = CandidateView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    body: Result<Json<Register>, JsonRejection>,
) -> Result<(StatusCode, Json<CandidateView>), Problem> {
    let Json(request) = body?;
    let owner = app.address("owner", &request.owner)?;
    let deposit = number("deposit", &request.deposit)?;
    let vote: Address = parsed("vote", &request.vote, "an address")?;
    let network: B256 = parsed("network", &request.network, "0x and 64 hexadecimal digits")?;
    let signature: Bytes = parsed(
        "signature",
        &request.signature,
        "0x and 130 hexadecimal digits",
    )?;
    let call = Election::registerCall {
        vote_: vote,
        network,
        endpoint: request.endpoint,
        commission: request.commission,
        signature,
    };
    send(&app, owner, deposit, call).await?;
    let hustings = Hustings::open(&app).await?;
    let asked = hustings.ask(Election::numberOfCall { vote_: vote });
    let number = within(&app, asked).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, number).await?)))
}

/// Votes for a candidate, takes votes back, or does what its owner may; answers once that is final.
#[utoipa::path(
    post, path = "/v1/election/candidates/{number}", tag = "election", request_body = ActOnCandidate,
    params(("number" = u32, Path, description = "number of the candidate")),
    responses(
        (status = 200, body = CandidateView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn act(
    State(app): State<Arc<App>>,
    path: Result<Path<u32>, PathRejection>,
    body: Result<Json<ActOnCandidate>, JsonRejection>,
) -> Result<Json<CandidateView>, Problem> {
    let (Path(candidate), Json(request)) = (path?, body?);
    let by = app.address("by", &request.by)?;
    shown(&app, candidate).await?;
    let none = U256::ZERO;
    match request.act {
        CandidateAct::Vote(amount) => {
            let amount = number("amount", &amount)?;
            let call = Election::voteCall { number: candidate };
            send(&app, by, amount, call).await?;
        }
        CandidateAct::Unvote(amount) => {
            let amount = number("amount", &amount)?
                .try_into()
                .map_err(|_| Problem::bad_request("amount is more points than there are"))?;
            let call = Election::unvoteCall {
                number: candidate,
                amount,
            };
            send(&app, by, none, call).await?;
        }
        CandidateAct::Rejoin => {
            send(&app, by, none, Election::rejoinCall { number: candidate }).await?;
        }
        CandidateAct::Resign => {
            send(&app, by, none, Election::resignCall { number: candidate }).await?;
        }
        CandidateAct::Release => {
            send(&app, by, none, Election::releaseCall { number: candidate }).await?;
        }
        CandidateAct::Collect => {
            let call = Election::collectCall {
                number: candidate,
                voter: by,
            };
            send(&app, by, none, call).await?;
        }
    }
    shown(&app, candidate).await.map(Json)
}

/// Pays an account what is credited to it: votes taken back, rewards, deposits; answers once that is final.
#[utoipa::path(
    post, path = "/v1/election/withdraw", tag = "election", request_body = Withdraw,
    responses(
        (status = 200, body = Withdrawn), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    body: Result<Json<Withdraw>, JsonRejection>,
) -> Result<Json<Withdrawn>, Problem> {
    let Json(request) = body?;
    let payee = app.address("by", &request.by)?;
    let hustings = Hustings::open(&app).await?;
    let asked = hustings.ask(Election::creditedCall { payee });
    let amount = within(&app, asked).await?;
    send(&app, payee, U256::ZERO, Election::withdrawCall { payee }).await?;
    Ok(Json(Withdrawn {
        payee: payee.to_string(),
        amount: amount.to_string(),
    }))
}

impl App {
    pub(super) fn election(&self) -> Result<&ElectionSite, Problem> {
        self.election.as_ref().ok_or_else(|| {
            let what = "name the chain and the contract under [election] in the configuration";
            Problem::not_found("no Election is known here", what)
        })
    }
}

/// The election at one final block.
struct Hustings<'a> {
    site: &'a ElectionSite,
    entry: &'a ChainEntry,
    at: Height,
}

impl<'a> Hustings<'a> {
    async fn open(app: &'a App) -> Result<Self, Problem> {
        let site = app.election()?;
        let entry = app.chain(&site.chain.to_string())?;
        let tip = entry.tip(app.limits.per_chain()).await;
        let tip = tip.map_err(unanswered)?;
        Ok(Self {
            site,
            entry,
            at: tip.height,
        })
    }

    async fn ask<C: SolCall>(&self, call: C) -> Result<C::Return, Problem> {
        let answer = ask(self.entry, self.site.contract, self.at, call).await;
        answer.map_err(unanswered)?.ok_or_else(|| {
            let what = "election.contract must be the address of an Election on that chain";
            let detail = format!("{} is no Election", self.site.contract);
            Problem::not_found(detail, what)
        })
    }

    async fn view(&self, app: &App) -> Result<ElectionView, Problem> {
        let config = self.ask(Election::configCall {}).await?;
        let length = ValidatorSet::epochLengthCall {};
        let length = ask(self.entry, VALIDATOR_SET, self.at, length).await;
        let epoch_length = length.map_err(unanswered)?.unwrap_or(1).max(1);
        let administrator = ValidatorSet::administratorCall {};
        let administrator = ask(self.entry, VALIDATOR_SET, self.at, administrator).await;
        let epoch = self.at.0 / epoch_length;
        let elected = self.elected().await?;
        let ranked = self.ask(Election::rankingCall {}).await?;
        let mut order = ranked.clone();
        let running = self.ask(Election::runningCall {}).await?;
        order.extend(running.into_iter().filter(|n| !ranked.contains(n)));
        let mut candidates = Vec::new();
        for number in order {
            candidates.extend(self.candidate(number, &elected).await?);
        }
        Ok(ElectionView {
            chain: self.entry.name.clone(),
            chain_id: self.site.chain.0,
            contract: self.site.contract.to_string(),
            in_office: administrator.map_err(unanswered)? == Some(self.site.contract),
            epoch,
            epoch_length,
            opens: (epoch + 1)
                .saturating_mul(epoch_length)
                .saturating_sub(u64::from(config.closingBlocks)),
            recorded: self.ask(Election::recordedCall {}).await?,
            seats: self.ask(Election::seatsCall {}).await?,
            minimum_deposit: config.minimumDeposit.to_string(),
            vote_weight: config.voteWeight,
            block_reward: config.blockReward.to_string(),
            pool: self.ask(Election::poolCall {}).await?.to_string(),
            accounts: app
                .accounts
                .iter()
                .map(|(name, address)| (name.clone(), address.to_string()))
                .collect(),
            candidates,
        })
    }

    /// Producers, and standbys.
    async fn elected(&self) -> Result<[Vec<u32>; 2], Problem> {
        Ok([
            self.ask(Election::producersCall {}).await?,
            self.ask(Election::standbysCall {}).await?,
        ])
    }

    async fn candidate(
        &self,
        number: u32,
        [producers, standbys]: &[Vec<u32>; 2],
    ) -> Result<Option<CandidateView>, Problem> {
        let found = self.ask(Election::candidateCall { number }).await?;
        let state = match found.state {
            1 => "running",
            2 => "leaving",
            3 => "gone",
            4 => "slashed",
            _ => return Ok(None),
        };
        let contribution = self.ask(Election::contributionOfCall { number }).await?;
        let score = self.ask(Election::scoreOfCall { number }).await?;
        let release_at: u64 = found.releaseAt.to();
        let elected = if producers.contains(&number) {
            Some("producer")
        } else if standbys.contains(&number) {
            Some("standby")
        } else {
            None
        };
        Ok(Some(CandidateView {
            number,
            vote: found.vote.to_string(),
            network: found.network.to_string(),
            endpoint: found.endpoint,
            owner: found.owner.to_string(),
            state: state.into(),
            elected: elected.map(str::to_owned),
            deposit: found.deposit.to_string(),
            votes: found.votes.to_string(),
            commission: found.commission,
            produced: found.produced.to(),
            filled: found.filled,
            contribution: contribution.to_string(),
            score: score.to_string(),
            // Of one that left it says until when it may be validating.
            benched_until: (found.state == 1 && found.benchedUntil > 0)
                .then_some(found.benchedUntil),
            release_at: (release_at > 0).then_some(release_at),
        }))
    }
}

async fn shown(app: &App, number: u32) -> Result<CandidateView, Problem> {
    let hustings = Hustings::open(app).await?;
    let found = async {
        let elected = hustings.elected().await?;
        hustings.candidate(number, &elected).await
    };
    within(app, found).await?.ok_or_else(|| {
        Problem::not_found(
            format!("no candidate {number}"),
            "GET /v1/election lists them",
        )
    })
}

/// Has an account of ours call the election, and waits until that is final.
async fn send(app: &App, by: Address, value: U256, call: impl SolCall) -> Result<(), Problem> {
    let site = app.election()?;
    let data = call.abi_encode();
    let call = RelayCall {
        // The same wish twice at once is one.
        task: format!("election:{by}:{value}:{}", keccak256(&data)),
        to: site.contract,
        data: data.into(),
        value,
        ..RelayCall::default()
    };
    app.relay.call(site.chain, by, &call).await?;
    Ok(())
}

/// What an event of the election says; `None` for those that are not told here.
fn said(raw: &alloy_primitives::Log) -> Option<String> {
    let listed = |numbers: &[u32]| {
        let all: Vec<String> = numbers.iter().map(u32::to_string).collect();
        all.join(", ")
    };
    if let Ok(event) = Election::Elected::decode_log(raw) {
        return Some(format!(
            "epoch {}: {} of {} seats, producers {}, standbys {}",
            event.epoch,
            event.producers.len(),
            event.seats,
            listed(&event.producers),
            if event.standbys.is_empty() {
                "none".to_owned()
            } else {
                listed(&event.standbys)
            }
        ));
    }
    if let Ok(event) = Election::ElectionKept::decode_log(raw) {
        return Some(format!(
            "epoch {}: {} candidates, {} needed: the set stays",
            event.epoch, event.eligible, event.needed
        ));
    }
    if let Ok(event) = Election::CandidateRegistered::decode_log(raw) {
        return Some(format!(
            "candidate {} of {} stands at {}",
            event.number, event.owner, event.endpoint
        ));
    }
    if let Ok(event) = Election::ProducerIdle::decode_log(raw) {
        return Some(format!(
            "candidate {} made {} of {} blocks of epoch {} with {} producers: benched",
            event.number, event.blocks, event.recorded, event.epoch, event.size
        ));
    }
    let event = Election::ProducerSlashed::decode_log(raw).ok()?;
    Some(format!(
        "candidate {} signed two votes of one view: slashed, shown by {}",
        event.number, event.reporter
    ))
}

fn parsed<T: std::str::FromStr>(
    field: &str,
    text: &str,
    expected: &'static str,
) -> Result<T, Problem> {
    text.parse().map_err(|_| {
        let got = clipped(text);
        Problem::bad_request(format!("{field} is {got:?}, expected {expected}"))
    })
}

async fn within<T>(
    app: &App,
    asked: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let asked = tokio::time::timeout(app.limits.request_timeout, asked).await;
    asked.unwrap_or_else(|_| {
        Err(Problem::unavailable(
            "the public chain does not answer in time",
        ))
    })
}

fn unanswered(error: ChainError) -> Problem {
    Problem::unavailable(error.to_string())
}
