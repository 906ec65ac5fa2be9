//! All transfers.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Money, Pager, Tone, empty},
    texts::Texts,
};

/// A page of transfers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Newest first.
    pub rows: Vec<TransferLine>,
    /// What is asked for.
    pub filter: Filter,
    /// Names of chains.
    pub chains: Vec<String>,
    /// The way to the others.
    pub pager: Pager,
}

/// Which are shown; nothing stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A kind.
    pub kind: String,
    /// A role.
    pub role: String,
    /// A chain.
    pub chain: String,
}

/// A transfer in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferLine {
    /// Its id.
    pub id: String,
    /// `swap`, `peg_in`, `peg_out`, `settlement`.
    pub kind: String,
    /// Our part.
    pub role: String,
    /// Where it is, in a word.
    pub stage: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// Chain and account it leaves.
    pub from: String,
    /// Chain and account it goes to.
    pub to: String,
    /// What is given.
    pub give: Option<Money>,
    /// What is wanted.
    pub want: Option<Money>,
    /// What a person must look at.
    pub alarm: Option<String>,
    /// When it changed, unix seconds.
    pub updated: u64,
}

const KINDS: [&str; 4] = ["swap", "peg_in", "peg_out", "settlement"];
const ROLES: [&str; 5] = ["initiator", "counterparty", "watchtower", "user", "carrier"];

/// Renders it.
pub fn page(frame: &Frame, view: &Transfers) -> Markup {
    let t = frame.t();
    let content = html! {
        div.head {
            h1 { (t.transfers) }
            @if frame.who.may_act { a.button href="/transfers/new" { (t.new_transfer) } }
        }
        (filter(t, view))
        section.card aria-label=(t.transfers) {
            @if view.rows.is_empty() {
                (empty(t.no_transfers, "causeway transfer start --from public:alice --give 5:points \\\n  --to consortium:alice --want 5:points --counterparty bob"))
            } @else {
                (rows(t, &view.rows))
            }
            (parts::pager(t, &view.pager))
        }
    };
    frame.page(t.transfers, News::Live, &content)
}

fn filter(t: &Texts, view: &Transfers) -> Markup {
    let chains: Vec<&str> = view.chains.iter().map(String::as_str).collect();
    let choice = |id: &str,
                  label: &str,
                  all: &[&str],
                  chosen: &str,
                  word: &dyn Fn(&str) -> String| {
        html! {
            label for=(id) { (label)
                select id=(id) name=(id) {
                    option value="" { (t.any) }
                    @for one in all { option value=(one) selected[*one == chosen] { (word(one)) } }
                }
            }
        }
    };
    html! {
        form.filter method="get" action="/transfers" {
            (choice("kind", t.kind_of, &KINDS, &view.filter.kind, &|w| t.kind(w).to_owned()))
            (choice("role", t.role_of, &ROLES, &view.filter.role, &|w| t.role(w).to_owned()))
            (choice("chain", t.chain, &chains, &view.filter.chain, &str::to_owned))
            button { (t.apply) }
        }
    }
}

fn rows(t: &Texts, all: &[TransferLine]) -> Markup {
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            let link = format!("/transfers/{}", parts::segment(&one.id));
            let cells = vec![
                html! { a href=(link) { (t.kind(&one.kind)) " " (parts::short(&one.id)) } },
                html! { (t.role(&one.role)) },
                html! { (one.from) " → " (one.to) },
                html! {
                    @if let Some(give) = &one.give { (parts::money(t, give)) }
                    @if let Some(want) = &one.want { " ⇄ " (parts::money(t, want)) }
                },
                standing(t, &one.stage, one.outcome.as_deref(), one.alarm.as_deref()),
                parts::when(one.updated),
            ];
            (format!("{}-{}", one.id, one.role), cells)
        })
        .collect();
    let heads = [
        t.transfer, t.role_of, t.way, t.amount, t.standing, t.changed,
    ];
    parts::table(t.transfers, &heads, &rows)
}

/// Where it is, or how it ended.
pub(crate) fn standing(
    t: &Texts,
    stage: &str,
    outcome: Option<&str>,
    alarm: Option<&str>,
) -> Markup {
    let (tone, word) = match (alarm, outcome) {
        (Some(_), _) => (Tone::Bad, t.look),
        (None, Some(outcome @ ("refunded" | "abandoned" | "timed_out" | "failed" | "refused"))) => {
            (Tone::Warn, t.outcome(outcome))
        }
        (None, Some(outcome)) => (Tone::Good, t.outcome(outcome)),
        (None, None) => (Tone::Busy, t.stage(stage)),
    };
    parts::badge(tone, word)
}
