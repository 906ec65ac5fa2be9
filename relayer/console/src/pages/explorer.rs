//! A block, and a transaction with what it called and what it caused, by the names of our contracts.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, card},
    texts::Texts,
};

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Name of its chain.
    pub chain: String,
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
    /// Hash of its parent.
    pub parent: String,
    /// Its time, unix seconds.
    pub time: u64,
    /// Root of the state after it.
    pub state_root: String,
    /// Gas used and its limit.
    pub gas: (u64, u64),
    /// Who proposed it.
    pub proposer: String,
    /// The epoch it belongs to.
    pub epoch: u64,
    /// Its certificate: signers and validators; none while only a later block has one.
    pub certificate: Option<(usize, usize)>,
    /// Its transactions.
    pub transactions: Vec<TxLine>,
    /// Blocks before and after it.
    pub pager: Pager,
}

/// A transaction in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxLine {
    /// Its hash.
    pub hash: String,
    /// Who sent it.
    pub from: String,
    /// Whom it calls; none when it makes a contract.
    pub to: Option<String>,
    /// What it calls, by name.
    pub call: Option<String>,
    /// Whether it succeeded.
    pub succeeded: bool,
}

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Name of its chain.
    pub chain: String,
    /// In short.
    pub line: TxLine,
    /// Number of its block.
    pub block: u64,
    /// Time of its block.
    pub time: u64,
    /// Native points it carries, with their unit.
    pub value: parts::Money,
    /// Gas used.
    pub gas: u64,
    /// What the contract that it calls calls its token, if it is one that says so.
    pub symbol: Option<String>,
    /// What it calls.
    pub call: Option<Decoded>,
    /// Its call data, when nothing knows it.
    pub data: String,
    /// What it caused.
    pub events: Vec<Event>,
    /// Address of the file that proves it; none where the chain cannot prove itself.
    pub evidence: Option<String>,
}

/// An event of a contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Which contract.
    pub address: String,
    /// What it calls its token, if it is one that says so. Anybody may call a token anything.
    pub symbol: Option<String>,
    /// What it said, where one of our contracts says it so.
    pub decoded: Option<Decoded>,
    /// Topics otherwise.
    pub topics: Vec<String>,
    /// Data otherwise.
    pub data: String,
}

/// A call or an event by the names of one of our contracts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Which contract.
    pub contract: String,
    /// Which function or event.
    pub name: String,
    /// Its arguments: name, type, value.
    pub arguments: Vec<(String, String, String)>,
}

/// The page of a block.
pub fn block(frame: &Frame, block: &Block) -> Markup {
    let t = frame.t();
    let title = format!("{} {}", t.block, block.number);
    let chain = html! { a href={ "/chains/" (parts::segment(&block.chain)) } { (block.chain) } };
    let content = html! {
        h1 { (title) }
        div.card {
            (parts::facts(&[
                (t.chain, chain),
                (t.time, parts::when(block.time)),
                (t.hash, parts::whole(&block.hash)),
                (t.parent, parts::whole(&block.parent)),
                (t.state_root, parts::whole(&block.state_root)),
                (t.proposer, parts::whole(&block.proposer)),
                (t.epoch, html! { (block.epoch) }),
                (t.gas, html! { (block.gas.0) " / " (block.gas.1) }),
                (t.certificate, certificate(t, block.certificate)),
            ]))
            (parts::pager(t, &block.pager))
        }
        (card("transactions", t.transactions, &transactions(t, block)))
    };
    frame.page(&title, News::Still, &content)
}

fn certificate(t: &Texts, certificate: Option<(usize, usize)>) -> Markup {
    match certificate {
        Some((signers, all)) => html! {
            (parts::badge(Tone::Good, t.is_final)) " "
            (t.signed_by.replacen("{}", &signers.to_string(), 1).replacen("{}", &all.to_string(), 1))
        },
        None => html! { (parts::badge(Tone::Good, t.is_final)) " " (t.by_a_later_block) },
    }
}

