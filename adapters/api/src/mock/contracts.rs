//! Contracts of a mock chain as far as they can be read: the logs of its `HashTimeLock`, the balances of its tokens. It has
//! no state trie and nobody who votes, so it is not [provable](crate::Provable).

use alloy_primitives::{Address, Bytes, U256, keccak256};
use async_trait::async_trait;

use super::{MockChain, Op};
use crate::{Asset, ChainError, ContractReader, Event, EventKind, Height, HeightRange, RawLog};

#[async_trait]
impl ContractReader for MockChain {
    async fn logs(
        &self,
        contracts: &[Address],
        range: HeightRange,
    ) -> Result<Vec<RawLog>, ChainError> {
        let fault = self.enter(Op::Events, LOGS)?;
        let events = self.state().events(range)?;
        let contract = self.shared.info.hash_time_lock;
        let logs = events
            .iter()
            .filter(|_| contracts.contains(&contract))
            .map(|event| log(contract, event))
            .collect();
        self.leave(fault, LOGS, logs)
    }

    /// Knows `balanceOf(address)`; every other call is answered as an account without code answers it.
    async fn call(&self, to: Address, data: Bytes, at: Height) -> Result<Bytes, ChainError> {
        let fault = self.enter(Op::Balance, CALL)?;
        let state = self.state();
        let tip = state.finalized().height;
        if at > tip {
            return Err(ChainError::NotFinal { got: at, tip });
        }
        if at < tip {
            return Err(ChainError::StatePruned {
                got: at,
                oldest: tip,
            });
        }
        let answer = match data.split_at_checked(4) {
            Some((BALANCE_OF, argument)) if argument.len() == 32 => {
                let owner = Address::from_slice(&argument[12..]);
                let balance: U256 = state.final_ledger().balance(Asset::Token(to), owner);
                Bytes::from(balance.to_be_bytes_vec())
            }
            _ => Bytes::new(),
        };
        drop(state);
        self.leave(fault, CALL, answer)
    }
}

/// Not the contract's encoding: topics that tell events apart.
fn log(contract: Address, event: &Event) -> RawLog {
    let name = match event.kind {
        EventKind::Locked { .. } => "Locked",
        EventKind::Claimed { .. } => "Claimed",
        EventKind::PartClaimed { .. } => "PartClaimed",
        EventKind::Refunded { .. } => "Refunded",
    };
    RawLog {
        address: contract,
        topics: vec![keccak256(name), event.lock_id.0],
        data: Bytes::new(),
        height: event.height,
        block: event.block,
        time: event.time,
        tx: event.tx,
        index: event.index,
    }
}

const BALANCE_OF: &[u8] = &[0x70, 0xa0, 0x82, 0x31];
const LOGS: &str = "reading logs";
const CALL: &str = "calling a contract";
