//! The event log as a regulator asks for it, and ways to change what a daemon has stored of it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Causeway, PATIENCE, binary, eventually, root};

/// Entries, newest first.
///
/// # Errors
/// Fails when the daemon does not answer.
pub fn entries(causeway: &Causeway, filter: &[&str]) -> Result<Vec<Value>> {
    let list = [&["log", "list", "--limit", "500"], filter].concat();
    let answer = causeway.ask(&list)?;
    answer["entries"].as_array().cloned().context("entries")
}

/// Waits for an anchored head of more than `size` entries, which agrees with the log.
///
/// # Errors
/// Fails when there is none in time.
pub fn anchored_beyond(causeway: &Causeway, size: u64) -> Result<Value> {
    eventually(&format!("an anchor of more than {size} entries"), || {
        let state = causeway.ask(&["log", "head"])?;
        let head = &state["anchored"];
        let beyond = head["size"].as_u64().is_some_and(|got| got >= size.max(1));
        let agrees = state["agrees"] == true;
        Ok((beyond && agrees).then(|| head.clone()))
    })
}

/// The segment of the log had this root when it had as many entries: proved by the daemon's own tree.
///
/// # Errors
/// Fails when it had another, or is shorter.
pub fn same_root(causeway: &Causeway, part: &Value) -> Result<()> {
    let url = fs::read_to_string(causeway.announced())?;
    let (id, size) = (&part["segment_id"], &part["size"]);
    if size == 0 {
        return Ok(());
    }
    let path = format!("{url}/v1/log/proof?segment={id}&size={size}&position=0");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // An error means that the provider is set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let proof: Value = runtime.block_on(async { client.get(path).send().await?.json().await })?;
    ensure!(proof["root"] == part["root"], "{part}: {proof}");
    Ok(())
}

/// A way to change a log behind its keeper's back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// One bit of one byte.
    Byte,
    /// What is asked for is changed, the bytes are not.
    Column,
    /// An entry is gone.
    Removed,
    /// The newest entries are gone.
    Cut,
    /// Two entries have changed places.
    Moved,
}

impl Tampering {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Byte,
        Self::Column,
        Self::Removed,
        Self::Cut,
        Self::Moved,
    ];
}

/// A copy of a data directory, to be tampered with.
pub struct Stolen {
    causeway: Causeway,
}

/// Who found what.
#[derive(Debug)]
pub struct Found {
    /// Text of the alarm of the next start.
    pub alarm: String,
    /// What `causeway log verify` said.
    pub verify: String,
}

impl Stolen {
    /// Of the directory of a daemon that is stopped.
    ///
    /// # Errors
    /// Fails when it cannot be copied.
    pub fn of(dir: &Path) -> Result<Self> {
        let causeway = Causeway::new()?;
        copied(dir, causeway.dir())?;
        Ok(Self { causeway })
    }

    /// Changes the log; returns how the entry that does not hold is named.
    ///
    /// # Errors
    /// Fails when there are too few entries.
    pub fn tamper(&self, how: Tampering) -> Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let options =
                SqliteConnectOptions::new().filename(self.causeway.dir().join("causeway.sqlite"));
            let mut db = SqliteConnection::connect_with(&options).await?;
            if how == Tampering::Byte {
                // A bit of the time in it.
                let find = "SELECT bytes FROM log_entries WHERE segment = 7001 AND position = 3";
                let mut bytes: Vec<u8> = sqlx::query_scalar(find).fetch_one(&mut db).await?;
                *bytes.get_mut(9).context("an entry")? ^= 1;
                let change = "UPDATE log_entries SET bytes = ? WHERE segment = 7001 AND position = 3";
                sqlx::query(change).bind(bytes).execute(&mut db).await?;
            }
            let sql = match how {
                Tampering::Byte => "UPDATE log_entries SET at = at WHERE segment = 7001",
                Tampering::Column => {
                    "UPDATE log_entries SET kind = 'Nothing' WHERE segment = 7001 AND position = 3"
                }
                Tampering::Removed => "DELETE FROM log_entries WHERE segment = 7001 AND position = 3",
                Tampering::Cut => "DELETE FROM log_entries WHERE segment = 7001 AND position >= 3",
                Tampering::Moved => {
                    "UPDATE log_entries SET position = CASE position WHEN -1 THEN 4 ELSE position END \
                     WHERE segment = 7001"
                }
            };
            if how == Tampering::Moved {
                for sql in [
                    "UPDATE log_entries SET position = -1 WHERE segment = 7001 AND position = 3",
                    "UPDATE log_entries SET position = 3 WHERE segment = 7001 AND position = 4",
                ] {
                    sqlx::query(sql).execute(&mut db).await?;
                }
            }
            let done = sqlx::query(sql).execute(&mut db).await?;
            ensure!(done.rows_affected() > 0, "the log is too short");
            db.close().await?;
            Ok("entry 3 of segment 7001".to_owned())
        })
        .map(|name| match how {
            Tampering::Cut => "entry 3 is missing".to_owned(),
            _ => name,
        })
    }

    /// Starts a daemon on it.
    ///
    /// # Errors
    /// Fails when it finds nothing in time.
    pub fn found_out(&self) -> Result<Found> {
        let daemon = self.causeway.up(&[])?;
        let alarm = eventually("the alarm of a changed log", || {
            let list = self.causeway.ask(&["alarm", "list"])?;
            let alarms = list["alarms"].as_array().context("alarms")?;
            let found = alarms.iter().find(|alarm| alarm["rule"] == "log_tampered");
            Ok(found.and_then(|alarm| alarm["text"].as_str().map(str::to_owned)))
        })
        .with_context(|| daemon.tail())?;
        let output = self.causeway.command(&["log", "verify"]).output()?;
        ensure!(output.status.code() == Some(1), "{}", daemon.tail());
        let verify = [output.stdout, output.stderr].concat();
        Ok(Found {
            alarm,
            verify: String::from_utf8(verify)?,
        })
    }
}

