// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";
import {ICredentialDesk} from "./ICredentialDesk.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {ProofContext} from "./ProofContext.sol";

/// @title Consumer of the statement `right`.
/// @dev Invariants L105 and L106 in docs/threats.md.
contract CredentialDesk is ICredentialDesk {
    bytes32 private constant CIRCUIT = keccak256("right-20");
    bytes32 private constant DOMAIN = keccak256("causeway/right/1");

    /// How old, in seconds, the judgement of a right may be: time enough to prove it and bring it.
    uint256 public constant maxAge = 10 minutes;

    /// Which verifier is believed.
    IVerifierRegistry public immutable registry;
    /// Which roots are on record.
    IAnchors public immutable anchors;
    /// Name of the issuers' set at `anchors`.
    bytes32 public immutable set;

    mapping(bytes32 request => Request) private _requests;
    mapping(uint256 nullifier => bool) private _used;
    uint64 private _asked;

    constructor(IVerifierRegistry registry_, IAnchors anchors_, bytes32 set_) {
        if (address(registry_) == address(0) || address(anchors_) == address(0) || set_ == 0) revert ConfigZero();
        (registry, anchors, set) = (registry_, anchors_, set_);
    }

    /// @inheritdoc ICredentialDesk
    function ask(bytes32 purpose, uint16 level) external returns (bytes32 request) {
        if (purpose == 0) revert PurposeZero();
        uint64 number = _asked++;
        request = keccak256(abi.encode(msg.sender, purpose, level, number));
        _requests[request] = Request(msg.sender, level, false, purpose);
        emit Asked(request, msg.sender, purpose, level, number);
    }

    /// @inheritdoc ICredentialDesk
    function answer(bytes32 request, uint256 root, uint256 nullifier, uint64 time, uint256[8] calldata proof) external {
        Request storage asked = _requests[request];
        if (asked.asker == address(0)) revert RequestUnknown(request);
        if (asked.answered) revert RequestAnswered(request);
        if (!anchors.isRootRecent(set, root)) revert RootNotRecent(root);
        if (time > block.timestamp || time + maxAge < block.timestamp) {
            revert TimeNotNow(time, block.timestamp, maxAge);
        }
        // Scope enters the nullifier, so one mapping keeps all scopes apart.
        if (_used[nullifier]) revert RightUsed(nullifier);
        _used[nullifier] = true;
        asked.answered = true;

        uint256[] memory inputs = new uint256[](6);
        inputs[0] = root;
        inputs[1] = ProofContext.here(DOMAIN, scopeOf(asked.asker, asked.purpose));
        inputs[2] = nullifier;
        inputs[3] = asked.level;
        inputs[4] = time;
        inputs[5] = signalOf(request);
        bytes32 statement = registry.accept(CIRCUIT, proof, inputs);
        emit Answered(request, statement, nullifier);
    }

    /// @inheritdoc ICredentialDesk
    function requestOf(bytes32 request) external view returns (Request memory) {
        return _requests[request];
    }

    /// @inheritdoc ICredentialDesk
    function scopeOf(address asker, bytes32 purpose) public pure returns (bytes32) {
        return keccak256(abi.encode(asker, purpose));
    }

    /// @inheritdoc ICredentialDesk
    function signalOf(bytes32 request) public pure returns (uint256) {
        return ProofContext.fromHash(request);
    }
}
