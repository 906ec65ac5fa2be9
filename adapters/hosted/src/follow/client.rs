//! One node that is read from, and several of them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jsonrpsee::{
    core::{
        client::{ClientT, Error},
        params::ArrayParams,
    },
    http_client::{HttpClient, HttpClientBuilder},
};
use serde::de::DeserializeOwned;

use crate::tls::{ClientFiles, TlsError};

/// Longest a source may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest a connection to it may take: a validator that comes back asks all of them before it votes.
const CONNECT: Duration = Duration::from_secs(3);
/// Largest answer of a source, bytes: that of [`crate::rpc::RpcLimits`].
const MAX_ANSWER: u32 = 32 << 20;
/// Longest part of a source's own words that is repeated, characters.
const MAX_WORDS: usize = 300;
/// Most sources of one chain.
pub const MAX_SOURCES: usize = 16;
/// Code of an answer whose subject was pruned (EIP-4444).
const PRUNED: i32 = 4444;

/// Nodes of a chain that a reader reads from. None of them is believed: what they say is checked against certificates.
#[derive(Clone, Debug, Default)]
pub struct SourceConfig {
    /// JSON-RPC addresses, `http://` or `https://`.
    pub urls: Vec<String>,
    /// Certificates for `https://`.
    pub tls: Option<ClientFiles>,
}

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceConfigError {
    /// Too many of them.
    #[error("{got} sources, at most {MAX_SOURCES}")]
    TooMany {
        /// As configured.
        got: usize,
    },
    /// An address that is none. It is not shown: it may hold a secret.
    #[error(
        "source {index} cannot be used: {why}; expected http://HOST[:PORT][/PATH] or https://..."
    )]
    Url {
        /// Which, from 1.
        index: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A file of `source_tls`.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// `https` without certificates.
    #[error(
        "source {index} is https: name the CA of its certificate in source_tls (file {file:?} is not set)"
    )]
    NoCa {
        /// Which, from 1.
        index: usize,
        /// What is missing.
        file: PathBuf,
    },
}

/// Why a source gave nothing that can be used. The source is left for the next one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It is away or slow.
    #[error("source {source_label} does not answer: {why}")]
    Away {
        /// Which.
        source_label: String,
        /// What the connection says.
        why: String,
    },
    /// It understood and refuses.
    #[error("source {source_label} refuses: {words}")]
    Refused {
        /// Which.
        source_label: String,
        /// Its words.
        words: String,
    },
    /// What was asked for it keeps no more.
    #[error(
        "source {source_label} has pruned what is asked for: {words}; read from an archive, or begin with its snapshot"
    )]
    Pruned {
        /// Which.
        source_label: String,
        /// Its words.
        words: String,
    },
    /// Its answer is not what the method gives.
    #[error("source {source_label} answers nonsense: {what}")]
    Nonsense {
        /// Which.
        source_label: String,
        /// What.
        what: String,
    },
    /// Its blocks are not what the validators made final.
    #[error("source {source_label} lies: {lie}")]
    Lies {
        /// Which.
        source_label: String,
        /// What is wrong.
        #[source]
        lie: super::Lie,
    },
}

/// One of them.
#[derive(Debug)]
pub struct Source {
    /// `host:port`; the rest of the address may hold a secret.
    pub label: String,
    client: HttpClient,
}

/// All of them, in the order of the configuration.
#[derive(Clone, Debug)]
pub struct Sources(Arc<[Source]>);

impl Sources {
    /// Clients of the sources; `None` when there are none. Connects to nobody.
    ///
    /// # Errors
    /// See [`SourceConfigError`].
    pub fn new(config: &SourceConfig) -> Result<Option<Self>, SourceConfigError> {
        let got = config.urls.len();
        if got > MAX_SOURCES {
            return Err(SourceConfigError::TooMany { got });
        }
        let tls = config.tls.as_ref().map(ClientFiles::load).transpose()?;
        let all = config.urls.iter().zip(1..).map(|(url, index)| {
            let bad = |why| SourceConfigError::Url { index, why };
            let uri: http::Uri = url.parse().map_err(|_| bad("it is no URL"))?;
            let secure = match uri.scheme_str() {
                Some("http") => false,
                Some("https") => true,
                _ => return Err(bad("it begins with neither http:// nor https://")),
            };
            let host = uri.host().filter(|host| !host.is_empty());
            let host = host.ok_or_else(|| bad("it has no host"))?;
            let port = uri.port_u16().map(|port| format!(":{port}"));
            let mut builder = HttpClientBuilder::default()
                .max_response_size(MAX_ANSWER)
                .request_timeout(PATIENCE)
                .connect_timeout(CONNECT);
            match &tls {
                Some(tls) => builder = builder.with_custom_cert_store(tls.clone()),
                None if secure => {
                    return Err(SourceConfigError::NoCa {
                        index,
                        file: "source_tls.ca_file".into(),
                    });
                }
                None => {}
            }
            // The library's own error quotes the URL.
            let client = builder.build(url);
            let client = client.map_err(|_| bad("the HTTP client does not accept it"))?;
            Ok(Source {
                label: format!("{host}{}", port.unwrap_or_default()),
                client,
            })
        });
        let all: Arc<[Source]> = all.collect::<Result<_, _>>()?;
        Ok((!all.is_empty()).then_some(Self(all)))
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them; any number will do.
    pub fn get(&self, index: usize) -> &Source {
        &self.0[index % self.0.len()]
    }
}

impl Source {
    /// One call.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
    ) -> Result<T, SourceError> {
        let source_label = self.label.clone();
        match self.client.request::<T, _>(method, params).await {
            Ok(answer) => Ok(answer),
            Err(Error::Call(object)) => {
                let words = shorten(object.message());
                Err(if object.code() == PRUNED {
                    SourceError::Pruned {
                        source_label,
                        words,
                    }
                } else {
                    SourceError::Refused {
                        source_label,
                        words,
                    }
                })
            }
            Err(Error::ParseError(error)) => Err(self.nonsense(error.to_string())),
            Err(error) => Err(SourceError::Away {
                source_label,
                why: shorten(&error.to_string()),
            }),
        }
    }

    pub(crate) fn nonsense(&self, what: impl Into<String>) -> SourceError {
        SourceError::Nonsense {
            source_label: self.label.clone(),
            what: shorten(&what.into()),
        }
    }
}

/// Words of a stranger, for a log line.
fn shorten(words: &str) -> String {
    words
        .chars()
        .take(MAX_WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(urls: &[&str]) -> String {
        let config = SourceConfig {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            tls: None,
        };
        Sources::new(&config).expect_err("refused").to_string()
    }

    #[test]
    fn a_source_that_cannot_be_used_is_named_by_its_place_and_not_shown() {
        let told = refused(&["http://127.0.0.1:1", "ftp://secret@host"]);

        assert!(told.starts_with("source 2 cannot be used"), "{told}");
        assert!(!told.contains("secret"), "{told}");
        assert!(refused(&["https://host"]).contains("source_tls"));
        assert!(refused(&["http://h"; MAX_SOURCES + 1]).contains("at most"));
    }

    #[test]
    fn no_source_is_no_reader() {
        let none = Sources::new(&SourceConfig::default()).expect("nothing wrong");

        assert!(none.is_none());
    }
}
