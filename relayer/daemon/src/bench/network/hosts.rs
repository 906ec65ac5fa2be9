//! Hosts of their own for validators: network namespaces with addresses of their own, one line between them.
//!
//! ```text
//!  host 0 .. host n-1        10.77.0.1 .. n: what validators say to each other, over VXLAN to the line
//!      | | | |               10.78.0.1 .. n: JSON-RPC, and what carries the VXLAN
//!     [ office ] -- 10.78.0.254: the bench and the line
//! ```
//!
//! All of it lives in one outer namespace in which the bench is started once more, so nothing of the machine's own network is
//! touched and everything ends with the bench.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use super::line::Line;

/// Where the bench and the line are.
pub(super) const OFFICE: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 254);
/// Most hosts of one network.
pub(super) const MOST: u8 = 200;
/// Port of consensus on every host.
const PEERS: u16 = 30_303;
/// Port of JSON-RPC there.
const RPC: u16 = 8_545;
/// First port of the line.
const LINE: u16 = 20_000;
/// Longest packet between hosts; fewer packets keep the line cheap beside the validators.
const MTU: &str = "9000";
/// Longest packet that carries one of those.
const OUTER_MTU: &str = "9100";

/// Port at which the line hears a host, and at which the host hears the line.
pub(super) const fn port(host: u8) -> u16 {
    LINE + host as u16
}

/// Address of a host in the office.
pub(super) const fn office_address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, host + 1)
}

/// The command that starts another in namespaces of its own.
///
/// # Errors
/// Fails where the machine allows none; says what would.
pub(super) fn outer() -> anyhow::Result<Command> {
    let kinds = [&["--user", "--map-root-user"][..], &[]];
    let unshare = |kind: &[&str]| {
        let mut command = Command::new("unshare");
        let rest = [
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ];
        command.args(kind).args(rest);
        command
    };
    let works = |kind: &&&[&str]| {
        let tried = unshare(kind)
            .args([
                "sh",
                "-c",
                "mount -t tmpfs trial /run && ip netns add trial",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    match kinds.iter().find(works) {
        Some(kind) => Ok(unshare(kind)),
        None => bail!(
            "this machine allows no network namespaces: run as root, or allow user namespaces; `ip` and `unshare` must be installed"
        ),
    }
}

/// Prepares the outer namespace for hosts.
///
/// # Errors
/// Fails when it cannot be.
pub(super) fn prepare() -> anyhow::Result<()> {
    run("mount -t tmpfs hosts /run")?;
    run("ip link set lo up")?;
    run("ip link add office type bridge")?;
    run("ip link set office mtu 9100 up")?;
    run(&format!("ip address add {OFFICE}/24 dev office"))
}

/// Running hosts. Dropping them takes them away.
#[derive(Debug)]
pub(super) struct Hosts {
    count: u8,
    pub(super) line: Line,
}

impl Hosts {
    /// Makes hosts with this much delay between each two, one way.
    ///
    /// # Errors
    /// Fails when a part of the network cannot be made.
    pub(super) fn new(count: u8, delay: Duration) -> anyhow::Result<Self> {
        ensure!(count <= MOST, "at most {MOST} hosts");
        let hosts = Self {
            count,
            line: Line::start(count, delay)?,
        };
        for host in 0..count {
            make(host)?;
        }
        Ok(hosts)
    }

    /// Where each host's validator listens to others, and where it serves JSON-RPC.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.count).map(|host| Place {
            peers: SocketAddr::from((Ipv4Addr::new(10, 77, 0, host + 1), PEERS)),
            rpc: SocketAddr::from((office_address(host), RPC)),
            name: name(host),
        })
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in 0..self.count {
            if let Err(error) = run(&format!("ip netns delete {}", name(host))) {
                eprintln!("{error:#}");
            }
        }
    }
}

/// Where one validator is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) peers: SocketAddr,
    pub(super) rpc: SocketAddr,
    pub(super) name: String,
}

fn make(host: u8) -> anyhow::Result<()> {
    let (name, last, port) = (name(host), host + 1, port(host));
    let office = office_address(host);
    let inside = format!("ip -n {name}");
    run(&format!("ip netns add {name}"))?;
    run(&format!("{inside} link set lo up"))?;
    run(&format!(
        "ip link add o{host} mtu {OUTER_MTU} type veth peer name office mtu {OUTER_MTU} netns {name}"
    ))?;
    run(&format!("{inside} address add {office}/24 dev office"))?;
    run(&format!("{inside} link set office up"))?;
    run(&format!("ip link set o{host} master office up"))?;
    run(&format!(
        "{inside} link add peers address 02:00:00:00:00:{last:02x} mtu {MTU} type vxlan id 7 local {office} remote {OFFICE} dstport {port} dev office"
    ))?;
    run(&format!("{inside} address add 10.77.0.{last}/24 dev peers"))?;
    // The line carries frames as they are: checksums must be in them, and no frame larger than the line's.
    run(&format!(
        "ip netns exec {name} ethtool -K peers tx off tso off gso off"
    ))?;
    run(&format!("{inside} link set peers up"))
}

fn name(host: u8) -> String {
    format!("host{host}")
}

/// Runs a command of words without spaces.
fn run(command: &str) -> anyhow::Result<()> {
    let mut words = command.split_whitespace();
    let program = words.next().context("a command has a name")?;
    let output = Command::new(program)
        .args(words)
        .output()
        .with_context(|| format!("running {program}: install iproute2, ethtool and util-linux"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {said}");
    Ok(())
}
