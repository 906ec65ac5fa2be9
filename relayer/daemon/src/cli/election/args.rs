//! Arguments of `causeway election`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Election {
    /// Have a validator stand
    #[command(
        after_help = "Example:\n  causeway key new --out validator.json --password-file password\n  causeway election register --owner alice --deposit 1000 --keystore validator.json --password-file password --endpoint 10.0.0.8:21000"
    )]
    Register(Register),
    /// Lock native points for a candidate
    #[command(after_help = "Example:\n  causeway election vote 3 --by alice --amount 250")]
    Vote(Stake),
    /// Take points back from a candidate: they wait for `withdraw`
    Unvote(Stake),
    /// Who stands, best first
    Candidates,
    /// How the score of a candidate comes about
    Score {
        /// Its number
        candidate: u32,
    },
    /// Elections, candidacies, idle and slashed producers, newest first
    History,
    /// Have what is credited paid: votes taken back, rewards, deposits
    Withdraw {
        /// Whose
        #[arg(long)]
        by: String,
    },
    /// Stand again after idleness
    Rejoin(Own),
    /// Stand no more
    Resign(Own),
    /// Have the deposit of a candidate that left credited, after its delay
    Release(Own),
    /// Have a voter's share of the rewards credited
    Collect(Own),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Register {
    /// Who owns the candidacy and pays the deposit
    #[arg(long)]
    pub(in crate::cli) owner: String,
    /// Native points, or `<digits>wei`
    #[arg(long)]
    pub(in crate::cli) deposit: String,
    /// Keystore of the validator's vote key; it stays here, what is sent is its signature
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) keystore: PathBuf,
    /// File whose first line is the keystore's password
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) password_file: PathBuf,
    /// Where the validator listens
    #[arg(long, value_name = "HOST:PORT")]
    pub(in crate::cli) endpoint: String,
    /// Percent of the rewards that the owner keeps, with up to two decimals
    #[arg(long, default_value = "0", value_parser = percent)]
    pub(in crate::cli) commission: u16,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Stake {
    /// Number of the candidate
    pub(in crate::cli) candidate: u32,
    /// Who votes
    #[arg(long)]
    pub(in crate::cli) by: String,
    /// Native points, or `<digits>wei`
    #[arg(long)]
    pub(in crate::cli) amount: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Own {
    /// Number of the candidate
    pub(in crate::cli) candidate: u32,
    /// Its owner; to collect, the voter
    #[arg(long)]
    pub(in crate::cli) by: String,
}

/// Percent as parts of 10,000.
fn percent(text: &str) -> Result<u16, String> {
    let wrong = || format!("{text:?} is not 0 to 100 with up to two decimals");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let part: u16 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    let parts = whole * 100 + part;
    if parts > 10_000 {
        return Err(wrong());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_are_parts_of_ten_thousand() {
        for (text, parts) in [
            ("0", 0),
            ("7", 700),
            ("7.5", 750),
            ("0.25", 25),
            ("100", 10_000),
        ] {
            assert_eq!(percent(text), Ok(parts), "{text}");
        }
        for wrong in ["", "-1", "100.01", "1.234", "ten", "1.", "9999"] {
            let read = percent(wrong);
            assert_eq!(read.is_ok(), wrong == "1.", "{wrong}: {read:?}");
        }
    }
}
