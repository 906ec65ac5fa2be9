//! Stories: the product run as its users run it, with real processes.
//!
//! * [`Causeway`]: the binary with a data directory of its own: run a command, start the daemon, kill it.
//! * [`anvil`]: an Ethereum node that is not ours.
//! * [`rpc`]: a chain as a wallet sees it, over JSON-RPC.
//! * [`validators`]: a chain of `causeway node` processes.
//! * [`hosts`]: hosts with addresses of their own, and a line between them that can be cut.
//! * [`small_disk`]: a process whose disk fills up.
//! * [`settling`]: a settlement with its private figures.
//! * [`members`]: votes of a consortium's members.
//! * [`log`]: the event log, and ways to change it. [`withholding`]: a node that withholds events.
//! * [`tampering`]: a node that changes a byte.
//! * [`books`]: who has how much, and what became of transfers.
//! * [`proofs`]: holders who act on proofs.
//! * [`devices`]: a device beside its sensor, and those that lie. [`operators`]: operators of a feed, each a process.
//! * [`pegs`]: ways over the peg, and what both ports hold.
//!
//! The binary is the one beside the test's own directory (`target/release/causeway`); `cargo xtask test` builds it first.

pub mod anvil;
pub mod books;
pub mod devices;
pub mod hosts;
pub mod log;
pub mod members;
pub mod operators;
pub mod pegs;
pub mod proofs;
pub mod rpc;
pub mod settling;
pub mod small_disk;
pub mod tampering;
pub mod told;
pub mod validators;
pub mod withholding;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::rpc::Rpc;

/// Longest a story waits for one thing.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The binary under test.
///
/// # Errors
/// Fails when it is not built.
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe().context("where this test is")?;
    let name = format!("causeway{}", std::env::consts::EXE_SUFFIX);
    test.ancestors()
        .map(|dir| dir.join(&name))
        .find(|path| path.is_file())
        .context("the causeway binary is not built: run `cargo xtask test`, or `cargo build --release --workspace` first")
}

/// Root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One installation: the binary and a data directory.
pub struct Causeway {
    binary: PathBuf,
    dir: tempfile::TempDir,
    api: Option<String>,
    environment: Vec<(String, PathBuf)>,
    port_shift: Option<String>,
}

impl Causeway {
    /// A fresh data directory.
    ///
    /// # Errors
    /// Fails when the binary is not built or there is no place for the directory.
    pub fn new() -> Result<Self> {
        Ok(Self {
            binary: binary()?,
            dir: tempfile::tempdir().context("making a data directory")?,
            api: None,
            environment: Vec::new(),
            port_shift: Some(port_shift()?),
        })
    }

    /// Sets a variable of the environment, to a path, for all of its commands.
    pub fn set(&mut self, variable: &str, path: PathBuf) {
        self.environment.push((variable.to_owned(), path));
    }

    /// For a configuration of another profile, which has its own ports.
    pub fn outside_local(&mut self) {
        self.port_shift = None;
    }

