//! A cold-chain device: admitted by its owner, run by the very process that stands beside a real sensor, heard by every
//! operator. What it measures is said by the demonstration; everything else is real.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use causeway_adapter_device::{
    ledger::system_clock,
    names::Did,
    reading::Chain,
    resident::{Resident, buffer::Buffer, config},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{DemoError, Stage, follow::LOOK};
use crate::{
    api::{AdmitDevice, DeviceView, OracleView},
    contracts::{DEMO_FEED, DEVICE_DEPOSIT, demo_feed},
    keys::Authority,
    local::DEVICE_OWNER,
    oracle::{Kit, OracleHandle},
};

/// Longest that one thing takes.
const LIMIT: Duration = Duration::from_secs(120);
/// Seconds for which the signatures of the admission hold.
const HOLDS: u64 = 600;
/// Lines that may wait for the device.
const LINES: usize = 16;
/// What is measured in the step: around four degrees.
const CALM: [&str; 3] = ["4.1", "4.25", "3.9"];

/// A running device of the demonstration's feed.
pub(super) struct ColdDevice {
    did: Did,
    chain: Chain,
    oracle: OracleHandle,
    lines: mpsc::Sender<String>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Measurements so far.
    said: u64,
}

/// What came of the step.
pub(super) struct Admitted {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

impl ColdDevice {
    /// Makes keys and a certificate, has the owner admit the device, waits until the consortium chain knows it, and starts
    /// it.
    pub(super) async fn admit(stage: &Stage<'_>) -> Result<Self, DemoError> {
        let oracle = stage.daemon.oracle.clone().ok_or(DemoError::Pair)?;
        let local = stage.daemon.chains.local.as_ref().ok_or(DemoError::Pair)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        // A data directory sees many demonstrations; an ODIN number is used once.
        let number = format!("10.demo.{}", now.as_millis());
        let did = Did::of_number(&number).map_err(|_| DemoError::Answer("an ODIN number"))?;
        let dir = stage
            .daemon
            .chains
            .data
            .path()
            .join("dev")
            .join("demo-devices");
        let ca = Authority::open(&local.device_ca()).map_err(crate::oracle::KitError::from)?;
        let kit = Kit::create(&dir.join(&number), &did, &ca, None)?;
        let http = Http::new(stage.daemon.api)?;
        let view: OracleView = http.get("/v1/oracle").await?;
        let address = |text: &str| -> Result<Address, DemoError> {
            text.parse().map_err(|_| DemoError::Answer("/v1/oracle"))
        };
        let owner = view.accounts.get(DEVICE_OWNER).ok_or(DemoError::Pair)?;
        let owner = address(owner)?;
        let registry = (view.public_chain_id, address(&view.device_registry)?);
        let expires = now.as_secs().saturating_add(HOLDS);
        let body = AdmitDevice {
            did: did.to_string(),
            owner: DEVICE_OWNER.into(),
            consortium_owner: None,
            deposit: DEVICE_DEPOSIT.to_string(),
            keys: kit.admission(&did, [owner, owner], expires, registry)?,
        };
        http.post("/v1/devices", &body).await?;
        let device = http.mirrored(&did).await?;
        let feed = view.feeds.iter().find(|feed| feed.name == DEMO_FEED);
        let feed = feed.ok_or(DemoError::Answer("/v1/oracle"))?;
        let operators: Vec<String> = view.operators.iter().map(|o| o.readings.clone()).collect();
        let path = kit.configure(&device, feed, &operators)?;
        let chain = Chain {
            device: device
                .id
                .parse()
                .map_err(|_| DemoError::Answer("/v1/devices"))?,
            feed: demo_feed(),
            key_number: device.key_number,
        };
        let resident = resident(&path).await?;
        let (lines, taken) = mpsc::channel(LINES);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { resident.run(taken, &stopped).await });
        Ok(Self {
            did,
            chain,
            oracle,
            lines,
            stop,
            task,
            said: 0,
        })
    }

    /// Its DID.
    pub(super) fn did(&self) -> &Did {
        &self.did
    }

    /// Has the sensor measure `value`, in the feed's unit.
    pub(super) async fn measure(&mut self, value: &str) -> Result<(), DemoError> {
        let sent = self.lines.send(value.to_owned()).await;
        sent.map_err(|_| DemoError::Answer("the device"))?;
        self.said = self.said.saturating_add(1);
        Ok(())
    }

    /// Waits until every operator has stored everything that was measured; returns how many operators that are.
    pub(super) async fn accepted(&self) -> Result<usize, DemoError> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let newest = self.oracle.newest(self.chain).await?;
            let all = newest
                .iter()
                .all(|(_, last)| last.is_some_and(|last| last.body.sequence >= self.said));
            if all {
                return Ok(newest.len());
            }
            if Instant::now() > deadline {
                return Err(late("a reading at every operator"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Switches it off.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // An error means that it is gone already.
        let _ = self.task.await;
    }
}

/// The step: a device is admitted over mutual TLS and heard by all operators. The device goes on.
pub(super) async fn step(stage: &Stage<'_>) -> Result<(Admitted, ColdDevice), DemoError> {
    let mut device = ColdDevice::admit(stage).await?;
    for value in CALM {
        device.measure(value).await?;
    }
    let operators = device.accepted().await?;
    let ok = operators >= 4;
    let text = format!(
        "{} is admitted and mirrored; {} readings stored by {operators} operators",
        device.did(),
        CALM.len()
    );
    let found = json!({
        "did": device.did(), "device": device.chain.device, "feed": DEMO_FEED,
        "readings": CALM.len(), "operators": operators,
    });
    Ok((Admitted { ok, text, found }, device))
}

async fn resident(path: &std::path::Path) -> Result<Arc<Resident>, DemoError> {
    let config = config::Config::load(path)?;
    let device = config.device()?;
    let buffer = Buffer::open(&config.buffer.path, config.buffer.max_readings).await?;
    Ok(Arc::new(
        Resident::new(device, buffer, system_clock()).await?,
    ))
}

/// A client of this very daemon's API.
struct Http {
    base: String,
    client: reqwest::Client,
}

impl Http {
    fn new(api: SocketAddr) -> Result<Self, DemoError> {
        // An error means that the provider is set already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(LIMIT)
            .no_proxy()
            .build()?;
        Ok(Self {
            base: format!("http://{api}"),
            client,
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DemoError> {
        let response = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<(), DemoError> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        let response = request.send().await?;
        // A request that takes long is done nevertheless: whoever waits for the record sees it.
        if response.status() != reqwest::StatusCode::GATEWAY_TIMEOUT
            && response.status() != reqwest::StatusCode::SERVICE_UNAVAILABLE
        {
            response.error_for_status()?;
        }
        Ok(())
    }

    /// Waits until the consortium chain knows the device.
    async fn mirrored(&self, did: &Did) -> Result<DeviceView, DemoError> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found: Result<DeviceView, _> = self.get(&format!("/v1/devices/{did}")).await;
            if let Ok(device) = found
                && device.mirrored_version == Some(device.version)
            {
                return Ok(device);
            }
            if Instant::now() > deadline {
                return Err(late("the device on the consortium chain"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn late(what: &str) -> DemoError {
    DemoError::Late {
        what: what.into(),
        seconds: LIMIT.as_secs(),
    }
}
