//! The event log: everything that crossed and everything the daemon did, in one order, none missing.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, card, empty},
};

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Newest first.
    pub rows: Vec<Entry>,
    /// How many there are.
    pub size: u64,
    /// Root of the tree over all of them.
    pub root: String,
    /// The newest head on the public chain: size, block, when.
    pub anchored: Option<(u64, u64, u64)>,
    /// Lanes with a number that is missing: lane, number.
    pub gaps: Vec<(String, u64)>,
    /// What is looked for.
    pub query: String,
    /// The way to the others.
    pub pager: Pager,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When, unix seconds.
    pub at: u64,
    /// Where it comes from: a chain, or the daemon.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Where to look.
    pub link: Option<String>,
    /// Its hash.
    pub hash: String,
}

/// Renders it.
pub fn page(frame: &Frame, view: &Log) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = view
        .rows
        .iter()
        .map(|one| {
            let subject = html! { @if let Some(link) = &one.link { a href=(link) { (parts::short(&one.subject)) } } @else { (parts::short(&one.subject)) } };
            let cells = vec![
                html! { (one.number) },
                parts::when(one.at),
                html! { (one.source) },
                html! { (one.kind) },
                subject,
                parts::short(&one.hash),
            ];
            (one.number.to_string(), cells)
        })
        .collect();
    let anchored = match view.anchored {
        Some((size, block, at)) => {
            html! { (size) " · " (t.block) " " (block) " · " (parts::when(at)) }
        }
        None => html! { (t.not_yet) },
    };
    let content = html! {
        h1 { (t.log) }
        div.card {
            (parts::facts(&[
                (t.entries, html! { span data-k="size" { (view.size) } }),
                (t.root, html! { span data-k="root" { (parts::whole(&view.root)) } }),
                (t.anchored, html! { span data-k="anchored" { (anchored) } }),
                (t.gaps, html! {
                    @if view.gaps.is_empty() { (parts::badge(Tone::Good, t.none_missing)) }
                    @for (lane, number) in &view.gaps { (parts::badge(Tone::Bad, t.gap)) " " (lane) " " (number) " " }
                }),
            ]))
        }
        form.search method="get" action="/log" role="search" {
            label for="q" { (t.search) }
            input #q name="q" type="search" maxlength="80" value=(view.query);
            button { (t.find) }
        }
        (card("entries", t.entries, &html! {
            @if rows.is_empty() { (empty(t.no_entries, "causeway demo")) }
            @else { (parts::table(t.entries, &[t.number, t.time, t.source, t.kind_of, t.subject, t.hash], &rows)) }
            (parts::pager(t, &view.pager))
        }))
    };
    frame.page(t.log, News::Live, &content)
}
