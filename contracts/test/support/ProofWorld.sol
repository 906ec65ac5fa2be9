// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICredentialDesk} from "../../src/ICredentialDesk.sol";
import {IMeteredToken} from "../../src/IMeteredToken.sol";
import {ISessionCondition, SessionTerms} from "../../src/ISessionCondition.sol";
import {IVerifier} from "../../src/IVerifier.sol";
import {IVerifierRegistry} from "../../src/IVerifierRegistry.sol";
import {Lock} from "../../src/LockTypes.sol";
import {MeteredToken} from "../../src/MeteredToken.sol";
import {OwnedAnchors} from "../../src/OwnedAnchors.sol";
import {LockTest} from "./LockTest.sol";

/// The contracts that act on proofs, where the committed proofs of ProofVectors.sol count: a proof names its contract.
abstract contract ProofWorld is LockTest {
    address internal constant CONDITION = address(0xC0D17);
    address internal constant DESK = address(0xDE5C);
    address internal constant METERED = address(0x3E7E);
    address internal constant ASKER = address(0x0A5C);
    bytes32 internal constant PURPOSE = keccak256("customs clearance");
    bytes32 internal constant ISSUERS = keccak256("issuers");
    bytes32 internal constant METERS = keccak256("meters");
    uint256 internal constant ROOT_LIFE = 1 days;
    uint64 internal constant PERIOD = 499_999;
    uint64 internal constant UNIT = 1e15;
    /// What is anchored as the device's number in the proofs.
    uint256 internal constant DEVICE = 5;

    IVerifierRegistry internal registry;
    OwnedAnchors internal anchors;
    ISessionCondition internal condition = ISessionCondition(CONDITION);
    ICredentialDesk internal desk = ICredentialDesk(DESK);
    IMeteredToken internal metered = IMeteredToken(METERED);

    function setUp() public virtual override {
        super.setUp();
        registry = IVerifierRegistry(deploy("VerifierRegistry", abi.encode(address(this), true)));
        string[3] memory verifiers = ["SessionVerifier", "RightVerifier", "SumVerifier"];
        for (uint256 i = 0; i < verifiers.length; ++i) {
            registry.register(IVerifier(deploy(verifiers[i], "")), 0);
        }
        anchors = OwnedAnchors(deploy("OwnedAnchors", abi.encode(address(this), ROOT_LIFE)));
        _place(CONDITION, "SessionCondition", abi.encode(htlc, registry, anchors));
        _place(DESK, "CredentialDesk", abi.encode(registry, anchors, ISSUERS));
        MeteredToken.Config memory config = MeteredToken.Config(registry, anchors, METERS, bob, 3600, UNIT);
        _place(METERED, "MeteredToken", abi.encode("Metered", "kWh", config));
    }

    function agreed() internal pure returns (SessionTerms memory) {
        return SessionTerms({
            device: DEVICE,
            from: 1_800_000_000_000,
            until: 1_800_086_062_500,
            low: uint32(uint256(int256(-25_000) + 2 ** 31)),
            high: uint32(uint256(int256(-15_000) + 2 ** 31)),
            gap: 600_000,
            count: 256,
            nonce: 0xC01D
        });
    }

    /// Alice pays Bob if the cold chain never broke.
    function conditionalLock() internal view returns (Lock memory l) {
        return conditionalLock(agreed());
    }

    function conditionalLock(SessionTerms memory t) internal view returns (Lock memory l) {
        l = lockOf(address(0), 0);
        l.terms = terms(1, 1, condition.saltOf(t));
        l.hooks = CONDITION;
    }

    /// Puts a contract where proofs expect it: its code with its immutables, no storage.
    function _place(address at, string memory name, bytes memory arguments) private {
        vm.etch(at, deploy(name, arguments).code);
    }
}
