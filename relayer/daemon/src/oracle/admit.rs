//! What the owner of a device has the registry do: admit, rekey, disown; and what a reporter has it do: slash.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_device::{archive::KeptEvidence, keys::HardwarePublic};
use causeway_contracts::{
    DeviceRegistry::{self, Admission, Approvals, DeviceKeys, Rekeying},
    oracle::{admission_digest, registry_domain, rekeying_digest, revocation_digest},
};

use super::OracleSite;
use crate::{keys::Signers, store::RelayCall};

/// Public keys of a device, as they are to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewKeys {
    /// Coordinates of the hardware key.
    pub hardware: [B256; 2],
    /// Coordinates of the feed key.
    pub feed_key: Option<[B256; 2]>,
    /// The device that speaks for it.
    pub speaker: Option<B256>,
}

impl NewKeys {
    fn of_contract(self) -> DeviceKeys {
        let [hardware_x, hardware_y] = self.hardware;
        let [feed_x, feed_y] = self.feed_key.unwrap_or_default();
        DeviceKeys {
            hardwareX: hardware_x,
            hardwareY: hardware_y,
            feedX: feed_x.into(),
            feedY: feed_y.into(),
            speaker: self.speaker.unwrap_or_default(),
        }
    }
}

/// A device that is to be admitted (D1), as the three keys sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// Its DID.
    pub did: String,
    /// The owner on the public chain.
    pub owner: Address,
    /// The owner on the consortium chain.
    pub consortium_owner: Address,
    /// SHA-256 of its certificate.
    pub certificate: B256,
    /// Its keys.
    pub keys: NewKeys,
    /// Last second in which it is accepted.
    pub expires: u64,
}

impl NewDevice {
    fn admission(&self) -> Admission {
        Admission {
            did: self.did.clone(),
            owner: self.owner,
            consortiumOwner: self.consortium_owner,
            certificate: self.certificate,
            keys: self.keys.of_contract(),
            expires: self.expires,
        }
    }

    /// What the owner's keys sign; the hardware key signs the SHA-256 of it.
    pub fn digest(&self, chain_id: u64, registry: Address) -> B256 {
        admission_digest(&registry_domain(chain_id, registry), &self.admission())
    }

    /// The call that admits it, signed by both of the owner's keys; `None` where one of them is not here.
    pub fn call(
        &self,
        site: &OracleSite,
        signers: &Signers,
        hardware: [B256; 2],
        deposit: U256,
    ) -> Option<RelayCall> {
        let digest = self.digest(site.public.0, site.registry);
        let call = DeviceRegistry::admitCall {
            a: self.admission(),
            approvals: approvals(
                signers,
                [self.owner, self.consortium_owner],
                digest,
                hardware,
            )?,
        };
        Some(RelayCall {
            task: format!("device-admit:{}", self.did),
            to: site.registry,
            data: call.abi_encode().into(),
            value: deposit,
            ..RelayCall::default()
        })
    }
}

/// New keys of a device (D4), as the three keys sign them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The device.
    pub device: B256,
    /// Number of the keys.
    pub key_number: u32,
    /// SHA-256 of its certificate.
    pub certificate: B256,
    /// The keys.
    pub keys: NewKeys,
    /// Last second in which they are accepted.
    pub expires: u64,
}

impl NewKey {
    fn rekeying(&self) -> Rekeying {
        Rekeying {
            device: self.device,
            keyNumber: self.key_number,
            certificate: self.certificate,
            keys: self.keys.of_contract(),
            expires: self.expires,
        }
    }

    /// What the owner's keys sign; the new hardware key signs the SHA-256 of it.
    pub fn digest(&self, chain_id: u64, registry: Address) -> B256 {
        rekeying_digest(&registry_domain(chain_id, registry), &self.rekeying())
    }

