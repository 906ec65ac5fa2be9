// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {DeviceHashes} from "./DeviceHashes.sol";
import {
    Admission, Approvals, DeviceId, DeviceKeys, DeviceRecord, DeviceState, NO_DEVICE, Rekeying
} from "./DeviceTypes.sol";
import {FeedKey} from "./FeedKey.sol";
import {IDeviceRegistry, RegistryConfig} from "./IDeviceRegistry.sol";
import {Offence, Reading, ReadingLib, SignedReading} from "./ReadingTypes.sol";

/// @title Which devices there are, whose they are, what they sign with, and what they have at stake.
/// @notice -- admitted: active --/-- exit or revocation --/-- exitDelay: deposit back --
/// @dev Invariants L70..L77 in docs/threats.md; each has a test with the same number.
contract DeviceRegistry is IDeviceRegistry, EIP712 {
    using ReadingLib for Reading;

    /// @inheritdoc IDeviceRegistry
    uint256 public constant MIN_EXIT_DELAY = 1 minutes;
    /// @inheritdoc IDeviceRegistry
    uint256 public constant MAX_EXIT_DELAY = 90 days;
    /// @inheritdoc IDeviceRegistry
    uint256 public constant MAX_REPORTER_SHARE = 5_000;
    /// @inheritdoc IDeviceRegistry
    uint64 public constant TELL_GAS = 500_000;

    uint256 private constant _WHOLE = 10_000;

    /// What can be used once.
    enum _Once {
        Certificate,
        HardwareKey,
        FeedKey
    }

    struct _Device {
        uint64 version;
        uint32 keyNumber;
        DeviceState state;
        uint40 releaseAt;
        uint96 deposit;
        address owner;
        address consortiumOwner;
        bytes32 certificate;
    }

    RegistryConfig private _config;
    mapping(DeviceId => _Device) private _devices;
    mapping(DeviceId => mapping(uint32 number => DeviceKeys)) private _keys;
    mapping(_Once => mapping(bytes32 what => bool)) private _used;
    mapping(address payee => uint256) private _credits;
    uint64 private _events;
    uint64 private _active;

    constructor(RegistryConfig memory c) EIP712("Causeway DeviceRegistry", "1") {
        if (c.gateway.code.length == 0) revert RegistryConfigRefused(0);
        if (c.consortiumChainId == 0 || c.consortiumChainId == block.chainid) revert RegistryConfigRefused(1);
        if (c.mirror == address(0)) revert RegistryConfigRefused(2);
        if (c.treasury == address(0)) revert RegistryConfigRefused(3);
        if (c.minimumDeposit == 0) revert RegistryConfigRefused(4);
        if (c.exitDelay < MIN_EXIT_DELAY || c.exitDelay > MAX_EXIT_DELAY) revert RegistryConfigRefused(5);
        if (c.reporterShare == 0 || c.reporterShare > MAX_REPORTER_SHARE) revert RegistryConfigRefused(6);
        _config = c;
    }

    /// -- HERE --/-- expires --
    modifier onlyUntil(uint64 expires) {
        if (block.timestamp > expires) revert ApprovalExpired(block.timestamp, expires);
        _;
    }

    /// -- HERE: active --/-- retired --
    modifier onlyActive(DeviceId id) {
        _checkActive(id);
        _;
    }

    /// @inheritdoc IDeviceRegistry
    function admit(Admission calldata a, Approvals calldata approvals)
        external
        payable
        onlyUntil(a.expires)
        returns (DeviceId id)
    {
        if (a.owner == address(0)) revert AdmissionRefused(0);
        if (a.consortiumOwner == address(0)) revert AdmissionRefused(1);
        uint256 min = _config.minimumDeposit;
        if (msg.value < min || msg.value > type(uint96).max) revert DepositRefused(msg.value, min);
        id = idOf(a.did);
        _Device storage d = _devices[id];
        if (d.state != DeviceState.None) revert DeviceKnown(id, d.state);
        _checkApprovals(admissionDigest(a), a.owner, a.consortiumOwner, a.keys, approvals);

        // D1. The value was compared with the largest uint96 above.
        (d.owner, d.consortiumOwner, d.deposit) = (a.owner, a.consortiumOwner, uint96(msg.value));
        d.state = DeviceState.Active;
        ++_active;
        _install(id, d, a.certificate, a.keys);
        emit DeviceAdmitted(_events++, id, a.owner, a.did, _record(id), d.deposit);
        _tell(id);
    }

    /// @inheritdoc IDeviceRegistry
    function rekey(Rekeying calldata r, Approvals calldata approvals)
        external
        onlyUntil(r.expires)
        onlyActive(r.device)
    {
        _Device storage d = _devices[r.device];
        if (r.keyNumber != d.keyNumber + 1) revert KeyNumberWrong(r.keyNumber, d.keyNumber + 1);
        _checkApprovals(rekeyingDigest(r), d.owner, d.consortiumOwner, r.keys, approvals);

        _install(r.device, d, r.certificate, r.keys);
        emit DeviceRekeyed(_events++, r.device, _record(r.device));
        _tell(r.device);
    }

    /// @inheritdoc IDeviceRegistry
    function exit(DeviceId id) external onlyActive(id) {
        address owner = _devices[id].owner;
        if (msg.sender != owner) revert CallerNotOwner(msg.sender, owner);
        _retire(id, DeviceState.Leaving);
    }

    /// @inheritdoc IDeviceRegistry
    function revoke(DeviceId id, bytes calldata consortiumSignature) external onlyActive(id) {
        // D5: a key that is lost or stolen must not be needed.
        _Device storage d = _devices[id];
        if (msg.sender != d.owner) _checkAccount(d.consortiumOwner, revocationDigest(id), consortiumSignature);
        _retire(id, DeviceState.Revoked);
    }

    /// @inheritdoc IDeviceRegistry
    function release(DeviceId id) external {
        _Device storage d = _devices[id];
        if (d.state != DeviceState.Leaving && d.state != DeviceState.Revoked) revert NothingAtStake(id, d.state);
        if (block.timestamp < d.releaseAt) revert ExitTooEarly(block.timestamp, d.releaseAt);
        uint96 deposit = d.deposit;
        (d.state, d.deposit) = (DeviceState.Gone, 0);
        emit DeviceGone(_events++, id, ++d.version, deposit);
        _credit(d.owner, deposit);
        _tell(id);
    }

    /// @inheritdoc IDeviceRegistry
    function slash(SignedReading calldata first, SignedReading calldata second) external returns (Offence offence) {
        DeviceId id = first.reading.device;
        _Device storage d = _devices[id];
        uint256 deposit = d.deposit;
        if (deposit == 0) revert NothingAtStake(id, d.state);
        // D6: the device's own signatures, and nobody's word.
        bytes32 digest = _checkReading(first);
        offence = first.reading.offence(digest, second.reading, _checkReading(second));

        if (d.state == DeviceState.Active) --_active;
        (d.state, d.deposit) = (DeviceState.Slashed, 0);
        emit DeviceSlashed(_events++, id, msg.sender, offence, ++d.version, first, second);
        uint256 share = deposit * _config.reporterShare / _WHOLE;
        _credit(msg.sender, share);
        _credit(_config.treasury, deposit - share);
        _tell(id);
    }

    /// @inheritdoc IDeviceRegistry
    function withdraw(address payee) external {
        uint256 amount = _credits[payee];
        if (amount == 0) revert NothingCredited(payee);
        _credits[payee] = 0;
        emit DepositWithdrawn(_events++, payee, amount);
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert WithdrawalRefused(payee, amount);
    }

    /// @inheritdoc IDeviceRegistry
    function mirrorAgain(DeviceId id) external {
        DeviceState state = _devices[id].state;
        if (state == DeviceState.None) revert DeviceNotActive(id, state);
        _tell(id);
    }

    /// @inheritdoc IDeviceRegistry
    function deviceOf(DeviceId id) external view returns (DeviceRecord memory) {
        return _record(id);
    }

    /// @inheritdoc IDeviceRegistry
    function keysOf(DeviceId id, uint32 keyNumber) external view returns (DeviceKeys memory) {
        return _keys[id][keyNumber];
    }

    /// @inheritdoc IDeviceRegistry
    function stakeOf(DeviceId id) external view returns (uint96 deposit, uint64 releaseAt) {
        return (_devices[id].deposit, _devices[id].releaseAt);
    }

    /// @inheritdoc IDeviceRegistry
    function credited(address payee) external view returns (uint256) {
        return _credits[payee];
    }

    /// @inheritdoc IDeviceRegistry
    function config() external view returns (RegistryConfig memory) {
        return _config;
    }

    /// @inheritdoc IDeviceRegistry
    function events() external view returns (uint64) {
        return _events;
    }

    /// @inheritdoc IDeviceRegistry
    function active() external view returns (uint64) {
        return _active;
    }

    /// @inheritdoc IDeviceRegistry
    function idOf(string calldata did) public view returns (DeviceId) {
        if (!DeviceHashes.isDid(bytes(did))) revert DidRefused(did);
        return DeviceId.wrap(keccak256(abi.encode(block.chainid, address(this), keccak256(bytes(did)))));
    }

    /// @inheritdoc IDeviceRegistry
    function admissionDigest(Admission calldata a) public view returns (bytes32) {
        return _hashTypedDataV4(DeviceHashes.ofAdmission(a));
    }

    /// @inheritdoc IDeviceRegistry
    function rekeyingDigest(Rekeying calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(DeviceHashes.ofRekeying(r));
    }

    /// @inheritdoc IDeviceRegistry
    function revocationDigest(DeviceId id) public view returns (bytes32) {
        return _hashTypedDataV4(DeviceHashes.ofRevocation(id));
    }

    // ---- effects

    /// The next keys become the device's.
    function _install(DeviceId id, _Device storage d, bytes32 certificate, DeviceKeys calldata keys) private {
        if (certificate == 0) revert AdmissionRefused(2);
        if (certificate != d.certificate) _use(_Once.Certificate, certificate);
        if (keys.speaker == NO_DEVICE) _useHardware(keys);
        else _checkSpeaker(id, keys);
        if (keys.feedX != 0 || keys.feedY != 0) _useFeed(keys);
        d.certificate = certificate;
        d.version += 1;
        d.keyNumber += 1;
        _keys[id][d.keyNumber] = keys;
    }

    function _useHardware(DeviceKeys calldata keys) private {
        if (!P256.isValidPublicKey(keys.hardwareX, keys.hardwareY)) {
            revert HardwareKeyRefused(keys.hardwareX, keys.hardwareY);
        }
        _use(_Once.HardwareKey, keccak256(abi.encode(keys.hardwareX, keys.hardwareY)));
    }

    function _useFeed(DeviceKeys calldata keys) private {
        if (!FeedKey.isPoint(keys.feedX, keys.feedY)) revert FeedKeyRefused(keys.feedX, keys.feedY);
        _use(_Once.FeedKey, keccak256(abi.encode(keys.feedX, keys.feedY)));
    }

    function _use(_Once kind, bytes32 what) private {
        if (_used[kind][what]) revert AlreadyUsed(uint256(kind));
        _used[kind][what] = true;
    }

    function _retire(DeviceId id, DeviceState state) private {
        _Device storage d = _devices[id];
        uint40 releaseAt = uint40(block.timestamp) + _config.exitDelay;
        (d.state, d.releaseAt) = (state, releaseAt);
        --_active;
        emit DeviceRetired(_events++, id, state, ++d.version, releaseAt);
        _tell(id);
    }

    function _credit(address payee, uint256 amount) private {
        _credits[payee] += amount;
        emit DepositCredited(_events++, payee, amount);
    }

    /// D7: a Gateway that refuses holds up nothing; the record can be sent again.
    function _tell(DeviceId id) private {
        DeviceRecord memory r = _record(id);
        bytes memory to = InteroperableAddress.formatEvmV1(_config.consortiumChainId, _config.mirror);
        bytes[] memory wishes = new bytes[](1);
        wishes[0] = abi.encodeWithSignature("gasLimit(uint64)", TELL_GAS);
        try IERC7786GatewaySource(_config.gateway).sendMessage(to, abi.encode(id, r), wishes) returns (bytes32 sendId) {
            emit DeviceTold(_events++, id, r.version, sendId);
        } catch (bytes memory reason) {
            emit DeviceNotTold(_events++, id, r.version, reason);
        }
    }

    // ---- checks

    function _checkActive(DeviceId id) private view {
        DeviceState state = _devices[id].state;
        if (state != DeviceState.Active) revert DeviceNotActive(id, state);
    }

    function _checkApprovals(
        bytes32 digest,
        address owner,
        address consortiumOwner,
        DeviceKeys calldata keys,
        Approvals calldata approvals
    ) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(owner, digest, approvals.owner)) revert SignatureNotOf(owner);
        _checkAccount(consortiumOwner, digest, approvals.consortiumOwner);
        bytes32 message = sha256(abi.encode(digest));
        if (!P256.verify(message, approvals.r, approvals.s, keys.hardwareX, keys.hardwareY)) {
            revert HardwareSignatureWrong(digest);
        }
    }

    /// An account of the other chain: only its key can speak here.
    function _checkAccount(address account, bytes32 digest, bytes calldata signature) private pure {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem != ECDSA.RecoverError.NoError || signer != account) revert SignatureNotOf(account);
    }

    /// D3: the key that signed the admission is the one the speaker has now.
    function _checkSpeaker(DeviceId id, DeviceKeys calldata keys) private view {
        _Device storage s = _devices[keys.speaker];
        DeviceKeys storage own = _keys[keys.speaker][s.keyNumber];
        bool sound = keys.speaker != id && s.state == DeviceState.Active && own.speaker == NO_DEVICE
            && own.hardwareX == keys.hardwareX && own.hardwareY == keys.hardwareY;
        if (!sound) revert SpeakerRefused(keys.speaker);
    }

    function _checkReading(SignedReading calldata signed) private view returns (bytes32 digest) {
        Reading calldata r = signed.reading;
        DeviceKeys storage keys = _keys[r.device][r.keyNumber];
        (bytes32 x, bytes32 y) = (keys.hardwareX, keys.hardwareY);
        if (x == 0 && y == 0) revert KeyUnknown(r.device, r.keyNumber);
        digest = r.digest();
        if (!P256.verify(digest, signed.r, signed.s, x, y)) revert HardwareSignatureWrong(digest);
    }

    function _record(DeviceId id) private view returns (DeviceRecord memory) {
        _Device storage d = _devices[id];
        DeviceKeys memory keys = _keys[id][d.keyNumber];
        return DeviceRecord(d.version, d.keyNumber, d.state, d.owner, d.consortiumOwner, d.certificate, keys);
    }
}
