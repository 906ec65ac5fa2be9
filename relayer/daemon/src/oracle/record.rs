//! What the chains say of a device and of an anchor, and how it is read from their logs.

use alloy_primitives::{Address, B256, Log, U256};
use alloy_sol_types::{SolEvent as _, SolValue as _};
use causeway_adapter_api::RawLog;
use causeway_adapter_device::directory::Standing;
use causeway_contracts::{DataMarket, DeviceMirror, DeviceRegistry, Evidence};
use serde::{Deserialize, Serialize};

/// Where a device is in its life (docs/devices.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Its readings count.
    Active,
    /// The owner took it out.
    Leaving,
    /// One of the owner's keys disowned it.
    Revoked,
    /// It contradicted itself.
    Slashed,
    /// The deposit was paid back.
    Gone,
}

impl DeviceState {
    fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Active),
            2 => Some(Self::Leaving),
            3 => Some(Self::Revoked),
            4 => Some(Self::Slashed),
            5 => Some(Self::Gone),
            _ => None,
        }
    }

    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Leaving => "leaving",
            Self::Revoked => "revoked",
            Self::Slashed => "slashed",
            Self::Gone => "gone",
        }
    }

    /// Whether a device in it may speak.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Active => Standing::Active,
            _ => Standing::Revoked,
        }
    }
}

/// What a chain knows of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Rises with every change.
    pub version: u64,
    /// Number of its keys.
    pub key_number: u32,
    /// Where it is in its life.
    pub state: DeviceState,
    /// The owner's account on the public chain.
    pub owner: Address,
    /// The owner's account on the consortium chain.
    pub consortium_owner: Address,
    /// SHA-256 of its certificate.
    pub certificate: B256,
    /// Coordinates of its hardware key.
    pub hardware: [B256; 2],
    /// Coordinates of its feed key.
    pub feed_key: Option<[B256; 2]>,
    /// The device that signs for it.
    pub speaker: Option<B256>,
}

/// What is anchored of a stream in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorRecord {
    /// Number of all anchors, from 0.
    pub number: u64,
    /// Feed or device.
    pub stream: B256,
    /// 0, 1, 2, .. of the stream.
    pub period: u64,
    /// Milliseconds since 1970: it begins here.
    pub from: u64,
    /// It ends before this.
    pub until: u64,
    /// How many readings.
    pub count: u64,
    /// Root over them.
    pub root: B256,
    /// Running digest after the last.
    pub digest: B256,
}

/// One thing that a chain said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OracleFact {
    /// The registry has a device of this name; said once.
    Named {
        /// The device.
        id: B256,
        /// Its DID.
        did: String,
        /// Its record.
        record: DeviceRecord,
    },
    /// The registry has a new record.
    Registered {
        /// The device.
        id: B256,
        /// Its record.
        record: DeviceRecord,
    },
    /// The registry changed the state alone.
    Moved {
        /// The device.
        id: B256,
        /// Where it is now.
        state: DeviceState,
        /// Version of the record.
        version: u64,
    },
    /// The mirror has a new record.
    Mirrored {
        /// The device.
        id: B256,
        /// Its record.
        record: DeviceRecord,
    },
    /// A device earned by its readings.
    Rewarded {
        /// Number of the market's event.
        number: u64,
        /// The device.
        device: B256,
        /// For how many readings.
        readings: u32,
        /// How much, smallest units.
        amount: U256,
    },
    /// A period was anchored.
    Anchored(AnchorRecord),
}

/// What a log of the registry or of the market says about a device; `None` for anything else.
pub(super) fn of_public(log: &RawLog) -> Option<OracleFact> {
    let raw = raw(log)?;
    match *log.topics.first()? {
        DeviceRegistry::DeviceAdmitted::SIGNATURE_HASH => {
            let e = DeviceRegistry::DeviceAdmitted::decode_log(&raw).ok()?.data;
            Some(OracleFact::Named {
                id: e.id,
                record: registered(&e.record)?,
                did: e.did,
            })
        }
        DeviceRegistry::DeviceRekeyed::SIGNATURE_HASH => {
            let e = DeviceRegistry::DeviceRekeyed::decode_log(&raw).ok()?.data;
            Some(OracleFact::Registered {
                id: e.id,
                record: registered(&e.record)?,
            })
        }
        DeviceRegistry::DeviceRetired::SIGNATURE_HASH => {
            let e = DeviceRegistry::DeviceRetired::decode_log(&raw).ok()?.data;
            Some(OracleFact::Moved {
                id: e.id,
                state: DeviceState::of(e.state)?,
                version: e.version,
            })
        }
        DeviceRegistry::DeviceSlashed::SIGNATURE_HASH => {
            let e = DeviceRegistry::DeviceSlashed::decode_log(&raw).ok()?.data;
            Some(OracleFact::Moved {
                id: e.id,
                state: DeviceState::Slashed,
                version: e.version,
            })
        }
        DeviceRegistry::DeviceGone::SIGNATURE_HASH => {
            let e = DeviceRegistry::DeviceGone::decode_log(&raw).ok()?.data;
            Some(OracleFact::Moved {
                id: e.id,
                state: DeviceState::Gone,
                version: e.version,
            })
        }
        DataMarket::DeviceRewarded::SIGNATURE_HASH => {
            let e = DataMarket::DeviceRewarded::decode_log(&raw).ok()?.data;
            Some(OracleFact::Rewarded {
                number: e.number,
                device: e.device,
                readings: e.readings,
                amount: e.amount,
            })
        }
        _ => None,
    }
}

/// What a log of the mirror or of `Evidence` says; `None` for anything else.
pub(super) fn of_consortium(log: &RawLog) -> Option<OracleFact> {
    let raw = raw(log)?;
    match *log.topics.first()? {
        DeviceMirror::DeviceMirrored::SIGNATURE_HASH => {
            let e = DeviceMirror::DeviceMirrored::decode_log(&raw).ok()?.data;
            // The same struct under another contract's name.
            let record = DeviceRegistry::DeviceRecord::abi_decode(&e.record.abi_encode()).ok()?;
            Some(OracleFact::Mirrored {
                id: e.id,
                record: registered(&record)?,
            })
        }
        Evidence::Anchored::SIGNATURE_HASH => {
            let e = Evidence::Anchored::decode_log(&raw).ok()?.data;
            Some(OracleFact::Anchored(AnchorRecord {
                number: e.index,
                stream: e.anchor.stream,
                period: e.anchor.period,
                from: e.anchor.from,
                until: e.anchor.until,
                count: e.anchor.count,
                root: e.anchor.root,
                digest: e.anchor.digest,
            }))
        }
        _ => None,
    }
}

fn raw(log: &RawLog) -> Option<Log> {
    Log::new(log.address, log.topics.clone(), log.data.clone())
}

fn registered(record: &DeviceRegistry::DeviceRecord) -> Option<DeviceRecord> {
    let keys = &record.keys;
    let feed = [keys.feedX, keys.feedY];
    Some(DeviceRecord {
        version: record.version,
        key_number: record.keyNumber,
        state: DeviceState::of(record.state)?,
        owner: record.owner,
        consortium_owner: record.consortiumOwner,
        certificate: record.certificate,
        hardware: [keys.hardwareX, keys.hardwareY],
        feed_key: (!feed.iter().all(|c| c.is_zero())).then(|| feed.map(B256::from)),
        speaker: (!keys.speaker.is_zero()).then_some(keys.speaker),
    })
}
