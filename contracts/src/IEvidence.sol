// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "./EvidenceTypes.sol";
import {IAnchors} from "./IAnchors.sol";

/// @title Roots of off-chain data, period by period, never changed; on the consortium chain.
/// @notice -- anchored: period n --/-- anchored: period n + 1 --; any time: the root over all goes to the public chain.
/// @dev Invariants L90..L93 in docs/threats.md. Every event bears the next number, from 0.
interface IEvidence is IAnchors {
    /// @notice Whoever is `keeper` anchors for the stream from now on; zero: nobody.
    event KeeperSet(uint64 indexed number, bytes32 indexed stream, address keeper);
    /// @notice Anchor `index` of all, 0, 1, 2, ..
    event Anchored(uint64 indexed number, uint64 indexed index, bytes32 indexed stream, Anchor anchor);
    /// @notice The root over the first `count` anchors went to the Gateway, as this message.
    event RolledUp(uint64 indexed number, uint64 count, bytes32 top, bytes32 sendId);

    /// Field `field` of the configuration makes no sense: 0 administrator, 1 gateway, 2 public chain, 3 roll.
    error EvidenceConfigRefused(uint256 field);
    /// Only the administrator names keepers.
    error CallerNotAdministrator(address got, address expected);
    /// Only the stream's keeper anchors.
    error CallerNotKeeper(bytes32 stream, address got, address expected);
    /// The stream is zero.
    error StreamZero();
    /// Periods of a stream follow each other without a gap.
    error PeriodWrong(bytes32 stream, uint64 got, uint64 expected);
    /// A period begins not before the last one's end, ends after it began, and not later than now.
    error PeriodTimesRefused(uint64 from, uint64 until, uint256 notBefore, uint256 nowAt);
    /// Field `field` is zero: 0 count, 1 root, 2 digest.
    error AnchorZero(uint256 field);
    /// There is nothing that was not rolled up.
    error NothingNew(uint64 count);

    /// @notice Names who anchors for a stream.
    function setKeeper(bytes32 stream, address keeper) external;

    /// @notice Anchors a stream's next period.
    function anchor(Anchor calldata a) external returns (uint64 index);

    /// @notice Sends the root over all anchors to the public chain. Anyone may.
    function rollUp() external returns (bytes32 sendId);

    /// @notice Returns who anchors for a stream.
    function keeperOf(bytes32 stream) external view returns (address);

    /// @notice Returns a stream's next period, and where the last one ended.
    function nextOf(bytes32 stream) external view returns (uint64 period, uint64 notBefore);

    /// @notice Returns how many anchors there are, what their tree comes to, and how many were rolled up.
    function state() external view returns (uint64 count, bytes32 top, uint64 rolledUp);

    /// @notice Returns an anchor's leaf.
    function leafOf(Anchor calldata a, uint64 index) external pure returns (bytes32);

    /// @notice Returns the second of this chain in which a root or digest of a stream became known here; zero if it is not.
    function anchoredAt(bytes32 stream, bytes32 digest) external view returns (uint64);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns who names keepers.
    function administrator() external view returns (address);
}
