// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What is locked on the public chain until a result of the consortium chain says for whom.
/// @dev Only its hash is stored: whoever acts on a deal repeats it, and finds it in the event `DealOpened`.
struct Deal {
    /// Who locks the asset; a plain key.
    address initiator;
    /// Who is to get all or part of it; a plain key.
    address counterparty;
    /// ERC-20 of the public chain; zero is its native asset.
    address asset;
    /// How much.
    uint256 amount;
    /// Seconds: the consortium publishes a result before, the initiator is refunded after.
    uint64 deadline;
    /// Contract of the consortium chain that must conclude the same outcome; `Settlement` itself if the parties' word is
    /// enough.
    address business;
    /// keccak256 of the private terms and a random value.
    bytes32 termsDigest;
    /// Makes otherwise equal deals different.
    uint256 salt;
}

/// @notice How a deal ends, without saying why.
struct Outcome {
    /// keccak256 of the private result and a random value.
    bytes32 digest;
    /// How much of the amount the counterparty gets; the initiator gets the rest.
    uint256 toCounterparty;
}

/// @notice `keccak256(abi.encode(publicChainId, escrow, deal))`.
type DealId is bytes32;

/// @notice Where a deal is in its life on the public chain.
enum DealState {
    /// Never opened.
    None,
    /// Holds the asset.
    Open,
    /// Paid by its outcome. For ever.
    Released,
    /// Paid back to the initiator. For ever.
    Refunded
}

/// @notice Hashes that both chains make alike.
library SettlementLib {
    bytes32 private constant _DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant _OUTCOME_TYPEHASH =
        keccak256("Outcome(bytes32 id,bytes32 outcomeDigest,uint256 toCounterparty)");

    function idOf(Deal calldata deal, uint256 publicChainId, address escrow) internal pure returns (DealId) {
        return DealId.wrap(keccak256(abi.encode(publicChainId, escrow, deal)));
    }

    /// @dev What `Settlement` stores for an id. Never zero.
    function verdictOf(DealId id, Outcome memory outcome) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, outcome.digest, outcome.toCounterparty));
    }

    /// @dev EIP-712 domain of the escrow.
    function domainOf(uint256 publicChainId, address escrow) internal pure returns (bytes32) {
        bytes32 name = keccak256("Causeway SettlementEscrow");
        return keccak256(abi.encode(_DOMAIN_TYPEHASH, name, keccak256("1"), publicChainId, escrow));
    }

    /// @dev What a party signs.
    function signedHash(bytes32 domain, DealId id, Outcome calldata outcome) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(_OUTCOME_TYPEHASH, id, outcome.digest, outcome.toCounterparty));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
