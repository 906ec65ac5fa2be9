//! Chains: heights, finality, validators and who is missing; one chain with its newest blocks.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Money, Pager, Tone, card, live_badge},
    plot::{self, Line, Plot, Point},
    texts::Texts,
};

/// A chain in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainCard {
    /// Its name.
    pub name: String,
    /// `public`, `consortium`, `evm`.
    pub kind: String,
    /// EIP-155 id.
    pub id: u64,
    /// Number of the newest final block; none while it does not answer.
    pub height: Option<u64>,
    /// Age of that block in seconds.
    pub age: Option<u64>,
    /// Age from which on it counts as stalled.
    pub stalled_after: u64,
    /// Why it does not answer.
    pub problem: Option<String>,
    /// Its validators; none where others run it.
    pub validators: Vec<Validator>,
}

/// One validator, as the newest certificates show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validator {
    /// Its vote address.
    pub vote: String,
    /// Key of its connections.
    pub network: String,
    /// Where its peers reach it.
    pub endpoint: String,
    /// How many of the newest certificates carry its signature.
    pub signed: u32,
    /// Of how many.
    pub of: u32,
}

impl Validator {
    /// Whether none of the newest certificates carries its signature.
    pub const fn is_missing(&self) -> bool {
        self.of > 0 && self.signed == 0
    }
}

/// One chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// In short.
    pub card: ChainCard,
    /// Hash of the newest final block.
    pub hash: Option<String>,
    /// Where wallets connect.
    pub rpc: Option<String>,
    /// Where holders of a certificate connect.
    pub rpc_tls: Option<String>,
    /// Contracts, by what they are.
    pub contracts: Vec<(String, String)>,
    /// Accounts of this daemon: name, address, what they have.
    pub accounts: Vec<Account>,
    /// Blocks, newest first.
    pub blocks: Vec<BlockLine>,
    /// Pace of the newest blocks, oldest first.
    pub pace: Vec<Pace>,
    /// The way to other blocks.
    pub pager: Pager,
}

/// What a block says about the pace of its chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Number of the block.
    pub number: u64,
    /// Milliseconds since the block before.
    pub millis: u64,
    /// How many transactions it holds.
    pub transactions: usize,
}

/// An account of this daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What it has.
    pub has: Vec<Money>,
}

/// A block in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockLine {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
    /// Its time, unix seconds.
    pub time: u64,
    /// How many transactions it holds.
    pub transactions: usize,
}

/// All chains.
pub fn list(frame: &Frame, chains: &[ChainCard]) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.chains) }
        (search(t))
        section.chains aria-label=(t.chains) { @for chain in chains { (chain_card(t, chain)) } }
    };
    frame.page(t.chains, News::Live, &content)
}

/// One chain.
pub fn page(frame: &Frame, chain: &Chain) -> Markup {
    let t = frame.t();
    let name = &chain.card.name;
    let content = html! {
        h1 { (name) " " small { (t.kind(&chain.card.kind)) } }
        (search(t))
        section.chains aria-label=(name) { (chain_card(t, &chain.card)) (facts(t, chain)) }
        @if !chain.pace.is_empty() {
            div.two #plots data-swap { (plot::plot(t, &fill(t, &chain.pace))) (plot::plot(t, &pace(t, &chain.pace))) }
        }
        @if !chain.blocks.is_empty() { (card("blocks", t.blocks, &blocks(t, chain))) }
        @if !chain.card.validators.is_empty() { (card("validators", t.validators, &validators(t, &chain.card.validators))) }
        (card("accounts", t.accounts, &accounts(t, &chain.accounts)))
        (card("contracts", t.contracts, &contracts(t, &chain.contracts)))
    };
    frame.page(name, News::Live, &content)
}

pub(crate) fn chain_card(t: &Texts, chain: &ChainCard) -> Markup {
    let (tone, word) = standing(t, chain);
    let missing = chain.validators.iter().filter(|v| v.is_missing()).count();
    html! {
        article.chain.(if chain.kind == "consortium" { "inner" } else { "outer" }) {
            h2 { a href={ "/chains/" (parts::segment(&chain.name)) } { (chain.name) } " " small { (t.kind(&chain.kind)) } }
            p.height {
                span.number data-h=(chain.name) { (chain.height.map_or("–".into(), |h| h.to_string())) }
                " " span.unit { (t.newest_final) }
            }
            p {
                (live_badge(&format!("{}/standing", chain.name), tone, word)) " "
                span.unit { (t.id) " " (chain.id) }
            }
            @if let Some(problem) = &chain.problem { p lang="en" { (problem) } }
            @if !chain.validators.is_empty() {
                (dots(t, &chain.name, &chain.validators))
                p.unit data-k={ (chain.name) "/missing" } {
                    (chain.validators.len()) " " (t.validators_of) ", "
                    @if missing == 0 { (t.none_missing) } @else { (missing) " " (t.missing) }
                }
            }
        }
    }
}

/// One dot for each validator: filled as often as it signed.
fn dots(t: &Texts, chain: &str, validators: &[Validator]) -> Markup {
    html! {
        ul.dots data-swap id={ "dots-" (parts::segment(chain)) } {
            @for one in validators {
                li.missing[one.is_missing()] title={ (one.vote) " " (one.signed) "/" (one.of) } {
                    span.hidden {
                        (one.vote.chars().take(8).collect::<String>()) " "
                        @if one.is_missing() { (t.missing) } @else { (one.signed) "/" (one.of) }
                    }
                }
            }
        }
    }
}

