//! What pages are made of.

use maud::{Markup, html};
use time::OffsetDateTime;

use crate::texts::Texts;

/// How something stands; its colour never says it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Under way.
    Busy,
    /// Neither.
    Plain,
    /// Somebody should look.
    Warn,
    /// Somebody must act.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Plain => "plain",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// An amount in the units people use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// How much, decimal.
    pub amount: String,
    /// Of what.
    pub unit: String,
}

/// Where a page of a list lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    /// Address of newer entries.
    pub newer: Option<String>,
    /// Address of older entries.
    pub older: Option<String>,
}

/// A word in a coloured frame.
pub(crate) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span.badge.(tone.class()) { (word) } }
}

/// The same, kept up to date in a page that is open.
pub(crate) fn live_badge(key: &str, tone: Tone, word: &str) -> Markup {
    html! { span.badge.(tone.class()) data-k=(key) { (word) } }
}

/// A hash or an address, cut in the middle; all of it on demand.
pub(crate) fn short(hash: &str) -> Markup {
    let count = hash.chars().count();
    if count <= 18 {
        return html! { code { (hash) } };
    }
    let head: String = hash.chars().take(8).collect();
    let tail: String = hash.chars().skip(count - 6).collect();
    html! { code title=(hash) { (head) "…" (tail) } }
}

/// All of it, wrapped where it must be.
pub(crate) fn whole(hash: &str) -> Markup {
    html! { code.whole { (hash) } }
}

/// An amount with its unit.
pub(crate) fn money(t: &Texts, money: &Money) -> Markup {
    html! { span.money { (money.amount) " " span.unit { (t.asset(&money.unit)) } } }
}

/// A moment, in UTC.
pub(crate) fn when(seconds: u64) -> Markup {
    match moment(seconds) {
        Some(at) => {
            let (date, clock) = (day(&at), clock(&at));
            html! { time datetime={ (date) "T" (clock) "Z" } { span.date { (date) } " " (clock) } }
        }
        None => html! { code { (seconds) } },
    }
}

/// A moment today, as a clock shows it.
pub(crate) fn clock_of(seconds: u64) -> String {
    moment(seconds).map_or_else(|| seconds.to_string(), |at| clock(&at))
}

fn moment(seconds: u64) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(seconds).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn day(at: &OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

fn clock(at: &OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// A span of time, in the largest units that say enough.
pub(crate) fn span(t: &Texts, seconds: u64) -> String {
    let (d, h, m, s) = (
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    match (d, h, m) {
        (0, 0, 0) => format!("{s} {}", t.seconds),
        (0, 0, _) => format!("{m} {} {s} {}", t.minutes, t.seconds),
        (0, ..) => format!("{h} {} {m} {}", t.hours, t.minutes),
        _ => format!("{d} {} {h} {}", t.days, t.hours),
    }
}

/// Pairs of a name and what it is.
pub(crate) fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in rows {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A list that has nothing, and what to do to have something.
pub(crate) fn empty(said: &str, command: &str) -> Markup {
    html! {
        div.empty {
            p { (said) }
            @if !command.is_empty() { pre tabindex="0" { code { (command) } } }
        }
    }
}

/// A table that becomes a list of cards where the screen is narrow.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &[(String, Vec<Markup>)]) -> Markup {
    html! {
        table.cards {
            caption.hidden { (caption) }
            thead { tr { @for head in heads { th scope="col" { (head) } } } }
            tbody {
                @for (key, cells) in rows {
                    tr data-key=(key) {
                        @for (index, (cell, head)) in cells.iter().zip(heads).enumerate() {
                            td data-head=(head) data-k={ (key) "/" (index) } { (cell) }
                        }
                    }
                }
            }
        }
    }
}

/// The way to the other pages of a list.
pub(crate) fn pager(t: &Texts, pager: &Pager) -> Markup {
    if pager.newer.is_none() && pager.older.is_none() {
        return html! {};
    }
    html! {
        nav.pager aria-label=(t.pager) {
            @if let Some(newer) = &pager.newer { a rel="prev" href=(newer) { "← " (t.newer) } }
            @if let Some(older) = &pager.older { a rel="next" href=(older) { (t.older) " →" } }
        }
    }
}

/// A heading and what belongs to it.
pub(crate) fn card(id: &str, title: &str, content: &Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            h2 id=(id) { (title) }
            (content)
        }
    }
}

/// Part of an address, made safe.
pub fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    // A dot segment would be taken for a way up.
    if out.bytes().all(|byte| byte == b'.') {
        return out.replace('.', "%2E");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    #[test]
    fn moments_are_written_in_utc() {
        assert!(when(0).into_string().contains("1970-01-01T00:00:00Z"));
        assert!(
            when(951_827_696)
                .into_string()
                .contains("2000-02-29T12:34:56Z")
        );
        assert_eq!(
            when(u64::MAX).into_string(),
            format!("<code>{}</code>", u64::MAX)
        );
    }

    #[test]
    fn a_span_has_at_most_two_units() {
        let t = Lang::En.texts();

        assert_eq!(span(t, 59), "59 s");
        assert_eq!(span(t, 61), "1 min 1 s");
        assert_eq!(span(t, 3_660), "1 h 1 min");
        assert_eq!(span(t, 90_000), "1 d 1 h");
    }

    #[test]
    fn a_long_hash_is_cut_and_kept_whole_beside() {
        let hash = format!("0x{}", "ab".repeat(32));

        let shown = short(&hash).into_string();

        assert!(shown.contains(&format!("title=\"{hash}\"")));
        assert!(shown.contains("0xababab…ababab"));
        assert_eq!(short("0x12").into_string(), "<code>0x12</code>");
        assert!(short(&"\u{4e00}".repeat(40)).into_string().contains('…'));
    }

    #[test]
    fn what_goes_into_an_address_cannot_leave_its_segment() {
        assert_eq!(
            segment("a b/../c?d#e&\"'<"),
            "a%20b%2F..%2Fc%3Fd%23e%26%22%27%3C"
        );
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("7001-7002-0-3"), "7001-7002-0-3");
    }
}
