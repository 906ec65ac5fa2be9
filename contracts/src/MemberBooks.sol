// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "./IMemberRegistry.sol";
import {IValidatorSet, Validator} from "./IValidatorSet.sol";
import {Organisation, Role, Terms} from "./MemberTypes.sol";

/// @title The organisations of a consortium, their certificates, validators and groups.
/// @dev Loops end at MAX_ORGANISATIONS, MAX_CERTIFICATES or the largest validator set.
abstract contract MemberBooks is IMemberRegistry {
    /// @inheritdoc IMemberRegistry
    uint256 public constant MAX_ORGANISATIONS = 64;
    /// @inheritdoc IMemberRegistry
    uint256 public constant MAX_CERTIFICATES = 16;
    /// @inheritdoc IMemberRegistry
    uint256 public constant MAX_NAME = 64;

    struct _Group {
        uint32 owner;
        /// Rises with each change: what was shared before counts no more.
        uint32 version;
    }

    IValidatorSet internal immutable _set;

    mapping(uint32 number => Organisation) private _organisations;
    mapping(address account => uint32 number) private _numbers;
    mapping(bytes32 name => bool) private _nameTaken;
    mapping(bytes32 fingerprint => uint32 number) private _holders;
    mapping(bytes32 fingerprint => bool) private _revoked;
    mapping(bytes32 group => _Group) private _groups;
    mapping(bytes32 group => mapping(uint32 version => mapping(uint32 number => bool))) private _shared;
    uint32[] internal _all;
    uint32 private _admitted;

    constructor(IValidatorSet set) {
        if (address(set).code.length == 0) revert RegistryConfigRefused(0);
        _set = set;
    }

    modifier onlyByVote() {
        if (msg.sender != address(this)) revert OnlyByVote(msg.sender);
        _;
    }

    // ---- by vote alone

    /// @inheritdoc IMemberRegistry
    function admit(Terms calldata terms) external onlyByVote returns (uint32 number) {
        number = _admit(terms);
        _schedule();
    }

    /// @inheritdoc IMemberRegistry
    function remove(uint32 number) external onlyByVote {
        Organisation storage o = _known(number);
        delete _numbers[o.account];
        delete _nameTaken[keccak256(bytes(o.name))];
        // G6: what it has speaks for it no more. Account and name stay readable.
        (o.role, o.validators) = (Role.None, new Validator[](0));
        for (uint256 i = 0; i < _all.length; ++i) {
            if (_all[i] != number) continue;
            _all[i] = _all[_all.length - 1];
            _all.pop();
        }
        emit OrganisationRemoved(number, o.account);
        _schedule();
    }

    /// @inheritdoc IMemberRegistry
    function setRole(uint32 number, Role role) external onlyByVote {
        Organisation storage o = _known(number);
        if (role == Role.None) revert TermsRefused(2);
        o.role = role;
        if (role == Role.Observer) o.validators = new Validator[](0);
        emit RoleChanged(number, role);
        _schedule();
    }

    /// @inheritdoc IMemberRegistry
    function setValidators(uint32 number, Validator[] calldata validators_) external onlyByVote {
        _known(number);
        _setValidators(number, validators_);
        _schedule();
    }

    // ---- by an organisation

    /// @inheritdoc IMemberRegistry
    function bindCertificate(bytes32 fingerprint) external {
        _bind(_caller(), fingerprint);
    }

    /// @inheritdoc IMemberRegistry
    function revokeCertificate(bytes32 fingerprint) external {
        uint32 number = _caller();
        if (_holders[fingerprint] != number || _revoked[fingerprint]) revert CertificateNotYours(fingerprint);
        _revoked[fingerprint] = true;
        bytes32[] storage list = _organisations[number].certificates;
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] != fingerprint) continue;
            list[i] = list[list.length - 1];
            list.pop();
        }
        emit CertificateRevoked(number, fingerprint);
    }

    /// @inheritdoc IMemberRegistry
    function setGroup(bytes32 group, uint32[] calldata numbers) external {
        uint32 number = _caller();
        _Group storage g = _groups[group];
        if (g.owner != 0 && g.owner != number) revert GroupNotYours(group, g.owner);
        if (numbers.length > MAX_ORGANISATIONS) revert TooMany(numbers.length, MAX_ORGANISATIONS);
        (g.owner, g.version) = (number, g.version + 1);
        for (uint256 i = 0; i < numbers.length; ++i) {
            _known(numbers[i]);
            _shared[group][g.version][numbers[i]] = true;
        }
        emit GroupChanged(group, number, numbers);
    }

    // ---- reading

    /// @inheritdoc IMemberRegistry
    function organisation(uint32 number) external view returns (Organisation memory) {
        return _organisations[number];
    }

    /// @inheritdoc IMemberRegistry
    function numberOf(address account) external view returns (uint32) {
        return _numbers[account];
    }

    /// @inheritdoc IMemberRegistry
    function certificate(bytes32 fingerprint) external view returns (uint32 number, Role role) {
        number = _holders[fingerprint];
        role = _revoked[fingerprint] ? Role.None : _organisations[number].role;
        if (role == Role.None) number = 0;
    }

    /// @inheritdoc IMemberRegistry
    function organisations() external view returns (uint32[] memory) {
        return _all;
    }

    /// @inheritdoc IMemberRegistry
    function isInGroup(bytes32 group, uint32 number) external view returns (bool) {
        _Group storage g = _groups[group];
        if (_organisations[number].role == Role.None) return false;
        return g.owner == number || _shared[group][g.version][number];
    }

    /// @inheritdoc IMemberRegistry
    function validators() public view returns (Validator[] memory all) {
        all = new Validator[](_set.MAX_VALIDATORS());
        uint256 count;
        for (uint256 i = 0; i < _all.length; ++i) {
            Validator[] storage own = _organisations[_all[i]].validators;
            if (count + own.length > all.length) revert TooMany(count + own.length, all.length);
            for (uint256 j = 0; j < own.length; ++j) {
                all[count++] = own[j];
            }
        }
        assembly ("memory-safe") {
            mstore(all, count)
        }
    }

    // ---- effects

    function _admit(Terms memory terms) internal returns (uint32 number) {
        if (_all.length == MAX_ORGANISATIONS) revert OrganisationsRefused(_all.length + 1, 0, MAX_ORGANISATIONS);
        bytes32 name = keccak256(bytes(terms.name));
        uint256 length = bytes(terms.name).length;
        if (length == 0 || length > MAX_NAME || _nameTaken[name]) revert TermsRefused(0);
        if (terms.account == address(0) || _numbers[terms.account] != 0) revert TermsRefused(1);
        if (terms.role == Role.None) revert TermsRefused(2);
        number = ++_admitted;
        _nameTaken[name] = true;
        _numbers[terms.account] = number;
        _all.push(number);
        Organisation storage o = _organisations[number];
        (o.name, o.account, o.role) = (terms.name, terms.account, terms.role);
        emit OrganisationAdmitted(number, terms.account, terms.role, terms.name);
        for (uint256 i = 0; i < terms.certificates.length; ++i) {
            _bind(number, terms.certificates[i]);
        }
        if (terms.validators.length != 0) _setValidators(number, terms.validators);
    }

    function _bind(uint32 number, bytes32 fingerprint) private {
        // G5: for ever, so that nobody takes another's old certificate for his own.
        if (fingerprint == 0 || _holders[fingerprint] != 0) revert CertificateRefused(fingerprint);
        bytes32[] storage list = _organisations[number].certificates;
        if (list.length == MAX_CERTIFICATES) revert TooMany(list.length + 1, MAX_CERTIFICATES);
        _holders[fingerprint] = number;
        list.push(fingerprint);
        emit CertificateBound(number, fingerprint);
    }

    function _setValidators(uint32 number, Validator[] memory validators_) private {
        Organisation storage o = _organisations[number];
        if (o.role != Role.Member && validators_.length != 0) revert ObserverValidates(number);
        delete o.validators;
        for (uint256 i = 0; i < validators_.length; ++i) {
            o.validators.push(validators_[i]);
        }
        emit ValidatorsChanged(number, validators_);
    }

    /// The set checks sizes and keys, also that no key stands for two.
    function _schedule() internal {
        Validator[] memory next = validators();
        _checkShares(next.length);
        _set.schedule(next);
    }

    // ---- checks

    /// G7: more than f validators of one organisation could finalise two blocks of one height with f others.
    function _checkShares(uint256 size) internal view {
        uint256 max = size == 0 ? 0 : (size - 1) / 3;
        for (uint256 i = 0; i < _all.length; ++i) {
            uint256 got = _organisations[_all[i]].validators.length;
            if (got > max) revert ShareTooLarge(_all[i], got, max);
        }
    }

    function _caller() internal view returns (uint32 number) {
        number = _numbers[msg.sender];
        if (number == 0) revert CallerNotAdmitted(msg.sender);
    }

    function _role(uint32 number) internal view returns (Role) {
        return _organisations[number].role;
    }

    function _known(uint32 number) private view returns (Organisation storage o) {
        o = _organisations[number];
        if (o.role == Role.None) revert OrganisationUnknown(number);
    }
}
