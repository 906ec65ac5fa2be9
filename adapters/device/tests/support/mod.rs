//! An operator, its devices and its broker, for end-to-end tests. Everything is real but the sensors.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod faults;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use causeway_adapter_device::{
    archive::{Archive, ArchiveConfig},
    fleet::{Fleet, Simulated, adversary::Identity, drive::Chain, profile::Profile},
    ingest::{
        Ingest, Limits,
        https::{HttpsLimits, HttpsServer},
        mqtt::Broker,
    },
    keys::HardwareKey,
    ledger::system_clock,
    reading,
    resident::{
        Resident,
        buffer::Buffer,
        config::{Device, Uplink},
    },
    sink::Sink,
    wire::Form,
};
use tempfile::TempDir;

/// An operator with its devices.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) fleet: Fleet,
    pub(crate) archive: Arc<Archive>,
    pub(crate) ingest: Arc<Ingest>,
}

impl World {
    pub(crate) async fn new(devices: usize) -> Self {
        Self::with(devices, Limits::default(), ArchiveConfig::default()).await
    }

    pub(crate) async fn with(devices: usize, limits: Limits, config: ArchiveConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fleet = Fleet::new(devices, Profile::ColdChain).unwrap();
        let archive = Arc::new(
            Archive::open(&dir.path().join("readings.sqlite"), config)
                .await
                .unwrap(),
        );
        let ingest = intake(&fleet, &archive, limits);
        Self {
            dir,
            fleet,
            archive,
            ingest,
        }
    }

    /// The operator's process ends and comes back over the same file.
    pub(crate) async fn restart(&mut self, config: ArchiveConfig) {
        let archive = Archive::open(&self.dir.path().join("readings.sqlite"), config)
            .await
            .unwrap();
        self.archive = Arc::new(archive);
        self.ingest = intake(&self.fleet, &self.archive, Limits::default());
    }

    pub(crate) async fn serve(&self, port: u16, limits: HttpsLimits) -> HttpsServer {
        let tls = self
            .fleet
            .ca
            .local_server()
            .unwrap()
            .identity()
            .server()
            .unwrap();
        let listen = ([127, 0, 0, 1], port).into();
        HttpsServer::start(listen, tls, self.ingest.clone(), limits)
            .await
            .unwrap()
    }

    /// Another operator of the same devices, with an archive of its own.
    pub(crate) async fn another(&self) -> (HttpsServer, Arc<Archive>) {
        let path = self.dir.path().join("another.sqlite");
        let archive = Archive::open(&path, ArchiveConfig::default()).await;
        let archive = Arc::new(archive.unwrap());
        let ingest = intake(&self.fleet, &archive, Limits::default());
        let server = self.fleet.ca.local_server().unwrap();
        let tls = server.identity().server().unwrap();
        let any = ([127, 0, 0, 1], 0).into();
        let server = HttpsServer::start(any, tls, ingest, HttpsLimits::default());
        (server.await.unwrap(), archive)
    }

    pub(crate) fn chain(&self, device: usize) -> Chain {
        let simulated = self.fleet.devices[device].clone();
        Chain::new(simulated, self.fleet.profile, device, system_clock())
    }

    /// What an adversary with the keys of a device is admitted with.
    pub(crate) fn identity(&self, device: usize) -> Identity {
        Identity {
            device: self.fleet.devices[device].entry.id,
            feed: self.fleet.profile.feed().name.id(),
            begins: system_clock()(),
        }
    }

    /// A device's own key, for an adversary.
    pub(crate) fn key(&self, device: usize) -> HardwareKey {
        pkcs8_of(&self.fleet.devices[device], self.dir.path())
    }

    pub(crate) fn chain_id(&self, device: usize) -> reading::Chain {
        reading::Chain {
            device: self.fleet.devices[device].entry.id,
            feed: self.fleet.profile.feed().name.id(),
            key_number: 1,
        }
    }

    pub(crate) fn broker(&self, port: u16, device: usize) -> Broker {
        let simulated = &self.fleet.devices[device];
        Broker {
            host: "127.0.0.1".into(),
            port,
            client_id: simulated.entry.did.number().into(),
            tls: simulated.issued.identity().client().unwrap(),
        }
    }

