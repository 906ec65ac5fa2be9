//! The Solidity contracts: compiled by the pinned npm compiler, tested by forge.

use anyhow::Result;

use crate::steps::Steps;
use crate::tool::{Tool, root};

/// Compiles and writes the artifacts.
pub(crate) fn build(steps: &mut Steps) -> Result<()> {
    steps.run("compile contracts", || node(["tools/build.mjs"]).run())
}

/// Compiles and compares with the committed artifacts, and checks the format.
pub(crate) fn check(steps: &mut Steps) -> Result<()> {
    steps.run("compile contracts and compare artifacts", || {
        node(["tools/build.mjs", "--check"]).run()
    })?;
    steps.run("format of contracts", || forge(["fmt", "--check"]).run())
}

/// Runs the Solidity tests against the artifacts, then compares the gas table.
pub(crate) fn test(steps: &mut Steps) -> Result<()> {
    steps.run("contract tests", || {
        forge(["test", "--no-match-contract", "GasTest", "--show-progress"]).run()
    })?;
    steps.run("gas table", || measure_gas().run())
}

/// Measures and writes the gas table.
pub(crate) fn gas(steps: &mut Steps) -> Result<()> {
    steps.run("write gas table", || {
        measure_gas().env("CAUSEWAY_WRITE_GAS", "true").run()
    })
}

/// Isolated: each call of the test is a transaction of its own.
fn measure_gas() -> Tool {
    forge(["test", "--match-contract", "GasTest", "--isolate"])
}

fn node<const N: usize>(arguments: [&str; N]) -> Tool {
    Tool::new("node", arguments).within(root().join("contracts"))
}

/// The binary itself: forge's npm wrapper asks for platforms its registry does not have, which `npm ci` refuses.
fn forge<const N: usize>(arguments: [&str; N]) -> Tool {
    let folder = root().join("contracts");
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let program = format!("node_modules/@foundry-rs/forge-{system}-{processor}/bin/forge");
    Tool::new(folder.join(program), arguments).within(folder)
}
