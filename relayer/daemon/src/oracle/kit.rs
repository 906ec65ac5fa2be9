//! A device's own directory: keys, certificate, configuration of the process beside the sensor. It stays with the device;
//! the daemon sees public halves and signatures.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256};
use causeway_adapter_device::{
    directory::Fingerprint,
    keys::{FeedKey, HardwareKey, KeyError},
    names::Did,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::admit::{NewDevice, NewKey, NewKeys};
use crate::{
    api::{DeviceKeysBody, DeviceView, FeedView},
    keys::{Authority, CaError},
};

/// A directory of a device cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The CA.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// A file.
    #[error("cannot use {}: `causeway device new` makes a device's directory", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No certificate.
    #[error("{} holds no certificate in PEM form", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
}

/// A device's own directory.
#[derive(Clone, Debug)]
pub struct Kit {
    dir: PathBuf,
    password: Option<PathBuf>,
}

impl Kit {
    /// Makes keys and a certificate of `ca`, named by the ODIN number. Never overwrites.
    ///
    /// # Errors
    /// See [`KitError`].
    pub fn create(
        dir: &Path,
        did: &Did,
        ca: &Authority,
        password: Option<&Path>,
    ) -> Result<Self, KitError> {
        let kit = Self::at(dir, password);
        fs::create_dir_all(dir).map_err(|source| kit.failed("", source))?;
        HardwareKey::generate().save(&kit.file(HARDWARE), password)?;
        FeedKey::create(&kit.file(FEED))?;
        ca.issue_device(
            did.number(),
            &kit.file(CERTIFICATE),
            &kit.file(CERTIFICATE_KEY),
        )?;
        fs::copy(ca.certificate(), kit.file(CA)).map_err(|source| kit.failed(CA, source))?;
        Ok(kit)
    }

    /// A directory that is there.
    pub fn at(dir: &Path, password: Option<&Path>) -> Self {
        Self {
            dir: dir.into(),
            password: password.map(Path::to_path_buf),
        }
    }

    /// Makes a new hardware key and feed key beside the certificate, for a rekeying; the old files get the suffix `.old`.
    ///
    /// # Errors
    /// See [`KitError`].
    pub fn renew(&self) -> Result<(), KitError> {
        for name in [HARDWARE, FEED] {
            let old = self.file(&format!("{name}.old"));
            fs::rename(self.file(name), old).map_err(|source| self.failed(name, source))?;
        }
        HardwareKey::generate().save(&self.file(HARDWARE), self.password.as_deref())?;
        FeedKey::create(&self.file(FEED))?;
        Ok(())
    }

    /// What admits the device, with the hardware key's word.
    ///
    /// # Errors
    /// A key or certificate that cannot be read.
    pub fn admission(
        &self,
        did: &Did,
        owners: [Address; 2],
        expires: u64,
        registry: (u64, Address),
    ) -> Result<DeviceKeysBody, KitError> {
        let (hardware, keys) = self.keys()?;
        let device = NewDevice {
            did: did.to_string(),
            owner: owners[0],
            consortium_owner: owners[1],
            certificate: self.fingerprint()?,
            keys,
            expires,
        };
        let digest = device.digest(registry.0, registry.1);
        Ok(body(
            &device.keys,
            device.certificate,
            expires,
            hardware.approve(digest),
        ))
    }

    /// What replaces its keys by those in the directory, with the new hardware key's word.
    ///
    /// # Errors
    /// A key or certificate that cannot be read.
    pub fn rekeying(
        &self,
        device: B256,
        key_number: u32,
        expires: u64,
        registry: (u64, Address),
    ) -> Result<DeviceKeysBody, KitError> {
        let (hardware, keys) = self.keys()?;
        let new = NewKey {
            device,
            key_number,
            certificate: self.fingerprint()?,
            keys,
            expires,
        };
        let digest = new.digest(registry.0, registry.1);
        Ok(body(
            &new.keys,
            new.certificate,
            expires,
            hardware.approve(digest),
        ))
    }

    /// Writes `device.toml` for a device that was admitted: what is appended to `values.txt` is measured.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub fn configure(
        &self,
        device: &DeviceView,
        feed: &FeedView,
        operators: &[String],
    ) -> Result<PathBuf, KitError> {
        let password = self.password.as_ref();
        let password = password.map_or(String::new(), |path| {
            format!("password = {:?}\n", crate::config::absolute(path))
        });
        let text = format!(
            "# Made by `causeway device admit`. `causeway-device run --config device.toml` measures what is appended to\n\
             # values.txt, one number a line; config/device.toml explains every key.\n\
             [device]\ndid = \"{did}\"\nid = \"{id}\"\nkey_number = {key_number}\n\n\
             [feed]\nname = \"{name}\"\nunit = \"{unit}\"\ndecimals = {decimals}\nmin = {min}\nmax = {max}\nproved = {proved}\n\n\
             [keys]\nhardware = \"{HARDWARE}\"\n{password}feed = \"{FEED}\"\ncertificate = \"{CERTIFICATE}\"\n\
             certificate_key = \"{CERTIFICATE_KEY}\"\nca = \"{CA}\"\n\n\
             [source]\nkind = \"file\"\npath = \"values.txt\"\n\n\
             [uplink]\nurl = {operators:?}\n\n\
             [buffer]\npath = \"buffer.sqlite\"\n\n\
             [health]\npath = \"health.json\"\nevery_seconds = 60\n",
            did = device.did,
            id = device.id,
            key_number = device.key_number,
            name = feed.name,
            unit = feed.unit,
            decimals = feed.decimals,
            min = feed.min,
            max = feed.max,
            proved = feed.proved,
        );
        let path = self.file(CONFIG);
        fs::write(&path, text).map_err(|source| self.failed(CONFIG, source))?;
        Ok(path)
    }

    /// Where the configuration of the process beside the sensor is.
    pub fn config(&self) -> PathBuf {
        self.file(CONFIG)
    }

    fn keys(&self) -> Result<(HardwareKey, NewKeys), KitError> {
        let hardware = HardwareKey::load(&self.file(HARDWARE), self.password.as_deref())?;
        let feed = self.file(FEED);
        let feed = feed.exists().then(|| FeedKey::load(&feed)).transpose()?;
        let keys = NewKeys {
            hardware: hardware.public().coordinates(),
            feed_key: feed.map(|key| key.public().coordinates()),
            speaker: None,
        };
        Ok((hardware, keys))
    }

    fn fingerprint(&self) -> Result<B256, KitError> {
        let path = self.file(CERTIFICATE);
        let certificate = CertificateDer::from_pem_file(&path);
        let certificate = certificate.map_err(|source| KitError::Certificate { path, source })?;
        Ok(Fingerprint::of(&certificate).0)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn failed(&self, name: &str, source: io::Error) -> KitError {
        KitError::File {
            path: self.file(name),
            source,
        }
    }
}

fn body(keys: &NewKeys, certificate: B256, expires: u64, signature: [u8; 64]) -> DeviceKeysBody {
    let (r, s) = signature.split_at(32);
    let text = |pair: [B256; 2]| pair.map(|word| word.to_string());
    DeviceKeysBody {
        certificate: certificate.to_string(),
        hardware: text(keys.hardware),
        feed_key: keys.feed_key.map(text),
        speaker: None,
        expires,
        signature: text([B256::from_slice(r), B256::from_slice(s)]),
    }
}

const HARDWARE: &str = "hardware.pem";
const FEED: &str = "feed.key";
const CERTIFICATE: &str = "device.pem";
const CERTIFICATE_KEY: &str = "device.key";
const CA: &str = "ca.pem";
const CONFIG: &str = "device.toml";
