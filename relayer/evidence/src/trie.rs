//! Inclusion in the tries of a block.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable};
use alloy_trie::{Nibbles, TrieAccount, nodes::TrieNode, proof::verify_proof};

use crate::{Broken, file::Slot};

/// The slot has this value in the state of `root`.
pub(crate) fn slot(root: B256, slot: &Slot) -> Result<(), Broken> {
    let key = Nibbles::unpack(keccak256(slot.address));
    let raw = value(root, key, &slot.account_nodes, "state")?;
    let account = TrieAccount::decode(&mut raw.as_slice()).map_err(|_| Broken::AccountMalformed)?;
    if alloy_rlp::encode(account) != raw {
        return Err(Broken::AccountMalformed);
    }
    let key = Nibbles::unpack(keccak256(slot.key));
    let value = (slot.value != U256::ZERO).then(|| alloy_rlp::encode(slot.value));
    path(
        account.storage_root,
        key,
        value,
        &slot.slot_nodes,
        "storage",
    )
}

/// What stands at `index` of the list with this root: transactions, receipts.
pub(crate) fn listed(
    root: B256,
    index: u64,
    nodes: &[Bytes],
    name: &'static str,
) -> Result<Vec<u8>, Broken> {
    let mut key = Vec::new();
    index.encode(&mut key);
    value(root, Nibbles::unpack(key), nodes, name)
}

/// What the last node holds, once the nodes lead there. Accounts, receipts and transactions are longer than a hash, so
/// their leaf is a node of its own.
fn value(root: B256, key: Nibbles, nodes: &[Bytes], name: &'static str) -> Result<Vec<u8>, Broken> {
    let last = nodes
        .last()
        .map(|node| TrieNode::decode(&mut node.as_ref()));
    let Some(Ok(TrieNode::Leaf(leaf))) = last else {
        return Err(Broken::Path { root: name });
    };
    path(root, key, Some(leaf.value.clone()), nodes, name)?;
    Ok(leaf.value)
}

fn path(
    root: B256,
    key: Nibbles,
    value: Option<Vec<u8>>,
    nodes: &[Bytes],
    name: &'static str,
) -> Result<(), Broken> {
    verify_proof(root, key, value, nodes).map_err(|_| Broken::Path { root: name })
}
