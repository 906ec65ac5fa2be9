//! Ports at which the local profile listens: those it had before, so that devices and wallets find it again.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Held while the file is read, changed and written.
static FILE: Mutex<()> = Mutex::new(());

/// Finds free ports near the wanted ones and remembers them in the data directory.
#[derive(Clone, Debug)]
pub struct LocalPorts {
    file: PathBuf,
    shift: u16,
}

impl LocalPorts {
    /// Those of this data directory; `shift` is added to every wanted port.
    pub fn new(data_dir: &Path, shift: u16) -> Self {
        Self {
            file: data_dir.join("ports.json"),
            shift,
        }
    }

    /// A listener at the port that was found for `wanted` before; at the first start, or where another program has it by
    /// now, at `wanted` or the next free port in steps of ten. Port 0 is any, and not remembered.
    ///
    /// # Errors
    /// Fails when a hundred ports in a row are taken, or the file cannot be read or written.
    pub fn bind(&self, wanted: SocketAddr) -> io::Result<TcpListener> {
        if wanted.port() == 0 {
            return TcpListener::bind(wanted);
        }
        let _held = FILE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.read()?;
        let key = wanted.to_string();
        if let Some(port) = known.get(&key).copied() {
            match TcpListener::bind(SocketAddr::new(wanted.ip(), port)) {
                Ok(listener) => return Ok(listener),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                    tracing::warn!(
                        port,
                        "another program has the port of the last start: whoever knows it must be told the new one"
                    );
                }
                Err(e) => return Err(e),
            }
        }
        let listener = self.search(wanted, &known)?;
        known.insert(key, listener.local_addr()?.port());
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&known)?)?;
        fs::rename(&new, &self.file)?;
        Ok(listener)
    }

    fn search(&self, wanted: SocketAddr, known: &BTreeMap<String, u16>) -> io::Result<TcpListener> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        let first = wanted.port().checked_add(self.shift);
        let steps = (0..100).map_while(|step| first?.checked_add(step * 10));
        // One that is ours, though it may not be open yet, is not for this.
        for port in steps.filter(|port| !known.values().any(|ours| ours == port)) {
            match TcpListener::bind(SocketAddr::new(wanted.ip(), port)) {
                Ok(listener) => return Ok(listener),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => last = e,
                Err(e) => return Err(e),
            }
        }
        Err(last)
    }

    fn read(&self) -> io::Result<BTreeMap<String, u16>> {
        match fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                let why = format!("{}: {e}; delete it, it is made again", self.file.display());
                io::Error::new(io::ErrorKind::InvalidData, why)
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(e) => Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn port_of(listener: &TcpListener) -> u16 {
        listener.local_addr().expect("bound").port()
    }

    /// A port somebody holds, with room for steps above it.
    fn held() -> (TcpListener, SocketAddr) {
        let found = (12_000..20_000).find_map(|port| {
            TcpListener::bind((
                Ipv4Addr::LOCALHOST,
                port + std::process::id() as u16 % 1_000,
            ))
            .ok()
        });
        let listener = found.expect("a free port");
        let at = listener.local_addr().expect("bound");
        (listener, at)
    }

    #[test]
    fn a_port_that_was_found_stays_when_the_wanted_one_gets_free() {
        let dir = tempfile::tempdir().expect("a directory");
        let ports = LocalPorts::new(dir.path(), 0);
        let (other, wanted) = held();
        let first = ports.bind(wanted).expect("one near");
        let found = port_of(&first);
        assert_ne!(found, wanted.port());
        assert_eq!((found - wanted.port()) % 10, 0);
        drop((first, other));
        let again = LocalPorts::new(dir.path(), 0).bind(wanted).expect("again");
        assert_eq!(port_of(&again), found);

        // Now somebody else has it.
        let moved = LocalPorts::new(dir.path(), 0)
            .bind(wanted)
            .expect("a new one");
        assert_ne!(port_of(&moved), found);
    }

    #[test]
    fn a_shift_is_added_and_a_damaged_file_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let (_other, wanted) = held();
        let shifted = LocalPorts::new(dir.path(), 7).bind(wanted).expect("one");
        assert_eq!((port_of(&shifted) - wanted.port()) % 10, 7);
        fs::write(dir.path().join("ports.json"), "{").expect("written");
        let error = LocalPorts::new(dir.path(), 7)
            .bind(wanted)
            .expect_err("damaged");
        assert!(error.to_string().contains("ports.json"), "{error}");
    }
}
