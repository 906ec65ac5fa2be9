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
    /// Root over the chains in the newest signed head; nothing before the first.
    pub root: String,
    /// The newest head on the public chain.
    pub anchored: Option<Anchor>,
    /// Lanes of which a number is missing: lane, and what is known of it.
    pub gaps: Vec<(String, String)>,
    /// What of the log does not hold.
    pub broken: Vec<String>,
    /// What is looked for.
    pub query: String,
    /// The way to the others.
    pub pager: Pager,
}

/// A head that is anchored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// Entries of all chains.
    pub size: u64,
    /// Number of the anchor.
    pub number: u64,
    /// Its transaction.
    pub link: String,
    /// When it was signed, unix seconds.
    pub at: u64,
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
            let about = html! { @if one.subject.starts_with("0x") { (parts::short(&one.subject)) } @else { bdi { (one.subject) } } };
            let subject = html! { @if let Some(link) = &one.link { a href=(link) { (about) } } @else { (about) } };
            let cells = vec![
                html! { (one.number) },
                parts::when(one.at),
                html! { bdi { (one.source) } },
                html! { bdi { (one.kind) } },
                subject,
                parts::short(&one.hash),
            ];
            (one.number.to_string(), cells)
        })
        .collect();
    let anchored = match &view.anchored {
        Some(anchor) => html! {
            (anchor.size) " · " a href=(anchor.link) { (t.number) " " (anchor.number) } " · " (parts::when(anchor.at))
        },
        None => html! { (t.not_yet) },
    };
    let content = html! {
        h1 { (t.log) }
        div.card {
            (parts::facts(&[
                (t.entries, html! { span data-k="size" { (view.size) } }),
                (t.root, html! { span data-k="root" { @if view.root.is_empty() { (t.not_yet) } @else { (parts::whole(&view.root)) } } }),
                (t.anchored, html! { span data-k="anchored" { (anchored) } }),
                (t.gaps, html! {
                    @if view.gaps.is_empty() && view.broken.is_empty() { (parts::badge(Tone::Good, t.none_missing)) }
                    @for (lane, told) in &view.gaps { p { (parts::badge(Tone::Bad, t.gap)) " " bdi { (lane) } " " span lang="en" { (told) } } }
                    @for what in &view.broken { p { (parts::badge(Tone::Bad, t.log_broken)) " " span lang="en" { (what) } } }
                }),
            ]))
        }
        form.search method="get" action="/log" role="search" {
            label for="q" { (t.search) }
            input #q name="q" type="search" maxlength="80" value=(view.query);
            button { (t.find) }
        }
        p.unit { (t.log_search_told) " " a href="/v1/log?format=csv" { (t.as_csv) } }
        (card("entries", t.entries, &html! {
            @if rows.is_empty() { (empty(t.no_entries, "causeway demo")) }
            @else { (parts::table(t.entries, &[t.number, t.time, t.source, t.kind_of, t.subject, t.hash], &rows)) }
            (parts::pager(t, &view.pager))
        }))
    };
    frame.page(t.log, News::Live, &content)
}
