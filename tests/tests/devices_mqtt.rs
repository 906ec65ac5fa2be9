//! Readings through a real broker that is restarted in the middle: nothing that was acknowledged is lost.
#![allow(missing_docs)]

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use causeway_stories::{Causeway, devices::Device, eventually, free_address, root};

#[test]
fn a_broker_that_is_restarted_in_the_middle_loses_no_reading() -> Result<()> {
    let causeway = Causeway::new()?;
    // The first start makes the CA of devices, of which the broker has its certificate too.
    drop(causeway.up(&[])?);
    let mut broker = Mosquitto::start(&causeway)?;
    let file = |name: &str| broker.dir.join(name).display().to_string();
    let prefix = "CAUSEWAY_ORACLE__OPERATORS__OPERATOR1__MQTT";
    let settings: Vec<(String, String)> = [
        ("URL", format!("mqtts://127.0.0.1:{}", broker.port)),
        ("CLIENT_ID", "ingest".into()),
        ("CA_FILE", file("ca.pem")),
        ("CERTIFICATE_FILE", file("ingest.pem")),
        ("KEY_FILE", file("ingest.key")),
    ]
    .into_iter()
    .map(|(key, value)| (format!("{prefix}__{key}"), value))
    .collect();
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let daemon = causeway.up(&settings)?;
    let device = Device::admit(&causeway, "10.cold.20")?;
    through(&device, broker.port)?;
    let beside = device.run()?;
    let stored = |sequence: u64| {
        eventually(&format!("reading {sequence} at the operator"), || {
            Ok((device.newest()?.first() >= Some(&sequence)).then_some(()))
        })
        .with_context(|| daemon.tail())
    };

    device.measure((1..=10).map(|n| format!("4.{n:02}")))?;
    stored(10)?;
    broker.kill()?;
    device.measure((11..=20).map(|n| format!("4.{n:02}")))?;
    assert_eq!(device.newest()?.first(), Some(&10));
    broker.run()?;
    device.measure((21..=30).map(|n| format!("4.{n:02}")))?;
    stored(30)?;

    let page = causeway.ask(&["reading", "list", &device.did, "--limit", "60"])?;
    let readings = page["readings"].as_array().context("readings")?;
    let sequences: Vec<u64> = readings
        .iter()
        .filter_map(|r| r["sequence"].as_u64())
        .collect();
    assert_eq!(sequences, (1..=30).collect::<Vec<u64>>());
    drop(beside);
    let metrics = causeway.get("/metrics")?;
    for name in [
        "causeway_device_readings_total{transport=\"mqtt\"}",
        "causeway_device_broker_connected{session=\"ingest\"} 1",
    ] {
        ensure!(metrics.contains(name), "{name} is not in {metrics}");
    }
    Ok(())
}

/// Has the device speak to the broker instead of to the operators.
fn through(device: &Device<'_>, port: u16) -> Result<()> {
    let path = device.dir.join("device.toml");
    let text = fs::read_to_string(&path)?;
    let to_broker = |line: &str| {
        if line.starts_with("url = ") {
            format!("url = \"mqtts://127.0.0.1:{port}\"")
        } else {
            line.to_owned()
        }
    };
    let lines: Vec<String> = text.lines().map(to_broker).collect();
    fs::write(&path, lines.join("\n"))?;
    Ok(())
}

/// A Mosquitto with the configuration that operators are given.
struct Mosquitto {
    port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

impl Mosquitto {
    fn start(causeway: &Causeway) -> Result<Self> {
        let (ca, dir) = (
            causeway.dir().join("dev/devices"),
            causeway.dir().join("broker"),
        );
        fs::create_dir(&dir)?;
        let authority = ca.display().to_string();
        let issue = |name: &str, role: &[&str]| -> Result<()> {
            let mut arguments = vec![
                "key", "issue", "--dir", &authority, "--name", name, "--role",
            ];
            arguments.extend(role);
            causeway.ask(&arguments)?;
            for end in ["pem", "key"] {
                let file = format!("{name}.{end}");
                fs::rename(ca.join(&file), dir.join(&file))?;
            }
            Ok(())
        };
        issue("broker", &["server", "--host", "127.0.0.1"])?;
        issue("ingest", &["operator"])?;
        fs::copy(ca.join("ca.pem"), dir.join("ca.pem"))?;
        let given = root().join("adapters/device/mosquitto");
        fs::copy(given.join("acl"), dir.join("acl"))?;
        let port = free_address()?.port();
        let place = dir.to_str().context("a path of letters")?;
        let config = fs::read_to_string(given.join("mosquitto.conf"))?
            .replace("8883", &format!("{port} 127.0.0.1"))
            .replace("/etc/mosquitto/causeway", place)
            .replace("/var/lib/mosquitto", place);
        // As root it would give up its rights, and could not read the files of this story.
        fs::write(dir.join("mosquitto.conf"), format!("{config}\nuser root\n"))?;
        let mut broker = Self {
            port,
            dir,
            process: None,
        };
        broker.run()?;
        Ok(broker)
    }

    fn run(&mut self) -> Result<()> {
        let found = [
            "/usr/sbin/mosquitto",
            "/usr/local/sbin/mosquitto",
            "/usr/bin/mosquitto",
        ];
        let program = found.into_iter().find(|path| Path::new(path).exists());
        let program = program.context("mosquitto is missing: run `cargo xtask install`")?;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))?;
        let child = Command::new(program)
            .arg("-c")
            .arg(self.dir.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let child = self.process.insert(child);
        let (port, dir) = (self.port, &self.dir);
        eventually("the broker listens", || {
            if let Some(status) = child.try_wait()? {
                bail!("{status}: {}", fs::read_to_string(dir.join("log"))?);
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Nothing is left to do about a broker that does not end.
        let _ = self.kill();
    }
}
