//! The devices an operator knows, as the registry admitted them, and the feeds they speak for.

use std::collections::{BTreeSet, HashMap};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    keys::{FeedPublic, HardwarePublic, KeyError},
    names::{Did, FeedName, Unit},
};

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub B256);

impl Fingerprint {
    /// Of this certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(B256::new(Sha256::digest(der).into()))
    }
}

/// A feed and what its readings may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Its name.
    pub name: FeedName,
    /// The unit of its readings.
    pub unit: Unit,
    /// Digits behind the point.
    pub decimals: u8,
    /// Lowest plausible value, in units of the last digit.
    pub min: i64,
    /// Highest plausible value.
    pub max: i64,
    /// Whether each reading carries the feed key's signature.
    pub proved: bool,
}

/// Whether a device may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    Active,
    /// It was revoked, slashed, or is leaving.
    Revoked,
}

/// A device as it is stored and exchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id on the chains.
    pub id: B256,
    /// Its DID.
    pub did: Did,
    /// Its certificate.
    pub certificate: Fingerprint,
    /// The device that speaks for it, if it is a weak one.
    pub speaker: Option<B256>,
    /// Number of its keys.
    pub key_number: u32,
    /// Coordinates of its hardware key.
    pub hardware: [B256; 2],
    /// Coordinates of its feed key.
    pub feed_key: Option<[B256; 2]>,
    /// Feeds it speaks for.
    pub feeds: BTreeSet<FeedName>,
    /// Whether it may.
    pub standing: Standing,
}

/// A device whose keys were checked.
#[derive(Clone, Debug)]
pub struct Device {
    entry: Entry,
    hardware: HardwarePublic,
    feed_key: Option<FeedPublic>,
}

impl Device {
    /// Its record.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its hardware key.
    pub fn hardware(&self) -> &HardwarePublic {
        &self.hardware
    }

    /// Its feed key.
    pub fn feed_key(&self) -> Option<&FeedPublic> {
        self.feed_key.as_ref()
    }
}

/// An entry cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// A key is none.
    #[error("device {did}")]
    Key {
        /// Whose.
        did: Did,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
    /// A name or certificate is another device's.
    #[error("device {did}: its {what} is already {of}'s")]
    Taken {
        /// Whose.
        did: Did,
        /// DID or certificate.
        what: &'static str,
        /// Who has it.
        of: Did,
    },
    /// Two feeds of one name.
    #[error("feed {0} is described twice")]
    FeedTwice(FeedName),
    /// A feed whose numbers make no sense.
    #[error("feed {0}: at most 9 decimals, and min at most max")]
    FeedRange(FeedName),
    /// A device speaks for a feed that is not described.
    #[error("device {did} speaks for feed {feed}, which is not described")]
    FeedUnknown {
        /// Whose.
        did: Did,
        /// Which.
        feed: FeedName,
    },
}

/// Everything an operator knows of devices and feeds.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    feeds: HashMap<B256, Feed>,
    devices: HashMap<B256, Device>,
    by_did: HashMap<Did, B256>,
    by_certificate: HashMap<Fingerprint, B256>,
}

/// A directory as it is written to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Feeds.
    pub feeds: Vec<Feed>,
    /// Devices.
    pub devices: Vec<Entry>,
}

impl TryFrom<Listing> for Directory {
    type Error = DirectoryError;

    fn try_from(listing: Listing) -> Result<Self, DirectoryError> {
        let mut directory = Self::default();
        for feed in listing.feeds {
            directory.describe(feed)?;
        }
        for entry in listing.devices {
            directory.admit(entry)?;
        }
        Ok(directory)
    }
}

impl Directory {
    /// Adds a feed.
    ///
    /// # Errors
    /// [`DirectoryError::FeedTwice`], [`DirectoryError::FeedRange`].
    pub fn describe(&mut self, feed: Feed) -> Result<(), DirectoryError> {
        if feed.decimals > crate::decimal::MAX_SCALE || feed.min > feed.max {
            return Err(DirectoryError::FeedRange(feed.name));
        }
        if self.feeds.contains_key(&feed.name.id()) {
            return Err(DirectoryError::FeedTwice(feed.name));
        }
        self.feeds.insert(feed.name.id(), feed);
        Ok(())
    }

    /// Adds a device, or takes its newer record: new keys, another standing.
    ///
    /// # Errors
    /// When a key is none, a name another device's, or a feed unknown; nothing is changed then.
    pub fn admit(&mut self, entry: Entry) -> Result<(), DirectoryError> {
        let did = entry.did.clone();
        let of = |id: &B256| self.devices.get(id).map(|d| d.entry.did.clone());
        let taken =
            |what, found: Option<&B256>| match found.filter(|id| **id != entry.id).and_then(of) {
                Some(of) => Err(DirectoryError::Taken {
                    did: did.clone(),
                    what,
                    of,
                }),
                None => Ok(()),
            };
        taken("DID", self.by_did.get(&entry.did))?;
        // A weak device has its speaker's certificate, or one of its own.
        if entry.speaker.is_none() {
            taken("certificate", self.by_certificate.get(&entry.certificate))?;
        }
        if let Some(feed) = entry
            .feeds
            .iter()
            .find(|feed| !self.feeds.contains_key(&feed.id()))
        {
            let feed = feed.clone();
            return Err(DirectoryError::FeedUnknown { did, feed });
        }
        let key = |source| DirectoryError::Key {
            did: did.clone(),
            source,
        };
        let [x, y] = entry.hardware;
        let hardware = HardwarePublic::from_coordinates(x, y).map_err(key)?;
        let feed_key = entry
            .feed_key
            .map(|[x, y]| FeedPublic::from_coordinates(x, y));
        let device = Device {
            hardware,
            feed_key: feed_key.transpose().map_err(key)?,
            entry,
        };
        let (id, certificate, weak) = (
            device.entry.id,
            device.entry.certificate,
            device.entry.speaker.is_some(),
        );
        if let Some(before) = self.devices.insert(id, device) {
            self.by_did.remove(&before.entry.did);
            self.by_certificate.remove(&before.entry.certificate);
        }
        self.by_did.insert(did, id);
        if !weak {
            self.by_certificate.insert(certificate, id);
        }
        Ok(())
    }

    /// Changes whether a device may speak; false if there is no such device.
    pub fn set_standing(&mut self, id: &B256, standing: Standing) -> bool {
        let device = self.devices.get_mut(id);
        device
            .map(|device| device.entry.standing = standing)
            .is_some()
    }

    /// The device of an id.
    pub fn device(&self, id: &B256) -> Option<&Device> {
        self.devices.get(id)
    }

    /// The device of a DID.
    pub fn by_did(&self, did: &Did) -> Option<&Device> {
        self.by_did.get(did).and_then(|id| self.devices.get(id))
    }

    /// The device whose certificate this is.
    pub fn by_certificate(&self, fingerprint: &Fingerprint) -> Option<&Device> {
        let id = self.by_certificate.get(fingerprint);
        id.and_then(|id| self.devices.get(id))
    }

    /// The feed of an id.
    pub fn feed(&self, id: &B256) -> Option<&Feed> {
        self.feeds.get(id)
    }

    /// Everything, in a stable order.
    pub fn listing(&self) -> Listing {
        let mut feeds: Vec<Feed> = self.feeds.values().cloned().collect();
        feeds.sort_by(|a, b| a.name.cmp(&b.name));
        let mut devices: Vec<Entry> = self.devices.values().map(|d| d.entry.clone()).collect();
        devices.sort_by(|a, b| a.did.cmp(&b.did));
        Listing { feeds, devices }
    }
}
