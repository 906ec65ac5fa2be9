//! How many signed readings a second become durable, beside what the machine can do at most.
//!
//! ```sh
//! cargo run --release -p causeway-adapter-device --example ingest -- rate        # HTTPS, MQTT, bare checks, bare broker
//! cargo run --release -p causeway-adapter-device --example ingest -- hold 6000   # connections, memory of each side
//! ```
//!
//! Load is signed beforehand. Devices and intake are processes of their own for `hold`, one process for `rate`.

use std::{
    io::{BufRead as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use causeway_adapter_device::{
    archive::{Archive, ArchiveConfig},
    check::{ClockLimits, Peer, admit},
    client::{HttpsClient, MqttClient},
    directory::{Directory, Listing},
    fleet::{
        Fleet,
        drive::{Chain, Pace, Tally, Target, drive},
        profile::Profile,
    },
    ingest::{
        Ingest, Limits,
        answer::Answer,
        https::{HttpsLimits, HttpsServer},
        mqtt::{Broker, MqttIngest, topic},
    },
    ledger::system_clock,
    reading::Signed,
    resident::health::resident_kib,
    tls::Identity,
    wire::{Form, Submitted, to_cose},
};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio_util::sync::CancellationToken;

const DEVICES: usize = 64;
const BATCH: usize = 32;
const ROUNDS: usize = 5;
const TOTAL: usize = DEVICES * BATCH * ROUNDS;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["rate"] => runtime.block_on(rate()),
        ["hold", count] => runtime.block_on(hold(count.parse()?)),
        ["intake", dir] => runtime.block_on(intake(Path::new(dir))),
        _ => bail!("rate, or hold <connections>"),
    }
}

async fn rate() -> Result<()> {
    println!("{TOTAL} readings of {DEVICES} devices, {BATCH} a batch\n");
    println!("| what | readings/s |\n|---|---:|");
    let fleet = Fleet::new(DEVICES, Profile::ColdChain)?;
    let load = load(&fleet);
    bare(&fleet, &load)?;
    https(&fleet, encoded(&load)?).await?;
    let broker = Mosquitto::start(&fleet).await?;
    mqtt(&fleet, encoded(&load)?, &broker).await?;
    bare_broker(&broker).await
}

type Load = Vec<Vec<Vec<Signed>>>;

/// Each device's batches, in order.
fn load(fleet: &Fleet) -> Load {
    let of = |(index, device): (usize, &Arc<_>)| {
        let mut chain = Chain::new(Arc::clone(device), fleet.profile, index, system_clock());
        let mut batches = Vec::new();
        for _ in 0..ROUNDS {
            let batch = chain.batch(BATCH);
            chain.keep(&batch);
            batches.push(batch);
        }
        batches
    };
    fleet.devices.iter().enumerate().map(of).collect()
}

fn print(what: &str, readings: usize, took: Duration) {
    println!("| {what} | {:.0} |", readings as f64 / took.as_secs_f64());
}

/// The limit: signatures and the rest of the check, on all cores, nothing else.
fn bare(fleet: &Fleet, load: &Load) -> Result<()> {
    let directory = fleet.directory()?;
    let cores = std::thread::available_parallelism()?.get();
    let share = load.len().div_ceil(cores);
    let run = |whole: bool| {
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for part in load.chunks(share).zip(fleet.devices.chunks(share)) {
                let directory = &directory;
                scope.spawn(move || {
                    for (batches, device) in part.0.iter().zip(part.1) {
                        let peer = Peer::Certificate(device.entry.certificate);
                        let now = system_clock()();
                        for signed in batches.iter().flatten() {
                            let good = if whole {
                                let reading = Submitted::Sealed(*signed);
                                admit(directory, &peer, &reading, now, ClockLimits::default())
                                    .is_ok()
                            } else {
                                device
                                    .hardware
                                    .public()
                                    .verify(&signed.body, &signed.hardware)
                            };
                            assert!(good, "the load is signed");
                        }
                    }
                });
            }
        });
        begin.elapsed()
    };
    print(
        &format!("bare signature checks, {cores} threads"),
        TOTAL,
        run(false),
    );
    print("the whole check of a reading", TOTAL, run(true));
    Ok(())
}

fn generous() -> Limits {
    let many = std::num::NonZeroU32::MAX;
    Limits {
        per_second: many,
        burst: many,
        ..Limits::default()
    }
}

struct Operator {
    dir: tempfile::TempDir,
    archive: Arc<Archive>,
    ingest: Arc<Ingest>,
}

impl Operator {
    async fn new(fleet: &Fleet) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("readings.sqlite");
        let archive = Arc::new(Archive::open(&path, ArchiveConfig::default()).await?);
        let ingest = Ingest::start(
            fleet.directory()?,
            archive.clone(),
            system_clock(),
            generous(),
        );
        Ok(Self {
            dir,
            archive,
            ingest,
        })
    }

    async fn check(&self) -> Result<()> {
        let stored = self.archive.count().await?;
        if stored != TOTAL as u64 {
            bail!("{stored} readings are stored, expected {TOTAL}");
        }
        Ok(())
    }
}

