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
    /// Whether nobody took notice in time.
    pub is_escalated: bool,
    /// Times it was raised while it was open.
    pub times: u64,
    /// Who took notice.
    pub acknowledged: Option<Notice>,
}

/// That somebody took notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Who.
    pub by: String,
    /// When, unix seconds.
    pub at: u64,
    /// What the person said.
    pub note: String,
}

/// Longest note of a form, characters.
pub const MAX_NOTE: usize = 1_000;

/// Renders it.
pub fn page(frame: &Frame, view: &Alarms) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = view
        .rows
        .iter()
        .map(|one| {
            let told = html! { @if let Some(link) = &one.link { a href=(link) { (one.told) } } @else { (one.told) } };
            let cells = vec![
                html! { b { (t.rule_of(&one.rule)) } },
                html! { span lang="en" { (told) } },
                html! { (parts::when(one.raised)) @if one.times > 1 { " " span.unit { "× " (one.times) } } },
                standing(frame, one),
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

fn standing(frame: &Frame, one: &Alarm) -> Markup {
    let t = frame.t();
    match (one.cleared, &one.acknowledged) {
        (Some(at), _) => html! { (parts::badge(Tone::Plain, t.cleared)) " " (parts::when(at)) },
        (None, Some(_)) => parts::badge(one.tone, t.acknowledged),
        (None, None) if one.is_escalated => parts::badge(one.tone, t.escalated),
        (None, None) => parts::badge(one.tone, t.raised),
    }
}

fn notice(frame: &Frame, view: &Alarms, one: &Alarm) -> Markup {
    let t = frame.t();
    match &one.acknowledged {
        Some(notice) => html! {
            bdi { (notice.by) } " " (parts::when(notice.at))
            @if !notice.note.is_empty() { p.unit { bdi { (notice.note) } } }
        },
        None if view.may_acknowledge && one.cleared.is_none() => html! {
            form method="post" action={ "/alarms/" (parts::segment(&one.id)) "/acknowledge" } {
                input type="hidden" name="token" value=(frame.token);
                input name="note" maxlength=(MAX_NOTE) aria-label={ (t.note) " " (one.id) } placeholder=(t.note) autocomplete="off";
                " "
                button.quiet { (t.acknowledge) }
            }
        },
        None => html! { "–" },
    }
}
