//! The form that begins a transfer.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    texts::Texts,
};

/// What can be chosen, and what was typed before something was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Names of chains.
    pub chains: Vec<String>,
    /// Names of accounts.
    pub accounts: Vec<String>,
    /// What was typed, by field.
    pub typed: Vec<(String, String)>,
    /// What was wrong.
    pub wrong: Option<String>,
}

impl Start {
    fn typed(&self, field: &str) -> &str {
        let found = self.typed.iter().find(|(name, _)| name == field);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Renders it.
pub fn page(frame: &Frame, view: &Start) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.new_transfer) }
        @if let Some(wrong) = &view.wrong { p.note.bad role="alert" lang="en" { (wrong) } }
        form.card.sheet method="post" action="/transfers" {
            input type="hidden" name="token" value=(frame.token);
            fieldset {
                legend { (t.kind_of) }
                @for (index, kind) in ["swap", "peg_in", "peg_out"].iter().enumerate() {
                    @let is_chosen = view.typed("kind") == *kind || (index == 0 && view.typed("kind").is_empty());
                    label.choice { input type="radio" name="kind" value=(kind) checked[is_chosen]; " " (t.kind(kind)) }
                }
            }
            fieldset {
                legend { (t.gives) }
                (choose("from_chain", t.chain, &view.chains, view, 0))
                (choose("from_account", t.account, &view.accounts, view, 0))
                (amount(t, "give", view))
                (asset(t, "give_asset", view))
            }
            fieldset {
                legend { (t.gets) }
                (choose("to_chain", t.chain, &view.chains, view, 1))
                (text("to_account", t.account, "alice", view))
            }
            fieldset {
                legend { (t.swap_only) }
                (text("counterparty", t.counterparty, "bob", view))
                (amount(t, "want", view))
                (asset(t, "want_asset", view))
            }
            button { (t.begin) }
        }
        p.unit { (t.start_told) }
    };
    frame.page(t.new_transfer, News::Still, &content)
}

fn choose(name: &str, label: &str, all: &[String], view: &Start, usual: usize) -> Markup {
    let typed = view.typed(name);
    html! {
        label { (label)
            select name=(name) required {
                @for (index, one) in all.iter().enumerate() {
                    option value=(one) selected[one == typed || (typed.is_empty() && index == usual)] { (one) }
                }
            }
        }
    }
}

fn text(name: &str, label: &str, hint: &str, view: &Start) -> Markup {
    html! {
        label { (label)
            input name=(name) maxlength="80" autocomplete="off" spellcheck="false" placeholder=(hint) value=(view.typed(name));
        }
    }
}

fn amount(t: &Texts, name: &str, view: &Start) -> Markup {
    html! {
        label { (t.amount)
            input name=(name) inputmode="decimal" maxlength="60" autocomplete="off" placeholder="2.5" value=(view.typed(name));
        }
    }
}

fn asset(t: &Texts, name: &str, view: &Start) -> Markup {
    let typed = view.typed(name);
    html! {
        label { (t.asset)
            select name=(name) {
                @for one in ["points", "native"] { option value=(one) selected[one == typed] { (t.asset(one)) } }
            }
        }
    }
}