fn confirmed(answer: Answer) -> Result<()> {
    match answer {
        Answer::Accepted(_) => Ok(()),
        Answer::Refused(problem) => bail!("refused: {}", problem.detail),
    }
}

async fn https(fleet: &Fleet, load: Encoded) -> Result<()> {
    let operator = Operator::new(fleet).await?;
    let tls = fleet.ca.local_server()?.identity().server()?;
    let listen = ([127, 0, 0, 1], 0).into();
    let server =
        HttpsServer::start(listen, tls, operator.ingest.clone(), HttpsLimits::default()).await?;
    let port = server.addr().port();
    let mut clients = Vec::new();
    for device in &fleet.devices {
        let mut client = HttpsClient::new("127.0.0.1", port, device.issued.identity().client()?)?;
        client.connect().await?;
        clients.push(client);
    }
    let begin = Instant::now();
    let senders = clients.into_iter().zip(load).map(|(mut client, batches)| {
        tokio::spawn(async move {
            for (bytes, _) in batches {
                confirmed(client.post(Form::Cose, bytes).await?)?;
            }
            anyhow::Ok(())
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    print("HTTPS, durable", TOTAL, begin.elapsed());
    operator.check().await?;
    server.stop().await;
    storage(&operator)
}

/// The archive's file with everything of its log in it.
fn storage(operator: &Operator) -> Result<()> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(operator.dir.path())? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            bytes += entry.metadata()?.len();
        }
    }
    eprintln!(
        "archive with its log: {bytes} bytes, {} a reading",
        bytes / TOTAL as u64
    );
    Ok(())
}

type Encoded = Vec<Vec<(bytes::Bytes, u64)>>;

fn encoded(load: &Load) -> Result<Encoded> {
    let one = |batch: &Vec<Signed>| -> Result<_> {
        let last = batch.last().context("no empty batch")?.body.sequence;
        Ok((to_cose(batch)?.into(), last))
    };
    load.iter()
        .map(|batches| batches.iter().map(one).collect())
        .collect()
}

async fn mqtt(fleet: &Fleet, load: Encoded, broker: &Mosquitto) -> Result<()> {
    let operator = Operator::new(fleet).await?;
    let ingest = MqttIngest::start(&broker.access(fleet, "ingest")?, operator.ingest.clone());
    let mut clients = Vec::new();
    for device in &fleet.devices {
        let access = Broker {
            client_id: device.entry.did.number().to_owned(),
            tls: device.issued.identity().client()?,
            ..broker.access(fleet, "ingest")?
        };
        let name = topic(&device.entry.did, &fleet.profile.feed().name);
        clients.push(MqttClient::start(&access, name));
    }
    // Sessions and subscriptions stand before the clock runs.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let begin = Instant::now();
    let senders = clients.into_iter().zip(load).map(|(mut client, batches)| {
        tokio::spawn(async move {
            for (bytes, last) in batches {
                confirmed(client.publish(bytes, last).await?)?;
            }
            anyhow::Ok(())
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    print("MQTT through Mosquitto, durable", TOTAL, begin.elapsed());
    operator.check().await?;
    ingest.stop().await;
    Ok(())
}

/// Messages of one batch's size through the broker and back to a subscriber, TLS, quality of service 1.
async fn bare_broker(broker: &Mosquitto) -> Result<()> {
    const MESSAGES: usize = 10_000;
    let options = |name: &str, tls: &Arc<rustls::ClientConfig>| {
        let mut options = MqttOptions::new(name, "127.0.0.1", broker.port);
        let tls = rumqttc::TlsConfiguration::Rustls(tls.clone());
        options
            .set_transport(rumqttc::Transport::tls_with_config(tls))
            .set_inflight(1000);
        options
    };
    let tls = broker.tls.clone();
    let (publisher, mut sending) = AsyncClient::new(options("bare-out", &tls), 1000);
    let (subscriber, mut receiving) = AsyncClient::new(options("bare-in", &tls), 1000);
    subscriber
        .subscribe("causeway/v1/bare/bare", QoS::AtLeastOnce)
        .await?;
    while !matches!(receiving.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
    let poll = tokio::spawn(async move { while sending.poll().await.is_ok() {} });
    let begin = Instant::now();
    tokio::spawn(async move {
        for _ in 0..MESSAGES {
            if publisher
                .publish("causeway/v1/bare/bare", QoS::AtLeastOnce, false, [0; 205])
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let mut received = 0;
    while received < MESSAGES {
        if let Event::Incoming(Packet::Publish(_)) = receiving.poll().await? {
            received += 1;
        }
    }
    print(
        "bare broker, one reading's size a message",
        MESSAGES,
        begin.elapsed(),
    );
    poll.abort();
    Ok(())
}

/// A Mosquitto as adapters/device/mosquitto configures it.
struct Mosquitto {
    port: u16,
    tls: Arc<rustls::ClientConfig>,
    process: Child,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    async fn start(fleet: &Fleet) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("ca.pem"), fleet.ca.pem())?;
        fleet
            .ca
            .local_server()?
            .save(&path("broker.pem"), &path("broker.key"))?;
        std::fs::write(path("acl"), include_str!("../mosquitto/acl"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = dir
            .path()
            .to_str()
            .context("a folder with a readable name")?;
        let config = include_str!("../mosquitto/mosquitto.conf")
            .replace("8883", &format!("{port} 127.0.0.1"))
            .replace("/etc/mosquitto/causeway", folder)
            .replace("/var/lib/mosquitto", folder);
        std::fs::write(path("mosquitto.conf"), format!("{config}\nuser root\n"))?;
        let process = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(path("mosquitto.conf"))
            .stderr(Stdio::null())
            .spawn()
            .context("starting mosquitto: `cargo xtask install` brings it")?;
        let tls = fleet
            .ca
            .device("ingest", (2020, 2120))?
            .identity()
            .client()?;
        let broker = Self {
            port,
            tls,
            process,
            _dir: dir,
        };
        for _ in 0..250 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(broker);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("mosquitto does not listen")
    }

    fn access(&self, fleet: &Fleet, name: &str) -> Result<Broker> {
        Ok(Broker {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            client_id: name.to_owned(),
            tls: fleet.ca.device(name, (2020, 2120))?.identity().client()?,
        })
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The operator's side alone, so that its memory is its own: prints its port, then its memory for each line it reads.
async fn intake(dir: &Path) -> Result<()> {
    let listing: Listing = serde_json::from_slice(&std::fs::read(dir.join("directory.json"))?)?;
    let archive = Archive::open(&dir.join("readings.sqlite"), ArchiveConfig::default()).await?;
    let directory = Directory::try_from(listing)?;
    let ingest = Ingest::start(directory, Arc::new(archive), system_clock(), generous());
    let at = |name: &str| dir.join(name);
    let identity = Identity::load(&at("ca.pem"), &at("server.pem"), &at("server.key"), None)?;
    let listen = ([127, 0, 0, 1], 0).into();
    let server =
        HttpsServer::start(listen, identity.server()?, ingest, HttpsLimits::default()).await?;
    println!("{}", server.addr().port());
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{}", resident_kib().unwrap_or(0));
    }
    Ok(())
}

async fn hold(count: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let fleet = Fleet::new(count, Profile::ColdChain)?;
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("directory.json"), serde_json::to_vec(&fleet.listing())?)?;
    std::fs::write(at("ca.pem"), fleet.ca.pem())?;
    fleet
        .ca
        .local_server()?
        .save(&at("server.pem"), &at("server.key"))?;
    let mut process = Command::new(std::env::current_exe()?)
        .arg("intake")
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut input, output) = (
        process.stdin.take().context("stdin")?,
        process.stdout.take().context("stdout")?,
    );
    let mut lines = std::io::BufReader::new(output).lines();
    let port = lines.next().context("the intake ended")??.parse()?;
    let mut memory = || -> Result<u64> {
        writeln!(input, "memory")?;
        Ok(lines.next().context("the intake ended")??.parse()?)
    };
    let before = memory()?;
    let (tally, stop) = (Arc::new(Tally::default()), CancellationToken::new());
    let target = Target::Https {
        host: "127.0.0.1".to_owned(),
        port,
    };
    let pace = Pace {
        batch: 1,
        every: Duration::from_secs(30),
        batches: None,
    };
    let begin = Instant::now();
    let watching = {
        let (tally, stop) = (tally.clone(), stop.clone());
        async move {
            while tally.accepted.load(Ordering::Relaxed) < count as u64
                && begin.elapsed() < PATIENCE
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let took = begin.elapsed();
            let held = memory()?;
            stop.cancel();
            anyhow::Ok((took, held))
        }
    };
    let driving = drive(&fleet, &target, pace, system_clock(), tally.clone(), stop);
    let (driven, watched) = tokio::join!(driving, watching);
    driven?;
    let (took, held) = watched?;
    process.kill()?;
    process.wait()?;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "connected {}, accepted {}, refused {}, failed {} in {:.1} s",
        load(&tally.connected),
        load(&tally.accepted),
        load(&tally.refused),
        load(&tally.failed),
        took.as_secs_f64()
    );
    println!("memory of the intake: {before} KiB before, {held} KiB with all of them");
    println!(
        "memory of the devices' process: {} KiB",
        resident_kib().unwrap_or(0)
    );
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(150);
