//! The resident process's configuration: one TOML file, unknown keys refused.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use serde::Deserialize;

use super::source::SourceConfig;
use crate::{
    directory::Feed,
    ingest::mqtt::Broker,
    keys::{FeedKey, HardwareKey, KeyError},
    names::Did,
    reading::Chain,
    tls::{Identity, TlsError},
    wire::{Form, MAX_BATCH},
};

/// The file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who.
    pub device: DeviceConfig,
    /// What is measured.
    pub feed: Feed,
    /// Key files.
    pub keys: KeysConfig,
    /// Where measurements come from.
    pub source: SourceConfig,
    /// Where readings go.
    pub uplink: UplinkConfig,
    /// Where they wait.
    pub buffer: BufferConfig,
    /// Where the process reports about itself.
    pub health: Option<HealthConfig>,
}

/// Who speaks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Its DID.
    pub did: Did,
    /// Its id in the registry.
    pub id: B256,
    /// Number of its keys in the registry.
    pub key_number: u32,
}

/// Key files. Relative to the configuration file, as all paths in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Hardware key, PKCS#8.
    pub hardware: PathBuf,
    /// Password of the hardware and TLS keys, where they are encrypted.
    pub password: Option<PathBuf>,
    /// Seed of the feed key; needed where the feed is proved.
    pub feed: Option<PathBuf>,
    /// Certificate for TLS.
    pub certificate: PathBuf,
    /// Its key, PKCS#8.
    pub certificate_key: PathBuf,
    /// CA of the operator's certificate.
    pub ca: PathBuf,
}

/// Where readings go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UplinkConfig {
    /// `https://host:port` of an operator or `mqtts://host:port` of its broker; one of each operator where there are several.
    pub url: Urls,
    /// Form of readings.
    #[serde(default)]
    pub form: FormConfig,
    /// Readings of one batch.
    #[serde(default = "default_batch")]
    pub batch: usize,
}

/// One operator or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Urls {
    /// One.
    One(String),
    /// Several, each with a progress of its own.
    Many(Vec<String>),
}

impl Urls {
    /// All of them.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Self::One(url) => vec![url],
            Self::Many(urls) => urls.iter().map(String::as_str).collect(),
        }
    }
}

/// Form of readings.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormConfig {
    /// SenML in JSON.
    #[default]
    Json,
    /// SenML in CBOR.
    Cbor,
    /// COSE_Sign1: the smallest.
    Cose,
}

/// Where readings wait.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferConfig {
    /// The file.
    pub path: PathBuf,
    /// Readings it holds at most, about 400 bytes each.
    #[serde(default = "default_max")]
    pub max_readings: u64,
}

