//! Signed readings a second that become durable, beside what the processors and the broker can do at most.
//!
//! The intake is a process of its own, and so is the broker: each one's processor time is told apart from that of the devices,
//! which are simulated here with keys, certificates and connections of their own. All share the same processors. What the
//! devices send is signed before the clock runs.

mod broker;
mod hold;
mod intake;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use causeway_adapter_device::{
    check::{ClockLimits, Peer, admit},
    client::{HttpsClient, MqttClient},
    fleet::{Fleet, drive::Chain, profile::Profile},
    ingest::{
        answer::Answer,
        mqtt::{Broker, topic},
    },
    ledger::system_clock,
    reading::Signed,
    wire::{Form, Submitted, to_cose},
};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

pub use self::intake::{IngestServe, ingest_serve};
use self::{broker::Mosquitto, hold::Held, intake::Intake};
use super::target::usage;

/// Longest a row may take before the measurement is given up.
const LIMIT: Duration = Duration::from_secs(600);
/// Records of the day that the paper asks for.
const DAY: f64 = 10_000_000.0;

/// Options of `causeway bench ingest`.
#[derive(Args, Clone, Debug)]
pub struct IngestBench {
    /// Devices that send at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    devices: u64,
    /// Readings of a batch.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(2..=256))]
    batch: u64,
    /// Readings of each row of batches, about.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1_000..=5_000_000))]
    readings: u64,
    /// Readings of each row in which every reading is sent alone, about.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=5_000_000))]
    singles: u64,
    /// Connections that are held at once; 0 leaves them out.
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u64).range(0..=50_000))]
    hold: u64,
}

/// What one row says. Processor time is of all threads of a process together.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    readings: u64,
    seconds: f64,
    per_second: f64,
    /// Processor microseconds a reading: of the intake, or of the bare loop.
    micros: Option<f64>,
    /// Of the broker.
    broker_micros: Option<f64>,
    /// Of the simulated devices.
    devices_micros: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Found {
    bench: &'static str,
    cores: usize,
    load_average: f64,
    devices: u64,
    batch: u64,
    rows: Vec<Row>,
    bytes_per_reading: f64,
    day: Day,
    held: Option<Held>,
}

/// Ten million records in a day.
#[derive(Debug, Serialize)]
struct Day {
    records: f64,
    per_second: f64,
    /// How many such days' rate the slowest durable row would carry.
    times_the_rate: f64,
    gigabytes: f64,
}

/// Runs it.
///
/// # Errors
/// Fails when the intake or the broker does not start, refuses a reading, or has not stored what it confirmed.
pub async fn ingest(options: IngestBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open_files = crate::open_files::raise();
    let load_average = load_average()?;
    eprintln!("signing {} readings ...", options.readings);
    let world = World::new(&options)?;
    let mut rows = world.bare()?;
    let mut bytes_per_reading = 0.0;
    for (load, name) in [(&world.batches, "batches"), (&world.singles, "singles")] {
        eprintln!("HTTPS, {name} ...");
        let (row, bytes) = world.https(load, name).await?;
        rows.push(row);
        if name == "batches" {
            bytes_per_reading = bytes;
        }
    }
    match Mosquitto::start(&world.fleet).await? {
        None => eprintln!("no mosquitto: run `cargo xtask install`; its rows are left out"),
        Some(broker) => {
            for (load, name) in [(&world.batches, "batches"), (&world.singles, "singles")] {
                eprintln!("MQTT, {name} ...");
                rows.push(world.mqtt(load, name, &broker).await?);
                eprintln!("bare broker, {name} ...");
                rows.push(broker.bare(load, name).await?);
            }
        }
    }
    let held = match options.hold {
        0 => None,
        count => {
            eprintln!("{count} connections ...");
            Some(hold::hold(count, open_files).await?)
        }
    };
    let durable = rows.iter().filter(|row| row.what.contains("durable"));
    let slowest = durable.map(|row| row.per_second).fold(f64::MAX, f64::min);
    let per_second = DAY / 86_400.0;
    print(
        &Found {
            bench: "ingest",
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            load_average,
            devices: options.devices,
            batch: options.batch,
            rows,
            bytes_per_reading,
            day: Day {
                records: DAY,
                per_second,
                times_the_rate: slowest / per_second,
                gigabytes: bytes_per_reading * DAY / 1e9,
            },
            held,
        },
        json,
    )
}

/// What the devices send: for each its messages in order, each with the number of its last reading.
struct Load {
    messages: Vec<Vec<(Bytes, u64)>>,
    readings: u64,
}

/// The devices, and what they said beforehand.
struct World {
    fleet: Fleet,
    signed: Vec<Vec<Signed>>,
    batches: Load,
    singles: Load,
}

