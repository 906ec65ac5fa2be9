//! What contracts call their tokens. Anybody may call a token anything: what is shown is short, one line, and never a name of ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock},
};

use alloy_primitives::Address;
use alloy_sol_types::SolValue as _;
use causeway_adapter_api::ChainId;

use crate::api::{App, ChainEntry};

/// Call data of ERC-20's `symbol()`.
const ASK: [u8; 4] = [0x95, 0xd8, 0x9b, 0x41];
/// Contracts asked for one page.
const ASKED: usize = 8;
/// Longest answer that is read, bytes.
const READ: usize = 4_096;
/// Longest symbol that is shown, characters.
const SHOWN: usize = 16;
/// Contracts whose answer is kept.
const KEPT: usize = 1_024;

/// Answers, also that there is none: what a contract calls its token hardly ever changes.
#[derive(Default)]
pub(super) struct Symbols(RwLock<BTreeMap<(ChainId, Address), Option<String>>>);

impl Symbols {
    fn known(&self, chain: ChainId, at: Address) -> Option<Option<String>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(chain, at)).cloned()
    }

    fn keep(&self, chain: ChainId, at: Address, said: Option<String>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert((chain, at), said);
    }
}

impl App {
    /// What contracts call their tokens; of too many the first.
    pub(super) async fn symbols(
        &self,
        entry: &ChainEntry,
        contracts: impl IntoIterator<Item = Address>,
    ) -> BTreeMap<Address, String> {
        let contracts: BTreeSet<Address> = contracts.into_iter().take(ASKED).collect();
        let asked = contracts.into_iter().map(|at| async move {
            let said = match self.page.symbols.known(entry.id(), at) {
                Some(said) => said,
                None => self.symbol(entry, at).await?,
            };
            Some((at, said?))
        });
        let all = futures::future::join_all(asked).await;
        all.into_iter().flatten().collect()
    }

    /// `None` while the chain does not answer.
    async fn symbol(&self, entry: &ChainEntry, at: Address) -> Option<Option<String>> {
        let limit = self.limits.per_chain();
        let tip = entry.tip(limit).await.ok()?;
        let call = entry.chain.call(at, ASK.into(), tip.height);
        // A contract that refuses has no symbol now; it is asked again for the next page.
        let answer = tokio::time::timeout(limit, call).await.ok()?.ok()?;
        let said = read(&answer);
        self.page.symbols.keep(entry.id(), at, said.clone());
        Some(said)
    }
}

/// Text, as ERC-20 says, or 32 bytes, as older tokens answer.
fn read(answer: &[u8]) -> Option<String> {
    if answer.len() > READ {
        return None;
    }
    let text = match <[u8; 32]>::try_from(answer) {
        Ok(word) => {
            let end = word.iter().position(|byte| *byte == 0).unwrap_or(32);
            String::from_utf8(word[..end].to_vec()).ok()?
        }
        Err(_) => String::abi_decode(answer).ok()?,
    };
    let plain = |c: &char| !c.is_control() && !turns(*c);
    let mut shown: String = text.chars().filter(plain).take(SHOWN + 1).collect();
    if shown.chars().count() > SHOWN {
        shown = shown.chars().take(SHOWN).chain(['…']).collect();
    }
    (!shown.trim().is_empty()).then_some(shown)
}

/// Characters without a shape that change how others are read.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        read(&text.to_owned().abi_encode())
    }

    #[test]
    fn a_symbol_is_text_or_a_padded_word() {
        let mut word = [0; 32];
        word[..3].copy_from_slice(b"MKR");

        assert_eq!(said("PTS").as_deref(), Some("PTS"));
        assert_eq!(said("人民币").as_deref(), Some("人民币"));
        assert_eq!(read(&word).as_deref(), Some("MKR"));
    }

    #[test]
    fn a_symbol_that_is_long_is_cut_and_one_that_is_huge_is_none() {
        assert_eq!(
            said(&"x".repeat(600)),
            Some(format!("{}…", "x".repeat(SHOWN)))
        );
        assert_eq!(said(&"x".repeat(READ)), None);
    }

    #[test]
    fn what_is_no_text_is_no_symbol() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0xff; 32]), None);
        assert_eq!(read(&[0xff; 96]), None);
        assert_eq!(said(""), None);
        assert_eq!(said("\u{202e}\n \u{200b}"), None);
        assert_eq!(said("a\u{202e}b\nc").as_deref(), Some("abc"));
    }
}
