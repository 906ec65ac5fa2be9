//! Supply statements: whether every token of a peg is backed.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Money, Pager, Tone, card, empty},
    plot::{self, Line, Plot, Point},
    texts::Texts,
};

/// A statement about one peg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Name of the peg.
    pub peg: String,
    /// Number of the statement.
    pub seq: u64,
    /// When it was made, unix seconds.
    pub at: u64,
    /// Whether every token is backed.
    pub holds: bool,
    /// `holds`, `short`, `surplus_fell`, `broken`, `absurd`.
    pub finding: String,
    /// What is missing, where something is.
    pub missing: Option<Money>,
    /// The home chain.
    pub home: End,
    /// The other chain.
    pub side: End,
    /// The sums: what they are, how much. Left of the equals sign, then right.
    pub books: Option<Books>,
}

/// One end of a peg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Name of the chain.
    pub chain: String,
    /// Address of the port.
    pub port: String,
    /// Height of the statement there.
    pub height: u64,
    /// Whether it was stopped.
    pub is_paused: bool,
}

/// The sums of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// What the vault has.
    pub held: Money,
    /// Minted, its home lock still open.
    pub carried_in: Money,
    /// Released, its side lock still open.
    pub carried_out: Money,
    /// What the token's contract counts.
    pub supply: Money,
    /// Collected at home, not yet minted.
    pub owed_in: Money,
    /// Destroyed on the side, not yet released.
    pub owed_out: Money,
    /// What was given away.
    pub surplus: Money,
}

/// One peg and its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peg {
    /// Its name.
    pub name: String,
    /// Statements, newest first.
    pub statements: Vec<Statement>,
    /// Held and minted over the newest statements, oldest first, in whole units.
    pub history: Vec<Sum>,
    /// Unit of the history.
    pub unit: String,
    /// The way to older ones.
    pub pager: Pager,
}

/// What a statement counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// When, unix seconds.
    pub at: u64,
    /// Held at home.
    pub held: f64,
    /// Minted on the other chain.
    pub minted: f64,
}

/// All pegs.
pub fn list(frame: &Frame, newest: &[Statement]) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.supply) }
        p { (t.supply_told) }
        @if newest.is_empty() { (empty(t.no_pegs, "[pegs.gold]   # causeway config example full")) }
        @for (index, statement) in newest.iter().enumerate() {
            (card(&format!("peg-{index}"), &statement.peg, &html! {
                (one(t, statement))
                p { a href={ "/supply/" (parts::segment(&statement.peg)) } { (t.all_statements) } }
            }))
        }
    };
    frame.page(t.supply, News::Live, &content)
}

/// One peg.
pub fn page(frame: &Frame, peg: &Peg) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = peg
        .statements
        .iter()
        .map(|one| {
            let money = |of: fn(&Books) -> &Money| html! { @if let Some(books) = &one.books { (parts::money(t, of(books))) } @else { "–" } };
            let cells = vec![
                html! { (one.seq) },
                parts::when(one.at),
                verdict(t, one),
                money(|books| &books.held),
                money(|books| &books.supply),
                html! { (one.home.height) " / " (one.side.height) },
            ];
            (one.seq.to_string(), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.supply) " " (peg.name) }
        @if let Some(newest) = peg.statements.first() { (card("newest", t.newest_statement, &one(t, newest))) }
        div #plot data-swap { (plot::plot(t, &drawn(t, peg))) }
        (card("statements", t.all_statements, &html! {
            (parts::table(t.all_statements, &[t.number, t.stated_at, t.finding, t.held, t.minted, t.heights], &rows))
            (parts::pager(t, &peg.pager))
        }))
    };
    frame.page(&peg.name, News::Live, &content)
}

fn drawn(t: &Texts, peg: &Peg) -> Plot {
    let unit = t.asset(&peg.unit);
    let line = |name: &str, value: fn(&Sum) -> f64| Line {
        name: name.into(),
        points: peg
            .history
            .iter()
            .map(|sum| Point {
                x: sum.at as f64,
                y: value(sum),
                told: format!(
                    "{}: {} {}, {} {} {unit}",
                    parts::clock_of(sum.at),
                    t.held,
                    plot::number(sum.held),
                    t.minted,
                    plot::number(sum.minted)
                ),
            })
            .collect(),
    };
    let end = |sum: Option<&Sum>| sum.map_or_else(String::new, |sum| parts::clock_of(sum.at));
    Plot {
        title: t.supply.into(),
        unit: unit.into(),
        lines: vec![
            line(t.held, |sum| sum.held),
            line(t.minted, |sum| sum.minted),
        ],
        band: None,
        ends: (end(peg.history.first()), end(peg.history.last())),
        from_zero: true,
    }
}

fn verdict(t: &Texts, one: &Statement) -> Markup {
    let tone = if one.holds { Tone::Good } else { Tone::Bad };
    parts::badge(tone, t.finding(&one.finding))
}

fn one(t: &Texts, one: &Statement) -> Markup {
    let key = |what: &str| format!("{}/{what}", one.peg);
    html! {
        p.stand data-k=(key("verdict")) { (verdict(t, one)) " " (parts::when(one.at)) }
        @if let Some(missing) = &one.missing { p.note.bad { (t.missing_value) " " (parts::money(t, missing)) } }
        @if let Some(books) = &one.books { div data-swap id={ "books-" (parts::segment(&one.peg)) } { (sums(t, books)) } }
        div.two { (end(t, t.home, &one.home, &key("home"))) (end(t, t.side, &one.side, &key("side"))) }
    }
}

/// The equation itself: what is there on the left, what is promised for it on the right.
fn sums(t: &Texts, books: &Books) -> Markup {
    let side = |rows: &[(&str, &Money)]| {
        html! {
            dl.facts {
                @for (name, value) in rows { div { dt { (name) } dd { (parts::money(t, value)) } } }
            }
        }
    };
    html! {
        div.equation {
            (side(&[(t.held, &books.held), (t.carried_in, &books.carried_in), (t.carried_out, &books.carried_out)]))
            span.equals { "=" }
            (side(&[
                (t.minted, &books.supply),
                (t.owed_in, &books.owed_in),
                (t.owed_out, &books.owed_out),
                (t.surplus, &books.surplus),
            ]))
        }
    }
}

fn end(t: &Texts, title: &str, end: &End, key: &str) -> Markup {
    html! {
        div {
            h3 { (title) ": " (end.chain) }
            (parts::facts(&[
                (t.port, parts::whole(&end.port)),
                (t.height, html! { span data-k=(key) { (end.height) } }),
                (t.standing, if end.is_paused { parts::badge(Tone::Warn, t.paused) } else { parts::badge(Tone::Good, t.open) }),
            ]))
        }
    }
}