impl World {
    fn new(options: &IngestBench) -> anyhow::Result<Self> {
        let devices = usize::try_from(options.devices)?;
        let batch = usize::try_from(options.batch)?;
        let fleet = Fleet::new(devices, Profile::ColdChain)?;
        let rounds = usize::try_from(options.readings)?.div_ceil(devices * batch);
        let singles = usize::try_from(options.singles)?.div_ceil(devices);
        let each = (rounds * batch).max(singles);
        let signed: Vec<Vec<Signed>> = std::thread::scope(|scope| {
            let sign = |(index, device): (usize, &Arc<_>)| {
                let device = Arc::clone(device);
                let profile = fleet.profile;
                scope.spawn(move || Chain::new(device, profile, index, system_clock()).batch(each))
            };
            let threads: Vec<_> = fleet.devices.iter().enumerate().map(sign).collect();
            threads
                .into_iter()
                .map(|thread| thread.join())
                .collect::<Result<_, _>>()
        })
        .map_err(|_| anyhow::anyhow!("signing has failed"))?;
        let batches = Load::of(&signed, rounds * batch, batch)?;
        let singles = Load::of(&signed, singles, 1)?;
        Ok(Self {
            fleet,
            signed,
            batches,
            singles,
        })
    }

    /// The limit: signatures, and the rest of the check, on all processors and nothing else.
    fn bare(&self) -> anyhow::Result<Vec<Row>> {
        let directory = self.fleet.directory()?;
        let cores = std::thread::available_parallelism()?.get();
        let share = self.signed.len().div_ceil(cores);
        let run = |what: String, whole: bool| {
            let meter = Meter::begin(None, None)?;
            let good = std::thread::scope(|scope| {
                let parts = self
                    .signed
                    .chunks(share)
                    .zip(self.fleet.devices.chunks(share));
                let threads: Vec<_> = parts
                    .map(|(readings, devices)| {
                        let directory = &directory;
                        scope.spawn(move || {
                            readings.iter().zip(devices).all(|(readings, device)| {
                                let peer = Peer::Certificate(device.entry.certificate);
                                let public = device.hardware.public();
                                let now = system_clock()();
                                readings.iter().all(|signed| match whole {
                                    true => {
                                        let reading = Submitted::Sealed(*signed);
                                        let limits = ClockLimits::default();
                                        admit(directory, &peer, &reading, now, limits).is_ok()
                                    }
                                    false => public.verify(&signed.body, &signed.hardware),
                                })
                            })
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .all(|thread| thread.join().unwrap_or(false))
            });
            ensure!(good, "a reading of the load is not good");
            let count = self.signed.iter().map(Vec::len).sum::<usize>();
            let mut row = meter.end(what, count as u64)?;
            // Nothing else ran in this process.
            row.micros = row.devices_micros.take();
            Ok(row)
        };
        Ok(vec![
            run(format!("bare P-256 checks, {cores} threads"), false)?,
            run(format!("whole check of a reading, {cores} threads"), true)?,
        ])
    }

    /// Returns the row, and what a reading takes on the disk.
    async fn https(&self, load: &Load, name: &str) -> anyhow::Result<(Row, f64)> {
        let intake = Intake::start(&self.fleet, None).await?;
        let mut clients = Vec::new();
        for device in &self.fleet.devices {
            let tls = device.issued.identity().client()?;
            let mut client = HttpsClient::new("127.0.0.1", intake.port(), tls)?;
            client.connect().await?;
            clients.push(client);
        }
        let meter = Meter::begin(Some(intake.process()), None)?;
        let mut senders = JoinSet::new();
        for (mut client, messages) in clients.into_iter().zip(load.messages.clone()) {
            senders.spawn(async move {
                for (bytes, _) in messages {
                    confirmed(client.post(Form::Cose, bytes).await?)?;
                }
                anyhow::Ok(())
            });
        }
        all(senders).await?;
        let row = meter.end(format!("HTTPS, durable, {name}"), load.readings)?;
        let bytes = intake.stored(load.readings).await?;
        Ok((row, bytes))
    }

    async fn mqtt(&self, load: &Load, name: &str, broker: &Mosquitto) -> anyhow::Result<Row> {
        let intake = Intake::start(&self.fleet, Some(broker)).await?;
        let feed = self.fleet.profile.feed().name;
        let mut clients = Vec::new();
        for device in &self.fleet.devices {
            let access = Broker {
                host: "127.0.0.1".into(),
                port: broker.port(),
                client_id: device.entry.did.number().to_owned(),
                tls: device.issued.identity().client()?,
            };
            clients.push(MqttClient::start(&access, topic(&device.entry.did, &feed)));
        }
        // Nobody has an answer before sessions and subscriptions stand: the first message of each is not measured.
        let mut first = JoinSet::new();
        for (mut client, messages) in clients.into_iter().zip(load.messages.clone()) {
            first.spawn(async move {
                let mut messages = messages.into_iter();
                if let Some((bytes, last)) = messages.next() {
                    let answer = client.publish(bytes, last).await;
                    confirmed(answer.context("the first message of a device")?)?;
                }
                anyhow::Ok((client, messages))
            });
        }
        let mut ready = Vec::new();
        while let Some(one) = tokio::time::timeout(LIMIT, first.join_next()).await? {
            ready.push(one??);
        }
        let meter = Meter::begin(Some(intake.process()), Some(broker.process()?))?;
        let mut senders = JoinSet::new();
        for (mut client, messages) in ready {
            senders.spawn(async move {
                for (bytes, last) in messages {
                    let answer = client.publish(bytes, last).await;
                    confirmed(
                        answer.with_context(|| format!("the message that ends with {last}"))?,
                    )?;
                }
                anyhow::Ok(())
            });
        }
        all(senders).await?;
        let what = format!("MQTT through Mosquitto, durable, {name}");
        let measured = load.readings - load.first()?;
        let row = meter.end(what, measured)?;
        intake.stored(load.readings).await?;
        Ok(row)
    }
}

impl Load {
    fn of(signed: &[Vec<Signed>], each: usize, batch: usize) -> anyhow::Result<Self> {
        let message = |readings: &[Signed]| {
            let last = readings.last().context("no message is empty")?;
            anyhow::Ok((Bytes::from(to_cose(readings)?), last.body.sequence))
        };
        let of_device = |readings: &Vec<Signed>| {
            let taken = readings.get(..each).context("enough is signed")?;
            taken
                .chunks(batch)
                .map(message)
                .collect::<anyhow::Result<Vec<_>>>()
        };
        Ok(Self {
            messages: signed
                .iter()
                .map(of_device)
                .collect::<anyhow::Result<_>>()?,
            readings: (each * signed.len()) as u64,
        })
    }

    /// Readings of the first messages of all devices.
    fn first(&self) -> anyhow::Result<u64> {
        let first = self.messages.iter().filter_map(|messages| messages.first());
        Ok(first.map(|(_, last)| last).sum())
    }
}

/// Clock and processor time from one moment on.
struct Meter {
    begin: Instant,
    own: f64,
    intake: Option<(String, f64)>,
    broker: Option<(String, f64)>,
}

impl Meter {
    fn begin(intake: Option<String>, broker: Option<String>) -> anyhow::Result<Self> {
        let at = |process: String| {
            let used = usage(&process)?.cpu_seconds;
            anyhow::Ok((process, used))
        };
        Ok(Self {
            intake: intake.map(at).transpose()?,
            broker: broker.map(at).transpose()?,
            own: usage("self")?.cpu_seconds,
            begin: Instant::now(),
        })
    }

    fn end(self, what: String, readings: u64) -> anyhow::Result<Row> {
        let (seconds, count) = (self.begin.elapsed().as_secs_f64(), readings as f64);
        let since = |(process, before): (String, f64)| {
            anyhow::Ok((usage(&process)?.cpu_seconds - before) * 1e6 / count)
        };
        Ok(Row {
            what,
            readings,
            seconds,
            per_second: count / seconds,
            micros: self.intake.map(since).transpose()?,
            broker_micros: self.broker.map(since).transpose()?,
            devices_micros: Some((usage("self")?.cpu_seconds - self.own) * 1e6 / count),
        })
    }
}

async fn all(mut senders: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let done = async {
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        Ok(())
    };
    let done = tokio::time::timeout(LIMIT, done).await;
    done.with_context(|| format!("a row takes longer than {LIMIT:?}"))?
}

fn confirmed(answer: Answer) -> anyhow::Result<()> {
    match answer {
        Answer::Accepted(_) => Ok(()),
        Answer::Refused(problem) => bail!("refused: {}: {}", problem.refused, problem.detail),
    }
}

/// Of the last minute, before anything is measured: what others do beside it.
fn load_average() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").context("reading /proc/loadavg")?;
    let first = text.split_whitespace().next().unwrap_or_default();
    first.parse().context("the load average")
}

fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    println!(
        "{} cores, load average {:.1} before; {} devices, batches of {}\n",
        found.cores, found.load_average, found.devices, found.batch
    );
    println!(
        "| what | readings/s | processor us a reading: intake, or bare loop | broker | devices |\n\
         |---|---:|---:|---:|---:|"
    );
    let micros = |micros: Option<f64>| micros.map_or(String::new(), |m| format!("{m:.0}"));
    for row in &found.rows {
        println!(
            "| {} | {:.0} | {} | {} | {} |",
            row.what,
            row.per_second,
            micros(row.micros),
            micros(row.broker_micros),
            micros(row.devices_micros)
        );
    }
    let day = &found.day;
    println!(
        "\na reading takes {:.0} bytes of the archive; {:.0} a day are {:.1} a second, {:.2} GB a day; \
         the slowest durable row is {:.0} times that rate",
        found.bytes_per_reading, day.records, day.per_second, day.gigabytes, day.times_the_rate
    );
    if let Some(held) = &found.held {
        held.print();
    }
    Ok(())
}