/// A program of the Python environment of the tests.
///
/// # Errors
/// Fails when the daemon's program is not built.
pub fn python_tool(name: &str) -> Result<PathBuf> {
    let binary = binary()?;
    let target = binary.ancestors().nth(2).context("the target directory")?;
    Ok(target.join("venv/bin").join(name))
}

/// A real mail server (aiosmtpd); killed when dropped.
pub struct MailServer {
    /// Where it listens on loopback.
    pub port: u64,
    child: Child,
    lines: Receiver<String>,
}

impl MailServer {
    /// Starts it on a port of its own choice.
    ///
    /// # Errors
    /// Fails when it is not installed.
    pub fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// As [`Self::start`], with TLS by the local profile's server certificate: `implicit`, or `starttls`, required then.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn encrypted(how: &str, ca: &Path) -> Result<Self> {
        let file = |name: &str| ca.join(name).to_string_lossy().into_owned();
        Self::with(&[how, &file("server.pem"), &file("server.key")])
    }

    fn with(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(python_tool("python")?)
            .arg(root().join("tests/clients/mail_server.py"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the mail server: run `cargo xtask install`")?;
        let stdout = child.stdout.take().context("its output")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Ends with the server.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            port: 0,
            child,
            lines,
        };
        server.port = server.message()?["port"].as_u64().context("a port")?;
        Ok(server)
    }

    /// The next message.
    ///
    /// # Errors
    /// Fails when none comes in time.
    pub fn message(&self) -> Result<Value> {
        let line = self.lines.recv_timeout(PATIENCE).context("no message")?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // Ended already, or killed now: either is what a dropped server should be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who listens to server-sent events.
pub struct Listener(BufReader<TcpStream>);

impl Listener {
    /// Opens a stream, after an id where one is given.
    ///
    /// # Errors
    /// Fails when it is refused, with the status.
    pub fn to(causeway: &Causeway, path: &str, after: Option<&str>) -> Result<Self> {
        let url = fs::read_to_string(causeway.announced())?;
        let host = url.trim().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let after = after.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n{after}\r\n")?;
        let mut listener = Self(BufReader::new(stream));
        let status = listener.line()?;
        ensure!(status.contains(" 200 "), "{path} is refused: {status}");
        Ok(listener)
    }

    /// Name, id and data of the next event, whichever it is.
    ///
    /// # Errors
    /// Fails when none comes in time, or the stream ends.
    pub fn any(&mut self) -> Result<(String, String, String)> {
        self.event(|_| true)
    }

    /// Id and data of the next event of a name.
    ///
    /// # Errors
    /// Fails when none comes in time, or the stream ends.
    pub fn next(&mut self, name: &str) -> Result<(String, String)> {
        let (_, id, data) = self.event(|got| got == name)?;
        Ok((id, data))
    }

    fn event(&mut self, wanted: impl Fn(&str) -> bool) -> Result<(String, String, String)> {
        let (mut id, mut event) = (String::new(), String::new());
        loop {
            let line = self.line()?;
            if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut event);
            } else if let Some(value) = line.strip_prefix("data: ")
                && wanted(&event)
            {
                return Ok((event, id, value.to_owned()));
            } else if line.is_empty() {
                // An id and a name are those of one event.
                id.clear();
                event.clear();
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? > 0, "the stream has ended");
        Ok(line.trim_end().to_owned())
    }
}

fn copied(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copied(&path, &target)?;
        } else if kind.is_file()
            && !["lock", "api.url"].contains(&entry.file_name().to_string_lossy().as_ref())
        {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
