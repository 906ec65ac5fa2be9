//! The certificate authority of a consortium, for development and for small installations.
//!
//! A certificate says who (common name) and in which role (URI subject alternative name `urn:causeway:role:<role>`).

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, string::Ia5String,
};
use serde::{Deserialize, Serialize};

use super::private_file;

/// Days a CA lasts.
const CA_DAYS: u32 = 3650;
/// Days a certificate lasts.
const LEAF_DAYS: u32 = 397;

/// What the holder of a certificate may do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, sends transactions, starts and refunds its transfers.
    Member,
    /// Reads and operates: the oracle's operators.
    Operator,
    /// Reads everything, sends nothing but freeze votes.
    Regulator,
    /// Everything.
    Admin,
    /// No client at all: a server certificate.
    Server,
}

impl Role {
    /// The name in the certificate.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Operator => "operator",
            Self::Regulator => "regulator",
            Self::Admin => "admin",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such role.
#[derive(Debug, thiserror::Error)]
#[error("no role {0:?}: member, operator, regulator or admin")]
pub struct NoSuchRole(String);

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Member,
            Self::Operator,
            Self::Regulator,
            Self::Admin,
            Self::Server,
        ];
        all.into_iter()
            .find(|r| r.name() == text)
            .ok_or_else(|| NoSuchRole(text.into()))
    }
}

/// Whom a certificate is for.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Common name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// DNS names and addresses, for a server or an operator that takes messages.
    pub hosts: Vec<String>,
}

/// Files of an issued certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Issued {
    /// PEM of the certificate.
    pub certificate: PathBuf,
    /// PEM of its key, readable by its owner alone.
    pub key: PathBuf,
}

/// What is wrong with the CA.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// A file is there already.
    #[error("{} exists: move it away first, certificates and keys are never overwritten", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot access {}: make the CA first with `causeway key ca --dir DIR`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key or certificate is damaged, or a name cannot stand in a certificate.
    #[error("cannot make the certificate of {name}")]
    Certificate {
        /// Of whom.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
}

/// A CA in a directory: `ca.pem` and `ca.key`.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a CA.
    ///
    /// # Errors
    /// [`CaError::Exists`] when the directory holds one.
    pub fn create(dir: &Path, name: &str) -> Result<Self, CaError> {
        let bad = |source| CaError::Certificate {
            name: name.into(),
            source,
        };
        let key = KeyPair::generate().map_err(bad)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(bad)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut params, CA_DAYS);
        let certificate = params.self_signed(&key).map_err(bad)?;
        write(&dir.join("ca.key"), key.serialize_pem().as_bytes())?;
        write(&dir.join("ca.pem"), certificate.pem().as_bytes())?;
        Self::open(dir)
    }

    /// Opens a CA.
    ///
    /// # Errors
    /// [`CaError::File`] when the directory holds none.
    pub fn open(dir: &Path) -> Result<Self, CaError> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|source| CaError::File { path, source })
        };
        let bad = |source| CaError::Certificate {
            name: dir.display().to_string(),
            source,
        };
        let key = zeroize::Zeroizing::new(read("ca.key")?);
        let key = KeyPair::from_pem(&key).map_err(bad)?;
        let issuer = Issuer::from_ca_cert_pem(&read("ca.pem")?, key).map_err(bad)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            issuer,
        })
    }

    /// Issues a certificate and writes `<name>.pem` and `<name>.key` into the directory of the CA.
    ///
    /// # Errors
    /// [`CaError::Exists`] when one of that name was issued here.
    pub fn issue(&self, subject: &Subject) -> Result<Issued, CaError> {
        let name = &subject.name;
        let bad = |source| CaError::Certificate {
            name: name.clone(),
            source,
        };
        let issued = Issued {
            certificate: self.dir.join(format!("{name}.pem")),
            key: self.dir.join(format!("{name}.key")),
        };
        let key = KeyPair::generate().map_err(bad)?;
        let mut params = CertificateParams::new(subject.hosts.clone()).map_err(bad)?;
        params
            .distinguished_name
            .push(DnType::CommonName, name.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, LEAF_DAYS);
        if subject.role == Role::Server {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        } else {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            // Operators of a feed serve each other by the certificate that names them.
            if subject.role == Role::Operator && !subject.hosts.is_empty() {
                params
                    .extended_key_usages
                    .push(ExtendedKeyUsagePurpose::ServerAuth);
            }
            let role = format!("urn:causeway:role:{}", subject.role);
            let uri = Ia5String::try_from(role).map_err(bad)?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        let certificate = params.signed_by(&key, &self.issuer).map_err(bad)?;
        write(&issued.key, key.serialize_pem().as_bytes())?;
        write(&issued.certificate, certificate.pem().as_bytes())?;
        Ok(issued)
    }
}

impl Authority {
    /// Its certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Issues the certificate of a device, a client named by its ODIN number that has no role: it opens an operator's intake
    /// and nothing else.
    ///
    /// # Errors
    /// [`CaError::Exists`] when one of the files is there.
    pub fn issue_device(
        &self,
        number: &str,
        certificate: &Path,
        key: &Path,
    ) -> Result<(), CaError> {
        let bad = |source| CaError::Certificate {
            name: number.into(),
            source,
        };
        let pair = KeyPair::generate().map_err(bad)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(bad)?;
        params.distinguished_name.push(DnType::CommonName, number);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, LEAF_DAYS);
        let issued = params.signed_by(&pair, &self.issuer).map_err(bad)?;
        let secret = zeroize::Zeroizing::new(pair.serialize_pem());
        write(key, secret.as_bytes())?;
        write(certificate, issued.pem().as_bytes())
    }
}

fn valid_for(params: &mut CertificateParams, days: u32) {
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // Backdated by a day against clocks that are behind.
    let now = rcgen::date_time_ymd(1970, 1, 1) + now;
    params.not_before = now - day;
    params.not_after = now + day * days;
}

fn write(path: &Path, pem: &[u8]) -> Result<(), CaError> {
    private_file::write_new(path, pem).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CaError::Exists { path: path.into() },
        _ => CaError::File {
            path: path.into(),
            source,
        },
    })
}
