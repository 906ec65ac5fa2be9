// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Admission, Approvals, DeviceId, DeviceKeys, DeviceRecord, DeviceState, Rekeying
} from "./DeviceTypes.sol";
import {Offence, SignedReading} from "./ReadingTypes.sol";

/// @notice Settings of a registry, for ever.
struct RegistryConfig {
    /// The Gateway of this chain.
    address gateway;
    /// The consortium chain, and the contract there that is told.
    uint256 consortiumChainId;
    address mirror;
    /// Gets what a reporter does not get of a slashed deposit.
    address treasury;
    /// The least deposit.
    uint96 minimumDeposit;
    /// Seconds from exit or revocation to the deposit's return.
    uint40 exitDelay;
    /// Parts of 10,000 of a slashed deposit for whoever gave the evidence.
    uint16 reporterShare;
}

/// @title Which devices there are, whose they are, what they sign with, and what they have at stake.
/// @notice -- admitted: active --/-- exit or revocation --/-- exitDelay: deposit back --
///         -- HERE: slashed by evidence, while the deposit is there ------/
///         Nobody is asked for permission: an admission is a deposit and three signatures. Rules D1..D7 in docs/devices.md.
/// @dev Invariants L70..L77 in docs/threats.md. Every event bears the next number, from 0.
interface IDeviceRegistry {
    /// @notice A device is active. `did` is written only here.
    event DeviceAdmitted(
        uint64 indexed number, DeviceId indexed id, address indexed owner, string did, DeviceRecord record, uint96 deposit
    );
    /// @notice A device has other keys.
    event DeviceRekeyed(uint64 indexed number, DeviceId indexed id, DeviceRecord record);
    /// @notice A device is `Leaving` or `Revoked`; its deposit can be taken from `releaseAt` on.
    event DeviceRetired(uint64 indexed number, DeviceId indexed id, DeviceState state, uint64 version, uint64 releaseAt);
    /// @notice A device contradicted itself and lost its deposit.
    event DeviceSlashed(
        uint64 indexed number,
        DeviceId indexed id,
        address indexed reporter,
        Offence offence,
        uint64 version,
        SignedReading first,
        SignedReading second
    );
    /// @notice A device's deposit went back to its owner.
    event DeviceGone(uint64 indexed number, DeviceId indexed id, uint64 version, uint96 deposit);
    /// @notice The record went to the Gateway, as this message.
    event DeviceTold(uint64 indexed number, DeviceId indexed id, uint64 version, bytes32 sendId);
    /// @notice The Gateway did not take the record; anyone sends it again.
    event DeviceNotTold(uint64 indexed number, DeviceId indexed id, uint64 version, bytes reason);
    /// @notice Money was credited, and waits.
    event DepositCredited(uint64 indexed number, address indexed payee, uint256 amount);
    /// @notice Credited money was paid.
    event DepositWithdrawn(uint64 indexed number, address indexed payee, uint256 amount);

    /// Field `field` of the configuration makes no sense: 0 gateway, 1 chain, 2 mirror, 3 treasury, 4 deposit, 5 delay,
    /// 6 share.
    error RegistryConfigRefused(uint256 field);
    /// The DID is not `did:odin:` and 1 to 119 characters of a-z, 0-9, dot, colon, minus.
    error DidRefused(string did);
    /// The DID was admitted before.
    error DeviceKnown(DeviceId id, DeviceState state);
    /// The device is not in the state this needs.
    error DeviceNotActive(DeviceId id, DeviceState state);
    /// An owner, or the certificate's fingerprint, is zero: 0 owner, 1 consortium owner, 2 certificate.
    error AdmissionRefused(uint256 field);
    /// The deposit is less than the least, or more than can be counted.
    error DepositRefused(uint256 got, uint256 min);
    /// It was to be used until `expires`.
    error ApprovalExpired(uint256 nowAt, uint256 expires);
    /// The next keys have another number.
    error KeyNumberWrong(uint32 got, uint32 expected);
    /// The certificate or key belongs or belonged to a device: 0 certificate, 1 hardware key, 2 feed key.
    error AlreadyUsed(uint256 what);
    /// The point is not on P-256.
    error HardwareKeyRefused(bytes32 x, bytes32 y);
    /// The point is not on BabyJubJub, or is its neutral one.
    error FeedKeyRefused(uint256 x, uint256 y);
    /// The speaker is not active, or speaks through another one itself, or the hardware key is not its own.
    error SpeakerRefused(DeviceId speaker);
    /// The signature is not this account's.
    error SignatureNotOf(address expected);
    /// The hardware key did not sign this.
    error HardwareSignatureWrong(bytes32 digest);
    /// Only the owner does this.
    error CallerNotOwner(address got, address expected);
    /// The deposit stays until then.
    error ExitTooEarly(uint256 nowAt, uint256 releaseAt);
    /// The device never had keys of this number.
    error KeyUnknown(DeviceId id, uint32 keyNumber);
    /// There is no deposit any more, or there never was one.
    error NothingAtStake(DeviceId id, DeviceState state);
    /// Nothing is credited.
    error NothingCredited(address payee);
    /// The payee does not take the money.
    error WithdrawalRefused(address payee, uint256 amount);

