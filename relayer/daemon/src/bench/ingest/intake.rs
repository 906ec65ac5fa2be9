//! The operator's side in a process of its own.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use causeway_adapter_device::{
    archive::{Archive, ArchiveConfig},
    directory::{Directory, Listing},
    fleet::{Fleet, write},
    ingest::{
        Ingest, Limits,
        https::{HttpsLimits, HttpsServer},
        mqtt::{Broker, MqttIngest},
    },
    ledger::system_clock,
    sink::Sink,
    tls::Identity,
};
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use super::Mosquitto;
use crate::bench::target::{Usage, usage};

/// Longest the process may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
const ARCHIVE: &str = "readings.sqlite";

/// Options of `causeway bench ingest-serve`.
#[derive(Args, Clone, Debug)]
pub struct IngestServe {
    /// Where directory and certificates are, and the archive is made.
    #[arg(long)]
    dir: PathBuf,
    /// A broker on this machine whose readings are taken too.
    #[arg(long)]
    broker: Option<u16>,
}

/// Takes readings until standard input ends; says its port first.
///
/// # Errors
/// Fails when directory, certificates or archive cannot be used.
pub async fn ingest_serve(options: IngestServe) -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    crate::open_files::raise();
    let at = |name: &str| options.dir.join(name);
    let listing = std::fs::read(at("directory.json")).context("the directory of devices")?;
    let listing: Listing = serde_json::from_slice(&listing)?;
    let archive = Arc::new(Archive::open(&at(ARCHIVE), ArchiveConfig::default()).await?);
    // What is measured is not to be the limit of a device's rate.
    let limits = Limits {
        per_second: NonZeroU32::MAX,
        burst: NonZeroU32::MAX,
        ..Limits::default()
    };
    let sink = Arc::clone(&archive) as Arc<dyn Sink>;
    let directory = Directory::try_from(listing)?;
    let ingest = Ingest::start(directory, sink, system_clock(), limits);
    let identity = Identity::load(&at("ca.pem"), &at("server.pem"), &at("server.key"), None)?;
    let any = ([127, 0, 0, 1], 0).into();
    let limits = HttpsLimits {
        connections: 50_000,
        ..HttpsLimits::default()
    };
    let https = HttpsServer::start(any, identity.server()?, Arc::clone(&ingest), limits).await?;
    let mqtt = match options.broker {
        None => None,
        Some(port) => {
            let own = Identity::load(&at("ca.pem"), &at("ingest.pem"), &at("ingest.key"), None)?;
            let broker = Broker {
                host: "127.0.0.1".into(),
                port,
                client_id: "ingest".into(),
                tls: own.client()?,
            };
            let mut mqtt = MqttIngest::start(&broker, Arc::clone(&ingest));
            // A broker drops what nobody ever subscribed to, and nobody would answer.
            let subscribed = tokio::time::timeout(PATIENCE, mqtt.subscribed()).await;
            subscribed.context("the broker does not take the subscription")?;
            Some(mqtt)
        }
    };
    println!("{}", https.addr().port());
    // Whoever started it lets go of the other end.
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    if let Some(mqtt) = mqtt {
        mqtt.stop().await;
    }
    https.stop().await;
    drop(ingest);
    if let Some(archive) = Arc::into_inner(archive) {
        archive.close().await;
    }
    Ok(())
}

/// A running intake; dropping it ends the process.
pub(super) struct Intake {
    process: Child,
    id: u32,
    port: u16,
    dir: tempfile::TempDir,
}

impl Intake {
    /// Starts one for the devices of this fleet, with an archive that is empty.
    pub(super) async fn start(fleet: &Fleet, broker: Option<&Mosquitto>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let at = |name: &str| dir.path().join(name);
        write(
            &at("directory.json"),
            &serde_json::to_vec(&fleet.listing())?,
        )?;
        write(&at("ca.pem"), fleet.ca.pem().as_bytes())?;
        let server = fleet.ca.local_server()?;
        server.save(&at("server.pem"), &at("server.key"))?;
        let own = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(own);
        command
            .args(["bench", "ingest-serve", "--dir"])
            .arg(dir.path());
        if let Some(broker) = broker {
            let ingest = fleet.ca.device("ingest", (2020, 2120))?;
            ingest.save(&at("ingest.pem"), &at("ingest.key"))?;
            command.args(["--broker", &broker.port().to_string()]);
        }
        let mut process = command
            .stdin(Stdio::piped()) // it ends when this end of the pipe does
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the intake")?;
        let stdout = process.stdout.take().context("the intake's output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line());
        let line = line.await.context("the intake does not start")??;
        let port = line.context("the intake ended before it began")?.parse()?;
        Ok(Self {
            id: process.id().context("the intake has ended")?,
            process,
            port,
            dir,
        })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn process(&self) -> String {
        self.id.to_string()
    }

    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        usage(&self.process())
    }

    /// Ends it, and reads from its archive that just so many are stored; returns bytes on the disk for each.
    pub(super) async fn stored(mut self, readings: u64) -> anyhow::Result<f64> {
        drop(self.process.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, self.process.wait());
        let status = ended.await.context("the intake does not end")??;
        ensure!(status.success(), "the intake ended with {status}");
        let path = self.dir.path().join(ARCHIVE);
        let archive = Archive::open(&path, ArchiveConfig::default()).await?;
        let stored = archive.count().await?;
        archive.close().await;
        ensure!(
            stored == readings,
            "{stored} readings are stored, and {readings} were confirmed"
        );
        Ok(bytes_of(self.dir.path())? as f64 / readings as f64)
    }
}

/// The archive with whatever log it has left.
fn bytes_of(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ARCHIVE) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
