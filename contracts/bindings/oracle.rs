//! Ids of devices and feeds, and what devices and operators sign; `docs/devices.md` and `docs/oracle.md` say what for.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};

use crate::device_registry::DeviceRegistry;
use crate::device_sessions::DeviceSessions::DeviceSession;
use crate::feed_aggregator::FeedAggregator;

mod signed {
    #![allow(missing_docs)]
    alloy_sol_types::sol! {
        struct DeviceKeys {
            bytes32 hardwareX;
            bytes32 hardwareY;
            uint256 feedX;
            uint256 feedY;
            bytes32 speaker;
        }

        struct Admission {
            string did;
            address owner;
            address consortiumOwner;
            bytes32 certificate;
            DeviceKeys keys;
            uint64 expires;
        }

        struct Rekeying {
            bytes32 device;
            uint32 keyNumber;
            bytes32 certificate;
            DeviceKeys keys;
            uint64 expires;
        }

        struct Revocation {
            bytes32 device;
        }
    }
}

/// Returns the id of the device with this DID in the `DeviceRegistry` at `registry` on chain `chain_id`.
pub fn device_id(chain_id: u64, registry: Address, did: &str) -> B256 {
    keccak256((U256::from(chain_id), registry, keccak256(did)).abi_encode_params())
}

/// Returns the id of the feed of this name.
pub fn feed_id(name: &str) -> B256 {
    keccak256(name)
}

/// Returns the domain of the `DeviceRegistry` at `registry` on chain `chain_id`.
pub fn registry_domain(chain_id: u64, registry: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Causeway DeviceRegistry",
        version: "1",
        chain_id: chain_id,
        verifying_contract: registry,
    }
}

/// Returns what both of the owner's keys sign to admit a device; its hardware key signs the SHA-256 of it.
pub fn admission_digest(domain: &Eip712Domain, admission: &DeviceRegistry::Admission) -> B256 {
    signed::Admission {
        did: admission.did.clone(),
        owner: admission.owner,
        consortiumOwner: admission.consortiumOwner,
        certificate: admission.certificate,
        keys: keys(&admission.keys),
        expires: admission.expires,
    }
    .eip712_signing_hash(domain)
}

/// Returns what both of the owner's keys sign to replace a device's keys; the new hardware key signs the SHA-256 of it.
pub fn rekeying_digest(domain: &Eip712Domain, rekeying: &DeviceRegistry::Rekeying) -> B256 {
    signed::Rekeying {
        device: rekeying.device,
        keyNumber: rekeying.keyNumber,
        certificate: rekeying.certificate,
        keys: keys(&rekeying.keys),
        expires: rekeying.expires,
    }
    .eip712_signing_hash(domain)
}

/// Returns what the owner's consortium key signs to disown a device.
pub fn revocation_digest(domain: &Eip712Domain, device: B256) -> B256 {
    signed::Revocation { device }.eip712_signing_hash(domain)
}

/// Returns the digest of a feed's configuration, as `FeedAggregator.configDigestOf`. `home` is the chain and address of the
/// feed's first aggregator.
pub fn config_digest(
    home: (u64, Address),
    feed: B256,
    number: u32,
    config: &FeedAggregator::FeedConfig,
) -> B256 {
    let tag = keccak256("causeway.feed.config.v1");
    let domain = keccak256((tag, U256::from(home.0), home.1, feed).abi_encode_params());
    let content = keccak256(config.abi_encode());
    keccak256((domain, U256::from(number), content).abi_encode_params())
}

/// Returns a device's number in statements about a feed, as `DeviceSessions.numberOf`: below 2^253.
pub fn device_number(device: B256, feed: B256) -> U256 {
    let tag = keccak256("causeway.device.number.v1");
    let hash = keccak256((tag, device, feed).abi_encode_params());
    U256::from_be_bytes(hash.0) >> 3
}

/// Returns what operators sign to put a session on record, as `DeviceSessions.sessionDigestOf`.
pub fn session_digest(config_digest: B256, session: &DeviceSession) -> B256 {
    let tag = keccak256("causeway.device.session.v1");
    keccak256((tag, config_digest, session.clone()).abi_encode_params())
}

