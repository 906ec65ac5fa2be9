//! Arguments of `causeway member`.

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand};

use crate::members::{MemberRole, Period, ValidatorTerms};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Member {
    /// The organisations, and how they decide
    List,
    /// Proposals, newest first; with a number, that one and who voted how
    Show {
        /// Number of the proposal
        proposal: Option<u64>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
    },
    /// Propose something, with the proposer's approval
    #[command(
        after_help = "Examples:\n  causeway member propose --by regulator --why \"item 4 is withheld\" pause --lane 1\n  causeway member propose --by member1 --why \"found\" unpause --lane 1\n  causeway member propose --by member1 --why \"left the consortium\" remove 3"
    )]
    Propose {
        /// The organisation's account
        #[arg(long)]
        by: String,
        /// The reason; it stands on the chain
        #[arg(long)]
        why: String,
        #[command(subcommand)]
        motion: What,
    },
    /// Vote on a proposal
    Vote {
        /// Its number
        proposal: u64,
        /// The organisation's account
        #[arg(long)]
        by: String,
        /// Against it, instead of for it
        #[arg(long)]
        against: bool,
    },
    /// Do what has passed
    Execute {
        /// Its number
        proposal: u64,
        /// Who sends the transaction
        #[arg(long)]
        by: String,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum What {
    /// Admit an organisation
    Admit(Admit),
    /// Remove an organisation
    Remove {
        /// Its number
        organisation: u32,
    },
    /// Give an organisation another role
    SetRole {
        /// Its number
        organisation: u32,
        /// Which
        role: MemberRole,
    },
    /// Give an organisation other validators
    SetValidators {
        /// Its number
        organisation: u32,
        /// All of its validators
        #[arg(long = "validator", value_name = "VOTE,NETWORK,ENDPOINT", value_parser = validator)]
        validators: Vec<ValidatorTerms>,
    },
    /// Change a period
    SetParameter {
        /// Which
        parameter: Period,
        /// How long, a minute to 90 days
        seconds: u64,
    },
    /// Stop a lane of the consortium's gateway, or a peg's port: decided by f + 1 of members and observers, at once
    Pause(Gate),
    /// Let it run again: decided by 2f + 1 of the members, after the delay
    Unpause(Gate),
    /// Let an organisation read a sealed content: members then release their shares, see `causeway seal release`
    OpenSealed {
        /// Its id, as `causeway seal list` tells it
        content: B256,
        /// Number of the organisation
        #[arg(long, value_name = "ORGANISATION")]
        to: u32,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Admit {
    /// Its name
    #[arg(long)]
    pub(in crate::cli) name: String,
    /// Address of the account it votes by
    #[arg(long)]
    pub(in crate::cli) account: Address,
    /// What it may do
    #[arg(long, default_value = "member")]
    pub(in crate::cli) role: MemberRole,
    /// SHA-256 of a certificate of it
    #[arg(long = "certificate", value_name = "FINGERPRINT")]
    pub(in crate::cli) certificates: Vec<B256>,
    /// A validator of it
    #[arg(long = "validator", value_name = "VOTE,NETWORK,ENDPOINT", value_parser = validator)]
    pub(in crate::cli) validators: Vec<ValidatorTerms>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Gate {
    /// Number of a lane
    #[arg(long)]
    pub(in crate::cli) lane: Option<u32>,
    /// Name of a peg
    #[arg(long)]
    pub(in crate::cli) peg: Option<String>,
}

/// A validator: address of its vote key, network key, endpoint.
fn validator(text: &str) -> Result<ValidatorTerms, String> {
    let expected = || {
        format!(
            "{text:?} is not VOTE,NETWORK,ENDPOINT: an address, 0x and 64 hexadecimal digits, host:port"
        )
    };
    let mut parts = text.splitn(3, ',');
    let mut next = || parts.next().ok_or_else(expected);
    let (vote, network, endpoint) = (next()?, next()?, next()?);
    Ok(ValidatorTerms {
        vote: vote.parse().map_err(|_| expected())?,
        network: network.parse().map_err(|_| expected())?,
        endpoint: endpoint.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_is_written_as_three_parts() {
        let (vote, network) = (Address::repeat_byte(1), B256::repeat_byte(2));

        let read = validator(&format!("{vote},{network},10.0.0.1:21000"));

        let terms = read.expect("a validator");
        assert_eq!((terms.vote, terms.network), (vote, network));
        assert_eq!(terms.endpoint, "10.0.0.1:21000");
        for wrong in ["", "1,2,3", &format!("{vote},{network}")] {
            assert!(validator(wrong).is_err(), "{wrong}");
        }
    }
}
