//! A real Mosquitto, configured as operators are told to.

use std::{
    net::TcpStream,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use causeway_adapter_device::fleet::{Fleet, write};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use tokio::process::{Child, Command};

use super::{LIMIT, Load, Meter, Row};
use crate::bench::target::free_address;

const PROGRAMS: [&str; 3] = [
    "/usr/sbin/mosquitto",
    "/usr/local/sbin/mosquitto",
    "/usr/bin/mosquitto",
];
const CONFIG: &str = include_str!("../../../../../adapters/device/mosquitto/mosquitto.conf");
const ACCESS: &str = include_str!("../../../../../adapters/device/mosquitto/acl");
const TOPIC: &str = "causeway/v1/bare/bare";
/// Longest the broker may take to listen.
const START: Duration = Duration::from_secs(30);
/// Messages under way, as the broker's configuration has it.
const IN_FLIGHT: u16 = 1_000;
/// Longest message.
const MAX_PACKET: usize = 262_144;

/// A running broker; dropping it ends the process.
pub(super) struct Mosquitto {
    process: Child,
    port: u16,
    tls: Arc<rustls::ClientConfig>,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts one with certificates of the fleet's CA; `None` where none is installed.
    pub(super) async fn start(fleet: &Fleet) -> anyhow::Result<Option<Self>> {
        let Some(program) = PROGRAMS.into_iter().find(|path| Path::new(path).exists()) else {
            return Ok(None);
        };
        let dir = tempfile::tempdir().context("making a directory")?;
        let at = |name: &str| dir.path().join(name);
        write(&at("ca.pem"), fleet.ca.pem().as_bytes())?;
        let server = fleet.ca.local_server()?;
        server.save(&at("broker.pem"), &at("broker.key"))?;
        write(&at("acl"), ACCESS.as_bytes())?;
        let address = free_address()?;
        let folder = dir.path().to_str().context("a path of letters")?;
        let config = CONFIG
            .replace("8883", &format!("{} 127.0.0.1", address.port()))
            .replace("/etc/mosquitto/causeway", folder)
            .replace("/var/lib/mosquitto", folder);
        // As root it would give up its rights, and could not read these files.
        let config = format!("{config}\nuser root\n");
        write(&at("mosquitto.conf"), config.as_bytes())?;
        let mut process = Command::new(program)
            .arg("-c")
            .arg(at("mosquitto.conf"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting mosquitto")?;
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.try_wait()? {
                bail!("mosquitto ended with {status}");
            }
            if begin.elapsed() > START {
                bail!("mosquitto does not listen within {START:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let own = fleet.ca.device("ingest", (2020, 2120))?;
        Ok(Some(Self {
            process,
            port: address.port(),
            tls: own.identity().client()?,
            _dir: dir,
        }))
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn process(&self) -> anyhow::Result<String> {
        let id = self.process.id().context("mosquitto has ended")?;
        Ok(id.to_string())
    }

    /// The same messages from one client to another, with quality of service 1, and nobody who looks at them.
    pub(super) async fn bare(&self, load: &Load, name: &str) -> anyhow::Result<Row> {
        let (publisher, mut sending) = AsyncClient::new(self.options("bare-out"), 1_000);
        let (subscriber, mut receiving) = AsyncClient::new(self.options("bare-in"), 1_000);
        subscriber.subscribe(TOPIC, QoS::AtLeastOnce).await?;
        let subscribed = async {
            while !matches!(receiving.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
            anyhow::Ok(())
        };
        tokio::time::timeout(LIMIT, subscribed)
            .await
            .context("subscribing")??;
        let polling = tokio::spawn(async move { while sending.poll().await.is_ok() {} });
        let messages: Vec<_> = load.messages.iter().flatten().cloned().collect();
        let count = messages.len();
        let meter = Meter::begin(None, Some(self.process()?))?;
        let publishing = tokio::spawn(async move {
            for (bytes, _) in messages {
                publisher
                    .publish_bytes(TOPIC, QoS::AtLeastOnce, false, bytes)
                    .await?;
            }
            anyhow::Ok(publisher)
        });
        let received = async {
            let mut received = 0;
            while received < count {
                if let Event::Incoming(Packet::Publish(_)) = receiving.poll().await? {
                    received += 1;
                }
            }
            anyhow::Ok(())
        };
        let received = tokio::time::timeout(LIMIT, received).await;
        received.with_context(|| format!("the bare broker takes longer than {LIMIT:?}"))??;
        let row = meter.end(format!("bare broker, {name}"), load.readings)?;
        // Its client is dropped only now, so that nothing was cut off.
        publishing.await??;
        polling.abort();
        Ok(row)
    }

    fn options(&self, name: &str) -> MqttOptions {
        let mut options = MqttOptions::new(name, "127.0.0.1", self.port);
        let tls = TlsConfiguration::Rustls(Arc::clone(&self.tls));
        options
            .set_transport(Transport::tls_with_config(tls))
            .set_inflight(IN_FLIGHT)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET);
        options
    }
}
