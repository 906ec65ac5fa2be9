// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Where a candidate stands.
enum CandidateState {
    /// Never registered.
    None,
    /// Stands for election.
    Running,
    /// Stands no more; the deposit is still at stake.
    Leaving,
    /// The deposit went back.
    Gone,
    /// Contradicted itself; for ever.
    Slashed
}

/// @notice Settings of an election, for ever.
struct ElectionConfig {
    /// The `ValidatorSet` of this chain.
    address validatorSet;
    /// The `DeviceRegistry` whose number of active devices the number of seats follows.
    address devices;
    /// Domain of the chain's votes of consensus.
    bytes32 domain;
    /// Gets what a reporter does not get of a slashed deposit.
    address treasury;
    /// The least deposit.
    uint96 minimumDeposit;
    /// Wei that one filled block counts in a contribution.
    uint96 blockWeight;
    /// Wei paid for a block, while there are any.
    uint96 blockReward;
    /// k: parts of 10,000 that votes count in a score.
    uint16 voteWeight;
    /// Parts of 10,000 of a fair share of blocks; who fills less is idle.
    uint16 idleShare;
    /// Parts of 10,000 of a slashed deposit for whoever gave the evidence.
    uint16 reporterShare;
    /// Active devices for each further seat.
    uint32 devicesPerSeat;
    /// Epochs for which an idle producer does not stand.
    uint32 benchEpochs;
    /// Last blocks of an epoch, in which it is elected.
    uint32 closingBlocks;
    /// Seconds from a vote until it can be moved.
    uint40 voteLock;
    /// Seconds from leaving to the deposit's return.
    uint40 exitDelay;
}

/// @notice What is known of a candidate.
struct Candidate {
    /// Who registered it, and gets its share of rewards and its deposit.
    address owner;
    /// Its vote key's address.
    address vote;
    /// Its key on the network.
    bytes32 network;
    /// `host:port` where it listens.
    string endpoint;
    CandidateState state;
    uint96 deposit;
    /// Wei voted for it.
    uint128 votes;
    /// Parts of 10,000 of its rewards that the owner keeps.
    uint16 commission;
    /// Blocks it made, as of this epoch: halved with each epoch.
    uint40 produced;
    /// Parts of 10,000 of its slots that it filled, running mean.
    uint16 filled;
    /// First epoch of its present time as producer; zero while it is none.
    uint64 since;
    /// Epoch from which it may rejoin, or, when it resigned, from which it cannot be validating; zero while it stands.
    uint64 benchedUntil;
    /// When its deposit can be taken; zero while it runs.
    uint40 releaseAt;
}

/// @notice One signed vote of consensus.
struct ConsensusVote {
    /// 0 notarize, 1 nullify, 2 finalize.
    uint8 kind;
    uint64 epoch;
    uint64 viewNumber;
    /// Zero for a nullification.
    uint64 parentView;
    /// Zero for a nullification.
    bytes32 blockHash;
    /// `r | s | v`.
    bytes signature;
}

/// @notice A voter's points with one candidate.
struct Position {
    uint128 amount;
    /// When they can be moved.
    uint40 movableAt;
}
