//! The command line's client of the API.

use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Method, RequestBuilder};
use serde::{Serialize, de::DeserializeOwned};

use super::{CliError, args::Global, run};
use crate::{
    api::Problem,
    config::{Config, Purpose},
};

/// Longest a request takes.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A client of one daemon.
pub(super) struct Api {
    base: String,
    client: Client,
}

impl Api {
    /// Finds the daemon: by `--api`, by what it wrote into the data directory, or by the configuration.
    pub(super) fn connect(global: &Global) -> Result<Self, CliError> {
        let base = match &global.api {
            Some(url) => url.clone(),
            None => Self::of(&run::read(global, Purpose::Daemon)?, global)?,
        };
        let base = base.trim_end_matches('/').to_owned();
        let malformed = |source| CliError::Unreachable {
            url: base.clone(),
            source: Box::new(source),
        };
        // An error means that the provider is set already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder().timeout(TIMEOUT).no_proxy();
        if let (Some(certificate), Some(key)) = (&global.client_certificate, &global.client_key) {
            let mut pem = read(certificate)?;
            pem.extend(read(key)?);
            builder = builder.identity(Identity::from_pem(&pem).map_err(malformed)?);
        }
        if let Some(ca) = &global.client_ca {
            let ca = Certificate::from_pem(&read(ca)?).map_err(malformed)?;
            builder = builder
                .tls_built_in_root_certs(false)
                .add_root_certificate(ca);
        }
        let client = builder.build().map_err(malformed)?;
        Ok(Self { base, client })
    }

    /// Where the daemon of a configuration is.
    fn of(config: &Config, global: &Global) -> Result<String, CliError> {
        if let Some(url) = run::announced(config) {
            return Ok(url);
        }
        // Who names a data directory means its daemon, never another one that happens to have the usual port.
        if global.data_dir.is_some() {
            let data_dir = config.data_dir.clone();
            return Err(CliError::NoDaemon { data_dir });
        }
        let scheme = if config.api.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Ok(format!("{scheme}://{}", config.api.listen))
    }

    pub(super) fn url(&self) -> &str {
        &self.base
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.read(self.client.request(Method::GET, self.at(path)))
            .await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.read(self.client.request(Method::POST, self.at(path)).json(body))
            .await
    }

    /// An answer that is a file.
    pub(super) async fn bytes(&self, path: &str) -> Result<Vec<u8>, CliError> {
        let response = self
            .send(self.client.request(Method::GET, self.at(path)))
            .await?;
        let bytes = response.bytes().await;
        bytes
            .map(Vec::from)
            .map_err(|source| self.unreachable(source))
    }

    /// A request without a body, for an answer without one.
    pub(super) async fn ask(&self, path: &str) -> Result<(), CliError> {
        self.send(self.client.request(Method::POST, self.at(path)))
            .await
            .map(drop)
    }

    /// The same with a body.
    pub(super) async fn ask_with(&self, path: &str, body: &impl Serialize) -> Result<(), CliError> {
        self.send(self.client.request(Method::POST, self.at(path)).json(body))
            .await
            .map(drop)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|source| self.unreachable(source))
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, CliError> {
        let response = request
            .send()
            .await
            .map_err(|source| self.unreachable(source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let problem = response.json::<Problem>().await;
        Err(problem.map_or_else(|source| self.unreachable(source), CliError::Refused))
    }

    fn unreachable(&self, source: reqwest::Error) -> CliError {
        CliError::Unreachable {
            url: self.base.clone(),
            source: Box::new(source),
        }
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Io {
        doing: "reading a client certificate",
        source,
    })
}
