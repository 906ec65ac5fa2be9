//! What statements cost: constraints, keys, proving on one thread and more, verifying, memory; beside the bare library and
//! snarkjs on the same circuit.
//!
//! Each circuit is measured in processes of its own, so that peak memory is this circuit's; snarkjs is one of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, bail};
use causeway_circuits::{
    format::{evm, wtns},
    groth16::{self, Compiled, ProvingKey},
    keys::Keys,
    registered::Registered,
    system::Circuit,
    witness::Witness,
    yardstick,
};
use clap::Args;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::target::usage;

/// Proofs verified one by one, and in a batch.
const VERIFIED: usize = 16;

/// Options of `causeway bench prove`.
#[derive(Args, Clone, Debug)]
pub struct ProveBench {
    /// Statements to measure.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "right,alarm,session,hashlink,sum,median"
    )]
    statements: Vec<String>,
    /// Threads to prove with, one row each.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// Proofs a row; their mean is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Folder of snarkjs, as `cargo xtask install` leaves it; left out when it is not there.
    #[arg(long, value_name = "DIR", default_value = "circuits/snarkjs")]
    snarkjs: PathBuf,
}

/// Options of one process of it.
#[derive(Args, Clone, Debug)]
pub struct ProveRow {
    #[arg(long)]
    statement: String,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    rounds: u32,
    /// Where its key is, or will be.
    #[arg(long)]
    folder: PathBuf,
    /// Make key and files for snarkjs instead of proving.
    #[arg(long)]
    setup: bool,
}

/// Seconds by the clock and of processors.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Took {
    wall: f64,
    cpu: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Setup {
    constraints: usize,
    took: Took,
    key_bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Proved {
    threads: usize,
    /// Witness, check of every constraint, proof, and verifying it.
    ours: Took,
    /// The library's prover alone, on the same assignment.
    bare: Took,
    verify_ms: f64,
    batch_ms: f64,
    proof_bytes: usize,
    peak_mb: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Snarkjs {
    rounds: Vec<Took>,
    verified: bool,
    verify: f64,
    memory: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    circuit: &'static str,
    setup: Setup,
    proved: Vec<Proved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snarkjs: Option<Snarkjs>,
}

/// Runs the bench and prints its report.
///
/// # Errors
/// Fails when a circuit cannot be proved, or snarkjs does not verify what it proved.
pub async fn prove(options: ProveBench, json: bool) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || measure(&options, json)).await?
}

fn measure(options: &ProveBench, json: bool) -> anyhow::Result<()> {
    let node = options.snarkjs.join("node_modules").is_dir();
    if !node {
        eprintln!(
            "no snarkjs in {}: run `cargo xtask install`; its columns stay empty",
            options.snarkjs.display()
        );
    }
    let mut rows = Vec::new();
    for name in &options.statements {
        let registered = Registered::named(name)?;
        eprintln!("{} ...", registered.circuit());
        let dir = tempfile::tempdir().context("making a directory")?;
        let child = |threads: usize, setup: bool| {
            let mut command = Command::new(std::env::current_exe().context("this program")?);
            command.args(["bench", "prove-row", "--statement", name]);
            command.args(["--threads", &threads.to_string()]);
            command.args(["--rounds", &options.rounds.to_string()]);
            command.arg("--folder").arg(dir.path());
            if setup {
                command.arg("--setup");
            }
            Ok::<_, anyhow::Error>(command)
        };
        let setup: Setup = answer(child(1, true)?)?;
        let proved = options.threads.iter();
        let proved = proved.map(|threads| answer(child(*threads, false)?));
        let proved: Vec<Proved> = proved.collect::<anyhow::Result<_>>()?;
        let snarkjs = node.then(|| snarkjs(options, dir.path())).transpose()?;
        rows.push(Row {
            circuit: registered.circuit(),
            setup,
            proved,
            snarkjs,
        });
    }
    if json {
        println!("{}", json!({ "bench": "prove", "rows": rows }));
    } else {
        print(&rows);
    }
    Ok(())
}

/// The last line a process says, as JSON.
fn answer<T: DeserializeOwned>(mut command: Command) -> anyhow::Result<T> {
    let output = command.output().context("starting a measurement")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("not a measurement: {said}"))
}

fn snarkjs(options: &ProveBench, folder: &Path) -> anyhow::Result<Snarkjs> {
    let mut command = Command::new("node");
    command
        .args(["run.mjs", "measure"])
        .current_dir(&options.snarkjs);
    command.arg(folder.join(ZKEY)).arg(folder.join(WITNESS));
    let found: Snarkjs = answer({
        command.arg(options.rounds.to_string());
        command
    })?;
    anyhow::ensure!(found.verified, "snarkjs does not verify what it proved");
    Ok(found)
}

/// Files for snarkjs.
const ZKEY: &str = "circuit.zkey";
const WITNESS: &str = "witness.wtns";

/// One process of the bench: prints what it found.
///
/// # Errors
/// Fails when the circuit cannot be proved.
pub async fn prove_row(options: ProveRow) -> anyhow::Result<()> {
    let found = tokio::task::spawn_blocking(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads);
        let pool = pool.build().context("threads to prove with")?;
        pool.install(|| match options.setup {
            true => setup(&options).map(|found| json!(found)),
            false => row(&options).map(|found| json!(found)),
        })
    });
    println!("{}", found.await??);
    Ok(())
}