/// The health report.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// The file.
    pub path: PathBuf,
    /// How often it is written.
    pub every_seconds: u64,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no such file.
    #[error("{path} is no configuration of a device")]
    Toml {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Not a way to an operator.
    #[error("uplink.url is https://host:port or mqtts://host:port, got {0:?}")]
    Url(String),
    /// None, too many, or one twice.
    #[error("uplink.url names 1 to {MAX_UPLINKS} operators, each once; got {0}")]
    Uplinks(usize),
    /// Batches that nobody takes.
    #[error("uplink.batch is 1 to {MAX_BATCH}, got {0}")]
    Batch(usize),
    /// A proved feed without a key for it.
    #[error("the feed is proved in zero knowledge: keys.feed is needed")]
    FeedKeyMissing,
    /// A feed key that cannot sign all values.
    #[error("the feed key signs values within -2^31 .. 2^31 - 1: narrow feed.min and feed.max")]
    FeedRange,
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Who the process speaks for, keys loaded.
#[derive(Debug)]
pub struct Device {
    /// Its DID.
    pub did: Did,
    /// Its id.
    pub id: B256,
    /// Number of its keys.
    pub key_number: u32,
    /// Its feed.
    pub feed: Feed,
    /// Signs readings.
    pub hardware: HardwareKey,
    /// Signs for statements.
    pub feed_key: Option<FeedKey>,
    /// Where readings go, by name; a reading is kept until all have stored it.
    pub uplinks: Vec<(String, Uplink)>,
    /// In which form.
    pub form: Form,
    /// How many at once.
    pub batch: usize,
}

/// A way to an operator.
#[derive(Clone, Debug)]
pub enum Uplink {
    /// HTTPS.
    Https {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// TLS with our certificate.
        tls: Arc<rustls::ClientConfig>,
    },
    /// MQTT.
    Mqtt(Broker),
}

impl Device {
    /// The chain of its readings.
    pub fn chain(&self) -> Chain {
        Chain {
            device: self.id,
            feed: self.feed.name.id(),
            key_number: self.key_number,
        }
    }
}

impl Config {
    /// Reads the file; paths in it are relative to it.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Toml {
            path: path.into(),
            source: Box::new(source),
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        let keys = &mut config.keys;
        let mut paths = vec![
            &mut keys.hardware,
            &mut keys.certificate,
            &mut keys.certificate_key,
            &mut keys.ca,
            &mut config.buffer.path,
        ];
        paths.extend(keys.password.as_mut());
        paths.extend(keys.feed.as_mut());
        paths.extend(config.health.as_mut().map(|health| &mut health.path));
        if let SourceConfig::File { path } | SourceConfig::Serial { path } = &mut config.source {
            paths.push(path);
        }
        for path in paths {
            *path = base.join(&*path);
        }
        Ok(config)
    }

    /// Loads keys and certificates.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn device(&self) -> Result<Device, ConfigError> {
        let (keys, uplink) = (&self.keys, &self.uplink);
        if !(1..=MAX_BATCH).contains(&uplink.batch) {
            return Err(ConfigError::Batch(uplink.batch));
        }
        let feed_key = keys.feed.as_deref().map(FeedKey::load).transpose()?;
        if self.feed.proved && feed_key.is_none() {
            return Err(ConfigError::FeedKeyMissing);
        }
        let small = |value| i32::try_from(value).is_ok();
        if feed_key.is_some() && !(small(self.feed.min) && small(self.feed.max)) {
            return Err(ConfigError::FeedRange);
        }
        let password = keys.password.as_deref();
        let identity =
            Identity::load(&keys.ca, &keys.certificate, &keys.certificate_key, password)?;
        let tls = identity.client()?;
        let urls = uplink.url.all();
        let distinct: BTreeSet<&str> = urls.iter().copied().collect();
        if !(1..=MAX_UPLINKS).contains(&urls.len()) || distinct.len() != urls.len() {
            return Err(ConfigError::Uplinks(urls.len()));
        }
        let uplinks = urls.into_iter();
        let uplinks = uplinks.map(|url| Ok((url.to_owned(), self.way(url, &tls)?)));
        Ok(Device {
            did: self.device.did.clone(),
            id: self.device.id,
            key_number: self.device.key_number,
            feed: self.feed.clone(),
            hardware: HardwareKey::load(&keys.hardware, password)?,
            feed_key,
            uplinks: uplinks.collect::<Result<_, ConfigError>>()?,
            form: match uplink.form {
                FormConfig::Json => Form::Json,
                FormConfig::Cbor => Form::Cbor,
                FormConfig::Cose => Form::Cose,
            },
            batch: uplink.batch,
        })
    }

    fn way(&self, url: &str, tls: &Arc<rustls::ClientConfig>) -> Result<Uplink, ConfigError> {
        let (scheme, host, port) = split_url(url)?;
        let tls = Arc::clone(tls);
        Ok(match scheme {
            Scheme::Https => Uplink::Https { host, port, tls },
            Scheme::Mqtts => Uplink::Mqtt(Broker {
                host,
                port,
                client_id: self.device.did.number().to_owned(),
                tls,
            }),
        })
    }
}

impl HealthConfig {
    /// How often, at least once a second.
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.every_seconds.max(1))
    }
}

enum Scheme {
    Https,
    Mqtts,
}

fn split_url(url: &str) -> Result<(Scheme, String, u16), ConfigError> {
    let wrong = || ConfigError::Url(url.to_owned());
    let (scheme, rest) = match (url.strip_prefix("https://"), url.strip_prefix("mqtts://")) {
        (Some(rest), _) => (Scheme::Https, rest),
        (None, Some(rest)) => (Scheme::Mqtts, rest),
        (None, None) => return Err(wrong()),
    };
    let (host, port) = rest
        .trim_end_matches('/')
        .rsplit_once(':')
        .ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || host.contains('/') {
        return Err(wrong());
    }
    Ok((scheme, host.to_owned(), port))
}

/// As many as a feed may have operators.
const MAX_UPLINKS: usize = 31;

const fn default_batch() -> usize {
    64
}

const fn default_max() -> u64 {
    100_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(&EXAMPLE.replacen(from, to, 1))
    }

    const EXAMPLE: &str = include_str!("../../../../config/device.toml");

    #[test]
    fn the_example_is_read_and_unknown_keys_are_not() {
        let config = with("", "").unwrap();

        assert_eq!(config.uplink.batch, default_batch());
        assert_eq!(config.buffer.max_readings, default_max());
        assert!(with("[device]", "[device]\ncolour = 1").is_err());
        assert!(with("kind = \"command\"", "kind = \"telepathy\"").is_err());
        assert!(with("did:odin:", "did:web:").is_err());
    }

    #[test]
    fn a_url_names_scheme_host_and_port() {
        let parts = |url: &str| split_url(url).map(|(_, host, port)| (host, port));

        assert_eq!(
            parts("https://a.example:8443/").unwrap(),
            ("a.example".into(), 8443)
        );
        assert_eq!(parts("mqtts://127.0.0.1:8883").unwrap().1, 8883);
        for bad in [
            "http://a:1",
            "mqtt://a:1",
            "https://a",
            "https://:1",
            "https://a:99999",
            "https://a/b:1",
        ] {
            assert!(matches!(parts(bad), Err(ConfigError::Url(_))), "{bad}");
        }
    }

    #[test]
    fn batches_that_nobody_takes_are_refused() {
        for batch in [0, MAX_BATCH + 1] {
            let mut config = with("", "").unwrap();
            config.uplink.batch = batch;
            assert!(matches!(config.device(), Err(ConfigError::Batch(got)) if got == batch));
        }
    }
}
