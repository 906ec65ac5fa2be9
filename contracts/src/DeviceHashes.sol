// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Admission, DeviceId, DeviceKeys, Rekeying} from "./DeviceTypes.sol";

/// @title EIP-712 hashes of what is signed about a device, and the form of its DID.
library DeviceHashes {
    bytes private constant _KEYS =
        "DeviceKeys(bytes32 hardwareX,bytes32 hardwareY,uint256 feedX,uint256 feedY,bytes32 speaker)";
    bytes32 private constant _KEYS_TYPEHASH = keccak256(_KEYS);
    bytes32 private constant _ADMISSION_TYPEHASH = keccak256(
        bytes.concat(
            "Admission(string did,address owner,address consortiumOwner,bytes32 certificate,DeviceKeys keys,uint64 expires)",
            _KEYS
        )
    );
    bytes32 private constant _REKEYING_TYPEHASH = keccak256(
        bytes.concat(
            "Rekeying(bytes32 device,uint32 keyNumber,bytes32 certificate,DeviceKeys keys,uint64 expires)", _KEYS
        )
    );
    bytes32 private constant _REVOCATION_TYPEHASH = keccak256("Revocation(bytes32 device)");

    bytes9 private constant _METHOD = "did:odin:";
    uint256 private constant _METHOD_LENGTH = 9;
    uint256 private constant _MAX_DID = 128;

    function ofAdmission(Admission calldata a) internal pure returns (bytes32) {
        bytes32 did = keccak256(bytes(a.did));
        return keccak256(
            abi.encode(
                _ADMISSION_TYPEHASH, did, a.owner, a.consortiumOwner, a.certificate, _ofKeys(a.keys), a.expires
            )
        );
    }

    function ofRekeying(Rekeying calldata r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(_REKEYING_TYPEHASH, r.device, r.keyNumber, r.certificate, _ofKeys(r.keys), r.expires)
        );
    }

    function ofRevocation(DeviceId id) internal pure returns (bytes32) {
        return keccak256(abi.encode(_REVOCATION_TYPEHASH, id));
    }

    /// @dev Whether it is `did:odin:` and 1 to 119 characters of a-z, 0-9, dot, colon, minus: one spelling for one number.
    function isDid(bytes calldata did) internal pure returns (bool) {
        if (did.length <= _METHOD_LENGTH || did.length > _MAX_DID || bytes9(did) != _METHOD) return false;
        for (uint256 i = _METHOD_LENGTH; i < did.length; ++i) {
            bytes1 c = did[i];
            bool letter = c >= "a" && c <= "z";
            bool digit = c >= "0" && c <= ":"; // the colon follows 9
            if (!letter && !digit && c != "." && c != "-") return false;
        }
        return true;
    }

    function _ofKeys(DeviceKeys calldata k) private pure returns (bytes32) {
        return keccak256(abi.encode(_KEYS_TYPEHASH, k));
    }
}
