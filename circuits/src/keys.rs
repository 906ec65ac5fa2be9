//! Key files.
//!
//! ```text
//! "cwkey/01" | origin 1 | circuit hash 32 | transcript hash 32 | body length 8 | body | keccak256 of all before 32
//! ```
//!
//! The same key gives the same bytes. The checksum finds damage, and the circuit hash a swapped file; neither makes a file of
//! unknown origin trustworthy, which is why the folder belongs to who runs the prover. The verifying key inside is
//! checked like any other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

use crate::error::{Error, Fault};
use crate::groth16::{Compiled, Origin, ProvingKey, development_key};

const MAGIC: &[u8; 8] = b"cwkey/01";
/// Magic, origin, circuit, transcript, length.
const HEAD: usize = 8 + 1 + 32 + 32 + 8;
const CHECKSUM: usize = 32;

/// What happens while a key is got ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A cached file is read.
    Reading {
        /// Its length.
        bytes: u64,
    },
    /// A development key is made; takes about 50 microseconds a constraint.
    Making {
        /// Constraints of its circuit.
        constraints: usize,
    },
    /// A file is written.
    Writing {
        /// Its length.
        bytes: u64,
    },
    /// The key can be used.
    Ready,
}

/// Where key files are kept.
#[derive(Clone, Debug)]
pub struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// Key files in `folder`, which exists.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The file of a circuit's development key.
    pub fn development_file(&self, circuit: &Compiled) -> PathBuf {
        self.folder
            .join(format!("{}.development.key", circuit.name()))
    }

    /// A circuit's development key: from its file, or made and written.
    ///
    /// # Errors
    ///
    /// When a file is there that is damaged or of another circuit (it is not overwritten: it may be somebody's), or the
    /// key cannot be made or written.
    pub fn development(
        &self,
        circuit: &Compiled,
        mut progress: impl FnMut(Progress),
    ) -> Result<ProvingKey, Error> {
        let path = self.development_file(circuit);
        let key = match fs::metadata(&path) {
            Ok(file) => {
                progress(Progress::Reading { bytes: file.len() });
                read(&path, circuit)?.0
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let constraints = circuit.system().constraints.len();
                progress(Progress::Making { constraints });
                let key = development_key(circuit)?;
                let bytes = encode(&key, B256::ZERO)?;
                progress(Progress::Writing {
                    bytes: bytes.len() as u64,
                });
                write(&path, &bytes)?;
                key
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        progress(Progress::Ready);
        Ok(key)
    }
}

/// The bytes of a key file.
///
/// # Errors
///
/// Never, for a key that exists.
pub fn encode(key: &ProvingKey, transcript: B256) -> Result<Vec<u8>, Error> {
    let length = key.inner().uncompressed_size();
    let mut out = Vec::with_capacity(HEAD + length + CHECKSUM);
    out.extend(MAGIC);
    out.push(match key.origin() {
        Origin::Development => 0,
        Origin::Ceremony => 1,
    });
    out.extend(key.circuit());
    out.extend(transcript);
    out.extend((length as u64).to_le_bytes());
    let body = key.inner().serialize_uncompressed(&mut out);
    body.map_err(|_| Error::Internal(Fault::Encoding))?;
    out.extend(keccak256(&out));
    Ok(out)
}

/// Writes a key file: whole or not at all.
///
/// # Errors
///
/// What the system says.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let whole = fs::File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    });
    whole.map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// Reads a key file for a circuit, and the hash of its ceremony's transcript.
///
/// # Errors
///
/// When it is no key file, truncated, damaged, of another circuit, or its key is not safe.
pub fn read(path: &Path, circuit: &Compiled) -> Result<(ProvingKey, B256), Error> {
    let owned = || path.to_owned();
    let bytes = fs::read(path).map_err(|source| Error::Io {
        path: owned(),
        source,
    })?;
    let got = bytes.len() as u64;
    if bytes.len() < HEAD + CHECKSUM {
        let expected = (HEAD + CHECKSUM) as u64;
        return Err(Error::KeyFileTruncated {
            path: owned(),
            got,
            expected,
        });
    }
    let origin = match (&bytes[..8] == MAGIC, bytes[8]) {
        (true, 0) => Origin::Development,
        (true, 1) => Origin::Ceremony,
        _ => return Err(Error::KeyFileUnknown { path: owned() }),
    };
    let (named, transcript) = (
        B256::from_slice(&bytes[9..41]),
        B256::from_slice(&bytes[41..73]),
    );
    let mut length = [0; 8];
    length.copy_from_slice(&bytes[73..HEAD]);
    let expected = u64::from_le_bytes(length).saturating_add((HEAD + CHECKSUM) as u64);
    if got != expected {
        return Err(Error::KeyFileTruncated {
            path: owned(),
            got,
            expected,
        });
    }
    if named != circuit.hash() {
        let expected = circuit.hash();
        return Err(Error::KeyFileSwapped {
            path: owned(),
            got: named,
            expected,
        });
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
    if keccak256(content) != checksum {
        return Err(Error::KeyFileCorrupt { path: owned() });
    }
    // The points were checked when the file was written, and the checksum says it is that file.
    let inner = CanonicalDeserialize::deserialize_uncompressed_unchecked(&content[HEAD..]);
    let inner = inner.map_err(|_| Error::KeyFileCorrupt { path: owned() })?;
    Ok((ProvingKey::new(inner, origin, circuit)?, transcript))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::right::Right;

    fn compiled(depth: usize) -> Compiled {
        Compiled::new(&Right::blank(depth)).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_read_after() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, circuit) = (Keys::new(folder.path()), compiled(1));
        let mut seen = Vec::new();

        let made = keys.development(&circuit, |p| seen.push(p)).unwrap();
        let read = keys.development(&circuit, |p| seen.push(p)).unwrap();

        assert_eq!(made.verifying().hash(), read.verifying().hash());
        let bytes = fs::metadata(keys.development_file(&circuit)).unwrap().len();
        let constraints = circuit.system().constraints.len();
        let expected = [
            Progress::Making { constraints },
            Progress::Writing { bytes },
            Progress::Ready,
            Progress::Reading { bytes },
            Progress::Ready,
        ];
        assert_eq!(seen, expected);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    #[test]
    fn a_damaged_or_swapped_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, circuit) = (Keys::new(folder.path()), compiled(1));
        keys.development(&circuit, |_| ()).unwrap();
        let path = keys.development_file(&circuit);
        let good = fs::read(&path).unwrap();
        let read_as = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            keys.development(&circuit, |_| ()).unwrap_err()
        };

        for length in [0, 7, HEAD, good.len() / 2, good.len() - 1] {
            let error = read_as(&good[..length]);
            assert!(
                matches!(error, Error::KeyFileTruncated { .. }),
                "{length}: {error}"
            );
        }
        assert!(matches!(
            read_as(&[&good[..], &[0]].concat()),
            Error::KeyFileTruncated { .. }
        ));
        for at in [HEAD, good.len() / 2, good.len() - 1, 50] {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            assert!(
                matches!(read_as(&damaged), Error::KeyFileCorrupt { .. }),
                "{at}"
            );
        }
        for at in [0, 8] {
            let mut other = good.clone();
            other[at] ^= 0x40;
            assert!(matches!(read_as(&other), Error::KeyFileUnknown { .. }));
        }
        fs::write(&path, &good).unwrap();
        let swapped = read(&path, &compiled(2)).unwrap_err();
        assert!(matches!(swapped, Error::KeyFileSwapped { .. }), "{swapped}");
    }
}
