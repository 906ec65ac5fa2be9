//! The process beside the sensor, and a fleet of simulated ones.

use std::{
    io::IsTerminal as _,
    net::ToSocketAddrs as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use causeway_adapter_device::{
    fleet::{
        Fleet,
        drive::{Pace, Tally, Target, drive},
        profile::Profile,
        write,
    },
    keys::{FeedKey, HardwareKey},
    ledger::system_clock,
    resident::{Resident, buffer::Buffer, config::Config, source},
};
use clap::{Args, Parser, Subcommand};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Signs what a sensor measures and brings it to an oracle operator.
#[derive(Parser)]
#[command(name = "causeway-device", version, about)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Reads the source, signs, keeps on disk, sends; until it is stopped.
    Run {
        /// The configuration (docs/readings.md explains each key).
        #[arg(long)]
        config: PathBuf,
    },
    /// Makes key files that do not exist yet: hardware.pem (PKCS#8) and feed.key; prints their public halves.
    Keys {
        /// Where to.
        #[arg(long)]
        dir: PathBuf,
        /// A file whose first line encrypts hardware.pem.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Simulated devices with real certificates and connections, of a trial CA that is made here.
    Fleet(FleetArguments),
}

#[derive(Args)]
struct FleetArguments {
    /// How many devices.
    #[arg(long)]
    count: usize,
    /// What they measure.
    #[arg(long, value_enum)]
    profile: Profile,
    /// Where to: https://host:port or mqtts://host:port. Several operators: give it again; a device goes on when all have
    /// stored what it said.
    #[arg(long, required = true)]
    to: Vec<String>,
    /// Gets the operator's side: ca.pem, server.pem, server.key, and directory.json of the devices; made new each time.
    #[arg(long)]
    dir: PathBuf,
    /// Seconds from one batch of a device to its next.
    #[arg(long, default_value_t = 60)]
    every_seconds: u64,
    /// Readings of one batch.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Batches of each device; for ever if not given.
    #[arg(long)]
    batches: Option<u64>,
    /// Writes the operator's side and waits for Enter before it connects.
    #[arg(long)]
    wait: bool,
}

fn main() -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    match Arguments::parse().what {
        // One thread is enough beside a sensor, and the smallest.
        What::Run { config } => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(run(&config)),
        What::Keys { dir, password_file } => keys(&dir, password_file.as_deref()),
        What::Fleet(arguments) => tokio::runtime::Runtime::new()?.block_on(fleet(arguments)),
    }
}

async fn run(path: &Path) -> Result<()> {
    let config = Config::load(path)?;
    let device = config.device()?;
    let buffer = Buffer::open(&config.buffer.path, config.buffer.max_readings).await?;
    let clock = system_clock();
    let resident = Resident::new(device, buffer, clock.clone()).await?;
    let (send, lines) = mpsc::channel(source::MAX_LINES);
    let reading = tokio::spawn(source::read(config.source, send));
    let stop = stop_by_signal()?;
    let health = resident.health().clone();
    let reporting = config.health.map(|to| {
        tokio::spawn(async move { health.keep_writing(&to.path, to.every(), clock).await })
    });
    resident.run(lines, &stop).await;
    reading.abort();
    if let Some(reporting) = reporting {
        reporting.abort();
    }
    let pending = resident.health().report(0).pending;
    tracing::info!(pending, "stopped; what is not sent is on disk");
    Ok(())
}

fn keys(dir: &Path, password: Option<&Path>) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let hardware = HardwareKey::generate();
    hardware.save(&dir.join("hardware.pem"), password)?;
    let feed = FeedKey::create(&dir.join("feed.key"))?;
    let [hardware_x, hardware_y] = hardware.public().coordinates();
    let [feed_x, feed_y] = feed.public().coordinates();
    println!("hardware key: x {hardware_x}\n              y {hardware_y}");
    println!("feed key:     x {feed_x}\n              y {feed_y}");
    Ok(())
}

async fn fleet(arguments: FleetArguments) -> Result<()> {
    let targets = arguments.to.iter().map(|to| target(to));
    let targets = targets.collect::<Result<Vec<_>>>()?;
    let fleet = Fleet::new(arguments.count, arguments.profile)?;
    let dir = &arguments.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    for name in ["server.key", "server.pem"] {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("replacing {name}"));
            }
            _ => {}
        }
    }
    write(&dir.join("ca.pem"), fleet.ca.pem().as_bytes())?;
    fleet
        .ca
        .local_server()?
        .save(&dir.join("server.pem"), &dir.join("server.key"))?;
    let listing = serde_json::to_vec_pretty(&fleet.listing()).context("writing the directory")?;
    write(&dir.join("directory.json"), &listing)?;
    eprintln!("the operator's side is in {}", dir.display());
    if arguments.wait {
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .context("waiting for Enter")?;
    }
    let (tally, stop) = (Arc::new(Tally::default()), stop_by_signal()?);
    let pace = Pace {
        batch: arguments.batch,
        every: Duration::from_secs(arguments.every_seconds),
        batches: arguments.batches,
    };
    let reporting = tokio::spawn(report(tally.clone()));
    drive(&fleet, &targets, pace, system_clock(), tally.clone(), stop).await?;
    reporting.abort();
    print(&tally);
    Ok(())
}

async fn report(tally: Arc<Tally>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        print(&tally);
    }
}

fn print(tally: &Tally) {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let problem = tally.last_problem.lock().clone().unwrap_or_default();
    eprintln!(
        "connected {}, accepted {}, refused {}, failed {} {problem}",
        load(&tally.connected),
        load(&tally.accepted),
        load(&tally.refused),
        load(&tally.failed),
    );
}

fn target(url: &str) -> Result<Target> {
    let wrong = || format!("--to is https://host:port or mqtts://host:port, got {url:?}");
    let (scheme, rest) = url.split_once("://").with_context(wrong)?;
    let (host, port) = rest.rsplit_once(':').with_context(wrong)?;
    let (host, port) = (host.to_owned(), port.parse().with_context(wrong)?);
    (host.as_str(), port)
        .to_socket_addrs()
        .with_context(|| format!("looking up {host}"))?;
    match scheme {
        "https" => Ok(Target::Https { host, port }),
        "mqtts" => Ok(Target::Mqtt { host, port }),
        _ => bail!(wrong()),
    }
}

fn stop_by_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}