    /// @notice Admits a device; the value sent is its deposit. Anyone may send it.
    ///         Timeline: until `admission.expires`.
    function admit(Admission calldata admission, Approvals calldata approvals) external payable returns (DeviceId);

    /// @notice Replaces a device's certificate and keys. Anyone may send it. Timeline: while active.
    function rekey(Rekeying calldata rekeying, Approvals calldata approvals) external;

    /// @notice Takes the caller's device out. Timeline: while active.
    function exit(DeviceId id) external;

    /// @notice Disowns a device: by the owner's call, or by anybody's with the consortium key's signature.
    ///         Timeline: while active.
    function revoke(DeviceId id, bytes calldata consortiumSignature) external;

    /// @notice Credits a retired device's deposit to its owner. Timeline: from `releaseAt` on.
    function release(DeviceId id) external;

    /// @notice Takes a device's deposit on evidence; `second` has the same number as `first`, or the next one.
    ///         Timeline: while there is a deposit.
    function slash(SignedReading calldata first, SignedReading calldata second) external returns (Offence);

    /// @notice Pays `payee` what was credited to him; anyone may call.
    function withdraw(address payee) external;

    /// @notice Sends a device's record to the consortium chain again. Timeline: any time after admission.
    function mirrorAgain(DeviceId id) external;

    /// @notice Returns what is known of a device; version zero if nothing is.
    function deviceOf(DeviceId id) external view returns (DeviceRecord memory);

    /// @notice Returns a device's keys of a number; zeros if it never had them.
    function keysOf(DeviceId id, uint32 keyNumber) external view returns (DeviceKeys memory);

    /// @notice Returns what a device has at stake, and when it can leave; zero while it is active.
    function stakeOf(DeviceId id) external view returns (uint96 deposit, uint64 releaseAt);

    /// @notice Returns the id of a DID, admitted or not.
    function idOf(string calldata did) external view returns (DeviceId);

    /// @notice Returns the EIP-712 digest of an admission.
    function admissionDigest(Admission calldata admission) external view returns (bytes32);

    /// @notice Returns the EIP-712 digest of a rekeying.
    function rekeyingDigest(Rekeying calldata rekeying) external view returns (bytes32);

    /// @notice Returns the EIP-712 digest of a revocation.
    function revocationDigest(DeviceId id) external view returns (bytes32);

    /// @notice Returns what is credited.
    function credited(address payee) external view returns (uint256);

    /// @notice Returns the settings.
    function config() external view returns (RegistryConfig memory);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns how many devices are active. The number of validators follows it.
    function active() external view returns (uint64);

    /// @notice Longest exit delay, in seconds.
    function MAX_EXIT_DELAY() external view returns (uint256);

    /// @notice Shortest exit delay, in seconds: a slip of the pen, not what gives evidence its time. Whoever deploys chooses that,
    ///         and everybody reads it in `config`.
    function MIN_EXIT_DELAY() external view returns (uint256);

    /// @notice Largest reporter's share: an owner who reports himself loses half.
    function MAX_REPORTER_SHARE() external view returns (uint256);

    /// @notice Gas of a record's message.
    function TELL_GAS() external view returns (uint64);
}
