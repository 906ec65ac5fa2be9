//! The directory where everything that lasts is kept, owned by one daemon at a time.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// A data directory that this process owns until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Dropping it gives the directory free, as does the end of the process however it comes.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another daemon uses it.
    #[error(
        "{} is in use by process {owner}: stop that daemon, or give this one another --data-dir",
        path.display()
    )]
    InUse {
        /// Which directory.
        path: PathBuf,
        /// What the other process wrote down.
        owner: String,
    },
    /// It cannot be made or written.
    #[error("cannot write to {}: check its owner and free space, or give another --data-dir", path.display())]
    Unwritable {
        /// Which path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the directory where needed and takes it for this process.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] names the process that has it.
    pub fn own(path: &Path) -> Result<Self, DataDirError> {
        let unwritable = |at: &Path, source| DataDirError::Unwritable {
            path: at.into(),
            source,
        };
        fs::create_dir_all(path).map_err(|e| unwritable(path, e))?;
        let file = path.join("lock");
        let mut lock = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file)
            .map_err(|e| unwritable(&file, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(&file).unwrap_or_default();
                let owner = owner.trim().to_owned();
                return Err(DataDirError::InUse {
                    path: path.into(),
                    owner,
                });
            }
            Err(TryLockError::Error(e)) => return Err(unwritable(&file, e)),
        }
        let written = lock
            .set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(|e| unwritable(&file, e))?;
        Ok(Self {
            path: path.into(),
            _lock: lock,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `dir` below it whole or not at all: `make` fills a directory beside it that is then renamed. Does nothing
    /// when `dir` is there.
    ///
    /// # Errors
    /// Whatever `make` or the file system says.
    pub fn make_once<E: From<io::Error>>(
        &self,
        dir: &Path,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let target = self.path.join(dir);
        if target.is_dir() {
            return Ok(target);
        }
        let half = target.with_extension("new");
        match fs::remove_dir_all(&half) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        fs::create_dir_all(&half)?;
        make(&half)?;
        fs::rename(&half, &target)?;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::own(dir.path()).unwrap();

        let second = DataDir::own(dir.path());

        let me = std::process::id().to_string();
        assert!(matches!(second, Err(DataDirError::InUse { owner, .. }) if owner == me));
        drop(first);
        assert!(DataDir::own(dir.path()).is_ok());
    }

    #[test]
    fn what_was_half_made_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::own(dir.path()).unwrap();
        let fill = |at: &Path| fs::write(at.join("whole"), "");
        let fails = |at: &Path| fs::write(at.join("half"), "").and(Err(io::Error::other("stop")));

        assert!(data.make_once(Path::new("keys"), fails).is_err());
        assert!(!dir.path().join("keys").exists());
        let made = data.make_once(Path::new("keys"), fill).unwrap();

        assert!(made.join("whole").exists() && !made.join("half").exists());
    }
}
