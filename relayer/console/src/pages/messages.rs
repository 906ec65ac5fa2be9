//! Messages and calls between contracts of two chains.

use maud::{Markup, html};

use super::transfers::standing;
use crate::{
    frame::{Frame, News},
    parts::{self, Pager, card, empty},
};

/// A page of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Newest first.
    pub rows: Vec<MessageLine>,
    /// The way to the others.
    pub pager: Pager,
}

/// A message in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageLine {
    /// Its id: from-to-lane-number.
    pub id: String,
    /// `message` or `call`.
    pub kind: String,
    /// Chain it was sent from.
    pub from: String,
    /// Chain it is sent to.
    pub to: String,
    /// Who sent it.
    pub sender: String,
    /// Who gets it.
    pub recipient: String,
    /// Where it is, in a word.
    pub stage: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// Last second in which it is executed.
    pub deadline: u64,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// In short.
    pub line: MessageLine,
    /// Its id in both gateways.
    pub message_id: String,
    /// Whether its lane keeps the order.
    pub is_ordered: bool,
    /// What it says.
    pub payload: String,
    /// What the recipient returned.
    pub result: Option<String>,
    /// Gas of its execution.
    pub gas_limit: u64,
    /// Transaction and block it was sent in.
    pub sent: (String, u64),
    /// Height of the source whose certificate proved it.
    pub proved_at: Option<u64>,
    /// Height of the destination whose certificate proved its end.
    pub ended_at: Option<u64>,
    /// Where it is and what happens next, in words.
    pub explanation: String,
    /// What both chains said.
    pub history: Vec<Said>,
}

/// What a chain said about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Name of the chain.
    pub chain: String,
    /// In which block.
    pub height: u64,
    /// In which transaction.
    pub tx: String,
    /// What.
    pub said: String,
    /// Time of the block.
    pub time: u64,
}

/// All messages.
pub fn list(frame: &Frame, view: &Messages) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = view
        .rows
        .iter()
        .map(|one| {
            let cells = vec![
                html! { a href={ "/messages/" (parts::segment(&one.id)) } { (t.kind(&one.kind)) " " code { (one.id) } } },
                html! { (one.from) " → " (one.to) },
                parts::short(&one.sender),
                parts::short(&one.recipient),
                standing(t, &one.stage, one.outcome.as_deref(), None),
                parts::when(one.deadline),
            ];
            (one.id.clone(), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.messages) }
        section.card aria-label=(t.messages) {
            @if rows.is_empty() {
                (empty(t.no_messages, "causeway message send --from public:alice --to consortium:0x… --payload 0x…"))
            } @else {
                (parts::table(t.messages, &[t.message, t.way, t.sender, t.recipient, t.standing, t.deadline], &rows))
            }
            (parts::pager(t, &view.pager))
        }
    };
    frame.page(t.messages, News::Live, &content)
}

/// One message.
pub fn page(frame: &Frame, view: &Message) -> Markup {
    let t = frame.t();
    let line = &view.line;
    let block = |chain: &str, height: u64| html! { a href={ "/chains/" (parts::segment(chain)) "/blocks/" (height) } { (chain) " " (height) } };
    let proved = |chain: &str, height: Option<u64>| match height {
        Some(height) => block(chain, height),
        None => html! { "–" },
    };
    let tx = |chain: &str, tx: &str| html! { a href={ "/chains/" (parts::segment(chain)) "/tx/" (parts::segment(tx)) } { (parts::short(tx)) } };
    let content = html! {
        h1 { (t.kind(&line.kind)) " " code { (line.id) } }
        div.card {
            p.stand data-k="standing" { (standing(t, &line.stage, line.outcome.as_deref(), None)) }
            p lang="en" data-k="explanation" { (view.explanation) }
            (parts::facts(&[
                (t.way, html! { (line.from) " → " (line.to) }),
                (t.sender, parts::whole(&line.sender)),
                (t.recipient, parts::whole(&line.recipient)),
                (t.message_id, parts::whole(&view.message_id)),
                (t.ordered, html! { (if view.is_ordered { t.yes } else { t.no }) }),
                (t.deadline, parts::when(line.deadline)),
                (t.gas, html! { (view.gas_limit) }),
                (t.sent_in, html! { (block(&line.from, view.sent.1)) " · " (tx(&line.from, &view.sent.0)) }),
                (t.proved_by, html! { span data-k="proved" { (proved(&line.from, view.proved_at)) } }),
                (t.end_proved_by, html! { span data-k="ended" { (proved(&line.to, view.ended_at)) } }),
                (t.payload, parts::whole(&view.payload)),
                (t.result, html! { span data-k="result" { @if let Some(result) = &view.result { (parts::whole(result)) } @else { "–" } } }),
            ]))
        }
        (card("said", t.both_said, &html! {
            ol.timeline {
                @for (index, said) in view.history.iter().enumerate() {
                    li data-key=(index) {
                        p { (parts::when(said.time)) " " b { (t.stage(&said.said)) } }
                        p.unit { (block(&said.chain, said.height)) " · " (tx(&said.chain, &said.tx)) }
                    }
                }
            }
        }))
    };
    frame.page(&line.id, News::Live, &content)
}
