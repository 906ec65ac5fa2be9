//! Digests of private data. They are made here: neither the data nor its random value is sent anywhere.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use causeway_contracts::deal::private_digest;

use super::CliError;
use crate::keys::{read_secret_line, write_new};

/// Private data as it is named on the command line.
pub(super) struct Private {
    /// Its digest, made elsewhere.
    pub(super) digest: Option<B256>,
    /// The data itself.
    pub(super) file: Option<PathBuf>,
    /// File of its random value.
    pub(super) salt_file: Option<PathBuf>,
}

/// The digest that was given, or that of the file, made with the random value of `--salt-file`.
pub(super) fn of(argument: &'static str, private: &Private) -> Result<B256, CliError> {
    match (private.digest, &private.file, &private.salt_file) {
        (Some(digest), None, _) => Ok(digest),
        (None, Some(file), Some(salt)) => Ok(private_digest(shared(salt)?, &data(file)?)),
        _ => Err(CliError::Argument {
            argument,
            got: "nothing".into(),
            expected: "a digest, or the file with the private data and --salt-file",
        }),
    }
}

fn data(file: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |source| CliError::Io {
        doing: "reading the private data",
        source,
    };
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(failed)?;
    opened
        .take(MAX_DATA + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.is_empty() || bytes.len() as u64 > MAX_DATA {
        return Err(CliError::Argument {
            argument: "private data",
            got: format!("{} with {} bytes or more", file.display(), bytes.len()),
            expected: "a file of 1 byte to 64 MiB",
        });
    }
    Ok(bytes)
}

/// The random value that both parties know. Whoever comes first makes it; the other one is given the file.
fn shared(file: &Path) -> Result<B256, CliError> {
    let failed = |source| CliError::Io {
        doing: "the file of the random value",
        source,
    };
    if !file.exists() {
        let mut salt = B256::ZERO;
        getrandom::fill(salt.as_mut_slice())
            .map_err(|_| CliError::Failed("the system gives no randomness".into()))?;
        write_new(file, salt.to_string().as_bytes()).map_err(failed)?;
    }
    let text = read_secret_line(file).map_err(failed)?;
    // What the file holds stays out of the message.
    text.trim().parse().map_err(|_| CliError::Argument {
        argument: "--salt-file",
        got: file.display().to_string(),
        expected: "a file with 64 hexadecimal digits in its first line, as this command makes one",
    })
}

/// Most bytes that are hashed.
const MAX_DATA: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use alloy_primitives::keccak256;

    use super::*;

    fn private(digest: Option<B256>, file: Option<&Path>, salt: Option<&Path>) -> Private {
        Private {
            digest,
            file: file.map(Path::to_path_buf),
            salt_file: salt.map(Path::to_path_buf),
        }
    }

    #[test]
    fn both_parties_with_the_same_files_have_the_same_digest() {
        let dir = tempfile::tempdir().unwrap();
        let (data, salt) = (dir.path().join("order"), dir.path().join("salt"));
        fs::write(&data, "40 bundles").unwrap();

        let first = of("--terms", &private(None, Some(&data), Some(&salt))).unwrap();
        let second = of("--terms", &private(None, Some(&data), Some(&salt))).unwrap();
        let other = dir.path().join("other salt");
        let unsalted = of("--terms", &private(None, Some(&data), Some(&other))).unwrap();

        assert_eq!(first, second);
        assert_ne!(first, unsalted);
        assert_ne!(first, keccak256("40 bundles"));
        let mode = fs::metadata(&salt).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others must not read the random value");
    }

    #[test]
    fn a_random_value_that_is_none_is_refused_and_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let (data, salt) = (dir.path().join("order"), dir.path().join("salt"));
        fs::write(&data, "40 bundles").unwrap();
        fs::write(&salt, "not a random value\n").unwrap();

        let refused = of("--terms", &private(None, Some(&data), Some(&salt)));

        let message = refused.unwrap_err().to_string();
        assert!(message.contains("64 hexadecimal digits"), "{message}");
        assert!(!message.contains("not a random value"), "{message}");
    }

    #[test]
    fn no_data_and_no_random_value_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (data, salt) = (dir.path().join("order"), dir.path().join("salt"));
        fs::write(&data, "").unwrap();

        assert!(of("--terms", &private(None, Some(&data), Some(&salt))).is_err());
        assert!(of("--terms", &private(None, Some(&data), None)).is_err());
        assert!(
            of(
                "--terms",
                &private(None, Some(&dir.path().join("none")), Some(&salt))
            )
            .is_err()
        );
        assert!(of("--terms", &private(None, None, None)).is_err());
    }
}
