//! TLS 1.3 with certificates on both sides.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use crate::keys::{KeyError, load_pkcs8};

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate file is none.
    #[error("{path} holds no certificate in PEM form")]
    Certificate {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The CA is no usable trust anchor.
    #[error("the CA's certificate cannot be used")]
    Ca(#[source] rustls::Error),
    /// Clients of the CA cannot be checked.
    #[error("clients of the CA cannot be checked")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
    /// Certificate and key cannot be used or do not belong together.
    #[error("certificate and key cannot be used together")]
    Identity(#[source] rustls::Error),
}

/// A certificate with its key, and the CA that the other side's certificate is of.
#[derive(Debug)]
pub struct Identity {
    /// Trust anchors.
    pub ca: Vec<CertificateDer<'static>>,
    /// Ours, and what leads to its root.
    pub chain: Vec<CertificateDer<'static>>,
    /// Our key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads the files; the key is PKCS#8, encrypted or not.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(
        ca: &Path,
        chain: &Path,
        key: &Path,
        password: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let der = load_pkcs8(key, password)?;
        Ok(Self {
            ca: certificates(ca)?,
            chain: certificates(chain)?,
            key: PrivatePkcs8KeyDer::from(der.to_vec()).into(),
        })
    }

    /// The server's side: a client without a valid certificate of the CA gets no further than the handshake.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn server(self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots(&self.ca)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(TlsError::Verifier)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Identity)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain, self.key)
            .map_err(TlsError::Identity)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A device connects once and stays: tickets would only be memory.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The client's side.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn client(self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Identity)?
            .with_root_certificates(roots(&self.ca)?)
            .with_client_auth_cert(self.chain, self.key)
            .map_err(TlsError::Identity)?;
        Ok(Arc::new(config))
    }
}

fn roots(ca: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in ca {
        roots.add(certificate.clone()).map_err(TlsError::Ca)?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::Certificate {
        path: path.into(),
        source,
    };
    let found = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() {
        return Err(wrong(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(found)
}
