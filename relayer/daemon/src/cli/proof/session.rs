//! The witness of a `session` statement, made of what operators accepted.

use std::path::Path;

use alloy_primitives::B256;
use causeway_adapter_device::decimal::Decimal;
use causeway_circuits::{
    field::from_be_bytes,
    witness::{Number, Place, SessionWitness, Witness},
};

use super::args::Session;
use crate::cli::{
    CliError,
    args::Global,
    reading::{fetch_session, read_session},
};

/// The readings of a device, from the daemon or a file, under the limits that were given.
pub(super) async fn witness(global: &Global, arguments: &Session) -> Result<Witness, CliError> {
    let source = &arguments.from_readings;
    let session = match (&arguments.when, source.starts_with("did:")) {
        (Some(when), true) => fetch_session(global, source, when).await?,
        (None, true) => {
            return Err(CliError::Argument {
                argument: "--since and --until",
                got: String::new(),
                expected: "both, in milliseconds since 1970: which readings of the device",
            });
        }
        (None, false) => read_session(Path::new(source))?,
        (Some(_), false) => {
            return Err(CliError::Argument {
                argument: "--since and --until",
                got: source.clone(),
                expected: "a DID with them: a file holds one session, whole",
            });
        }
    };
    let limit = |argument, text: &str| {
        Decimal::parse(text)
            .ok()
            .and_then(|decimal| i32::try_from(decimal.scaled(session.decimals)?).ok())
            .ok_or_else(|| CliError::Argument {
                argument,
                got: text.into(),
                expected: "a number with no more digits behind the point than the feed has, within 32 bits",
            })
    };
    let (low, high) = (
        limit("--min", &arguments.min)?,
        limit("--max", &arguments.max)?,
    );
    if low > high {
        return Err(CliError::Argument {
            argument: "--max",
            got: arguments.max.clone(),
            expected: "a value not below --min",
        });
    }
    let number: B256 = session
        .number
        .parse()
        .map_err(|_| CliError::Failed("the session's number is no 32 bytes".into()))?;
    Ok(Witness::Session(SessionWitness {
        place: Place {
            chain: arguments.chain_id,
            contract: arguments.contract,
            round: arguments.round,
        },
        device: Number(from_be_bytes(&number.0)?),
        low,
        high,
        gap: arguments.max_gap,
        readings: session.readings,
    }))
}