    /// Commands for a daemon that was started in another way, at this address.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn at(api: String) -> Result<Self> {
        let api = Some(api);
        Ok(Self {
            api,
            ..Self::new()?
        })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A command on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.dir.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        if let Some(api) = &self.api {
            command.args(["--api", api]);
        }
        command
    }

    /// Runs a command to its end and returns its answer, the last JSON value on stdout.
    ///
    /// # Errors
    /// Fails when the command fails, with what it said.
    pub fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let output = self
            .command(arguments)
            .arg("--json")
            .output()
            .context("running causeway")?;
        if !output.status.success() {
            bail!(
                "causeway {arguments:?} ended with {}: {}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let text = String::from_utf8(output.stdout).context("stdout is text")?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(value),
            Err(_) => {
                let last = text.lines().last().unwrap_or_default();
                serde_json::from_str(last).with_context(|| format!("not JSON: {text}"))
            }
        }
    }

    /// Starts the daemon and waits until its API is ready.
    ///
    /// # Errors
    /// Fails when it ends, or is not ready in time; its log is in the message.
    pub fn up(&self, environment: &[(&str, &str)]) -> Result<Daemon> {
        let mut daemon = self.start(&["up"], environment)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Until it has told its address, commands would ask whoever has the usual port.
            if self.announced().is_file() && self.ask(&["chain", "status"]).is_ok() {
                return Ok(daemon);
            }
            if let Some(status) = daemon.child.try_wait().context("asking for the daemon")? {
                bail!("the daemon ended with {status}: {}", daemon.tail());
            }
            if Instant::now() > deadline {
                bail!(
                    "the daemon is not ready after {PATIENCE:?}: {}",
                    daemon.tail()
                );
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// The answer of a command that says, by failing, that something is wrong.
    ///
    /// # Errors
    /// Fails when the command succeeds, or says no JSON.
    pub fn ask_alarmed(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command(arguments).arg("--json").output();
        let output = output.context("running causeway")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            !output.status.success(),
            "causeway {arguments:?} says that all is well: {text}"
        );
        let mut answers = text.lines().map(serde_json::from_str);
        let first = answers.next().context("an answer")?;
        first.with_context(|| format!("not JSON: {text}"))
    }

    /// What the API says to anyone who asks for a path, without certificates.
    ///
    /// # Errors
    /// Fails when it refuses or does not answer.
    pub fn get(&self, path: &str) -> Result<String> {
        let base = std::fs::read_to_string(self.announced()).context("the API's address")?;
        Rpc::new(format!("{}{path}", base.trim()))?.get()
    }

    /// Where a running daemon tells its address.
    pub fn announced(&self) -> PathBuf {
        self.dir.path().join("api.url")
    }

    /// Starts a command that goes on, and does not wait for anything.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Daemon> {
        let log = self.dir.path().join("story.log");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .context("opening the log")?;
        // One that was killed leaves its address behind.
        let _ = std::fs::remove_file(self.announced());
        let mut command = self.command(arguments);
        if let Some(shift) = &self.port_shift {
            // No other daemon takes its ports while it is down for a moment.
            command.env("CAUSEWAY_LOCAL_PORT_SHIFT", shift);
        }
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(file);
        Ok(Daemon {
            child: command.spawn().context("starting the daemon")?,
            log,
        })
    }
}

/// A shift that hardly any daemon beside this one has: usual ports become ports from 8,545 to 20,900, below those of validators and of
/// outgoing connections.
fn port_shift() -> Result<String> {
    Ok((random()? % 1_200 * 10).to_string())
}

fn random() -> Result<u16> {
    let mut bytes = [0_u8; 2];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("a random number: {e}"))?;
    Ok(u16::from_le_bytes(bytes))
}

/// An address of this machine that is free now and that this program was not given before, below the range of outgoing connections: who stops listening there finds it free again.
///
/// # Errors
/// Fails when none is found.
pub fn free_address() -> Result<SocketAddr> {
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    for _ in 0..1_000 {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 9_000 + random()? % 12_000));
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if TcpListener::bind(at).is_ok() && given.insert(at) {
            return Ok(at);
        }
    }
    bail!("no free port of this machine from 9,000 to 21,000")
}

/// Runs a wallet of `tests/clients` to its end and returns what it printed.
///
/// # Errors
/// Fails when the wallet fails, with what it said.
pub fn wallet(script: &str, orders: &Value) -> Result<Value> {
    let output = Command::new("node")
        .arg(script)
        .arg(orders.to_string())
        .current_dir(root().join("tests/clients"))
        .output()
        .context("running node: run `cargo xtask install`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script}: {said}");
    serde_json::from_slice(&output.stdout).with_context(|| format!("{script} said no JSON"))
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// Fails when the process cannot be reached.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("killing the daemon")?;
        self.child.wait().context("waiting for the daemon")?;
        Ok(())
    }

    /// Whether it has not ended.
    ///
    /// # Errors
    /// Fails when the process cannot be asked.
    pub fn runs(&mut self) -> Result<bool> {
        let ended = self.child.try_wait().context("asking for the daemon")?;
        Ok(ended.is_none())
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Fails when it does not in time.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().context("asking for the daemon")? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("the daemon still runs after {PATIENCE:?}: {}", self.tail());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Ended already, or killed now: either is what a dropped daemon should be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until `check` gives something.
///
/// # Errors
/// Fails with `what` when it does not in time.
pub fn eventually<T>(what: &str, check: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    eventually_within(PATIENCE, what, check)
}

/// The same with another patience.
///
/// # Errors
/// Fails with `what` when it does not in time.
pub fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut check: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = check()? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("not after {patience:?}: {what}");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
