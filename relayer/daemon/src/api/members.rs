//! `/v1/members`: who belongs to the consortium, and what its members decide (docs/validators.md).

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use axum::{
    Json,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::{ChainError, Height, HeightRange, TxId, TxStatus};
use causeway_adapter_hosted::tls::Role;
use causeway_contracts::{Gateway, MemberRegistry};
use causeway_core::log::Body;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, ChainEntry, Problem, lanes::ask, serve::Caller};
use crate::{
    eventlog::LogError,
    members::{MemberRole, Members, Motion, MotionError, Period, ValidatorTerms, terms},
    store::{LogFilter, LogPage, RelayCall},
};

/// Most proposals of one page.
const MAX_PAGE: u32 = 50;
/// Longest reason, bytes: the contract's bound.
const MAX_WHY: usize = 1_000;
/// Most entries of the event log that are looked through for one proposal.
const LOOKED_THROUGH: u32 = 500;

/// The members of the consortium.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MembersView {
    /// Name of the consortium chain.
    pub chain: String,
    /// The `MemberRegistry`.
    pub registry: String,
    /// The organisations, by number.
    pub organisations: Vec<OrganisationView>,
    /// Members that must agree on what is not a pause: 2f + 1.
    pub needed: u64,
    /// Members and observers that must agree on a pause: f + 1.
    pub needed_for_pause: u64,
    /// Seconds in which votes are cast.
    pub vote_period: u64,
    /// Seconds from passing to execution.
    pub delay: u64,
    /// Seconds in which what has passed can be executed.
    pub window: u64,
    /// Proposals so far; numbers begin at 1.
    pub proposals: u64,
    /// Contracts that the members govern: addresses whose administrator is the registry.
    pub governs: Vec<String>,
}

/// An organisation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganisationView {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The account it votes by.
    pub account: String,
    /// The name of that account here, if its key is here.
    pub account_name: Option<String>,
    /// What it may do; `none` once it was removed.
    pub role: MemberRole,
    /// SHA-256 of its certificates.
    pub certificates: Vec<String>,
    /// Its validators.
    pub validators: Vec<ValidatorTerms>,
}

/// A proposal. Times are unix seconds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProposalView {
    /// Its number.
    pub number: u64,
    /// Name of the organisation that made it.
    pub proposer: String,
    /// Why, as soon as the event log has it.
    pub why: Option<String>,
    /// When it was made, as soon as the event log has it.
    pub proposed_at: Option<u64>,
    /// What it would do; nothing for a call that is none of these.
    pub motion: Option<Motion>,
    /// The same in words.
    pub text: String,
    /// The contract it calls.
    pub target: String,
    /// With what, hexadecimal.
    pub data: String,
    /// `guarded`: members decide, after the delay; `pause`: members and observers, at once.
    pub class: String,
    /// `open`, `passed`, `executed`, `rejected`, `expired`.
    pub state: String,
    /// When votes end.
    pub closes: u64,
    /// From when on it can be executed, once it has passed.
    pub executable_at: Option<u64>,
    /// Organisations that agree.
    pub approvals: u32,
    /// Organisations that are against it.
    pub refusals: u32,
    /// How many must agree.
    pub needed: u32,
    /// Who voted how; of one proposal alone.
    pub votes: Vec<VoteView>,
}

/// How an organisation voted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VoteView {
    /// Number of the organisation.
    pub organisation: u32,
    /// Its name.
    pub name: String,
    /// How.
    pub vote: Ballot,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// It agrees.
    For,
    /// It does not.
    Against,
}

/// Proposals.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProposalList {
    /// Newest first, without the single votes.
    pub proposals: Vec<ProposalView>,
    /// Where the next page begins, if there is one.
    pub next_before: Option<u64>,
}

/// Propose something, with the proposer's approval.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Propose {
    /// The organisation's account, whose key is here: a name or an address.
    pub by: String,
    /// The reason; it stands on the chain. 1 to 1000 bytes.
    pub why: String,
    /// What.
    pub motion: Motion,
}