    /// The call that replaces the keys; `None` where a key of the owner is not here.
    pub fn call(
        &self,
        site: &OracleSite,
        signers: &Signers,
        owners: [Address; 2],
        hardware: [B256; 2],
    ) -> Option<RelayCall> {
        let digest = self.digest(site.public.0, site.registry);
        let call = DeviceRegistry::rekeyCall {
            r: self.rekeying(),
            approvals: approvals(signers, owners, digest, hardware)?,
        };
        Some(RelayCall {
            task: format!("device-rekey:{}:{}", self.device, self.key_number),
            to: site.registry,
            data: call.abi_encode().into(),
            ..RelayCall::default()
        })
    }
}

/// The call that disowns a device (D5): by the owner himself, or by anybody with the word of the consortium's key.
pub fn revoke(
    site: &OracleSite,
    signers: &Signers,
    device: B256,
    by: Address,
    is_owner: bool,
) -> Option<RelayCall> {
    let signature = if is_owner {
        Bytes::new()
    } else {
        let domain = registry_domain(site.public.0, site.registry);
        signers.sign(by, revocation_digest(&domain, device))?
    };
    let call = DeviceRegistry::revokeCall {
        id: device,
        consortiumSignature: signature,
    };
    Some(RelayCall {
        task: format!("device-revoke:{device}"),
        to: site.registry,
        data: call.abi_encode().into(),
        ..RelayCall::default()
    })
}

/// The call by which the owner takes a device out.
pub fn exit(site: &OracleSite, device: B256) -> RelayCall {
    RelayCall {
        task: format!("device-exit:{device}"),
        to: site.registry,
        data: DeviceRegistry::exitCall { id: device }.abi_encode().into(),
        ..RelayCall::default()
    }
}

/// The call that gives a deposit back, once its delay is over.
pub fn release(site: &OracleSite, device: B256) -> RelayCall {
    RelayCall {
        task: format!("device-release:{device}"),
        to: site.registry,
        data: DeviceRegistry::releaseCall { id: device }
            .abi_encode()
            .into(),
        ..RelayCall::default()
    }
}

/// The call that pays out what somebody has.
pub fn withdraw(site: &OracleSite, payee: Address) -> RelayCall {
    RelayCall {
        task: format!("device-withdraw:{payee}"),
        to: site.registry,
        data: DeviceRegistry::withdrawCall { payee }.abi_encode().into(),
        ..RelayCall::default()
    }
}

/// The call that brings evidence against a device (D6).
pub fn slash(site: &OracleSite, evidence: &KeptEvidence) -> RelayCall {
    let [first, second] = evidence.readings.map(|(body, signature)| {
        let (r, s) = signature.split_at(32);
        DeviceRegistry::SignedReading {
            reading: DeviceRegistry::Reading {
                keyNumber: body.key_number,
                sequence: body.sequence,
                time: body.time,
                value: body.value,
                device: body.device,
                feed: body.feed,
                previous: body.previous,
            },
            r: B256::from_slice(r),
            s: B256::from_slice(s),
        }
    });
    let device = evidence.readings[0].0.device;
    RelayCall {
        task: format!("device-slash:{device}"),
        to: site.registry,
        data: DeviceRegistry::slashCall { first, second }
            .abi_encode()
            .into(),
        ..RelayCall::default()
    }
}

/// Whether the hardware key of `keys` has signed `digest`: asked before a transaction is paid for.
pub fn hardware_signed(keys: &NewKeys, digest: B256, [r, s]: [B256; 2]) -> bool {
    let [x, y] = keys.hardware;
    let Ok(public) = HardwarePublic::from_coordinates(x, y) else {
        return false;
    };
    let mut signature = [0; 64];
    let (left, right) = signature.split_at_mut(32);
    left.copy_from_slice(r.as_slice());
    right.copy_from_slice(s.as_slice());
    public.approved(digest, &signature)
}

fn approvals(
    signers: &Signers,
    [owner, consortium_owner]: [Address; 2],
    digest: B256,
    [r, s]: [B256; 2],
) -> Option<Approvals> {
    Some(Approvals {
        owner: signers.sign(owner, digest)?,
        consortiumOwner: signers.sign(consortium_owner, digest)?,
        r,
        s,
    })
}
