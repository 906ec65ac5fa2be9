//! Alarms: what a rule found, who took notice.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, empty},
};

/// A page of alarms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarms {
    /// Newest first.
    pub rows: Vec<Alarm>,
    /// Whether who looks may acknowledge.
    pub may_acknowledge: bool,
    /// The way to the others.
    pub pager: Pager,
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its id.
    pub id: String,
    /// The rule that raised it.
    pub rule: String,
    /// How bad it is.
    pub tone: Tone,
    /// What it found.
    pub told: String,
    /// What it is about.
    pub link: Option<String>,
    /// When it was raised, unix seconds.
    pub raised: u64,
    /// When it ended.
    pub cleared: Option<u64>,
    /// Who took notice, and when.
    pub acknowledged: Option<(String, u64)>,
}

/// Renders it.
pub fn page(frame: &Frame, view: &Alarms) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = view
        .rows
        .iter()
        .map(|one| {
            let told = html! { @if let Some(link) = &one.link { a href=(link) { (one.told) } } @else { (one.told) } };
            let stands = match one.cleared {
                Some(at) => html! { (parts::badge(Tone::Plain, t.cleared)) " " (parts::when(at)) },
                None => parts::badge(one.tone, t.raised),
            };
            let cells = vec![
                html! { b { (one.rule) } },
                html! { span lang="en" { (told) } },
                parts::when(one.raised),
                stands,
                notice(frame, view, one),
            ];
            (one.id.clone(), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.alarms) }
        section.card aria-label=(t.alarms) {
            @if rows.is_empty() { (empty(t.no_alarms, "")) }
            @else { (parts::table(t.alarms, &[t.rule, t.found, t.raised, t.standing, t.notice], &rows)) }
            (parts::pager(t, &view.pager))
        }
    };
    frame.page(t.alarms, News::Live, &content)
}

fn notice(frame: &Frame, view: &Alarms, one: &Alarm) -> Markup {
    let t = frame.t();
    match &one.acknowledged {
        Some((who, at)) => html! { bdi { (who) } " " (parts::when(*at)) },
        None if view.may_acknowledge => html! {
            form method="post" action={ "/alarms/" (parts::segment(&one.id)) "/acknowledge" } {
                input type="hidden" name="token" value=(frame.token);
                button.quiet { (t.acknowledge) }
            }
        },
        None => html! { "–" },
    }
}
