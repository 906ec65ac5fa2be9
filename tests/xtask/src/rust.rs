//! Running the workspace's Rust tests.
//!
//! Cargo runs test programs one after the other. Most of ours wait for deadlines of live chains, so a few of them run side by side
//! here; the stories, which take longest, begin first. What a program prints is shown when it has ended, whole.
//!
//! A program that fails beside another runs once more, alone, when all others are done. If it passes then, the run passes, and says
//! with the first run's output which program is unsteady: that is a defect to mend, of the program or of its test.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::steps::Steps;
use crate::tool::{Tool, target};

/// How many test programs run side by side.
const SIDE_BY_SIDE: usize = 2;
/// A program that runs longer is ended and has failed.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Most programs that run again alone after they failed.
const MOST_UNSTEADY: usize = 3;
/// Package of the stories.
const STORIES: &str = "causeway-stories";

/// A test program that cargo built.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    package: String,
    name: String,
    executable: PathBuf,
    folder: PathBuf,
}

/// What became of one.
struct Ended {
    program: Program,
    time: Duration,
    output: PathBuf,
    good: bool,
    /// It failed first, beside another.
    unsteady: bool,
}

/// Builds everything and runs every test, those in documentation last.
pub(crate) fn test(steps: &mut Steps) -> Result<()> {
    steps.run("build the workspace's tests", || {
        Tool::cargo(["build", "--release", "--locked", "--workspace"])
            .arg("--all-targets")
            .run()
    })?;
    let programs = steps.run("list the test programs", programs)?;
    let ran = steps.run("Rust tests", || run(programs));
    let documented = steps.run("tests in documentation", || {
        Tool::cargo(["test", "--release", "--locked", "--workspace", "--doc"]).run()
    });
    let (passed, failed) = ran?;
    documented?;
    eprintln!("\n{passed} passed, {failed} failed");
    Ok(())
}

fn programs() -> Result<Vec<Program>> {
    let listed = Tool::cargo(["test", "--release", "--locked", "--workspace", "--no-run"])
        .args(["--message-format", "json"])
        .answer()
        .context("cargo does not say which test programs there are")?;
    let mut programs = listed
        .lines()
        .map(|line| serde_json::from_str(line).context("a line of cargo's that is no JSON"))
        .filter_map(|message| message.and_then(|m| program(&m)).transpose())
        .collect::<Result<Vec<_>>>()?;
    ensure!(!programs.is_empty(), "cargo built no test program");
    // The longest, which stop a daemon at every point, begin first.
    let order = |p: &Program| {
        (
            p.package != STORIES,
            !p.name.contains("every_persist_point"),
        )
    };
    programs.sort_by_key(|p| (order(p), p.package.clone(), p.name.clone()));
    Ok(programs)
}

/// Reads one of cargo's messages; `None` where it is not about a test program.
fn program(message: &Value) -> Result<Option<Program>> {
    let is_test = message["profile"]["test"] == Value::Bool(true);
    let Some(executable) = message["executable"].as_str().filter(|_| is_test) else {
        return Ok(None);
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let manifest = text(&message["manifest_path"]).context("a test program without a manifest")?;
    let folder = Path::new(&manifest)
        .parent()
        .context("a manifest without a folder")?
        .to_path_buf();
    let id = text(&message["package_id"]).context("a test program without a package")?;
    Ok(Some(Program {
        package: package_of(&id, &folder),
        name: text(&message["target"]["name"]).context("a test program without a name")?,
        executable: executable.into(),
        folder,
    }))
}

/// Name in a package id: behind `#` in `path+file:///folder#name@version`, the folder's where only the version stands there.
fn package_of(id: &str, folder: &Path) -> String {
    let behind = id.rsplit_once('#').map_or(id, |(_, behind)| behind);
    match behind.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
    }
}

/// Runs all of them; says how many tests passed and failed.
fn run(programs: Vec<Program>) -> Result<(u64, u64)> {
    let outputs = target().join("test-output");
    fs::create_dir_all(&outputs)?;
    let waiting = Mutex::new(VecDeque::from(programs));
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|_| scope.spawn(|| work(&waiting, &ended, &outputs)))
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(worked) => worked?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        anyhow::Ok(())
    })?;
    let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(again(ended, &outputs)?)
}

/// Runs those that failed once more, one after the other, when nothing runs beside them.
fn again(ended: Vec<Ended>, outputs: &Path) -> Result<Vec<Ended>> {
    let (mut done, failed): (Vec<_>, Vec<_>) = ended.into_iter().partition(|e| e.good);
    // What fails broadly is broken; no second run is needed to know it.
    let broken = failed.len() > MOST_UNSTEADY;
    for first in failed {
        if broken {
            show(&first)?;
            done.push(first);
            continue;
        }
        println!(
            "     Failed {}, and runs again alone. It said:",
            first.program.name
        );
        for line in fs::read_to_string(&first.output)?.lines() {
            println!("  | {line}");
        }
        let mut second = one(first.program, outputs)?;
        second.unsteady = second.good;
        show(&second)?;
        done.push(second);
    }
    Ok(done)
}

