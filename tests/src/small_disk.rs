//! A process whose data directory is on a small disk that fills up, and later has room again.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{binary, eventually};

/// A disk mounted where nobody else sees it, with one file that takes all the room left. The command runs until it ends by
/// itself, and once more when there is room.
const SMALL_DISK: &str = r#"
disk=$1
shift
mount -t tmpfs -o size=64m story "$disk" || exit 99
"$@" </dev/null &
read -r full
cat /dev/zero >"$disk/filler" 2>/dev/null
wait $!
echo "$?" >ended
read -r room
rm "$disk/filler"
exec "$@" </dev/null
"#;

/// Where nothing may be mounted: no file may grow past what the log needs. The refusal is then "too large", not "no space".
const NO_GROWTH: &str = r#"
shift
trap '' XFSZ
"$@" </dev/null &
read -r full
prlimit --pid $! --fsize=262144:262144
wait $!
echo "$?" >ended
read -r room
exec "$@" </dev/null
"#;

/// What the system says when the disk takes no more, by either means.
pub const NO_ROOM: [&str; 2] = ["No space left on device", "File too large"];

/// A process on a small disk; killed when dropped.
pub struct Cramped {
    dir: PathBuf,
    shell: Child,
}

impl Cramped {
    /// Starts `causeway` in `dir` with its directory `disk` on a small disk. Its log is `dir/log`.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn start(
        dir: &Path,
        disk: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        fs::create_dir(dir.join(disk)).context("the place for the disk")?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.join("log"))?;
        let mut shell = match namespaces() {
            Some(mut shell) => {
                shell.args(["sh", "-c", SMALL_DISK]);
                shell
            }
            None => {
                let mut shell = Command::new("sh");
                shell.args(["-c", NO_GROWTH]);
                shell
            }
        };
        let shell = shell
            .args(["story", disk])
            .arg(binary()?)
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting a process on a small disk")?;
        Ok(Self {
            dir: dir.to_owned(),
            shell,
        })
    }

    /// Fills the disk and waits until the process has ended; returns its exit code.
    ///
    /// # Errors
    /// Fails when it goes on.
    pub fn fill(&mut self) -> Result<i32> {
        self.tell("full")?;
        let note = self.dir.join("ended");
        let code = eventually("the process without room has ended", || {
            Ok(fs::read_to_string(&note)
                .ok()
                .filter(|text| text.ends_with('\n')))
        });
        let code = code.with_context(|| self.log().unwrap_or_default())?;
        code.trim().parse().context("an exit code")
    }

    /// Makes room and starts the process again.
    ///
    /// # Errors
    /// Fails when the shell is gone.
    pub fn make_room(&mut self) -> Result<()> {
        self.tell("room")
    }

    /// Everything it has logged.
    ///
    /// # Errors
    /// Fails when the log cannot be read.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(self.dir.join("log")).context("reading the log")
    }

    /// What it said when a chain could not go on, which must name the directory, the reason and what to do.
    ///
    /// # Errors
    /// Fails when it said something else.
    pub fn said_why(&self, directory: &str) -> Result<()> {
        let log = self.log()?;
        let said = log.lines().find(|line| line.contains("have stopped"));
        let said = said.with_context(|| log.clone())?;
        ensure!(
            said.contains(directory)
                && said.contains("cannot be written")
                && said.contains("make room"),
            "{said}"
        );
        ensure!(NO_ROOM.iter().any(|why| said.contains(why)), "{said}");
        Ok(())
    }

    fn tell(&mut self, word: &str) -> Result<()> {
        let input = self.shell.stdin.as_mut().context("the shell listens")?;
        writeln!(input, "{word}").context("telling the shell")
    }
}

impl Drop for Cramped {
    fn drop(&mut self) {
        // Ended already, or killed now with all it has started.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// A command in namespaces of its own; whatever it starts dies with it.
fn namespaces() -> Option<Command> {
    let kinds = [
        &["--user", "--map-root-user"][..],
        // Root in a container may be refused the first and allowed this.
        &[],
    ];
    let unshare = |kind: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(kind)
            .args(["--mount", "--pid", "--fork", "--kill-child"]);
        command
    };
    kinds.into_iter().find_map(|kind| {
        let tried = unshare(kind)
            .args(["mount", "-t", "tmpfs", "-o", "size=1m", "trial", "/mnt"])
            .stderr(Stdio::null())
            .status();
        tried
            .is_ok_and(|status| status.success())
            .then(|| unshare(kind))
    })
}
