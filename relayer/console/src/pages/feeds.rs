//! Feeds: what devices say the world is like, by quorum.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, card, empty},
    plot::{self, Sample},
    texts::Texts,
};

/// A feed in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its newest answer, with its unit.
    pub answer: Option<parts::Money>,
    /// When that was, unix seconds.
    pub at: Option<u64>,
    /// Operators that signed it, and how many there are.
    pub quorum: (usize, usize),
    /// Whether an alarm is raised.
    pub is_alarmed: bool,
    /// Whether its answer is too old.
    pub is_stale: bool,
}

/// One feed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feed {
    /// In short.
    pub line: FeedLine,
    /// Its answers, oldest first.
    pub answers: Vec<Sample>,
    /// Answers between which nothing is alarming.
    pub band: Option<(f64, f64)>,
    /// Unit of its answers.
    pub unit: String,
    /// Chains it is delivered to: name, newest round, when.
    pub delivered: Vec<(String, u64, u64)>,
    /// Its devices: link, name.
    pub devices: Vec<(String, String)>,
    /// Rounds, newest first.
    pub rounds: Vec<Round>,
    /// The way to older rounds.
    pub pager: Pager,
}

/// One round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Its number.
    pub number: u64,
    /// Its answer.
    pub answer: parts::Money,
    /// When, unix seconds.
    pub at: u64,
    /// Why, as far as the answers show it: `deviation`, `heartbeat`, `request`, or nothing.
    pub trigger: String,
    /// How many operators signed.
    pub signers: usize,
}

/// All feeds.
pub fn list(frame: &Frame, feeds: &[FeedLine], pager: &Pager) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = feeds
        .iter()
        .map(|one| {
            let cells = vec![
                html! { a href={ "/feeds/" (parts::segment(&one.id)) } { bdi { (one.name) } } },
                html! { @if let Some(answer) = &one.answer { (parts::money(t, answer)) } @else { "–" } },
                html! { @if let Some(at) = one.at { (parts::when(at)) } @else { "–" } },
                html! { (one.quorum.0) " / " (one.quorum.1) },
                standing(t, one),
            ];
            (one.id.clone(), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.feeds) }
        section.card aria-label=(t.feeds) {
            @if rows.is_empty() { (empty(t.no_feeds, "causeway feed --help")) }
            @else { (parts::table(t.feeds, &[t.name, t.answer, t.time, t.quorum, t.standing], &rows)) }
            (parts::pager(t, pager))
        }
    };
    frame.page(t.feeds, News::Live, &content)
}

/// One feed.
pub fn page(frame: &Frame, feed: &Feed) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = feed
        .rounds
        .iter()
        .map(|one| {
            let cells = vec![
                html! { (one.number) },
                parts::when(one.at),
                parts::money(t, &one.answer),
                html! { @if one.trigger.is_empty() { "–" } @else { (t.trigger(&one.trigger)) } },
                html! { (one.signers) },
            ];
            (one.number.to_string(), cells)
        })
        .collect();
    let content = html! {
        h1 { bdi { (feed.line.name) } }
        div.card {
            p.stand data-k="standing" { (standing(t, &feed.line)) }
            (parts::facts(&[
                (t.answer, html! { span data-k="answer" { @if let Some(answer) = &feed.line.answer { (parts::money(t, answer)) } @else { "–" } } }),
                (t.quorum, html! { span data-k="quorum" { (feed.line.quorum.0) " / " (feed.line.quorum.1) } }),
                (t.id, parts::whole(&feed.line.id)),
            ]))
        }
        div #plot data-swap { (plot::plot(t, &plot::over_time(t.answer, t.asset(&feed.unit), &feed.answers, feed.band))) }
        div.two {
            (card("delivered", t.delivered_to, &html! {
                ul { @for (chain, round, at) in &feed.delivered { li { bdi { (chain) } " · " (t.round) " " (round) " · " (parts::when(*at)) } } }
            }))
            (card("devices", t.devices, &html! {
                @if feed.devices.is_empty() { p.unit { (t.no_devices) } }
                ul { @for (link, name) in &feed.devices { li { a href=(link) { bdi { (name) } } } } }
            }))
        }
        (card("rounds", t.rounds, &html! {
            @if rows.is_empty() { (empty(t.no_values, "")) }
            @else { (parts::table(t.rounds, &[t.number, t.time, t.answer, t.why, t.signers], &rows)) }
            (parts::pager(t, &feed.pager))
        }))
    };
    frame.page(&feed.line.name, News::Live, &content)
}

fn standing(t: &Texts, feed: &FeedLine) -> Markup {
    match feed {
        FeedLine {
            is_alarmed: true, ..
        } => parts::badge(Tone::Bad, t.alarm),
        FeedLine { is_stale: true, .. } => parts::badge(Tone::Warn, t.stale),
        FeedLine { answer: None, .. } => parts::badge(Tone::Plain, t.no_answer),
        _ => parts::badge(Tone::Good, t.fresh),
    }
}
