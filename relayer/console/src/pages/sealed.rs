//! Sealed content: who may open it, and every opening that members voted. What it says is nowhere here.

use maud::{Markup, html};

use crate::{
    parts::{self, Tone, card, empty},
    texts::Texts,
};

/// A sealed content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Its id.
    pub id: String,
    /// SHA-256 of the sealed file.
    pub digest: String,
    /// Who opens it alone: names, or addresses.
    pub parties: Vec<String>,
    /// When it was sealed, unix seconds.
    pub at: u64,
    /// Shares that open it, and how many there are.
    pub shares: (usize, usize),
    /// Openings.
    pub openings: Vec<Opening>,
}

/// An opening by vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Its number.
    pub number: u64,
    /// To whom.
    pub to: String,
    /// Why, where that is known.
    pub why: Option<String>,
    /// When, unix seconds.
    pub at: u64,
    /// Whose shares are there.
    pub released: Vec<String>,
}

/// The section about the newest contents.
pub(super) fn section(t: &Texts, contents: &[Sealed]) -> Markup {
    let rows: Vec<_> = contents.iter().map(|one| of_content(t, one)).collect();
    let openings = contents.iter().flat_map(|content| {
        let of = content.openings.iter();
        of.map(move |opening| of_opening(content, opening))
    });
    let openings: Vec<_> = openings.collect();
    card(
        "sealed",
        t.sealed,
        &html! {
            p { (t.sealed_told) }
            @if rows.is_empty() { (empty(t.no_sealed, "causeway seal put FILE --by NAME")) }
            @else { (parts::table(t.sealed, &[t.id, t.time, t.parties, t.sealed_file, t.standing], &rows)) }
            h3 { (t.openings) }
            @if openings.is_empty() { p.unit { (t.no_openings) } }
            @else { (parts::table(t.openings, &[t.id, t.opened_to, t.why, t.time, t.shares], &openings)) }
        },
    )
}

fn of_content(t: &Texts, one: &Sealed) -> (String, Vec<Markup>) {
    let standing = if one.openings.is_empty() {
        parts::badge(Tone::Good, t.never_opened)
    } else {
        parts::badge(Tone::Warn, t.opened)
    };
    let (needed, of) = one.shares;
    let cells = vec![
        parts::short(&one.id),
        parts::when(one.at),
        html! { @for party in &one.parties { div { (parts::short(party)) } } },
        parts::short(&one.digest),
        html! { (standing) " " span.unit { (needed) " / " (of) } },
    ];
    (one.id.clone(), cells)
}

fn of_opening(content: &Sealed, opening: &Opening) -> (String, Vec<Markup>) {
    let cells = vec![
        parts::short(&content.id),
        html! { (opening.to) },
        html! { (opening.why.as_deref().unwrap_or("–")) },
        parts::when(opening.at),
        html! { (opening.released.join(", ")) " (" (opening.released.len()) " / " (content.shares.0) ")" },
    ];
    (format!("opening-{}", opening.number), cells)
}
