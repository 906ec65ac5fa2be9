// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A token that exists because something was metered.
/// @notice What the admitted meters counted in a period is minted once, by anyone who brings the proof of its sum, to a
///         fixed beneficiary. The single values stay hidden; their digest is in the event, for who audits them.
interface IMeteredToken {
    /// @notice A period's total was minted.
    event Metered(uint64 indexed period, uint256 total, uint256 minted, uint256 set, uint256 digest, bytes32 statement);

    /// @notice The registry, anchors, set, beneficiary, length or unit is zero.
    error ConfigZero();

    /// @notice The period is not over: its meters still count.
    error PeriodNotOver(uint64 period, uint256 now_, uint256 endsAt);

    /// @notice The period was minted.
    error PeriodMinted(uint64 period);

    /// @notice The set of meters is not on record, is too old, or a meter was revoked since.
    error RootNotRecent(uint256 root);

    /// @notice Mints what was metered in a period.
    /// @param set Root of the admitted meters.
    /// @param total The sum that was proved.
    /// @param digest The digest of places and values.
    function mint(uint64 period, uint256 set, uint256 total, uint256 digest, uint256[8] calldata proof) external;

    /// @notice Whether a period was minted.
    function minted(uint64 period) external view returns (bool);
}
