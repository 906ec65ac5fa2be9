//! Where `causeway proof` finds keys.

use std::{fs, path::PathBuf};

use causeway_circuits::{
    Error,
    groth16::{Compiled, ProvingKey},
    keys::{self, Keys},
};

use super::{
    CliError,
    args::{KeyChoice, KeysFolder},
};
use crate::{
    cli::{args::Global, output::Output, run},
    config::Purpose,
};

/// Folder of development keys in the data directory.
const KEYS: &str = "proving-keys";

/// Where a key comes from.
pub(super) enum KeySource {
    Ceremony(PathBuf),
    Development(Keys),
}

impl KeyChoice {
    pub(super) fn open(&self, global: &Global) -> Result<KeySource, CliError> {
        Ok(match &self.key {
            Some(file) => KeySource::Ceremony(file.clone()),
            None => KeySource::Development(self.folder.open(global)?),
        })
    }
}

impl KeySource {
    pub(super) fn load(&self, compiled: &Compiled, output: &Output) -> Result<ProvingKey, Error> {
        match self {
            Self::Ceremony(file) => Ok(keys::read(file, compiled)?.0),
            Self::Development(keys) => development(keys, compiled, output),
        }
    }
}

impl KeysFolder {
    pub(super) fn open(&self, global: &Global) -> Result<Keys, CliError> {
        let folder: PathBuf = match &self.keys {
            Some(folder) => folder.clone(),
            None => run::read(global, Purpose::Daemon)?.data_dir.join(KEYS),
        };
        fs::create_dir_all(&folder).map_err(|source| Error::Io {
            path: folder.clone(),
            source,
        })?;
        Ok(Keys::new(folder))
    }
}

pub(super) fn development(
    keys: &Keys,
    compiled: &Compiled,
    output: &Output,
) -> Result<ProvingKey, Error> {
    keys.development(compiled, |progress| match progress {
        keys::Progress::Making { constraints } => {
            let name = compiled.name();
            output.say(format!(
                "  making the development key of {name}, {constraints} constraints"
            ));
        }
        keys::Progress::Writing { bytes } => {
            output.say(format!("  writing {} MB", bytes.div_ceil(1_000_000)));
        }
        keys::Progress::Reading { .. } | keys::Progress::Ready => {}
    })
}
