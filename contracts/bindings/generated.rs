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

/// Elections of producers: see `contracts/src/IElection.sol`.
pub mod election {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        Election,
        "artifacts/Election.json"
    }
}

/// Members of a consortium and their votes: see `contracts/src/IMemberRegistry.sol`.
pub mod member_registry {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        MemberRegistry,
        "artifacts/MemberRegistry.json"
    }
}

/// Content that stays sealed until a vote: see `contracts/src/ISealedContent.sol`.
pub mod sealed_content {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        SealedContent,
        "artifacts/SealedContent.json"
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

/// Devices and their stakes: see `contracts/src/IDeviceRegistry.sol`.
pub mod device_registry {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        DeviceRegistry,
        "artifacts/DeviceRegistry.json"
    }
}

/// Devices as the consortium knows them: see `contracts/src/IDeviceMirror.sol`.
pub mod device_mirror {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        DeviceMirror,
        "artifacts/DeviceMirror.json"
    }
}

/// A feed: see `contracts/src/IFeedAggregator.sol`.
pub mod feed_aggregator {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        FeedAggregator,
        "artifacts/FeedAggregator.json"
    }
}

/// Anchors of off-chain data: see `contracts/src/IEvidence.sol`.
pub mod evidence {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        Evidence,
        "artifacts/Evidence.json"
    }
}

/// Anchors as the public chain knows them: see `contracts/src/IEvidenceRoll.sol`.
pub mod evidence_roll {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        EvidenceRoll,
        "artifacts/EvidenceRoll.json"
    }
}

/// Data for money: see `contracts/src/IDataMarket.sol`.
pub mod data_market {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        DataMarket,
        "artifacts/DataMarket.json"
    }
}

/// Judge of conditional transfers: see `contracts/src/ISessionCondition.sol`.
pub mod session_condition {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        SessionCondition,
        "artifacts/SessionCondition.json"
    }
}

/// Credential checks: see `contracts/src/ICredentialDesk.sol`.
pub mod credential_desk {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        CredentialDesk,
        "artifacts/CredentialDesk.json"
    }
}

/// Minting what is metered: see `contracts/src/IMeteredToken.sol`.
pub mod metered_token {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        MeteredToken,
        "artifacts/MeteredToken.json"
    }
}

/// Heads of event logs: see `contracts/src/ILogAnchor.sol`.
pub mod log_anchor {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        LogAnchor,
        "artifacts/LogAnchor.json"
    }
}

/// Sessions of devices on a quorum's word: see `contracts/src/IDeviceSessions.sol`.
pub mod device_sessions {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        DeviceSessions,
        "artifacts/DeviceSessions.json"
    }
}

/// Anchors on one owner's word: see `contracts/src/OwnedAnchors.sol`.
pub mod owned_anchors {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        OwnedAnchors,
        "artifacts/OwnedAnchors.json"
    }
}

/// Verifiers by circuit: see `contracts/src/IVerifierRegistry.sol`.
pub mod verifier_registry {
    alloy_sol_types::sol! {
        #[sol(extra_derives(Debug, PartialEq, Eq, Hash))]
        VerifierRegistry,
        "artifacts/VerifierRegistry.json"
    }
}

/// Generated verifiers, by circuit: see `contracts/src/IVerifier.sol`.
pub mod verifiers {
    alloy_sol_types::sol! {
        AlarmVerifier,
        "artifacts/AlarmVerifier.json"
    }
    alloy_sol_types::sol! {
        HashLinkVerifier,
        "artifacts/HashLinkVerifier.json"
    }
    alloy_sol_types::sol! {
        MedianVerifier,
        "artifacts/MedianVerifier.json"
    }
    alloy_sol_types::sol! {
        RightVerifier,
        "artifacts/RightVerifier.json"
    }
    alloy_sol_types::sol! {
        SessionVerifier,
        "artifacts/SessionVerifier.json"
    }
    alloy_sol_types::sol! {
        SumVerifier,
        "artifacts/SumVerifier.json"
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
