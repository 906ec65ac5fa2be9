//! How the daemon itself is.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Tone, card},
};

/// What was looked at and measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Its version.
    pub version: String,
    /// Since when it runs, unix seconds.
    pub since: u64,
    /// What was looked at.
    pub findings: Vec<Finding>,
    /// What was measured: name, labels, value.
    pub metrics: Vec<(String, String, String)>,
    /// Whether there are more measures than are shown.
    pub has_more: bool,
}

/// One thing looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub check: String,
    /// Whether it is as it should be.
    pub is_ok: bool,
    /// What was found, and what to do.
    pub detail: String,
}

/// Renders it.
pub fn page(frame: &Frame, view: &Health) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = view
        .findings
        .iter()
        .map(|one| {
            let mark = if one.is_ok {
                parts::badge(Tone::Good, t.ok)
            } else {
                parts::badge(Tone::Bad, t.look)
            };
            let cells = vec![
                html! { b lang="en" { (one.check) } },
                mark,
                html! { span lang="en" { (one.detail) } },
            ];
            (one.check.clone(), cells)
        })
        .collect();
    let metrics: Vec<_> = view
        .metrics
        .iter()
        .map(|(name, labels, value)| {
            let cells = vec![
                html! { code.whole { (name) } },
                html! { code.whole { (labels) } },
                html! { span.number { (value) } },
            ];
            (format!("{name}{labels}"), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.health) }
        div.card {
            (parts::facts(&[
                (t.version, html! { (view.version) }),
                (t.runs_since, parts::when(view.since)),
                (t.runs_for, html! { span data-k="uptime" { (parts::span(t, frame.now.saturating_sub(view.since))) } }),
            ]))
        }
        (card("findings", t.looked_at, &html! {
            (parts::table(t.looked_at, &[t.what, t.standing, t.found], &rows))
            p.unit { (t.doctor_told) " " code { "causeway doctor" } }
        }))
        (card("metrics", t.metrics, &html! {
            (parts::table(t.metrics, &[t.name, t.labels, t.value], &metrics))
            p { a href="/metrics" { (t.all_metrics) } @if view.has_more { " · " (t.more_there) } }
        }))
    };
    frame.page(t.health, News::Live, &content)
}