/// Vote on a proposal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CastVote {
    /// The organisation's account, whose key is here: a name or an address.
    pub by: String,
    /// How.
    pub vote: Ballot,
}

/// Execute a proposal that has passed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Execute {
    /// Who sends the transaction: any account whose key is here.
    pub by: String,
}

/// Which proposals.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 50.
    #[serde(default = "page")]
    limit: u32,
    /// Below this number.
    before: Option<u64>,
}

/// The organisations, and how they decide.
#[utoipa::path(
    get, path = "/v1/members", tag = "members",
    responses((status = 200, body = MembersView), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Json<MembersView>, Problem> {
    let books = Books::open(&app).await?;
    within(&app, books.view(&app)).await.map(Json)
}

/// Proposals, newest first.
#[utoipa::path(
    get, path = "/v1/members/proposals", tag = "members", params(Page),
    responses(
        (status = 200, body = ProposalList), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn proposals(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<ProposalList>, Problem> {
    let Query(page) = page?;
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    let books = Books::open(&app).await?;
    within(&app, books.list(&app, &page)).await.map(Json)
}

/// The organisations and the newest proposals, for the page.
pub(super) async fn newest(app: &App, limit: u32) -> Result<(MembersView, ProposalList), Problem> {
    let books = Books::open(app).await?;
    let page = Page {
        limit,
        before: None,
    };
    let both = async { Ok((books.view(app).await?, books.list(app, &page).await?)) };
    within(app, both).await
}

/// One proposal, with who voted how.
#[utoipa::path(
    get, path = "/v1/members/proposals/{number}", tag = "members",
    params(("number" = u64, Path, description = "number of the proposal")),
    responses(
        (status = 200, body = ProposalView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn proposal(
    State(app): State<Arc<App>>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Json<ProposalView>, Problem> {
    let Path(number) = number?;
    let books = Books::open(&app).await?;
    shown(&app, &books, number).await.map(Json)
}

/// Proposes something in the name of an organisation whose key is here; answers once that is final.
#[utoipa::path(
    post, path = "/v1/members/proposals", tag = "members", request_body = Propose,
    responses(
        (status = 201, body = ProposalView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn propose(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<Propose>, JsonRejection>,
) -> Result<(StatusCode, Json<ProposalView>), Problem> {
    let Json(request) = body?;
    if request.why.trim().is_empty() || request.why.len() > MAX_WHY {
        return Err(Problem::bad_request(format!(
            "why is 1 to {MAX_WHY} bytes: it stands on the chain"
        )));
    }
    let members = app.members()?;
    let (target, data) = request.motion.call(members)?;
    let by = speaker(&app, &caller, &request.by).await?;
    let call = MemberRegistry::proposeCall {
        target,
        data,
        why: request.why,
    };
    let tx = send(&app, by, "propose", call.abi_encode()).await?;
    let books = Books::open(&app).await?;
    let number = within(&app, books.proposed_in(tx)).await?;
    let number = number.ok_or_else(|| {
        Problem::unavailable("it is proposed, and not yet read back: GET /v1/members/proposals")
    })?;
    Ok((
        StatusCode::CREATED,
        Json(shown(&app, &books, number).await?),
    ))
}

/// Votes in the name of an organisation whose key is here; answers once that is final.
#[utoipa::path(
    post, path = "/v1/members/proposals/{number}/vote", tag = "members", request_body = CastVote,
    params(("number" = u64, Path, description = "number of the proposal")),
    responses(
        (status = 200, body = ProposalView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn vote(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    number: Result<Path<u64>, PathRejection>,
    body: Result<Json<CastVote>, JsonRejection>,
) -> Result<Json<ProposalView>, Problem> {
    let (Path(number), Json(request)) = (number?, body?);
    shown(&app, &Books::open(&app).await?, number).await?;
    let by = speaker(&app, &caller, &request.by).await?;
    let call = MemberRegistry::voteCall {
        number: U256::from(number),
        approves: request.vote == Ballot::For,
    };
    send(&app, by, "vote", call.abi_encode()).await?;
    let books = Books::open(&app).await?;
    shown(&app, &books, number).await.map(Json)
}

/// Makes the call of a proposal that has passed; answers once that is final.
#[utoipa::path(
    post, path = "/v1/members/proposals/{number}/execute", tag = "members", request_body = Execute,
    params(("number" = u64, Path, description = "number of the proposal")),
    responses(
        (status = 200, body = ProposalView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn execute(
    State(app): State<Arc<App>>,
    number: Result<Path<u64>, PathRejection>,
    body: Result<Json<Execute>, JsonRejection>,
) -> Result<Json<ProposalView>, Problem> {
    let (Path(number), Json(request)) = (number?, body?);
    shown(&app, &Books::open(&app).await?, number).await?;
    let by = app.address("by", &request.by)?;
    let call = MemberRegistry::executeCall {
        number: U256::from(number),
    };
    send(&app, by, "execute", call.abi_encode()).await?;
    let books = Books::open(&app).await?;
    shown(&app, &books, number).await.map(Json)
}

impl App {
    pub(super) fn members(&self) -> Result<&Members, Problem> {
        self.members.as_ref().ok_or_else(|| {
            let what = "name the chain and the contract under [members] in the configuration";
            Problem::not_found("no MemberRegistry is known here", what)
        })
    }
}

impl From<MotionError> for Problem {
    fn from(error: MotionError) -> Self {
        Self::bad_request(error)
    }
}

/// The registry at one final block.
pub(super) struct Books<'a> {
    pub(super) members: &'a Members,
    pub(super) entry: &'a ChainEntry,
    pub(super) at: Height,
}

impl<'a> Books<'a> {
    pub(super) async fn open(app: &'a App) -> Result<Self, Problem> {
        let members = app.members()?;
        let entry = app.chain(&members.chain.to_string())?;
        let tip = entry.tip(app.limits.per_chain()).await;
        let tip = tip.map_err(|error| Problem::unavailable(error.to_string()))?;
        Ok(Self {
            members,
            entry,
            at: tip.height,
        })
    }

    pub(super) async fn ask<C: alloy_sol_types::SolCall>(
        &self,
        call: C,
    ) -> Result<C::Return, Problem> {
        let answer = ask(self.entry, self.members.registry, self.at, call).await;
        answer.map_err(unanswered)?.ok_or_else(|| {
            let what = "members.registry must be the address of a MemberRegistry on that chain";
            let detail = format!("{} is no MemberRegistry", self.members.registry);
            Problem::not_found(detail, what)
        })
    }

    async fn proposals(&self) -> Result<u64, Problem> {
        let count = self.ask(MemberRegistry::proposalsCall {}).await?;
        Ok(count.saturating_to())
    }

    pub(super) async fn numbers(&self) -> Result<Vec<u32>, Problem> {
        let mut numbers = self.ask(MemberRegistry::organisationsCall {}).await?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) async fn organisation(
        &self,
        number: u32,
    ) -> Result<MemberRegistry::Organisation, Problem> {
        self.ask(MemberRegistry::organisationCall { number }).await
    }

    async fn view(&self, app: &App) -> Result<MembersView, Problem> {
        let mut organisations = Vec::new();
        for number in self.numbers().await? {
            let organisation = self.organisation(number).await?;
            organisations.push(OrganisationView {
                number,
                name: organisation.name,
                account: organisation.account.to_string(),
                account_name: app.account_name(organisation.account),
                role: MemberRole::of(organisation.role),
                certificates: organisation
                    .certificates
                    .iter()
                    .map(B256::to_string)
                    .collect(),
                validators: terms(organisation.validators),
            });
        }
        let mut periods = [0_u64; 3];
        for (value, period) in periods.iter_mut().zip(Period::ALL) {
            let which = period.number();
            *value = self
                .ask(MemberRegistry::parameterCall { which })
                .await?
                .to();
        }
        let [vote_period, delay, window] = periods;
        let needed = |class| self.ask(MemberRegistry::neededForCall { class });
        Ok(MembersView {
            chain: self.entry.name.clone(),
            registry: self.members.registry.to_string(),
            organisations,
            needed: needed(1).await?.saturating_to(),
            needed_for_pause: needed(2).await?.saturating_to(),
            vote_period,
            delay,
            window,
            proposals: self.proposals().await?,
            governs: self.governs().await?,
        })
    }

    async fn list(&self, app: &App, page: &Page) -> Result<ProposalList, Problem> {
        let count = self.proposals().await?;
        let below = page.before.unwrap_or(u64::MAX).min(count.saturating_add(1));
        let first = below.saturating_sub(u64::from(page.limit)).max(1);
        let mut proposals = Vec::new();
        for number in (first..below).rev() {
            proposals.extend(self.proposal(app, number).await?);
        }
        Ok(ProposalList {
            next_before: (first > 1 && !proposals.is_empty()).then_some(first),
            proposals,
        })
    }

    /// Contracts whose administrator is the registry, of those it may decide on.
    async fn governs(&self) -> Result<Vec<String>, Problem> {
        let set = causeway_adapter_hosted::spec::VALIDATOR_SET;
        let others = self.members.gateway.iter();
        let others = others.chain(self.members.ports.values());
        let mut governed = Vec::new();
        for at in std::iter::once(&set).chain(others) {
            // All of them answer as the gateway does.
            let call = Gateway::administratorCall {};
            let answer = ask(self.entry, *at, self.at, call).await;
            if answer.map_err(unanswered)? == Some(self.members.registry) {
                governed.push(at.to_string());
            }
        }
        Ok(governed)
    }

    /// A proposal without its single votes; `None` where there is none.
    async fn proposal(&self, app: &App, number: u64) -> Result<Option<ProposalView>, Problem> {
        let asked = MemberRegistry::proposalCall {
            number: U256::from(number),
        };
        let found = self.ask(asked).await?;
        let state = match found.state {
            1 => "open",
            2 => "passed",
            3 => "executed",
            4 => "rejected",
            5 => "expired",
            _ => return Ok(None),
        };
        let said = self.said(app, number).await?;
        let motion = Motion::of(self.members, found.target, &found.data);
        let executable: u64 = found.executableAt.to();
        Ok(Some(ProposalView {
            number,
            proposer: self.organisation(found.proposer).await?.name,
            proposed_at: said.as_ref().map(|(at, _)| *at),
            why: said.map(|(_, why)| why),
            text: motion.as_ref().map_or_else(
                || format!("call {} with {}", found.target, found.data),
                ToString::to_string,
            ),
            motion,
            target: found.target.to_string(),
            data: found.data.to_string(),
            class: if found.class == 2 { "pause" } else { "guarded" }.into(),
            state: state.into(),
            closes: found.closes.to(),
            executable_at: (executable > 0).then_some(executable),
            approvals: found.approvals,
            refusals: found.refusals,
            needed: found.needed,
            votes: Vec::new(),
        }))
    }

    /// Votes of the organisations there are now.
    async fn votes(&self, number: u64) -> Result<Vec<VoteView>, Problem> {
        let mut votes = Vec::new();
        for organisation in self.numbers().await? {
            let vote = MemberRegistry::voteOfCall {
                number: U256::from(number),
                by: organisation,
            };
            let vote = match self.ask(vote).await? {
                1 => Ballot::For,
                2 => Ballot::Against,
                _ => continue,
            };
            votes.push(VoteView {
                organisation,
                name: self.organisation(organisation).await?.name,
                vote,
            });
        }
        Ok(votes)
    }

    /// When and why it was proposed, from the event log.
    pub(super) async fn said(
        &self,
        app: &App,
        number: u64,
    ) -> Result<Option<(u64, String)>, Problem> {
        let filter = LogFilter {
            segment: Some(self.members.chain.0),
            kind: Some("Proposed".into()),
            ..LogFilter::default()
        };
        let page = LogPage::Before(u64::MAX);
        let rows = app.log.store().log_page(&filter, page, LOOKED_THROUGH);
        let rows = rows.await.map_err(LogError::from)?;
        Ok(rows.into_iter().find_map(|row| {
            let Body::Event(event) = row.entry.body else {
                return None;
            };
            let of_registry = event.address == self.members.registry;
            let raw = alloy_primitives::Log::new(event.address, event.topics, event.data)?;
            let said = MemberRegistry::Proposed::decode_log(&raw).ok()?;
            (of_registry && said.proposal == U256::from(number))
                .then_some((row.entry.at, said.data.why))
        }))
    }

    /// The number that a transaction's proposal got.
    async fn proposed_in(&self, tx: TxId) -> Result<Option<u64>, Problem> {
        let status = self.entry.chain.status(tx).await.map_err(unanswered)?;
        let TxStatus::Final { at, .. } = status else {
            return Ok(None);
        };
        let range = HeightRange {
            from: at.height,
            to: at.height,
        };
        let logs = self.entry.chain.logs(&[self.members.registry], range).await;
        Ok(logs
            .map_err(unanswered)?
            .into_iter()
            .filter(|log| log.tx == tx)
            .find_map(|log| {
                let raw = alloy_primitives::Log::new(log.address, log.topics, log.data)?;
                let said = MemberRegistry::Proposed::decode_log(&raw).ok()?;
                Some(said.proposal.saturating_to())
            }))
    }
}

async fn shown(app: &App, books: &Books<'_>, number: u64) -> Result<ProposalView, Problem> {
    let found = async {
        let Some(view) = books.proposal(app, number).await? else {
            let detail = format!("no proposal {number}");
            return Err(Problem::not_found(
                detail,
                "GET /v1/members/proposals lists them",
            ));
        };
        let votes = books.votes(number).await?;
        Ok(ProposalView { votes, ..view })
    };
    within(app, found).await
}

/// The account that acts for an organisation. A certificate speaks for its own organisation alone; an admin's, which is
/// whose daemon this is, for every account here.
pub(super) async fn speaker(app: &App, caller: &Caller, by: &str) -> Result<Address, Problem> {
    let account = app.address("by", by)?;
    let Some(peer) = &caller.peer else {
        return Ok(account);
    };
    if peer.role == Role::Admin {
        return Ok(account);
    }
    let books = Books::open(app).await?;
    let certificate = MemberRegistry::certificateCall {
        fingerprint: peer.fingerprint,
    };
    let bound = within(app, books.ask(certificate)).await?;
    let number = within(app, books.ask(MemberRegistry::numberOfCall { account })).await?;
    if bound.number != 0 && bound.number == number {
        return Ok(account);
    }
    let detail = format!(
        "the certificate of {} does not speak for the organisation of {account}",
        peer.name
    );
    let what =
        "vote with a certificate that is bound to that organisation; GET /v1/members lists them";
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "not-your-organisation",
        detail,
        what,
    ))
}

/// Has an account of ours call the registry, and waits until that is final.
async fn send(app: &App, by: Address, what: &str, data: Vec<u8>) -> Result<TxId, Problem> {
    let members = app.members()?;
    let call = RelayCall {
        // The same wish twice at once is one.
        task: format!("member:{what}:{by}:{}", keccak256(&data)),
        to: members.registry,
        data: data.into(),
        ..RelayCall::default()
    };
    Ok(app.relay.call(members.chain, by, &call).await?)
}

/// One chain has so long to answer.
pub(super) async fn within<T>(
    app: &App,
    asked: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let asked = tokio::time::timeout(app.limits.request_timeout, asked).await;
    asked.unwrap_or_else(|_| {
        Err(Problem::unavailable(
            "the consortium chain does not answer in time",
        ))
    })
}

pub(super) fn unanswered(error: ChainError) -> Problem {
    Problem::unavailable(error.to_string())
}

const fn page() -> u32 {
    20
}
