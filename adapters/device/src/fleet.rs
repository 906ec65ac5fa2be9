//! Many simulated devices: real keys, real certificates, real connections, the real protocol.

pub mod adversary;
pub mod drive;
pub mod profile;

use std::{fs, io, net::IpAddr, path::Path, sync::Arc};

use alloy_primitives::{B256, keccak256};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::{
    directory::{Directory, DirectoryError, Entry, Fingerprint, Listing, Standing},
    keys::{FeedKey, HardwareKey, KeyError, save_pkcs8},
    names::Did,
    tls::Identity,
};
use profile::Profile;

/// A fleet cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A certificate cannot be made.
    #[error("a certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// A key cannot be made or kept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The devices do not fit together.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Too many devices.
    #[error("a fleet has 1 to {MAX_DEVICES} devices, got {0}")]
    Count(usize),
}

/// A certificate authority of one's own: for tests, demonstrations and load, never for real devices.
pub struct TrialCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for TrialCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrialCa(..)")
    }
}

impl TrialCa {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`FleetError::Certificate`].
    pub fn new() -> Result<Self, FleetError> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "causeway trial devices");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// The CA's certificate as text.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Certificate and key of a device, a client named by its ODIN number, valid from one time to another.
    ///
    /// # Errors
    /// [`FleetError::Certificate`].
    pub fn device(&self, number: &str, years: (i32, i32)) -> Result<Issued, FleetError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, number);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        self.issue(params)
    }

    /// Certificate and key of a server or broker on this machine.
    ///
    /// # Errors
    /// [`FleetError::Certificate`].
    pub fn local_server(&self) -> Result<Issued, FleetError> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Result<Issued, FleetError> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            ca: self.certificate(),
            pem: certificate.pem(),
            der: certificate.der().clone(),
            key: key.serialize_der(),
        })
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    ca: CertificateDer<'static>,
    pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued({})", self.fingerprint().0)
    }
}

impl Issued {
    /// The certificate's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// For TLS with somebody of the same CA.
    pub fn identity(&self) -> Identity {
        Identity {
            ca: vec![self.ca.clone()],
            chain: vec![self.der.clone()],
            key: PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone())),
        }
    }

    /// Writes certificate and key.
    ///
    /// # Errors
    /// [`FleetError::Key`], [`FleetError::Write`].
    pub fn save(&self, certificate: &Path, key: &Path) -> Result<(), FleetError> {
        save_pkcs8(key, &self.key, None)?;
        write(certificate, self.pem.as_bytes())
    }
}

/// One simulated device.
#[derive(Debug)]
pub struct Simulated {
    /// Its record for a directory.
    pub entry: Entry,
    /// Signs its readings.
    pub hardware: HardwareKey,
    /// Signs for statements.
    pub feed_key: FeedKey,
    /// For TLS.
    pub issued: Issued,
}

/// Simulated devices of one profile and their CA.
#[derive(Debug)]
pub struct Fleet {
    /// What they measure.
    pub profile: Profile,
    /// Issued their certificates.
    pub ca: TrialCa,
    /// The devices.
    pub devices: Vec<Arc<Simulated>>,
}

impl Fleet {
    /// Makes `count` devices with new keys and certificates.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub fn new(count: usize, profile: Profile) -> Result<Self, FleetError> {
        if !(1..=MAX_DEVICES).contains(&count) {
            return Err(FleetError::Count(count));
        }
        let ca = TrialCa::new()?;
        let devices = (0..count).map(|i| simulated(&ca, profile, i).map(Arc::new));
        Ok(Self {
            profile,
            devices: devices.collect::<Result<_, _>>()?,
            ca,
        })
    }

    /// The directory an operator needs to take their readings.
    pub fn listing(&self) -> Listing {
        Listing {
            feeds: vec![self.profile.feed()],
            devices: self
                .devices
                .iter()
                .map(|device| device.entry.clone())
                .collect(),
        }
    }

    /// The same, checked.
    ///
    /// # Errors
    /// [`FleetError::Directory`].
    pub fn directory(&self) -> Result<Directory, FleetError> {
        Ok(self.listing().try_into()?)
    }
}

fn simulated(ca: &TrialCa, profile: Profile, index: usize) -> Result<Simulated, FleetError> {
    let did = Did::of_number(&format!("trial.{}.{index}", profile.name()));
    // Digits and the profile's own name are letters of an ODIN number.
    let did = did.map_err(|_| FleetError::Count(index))?;
    let hardware = HardwareKey::generate();
    let [x, _] = hardware.public().coordinates();
    let feed_key = FeedKey::from_seed(&keccak256(x).0)?;
    let issued = ca.device(did.number(), (2020, 2120))?;
    let entry = Entry {
        id: id_of(&did),
        did,
        certificate: issued.fingerprint(),
        speaker: None,
        key_number: 1,
        hardware: hardware.public().coordinates(),
        feed_key: Some(feed_key.public().coordinates()),
        feeds: [profile.feed().name].into(),
        standing: Standing::Active,
    };
    Ok(Simulated {
        entry,
        hardware,
        feed_key,
        issued,
    })
}

/// The id of a device that no registry has admitted.
fn id_of(did: &Did) -> B256 {
    keccak256(did.as_str())
}

/// Writes a file of a trial.
///
/// # Errors
/// [`FleetError::Write`].
pub fn write(path: &Path, content: &[u8]) -> Result<(), FleetError> {
    fs::write(path, content).map_err(|source| FleetError::Write {
        path: path.into(),
        source,
    })
}

/// Most devices of one fleet.
pub const MAX_DEVICES: usize = 100_000;
