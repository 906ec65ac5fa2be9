//! Arguments of `causeway seal`.

use std::path::PathBuf;

use alloy_primitives::B256;
use clap::{Args, Subcommand};

use crate::cli::args::PasswordArgs;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Seal {
    /// Publish the sealing key of an account, which is derived from its own
    Key {
        /// The account
        #[arg(long)]
        by: String,
    },
    /// Seal a file: its parties read it, nobody else does until the members vote to open it
    #[command(
        after_help = "The content is encrypted here; what leaves this machine is sealed.\n\nExamples:\n  \
        causeway seal put receipt.pdf --by alice --party bob --subject 0x5d2e...\n  \
        pdftotext receipt.pdf - | causeway seal put - --by alice"
    )]
    Put {
        /// The file; `-` for the standard input
        file: PathBuf,
        /// Who registers it and is its first party: an account whose key the daemon has
        #[arg(long)]
        by: String,
        /// Another party: an account or address that has published its sealing key
        #[arg(long = "party", value_name = "ACCOUNT")]
        parties: Vec<String>,
        /// What it belongs to, such as the id of a deal: 32 bytes
        #[arg(long, default_value_t = B256::ZERO, hide_default_value = true)]
        subject: B256,
    },
    /// Contents, newest first: digest, parties, who may open them
    List {
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
    },
    /// One content and its openings: to whom, why, when, and whose shares are there
    Show {
        /// Its id
        content: B256,
    },
    /// Release a member's share of a content that was opened by vote
    Release {
        /// Its id
        content: B256,
        /// The member's account
        #[arg(long)]
        by: String,
        /// Number of the opening [default: the newest]
        #[arg(long)]
        grant: Option<u64>,
    },
    /// Open a content, as a party of it or with the shares that were released
    Open(Open),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Open {
    /// Its id
    pub(in crate::cli) content: B256,
    /// Keystore of the account that it is opened to
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) keystore: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) password: PasswordArgs,
    /// Where to write the content; nobody but this user may read it, and nothing is overwritten
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// The sealed file, where the daemon has not got it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}
