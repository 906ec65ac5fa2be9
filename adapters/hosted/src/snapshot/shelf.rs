//! Where snapshots lie on disk: those that are served, and the one that is being brought here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes, hex, keccak256};

use super::{MAX_PIECE_BYTES, SnapshotError, io};

const MANIFEST: &str = "manifest.rlp";
/// Ends the name of a directory that is not whole yet.
const PARTIAL: &str = "partial";
/// Snapshots kept: who began to fetch the older one may end.
const KEPT: usize = 2;

/// Snapshots that this node serves.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
}

/// One directory with a manifest and pieces named by their hashes.
#[derive(Clone, Debug)]
pub struct Pieces {
    dir: PathBuf,
}

impl Shelf {
    /// A shelf in `dir`; what an interrupted node left half made is removed.
    ///
    /// # Errors
    /// Fails when the directory cannot be made or read.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        fs::create_dir_all(dir).map_err(io("make the directory", dir))?;
        for entry in fs::read_dir(dir).map_err(io("read", dir))? {
            let path = entry.map_err(io("read", dir))?.path();
            if path.extension().is_some_and(|e| e == PARTIAL) {
                fs::remove_dir_all(&path).map_err(io("remove", &path))?;
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Heights of the snapshots, newest first.
    pub fn heights(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut heights: Vec<u64> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights
    }

    /// Manifest of the newest snapshot and its height.
    pub fn newest(&self) -> Option<(u64, Bytes)> {
        self.heights().into_iter().find_map(|height| {
            let raw = self.at(height).manifest().ok().flatten()?;
            Some((height, raw))
        })
    }

    /// A piece of any of them.
    pub fn piece(&self, hash: B256) -> Option<Bytes> {
        let mut heights = self.heights().into_iter();
        heights.find_map(|height| self.at(height).piece(hash).ok().flatten())
    }

    /// Where a snapshot is made that [`Self::publish`] then shows.
    pub(super) fn begin(&self, height: u64) -> Result<Pieces, SnapshotError> {
        Pieces::open(&self.dir.join(format!("{height}.{PARTIAL}")))
    }

    /// Shows a snapshot that is whole, and removes those that are too old.
    pub(super) fn publish(&self, pieces: &Pieces, height: u64) -> Result<(), SnapshotError> {
        let whole = self.at(height).dir;
        fs::rename(&pieces.dir, &whole).map_err(io("rename", &whole))?;
        for old in self.heights().into_iter().skip(KEPT) {
            self.at(old).remove()?;
        }
        Ok(())
    }

    fn at(&self, height: u64) -> Pieces {
        Pieces {
            dir: self.dir.join(height.to_string()),
        }
    }
}

impl Pieces {
    /// Pieces in `dir`, which is made when it is missing.
    ///
    /// # Errors
    /// Fails when it cannot be made.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        fs::create_dir_all(dir).map_err(io("make the directory", dir))?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// The manifest, if it is here.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    pub fn manifest(&self) -> Result<Option<Bytes>, SnapshotError> {
        read(&self.dir.join(MANIFEST))
    }

    /// Keeps a manifest.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn put_manifest(&self, raw: &[u8]) -> Result<(), SnapshotError> {
        write(&self.dir, MANIFEST, raw)
    }

    /// A piece, if it is here and is what its name says.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    pub fn piece(&self, hash: B256) -> Result<Option<Bytes>, SnapshotError> {
        let raw = read(&self.path(hash))?;
        Ok(raw.filter(|raw| raw.len() <= MAX_PIECE_BYTES && keccak256(raw) == hash))
    }

    /// Keeps a piece and returns its hash.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn put(&self, raw: &[u8]) -> Result<B256, SnapshotError> {
        let hash = keccak256(raw);
        write(&self.dir, &hex::encode(hash), raw)?;
        Ok(hash)
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// Fails when it cannot.
    pub fn remove(&self) -> Result<(), SnapshotError> {
        fs::remove_dir_all(&self.dir).map_err(io("remove", &self.dir))
    }

    fn path(&self, hash: B256) -> PathBuf {
        self.dir.join(hex::encode(hash))
    }
}

fn read(path: &Path) -> Result<Option<Bytes>, SnapshotError> {
    match fs::read(path) {
        Ok(raw) => Ok(Some(raw.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path)(error)),
    }
}

/// A file is there whole or not at all.
fn write(dir: &Path, name: &str, raw: &[u8]) -> Result<(), SnapshotError> {
    let (path, part) = (dir.join(name), dir.join(format!("{name}.part")));
    fs::write(&part, raw).map_err(io("write", &part))?;
    fs::rename(&part, &path).map_err(io("rename", &path))
}
