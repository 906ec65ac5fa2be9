//! Mutual TLS: who a client is, by its certificate.
//!
//! A client certificate is signed by the chain's CA. Its subject's CN is the holder's name; a URI in its subject
//! alternative names says what the holder may do:
//!
//! ```text
//! urn:causeway:role:<member|operator|regulator|admin>
//! ```
//!
//! exactly one of them. A server's certificate carries no role; clients check its DNS names and addresses as usual.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use alloy_primitives::B256;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use sha2::{Digest, Sha256};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

/// What a role's URI begins with.
pub const ROLE_PREFIX: &str = "urn:causeway:role:";
/// Longest name of a holder, bytes.
const MAX_NAME: usize = 128;

/// What the holder of a certificate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Member organisation of a consortium chain: reads and sends.
    Member,
    /// Operator of oracle devices: reads and sends.
    Operator,
    /// Reads everything, sends nothing.
    Regulator,
    /// Runs the node: reads and sends, and administers it.
    Admin,
}

impl Role {
    /// Whether it may send transactions.
    pub const fn may_send(self) -> bool {
        !matches!(self, Self::Regulator)
    }

    /// The URI that says so in a certificate.
    pub fn uri(self) -> String {
        format!("{ROLE_PREFIX}{self}")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "member",
            Self::Operator => "operator",
            Self::Regulator => "regulator",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        match name {
            "member" => Ok(Self::Member),
            "operator" => Ok(Self::Operator),
            "regulator" => Ok(Self::Regulator),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole(name.chars().take(MAX_NAME).collect())),
        }
    }
}

/// A role there is not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no role {0:?}: there are member, operator, regulator, admin")]
pub struct UnknownRole(pub String);

/// A client whose certificate was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// CN of its subject.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of its certificate; zero for a stand-in that has none.
    pub fingerprint: B256,
}

/// Certificates that spoke for somebody once and do no more: TLS takes them, whoever serves asks here. Shared by all
/// servers of a process.
#[derive(Debug, Default)]
pub struct Barred(parking_lot::RwLock<BTreeSet<B256>>);

impl Barred {
    /// Replaces all of them.
    pub fn set(&self, fingerprints: BTreeSet<B256>) {
        *self.0.write() = fingerprints;
    }

    /// Whether this certificate, by its SHA-256, speaks for nobody any more.
    pub fn has(&self, fingerprint: B256) -> bool {
        self.0.read().contains(&fingerprint)
    }
}

/// Why a certificate of the right CA still names nobody.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The client sent none.
    #[error("no client certificate was sent")]
    Missing,
    /// It cannot be read.
    #[error("the client certificate cannot be read: {0}")]
    Malformed(String),
    /// It has no usable name.
    #[error("the client certificate must have one common name of 1 to {MAX_NAME} bytes")]
    Name,
    /// It has no role, or several.
    #[error(
        "the client certificate of {name} has {got} URIs {ROLE_PREFIX}<role> among its subject alternative names, must have one"
    )]
    RoleCount {
        /// Whose it is.
        name: String,
        /// How many it has.
        got: usize,
    },
    /// Its role does not exist.
    #[error("the client certificate of {name}: {source}")]
    Role {
        /// Whose it is.
        name: String,
        /// Which role.
        #[source]
        source: UnknownRole,
    },
}

impl Peer {
    /// Reads name and role from a certificate whose signature and dates were checked.
    ///
    /// # Errors
    /// Says what the certificate lacks.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let malformed = |error: &dyn fmt::Display| PeerError::Malformed(error.to_string());
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate)
            .map_err(|error| malformed(&error))?;
        let mut names = parsed.subject().iter_common_name();
        let name = match (names.next().map(|name| name.as_str()), names.next()) {
            (Some(Ok(name)), None) if (1..=MAX_NAME).contains(&name.len()) => name.to_owned(),
            _ => return Err(PeerError::Name),
        };
        let alternatives = parsed
            .subject_alternative_name()
            .map_err(|error| malformed(&error))?;
        let roles: Vec<&str> = alternatives
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|general| match general {
                GeneralName::URI(uri) => uri.strip_prefix(ROLE_PREFIX),
                _ => None,
            })
            .collect();
        let [role] = roles.as_slice() else {
            return Err(PeerError::RoleCount {
                name,
                got: roles.len(),
            });
        };
        let role = role.parse().map_err(|source| PeerError::Role {
            name: name.clone(),
            source,
        })?;
        Ok(Self {
            name,
            role,
            fingerprint: B256::from_slice(&Sha256::digest(certificate)),
        })
    }

    /// A stand-in for a member, for a loopback port of the local profile.
    pub fn local(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
            fingerprint: B256::ZERO,
        }
    }
}

/// Files of a server's mutual TLS, PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificates of the CAs whose clients may connect.
    pub ca: PathBuf,
    /// The server's certificate and what leads to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Files of a client, PEM.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// Certificates of the CAs whose servers are believed.
    pub ca: PathBuf,
    /// The client's certificate and its private key, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl ClientFiles {
    /// Reads the files and makes the client's side of TLS.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(&self) -> Result<rustls::ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            let added = roots.add(certificate);
            added.map_err(|error| TlsError::Ca(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Identity)?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(TlsError::Identity)
    }
}

/// Why mutual TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} holds no {expected} in PEM form: {problem}")]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
        /// What was found.
        problem: String,
    },
    /// The CA is no usable trust anchor.
    #[error("the CA cannot be used: {0}")]
    Ca(String),
    /// The server's certificate or key is not usable, or they do not belong together.
    #[error("the certificate and its key cannot be used: {0}")]
    Identity(#[source] rustls::Error),
}

impl TlsFiles {
    /// Reads the files and makes the server's side of mutual TLS.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        server_config(
            &certificates(&self.ca)?,
            certificates(&self.certificate)?,
            private_key(&self.key)?,
        )
    }
}

/// The server's side of mutual TLS 1.2 and 1.3: a client without a certificate of one of `ca`, or with one that is not
/// valid today, gets no further than the handshake.
///
/// # Errors
/// See [`TlsError`].
pub fn server_config(
    ca: &[CertificateDer<'static>],
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in ca {
        roots
            .add(certificate.clone())
            .map_err(|error| TlsError::Ca(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| TlsError::Ca(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Identity)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(TlsError::Identity)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let raw = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&raw).collect();
    let pem = |problem: String| TlsError::Pem {
        path: path.to_owned(),
        expected: "certificate",
        problem,
    };
    match found {
        Ok(found) if found.is_empty() => Err(pem("nothing found".into())),
        Ok(found) => Ok(found),
        Err(error) => Err(pem(error.to_string())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| TlsError::Pem {
        path: path.to_owned(),
        expected: "private key",
        problem: error.to_string(),
    })
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsError> {
    std::fs::read(path)
        .map(Into::into)
        .map_err(|source| TlsError::Read {
            path: path.to_owned(),
            source,
        })
}
