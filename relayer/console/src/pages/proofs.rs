//! Circuits whose statements the chains accept.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Tone, card, empty},
};

/// What one chain has for proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// Name of the chain.
    pub chain: String,
    /// Circuits with a verifier.
    pub circuits: Vec<Circuit>,
    /// Its contracts: name, address.
    pub contracts: Vec<(String, String)>,
}

/// A circuit a chain has a verifier for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Its name.
    pub name: String,
    /// The verifier contract.
    pub verifier: String,
    /// Hash of the verifying key.
    pub key: String,
    /// Whether everybody knows the key's secret.
    pub is_development: bool,
}

/// Renders it.
pub fn page(frame: &Frame, chains: &[Proofs]) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.proofs) }
        p { (t.proofs_told) }
        @if chains.is_empty() { (empty(t.no_proofs, "causeway proof circuits public")) }
        @for (index, chain) in chains.iter().enumerate() {
            @let rows: Vec<_> = chain.circuits.iter().map(|one| {
                let kind = if one.is_development { parts::badge(Tone::Warn, t.development_key) } else { parts::badge(Tone::Good, t.ceremony_key) };
                (one.name.clone(), vec![html! { b { (one.name) } }, kind, parts::short(&one.key), parts::short(&one.verifier)])
            }).collect();
            (card(&format!("chain-{index}"), &chain.chain, &html! {
                @if rows.is_empty() { (empty(t.no_circuits, "")) }
                @else { (parts::table(t.circuits, &[t.circuit, t.key, t.key_hash, t.verifier], &rows)) }
                h3 { (t.contracts) }
                dl.facts { @for (name, at) in &chain.contracts { div { dt { (name) } dd { (parts::whole(at)) } } } }
            }))
        }
    };
    frame.page(t.proofs, News::Still, &content)
}
