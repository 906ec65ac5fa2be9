//! Who finalises the chains, who decides, and who stands: validators by epoch, the consortium's organisations and what they vote
//! on, the candidates of the public chain. Who they are is what their operators say of them.

use maud::{Markup, html};

use super::{
    chains::{Validator, validators},
    sealed::{self, Sealed},
};
use crate::{
    frame::{Frame, News},
    parts::{self, Money, Tone, card, empty},
    texts::Texts,
};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Community {
    /// Validators of the chains hosted here.
    pub chains: Vec<Members>,
    /// The consortium.
    pub consortium: Told<Consortium>,
    /// The election of the public chain.
    pub contest: Told<Contest>,
    /// What was sealed on the consortium chain, newest first.
    pub sealed: Told<Vec<Sealed>>,
}

/// What a contract tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Told<T> {
    /// No such contract is known here.
    #[default]
    Nothing,
    /// It does not answer, and why.
    Problem(String),
    /// What it told.
    Known(T),
}

/// The validators of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Name of the chain.
    pub chain: String,
    /// The epoch of its newest final block.
    pub epoch: u64,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// First block of the next epoch.
    pub next_at: u64,
    /// Who validates now.
    pub now: Vec<Validator>,
    /// Who validates next, when that is another set.
    pub next: Option<Vec<Validator>>,
}

/// The organisations, and the newest of what they vote on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consortium {
    /// Name of the chain.
    pub chain: String,
    /// Members that must agree.
    pub needed: u64,
    /// Organisations that must agree on a pause.
    pub needed_for_pause: u64,
    /// Who belongs to it.
    pub organisations: Vec<Organisation>,
    /// Newest first.
    pub proposals: Vec<Proposal>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// An organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisation {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The account it votes by.
    pub account: String,
    /// `member`, `observer`, `none`.
    pub role: String,
    /// Endpoints of its validators.
    pub validators: Vec<String>,
    /// How many certificates speak for it.
    pub certificates: usize,
}

/// A proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// Who made it.
    pub proposer: String,
    /// What it would do.
    pub told: String,
    /// Why, once the log has it.
    pub why: Option<String>,
    /// `open`, `passed`, `executed`, `rejected`, `expired`.
    pub state: String,
    /// Organisations for it, against it, and needed.
    pub votes: (u32, u32, u32),
    /// When votes end, unix seconds.
    pub closes: u64,
}

/// The election.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contest {
    /// Name of the chain.
    pub chain: String,
    /// Seats.
    pub seats: u32,
    /// Whether it decides who validates.
    pub in_office: bool,
    /// In the order an election would take them.
    pub candidates: Vec<Candidate>,
    /// Candidates that are not listed.
    pub more: usize,
}

/// A candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub number: u32,
    /// Who owns it.
    pub owner: String,
    /// Where it listens.
    pub endpoint: String,
    /// Its score.
    pub score: Money,
    /// Its deposit.
    pub deposit: Money,
    /// Points voted for it.
    pub votes: Money,
    /// `running`, `leaving`, `gone`, `slashed`.
    pub state: String,
    /// `producer`, `standby`, or nothing.
    pub elected: Option<String>,
    /// Parts of 10,000 of its slots that it filled.
    pub filled: u16,
    /// Epoch from which it may rejoin, while it is benched.
    pub benched_until: Option<u64>,
}

/// Renders it.
pub fn page(frame: &Frame, all: &Community) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.members) }
        p { (t.members_told) }
        @if all.chains.is_empty() { (empty(t.no_hosted, "causeway up")) }
        @for (index, one) in all.chains.iter().enumerate() { (chain(t, index, one)) }
        (card("consortium", t.consortium, &told(&all.consortium, t.no_registry, |found| consortium(t, found))))
        (card("contest", t.election, &told(&all.contest, t.no_election, |found| contest(t, found))))
        @match &all.sealed {
            Told::Nothing => {}
            Told::Problem(problem) => (card("sealed", t.sealed, &html! { p { (problem) } })),
            Told::Known(contents) => (sealed::section(t, contents)),
        }
    };
    frame.page(t.members, News::Live, &content)
}

fn told<T>(what: &Told<T>, nothing: &str, known: impl FnOnce(&T) -> Markup) -> Markup {
    match what {
        Told::Nothing => empty(nothing, ""),
        Told::Problem(problem) => {
            html! { p { (parts::badge(Tone::Warn, "!")) " " span lang="en" { (problem) } } }
        }
        Told::Known(found) => known(found),
    }
}