    /// The operator's own access to the broker.
    pub(crate) fn operator(&self, port: u16) -> Broker {
        let issued = self.fleet.ca.device("ingest", (2020, 2120)).unwrap();
        Broker {
            host: "127.0.0.1".into(),
            port,
            client_id: "ingest".into(),
            tls: issued.identity().client().unwrap(),
        }
    }

    pub(crate) async fn resident(&self, device: usize, uplink: Uplink) -> Resident {
        let simulated: &Simulated = &self.fleet.devices[device];
        let path = self.dir.path().join(format!("buffer-{device}.sqlite"));
        let buffer = Buffer::open(&path, 10_000).await.unwrap();
        let key = pkcs8_of(simulated, self.dir.path());
        let device = Device {
            did: simulated.entry.did.clone(),
            id: simulated.entry.id,
            key_number: 1,
            feed: self.fleet.profile.feed(),
            hardware: key,
            feed_key: None,
            uplinks: vec![("operator".into(), uplink)],
            form: Form::Json,
            batch: 16,
        };
        Resident::new(device, buffer, system_clock()).await.unwrap()
    }

    /// Waits until the newest stored reading of a device has this number.
    pub(crate) async fn stored(&self, device: usize, sequence: u64) {
        loop {
            let last = self.archive.last(self.chain_id(device)).await.unwrap();
            if last.is_some_and(|last| last.body.sequence >= sequence) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn intake(fleet: &Fleet, archive: &Arc<Archive>, limits: Limits) -> Arc<Ingest> {
    Ingest::start(
        fleet.directory().unwrap(),
        archive.clone(),
        system_clock(),
        limits,
    )
}

fn pkcs8_of(simulated: &Simulated, dir: &Path) -> HardwareKey {
    let path = dir.join(format!("{}.pem", simulated.entry.did.number()));
    if !path.exists() {
        simulated.hardware.save(&path, None).unwrap();
    }
    HardwareKey::load(&path, None).unwrap()
}

/// A Mosquitto with TLS 1.3, client certificates and the access list of docs/readings.md.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

impl Mosquitto {
    pub(crate) async fn start(world: &World) -> Self {
        let dir = world.dir.path().join("broker");
        std::fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name);
        std::fs::write(path("ca.pem"), world.fleet.ca.pem()).unwrap();
        let issued = world.fleet.ca.local_server().unwrap();
        issued
            .save(&path("broker.pem"), &path("broker.key"))
            .unwrap();
        std::fs::write(path("acl"), include_str!("../../mosquitto/acl")).unwrap();
        let port = free_port();
        let config = include_str!("../../mosquitto/mosquitto.conf")
            .replace("8883", &format!("{port} 127.0.0.1"))
            .replace("/etc/mosquitto/causeway", dir.to_str().unwrap())
            .replace("/var/lib/mosquitto", dir.to_str().unwrap());
        // As root it would give up its rights, and could not read the files of this test.
        std::fs::write(path("mosquitto.conf"), format!("{config}\nuser root\n")).unwrap();
        let mut broker = Self {
            port,
            dir,
            process: None,
        };
        broker.run().await;
        broker
    }

    pub(crate) async fn run(&mut self) {
        let found = [
            "/usr/sbin/mosquitto",
            "/usr/local/sbin/mosquitto",
            "/usr/bin/mosquitto",
        ];
        let program = found.into_iter().find(|path| Path::new(path).exists());
        let program = program.expect("mosquitto is missing: run `cargo xtask install`");
        let log = std::fs::File::create(self.dir.join("log")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(self.dir.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.process.as_mut().unwrap().try_wait().unwrap() {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap();
                panic!("mosquitto ended: {status}\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it; it comes back with `run`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that is free now and that no other test of this program has, below the range of outgoing connections: who comes back finds it
/// free again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    let mut places = (0..10_000_u16).map(|_| NEXT.fetch_add(1, Ordering::Relaxed) % 10_000);
    places
        .find_map(|place| {
            let port = 21_000 + (start + place) % 10_000;
            TcpListener::bind(("127.0.0.1", port))
                .is_ok()
                .then_some(port)
        })
        .unwrap()
}