fn work(
    waiting: &Mutex<VecDeque<Program>>,
    ended: &Mutex<Vec<Ended>>,
    outputs: &Path,
) -> Result<()> {
    loop {
        let next = lock(waiting).pop_front();
        let Some(program) = next else {
            return Ok(());
        };
        let done = one(program, outputs)?;
        let mut ended = lock(ended);
        if done.good {
            show(&done)?;
        }
        ended.push(done);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(program: Program, outputs: &Path) -> Result<Ended> {
    // Cargo gives each program a name of its own: a library and a program may be called the same.
    let stem = program.executable.file_stem().unwrap_or_default();
    let output = outputs.join(stem).with_extension("txt");
    let file = File::create(&output)?;
    let begin = Instant::now();
    let mut child = Command::new(&program.executable)
        .current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {}", program.executable.display()))?;
    let good = loop {
        if let Some(status) = child.try_wait()? {
            break status.success();
        }
        if begin.elapsed() > LONGEST {
            eprintln!("xtask: {} is ended after {LONGEST:?}", program.name);
            child.kill()?;
            child.wait()?;
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    Ok(Ended {
        program,
        time: begin.elapsed(),
        output,
        good,
        unsteady: false,
    })
}

fn show(ended: &Ended) -> Result<()> {
    let Program { package, name, .. } = &ended.program;
    println!("     Running {package} {name}");
    println!("{}", fs::read_to_string(&ended.output)?);
    Ok(())
}

/// Adds up what the programs say, names those that failed and those that took long.
fn report(mut ended: Vec<Ended>) -> Result<(u64, u64)> {
    ended.sort_by_key(|e| std::cmp::Reverse(e.time));
    eprintln!("longest test programs:");
    for e in ended.iter().take(20) {
        eprintln!("  {:>8.1} s  {}", e.time.as_secs_f64(), e.program.name);
    }
    let (mut passed, mut failed) = (0, 0);
    for e in &ended {
        let (good, bad) = counts(&fs::read_to_string(&e.output)?);
        passed += good;
        failed += bad;
        // A program that ended badly without a count has failed once at least.
        failed += u64::from(!e.good && bad == 0);
    }
    for e in ended.iter().filter(|e| e.unsteady) {
        eprintln!(
            "UNSTEADY: {} {} failed first",
            e.program.package, e.program.name
        );
    }
    let bad: Vec<_> = ended.iter().filter(|e| !e.good).collect();
    if bad.is_empty() {
        return Ok((passed, failed));
    }
    for e in &bad {
        eprintln!("FAILED: {} {}", e.program.package, e.program.name);
    }
    eprintln!("\n{passed} passed, {failed} failed");
    bail!("{} of {} test programs failed", bad.len(), ended.len())
}

/// Sum over the lines `test result: ok. 3 passed; 0 failed; ...`.
fn counts(output: &str) -> (u64, u64) {
    let number = |line: &str, what: &str| {
        let before = line.split(what).next()?;
        before.trim_end().rsplit(' ').next()?.parse::<u64>().ok()
    };
    output
        .lines()
        .filter(|line| line.starts_with("test result: "))
        .fold((0, 0), |(good, bad), line| {
            let passed = number(line, " passed;").unwrap_or(0);
            let failed = number(line, " failed;").unwrap_or(0);
            (good + passed, bad + failed)
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{counts, package_of, program};

    #[test]
    fn results_of_several_runs_add_up() {
        let output = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\nnoise\n\
                      test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured\n";

        assert_eq!(counts(output), (13, 2));
        assert_eq!(counts("nothing"), (0, 0));
    }

    #[test]
    fn a_library_is_no_test_program() {
        let library = json!({ "profile": { "test": false }, "executable": "/t/x" });
        let unbuilt = json!({ "profile": { "test": true }, "executable": null });

        assert_eq!(program(&library).ok(), Some(None));
        assert_eq!(program(&unbuilt).ok(), Some(None));
    }

    #[test]
    fn a_test_program_runs_in_the_folder_of_its_package() {
        let message = json!({
            "profile": { "test": true },
            "executable": "/t/deps/demo-1",
            "manifest_path": "/w/tests/Cargo.toml",
            "package_id": "path+file:///w/tests#causeway-stories@0.1.0",
            "target": { "name": "demo" },
        });

        let found = program(&message).ok().flatten();

        let found = found.map(|p| (p.package, p.name, p.folder));
        let expected = ("causeway-stories".into(), "demo".into(), "/w/tests".into());
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn a_package_named_as_its_folder_is_named_by_it() {
        let folder = Path::new("/w/tests/xtask");

        assert_eq!(
            package_of("path+file:///w/tests/xtask#0.1.0", folder),
            "xtask"
        );
    }
}
