//! One node: bounded answers in bounded time.

use std::{fs, path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use causeway_adapter_api::ChainError;
use jsonrpsee::{
    core::{
        client::{ClientT, Error},
        params::ArrayParams,
    },
    http_client::{HttpClient, HttpClientBuilder, transport},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    ConnectError, EvmConfig, Tls,
    refusal::{self, Kind},
};

/// One JSON-RPC node.
pub(crate) struct Node {
    /// `<chain> at <host>:<port>`; the rest of the URL may hold a key.
    pub(crate) label: String,
    client: HttpClient,
    timeout: Duration,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The node is away, slow or talks nonsense.
    Node(ChainError),
    /// The node understood and refuses.
    Refused(Refused),
}

/// A JSON-RPC error object.
#[derive(Debug)]
pub(crate) struct Refused {
    label: String,
    code: i64,
    message: String,
    /// Revert data, where there is any.
    pub(crate) data: Option<Bytes>,
    /// What it means.
    pub(crate) kind: Kind,
}

impl Node {
    pub(crate) fn all(config: &EvmConfig) -> Result<Vec<Arc<Self>>, ConnectError> {
        let tls = config.tls.as_ref().map(tls_config).transpose()?;
        config
            .urls
            .iter()
            .zip(1..)
            .map(|(url, index)| Self::new(config, url, index, tls.clone()))
            .collect()
    }

    fn new(
        config: &EvmConfig,
        url: &str,
        index: usize,
        tls: Option<ClientConfig>,
    ) -> Result<Arc<Self>, ConnectError> {
        let refuse = |why| ConnectError::ConfigBadUrl {
            chain: config.name.clone(),
            index,
            why,
        };
        let uri: http::Uri = url.parse().map_err(|_| refuse("it is not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refuse("it begins with neither http:// nor https://"));
        }
        let host = uri.host().ok_or_else(|| refuse("it has no host"))?;
        let port = uri
            .port_u16()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let timeout = config.request_timeout();
        let mut builder = HttpClientBuilder::default()
            .max_response_size(config.max_response_bytes)
            .request_timeout(timeout)
            .connect_timeout(timeout);
        if let Some(tls) = tls {
            builder = builder.with_custom_cert_store(tls);
        }
        // jsonrpsee's own error quotes the URL.
        let client = builder
            .build(url)
            .map_err(|_| refuse("the HTTP client does not accept it"))?;
        Ok(Arc::new(Self {
            label: format!("{} at {host}{port}", config.name),
            client,
            timeout,
        }))
    }

    /// One call. `doing` says during what an error came.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
        doing: &'static str,
    ) -> Result<T, CallError> {
        let request = self.client.request::<T, _>(method, params);
        match tokio::time::timeout(self.timeout, request).await {
            Ok(answer) => answer.map_err(|error| self.explain(error, doing)),
            Err(_) => Err(CallError::Node(self.late(doing))),
        }
    }

    /// A value that cannot be.
    pub(crate) fn malformed(&self, expected: &'static str, got: impl Into<String>) -> ChainError {
        malformed(self.label.clone(), expected, got)
    }

    fn late(&self, doing: &'static str) -> ChainError {
        ChainError::Timeout {
            chain: self.label.clone(),
            doing,
            limit: self.timeout,
        }
    }

    fn explain(&self, error: Error, doing: &'static str) -> CallError {
        let chain = self.label.clone();
        CallError::Node(match error {
            Error::Call(object) => {
                let (code, message) = (i64::from(object.code()), shorten(object.message()));
                let data = object
                    .data()
                    .and_then(|raw| serde_json::from_str(raw.get()).ok());
                let data = data.as_ref().and_then(refusal::revert_data);
                let kind = refusal::kind(code, &message);
                return CallError::Refused(Refused {
                    label: chain,
                    code,
                    message,
                    data,
                    kind,
                });
            }
            Error::RequestTimeout => self.late(doing),
            Error::ParseError(why) => {
                self.malformed("the answer of the method asked", why.to_string())
            }
            Error::InvalidRequestId(why) => {
                self.malformed("the id of the request", why.to_string())
            }
            Error::Transport(source) => match source.downcast::<transport::Error>() {
                Ok(why) => self.transport(*why, doing),
                Err(source) => ChainError::NodeUnreachable {
                    chain,
                    doing,
                    source,
                },
            },
            other => ChainError::NodeUnreachable {
                chain,
                doing,
                source: other.into(),
            },
        })
    }

    fn transport(&self, error: transport::Error, doing: &'static str) -> ChainError {
        let chain = self.label.clone();
        match error {
            transport::Error::Rejected {
                status_code: 429 | 503,
            } => ChainError::Busy {
                chain,
                detail: error.to_string(),
            },
            transport::Error::Http(jsonrpsee::core::http_helpers::HttpError::TooLarge) => {
                self.malformed("an answer within `max_response_bytes`", "a longer one")
            }
            transport::Error::Http(jsonrpsee::core::http_helpers::HttpError::Malformed) => {
                self.malformed("JSON", "something else")
            }
            other => ChainError::NodeUnreachable {
                chain,
                doing,
                source: other.into(),
            },
        }
    }
}

impl Refused {
    /// As an error of nobody's transaction: a read.
    pub(crate) fn into_chain_error(self) -> ChainError {
        match self.kind {
            Kind::Busy => ChainError::Busy {
                chain: self.label,
                detail: self.message,
            },
            Kind::Reverted => ChainError::Reverted {
                reason: self.message,
                data: self.data.unwrap_or_default(),
            },
            _ => ChainError::NodeRefused {
                chain: self.label,
                code: self.code,
                message: self.message,
            },
        }
    }

    /// The node and its words.
    pub(crate) fn words(self) -> (String, String) {
        (self.label, self.message)
    }
}

impl From<CallError> for ChainError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Node(error) => error,
            CallError::Refused(refused) => refused.into_chain_error(),
        }
    }
}

