//! Running other programs.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    // INVARIANT: this crate lies two folders below the root, in tests/xtask.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("tests/xtask")
        .to_path_buf()
}

/// Returns the folder cargo builds in.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Returns a program of `target/tools` that comes as a crate, building it where it is missing or of another version.
pub(crate) fn installed(name: &str, version: &str, flags: &[&str]) -> Result<PathBuf> {
    let folder = target().join("tools");
    let program = folder.join("bin").join(name);
    let found = Tool::new(&program, ["--version"])
        .answer()
        .unwrap_or_default();
    if found.ends_with(version) {
        return Ok(program);
    }
    Tool::cargo(["install", "--locked", "--quiet", name, "--version", version])
        .args(flags)
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(folder.join("build"))
        .run()?;
    Ok(program)
}

/// A program about to be run, with its output passed through.
pub(crate) struct Tool {
    command: Command,
}

impl Tool {
    /// Returns a program that will run in the root of the repository.
    pub(crate) fn new(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root());
        Self { command }
    }

    /// Returns the cargo that runs this program.
    ///
    /// What cargo told us about ourselves is taken out of its environment: build scripts that look at it (that of ring) would
    /// run again each time somebody changes between `cargo build` and `cargo xtask`, and with them most of the workspace.
    pub(crate) fn cargo(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut tool = Self::new(
            std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            arguments,
        );
        let ours =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(ours) {
                tool.command.env_remove(name);
            }
        }
        tool
    }

    /// Adds one argument.
    pub(crate) fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        self.args([argument])
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, more: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(more);
        self
    }

    /// Runs it in another folder.
    pub(crate) fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; anything but success is an error that names the command.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| self.missing())?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.line());
        }
        Ok(())
    }

    /// Returns its standard output, or `None` where the program is missing or fails.
    pub(crate) fn answer(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Runs it for at most `limit`, and says whether it succeeded in that time.
    pub(crate) fn succeeds_within(mut self, limit: Duration) -> Result<bool> {
        let mut child = self.command.spawn().with_context(|| self.missing())?;
        let begin = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            if begin.elapsed() > limit {
                ended(child.kill())?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn missing(&self) -> String {
        format!("cannot start `{}`: is it installed?", self.line())
    }
}

/// A child that ended between the look and the kill is what was wanted.
fn ended(killed: std::io::Result<()>) -> std::io::Result<()> {
    match killed {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}
