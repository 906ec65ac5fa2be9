//! Files of `causeway proof`. What is private is wiped, of what is too long no more is read.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use causeway_circuits::{Error, format::file, format::file::ProofFile, witness};
use zeroize::Zeroizing;

use super::CliError;

pub(super) fn read_proof(path: &Path) -> Result<ProofFile, CliError> {
    Ok(ProofFile::read(&read_text(path, file::MAX_FILE)?)?)
}

/// What is private is wiped from memory after use.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, CliError> {
    if path == Path::new("-") {
        let mut text = Zeroizing::new(String::new());
        let mut stdin = io::stdin().lock().take(witness::MAX_FILE + 1);
        let read = stdin.read_to_string(&mut text);
        read.map_err(|source| CliError::Io {
            doing: "reading the witness from stdin",
            source,
        })?;
        return Ok(text);
    }
    Ok(Zeroizing::new(read_text(path, witness::MAX_FILE)?))
}

/// A text file of at most `max` bytes; of a longer one no more is read.
pub(super) fn read_text(path: &Path, max: u64) -> Result<String, CliError> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let opened = fs::File::open(path).map_err(failed)?;
    let got = opened.metadata().map_err(failed)?.len();
    if got > max {
        return Err(Error::FileTooLong { got, max }.into());
    }
    let mut text = String::new();
    opened.take(max).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}
