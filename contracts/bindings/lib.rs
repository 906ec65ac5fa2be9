//! Types of Causeway's contracts, generated from `contracts/artifacts`, and the encodings around them.
//!
//! Types only: no I/O, no provider. What the contracts promise is written in `contracts/src/I*.sol`.
//!
//! | module | for |
//! |---|---|
//! | [`HashTimeLock`](hash_time_lock), [`PointsToken`](points_token), [`ValidatorSet`](validator_set), [`ILockHooks`](lock_hooks) | calls, events, errors, bytecode |
//! | [`LightClient`](light_client), [`Gateway`](gateway), [`CallExecutor`](call_executor), [`EventHub`](event_hub), [`IMessageHooks`](message_hooks) | the relay by proof |
//! | [`PegVault`](peg_vault), [`PegMint`](peg_mint), [`PegToken`](peg_token), [`Settlement`](settlement), [`SettlementEscrow`](settlement_escrow) | the same |
//! | [`DeviceRegistry`](device_registry), [`DeviceMirror`](device_mirror), [`FeedAggregator`](feed_aggregator), [`Evidence`](evidence), [`EvidenceRoll`](evidence_roll), [`DataMarket`](data_market) | devices, feeds and their data |
//! | [`Election`](election), [`MemberRegistry`](member_registry) | who validates: elections, and members' votes |
//! | [`SealedContent`](sealed_content) | content that stays sealed until members vote to open it |
//! | [`governance`] | what a candidate's vote key signs, scores and seats computed again |
//! | [`oracle`] | ids of devices and feeds, digests that devices and operators sign |
//! | [`VerifierRegistry`](verifier_registry), [`verifiers`], [`SessionCondition`](session_condition), [`CredentialDesk`](credential_desk), [`MeteredToken`](metered_token), [`OwnedAnchors`](owned_anchors), [`DeviceSessions`](device_sessions) | statements proved in zero knowledge, and who acts on them |
//! | [`conditional`] | salt and evidence of locks claimed with a proof |
//! | [`LogAnchor`](log_anchor) | heads of event logs |
//! | [`DeliveryAgreement`](delivery_agreement) | a worked example of the private business behind a settlement |
//! | [`terms`] | windows, parts and options of a lock, packed in one word |
//! | [`memo`] | the other side's terms, as they travel in a lock's memo |
//! | [`peg`] | memo, commitment and storage slots of the peg |
//! | [`deal`] | ids, verdicts and signed hashes of a settlement |
//! | [`parts`] | the Merkle tree over the secrets of a lock in parts |
//! | [`typed_data`] | digests to sign for a gasless lock and a cooperative refund |
//!
//! Deploying: append the ABI-encoded constructor arguments to `BYTECODE`, as [`deploy_code`] does.
//!
//! ```
//! use alloy_primitives::Address;
//! use causeway_contracts::{PointsToken, deploy_code};
//!
//! let minter = Address::repeat_byte(7);
//! let code = deploy_code::<PointsToken::constructorCall>(
//!     &PointsToken::BYTECODE,
//!     &PointsToken::constructorCall { name_: "Points".into(), symbol_: "PTS".into(), minter_: minter },
//! );
//! assert!(code.len() > PointsToken::BYTECODE.len());
//! ```

pub mod conditional;
pub mod deal;
mod generated;
pub mod governance;
pub mod memo;
pub mod oracle;
pub mod parts;
pub mod peg;
pub mod terms;
pub mod typed_data;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::{SolConstructor, SolValue};

pub use call_executor::CallExecutor;
pub use credential_desk::CredentialDesk;
pub use data_market::DataMarket;
pub use delivery_agreement::DeliveryAgreement;
pub use device_mirror::DeviceMirror;
pub use device_registry::DeviceRegistry;
pub use device_sessions::DeviceSessions;
pub use election::Election;
pub use event_hub::EventHub;
pub use evidence::Evidence;
pub use evidence_roll::EvidenceRoll;
pub use feed_aggregator::FeedAggregator;
pub use gateway::Gateway;
pub use generated::{
    call_executor, credential_desk, data_market, delivery_agreement, device_mirror,
    device_registry, device_sessions, election, event_hub, evidence, evidence_roll,
    feed_aggregator, gateway, hash_time_lock, light_client, lock_hooks, log_anchor,
    member_registry, message_hooks, metered_token, owned_anchors, peg_mint, peg_token, peg_vault,
    points_token, sealed_content, session_condition, settlement, settlement_escrow, validator_set,
    verifier_registry, verifiers,
};
pub use hash_time_lock::HashTimeLock;
pub use hash_time_lock::HashTimeLock::Lock;
pub use light_client::LightClient;
pub use lock_hooks::ILockHooks;
pub use log_anchor::LogAnchor;
pub use member_registry::MemberRegistry;
pub use memo::Memo;
pub use message_hooks::IMessageHooks;
pub use metered_token::MeteredToken;
pub use owned_anchors::OwnedAnchors;
pub use peg::PegMemo;
pub use peg_mint::PegMint;
pub use peg_token::PegToken;
pub use peg_vault::PegVault;
pub use points_token::PointsToken;
pub use sealed_content::SealedContent;
pub use session_condition::SessionCondition;
pub use settlement::Settlement;
pub use settlement_escrow::SettlementEscrow;
pub use terms::LockTerms;
pub use validator_set::ValidatorSet;
pub use verifier_registry::VerifierRegistry;

/// Returns the id of a lock: `keccak256(abi.encode(lock))`, as `HashTimeLock.idOf`.
pub fn lock_id(lock: &Lock) -> B256 {
    keccak256(lock.abi_encode())
}

/// Returns the hash of an epoch's validators: `keccak256(abi.encode(uint64 epoch, address[] votes))`, as
/// `ValidatorSet.setHash`.
pub fn validator_set_hash(epoch: u64, votes: &[alloy_primitives::Address]) -> B256 {
    keccak256((epoch, votes.to_vec()).abi_encode_params())
}

/// Returns the data of a transaction that deploys `bytecode` with these constructor arguments.
pub fn deploy_code<C: SolConstructor>(bytecode: &Bytes, arguments: &C) -> Bytes {
    let mut code = bytecode.to_vec();
    code.extend(arguments.abi_encode());
    code.into()
}

/// State of a lock as `HashTimeLock.stateOf` tells it.
///
/// A lock refunded whole after `refundAt` reads as `None` again: from then on it can neither be claimed nor be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockState {
    /// Never made, or refunded whole after `refundAt`.
    None,
    /// Holds the money, or what is left of it.
    Open,
    /// Paid to the recipient; for ever.
    Claimed,
    /// Refunded early, or after some parts were claimed; for ever.
    Refunded,
}

impl LockState {
    /// Returns the state for the contract's number, or `None` for a number it never gives.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Open),
            2 => Some(Self::Claimed),
            3 => Some(Self::Refunded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
