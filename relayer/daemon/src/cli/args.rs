//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use alloy_primitives::{Address, B256};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    config::raw::{Kind, LogFormat},
    keys::Role,
};

/// Moves assets between a public chain and a consortium chain that it hosts, by hash time locks.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  causeway demo --exit                         both chains, the contracts, a swap, a refund; then stop
  causeway up                                  the same pair, serving until Ctrl-C
  causeway transfer start --from public:alice --give 5 --counterparty bob --to consortium:alice --want 5
  causeway explain 1f0c...                     where a transfer is and who may act next
  causeway config example full                 every key of the configuration

Exit codes: 0 done, 1 it was tried and failed, 2 wrong arguments, 3 configuration, key or data directory refused,
4 the daemon does not answer, 5 the daemon refuses the request.";

/// Valid with every command.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// One JSON object per answer or step on stdout; logs stay on stderr
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Configuration file; without it the embedded local profile
    #[arg(long, global = true, value_name = "FILE", env = "CAUSEWAY_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Where everything that lasts is kept [default: from the configuration, ./causeway-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(super) log: Option<LogStyle>,
    /// Address of the API [default: of the daemon that uses the data directory]
    #[arg(long, global = true, value_name = "URL", env = "CAUSEWAY_API_URL")]
    pub(super) api: Option<String>,
    /// PEM of the client certificate for the API
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CAUSEWAY_CLIENT_CERTIFICATE",
        requires = "client_key"
    )]
    pub(super) client_certificate: Option<PathBuf>,
    /// PEM of its private key
    #[arg(long, global = true, value_name = "FILE", env = "CAUSEWAY_CLIENT_KEY")]
    pub(super) client_key: Option<PathBuf>,
    /// PEM of the CA of the API's certificate
    #[arg(long, global = true, value_name = "FILE", env = "CAUSEWAY_CLIENT_CA")]
    pub(super) client_ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogStyle {
    /// For people
    Pretty,
    /// For machines
    Json,
}

