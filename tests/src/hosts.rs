//! Hosts of their own for validators: network namespaces at two sites, with a line between the sites that can be cut.
//!
//! ```text
//!  host 0 .. host k-1            host k .. host n-1        10.77.0.1 .. n: what validators say to each other
//!      \ | | /                        \ | /
//!      [ west ] ------- line ------- [ east ]
//!
//!  all hosts ------------------- [ office ] -- the test    10.78.0.1 .. n: JSON-RPC
//! ```
//!
//! Everything is in one outer namespace in which the test is started once more, so nothing of the machine's own network is touched
//! and all of it ends with the test.

use std::{
    env,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Set in the outer namespace. Not a name that the product reads its configuration from.
const INSIDE: &str = "HOSTS_OF_A_STORY";
/// Port of consensus on every host: each has an address of its own.
const PEERS: u16 = 30_303;
/// Port of JSON-RPC there.
const RPC: u16 = 8_545;

/// Runs `story` where it may make hosts: starts this test program's test `name` once more, in a network of its own.
///
/// # Errors
/// Fails when the story does. Where this machine allows no network namespaces the story is not run, and that is said on stderr.
pub fn inside(name: &str, story: impl FnOnce() -> Result<()>) -> Result<()> {
    if env::var_os(INSIDE).is_some() {
        return story();
    }
    let Some(mut outer) = namespaces() else {
        // Past the capture of test output, so that whoever reads the run sees it.
        writeln!(
            std::io::stderr(),
            "NOT RUN: {name}: this machine allows no network namespaces; run the tests as root, or allow user namespaces"
        )?;
        return Ok(());
    };
    let status = outer
        .arg(env::current_exe().context("where this test is")?)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .context("starting the test in a network of its own")?;
    ensure!(
        status.success(),
        "the test in a network of its own: {status}"
    );
    Ok(())
}

/// The command that starts another in namespaces of its own, which may be made in one of two ways.
fn namespaces() -> Option<Command> {
    let kinds = [&["--user", "--map-root-user"][..], &[]];
    let unshare = |kind: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(kind).args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]);
        command
    };
    kinds.into_iter().find_map(|kind| {
        let tried = unshare(kind)
            .args([
                "sh",
                "-c",
                "mount -t tmpfs trial /run && ip netns add trial",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried
            .is_ok_and(|status| status.success())
            .then(|| unshare(kind))
    })
}

/// Hosts with addresses of their own.
#[derive(Debug)]
pub struct Hosts {
    count: u8,
}

impl Hosts {
    /// Makes `count` hosts, the first `west` of them at one site, the others at the other, with the line between them up.
    ///
    /// # Errors
    /// Fails when a part of the network cannot be made.
    pub fn new(count: u8, west: u8) -> Result<Self> {
        run(&["mount", "-t", "tmpfs", "hosts", "/run"])?;
        run(&["ip", "link", "set", "lo", "up"])?;
        for bridge in ["west", "east", "office"] {
            run(&["ip", "link", "add", bridge, "type", "bridge"])?;
            run(&["ip", "link", "set", bridge, "up"])?;
        }
        run(&["ip", "address", "add", "10.78.0.254/24", "dev", "office"])?;
        run(&[
            "ip", "link", "add", "line", "type", "veth", "peer", "name", "enil",
        ])?;
        run(&["ip", "link", "set", "line", "master", "west", "up"])?;
        run(&["ip", "link", "set", "enil", "master", "east", "up"])?;
        let hosts = Self { count };
        for index in 0..count {
            let host = host(index);
            run(&["ip", "netns", "add", &host])?;
            run(&["ip", "-n", &host, "link", "set", "lo", "up"])?;
            for (port, network, inner) in [("p", 77, "peers"), ("o", 78, "office")] {
                let outer = format!("{port}{index}");
                #[rustfmt::skip]
                run(&["ip", "link", "add", &outer, "type", "veth", "peer", "name", inner, "netns", &host])?;
                let address = format!("10.{network}.0.{}/24", index + 1);
                run(&["ip", "-n", &host, "address", "add", &address, "dev", inner])?;
                run(&["ip", "-n", &host, "link", "set", inner, "up"])?;
                run(&["ip", "link", "set", &outer, "up"])?;
            }
            run(&[
                "ip",
                "link",
                "set",
                &format!("o{index}"),
                "master",
                "office",
            ])?;
            hosts.move_to(index, if index < west { "west" } else { "east" })?;
        }
        Ok(hosts)
    }

    /// Moves a host to the other site.
    ///
    /// # Errors
    /// Fails when there is no such host or site.
    pub fn move_to(&self, index: u8, site: &str) -> Result<()> {
        ensure!(index < self.count, "there are {} hosts", self.count);
        run(&["ip", "link", "set", &format!("p{index}"), "master", site])
    }

    /// Cuts the line between the sites.
    ///
    /// # Errors
    /// Fails when it cannot be.
    pub fn cut(&self) -> Result<()> {
        run(&["ip", "link", "set", "line", "down"])
    }

    /// Mends it.
    ///
    /// # Errors
    /// Fails when it cannot be.
    pub fn mend(&self) -> Result<()> {
        run(&["ip", "link", "set", "line", "up"])
    }

    /// Where each host's validator listens to others, where it serves JSON-RPC, and the command that starts a program there.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.count).map(|index| Place {
            peers: SocketAddr::from((Ipv4Addr::new(10, 77, 0, index + 1), PEERS)),
            rpc: SocketAddr::from((Ipv4Addr::new(10, 78, 0, index + 1), RPC)),
            within: Some(host(index)),
        })
    }
}

/// Where one validator is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it listens to other validators.
    pub peers: SocketAddr,
    /// Where it serves JSON-RPC.
    pub rpc: SocketAddr,
    /// The host it runs on; `None`: this one.
    pub within: Option<String>,
}

fn host(index: u8) -> String {
    format!("host{index}")
}

fn run(command: &[&str]) -> Result<()> {
    let [program, arguments @ ..] = command else {
        anyhow::bail!("a command has a name");
    };
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("running {program}: run `cargo xtask install`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
