//! A device beside its sensor, as its owner runs it; and devices that lie.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use causeway_adapter_device::{
    client::HttpsClient,
    fleet::adversary::{self, ReplayingDevice, TwoFacedDevice},
    ingest::answer::Answer,
    keys::HardwareKey,
    reading::Signed,
    tls::Identity,
    wire::{Form, to_cose},
};
use serde_json::Value;

use crate::{Causeway, binary, eventually};

/// The feed of the local profile.
pub const FEED: &str = "cold-chain/temperature";

/// A device with its directory, admitted.
pub struct Device<'a> {
    causeway: &'a Causeway,
    /// Its DID.
    pub did: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its record after the admission.
    pub record: Value,
}

impl<'a> Device<'a> {
    /// Makes keys and certificate and has the owner admit it, by the commands an owner would use.
    ///
    /// # Errors
    /// Fails when a command does.
    pub fn admit(causeway: &'a Causeway, number: &str) -> Result<Self> {
        Self::admit_of(causeway, number, "device-owner", None)
    }

    /// The same of another owner, with a certificate of this CA.
    ///
    /// # Errors
    /// Fails when a command does.
    pub fn admit_of(
        causeway: &'a Causeway,
        number: &str,
        owner: &str,
        ca: Option<&Path>,
    ) -> Result<Self> {
        let did = format!("did:odin:{number}");
        let dir = causeway.dir().join(format!("device-{number}"));
        let text = dir.to_str().context("a path of letters")?.to_owned();
        let mut new = vec!["device", "new", "--did", &did, "--dir", &text];
        if let Some(ca) = ca {
            new.extend(["--ca", ca.to_str().context("a path of letters")?]);
        }
        causeway.ask(&new)?;
        let record = causeway.ask(&[
            "device", "admit", "--did", &did, "--dir", &text, "--owner", owner, "--feed", FEED,
            "--wait",
        ])?;
        // Said often enough for a story to read.
        let config = dir.join("device.toml");
        let quick = fs::read_to_string(&config)?.replace("every_seconds = 60", "every_seconds = 1");
        fs::write(&config, quick)?;
        Ok(Self {
            causeway,
            did,
            dir,
            record,
        })
    }

    /// Starts the process beside the sensor.
    ///
    /// # Errors
    /// Fails when it is not built.
    pub fn run(&self) -> Result<Beside> {
        let program = binary()?.with_file_name("causeway-device");
        ensure!(
            program.is_file(),
            "causeway-device is not built: `cargo build --release --workspace` first"
        );
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))?;
        let health = self.dir.join("health.json");
        if health.is_file() {
            fs::remove_file(health)?;
        }
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(self.dir.join("device.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting causeway-device")?;
        let beside = Beside(child);
        // It follows what is appended from now on.
        eventually("a health report", || {
            Ok(self.dir.join("health.json").is_file().then_some(()))
        })?;
        Ok(beside)
    }

    /// Has the sensor measure these, one after the other.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub fn measure(&self, values: impl IntoIterator<Item = String>) -> Result<()> {
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("values.txt"))?;
        for value in values {
            writeln!(file, "{value}")?;
        }
        Ok(())
    }

    /// The device as the daemon shows it.
    ///
    /// # Errors
    /// Fails when the daemon does not answer.
    pub fn shown(&self) -> Result<Value> {
        self.causeway.ask(&["device", "show", &self.did])
    }

    /// How far each operator is.
    ///
    /// # Errors
    /// Fails when the daemon does not answer.
    pub fn newest(&self) -> Result<Vec<u64>> {
        let page = self
            .causeway
            .ask(&["reading", "list", &self.did, "--limit", "1"])?;
        let all = page["newest"].as_array().context("how far operators are")?;
        let sequence = |one: &Value| one["sequence"].as_u64().context("a number");
        all.iter().map(sequence).collect()
    }

    /// Waits until every operator has stored the reading of this number.
    ///
    /// # Errors
    /// Fails when they have not in time.
    pub fn stored_by_all(&self, sequence: u64) -> Result<()> {
        let what = format!("reading {sequence} at every operator");
        eventually(&what, || {
            let newest = self.newest()?;
            Ok((newest.iter().all(|n| *n >= sequence)).then_some(()))
        })
        .with_context(|| fs::read_to_string(self.dir.join("log")).unwrap_or_default())
    }

    /// Waits until the device's health report names this problem.
    ///
    /// # Errors
    /// Fails when it does not in time.
    pub fn complains_of(&self, problem: &str) -> Result<()> {
        eventually(&format!("a health report about {problem}"), || {
            let text = fs::read_to_string(self.dir.join("health.json")).unwrap_or_default();
            Ok(text.contains(problem).then_some(()))
        })
    }

    /// A connection to an operator under the device's own certificate.
    ///
    /// # Errors
    /// Fails when the certificate cannot be used.
    pub fn client(&self, port: u16) -> Result<HttpsClient> {
        let file = |name: &str| self.dir.join(name);
        let identity = Identity::load(
            &file("ca.pem"),
            &file("device.pem"),
            &file("device.key"),
            None,
        )?;
        Ok(HttpsClient::new("127.0.0.1", port, identity.client()?)?)
    }

    /// The device as one that says things again and out of order, with its own key.
    ///
    /// # Errors
    /// Fails when the key cannot be read.
    pub fn replaying(&self) -> Result<ReplayingDevice> {
        Ok(ReplayingDevice::new(self.key()?, self.identity()?))
    }

    /// The device as one that says two things under one number, with its own key.
    ///
    /// # Errors
    /// Fails when the key cannot be read.
    pub fn two_faced(&self) -> Result<TwoFacedDevice> {
        Ok(TwoFacedDevice::new(self.key()?, self.identity()?))
    }

    fn key(&self) -> Result<HardwareKey> {
        Ok(HardwareKey::load(&self.dir.join("hardware.pem"), None)?)
    }

    fn identity(&self) -> Result<adversary::Identity> {
        let id = self.record["id"].as_str().context("the device's id")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(adversary::Identity {
            device: id.parse()?,
            feed: alloy_primitives::keccak256(FEED),
            begins: u64::try_from(now.as_millis())?,
        })
    }
}

/// Posts readings and returns the operator's answer.
///
/// # Errors
/// Fails when the operator does not answer.
pub async fn post(client: &mut HttpsClient, readings: &[Signed]) -> Result<Answer> {
    let bytes = to_cose(readings)?;
    Ok(client.post(Form::Cose, bytes.into()).await?)
}

/// The process beside a sensor; killed when dropped.
pub struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        // Ended already, or killed now: either is what a dropped process should be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