impl From<LogStyle> for LogFormat {
    fn from(style: LogStyle) -> Self {
        match style {
            LogStyle::Pretty => Self::Pretty,
            LogStyle::Json => Self::Json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Host the chains, drive transfers, serve the API until Ctrl-C
    Up,
    /// The same, and show one of each kind of transfer first
    Demo(Demo),
    /// Run one node of a chain as a process of its own: a validator, a reader until it becomes one, or a reader
    #[command(
        after_help = "Examples:\n  causeway node --config node.toml\n  causeway node --config node.toml --snapshot https://node.example:8545\n\nSee `causeway config example node`."
    )]
    Node {
        /// Begin with the snapshot of this node, where there is no data yet, and read from it: hosted.<name>.sources and
        /// start_from_snapshot
        #[arg(long, value_name = "URL")]
        snapshot: Option<String>,
    },
    /// Start, list, show, refund transfers
    #[command(subcommand)]
    Transfer(Transfer),
    /// Send, list, show, retry messages and calls across chains
    #[command(subcommand)]
    Message(Message),
    /// Prove facts about data that is not shown; check and submit such proofs
    #[command(subcommand)]
    Proof(super::proof::args::Command),
    /// Admit, show, rekey, disown devices
    #[command(subcommand)]
    Device(Device),
    /// Data for money: show, offer, buy; rewards for devices
    #[command(subcommand)]
    Market(Market),
    /// Readings that operators accepted, and proofs of them
    #[command(subcommand)]
    Reading(Reading),
    /// Whether every pegged token is backed, at final blocks of both chains; exit code 1 when not
    #[command(
        after_help = "Examples:\n  causeway supply\n  causeway supply points --limit 20\n  causeway supply --json"
    )]
    Supply {
        /// Statements of this peg, newest first, instead of the newest of each
        peg: Option<String>,
        /// At most so many of them
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500), requires = "peg")]
        limit: u32,
    },
    /// Feeds: what operators' quorums answered on every chain, alarms, silence
    #[command(subcommand)]
    Feed(Feed),
    /// Where a transfer or message is, who may act next, until when, what it costs, what happens if nobody acts
    Explain {
        /// Id of the transfer or message
        id: String,
    },
    /// Files that prove what crossed, and their offline check
    #[command(subcommand)]
    Evidence(Evidence),
    /// The event log of both chains and of the daemon: list, follow its head, verify all of it
    #[command(subcommand)]
    Log(Log),
    /// Alarms: list, show, acknowledge
    #[command(subcommand)]
    Alarm(Alarm),
    /// Lanes between the chains: list, pause, unpause
    #[command(subcommand)]
    Lane(Lane),
    /// Who validates the public chain: candidates, votes, elections
    #[command(subcommand)]
    Election(super::election::args::Election),
    /// Members of the consortium: who they are, what they propose, vote on and execute
    #[command(subcommand)]
    Member(super::member::args::Member),
    /// Content that stays sealed: parties seal it, members open it by vote
    #[command(subcommand)]
    Seal(super::seal::args::Seal),
    /// Chains of a running daemon, and genesis files
    #[command(subcommand)]
    Chain(Chain),
    /// Keys and certificates
    #[command(subcommand)]
    Key(Key),
    /// Check or print configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look for what is wrong: configuration, data directory, ports, clock, margins, balances
    Doctor,
    /// Measure what this machine carries, beside its limit and a peer
    #[command(subcommand)]
    Bench(Bench),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  causeway demo\n  causeway demo --exit --json --data-dir /tmp/pair"
)]
pub(super) struct Demo {
    /// Stop when done instead of serving until Ctrl-C
    #[arg(long)]
    pub(super) exit: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Transfer {
    /// Begin a swap, a way over the peg, or a settlement
    #[command(
        after_help = "Examples:\n  causeway transfer start --from public:alice --give 5 --counterparty bob \\\n    --to consortium:alice --want 5\n  \
        causeway transfer start --kind peg-in --from public:alice --give 5 --to consortium:alice --wait\n  \
        causeway transfer start --kind settlement --from public:alice --give 5 --counterparty bob --to consortium \\\n    \
        --terms order.json --salt-file order.salt\n\n\
        Amounts are in whole units of 18 decimals; add `wei` for smallest units (5wei).\n\
        Assets are points (the default), native, or a token's address."
    )]
    Start(Start),
    /// Transfers, newest first
    List(List),
    /// One transfer with its history
    Show {
        /// Id of the transfer
        id: String,
    },
    /// Ask for the money back: at once, or after the deadline where something is locked
    Refund {
        /// Id of the transfer
        id: String,
    },
    /// Confirm what a settlement came to, as one of its parties, having seen the private data
    #[command(
        after_help = "Example:\n  causeway transfer confirm 1f0c... --as bob --data receipt.json --salt-file receipt.salt --to-counterparty 3.5\n\n\
        The digest of the data is made here; neither the data nor the random value is sent anywhere. Whoever comes first makes\n\
        the file of the random value; the other party needs the same file."
    )]
    Confirm(Confirm),
}

#[derive(Debug, Args)]
pub(super) struct Confirm {
    /// Id of the transfer
    pub(super) id: String,
    /// Which party confirms; not needed where only one is ours
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// File with the private result, as both parties have it
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "outcome_digest",
        requires = "salt_file"
    )]
    pub(super) data: Option<PathBuf>,
    /// File of the random value that only the parties know; made where there is none
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(super) salt_file: Option<PathBuf>,
    /// Digest of the private result instead, as the business contract concluded it
    #[arg(long, value_name = "DIGEST", conflicts_with = "data")]
    pub(super) outcome_digest: Option<B256>,
    /// How much of the escrow the counterparty gets
    #[arg(long, value_name = "AMOUNT")]
    pub(super) to_counterparty: String,
}

