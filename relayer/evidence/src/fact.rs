//! What a final block shows.

use alloy_consensus::{Header, ReceiptEnvelope, TxEnvelope, transaction::SignerRecoverable as _};
use alloy_eips::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::Log;

use crate::{Broken, file::Fact, trie, verify::Proven};

/// Checks that the block shows the fact, and returns what it says.
pub(crate) fn check(fact: &Fact, block: &Header) -> Result<Proven, Broken> {
    match fact {
        Fact::Event {
            log,
            nodes,
            transaction,
        } => {
            let receipt = trie::listed(block.receipts_root, *transaction, nodes, "receipts")?;
            let log = log_of(&receipt, *log)?;
            let topics = log.data.topics().to_vec();
            Ok(Proven::Event {
                address: log.address,
                topics,
                data: log.data.data,
                transaction: *transaction,
            })
        }
        Fact::Transaction { nodes, transaction } => {
            let raw = trie::listed(block.transactions_root, *transaction, nodes, "transactions")?;
            let tx =
                TxEnvelope::decode_2718_exact(&raw).map_err(|_| Broken::TransactionMalformed)?;
            let from = tx
                .recover_signer()
                .map_err(|_| Broken::TransactionMalformed)?;
            Ok(Proven::Transaction {
                hash: *tx.tx_hash(),
                from,
                transaction: *transaction,
            })
        }
        Fact::Slot(slot) => {
            trie::slot(block.state_root, slot)?;
            Ok(Proven::Slot {
                address: slot.address,
                key: slot.key,
                value: slot.value,
            })
        }
    }
}

fn log_of(receipt: &[u8], index: u64) -> Result<Log, Broken> {
    let envelope =
        ReceiptEnvelope::<Log>::decode_2718_exact(receipt).map_err(|_| Broken::ReceiptMalformed)?;
    if envelope.encoded_2718() != receipt {
        return Err(Broken::ReceiptMalformed);
    }
    let logs = envelope.logs();
    let found = usize::try_from(index)
        .ok()
        .and_then(|index| logs.get(index));
    found.cloned().ok_or(Broken::LogMissing {
        got: index,
        logs: logs.len(),
    })
}
