//! The first page: both chains, what is crossing, whether the books hold, what needs a person.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    pages::chains::{ChainCard, chain_card},
    parts::{self, Money, Tone, card, empty},
    texts::Texts,
};

/// Crossings that are drawn; further ones are counted.
pub const MAX_DRAWN: usize = 6;
/// Steps that are listed.
pub const MAX_STEPS: usize = 8;

/// What the first page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The chains, the public one first.
    pub chains: Vec<ChainCard>,
    /// What is between them now, newest first.
    pub crossing: Vec<Crossing>,
    /// How many of them there are, drawn or not.
    pub crossing_count: usize,
    /// The newest statement of each peg.
    pub pegs: Vec<PegLine>,
    /// What needs a person.
    pub attention: Vec<Attention>,
    /// The newest steps, newest first.
    pub steps: Vec<Step>,
}

/// Something between two chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// Address of its page.
    pub link: String,
    /// `swap`, `peg_in`, `peg_out`, `settlement`, `message`, `call`.
    pub kind: String,
    /// Chain it leaves.
    pub from: String,
    /// Chain it goes to.
    pub to: String,
    /// Whether it is drawn from left to right.
    pub is_outward: bool,
    /// How much of what, if it is value.
    pub money: Option<Money>,
    /// Where it is, in a word.
    pub stage: String,
    /// How far it is, 0 to 4.
    pub progress: u8,
}

/// A peg in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PegLine {
    /// Its name.
    pub name: String,
    /// Whether every token is backed.
    pub holds: bool,
    /// What is held at home.
    pub held: Option<Money>,
    /// What there is on the other chain.
    pub supply: Option<Money>,
    /// When it was stated.
    pub at: u64,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// How much.
    pub tone: Tone,
    /// What: `chain_stalled`, `transfer_alarm`, `supply_alarm`, `port_paused`, `driver_stopped`, `client_frozen`,
    /// `message_failed`.
    pub what: &'static str,
    /// Which.
    pub about: String,
    /// Where to look.
    pub link: String,
}

/// A step of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// When, unix seconds.
    pub at: u64,
    /// Address of what it is of.
    pub link: String,
    /// Its kind.
    pub kind: String,
    /// What happened, in a word.
    pub event: String,
    /// Where it led, in a word.
    pub stage: String,
    /// Chain that said so.
    pub chain: Option<String>,
}

/// Renders it.
pub fn page(frame: &Frame, view: &Overview) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.overview) }
        (attention(t, &view.attention))
        section.chains aria-label=(t.chains) {
            @for chain in &view.chains { (chain_card(t, chain)) }
        }
        (card("crossing", t.crossing_now, &crossings(t, view)))
        div.two {
            (card("supply", t.supply, &pegs(t, &view.pegs)))
            (card("steps", t.newest_steps, &steps(t, &view.steps)))
        }
    };
    frame.page(t.overview, News::Live, &content)
}

fn attention(t: &Texts, all: &[Attention]) -> Markup {
    html! {
        div #attention.attention data-swap {
            @if all.is_empty() {
                p.calm { (parts::badge(Tone::Good, t.calm)) " " (t.nothing_to_do) }
            } @else {
                ul {
                    @for one in all {
                        li { (parts::badge(one.tone, t.look)) " " a href=(one.link) { (t.attention(one.what)) " " bdi { (one.about) } } }
                    }
                }
            }
        }
    }
}

/// The picture: one row each, a point that wanders from one bank to the other.
fn crossings(t: &Texts, view: &Overview) -> Markup {
    let ends = match view.chains.as_slice() {
        [a, b, ..] => Some((&a.name, &b.name)),
        _ => None,
    };
    html! {
        div #map.map data-swap {
            @if let Some((left, right)) = ends {
                p.banks aria-hidden="true" { b { (left) } b { (right) } }
            }
            @if view.crossing.is_empty() {
                (empty(t.nothing_crosses, "causeway transfer start --from public:alice --give 5:points \\\n  --to consortium:alice --want 5:points --counterparty bob"))
            }
            ul {
                @for one in view.crossing.iter().take(MAX_DRAWN) { (crossing(t, one)) }
            }
            p.unit {
                a href="/transfers" { (t.all_transfers) }
                @if view.crossing_count > MAX_DRAWN {
                    " · " (t.and_more.replace("{}", &(view.crossing_count - MAX_DRAWN).to_string()))
                }
            }
        }
    }
}

fn crossing(t: &Texts, one: &Crossing) -> Markup {
    let way = if one.is_outward { "out" } else { "back" };
    html! {
        li {
            a.flow.(way) href=(one.link) {
                span.what {
                    b { (t.kind(&one.kind)) } " "
                    @if let Some(money) = &one.money { (parts::money(t, money)) }
                }
                span.way.(format!("p{}", one.progress.min(4))) aria-hidden="true" { span.dot {} }
                span.where {
                    span.hidden { (one.from) " → " (one.to) ": " }
                    (t.stage(&one.stage))
                }
            }
        }
    }
}

fn pegs(t: &Texts, pegs: &[PegLine]) -> Markup {
    if pegs.is_empty() {
        return empty(t.no_pegs, "[pegs.gold]   # causeway config example full");
    }
    html! {
        div data-swap #pegs {
            @for peg in pegs {
                (parts::facts(&[
                    (peg.name.as_str(), html! {
                        a href={ "/supply/" (parts::segment(&peg.name)) } { (t.statement) } " "
                        @if peg.holds { (parts::badge(Tone::Good, t.holds)) } @else { (parts::badge(Tone::Bad, t.does_not_hold)) }
                    }),
                    (t.held, html! { @if let Some(m) = &peg.held { (parts::money(t, m)) } @else { "–" } }),
                    (t.minted, html! { @if let Some(m) = &peg.supply { (parts::money(t, m)) } @else { "–" } }),
                    (t.stated_at, parts::when(peg.at)),
                ]))
            }
        }
    }
}

fn steps(t: &Texts, steps: &[Step]) -> Markup {
    html! {
        ol #newest.steps data-swap {
            @for step in steps.iter().take(MAX_STEPS) {
                li {
                    span.unit { (parts::clock_of(step.at)) } " "
                    a href=(step.link) { (t.kind(&step.kind)) } " "
                    (t.event(&step.event)) " → " (t.stage(&step.stage))
                    @if let Some(chain) = &step.chain { " " span.unit { (chain) } }
                }
            }
            @if steps.is_empty() { li.unit { (t.no_steps) } }
        }
    }
}
