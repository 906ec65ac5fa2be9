//! Who finalises the chains: validators by epoch. Who they are is what their operators say of them.

use maud::{Markup, html};

use super::{
    chains::{Validator, validators},
    sealed::{self, Sealed},
};
use crate::{
    frame::{Frame, News},
    parts::{self, Tone, card, empty},
};

/// The validators of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Name of the chain.
    pub chain: String,
    /// The epoch of its newest final block.
    pub epoch: u64,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// First block of the next epoch.
    pub next_at: u64,
    /// Who validates now.
    pub now: Vec<Validator>,
    /// Who validates next, when that is another set.
    pub next: Option<Vec<Validator>>,
}

/// Renders it; with what members sealed, where that is known.
pub fn page(frame: &Frame, chains: &[Members], contents: Option<&[Sealed]>) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.members) }
        p { (t.members_told) }
        @if chains.is_empty() { (empty(t.no_hosted, "causeway up")) }
        @for (index, one) in chains.iter().enumerate() {
            @let quorum = one.now.len() - one.now.len().saturating_sub(1) / 3;
            (card(&format!("chain-{index}"), &one.chain, &html! {
                (parts::facts(&[
                    (t.epoch, html! { span data-k={ (one.chain) "/epoch" } { (one.epoch) } }),
                    (t.epoch_length, html! { (one.epoch_length) " " (t.blocks_unit) }),
                    (t.next_epoch_at, html! { span data-k={ (one.chain) "/next" } { (one.next_at) } }),
                    (t.quorum, html! { (quorum) " / " (one.now.len()) }),
                ]))
                (validators(t, &one.now))
                @match &one.next {
                    Some(next) => {
                        h3 { (t.next_set) " " (parts::badge(Tone::Busy, t.changes)) }
                        (validators(t, next))
                    }
                    None => p.unit { (t.same_set) },
                }
            }))
        }
        @if let Some(contents) = contents { (sealed::section(t, contents)) }
    };
    frame.page(t.members, News::Live, &content)
}