fn chain(t: &Texts, index: usize, one: &Members) -> Markup {
    let quorum = one.now.len() - one.now.len().saturating_sub(1) / 3;
    let content = html! {
        (parts::facts(&[
            (t.epoch, html! { span data-k={ (one.chain) "/epoch" } { (one.epoch) } }),
            (t.epoch_length, html! { (one.epoch_length) " " (t.blocks_unit) }),
            (t.next_epoch_at, html! { span data-k={ (one.chain) "/next" } { (one.next_at) } }),
            (t.quorum, html! { (quorum) " / " (one.now.len()) }),
        ]))
        (validators(t, &one.now))
        @match &one.next {
            Some(next) => {
                h3 { (t.next_set) " " (parts::badge(Tone::Busy, t.changes)) }
                (validators(t, next))
            }
            None => p.unit { (t.same_set) },
        }
    };
    card(&format!("chain-{index}"), &one.chain, &content)
}

fn consortium(t: &Texts, found: &Consortium) -> Markup {
    let organisations: Vec<_> = found
        .organisations
        .iter()
        .map(|one| {
            let cells = vec![
                html! { b { bdi { (one.name) } } },
                html! { (t.role(&one.role)) },
                parts::short(&one.account),
                html! { @for endpoint in &one.validators { bdi { (endpoint) } " " } @if one.validators.is_empty() { "–" } },
                html! { (one.certificates) },
            ];
            (format!("o{}", one.number), cells)
        })
        .collect();
    let proposals: Vec<_> = found
        .proposals
        .iter()
        .map(|one| {
            let (agree, against, needed) = one.votes;
            let why = html! { @if let Some(why) = &one.why { p.unit { bdi { (why) } } } };
            let cells = vec![
                html! { (one.number) },
                html! { bdi { (one.proposer) } },
                html! { span lang="en" { (one.told) } (why) },
                parts::badge(tone(&one.state), t.state_of(&one.state)),
                html! { (agree) " / " (needed) @if against > 0 { " · " (against) " " (t.against) } },
                parts::when(one.closes),
            ];
            (format!("p{}", one.number), cells)
        })
        .collect();
    html! {
        (parts::facts(&[
            (t.chain, html! { (found.chain) }),
            (t.needed, html! { (found.needed) }),
            (t.needed_for_pause, html! { (found.needed_for_pause) }),
        ]))
        h3 { (t.organisations) }
        (parts::table(t.organisations, &[t.name, t.role_of, t.account, t.validators, t.certificates], &organisations))
        h3 { (t.proposals) }
        @if proposals.is_empty() { (empty(t.no_proposals, "causeway member propose --help")) }
        @else { (parts::table(t.proposals, &[t.number, t.proposer_of, t.what, t.standing, t.votes, t.until], &proposals)) }
        @if found.has_more { p.unit { (t.older) ": " code { "causeway member show" } } }
    }
}

fn contest(t: &Texts, found: &Contest) -> Markup {
    let candidates: Vec<_> = found
        .candidates
        .iter()
        .map(|one| {
            let state = match (&one.elected, one.benched_until) {
                (_, Some(epoch)) => html! { (parts::badge(Tone::Warn, t.benched)) " " (epoch) },
                (Some(elected), None) if one.state == "running" => {
                    parts::badge(Tone::Good, t.state_of(elected))
                }
                _ => parts::badge(tone(&one.state), t.state_of(&one.state)),
            };
            let cells = vec![
                html! { (one.number) },
                html! { bdi { (one.endpoint) } },
                parts::short(&one.owner),
                state,
                parts::money(t, &one.score),
                parts::money(t, &one.votes),
                parts::money(t, &one.deposit),
                html! { (one.filled / 100) " %" },
            ];
            (format!("c{}", one.number), cells)
        })
        .collect();
    html! {
        (parts::facts(&[
            (t.chain, html! { (found.chain) }),
            (t.seats, html! { (found.seats) }),
            (t.decides, html! { (if found.in_office { t.yes } else { t.no }) }),
        ]))
        @if candidates.is_empty() { (empty(t.no_candidates, "causeway election register --help")) }
        @else {
            (parts::table(t.candidates,
                &[t.number, t.endpoint, t.owner, t.standing, t.score, t.votes, t.deposit, t.filled], &candidates))
        }
        @if found.more > 0 { p.unit { (t.and_more.replace("{}", &found.more.to_string())) ": " code { "causeway election candidates" } } }
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "open" | "passed" | "leaving" => Tone::Busy,
        "executed" | "running" => Tone::Good,
        "slashed" => Tone::Bad,
        _ => Tone::Plain,
    }
}
