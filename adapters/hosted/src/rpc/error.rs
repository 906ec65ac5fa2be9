//! What a caller is told when a request cannot be served: codes and words that Ethereum clients look for.

use alloy_primitives::{Address, B256, Bytes, hex};
use alloy_sol_types::{Panic, PanicKind, Revert, SolError};
use jsonrpsee::types::ErrorObjectOwned;
use revm::context::result::{HaltReason, InvalidTransaction, OutOfGasError};

use crate::{pool::PoolError, store::StoreError, tls::Role};

/// Code of every error of the chain's rules (EIP-1474 "invalid input", what go-ethereum uses).
const SERVER: i32 = -32000;
/// Invalid parameters (JSON-RPC 2.0).
const INVALID_PARAMS: i32 = -32602;
/// No such method (JSON-RPC 2.0).
const METHOD_NOT_FOUND: i32 = -32601;
/// The node itself failed (JSON-RPC 2.0).
const INTERNAL: i32 = -32603;
/// The caller may not do this (EIP-1474 "transaction rejected").
const REJECTED: i32 = -32003;
/// A stated bound is exceeded (EIP-1474).
const LIMIT: i32 = -32005;
/// The call reverted (go-ethereum).
const REVERTED: i32 = 3;
/// The history asked for is gone (EIP-4444).
const PRUNED: i32 = 4444;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RpcError {
    #[error("parameters must be a JSON array: {0}")]
    NotAnArray(#[source] serde_json::Error),
    #[error("missing value for required argument {index}: {name}")]
    MissingArgument { index: usize, name: &'static str },
    #[error("invalid argument {index}: {name}: {source}")]
    InvalidArgument {
        index: usize,
        name: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("invalid argument {index}: {name}: {problem}")]
    BadArgument {
        index: usize,
        name: &'static str,
        problem: &'static str,
    },
    #[error("too many arguments: got {got}, want at most {max}")]
    TooManyArguments { got: usize, max: usize },
    #[error("the method {0} does not exist/is not available")]
    UnknownMethod(String),
    #[error("this node holds no keys: sign with your wallet and send with eth_sendRawTransaction")]
    NoKeys,
    #[error("notifications not supported over HTTP: connect by WebSocket to subscribe")]
    NoSubscriptions,
    #[error("no \"{0}\" subscription: there are newHeads, logs, newPendingTransactions, syncing")]
    UnknownSubscription(String),
    #[error("header not found: block {asked} is not final yet, the newest is {newest}")]
    HeaderNotFound { asked: u64, newest: u64 },
    #[error("unknown block {0}")]
    UnknownBlock(B256),
    #[error(
        "pruned history unavailable: the state of block {asked} is gone, states are kept of blocks {oldest} to {newest}"
    )]
    StatePruned {
        asked: u64,
        oldest: u64,
        newest: u64,
    },
    #[error("block range too large: {got} blocks, at most {max} {condition}")]
    BlockRange {
        got: u64,
        max: u64,
        condition: &'static str,
    },
    #[error(
        "query returned more than {max} results: ask for fewer blocks or add addresses and topics"
    )]
    TooManyLogs { max: usize },
    #[error(
        "query returned more than {max} bytes: ask for fewer blocks or add addresses and topics"
    )]
    TooManyBytes { max: u32 },
    #[error(
        "{waiting} transactions wait, more than fit {max} bytes: ask txpool_status, or for one by its hash"
    )]
    PoolTooLarge { waiting: usize, max: u32 },
    #[error("invalid block range: from {from} to {to}")]
    InvertedRange { from: u64, to: u64 },
    #[error("query timeout exceeded: not done in {seconds} s, ask for less")]
    Timeout { seconds: u64 },
    #[error("the node is busy: {running} calls are running, try again")]
    Busy { running: usize },
    #[error("filter not found: it never was, or nobody asked for it in {seconds} s")]
    FilterNotFound { seconds: u64 },
    #[error("too many filters: {max} are open, uninstall some or wait until they expire")]
    TooManyFilters { max: usize },
    #[error("role {role} may not send transactions: {name} may read everything and send nothing")]
    RoleMayNotSend { role: Role, name: String },
    #[error("the certificate of {0} was revoked, or its organisation removed, by the members")]
    Barred(String),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error("{}", revert_message(.0))]
    Reverted(Bytes),
    #[error("{}", halt_message(.0))]
    Halted(HaltReason),
    #[error("{}", invalid_message(.0))]
    Invalid(InvalidTransaction),
    #[error("gas required exceeds allowance ({0})")]
    GasAllowance(u64),
    #[error("insufficient funds for transfer: address {sender}")]
    Funds { sender: Address },
    #[error("invalid chain id: have {got} want {expected}")]
    ChainId { got: u64, expected: u64 },
    #[error("both \"data\" and \"input\" are set and not equal")]
    TwoInputs,
    #[error("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")]
    TwoPrices,
    #[error("state override of {0}: both state and stateDiff are set")]
    TwoStates(Address),
    #[error("override not supported: {0}")]
    Override(&'static str),
    #[error("transaction type not supported: {0}")]
    Unsupported(&'static str),
    #[error("epoch {0} has no validator set yet")]
    UnknownEpoch(u64),
    #[error("no snapshot here has a piece {0}: ask causeway_getSnapshot for the newest")]
    UnknownPiece(B256),
    #[error(transparent)]
    HistoryPruned(StoreError),
    #[error("the node cannot read its store: {0}")]
    Store(#[source] StoreError),
    #[error("internal error: the answer cannot be encoded")]
    Encoding(#[source] serde_json::Error),
    #[error("internal error: the call was dropped")]
    Dropped,
}

impl RpcError {
    const fn code(&self) -> i32 {
        match self {
            Self::NotAnArray(_)
            | Self::MissingArgument { .. }
            | Self::InvalidArgument { .. }
            | Self::BadArgument { .. }
            | Self::TooManyArguments { .. }
            | Self::InvertedRange { .. }
            | Self::TwoInputs
            | Self::TwoPrices
            | Self::TwoStates(_)
            | Self::Override(_)
            | Self::UnknownSubscription(_) => INVALID_PARAMS,
            Self::UnknownMethod(_) | Self::NoKeys | Self::NoSubscriptions => METHOD_NOT_FOUND,
            Self::RoleMayNotSend { .. } | Self::Barred(_) => REJECTED,
            Self::BlockRange { .. }
            | Self::TooManyLogs { .. }
            | Self::TooManyBytes { .. }
            | Self::PoolTooLarge { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::TooManyFilters { .. } => LIMIT,
            Self::StatePruned { .. } | Self::HistoryPruned(_) => PRUNED,
            Self::Reverted(_) => REVERTED,
            Self::Store(_) | Self::Encoding(_) | Self::Dropped => INTERNAL,
            _ => SERVER,
        }
    }
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Pruned { .. } => Self::HistoryPruned(error),
            error => Self::Store(error),
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        if error.code() == INTERNAL {
            tracing::error!(%error, "a request failed inside the node");
        }
        let data = match &error {
            RpcError::Reverted(output) => Some(hex::encode_prefixed(output)),
            _ => None,
        };
        Self::owned(error.code(), error.to_string(), data)
    }
}

/// go-ethereum's words: the reason of `Error(string)` or the meaning of `Panic(uint256)` behind the prefix.
fn revert_message(output: &Bytes) -> String {
    if let Ok(revert) = Revert::abi_decode(output) {
        return format!("execution reverted: {}", revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(output) {
        let kind = panic.kind().unwrap_or(PanicKind::Generic);
        return format!(
            "execution reverted: panic code {:#04x} ({})",
            panic.code,
            kind.as_str()
        );
    }
    "execution reverted".into()
}

fn halt_message(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(OutOfGasError::Precompile) => "out of gas in a precompile".into(),
        HaltReason::OutOfGas(_) => "out of gas".into(),
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode | HaltReason::NotActivated => {
            "invalid opcode".into()
        }
        HaltReason::InvalidJump => "invalid jump destination".into(),
        HaltReason::CreateContractSizeLimit => "max code size exceeded".into(),
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
        HaltReason::CreateCollision => "contract address collision".into(),
        HaltReason::CallTooDeep => "max call depth exceeded".into(),
        other => format!("execution stopped: {other:?}"),
    }
}

fn invalid_message(reason: &InvalidTransaction) -> String {
    match reason {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => {
            format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}")
        }
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => {
            format!("insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => {
            "max fee per gas less than block base fee".into()
        }
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".into()
        }
        InvalidTransaction::NonceTooLow { tx, state } => {
            format!("nonce too low: next nonce {state}, tx nonce {tx}")
        }
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    #[test]
    fn a_reason_string_is_shown_and_its_data_is_kept() {
        let output: Bytes = Revert::from("not yours").abi_encode().into();

        let error = ErrorObjectOwned::from(RpcError::Reverted(output.clone()));

        assert_eq!(
            (error.code(), error.message()),
            (3, "execution reverted: not yours")
        );
        let data: String =
            serde_json::from_str(error.data().expect("revert data").get()).expect("a string");
        assert_eq!(data, hex::encode_prefixed(output));
    }

    #[test]
    fn a_panic_is_explained() {
        let output: Bytes = Panic {
            code: U256::from(0x11),
        }
        .abi_encode()
        .into();

        let message = RpcError::Reverted(output).to_string();

        assert!(
            message.starts_with("execution reverted: panic code 0x11 ("),
            "{message}"
        );
    }

    #[test]
    fn custom_revert_data_has_no_invented_reason() {
        let error = RpcError::Reverted(Bytes::from_static(&[1, 2, 3, 4]));
        assert_eq!(error.to_string(), "execution reverted");
    }
}
