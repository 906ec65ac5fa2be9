//! One transfer: where it is, who may act next, both clocks, how it came there.

use maud::{Markup, html};

use super::transfers::{TransferLine, standing};
use crate::{
    frame::{Frame, News},
    parts::{self, card},
    texts::Texts,
    windows::{self, Lane},
};

/// A transfer with all of our parts in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: String,
    /// Our parts; there is at least one.
    pub parts: Vec<Part>,
    /// Windows of its locks on both clocks.
    pub lanes: Vec<Lane>,
    /// Whether its initiator may ask for the money back.
    pub may_refund: bool,
    /// Whether that was just asked for.
    pub refund_asked: bool,
}

/// One of our parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// In short.
    pub line: TransferLine,
    /// Where it is, in a sentence.
    pub place: String,
    /// Who may act next.
    pub next: String,
    /// Until when: chain, unix seconds there, seconds left.
    pub until: Option<(String, u64, u64)>,
    /// What it costs us.
    pub costs: String,
    /// What happens if nobody acts.
    pub otherwise: String,
    /// How it came there, oldest first.
    pub history: Vec<Line>,
    /// By which blocks something was proved: purpose, chain, height.
    pub proofs: Vec<(String, String, u64)>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// When, unix seconds.
    pub at: u64,
    /// What happened; nothing for the beginning.
    pub event: Option<String>,
    /// What was set out to do about it.
    pub does: Vec<String>,
    /// Where it led.
    pub stage: String,
    /// Chain, block and transaction that said so.
    pub said: Option<(String, u64, Option<String>)>,
}

/// Renders it.
pub fn page(frame: &Frame, view: &Transfer) -> Markup {
    let t = frame.t();
    let id = parts::segment(&view.id);
    let title = format!(
        "{} {}",
        t.transfer,
        view.id.chars().take(8).collect::<String>()
    );
    let content = html! {
        h1 { (t.transfer) " " (parts::whole(&view.id)) }
        @if view.refund_asked { p.note role="status" { (t.refund_asked) } }
        @if !view.lanes.is_empty() {
            (card("clocks", t.both_clocks, &html! { div #windows data-swap { (windows::windows(t, &view.lanes)) } }))
        }
        @for (index, part) in view.parts.iter().enumerate() { (one(t, index, part)) }
        div.actions {
            a.button href={ "/v1/evidence?transfer=" (id) } download { (t.export_evidence) }
            @if frame.who.may_act && view.may_refund {
                form method="post" action={ "/transfers/" (id) "/refund" } {
                    input type="hidden" name="token" value=(frame.token);
                    button.quiet { (t.take_back) }
                    span.unit { " " (t.take_back_told) }
                }
            }
        }
    };
    frame.page(&title, News::Live, &content)
}

fn one(t: &Texts, index: usize, part: &Part) -> Markup {
    let line = &part.line;
    let key = |name: &str| format!("{index}/{name}");
    let id = format!("part-{index}");
    let title = format!("{} · {}", t.kind(&line.kind), t.role(&line.role));
    let until = |(chain, at, left): &(String, u64, u64)| {
        html! { (parts::when(*at)) " " (t.on) " " (chain) span.unit { " · " (parts::span(t, *left)) " " (t.left) } }
    };
    let content = html! {
        p.stand data-k=(key("standing")) { (standing(t, &line.stage, line.outcome.as_deref(), line.alarm.as_deref())) }
        @if let Some(alarm) = &line.alarm { p.note.bad lang="en" { (alarm) } }
        (parts::facts(&[
            (t.way, html! { (line.from) " → " (line.to) }),
            (t.gives, html! { @if let Some(give) = &line.give { (parts::money(t, give)) } @else { "–" } }),
            (t.wants, html! { @if let Some(want) = &line.want { (parts::money(t, want)) } @else { "–" } }),
            (t.place, html! { span lang="en" data-k=(key("place")) { (part.place) } }),
            (t.next, html! { b data-k=(key("next")) { (t.actor(&part.next)) } }),
            (t.until, html! { span data-k=(key("until")) { @if let Some(at) = &part.until { (until(at)) } @else { "–" } } }),
            (t.costs, html! { span lang="en" { (part.costs) } }),
            (t.otherwise, html! { span lang="en" data-k=(key("otherwise")) { (part.otherwise) } }),
        ]))
        (timeline(t, index, part))
    };
    card(&id, &title, &content)
}

fn timeline(t: &Texts, index: usize, part: &Part) -> Markup {
    html! {
        h3 { (t.timeline) }
        ol.timeline {
            @for (step, line) in part.history.iter().enumerate() {
                li data-key={ (index) "-" (step) } {
                    p {
                        (parts::when(line.at)) " "
                        b { (line.event.as_deref().map_or(t.begun, |event| t.event(event))) }
                        " → " (t.stage(&line.stage))
                    }
                    @if !line.does.is_empty() {
                        p.unit { (t.does) " " (line.does.iter().map(|does| t.event(does)).collect::<Vec<_>>().join(", ")) }
                    }
                    @if let Some((chain, height, tx)) = &line.said { (said(t, chain, *height, tx.as_deref())) }
                }
            }
        }
        @if !part.proofs.is_empty() {
            h3 { (t.proved_by) }
            ul {
                @for (purpose, chain, height) in &part.proofs {
                    li {
                        (t.event(purpose)) ": "
                        a href={ "/chains/" (parts::segment(chain)) "/blocks/" (height) } { (chain) " " (height) }
                    }
                }
            }
        }
    }
}

fn said(t: &Texts, chain: &str, height: u64, tx: Option<&str>) -> Markup {
    let at = parts::segment(chain);
    html! {
        p.unit {
            (t.said_by) " " a href={ "/chains/" (at) "/blocks/" (height) } { (chain) " " (height) }
            @if let Some(tx) = tx {
                " · " a href={ "/chains/" (at) "/tx/" (parts::segment(tx)) } { (parts::short(tx)) }
            }
        }
    }
}