#[derive(Debug, Args)]
pub(super) struct Start {
    /// What kind of transfer
    #[arg(long, value_enum, default_value_t = StartKind::Swap)]
    pub(super) kind: StartKind,
    /// Who gives, where
    #[arg(long, value_name = "CHAIN:ACCOUNT")]
    pub(super) from: String,
    /// How much is given
    #[arg(long, value_name = "AMOUNT")]
    pub(super) give: String,
    /// What is given [default: points; with a peg what it takes]
    #[arg(long, value_name = "ASSET")]
    pub(super) give_asset: Option<String>,
    /// The other party's account: a name or an address; a swap has one
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) counterparty: Option<String>,
    /// Who is paid, where
    #[arg(long, value_name = "CHAIN:ACCOUNT")]
    pub(super) to: String,
    /// How much is wanted, of a swap
    #[arg(long, value_name = "AMOUNT")]
    pub(super) want: Option<String>,
    /// What is wanted, of a swap [default: points]
    #[arg(long, value_name = "ASSET")]
    pub(super) want_asset: Option<String>,
    /// Of a peg: seconds until the destination pays no more [default: by what was measured]; of a settlement: until no result
    /// counts any more [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    pub(super) window: Option<u64>,
    /// Safety deposit, native, for whoever completes the lock
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub(super) deposit: String,
    #[command(flatten)]
    pub(super) settlement: OfSettlement,
    /// Wait until it has ended
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StartKind {
    /// With another party, by two locks
    Swap,
    /// An asset leaves its home chain
    PegIn,
    /// It comes back
    PegOut,
    /// An escrow waits for the proved result of a private business
    Settlement,
}

/// What only a settlement has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of a settlement")]
pub(super) struct OfSettlement {
    /// File with the private terms, as both parties have it
    #[arg(long, value_name = "FILE", requires = "salt_file")]
    pub(super) terms: Option<PathBuf>,
    /// File of the random value that only the parties know; made where there is none
    #[arg(long, value_name = "FILE", requires = "terms")]
    pub(super) salt_file: Option<PathBuf>,
    /// Digest of the private terms instead
    #[arg(long, value_name = "DIGEST", conflicts_with = "terms")]
    pub(super) terms_digest: Option<B256>,
    /// Contract of the consortium that must conclude the same outcome [default: the parties' word is enough]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) business: Option<Address>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) limit: u32,
    /// Skip so many
    #[arg(long, default_value_t = 0)]
    pub(super) offset: u32,
    /// swap, `peg_in` or `peg_out`
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// initiator, counterparty, watchtower, user or carrier
    #[arg(long)]
    pub(super) role: Option<String>,
    /// Only those in this stage
    #[arg(long)]
    pub(super) stage: Option<String>,
    /// Only those that touch this chain
    #[arg(long)]
    pub(super) chain: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Evidence {
    /// Write one file that proves a transfer's events, or a transaction and its events
    #[command(
        after_help = "Examples:\n  causeway evidence export --transfer 1f0c...\n  causeway evidence export --chain consortium --tx 0x5d2e... --out payment.evidence"
    )]
    Export(Export),
    /// Check a file link after link, without network; the first broken link is named
    #[command(
        after_help = "Without --chain the genesis blocks in the file are assumed, and printed: compare them with what you know.\n`causeway evidence chains` prints it for the chains of a daemon; ask one you trust, once.\n\nExit codes: 0 proved, 1 not proved."
    )]
    Verify {
        /// The file
        file: PathBuf,
        /// A chain you know; once for each
        #[arg(long, value_name = "ID:GENESIS:EPOCH_LENGTH:VALIDATOR_SET")]
        chain: Vec<String>,
    },
    /// What a verifier should know of the chains of a running daemon
    Chains,
}

#[derive(Debug, Subcommand)]
pub(super) enum Log {
    /// Entries, newest first
    #[command(
        after_help = "Examples:\n  causeway log list --kind Locked --chain public\n  causeway log list --transfer 1f0c..."
    )]
    List(LogList),
    /// Where the log stands: segments, the newest signed and the newest anchored head
    Head,
    /// Read all of it and check every entry, every link, the roots and the signature; the first that does not hold is named
    #[command(after_help = "Exit codes: 0 all of it holds, 1 something does not.")]
    Verify {
        /// Who must have signed the head [default: whoever did, which is printed]
        #[arg(long, value_name = "ADDRESS")]
        keeper: Option<Address>,
    },
    /// Forget the log of a daemon that is stopped: its next start reads the chains again
    Forget,
}

