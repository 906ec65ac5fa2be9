//! Where measurements come from: lines of text with one number each.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde::Deserialize;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _},
    process::Command,
    sync::mpsc,
};

/// A source of lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum SourceConfig {
    /// Standard input; the process goes on sending when it ends.
    Stdin,
    /// What is appended to a file from now on; a file that is replaced or cut is read from its start.
    File {
        /// Which.
        path: PathBuf,
    },
    /// The first line that a program prints, again and again.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
        /// Seconds from one start to the next; the program is stopped if it takes longer.
        every_seconds: u64,
    },
    /// A device file such as `/dev/ttyUSB0`, set up by `stty`; opened again when it goes away.
    Serial {
        /// Which.
        path: PathBuf,
    },
}

/// Most bytes of a line; longer ones are passed on cut, and are no number.
pub const MAX_LINE: usize = 128;
/// Lines that wait to be signed.
pub const MAX_LINES: usize = 64;

/// Reads a source until its end, or until nobody takes its lines.
pub async fn read(source: SourceConfig, lines: mpsc::Sender<String>) {
    match source {
        SourceConfig::Stdin => {
            let file = match File::open(STDIN).await {
                Ok(file) => file,
                Err(error) => {
                    tracing::error!(%error, "standard input cannot be read");
                    return;
                }
            };
            let mut splitter = Splitter::default();
            if !pass(file, &mut splitter, &lines).await {
                return;
            }
            // A last line without an end is a line.
            let last = splitter.take();
            if !last.trim().is_empty() {
                // Nobody taking it means that the process stops.
                drop(lines.send(last).await);
            }
        }
        SourceConfig::File { path } => follow(path, lines).await,
        SourceConfig::Command { run, every_seconds } => {
            let every = Duration::from_secs(every_seconds.max(1));
            command(&run, every, lines).await;
        }
        SourceConfig::Serial { path } => loop {
            match File::open(&path).await {
                Ok(file) => {
                    if !pass(file, &mut Splitter::default(), &lines).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the source cannot be opened")
                }
            }
            if gone(&lines, RETRY).await {
                return;
            }
        },
    }
}

/// Cuts bytes into lines of bounded length.
#[derive(Debug, Default)]
struct Splitter {
    line: Vec<u8>,
}

impl Splitter {
    fn split(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                lines.push(self.take());
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
        lines.retain(|line| !line.trim().is_empty());
        lines
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }
}

/// Passes lines on until the reader ends; false if nobody takes them.
async fn pass(
    mut reader: impl AsyncRead + Unpin,
    splitter: &mut Splitter,
    lines: &mpsc::Sender<String>,
) -> bool {
    let mut chunk = [0; 4096];
    loop {
        let read = match reader.read(&mut chunk).await {
            Ok(0) => return true,
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%error, "the source cannot be read");
                return true;
            }
        };
        for line in splitter.split(chunk.get(..read).unwrap_or_default()) {
            if lines.send(line).await.is_err() {
                return false;
            }
        }
    }
}

async fn follow(path: PathBuf, lines: mpsc::Sender<String>) {
    // At once, before anything else of the process has its turn: who sees it run may append.
    let mut at = std::fs::metadata(&path).map_or(0, |found| found.len());
    let mut splitter = Splitter::default();
    loop {
        if let Ok(mut file) = File::open(&path).await {
            let length = file.metadata().await.map_or(0, |found| found.len());
            if length < at {
                (at, splitter) = (0, Splitter::default());
            }
            let sought = file.seek(std::io::SeekFrom::Start(at)).await;
            if sought.is_ok() && length > at {
                let rest = (&mut file).take(length.saturating_sub(at));
                if !pass(rest, &mut splitter, &lines).await {
                    return;
                }
                at = length;
            }
        }
        if gone(&lines, POLL).await {
            return;
        }
    }
}

async fn command(run: &[String], every: Duration, lines: mpsc::Sender<String>) {
    let Some((program, arguments)) = run.split_first() else {
        tracing::error!("source.run names no program");
        return;
    };
    let mut ticks = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = lines.closed() => return,
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(every, command.output()).await {
            Ok(Ok(output)) => {
                let first = Splitter::default().split(&output.stdout).into_iter().next();
                if lines.send(first.unwrap_or_default()).await.is_err() {
                    return;
                }
            }
            Ok(Err(error)) => tracing::warn!(program, %error, "the source's program cannot be run"),
            Err(_) => tracing::warn!(
                program,
                "the source's program takes longer than its interval"
            ),
        }
    }
}

/// Waits; true if nobody takes lines any more.
async fn gone(lines: &mpsc::Sender<String>, pause: Duration) -> bool {
    tokio::time::timeout(pause, lines.closed()).await.is_ok()
}

const STDIN: &str = "/dev/stdin";
const POLL: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_cut_where_they_end_and_bounded() {
        let mut splitter = Splitter::default();

        assert_eq!(splitter.split(b"4.2"), [""; 0]);
        assert_eq!(splitter.split(b"5\r\n\n7\n8"), ["4.25\r", "7"]);
        let long = splitter.split(&[&[b'9'; 10_000][..], b"\n1\n"].concat());
        assert_eq!(long[0].len(), MAX_LINE);
        assert_eq!(long[1], "1");
        assert_eq!(Splitter::default().split(&[0xff, b'\n']), ["\u{fffd}"]);
    }

    #[tokio::test]
    async fn what_is_appended_to_a_file_is_read_and_what_was_there_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("values");
        std::fs::write(&path, "1\n").unwrap();
        let (send, mut lines) = mpsc::channel(MAX_LINES);
        let at = tokio::fs::metadata(&path).await.unwrap().len();
        assert_eq!(at, 2);
        tokio::spawn(read(SourceConfig::File { path: path.clone() }, send));
        tokio::task::yield_now().await;

        // Appended until it is seen: the reader may have begun after the first one.
        let append = |text: &str| {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let first = loop {
            append("2\n");
            if let Ok(line) = tokio::time::timeout(POLL, lines.recv()).await {
                break line.unwrap();
            }
        };

        assert_eq!(first, "2");
        std::fs::write(&path, "3\n").unwrap();
        while lines.recv().await.unwrap() != "3" {}
    }

    #[tokio::test]
    async fn a_program_is_asked_again_and_again() {
        let (send, mut lines) = mpsc::channel(1);
        let run = ["printf", "4.25\\nmore\\n"].map(String::from).to_vec();
        tokio::spawn(read(
            SourceConfig::Command {
                run,
                every_seconds: 1,
            },
            send,
        ));

        assert_eq!(lines.recv().await.unwrap(), "4.25");
        assert_eq!(lines.recv().await.unwrap(), "4.25");
    }

    #[tokio::test]
    async fn a_device_file_that_ends_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tty");
        std::fs::write(&path, "7\n").unwrap();
        let (send, mut lines) = mpsc::channel(1);
        tokio::spawn(read(SourceConfig::Serial { path }, send));

        assert_eq!(lines.recv().await.unwrap(), "7");
        assert_eq!(lines.recv().await.unwrap(), "7");
    }
}
