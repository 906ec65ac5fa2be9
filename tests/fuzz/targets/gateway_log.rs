//! A log of a gateway as an RPC node gives it: topics first, 32 bytes each by the first byte's count, then the data.
#![no_main]

use alloy_primitives::{Address, B256, Bytes};
use causeway::relay::abi;
use causeway_adapter_api::{Height, RawLog, Timestamp, TxId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Some((count, rest)) = raw.split_first() else {
        return;
    };
    let topics = usize::from(*count % 5).min(rest.len() / 32);
    let (topics, data) = rest.split_at(topics * 32);
    let log = RawLog {
        address: Address::ZERO,
        topics: topics.chunks(32).map(B256::from_slice).collect(),
        data: Bytes::copy_from_slice(data),
        height: Height(1),
        block: B256::ZERO,
        time: Timestamp(1),
        tx: TxId(B256::ZERO),
        index: 0,
    };
    let _ = abi::read(&log);
    let _ = abi::MessageBody::read(data);
    let _ = abi::AckBody::read(data);
});