#[derive(Debug, Args)]
pub(super) struct LogList {
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) limit: u32,
    /// Below this number
    #[arg(long)]
    pub(super) before: Option<u64>,
    /// Of this chain, or `acts`
    #[arg(long)]
    pub(super) chain: Option<String>,
    /// With this name
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// About the locks of this transfer
    #[arg(long, value_name = "ID")]
    pub(super) transfer: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Alarm {
    /// Alarms, newest first
    List {
        /// Cleared ones as well
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// One alarm
    Show {
        /// Its number
        id: u64,
    },
    /// Say that you have seen it
    Ack {
        /// Its number
        id: u64,
        /// What is done about it
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Lane {
    /// All lanes, in both directions
    List,
    /// Stop a lane at once
    #[command(
        after_help = "Example:\n  causeway lane pause public 1 --why \"item 4 is withheld\"\n\nWho and when stand on the chain, why in the event log."
    )]
    Pause(LaneAct),
    /// Let a lane run again: the administrator's right
    Unpause(LaneAct),
}

#[derive(Debug, Args)]
pub(super) struct LaneAct {
    /// The chain, by name
    pub(super) chain: String,
    /// Number of the lane
    pub(super) lane: u32,
    /// The reason
    #[arg(long)]
    pub(super) why: String,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Id of the transfer
    #[arg(long, value_name = "ID", conflicts_with_all = ["chain", "tx", "log"], required_unless_present = "tx")]
    pub(super) transfer: Option<String>,
    /// Chain of the transaction
    #[arg(long, value_name = "NAME", requires = "tx")]
    pub(super) chain: Option<String>,
    /// Hash of the transaction
    #[arg(long, value_name = "HASH", requires = "chain")]
    pub(super) tx: Option<String>,
    /// One of its events alone, counted from 0
    #[arg(long, value_name = "N", requires = "tx")]
    pub(super) log: Option<u64>,
    /// Where to write it
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Message {
    /// Send a message to a contract of the other chain, or call it and get back what it returns
    #[command(
        after_help = "Example, a balance of the other chain:\n  causeway message send --from public:alice --to consortium:0x<token> --call --wait \\\n    \
        --data 0x70a08231000000000000000000000000<account>"
    )]
    Send(Send),
    /// Messages, newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Skip so many
        #[arg(long, default_value_t = 0)]
        offset: u32,
    },
    /// One message with what both chains said about it
    Show {
        /// Id of the message
        id: String,
    },
    /// Have a message that failed executed again, or a failed hook of its sender run again
    Retry {
        /// Id of the message
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Send {
    /// Who sends, where
    #[arg(long, value_name = "CHAIN:ACCOUNT")]
    pub(super) from: String,
    /// Who gets it, where
    #[arg(long, value_name = "CHAIN:ACCOUNT")]
    pub(super) to: String,
    /// What it says: 0x and hexadecimal digits; with --call the call data
    #[arg(long, value_name = "HEX", default_value = "0x")]
    pub(super) data: String,
    /// Call the recipient with the data and bring back what it returns
    #[arg(long)]
    pub(super) call: bool,
    /// Take the ordered lane
    #[arg(long)]
    pub(super) ordered: bool,
    /// The last second, by the destination's clock, in which it is executed
    #[arg(long, value_name = "SECONDS")]
    pub(super) deadline: Option<u64>,
    /// Gas of its execution
    #[arg(long, value_name = "GAS")]
    pub(super) gas: Option<u64>,
    /// Wait until it has ended
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Feed {
    /// Every feed with its answers
    List,
    /// One feed: its terms, its answers on all chains, the operators run here
    #[command(after_help = "Example:\n  causeway feed show cold-chain/temperature")]
    Show {
        /// Name or id of the feed
        feed: String,
    },
    /// What its aggregators said, newest first
    History {
        /// Name or id of the feed
        feed: String,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Below this place, as the page before names it
        #[arg(long)]
        before: Option<i64>,
    },
    /// Ask the operators for a round now
    #[command(
        after_help = "Example:\n  causeway feed request cold-chain/temperature --from public:alice"
    )]
    Request {
        /// Name or id of the feed
        feed: String,
        /// Where, and who pays
        #[arg(long, value_name = "CHAIN:ACCOUNT")]
        from: String,
    },
    /// Say that a feed is silent; anyone may, once for each silence
    MarkStale {
        /// Name or id of the feed
        feed: String,
        /// Where, and who pays
        #[arg(long, value_name = "CHAIN:ACCOUNT")]
        from: String,
    },
    /// Print what aggregators say from now on
    #[command(after_help = "Example:\n  causeway feed watch cold-chain/temperature --json")]
    Watch {
        /// Name or id of the feed
        feed: String,
        /// Stop after so many lines
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Chain {
    /// Height, contracts, endpoints and balances
    Status {
        /// Name or id; all chains without it
        chain: Option<String>,
    },
    /// Make a genesis file on stdout from the validators' entries, or show the hash of one
    #[command(
        after_help = "Examples:\n  causeway chain genesis --name public --chain-id 7001 --kind public \\\n    \
        --validator v0.json --validator v1.json --validator v2.json --validator v3.json \\\n    \
        --administrator 0x... --fund 0x...=1000 > genesis.json\n  causeway chain genesis --show genesis.json"
    )]
    Genesis(Genesis),
}

