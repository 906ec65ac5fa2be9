//! The words in which nodes refuse, sorted by what they mean. Pure.
//!
//! JSON-RPC codes say little (geth answers -32000 to nearly everything), so the words decide. Collected from geth, reth,
//! anvil, Nethermind, Besu, ethereumjs and Causeway's own chains; a test has them all.

use alloy_primitives::{Bytes, hex};

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The code that was called says no.
    Reverted,
    /// The nonce is used.
    NonceTooLow,
    /// The node has this very transaction, or took it although it complains.
    AlreadyKnown,
    /// The fee is too low, to replace or at all.
    Underpriced,
    /// The sender cannot pay.
    InsufficientFunds,
    /// Too much at once; later it may work.
    Busy,
    /// None of these.
    Other,
}

/// Sorts a JSON-RPC error.
pub(crate) fn kind(code: i64, message: &str) -> Kind {
    let words = message.to_ascii_lowercase();
    let found = WORDS
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| words.contains(phrase)));
    match found {
        Some((kind, _)) => *kind,
        None if code == 3 => Kind::Reverted,
        None if code == -32_005 || code == 429 => Kind::Busy,
        None => Kind::Other,
    }
}

/// Revert data in any of the places nodes put it: a hex string, one behind a word, or nested in an object.
pub(crate) fn revert_data(data: &serde_json::Value) -> Option<Bytes> {
    match data {
        serde_json::Value::String(text) => {
            let start = text.find("0x")?;
            hex::decode(text.get(start..)?.trim()).ok().map(Bytes::from)
        }
        serde_json::Value::Object(fields) => ["data", "originalError", "result", "output"]
            .iter()
            .find_map(|name| fields.get(*name).and_then(revert_data)),
        _ => None,
    }
}

/// In order: the first phrase found decides, so the narrow ones stand before the wide ones.
const WORDS: [(Kind, &[&str]); 6] = [
    (
        Kind::AlreadyKnown,
        &[
            "already known",
            "known transaction",
            "already imported",
            "already in the txpool",
            "already exists",
            "alreadyknown",
            // ethereumjs has put it in its pool by then, and mines it.
            "no peer connection available",
        ],
    ),
    (
        Kind::NonceTooLow,
        &[
            "nonce too low",
            "nonce is too low",
            "oldnonce",
            "nonce_too_low",
            "invalid nonce; got",
        ],
    ),
    (
        Kind::Underpriced,
        &[
            "underpriced",
            "replacement gas too low",
            "replacementnotallowed",
            "fee too low",
            "feetoolow",
            "gas price too low",
            "gas price below",
            "max fee per gas less than block base fee",
            "cannot pay basefee",
            "does not pay the minimum gas price",
        ],
    ),
    (
        Kind::InsufficientFunds,
        &[
            "insufficient funds",
            "insufficient balance",
            "insufficientfunds",
            "upfront cost exceeds account balance",
            "doesn't have enough funds",
            "out of fund",
        ],
    ),
    (
        Kind::Reverted,
        &[
            "revert",
            "invalid opcode",
            "invalid jump",
            "out of gas",
            "gas required exceeds",
        ],
    ),
    (
        Kind::Busy,
        &[
            "pool is full",
            "rate limit",
            "limit exceeded",
            "too many requests",
            "exceeds the maximum",
            "max amount of txs",
            "quota",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_known_nodes_are_understood() {
        for (code, message, expected) in [
            // geth, and those that copied its words: reth, anvil, Causeway's own chains
            (
                -32_000,
                "nonce too low: next nonce 5, tx nonce 4",
                Kind::NonceTooLow,
            ),
            (-32_003, "nonce too low", Kind::NonceTooLow),
            (-32_000, "already known", Kind::AlreadyKnown),
            (-32_003, "transaction already imported", Kind::AlreadyKnown),
            (
                -32_000,
                "replacement transaction underpriced",
                Kind::Underpriced,
            ),
            (
                -32_000,
                "transaction underpriced: tip needed 1, tip permitted 0",
                Kind::Underpriced,
            ),
            (
                -32_000,
                "max fee per gas less than block base fee: address 0x1",
                Kind::Underpriced,
            ),
            (
                -32_000,
                "insufficient funds for gas * price + value: balance 0",
                Kind::InsufficientFunds,
            ),
            (
                -32_003,
                "Insufficient funds for gas * price + value",
                Kind::InsufficientFunds,
            ),
            (
                3,
                "execution reverted: custom error 0xdeadbeef",
                Kind::Reverted,
            ),
            (-32_000, "execution reverted", Kind::Reverted),
            (-32_000, "txpool is full", Kind::Busy),
            (-32_005, "limit exceeded", Kind::Busy),
            (-32_005, "whatever it says", Kind::Busy),
            // Nethermind, Besu
            (
                -32_010,
                "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
                Kind::NonceTooLow,
            ),
            (-32_010, "ReplacementNotAllowed", Kind::Underpriced),
            (-32_000, "Known transaction", Kind::AlreadyKnown),
            (
                -32_004,
                "Upfront cost exceeds account balance",
                Kind::InsufficientFunds,
            ),
            // ethereumjs
            (
                -32_602,
                "0x1: this transaction is already in the TxPool",
                Kind::AlreadyKnown,
            ),
            (-32_603, "no peer connection available", Kind::AlreadyKnown),
            (
                -32_602,
                "0x1 tries to send a tx with nonce 4, but account has nonce 5 (tx nonce too low)",
                Kind::NonceTooLow,
            ),
            (
                -32_602,
                "replacement gas too low, got tip 1, min: 2, got fee 1, min: 2",
                Kind::Underpriced,
            ),
            (
                -32_602,
                "0x1 does not have enough balance, need 2, but have 1 (insufficient balance)",
                Kind::InsufficientFunds,
            ),
            (3, "revert", Kind::Reverted),
            // nobody
            (-32_601, "the method does not exist", Kind::Other),
        ] {
            assert_eq!(kind(code, message), expected, "{message}");
        }
    }

    #[test]
    fn revert_data_is_found_wherever_it_is_put() {
        let expected = Some(Bytes::from_static(&[0xde, 0xad]));
        for data in [
            json!("0xdead"),
            json!("Reverted 0xdead"),
            json!({ "data": "0xdead" }),
            json!({ "originalError": { "data": "0xdead" } }),
        ] {
            assert_eq!(revert_data(&data), expected, "{data}");
        }
        for data in [
            json!(null),
            json!("0xnonsense"),
            json!("none"),
            json!(["0xdead"]),
            json!({ "other": 1 }),
        ] {
            assert_eq!(revert_data(&data), None, "{data}");
        }
    }
}
