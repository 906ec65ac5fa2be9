//! What the tests need beside Rust. Idempotent, and quick when everything is there.
//!
//! System packages come from apt where this runs as root; otherwise the command to run is in the error.
//! npm and pip packages are pinned by lock files in the repository and go into `node_modules` and `target/venv`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::steps::Steps;
use crate::tool::{Tool, root, target};

/// A program the tests use, how to see that it is there, and the Debian packages that bring it.
struct Need {
    what: &'static str,
    probe: &'static [&'static str],
    packages: &'static [&'static str],
}

const NODE: Need = Need {
    what: "Node.js with npm",
    probe: &["sh", "-c", "node --version && npm --version"],
    packages: &["nodejs", "npm"],
};

const PYTHON: Need = Need {
    what: "Python 3 with venv",
    probe: &["python3", "-c", "import venv, ensurepip"],
    packages: &["python3", "python3-venv"],
};

const MOSQUITTO: Need = Need {
    what: "Mosquitto",
    probe: &[
        "sh",
        "-c",
        "PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto",
    ],
    packages: &["mosquitto"],
};

const PROMTOOL: Need = Need {
    what: "promtool",
    probe: &["promtool", "--version"],
    packages: &["prometheus"],
};

const BROWSER: Need = Need {
    what: "Chromium",
    probe: &["sh", "-c", "test -x /usr/bin/chromium"],
    packages: &["chromium"],
};

const HOSTS: Need = Need {
    what: "ip, unshare and ethtool",
    probe: &[
        "sh",
        "-c",
        "ip -V && unshare --version && ethtool --version",
    ],
    packages: &["iproute2", "util-linux", "ethtool"],
};

const CHINESE: Need = Need {
    what: "a font with Chinese characters",
    probe: &["sh", "-c", "fc-list :lang=zh | grep -q ."],
    packages: &["fontconfig", "fonts-wqy-zenhei"],
};

/// Oldest Node.js the npm packages run on.
const NODE_MAJOR: u32 = 18;

/// Installs everything.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    contracts(steps)?;
    let clients = root().join("tests/clients");
    if clients.join("package.json").exists() {
        steps.run("npm packages of tests/clients", || npm(&clients))?;
    }
    let snarkjs = root().join("circuits/snarkjs");
    steps.run("npm packages of circuits/snarkjs", || npm(&snarkjs))?;
    steps.run("MQTT broker for devices", || system(&MOSQUITTO))?;
    steps.run("hosts for validators", || system(&HOSTS))?;
    steps.run("checker of alert rules", || system(&PROMTOOL))?;
    steps.run("browser and font for the page", || {
        system(&BROWSER)?;
        system(&CHINESE)
    })?;
    let requirements = clients.join("requirements.txt");
    if requirements.exists() {
        steps.run("python packages of tests/clients", || {
            system(&PYTHON)?;
            python(&requirements)
        })?;
    }
    Ok(())
}

/// Installs what the contracts alone need.
pub(crate) fn contracts(steps: &mut Steps) -> Result<()> {
    steps.run("npm packages of contracts", || {
        system(&NODE)?;
        node_is_new_enough()?;
        npm(&root().join("contracts"))
    })
}

fn system(need: &Need) -> Result<()> {
    if probe(need) {
        return Ok(());
    }
    let packages = need.packages.join(" ");
    if Tool::new("id", ["-u"]).answer().as_deref() != Some("0") {
        bail!(
            "{} is missing, and only root may install it: sudo apt-get install {packages}",
            need.what
        );
    }
    if Tool::new("apt-get", ["--version"]).answer().is_none() {
        bail!(
            "{} is missing, and there is no apt-get: install {packages} by hand",
            need.what
        );
    }
    eprintln!("xtask: {} is missing, installing {packages}", need.what);
    Tool::new("apt-get", ["update", "-q"]).run()?;
    let arguments = ["install", "-y", "-q", "--no-install-recommends"]
        .iter()
        .chain(need.packages);
    Tool::new("apt-get", arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()?;
    if !probe(need) {
        bail!("{} is still missing after installing {packages}", need.what);
    }
    Ok(())
}

fn probe(need: &Need) -> bool {
    Tool::new(need.probe[0], &need.probe[1..])
        .answer()
        .is_some()
}

fn node_is_new_enough() -> Result<()> {
    let version = Tool::new("node", ["--version"])
        .answer()
        .unwrap_or_default();
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|text| text.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_MAJOR => Ok(()),
        _ => bail!("Node.js is {version:?}, expected {NODE_MAJOR} or newer"),
    }
}

/// Installs exactly what the lock file says; install scripts of packages do not run.
fn npm(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    if !lock.exists() {
        bail!(
            "{} is missing: run `npm install` there once and commit it",
            lock.display()
        );
    }
    once(&lock, &folder.join("node_modules"), || {
        Tool::new("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .within(folder)
            .run()
    })
}

fn python(requirements: &Path) -> Result<()> {
    let venv = target().join("venv");
    once(requirements, &venv, || {
        Tool::new("python3", ["-m", "venv", "--clear"])
            .arg(&venv)
            .run()?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        Tool::new(venv.join("bin/python"), pip)
            .arg(requirements)
            .run()
    })
}

/// Does `work`, unless it was already done for the same text of `lock` and its result is still there.
fn once(lock: &Path, result: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = result.join(".xtask-installed-for");
    let wanted = fs::read(lock).with_context(|| format!("reading {}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|found| found == wanted) {
        eprintln!("xtask: {} is up to date", result.display());
        return Ok(());
    }
    work()?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}