fn transactions(t: &Texts, block: &Block) -> Markup {
    if block.transactions.is_empty() {
        return html! { p.unit { (t.no_transactions) } };
    }
    let rows: Vec<_> = block
        .transactions
        .iter()
        .map(|tx| {
            let link = format!("/chains/{}/tx/{}", parts::segment(&block.chain), parts::segment(&tx.hash));
            let cells = vec![
                html! { a href=(link) { (parts::short(&tx.hash)) } },
                html! { @if let Some(call) = &tx.call { (call) } @else { "–" } },
                parts::short(&tx.from),
                html! { @if let Some(to) = &tx.to { (parts::short(to)) } @else { (t.new_contract) } },
                outcome(t, tx.succeeded),
            ];
            (tx.hash.clone(), cells)
        })
        .collect();
    parts::table(
        t.transactions,
        &[t.hash, t.call, t.from, t.to, t.outcome],
        &rows,
    )
}

fn outcome(t: &Texts, succeeded: bool) -> Markup {
    if succeeded {
        parts::badge(Tone::Good, t.succeeded)
    } else {
        parts::badge(Tone::Warn, t.reverted)
    }
}

/// The page of a transaction.
pub fn transaction(frame: &Frame, tx: &Transaction) -> Markup {
    let t = frame.t();
    let chain = parts::segment(&tx.chain);
    let content = html! {
        h1 { (t.transaction) }
        div.card {
            (parts::facts(&[
                (t.hash, parts::whole(&tx.line.hash)),
                (t.outcome, outcome(t, tx.line.succeeded)),
                (t.chain, html! { a href={ "/chains/" (chain) } { (tx.chain) } }),
                (t.block, html! { a href={ "/chains/" (chain) "/blocks/" (tx.block) } { (tx.block) } }),
                (t.time, parts::when(tx.time)),
                (t.from, parts::whole(&tx.line.from)),
                (t.to, html! { @if let Some(to) = &tx.line.to { (parts::whole(to)) (symbol(tx.symbol.as_deref())) } @else { (t.new_contract) } }),
                (t.value, parts::money(t, &tx.value)),
                (t.gas, html! { (tx.gas) }),
            ]))
            @if let Some(evidence) = &tx.evidence {
                p { a.button href=(evidence) download { (t.export_evidence) } }
            }
        }
        (card("call", t.call, &html! {
            @match &tx.call {
                Some(call) => (decoded(t, call)),
                None => (parts::whole(if tx.data.is_empty() { "0x" } else { &tx.data })),
            }
        }))
        (card("events", t.events, &events(t, &tx.events)))
    };
    frame.page(t.transaction, News::Still, &content)
}

/// Its own word, kept apart from ours.
fn symbol(said: Option<&str>) -> Markup {
    html! { @if let Some(said) = said { " “" bdi { (said) } "”" } }
}

fn events(t: &Texts, events: &[Event]) -> Markup {
    html! {
        @if events.is_empty() { p.unit { (t.no_events) } }
        @for (index, event) in events.iter().enumerate() {
            div.event {
                p.unit { (index) " · " (parts::short(&event.address)) (symbol(event.symbol.as_deref())) }
                @match &event.decoded {
                    Some(known) => (decoded(t, known)),
                    None => {
                        p { (t.unknown_event) }
                        @for topic in &event.topics { p { (parts::whole(topic)) } }
                        p { (parts::whole(&event.data)) }
                    }
                }
            }
        }
    }
}

fn decoded(t: &Texts, known: &Decoded) -> Markup {
    html! {
        p { b { (known.contract) "." (known.name) } }
        @if !known.arguments.is_empty() {
            dl.facts aria-label=(t.arguments) {
                @for (name, kind, value) in &known.arguments {
                    div { dt { (name) " " span.unit { (kind) } } dd { code.whole { (value) } } }
                }
            }
        }
    }
}
