//! Coverage-guided fuzzing of everything that reads foreign bytes: the targets of `tests/fuzz`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::steps::Steps;
use crate::tool::{Tool, installed, root, target};

/// Version of cargo-fuzz, built once into `target/tools`.
const FUZZ_VERSION: &str = "0.13.1";

/// The longest input that is tried, bytes.
const LONGEST: u32 = 4096;

/// Fuzzes one target, or each of them, for some seconds. A finding fails and names the file that shows it.
pub(crate) fn run(one: Option<&str>, seconds: u64, steps: &mut Steps) -> Result<()> {
    let known = targets()?;
    let chosen = match one {
        None => known,
        Some(name) if known.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(name) => bail!("no fuzz target `{name}`: there are {}", known.join(", ")),
    };
    let program = steps.run("cargo-fuzz is there", || {
        installed("cargo-fuzz", FUZZ_VERSION, &[])
    })?;
    // One set of versions for both workspaces.
    std::fs::copy(root().join("Cargo.lock"), folder().join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;
    for name in chosen {
        steps.run(&format!("fuzz {name}"), || fuzz(&program, &name, seconds))?;
    }
    Ok(())
}

fn fuzz(program: &PathBuf, name: &str, seconds: u64) -> Result<()> {
    let corpus = target().join("fuzz/corpus").join(name);
    std::fs::create_dir_all(&corpus).context("cannot make the folder of the corpus")?;
    // Instrumentation is not stable yet; nothing else of the unstable compiler is used.
    Tool::new(program, ["fuzz", "run", "--fuzz-dir"])
        .arg(folder())
        .arg("--target-dir")
        .arg(target().join("fuzz"))
        .args(["--sanitizer", "none", name])
        .arg(&corpus)
        .arg(seeds(name))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .env("RUSTC_BOOTSTRAP", "1")
        .run()
}

/// Names of the targets, from their files.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder().join("targets")).context("no fuzz targets")? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    root().join("tests/fuzz")
}

/// Inputs to begin with, committed.
fn seeds(name: &str) -> PathBuf {
    match name {
        "config" => root().join("config"),
        _ => folder().join("seeds").join(name),
    }
}
