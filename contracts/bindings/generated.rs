//! What `sol!` makes of the artifacts. A contract that changes without its artifact is found by
//! `cargo xtask contracts check`, so these types are always those of the committed Solidity.

// The generated items carry the documentation of the interfaces only in Solidity.
#![allow(missing_docs, unreachable_pub)]

/// Locks: see `contracts/src/IHashTimeLock.sol`.
pub mod hash_time_lock {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        HashTimeLock,
        "artifacts/HashTimeLock.json"
    }
}

/// Judges of evidence: see `contracts/src/ILockHooks.sol`.
pub mod lock_hooks {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        ILockHooks,
        "artifacts/ILockHooks.json"
    }
}

/// Points: see `contracts/src/IPointsToken.sol`.
pub mod points_token {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        PointsToken,
        "artifacts/PointsToken.json"
    }
}

/// Validators per epoch: see `contracts/src/IValidatorSet.sol`.
pub mod validator_set {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        ValidatorSet,
        "artifacts/ValidatorSet.json"
    }
}

/// Calls for contracts of other chains: see `contracts/src/ICallExecutor.sol`.
pub mod call_executor {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        CallExecutor,
        "artifacts/CallExecutor.json"
    }
}

/// Triggers: see `contracts/src/IEventHub.sol`.
pub mod event_hub {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        EventHub,
        "artifacts/EventHub.json"
    }
}

/// Messages: see `contracts/src/IGateway.sol`.
pub mod gateway {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        Gateway,
        "artifacts/Gateway.json"
    }
}

/// What a chain believes of another: see `contracts/src/ILightClient.sol`.
pub mod light_client {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        LightClient,
        "artifacts/LightClient.json"
    }
}

/// Senders that want to know how messages end: see `contracts/src/IMessageHooks.sol`.
pub mod message_hooks {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        IMessageHooks,
        "artifacts/IMessageHooks.json"
    }
}

/// The side end of a peg: see `contracts/src/IPegPort.sol`.
pub mod peg_mint {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        PegMint,
        "artifacts/PegMint.json"
    }
}

/// The pegged asset: see `contracts/src/IPegToken.sol`.
pub mod peg_token {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        PegToken,
        "artifacts/PegToken.json"
    }
}

/// The home end of a peg: see `contracts/src/IPegPort.sol`.
pub mod peg_vault {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        PegVault,
        "artifacts/PegVault.json"
    }
}

/// The consortium end of a settlement: see `contracts/src/ISettlement.sol`.
pub mod settlement {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        Settlement,
        "artifacts/Settlement.json"
    }
}

/// The public end of a settlement: see `contracts/src/ISettlementEscrow.sol`.
pub mod settlement_escrow {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        SettlementEscrow,
        "artifacts/SettlementEscrow.json"
    }
}

/// A private business, as a worked example: see `contracts/src/examples/IDeliveryAgreement.sol`.
pub mod delivery_agreement {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        DeliveryAgreement,
        "artifacts/DeliveryAgreement.json"
    }
}