fn setup(options: &ProveRow) -> anyhow::Result<Setup> {
    let registered = Registered::named(&options.statement)?;
    let compiled = registered.compile()?;
    let keys = Keys::new(&options.folder);
    let (key, took) = timed(|| keys.development(&compiled, |_| ()))?;
    drop(key?);
    let assignment = Witness::example(registered)?.circuit()?.assignment();
    std::fs::write(options.folder.join(WITNESS), wtns::write(&assignment))?;
    std::fs::write(
        options.folder.join(ZKEY),
        yardstick::snarkjs_key(&compiled)?,
    )?;
    Ok(Setup {
        constraints: compiled.system().constraints.len(),
        took,
        key_bytes: std::fs::metadata(keys.development_file(&compiled))?.len(),
    })
}

fn row(options: &ProveRow) -> anyhow::Result<Proved> {
    let registered = Registered::named(&options.statement)?;
    let compiled = registered.compile()?;
    let key = Keys::new(&options.folder).development(&compiled, |_| ())?;
    let circuit = Witness::example(registered)?.circuit()?;
    // Once without counting: caches of constants fill.
    let (proof, inputs) = groth16::prove(&key, &compiled, circuit.as_ref())?;
    let ours = mean(options.rounds, || {
        groth16::prove(&key, &compiled, circuit.as_ref()).map(drop)
    })?;
    let peak_mb = usage("self")?.peak_mb;
    let bare = bare(options.rounds, &key, &compiled, circuit.as_ref())?;
    let (verified, verify) = timed(|| {
        (0..VERIFIED).try_for_each(|_| key.verifying().verify(&inputs, &proof).map(drop))
    })?;
    verified?;
    let proof_bytes = evm::write(&proof, &[]).len();
    let batch = vec![(inputs, proof); VERIFIED];
    let (verified, together) = timed(|| key.verifying().verify_batch(&batch))?;
    verified?;
    let each = |took: Took| took.wall * 1e3 / VERIFIED as f64;
    Ok(Proved {
        threads: options.threads,
        ours,
        bare,
        verify_ms: each(verify),
        batch_ms: each(together),
        proof_bytes,
        peak_mb,
    })
}

fn bare(
    rounds: u32,
    key: &ProvingKey,
    compiled: &Compiled,
    circuit: &dyn Circuit,
) -> anyhow::Result<Took> {
    let assignment = circuit.assignment();
    mean(rounds, || yardstick::bare_proof(key, compiled, &assignment))
}

fn mean(
    rounds: u32,
    mut work: impl FnMut() -> Result<(), causeway_circuits::Error>,
) -> anyhow::Result<Took> {
    let (done, took) = timed(|| (0..rounds).try_for_each(|_| work()))?;
    done?;
    Ok(Took {
        wall: took.wall / f64::from(rounds),
        cpu: took.cpu / f64::from(rounds),
    })
}

fn timed<T>(work: impl FnOnce() -> T) -> anyhow::Result<(T, Took)> {
    let (begin, before) = (Instant::now(), usage("self")?.cpu_seconds);
    let done = work();
    let wall = begin.elapsed().as_secs_f64();
    let cpu = usage("self")?.cpu_seconds - before;
    Ok((done, Took { wall, cpu }))
}

fn print(rows: &[Row]) {
    println!(
        "| circuit | constraints | setup s | threads | prove s | of processors s | constraints/s per core | bare s | \
         ours / bare | snarkjs s | of processors s | snarkjs / ours | verify ms | batch ms | key MB | peak MB | \
         snarkjs peak MB |\n|---|{}",
        "---:|".repeat(16)
    );
    for row in rows {
        let theirs = row.snarkjs.as_ref().map(|s| {
            let n = s.rounds.len().max(1) as f64;
            let sum = |of: fn(&Took) -> f64| s.rounds.iter().map(of).sum::<f64>() / n;
            (sum(|t| t.wall), sum(|t| t.cpu), s.memory / 1e6)
        });
        for p in &row.proved {
            let (wall, cpu, ratio, peak) =
                theirs.map_or_else(Default::default, |(wall, cpu, peak)| {
                    (
                        format!("{wall:.2}"),
                        format!("{cpu:.2}"),
                        format!("{:.1}", cpu / p.ours.cpu),
                        format!("{peak:.0}"),
                    )
                });
            println!(
                "| `{}` | {} | {:.2} | {} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} | {wall} | {cpu} | {ratio} | {:.2} | \
                 {:.2} | {:.1} | {:.0} | {peak} |",
                row.circuit,
                row.setup.constraints,
                row.setup.took.wall,
                p.threads,
                p.ours.wall,
                p.ours.cpu,
                row.setup.constraints as f64 / p.ours.cpu,
                p.bare.cpu,
                p.ours.cpu / p.bare.cpu,
                p.verify_ms,
                p.batch_ms,
                row.setup.key_bytes as f64 / 1e6,
                p.peak_mb,
            );
        }
    }
}
