//! `causeway key`.

use serde_json::json;

use super::{
    CliError,
    args::{Global, Key as Command, PasswordArgs},
    output::Output,
};
use crate::{
    config::{PasswordSource, absolute},
    keys::{Authority, Keystore, Mark, Subject, address_of},
    local,
};

pub(super) fn run(_: &Global, command: Command, output: &Output) -> Result<(), CliError> {
    match command {
        Command::Ca { dir, name } => {
            Authority::create(&dir, &name)?;
            let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
            let text = format!(
                "made {} and {}\nkeep the key away from the servers: only `causeway key issue` needs it",
                certificate.display(),
                key.display()
            );
            output.answer(&json!({ "certificate": certificate, "key": key }), text);
            Ok(())
        }
        Command::Issue {
            dir,
            name,
            role,
            hosts,
        } => {
            let issued = Authority::open(&dir)?.issue(&Subject {
                name: file_name(name)?,
                role,
                hosts,
            })?;
            let text = format!(
                "made {} and {}",
                issued.certificate.display(),
                issued.key.display()
            );
            output.answer(&issued, text);
            Ok(())
        }
        Command::New {
            out,
            password,
            validator,
        } => {
            let store = Keystore {
                path: absolute(&out),
                password: required(password)?,
            };
            let key = store.create(Mark::Own)?;
            let address = address_of(&key);
            match validator {
                // Always an object: it goes into a file for `chain genesis`.
                Some(at) => {
                    let entry = local::validator_keys(&key).entry(at.to_string());
                    println!("{}", json!(entry));
                }
                None => output.answer(
                    &json!({ "address": address, "keystore": out }),
                    format!(
                        "{address}\nkeystore {}: without it and its password the key is lost",
                        out.display()
                    ),
                ),
            }
            Ok(())
        }
        Command::Show { file, password } => show(file, password, output),
    }
}

fn show(file: std::path::PathBuf, password: PasswordArgs, output: &Output) -> Result<(), CliError> {
    let given = source(password);
    let store = Keystore {
        path: absolute(&file),
        password: given.clone().unwrap_or(PasswordSource::Env(String::new())),
    };
    let (address, opens) = match given {
        Some(_) => (address_of(&store.open()?), true),
        None => (store.address()?, false),
    };
    let text = if opens {
        format!("{address}\nthe password opens it")
    } else {
        address.to_string()
    };
    output.answer(
        &json!({ "address": address, "password_checked": opens }),
        text,
    );
    Ok(())
}

pub(super) fn required(args: PasswordArgs) -> Result<PasswordSource, CliError> {
    source(args).ok_or_else(|| CliError::Argument {
        argument: "--password-file",
        got: "missing".into(),
        expected: "--password-file FILE or --password-env NAME: a key is never stored unencrypted",
    })
}

pub(super) fn source(args: PasswordArgs) -> Option<PasswordSource> {
    let file = args
        .password_file
        .map(|path| PasswordSource::File(absolute(&path)));
    file.or_else(|| args.password_env.map(PasswordSource::Env))
}

/// The name becomes one of files: no path, no dots.
fn file_name(name: String) -> Result<String, CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=64).contains(&name.len()) && name.chars().all(plain) && name != "ca" {
        return Ok(name);
    }
    Err(CliError::Argument {
        argument: "--name",
        got: name,
        expected: "1 to 64 letters, digits, - and _, not ca",
    })
}