#[derive(Debug, Args)]
pub(super) struct Genesis {
    /// Show name, id and hash of this file instead
    #[arg(long, value_name = "FILE", exclusive = true)]
    pub(super) show: Option<PathBuf>,
    /// Name of the chain
    #[arg(long, required_unless_present = "show")]
    pub(super) name: Option<String>,
    /// EIP-155 chain id
    #[arg(long, required_unless_present = "show")]
    pub(super) chain_id: Option<u64>,
    /// public: EIP-1559 fees; consortium: no fee
    #[arg(long, value_enum, required_unless_present = "show")]
    pub(super) kind: Option<KindArg>,
    /// Entry that `causeway key new --validator` wrote; at least four
    #[arg(
        long = "validator",
        value_name = "FILE",
        required_unless_present = "show"
    )]
    pub(super) validators: Vec<PathBuf>,
    /// Who may change the validator set
    #[arg(long, required_unless_present = "show")]
    pub(super) administrator: Option<Address>,
    /// Native points at genesis, in whole units
    #[arg(long, value_name = "ADDRESS=AMOUNT")]
    pub(super) fund: Vec<String>,
    /// Longest time between blocks when nothing waits, milliseconds
    #[arg(long, default_value_t = 1000)]
    pub(super) heartbeat_ms: u64,
    /// Gas limit of a block
    #[arg(long, default_value_t = 300_000_000)]
    pub(super) gas_limit: u64,
    /// Blocks per epoch
    #[arg(long, default_value_t = 7200)]
    pub(super) epoch_blocks: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KindArg {
    /// EIP-1559 fees
    Public,
    /// No fee
    Consortium,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Public => Self::Public,
            KindArg::Consortium => Self::Consortium,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a certificate authority for development or a small consortium
    #[command(after_help = "Example:\n  causeway key ca --dir tls --name 'Example consortium'")]
    Ca {
        /// Where its files go
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Its common name
        #[arg(long, default_value = "causeway CA")]
        name: String,
    },
    /// Issue a certificate with a role
    #[command(
        after_help = "Examples:\n  causeway key issue --dir tls --name acme --role member\n  \
        causeway key issue --dir tls --name api --role server --host relay.example --host 10.0.0.7"
    )]
    Issue {
        /// Directory of the CA
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Common name, also of the files
        #[arg(long)]
        name: String,
        /// What its holder may do
        #[arg(long, value_enum)]
        role: Role,
        /// DNS name or address, for a server, and for an operator that takes messages of others
        #[arg(long = "host", required_if_eq("role", "server"))]
        hosts: Vec<String>,
    },
    /// Make a key in an encrypted Web3 v3 keystore
    #[command(
        after_help = "Examples:\n  causeway key new --out treasury.json --password-file treasury.password\n  \
        causeway key new --out v0.json --password-env PW --validator 10.0.0.7:9101 > v0.entry.json"
    )]
    New {
        /// The keystore
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        password: PasswordArgs,
        /// Print the entry of a validator that its peers reach here, for the genesis
        #[arg(long, value_name = "HOST:PORT")]
        validator: Option<SocketAddr>,
    },
    /// Show the address of a keystore without opening it, or check that a password opens it
    Show {
        /// The keystore
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

/// A password is read from a file or a variable, never from an argument: others see those.
#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// File with the password in its first line
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub(super) password_file: Option<PathBuf>,
    /// Name of an environment variable that holds the password
    #[arg(long, value_name = "NAME")]
    pub(super) password_env: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Make keys and a certificate of a device, in a directory that stays with it
    #[command(
        after_help = "Examples:\n  causeway device new --did did:odin:10.cold.7 --dir cold7\n  \
        causeway device new --did did:odin:10.cold.7 --dir cold7 --ca tls/devices --password-file cold7.password"
    )]
    New {
        /// Its DID
        #[arg(long, value_name = "DID")]
        did: String,
        /// Its directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Directory of the CA of devices [default: that of the local profile]
        #[arg(long, value_name = "DIR")]
        ca: Option<PathBuf>,
        /// File whose first line encrypts the hardware key
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Admit a device with its owner's deposit; the consortium chain learns it by a message
    #[command(
        after_help = "Example:\n  causeway device admit --did did:odin:10.cold.7 --dir cold7 --owner device-owner \\\n    \
        --feed cold-chain/temperature --wait\n\nThe hardware key signs where its directory is; the owner's keys are the daemon's, by account name."
    )]
    Admit(DeviceAdmit),
    /// Replace a device's keys; the old ones stop counting at once
    Rekey {
        /// Its DID
        did: String,
        /// Its directory; the old key files get the suffix .old
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// File whose first line encrypts the hardware key
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Take the key files that are there: make none, as after a rekeying that was interrupted
        #[arg(long)]
        present: bool,
    },
    /// Disown a device: its readings count no more
    Revoke {
        /// Its DID
        did: String,
        /// One of the owner's accounts, of either chain
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
    },
    /// Take a device out: its readings count no more, its deposit comes back after a delay
    Exit {
        /// Its DID
        did: String,
        /// The owner's account of the public chain
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
    },
    /// What a device has at stake, from when on it comes back, and what of its owner's waits to be withdrawn
    Stake {
        /// Its DID
        did: String,
    },
    /// Give a deposit back after its delay, and pay out what its owner has; of a slashed device, the reporter's share
    Withdraw {
        /// Its DID
        did: String,
        /// Who asks and pays for the transaction; the reporter, where a device was slashed
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
    },
    /// Bring what a device showed against itself to the registry; the reporter's share goes to the account
    #[command(
        after_help = "Examples:\n  causeway device slash did:odin:10.cold.7 --by operator1\n  \
        causeway device slash did:odin:10.cold.7 --by alice --reading north.json --reading east.json\n\n\
        Without --reading it is what an operator of this daemon kept. A file holds what `causeway reading show DID NUMBER --json` of\n\
        any operator's daemon says: two readings of one number that differ, or one and the next that does not name it."
    )]
    Slash {
        /// Its DID
        did: String,
        /// Who reports
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
        /// Files of the two readings
        #[arg(long, value_name = "FILE")]
        reading: Vec<PathBuf>,
    },
    /// One device as both chains show it
    Show {
        /// Its DID
        did: String,
    },
    /// Devices in the order of their DIDs
    List {
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Those after this DID
        #[arg(long, value_name = "DID")]
        after: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Market {
    /// An offer, and what an account bought of it
    Show {
        /// Who offers: an account of the daemon, or an address
        #[arg(long)]
        owner: String,
        /// Name of the feed
        #[arg(long)]
        feed: String,
        /// Whose purchases are shown
        #[arg(long)]
        account: Option<String>,
    },
    /// Offer a feed's data; it replaces the offer before, and what was bought stays bought
    #[command(
        after_help = "Examples:\n  causeway market offer --feed cold-chain/temperature --by device-owner --access paid --price-per-read 0.01\n  \
        causeway market offer --feed cold-chain/temperature --by device-owner --access free"
    )]
    Offer(MarketOffer),
    /// Buy reads, or a subscription, at the offer's price
    #[command(
        after_help = "Example:\n  causeway market buy --owner device-owner --feed cold-chain/temperature --by alice --reads 100"
    )]
    Buy {
        /// Who offers: an account of the daemon, or an address
        #[arg(long)]
        owner: String,
        /// Name of the feed
        #[arg(long)]
        feed: String,
        /// Who pays and reads
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
        /// So many reads
        #[arg(long, conflicts_with = "periods", required_unless_present = "periods", value_parser = clap::value_parser!(u32).range(1..))]
        reads: Option<u32>,
        /// So many periods of a subscription
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        periods: Option<u32>,
    },
    /// Give money to a listing's devices, beside the share of what is paid
    Fund {
        #[command(flatten)]
        listing: MarketListing,
        /// Who pays
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
        /// How much, in points or like 5wei
        #[arg(long)]
        amount: String,
    },
    /// Pay devices for their readings that were accepted, in periods of the archive that are over
    #[command(
        after_help = "Example:\n  causeway market reward --owner device-owner --feed cold-chain/temperature --by operator1 --per-reading 0.001\n\n\
        Counted is the archive of the operator with this account. Each period is paid for once; what the pool lacks is refused.\n\
        `causeway device stake DID` says what a device earned, `causeway market earnings ACCOUNT` what its owner can withdraw."
    )]
    Reward {
        #[command(flatten)]
        listing: MarketListing,
        /// The listing's keeper
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
        /// For each reading, in points or like 5wei
        #[arg(long)]
        per_reading: String,
        /// First period of the archive [default: the one after the last that was rewarded]
        #[arg(long)]
        from: Option<u64>,
        /// Last period [default: the newest that is over]
        #[arg(long)]
        through: Option<u64>,
    },
    /// What an account earned in the market and has not withdrawn
    Earnings {
        /// An account of the daemon, or an address
        account: String,
    },
    /// Pay out what an account earned in the market, to that account
    Withdraw {
        /// Who asks and pays for the transaction
        #[arg(long, value_name = "ACCOUNT")]
        by: String,
        /// Whose earnings [default: the same account]
        #[arg(long, value_name = "ACCOUNT")]
        payee: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct MarketListing {
    /// Who offers: an account of the daemon, or an address
    #[arg(long)]
    pub(super) owner: String,
    /// Name of the feed
    #[arg(long)]
    pub(super) feed: String,
}

#[derive(Debug, Args)]
pub(super) struct MarketOffer {
    /// Name of the feed
    #[arg(long)]
    pub(super) feed: String,
    /// The owner's account
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) by: String,
    /// Who may read
    #[arg(long)]
    pub(super) access: crate::api::MarketAccess,
    /// Price of one read, in points or like 5wei
    #[arg(long)]
    pub(super) price_per_read: Option<String>,
    /// Price of a subscription's period
    #[arg(long, requires = "period_seconds")]
    pub(super) price_per_period: Option<String>,
    /// Seconds of that period
    #[arg(long, requires = "price_per_period")]
    pub(super) period_seconds: Option<u32>,
    /// Parts of 10,000 of what is paid that go to the devices
    #[arg(long, requires = "keeper", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub(super) reward_share: Option<u16>,
    /// Who says which readings were useful, and rewards them: an account of the daemon, or an address
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) keeper: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Reading {
    /// Readings of a device, oldest first, and how far each operator is
    List {
        /// The device's DID
        did: String,
        /// From this number on
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        from: u64,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=256))]
        limit: u64,
    },
    /// One reading
    Show {
        /// The device's DID
        did: String,
        /// Its number
        sequence: u64,
    },
    /// Write a reading with its signature and the way to an anchored root
    Prove {
        /// The device's DID
        did: String,
        /// Its number
        sequence: u64,
        /// Where to
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write a device's readings of some time with the operators' signatures: what a `session` proof is made of
    #[command(
        after_help = "Example:\n  causeway reading session did:odin:10.cold.7 --since 1763733600000 --until 1763737200000 --out s.json\n\n\
        The file holds every reading: it is private. Operators elsewhere write one each by their own daemons."
    )]
    Session {
        /// The device's DID
        did: String,
        #[command(flatten)]
        when: super::proof::args::When,
        /// Where to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put such a session on record on a chain, with the signatures of all the files; no reading is sent
    #[command(
        after_help = "Example:\n  causeway reading record s.json from-another-operator.json --from public:alice"
    )]
    Record {
        /// Files about one session
        #[arg(required = true, value_name = "FILE", num_args = 1..=31)]
        files: Vec<PathBuf>,
        /// Who pays, where
        #[arg(long, value_name = "CHAIN:ACCOUNT")]
        from: String,
        /// The DeviceSessions [default: the one the daemon knows]
        #[arg(long, value_name = "ADDRESS")]
        sessions: Option<Address>,
    },
    /// Check such a file without asking anybody
    #[command(
        after_help = "Example:\n  causeway reading verify r7.json --root 0x5d2e... --hardware-x 0x91ab...\n\n\
        The root is what Evidence on the consortium chain, or EvidenceRoll on the public chain, has for the feed and period; the\n\
        key is what DeviceRegistry has for the device. Take both from chains you trust."
    )]
    Verify {
        /// The file
        file: PathBuf,
        /// The root that the chain has
        #[arg(long, value_name = "ROOT")]
        root: B256,
        /// The hardware key's x that the registry has
        #[arg(long, value_name = "X")]
        hardware_x: B256,
    },
}