/// What a block header must have for us; the rest is not read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) number: U64,
    pub(crate) hash: B256,
    pub(crate) timestamp: U64,
    #[serde(default)]
    pub(crate) base_fee_per_gas: Option<U256>,
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Log {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_number: U64,
    pub(crate) block_hash: B256,
    pub(crate) transaction_hash: B256,
    pub(crate) log_index: U64,
    #[serde(default)]
    pub(crate) removed: bool,
}

/// A transaction, waiting or included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sent {
    pub(crate) from: Address,
    pub(crate) nonce: U64,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    pub(crate) transaction_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) block_hash: B256,
    pub(crate) status: U64,
    pub(crate) gas_used: U256,
    pub(crate) effective_gas_price: U256,
    #[serde(default)]
    pub(crate) contract_address: Option<Address>,
}

/// Positional parameters from serialisable values; a value that does not serialise cannot occur among those used here,
/// and would be left out, which the node refuses.
macro_rules! params {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut params = jsonrpsee::core::params::ArrayParams::new();
        $(let _ = params.insert($value);)*
        params
    }};
}
pub(crate) use params;

/// [`ChainError::NodeMalformed`], shortened.
pub(crate) fn malformed(
    chain: String,
    expected: &'static str,
    got: impl Into<String>,
) -> ChainError {
    ChainError::NodeMalformed {
        chain,
        expected,
        got: shorten(&got.into()),
    }
}

/// A node's words, bounded and on one line: they go to logs.
fn shorten(words: &str) -> String {
    words
        .chars()
        .take(MAX_WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn tls_config(tls: &Tls) -> Result<ClientConfig, ConnectError> {
    let bad = |path: &Path, source: Box<dyn std::error::Error + Send + Sync>| {
        ConnectError::ConfigBadCertificate {
            path: path.to_path_buf(),
            source,
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate).map_err(|e| bad(&tls.ca, e.into()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&tls.ca, e.into()))?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| bad(key, e.into()))?;
    builder
        .with_client_auth_cert(chain, secret)
        .map_err(|e| bad(certificate, e.into()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let bad = |source| ConnectError::ConfigBadCertificate {
        path: path.to_path_buf(),
        source,
    };
    let found = found.map_err(|e| bad(e.into()))?;
    if found.is_empty() {
        return Err(bad("it holds no certificate".into()));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    fs::read(path).map_err(|source| ConnectError::ConfigUnreadable {
        path: path.to_path_buf(),
        source,
    })
}

const MAX_WORDS: usize = 300;