fn standing<'a>(t: &'a Texts, chain: &ChainCard) -> (Tone, &'a str) {
    match chain.age {
        None => (Tone::Bad, t.silent),
        Some(age) if age > chain.stalled_after => (Tone::Bad, t.stalled),
        Some(_) => (Tone::Good, t.finalises),
    }
}

fn facts(t: &Texts, chain: &Chain) -> Markup {
    let or_none = |text: &Option<String>| match text {
        Some(text) => parts::whole(text),
        None => html! { "–" },
    };
    html! {
        div.card {
            (parts::facts(&[
                (t.hash, html! { span data-k="tip" { @if let Some(hash) = &chain.hash { (parts::short(hash)) } @else { "–" } } }),
                (t.rpc, or_none(&chain.rpc)),
                (t.rpc_tls, or_none(&chain.rpc_tls)),
            ]))
        }
    }
}

fn fill(t: &Texts, pace: &[Pace]) -> Plot {
    let value = |one: &Pace| (one.transactions as f64, one.transactions.to_string());
    drawn(t.transactions_in_blocks, "", t, pace, value)
}

fn pace(t: &Texts, pace: &[Pace]) -> Plot {
    let value = |one: &Pace| {
        let seconds = one.millis as f64 / 1000.0;
        (seconds, format!("{} {}", plot::number(seconds), t.seconds))
    };
    drawn(t.seconds_between_blocks, t.seconds, t, pace, value)
}

fn drawn(
    title: &str,
    unit: &str,
    t: &Texts,
    pace: &[Pace],
    value: impl Fn(&Pace) -> (f64, String),
) -> Plot {
    let end = |one: Option<&Pace>| {
        one.map_or_else(String::new, |one| format!("{} {}", t.block, one.number))
    };
    let point = |one: &Pace| {
        let (y, told) = value(one);
        Point {
            x: one.number as f64,
            y,
            told: format!("{} {}: {told}", t.block, one.number),
        }
    };
    Plot {
        title: title.into(),
        unit: unit.into(),
        lines: vec![Line {
            name: String::new(),
            points: pace.iter().map(point).collect(),
        }],
        band: None,
        ends: (end(pace.first()), end(pace.last())),
        from_zero: true,
    }
}

fn blocks(t: &Texts, chain: &Chain) -> Markup {
    let rows: Vec<_> = chain
        .blocks
        .iter()
        .map(|block| {
            let link = format!(
                "/chains/{}/blocks/{}",
                parts::segment(&chain.card.name),
                block.number
            );
            let cells = vec![
                html! { a href=(link) { (block.number) } },
                parts::when(block.time),
                html! { (block.transactions) },
                parts::short(&block.hash),
            ];
            (block.number.to_string(), cells)
        })
        .collect();
    html! {
        (parts::table(t.blocks, &[t.number, t.time, t.transactions, t.hash], &rows))
        (parts::pager(t, &chain.pager))
    }
}

/// Validators as a table.
pub(crate) fn validators(t: &Texts, validators: &[Validator]) -> Markup {
    let rows: Vec<_> = validators
        .iter()
        .map(|one| {
            let (tone, word) = if one.is_missing() {
                (Tone::Warn, t.missing)
            } else {
                (Tone::Good, t.signs)
            };
            let cells = vec![
                parts::short(&one.vote),
                html! { code { (one.endpoint) } },
                html! { (one.signed) " / " (one.of) },
                parts::badge(tone, word),
            ];
            (one.vote.clone(), cells)
        })
        .collect();
    html! {
        (parts::table(t.validators, &[t.vote_address, t.endpoint, t.newest_certificates, t.standing], &rows))
        p.unit { (t.certificates_told) }
    }
}

fn accounts(t: &Texts, accounts: &[Account]) -> Markup {
    if accounts.is_empty() {
        return parts::empty(t.no_accounts, "causeway key new --out keys/treasury.json");
    }
    let rows: Vec<_> = accounts
        .iter()
        .map(|one| {
            let has =
                html! { @for money in &one.has { span.each { (parts::money(t, money)) } " " } };
            (
                one.name.clone(),
                vec![html! { b { (one.name) } }, parts::short(&one.address), has],
            )
        })
        .collect();
    parts::table(t.accounts, &[t.name, t.address, t.has], &rows)
}

fn contracts(t: &Texts, contracts: &[(String, String)]) -> Markup {
    if contracts.is_empty() {
        return parts::empty(t.no_contracts, "");
    }
    let rows: Vec<(&str, Markup)> = contracts
        .iter()
        .map(|(name, at)| (name.as_str(), parts::whole(at)))
        .collect();
    parts::facts(&rows)
}

/// Where a number, a hash, an id is typed.
pub(crate) fn search(t: &Texts) -> Markup {
    html! {
        form.search action="/search" method="get" role="search" {
            label for="q" { (t.search) }
            input #q name="q" type="search" maxlength="80" required autocomplete="off" spellcheck="false" placeholder="0x…";
            button { (t.find) }
        }
    }
}