#[derive(Debug, Args)]
pub(super) struct DeviceAdmit {
    /// Its DID
    #[arg(long, value_name = "DID")]
    pub(super) did: String,
    /// Its directory, as `device new` made it
    #[arg(long, value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// File whose first line opens the hardware key
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// The owner on the public chain, who pays: an account of the daemon
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) owner: String,
    /// The owner on the consortium chain [default: the same account]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) consortium_owner: Option<String>,
    /// Deposit, native
    #[arg(long, value_name = "AMOUNT", default_value = "10")]
    pub(super) deposit: String,
    /// Write device.toml for readings of this feed into its directory
    #[arg(long, value_name = "NAME")]
    pub(super) feed: Option<String>,
    /// Wait until the consortium chain knows it
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration of --config and say what it comes to
    Check {
        /// Check it for `causeway node`
        #[arg(long)]
        node: bool,
    },
    /// Print an example
    Example {
        /// Which
        #[arg(value_enum, default_value_t = ExampleName::Full)]
        which: ExampleName,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ExampleName {
    /// The embedded default
    Local,
    /// One validator of its own
    Node,
    /// A hosted consortium chain and an external chain
    External,
    /// Every key explained
    Full,
}

#[derive(Debug, Subcommand)]
pub(super) enum Bench {
    /// Transactions a second and time to finality of a hosted chain, beside the bare loop and anvil
    #[command(
        after_help = "Examples:\n  causeway bench chain\n  causeway bench chain --json --work erc20 --rows limit,anvil,seven,seven-paced --seconds 30"
    )]
    Chain(crate::bench::ChainBench),
    /// Start, idle cost and lone-transaction finality of the public and the consortium chain in one process
    #[command(after_help = "Example:\n  causeway bench pair --idle-seconds 60")]
    Pair(crate::bench::PairBench),
    /// A chain over several hosts: validators as processes with addresses of their own, with delay, a lost one, a cut line
    #[command(
        after_help = "Examples:\n  causeway bench network\n  causeway bench network --validators 7,13,21 --delay-ms 0 --pace 200 --load-only"
    )]
    Network(crate::bench::NetworkBench),
    /// What each statement costs to prove, beside the bare proof library and snarkjs on the same circuit
    #[command(
        after_help = "Examples:\n  causeway bench prove\n  causeway bench prove --statements session --threads 1,2 --rounds 5"
    )]
    Prove(crate::bench::ProveBench),
    /// One circuit in a process of its own, as `bench prove` starts it
    #[command(hide = true)]
    ProveRow(crate::bench::ProveRow),
    /// The event log: entries a second onto disk, and checking all of them
    #[command(after_help = "Example:\n  causeway bench log --entries 1000000")]
    Log(crate::bench::LogBench),
    /// Evidence files: how long each kind is, and how long its check takes beside the bare work of it
    #[command(after_help = "Example:\n  causeway bench evidence --epochs 50")]
    Evidence(crate::bench::EvidenceBench),
    /// Messages a second between the live chains and how long each takes, beside what the chains alone need
    #[command(
        after_help = "Examples:\n  causeway bench relay\n  causeway bench relay --json --single 200 --saturated 1000"
    )]
    Relay(crate::bench::RelayBench),
    /// How long a reading takes from the operators' archives to a final answer on both chains, beside a lone transaction
    #[command(after_help = "Example:\n  causeway bench feed --rounds 100")]
    Feed(crate::bench::FeedBench),
    /// Signed readings a second that become durable over HTTPS and MQTT, connections held, storage of a reading
    #[command(
        after_help = "Examples:\n  causeway bench ingest\n  causeway bench ingest --json --readings 200000 --hold 6000"
    )]
    Ingest(crate::bench::IngestBench),
    /// The operator's side in a process of its own, as `bench ingest` starts it
    #[command(hide = true)]
    IngestServe(crate::bench::IngestServe),
    /// One chain in a process of its own, as `bench chain` starts it
    #[command(hide = true)]
    Serve(crate::bench::ServeBench),
}