fn keys(keys: &DeviceRegistry::DeviceKeys) -> signed::DeviceKeys {
    signed::DeviceKeys {
        hardwareX: keys.hardwareX,
        hardwareY: keys.hardwareY,
        feedX: keys.feedX,
        feedY: keys.feedY,
        speaker: keys.speaker,
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, b256};

    use super::*;

    // The expected ids and digests are the deployed contracts': `test/OracleVectors.t.sol` has the same.

    #[test]
    fn ids_are_those_of_the_contracts() {
        let device = device_id(7701, Address::repeat_byte(9), "did:odin:1.4711.1");
        let expected = b256!("ad1d55473e88a8683fbc8aaf8f2560d9f969924fb60a4eeb1707b3377da57077");
        assert_eq!(device, expected);
        let expected = b256!("4e4292b21a5966cfe619a183d1b2185c2ed72fbff3c70911d537fc8b076666f5");
        assert_eq!(feed_id("cold-chain/4711/temperature"), expected);
    }

    #[test]
    fn what_is_signed_about_a_device_is_that_of_the_contract() {
        let domain = registry_domain(7701, Address::repeat_byte(9));
        let keys = DeviceRegistry::DeviceKeys {
            hardwareX: B256::repeat_byte(1),
            hardwareY: B256::repeat_byte(2),
            feedX: U256::from(3),
            feedY: U256::from(4),
            speaker: B256::repeat_byte(5),
        };
        let admission = DeviceRegistry::Admission {
            did: "did:odin:1.4711.1".into(),
            owner: Address::repeat_byte(6),
            consortiumOwner: Address::repeat_byte(7),
            certificate: B256::repeat_byte(8),
            keys: keys.clone(),
            expires: 1_800_000_000,
        };
        let rekeying = DeviceRegistry::Rekeying {
            device: B256::repeat_byte(10),
            keyNumber: 2,
            certificate: B256::repeat_byte(8),
            keys,
            expires: 1_800_000_000,
        };

        let expected = b256!("77a545947098abfe933a8caff37ab5fd35d272fd2d5beb48310e30d28a4b7d55");
        assert_eq!(admission_digest(&domain, &admission), expected);
        let expected = b256!("8944b78f164e0eb1f0b508b51b2c0e076b323e9630761c5f1197d73c002b2198");
        assert_eq!(rekeying_digest(&domain, &rekeying), expected);
        let expected = b256!("3e5af524e9a044436ad740e7452237b6065c4f750d08a4a3475e3dba1c323cfe");
        assert_eq!(revocation_digest(&domain, B256::repeat_byte(10)), expected);
    }

    #[test]
    fn the_digest_of_a_configuration_is_that_of_the_contract() {
        let operators: Vec<u8> = (1..=4).flat_map(|i| [i; 20]).collect();
        let config = FeedAggregator::FeedConfig {
            operators: Bytes::from(operators),
            min: -4_000,
            max: 6_000,
            alarm: FeedAggregator::AlarmBand {
                low: 200,
                high: 800,
                hysteresis: 50,
                duration: 120,
            },
            deviation: 50,
            heartbeat: 60,
            staleAfter: 150,
        };

        let home = (7701, Address::repeat_byte(9));
        let digest = config_digest(home, B256::repeat_byte(3), 1, &config);

        let expected = b256!("47d0b800de4fb5f56e0a7d65b719063542594f744347f6ae6bf4e51fe124d097");
        assert_eq!(digest, expected);
    }

    /// Of `test_L161_the_vector` in `contracts/test/DeviceSessions.t.sol`.
    #[test]
    fn numbers_and_digests_of_sessions_are_those_of_the_contract() {
        let device = keccak256("device 4711");
        let session = DeviceSession {
            device,
            keyNumber: 1,
            first: 7,
            last: 38,
            digest: U256::from(425),
        };

        let number = device_number(device, keccak256("cold-chain/4711/temperature"));
        let digest = session_digest(B256::repeat_byte(0xc0), &session);

        assert_eq!(
            B256::from(number),
            b256!("0x0d6d9c3e8ee06bfcddec3826cbf2521784725665249c5f1dfd995a0f758f39d8")
        );
        assert_eq!(
            digest,
            b256!("0x9693e189f9f390ba285d76701a44752c1378751c69369a1a6876710433df8849")
        );
    }
}
