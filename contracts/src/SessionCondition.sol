// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";
import {ILockHooks} from "./ILockHooks.sol";
import {ISessionCondition, SessionTerms} from "./ISessionCondition.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {Lock} from "./LockTypes.sol";
import {ProofContext} from "./ProofContext.sol";

/// @title Judge of conditional transfers by the statement `session`.
/// @dev Invariants L100..L104 in docs/threats.md. It holds no money and has no administrator.
contract SessionCondition is ISessionCondition {
    bytes32 private constant CIRCUIT = keccak256("session-256");
    bytes32 private constant DOMAIN = keccak256("causeway/session/1");
    /// The public input `result` of a cold chain that never broke.
    uint256 private constant WHOLE = 1;

    /// The contract whose locks are judged.
    address public immutable locks;
    /// Which verifier is believed, and which statements were used.
    IVerifierRegistry public immutable registry;
    /// Which digests are on record.
    IAnchors public immutable anchors;

    constructor(address locks_, IVerifierRegistry registry_, IAnchors anchors_) {
        if (locks_ == address(0) || address(registry_) == address(0) || address(anchors_) == address(0)) {
            revert ConfigZero();
        }
        (locks, registry, anchors) = (locks_, registry_, anchors_);
    }

    /// @inheritdoc ILockHooks
    function checkClaim(Lock calldata lock, bytes calldata evidence_) external returns (bytes4) {
        // A stranger who asked could use up the statement before the recipient does.
        if (msg.sender != locks) revert CallerNotLocks(msg.sender, locks);
        (SessionTerms memory terms, uint256 digest, uint256 span, uint256[8] memory proof) =
            abi.decode(evidence_, (SessionTerms, uint256, uint256, uint256[8]));
        (uint112 got, uint112 expected) = (_saltOf(terms), lock.terms.salt());
        if (got != expected) revert TermsNotAgreed(got, expected);
        if (terms.from >= terms.until || terms.low > terms.high || terms.count == 0) revert TermsRefused();
        if (!anchors.isDigestAnchored(terms.device, digest)) revert DigestNotAnchored(terms.device, digest);
        _checkSpan(terms, span);

        bytes32 id = keccak256(abi.encode(lock));
        uint256[] memory inputs = new uint256[](6);
        inputs[0] = ProofContext.here(DOMAIN, id);
        inputs[1] = digest;
        inputs[2] = uint256(terms.low) | uint256(terms.high) << 32;
        inputs[3] = terms.gap;
        inputs[4] = span;
        inputs[5] = WHOLE;
        bytes32 statement = registry.accept(CIRCUIT, proof, inputs);
        emit ConditionMet(id, statement, terms.device, digest);
        return ILockHooks.checkClaim.selector;
    }

    /// @inheritdoc ILockHooks
    /// @dev Time alone decides a refund here, so that a lock with a guard as well is not shut up for ever.
    function checkRefund(Lock calldata, bytes calldata) external pure returns (bytes4) {
        return ILockHooks.checkRefund.selector;
    }

    /// @inheritdoc ISessionCondition
    function saltOf(SessionTerms calldata terms) external pure returns (uint112) {
        return _saltOf(terms);
    }

    /// @inheritdoc ISessionCondition
    function evidence(SessionTerms calldata terms, uint256 digest, uint256 span, uint256[8] calldata proof)
        external
        pure
        returns (bytes memory)
    {
        return abi.encode(terms, digest, span, proof);
    }

    /// The circuit holds count below 2^16 and first below 2^44, so the parts are what the prover stated.
    function _checkSpan(SessionTerms memory terms, uint256 span) private pure {
        (uint256 count, uint256 first, uint256 last) = (uint16(span), uint48(span >> 16), span >> 64);
        if (count < terms.count) revert ReadingsTooFew(count, terms.count);
        if (first > terms.from || last < terms.until) revert ReadingsNotWhole(first, last, terms.from, terms.until);
    }

    function _saltOf(SessionTerms memory terms) private pure returns (uint112) {
        return uint112(uint256(keccak256(abi.encode(terms))));
    }
}
