// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {FeedId} from "./DeviceTypes.sol";
import {FeedConfig, ReportSignatures} from "./FeedTypes.sol";
import {IAnchors} from "./IAnchors.sol";
import {DeviceSession, IDeviceSessions} from "./IDeviceSessions.sol";
import {IFeedAggregator} from "./IFeedAggregator.sol";

/// @title Sessions of a feed's devices, on record on the word of a quorum of the feed's operators.
/// @dev Invariants L160..L162 in docs/threats.md; each has a test with the same number. It has no administrator: who the
///      operators are is the aggregator's to say.
contract DeviceSessions is IDeviceSessions {
    bytes32 private constant _NUMBER_TAG = keccak256("causeway.device.number.v1");
    bytes32 private constant _SESSION_TAG = keccak256("causeway.device.session.v1");
    uint256 private constant _ADDRESS = 20;
    uint256 private constant _SIGNATURE = 64;

    mapping(uint256 device => mapping(uint256 digest => uint256 second)) private _recorded;

    /// @inheritdoc IDeviceSessions
    uint64 public events;
    /// @inheritdoc IDeviceSessions
    IFeedAggregator public immutable aggregator;

    constructor(IFeedAggregator aggregator_) {
        if (address(aggregator_) == address(0)) revert ConfigZero();
        aggregator = aggregator_;
    }

    /// @inheritdoc IDeviceSessions
    function record(FeedConfig calldata config, DeviceSession calldata session, ReportSignatures calldata signatures)
        external
        returns (uint256 device)
    {
        _checkSession(session);
        bytes32 configDigest = _checkConfig(config);
        device = numberOf(session.device);
        if (_recorded[device][session.digest] != 0) revert SessionKnown(device, session.digest);
        _checkSignatures(config.operators, sessionDigestOf(configDigest, session), signatures);

        _recorded[device][session.digest] = block.timestamp;
        emit SessionRecorded(events++, device, session.digest, session, signatures.signers);
    }

    /// @inheritdoc IDeviceSessions
    function recordedAt(uint256 device, uint256 digest) external view returns (uint256) {
        return _recorded[device][digest];
    }

    /// @inheritdoc IAnchors
    function isDigestAnchored(uint256 device, uint256 digest) external view returns (bool) {
        return _recorded[device][digest] != 0;
    }

    /// @inheritdoc IAnchors
    /// @dev Sets are not on record here.
    function isRootRecent(bytes32, uint256) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IDeviceSessions
    /// @dev Of this feed: a device's temperatures are none of its humidities.
    function numberOf(bytes32 device) public view returns (uint256) {
        return uint256(keccak256(abi.encode(_NUMBER_TAG, device, FeedId.unwrap(aggregator.feed())))) >> 3;
    }

    /// @inheritdoc IDeviceSessions
    function sessionDigestOf(bytes32 configDigest, DeviceSession calldata session) public pure returns (bytes32) {
        return keccak256(abi.encode(_SESSION_TAG, configDigest, session));
    }

    function _checkSession(DeviceSession calldata s) private pure {
        if (s.device == 0) revert SessionRefused(0);
        if (s.keyNumber == 0) revert SessionRefused(1);
        if (s.first == 0) revert SessionRefused(2);
        if (s.last < s.first) revert SessionRefused(3);
        if (s.digest == 0) revert SessionRefused(4);
    }

    function _checkConfig(FeedConfig calldata config) private view returns (bytes32 expected) {
        uint32 number;
        (number, expected) = aggregator.configuration();
        bytes32 got = aggregator.configDigestOf(number, config);
        if (got != expected) revert ConfigWrong(got, expected);
    }

    /// The aggregator checked that operators ascend, so no two bits are one account's.
    function _checkSignatures(bytes calldata operators, bytes32 digest, ReportSignatures calldata signatures)
        private
        pure
    {
        uint256 count = operators.length / _ADDRESS;
        uint256 signers = signatures.signers;
        uint256 got = _bits(signers);
        bytes calldata packed = signatures.signatures;
        if (signers >> count != 0 || packed.length != got * _SIGNATURE) {
            revert SignersWrong(signatures.signers, packed.length);
        }
        uint256 needed = count - (count - 1) / 3;
        if (got < needed) revert QuorumMissing(got, needed);
        uint256 at = 0;
        for (uint256 place = 0; signers >> place != 0; ++place) {
            if ((signers >> place) & 1 == 0) continue;
            address expected = address(bytes20(operators[_ADDRESS * place:_ADDRESS * (place + 1)]));
            _checkOne(place, digest, packed[at:at + _SIGNATURE], expected);
            at += _SIGNATURE;
        }
    }

    /// EIP-2098, in its one form.
    function _checkOne(uint256 place, bytes32 digest, bytes calldata signature, address expected) private pure {
        (address signer, ECDSA.RecoverError problem,) =
            ECDSA.tryRecover(digest, bytes32(signature[:32]), bytes32(signature[32:]));
        if (problem != ECDSA.RecoverError.NoError || signer != expected) revert SignatureNotOf(place, expected);
    }

    /// At most 32 rounds.
    function _bits(uint256 map) private pure returns (uint256 count) {
        for (; map != 0; map &= map - 1) {
            ++count;
        }
    }
}
