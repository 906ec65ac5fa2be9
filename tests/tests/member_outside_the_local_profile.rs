//! A member with a profile of its own, keys of its own and an API behind certificates drives a peg both ways and a settlement
//! over contracts that its configuration names. It hosts nothing: both chains are another process's, seen by JSON-RPC.
#![allow(missing_docs)]

use std::{fs, path::Path};

use alloy_sol_types::SolEvent as _;
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::SettlementEscrow;
use causeway_stories::{
    Causeway, Daemon,
    books::{Books, ended},
    eventually,
    pegs::{begin, held_and_minted},
    settling::{Pair, Private},
    wallet,
};
use serde_json::{Value, json};

const AMOUNT: u64 = 9_000;
/// Ten native points.
const GIFT: &str = "10000000000000000000";
const ACCOUNTS: [&str; 2] = ["treasury", "partner"];

/// A daemon outside the local profile, and what its operator made for it.
struct Member {
    causeway: Causeway,
    /// Addresses of `ACCOUNTS`.
    addresses: Vec<String>,
}

impl Member {
    fn new(pair: &Pair, books: &Books) -> Result<Self> {
        let mut causeway = Causeway::new()?;
        let dir = causeway.dir().to_owned();
        let text = |path: &Path| {
            path.to_str()
                .map(str::to_owned)
                .context("a path that is text")
        };
        let tls = text(&dir.join("tls"))?;
        fs::create_dir(&tls)?;
        causeway.ask(&["key", "ca", "--dir", &tls])?;
        #[rustfmt::skip]
        let issued = [
            &["key", "issue", "--dir", &tls, "--name", "api", "--role", "server", "--host", "127.0.0.1"][..],
            &["key", "issue", "--dir", &tls, "--name", "me", "--role", "member"],
        ];
        for certificate in issued {
            causeway.ask(certificate)?;
        }
        fs::write(dir.join("password"), "a password of a story\n")?;
        let password = text(&dir.join("password"))?;
        let mut addresses = Vec::new();
        for account in ACCOUNTS {
            let out = text(&dir.join(format!("{account}.json")))?;
            let made = ["key", "new", "--out", &out, "--password-file", &password];
            let made = causeway.ask(&made)?;
            addresses.push(made["address"].as_str().context("an address")?.to_owned());
        }
        let file = dir.join("member.toml");
        fs::write(&file, Self::config(pair, books)?)?;
        causeway.set("CAUSEWAY_CONFIG", file);
        causeway.outside_local();
        causeway.set("CAUSEWAY_CLIENT_CERTIFICATE", dir.join("tls/me.pem"));
        causeway.set("CAUSEWAY_CLIENT_KEY", dir.join("tls/me.key"));
        causeway.set("CAUSEWAY_CLIENT_CA", dir.join("tls/ca.pem"));
        Ok(Self {
            causeway,
            addresses,
        })
    }

    fn config(pair: &Pair, books: &Books) -> Result<String> {
        let mut text = "profile = \"member\"\n[api]\nlisten = \"127.0.0.1:0\"\n\
            tls.client_ca_file = \"tls/ca.pem\"\ntls.certificate_file = \"tls/api.pem\"\n\
            tls.key_file = \"tls/api.key\"\n[transfers]\noutage_budget_seconds = 20\nclock_skew_seconds = 1\n"
            .to_owned();
        for account in ACCOUNTS {
            text += &format!(
                "[accounts.{account}]\nkeystore_file = \"{account}.json\"\npassword_file = \"password\"\n\
                 watchtower = {}\n",
                account == "treasury"
            );
        }
        for chain in ["public", "consortium"] {
            let field = |field| pair.field(chain, field);
            text += &format!(
                "[evm.{chain}]\nchain_id = {}\nurls = [\"{}\"]\nhash_time_lock = \"{}\"\npoints_token = \"{}\"\n\
                 gateway = \"{}\"\nfinality = \"finalized\"\npoll_ms = 100\nrequest_timeout_ms = 5000\n\
                 assumed_inclusion_ms = 2000\nassumed_finality_ms = 2000\nfees.default_tip_wei = 0\n",
                pair.id(chain)?,
                field("rpc")?,
                field("hash_time_lock")?,
                field("points_token")?,
                field("gateway")?,
            );
        }
        text += "[pegs.theirs]\ncarrier = \"treasury\"\n";
        for (end, chain) in [("home", "public"), ("side", "consortium")] {
            let peg = &books.side(chain)?["peg"];
            text += &format!(
                "[pegs.theirs.{end}]\nchain = \"{chain}\"\nport = {}\nasset = {}\nlight_client = {}\n",
                peg["port"], peg["asset"], peg["client"]
            );
        }
        text += &format!(
            "[settlements.theirs]\ncarrier = \"treasury\"\n\
             [settlements.theirs.public]\nchain = \"public\"\nescrow = \"{}\"\nlight_client = {}\n\
             [settlements.theirs.consortium]\nchain = \"consortium\"\nsettlement = \"{}\"\n",
            pair.field("public", "settlement")?,
            books.side("public")?["peg"]["client"],
            pair.field("consortium", "settlement")?,
        );
        Ok(text)
    }

    /// Begins a transfer and waits for its end as `role`.
    fn does(&self, arguments: &[&str], role: &str, daemon: &Daemon) -> Result<Value> {
        let id = begin(&self.causeway, arguments).with_context(|| daemon.tail())?;
        ended(&self.causeway, &id, role).with_context(|| daemon.tail())
    }

    /// Points that an account of the member has on the public chain.
    fn points(&self, account: &str) -> Result<i128> {
        Books::now(&self.causeway)?.points("public", account)
    }
}

#[test]
fn a_member_drives_a_peg_and_a_settlement_over_contracts_it_names() -> Result<()> {
    let host = Causeway::new()?;
    // The host serves the chains and carries nothing.
    let hosting = host.up(&[("CAUSEWAY_TRANSFERS__CARRY", "false")])?;
    let (pair, books) = (Pair::of(&host)?, Books::open(&host)?);
    let member = Member::new(&pair, &books)?;
    for address in &member.addresses {
        let mut gift = pair.wallet(&host, "carol", "public")?;
        (gift["to"], gift["amount"]) = (address.as_str().into(), GIFT.into());
        wallet("fund.mjs", &gift)?;
    }
    let mut points = pair.wallet(&host, "carol", "public")?;
    (points["contract"], points["method"]) = ("PointsToken".into(), "transfer".into());
    points["address"] = pair.field("public", "points_token")?.into();
    points["args"] = json!([member.addresses[0], (3 * AMOUNT).to_string()]);
    let given = wallet("act.mjs", &points)?;
    ensure!(given["ok"] == true, "{given}");
    let daemon = member.causeway.up(&[])?;
    let amount = format!("{AMOUNT}wei");

    // Away from home, and back.
    #[rustfmt::skip]
    let peg_in = [
        "--kind", "peg-in", "--from", "public:treasury", "--give", &amount, "--to", "consortium:treasury",
    ];
    let part = member.does(&peg_in, "user", &daemon)?;
    ensure!(part["outcome"] == "completed", "{part}: {}", hosting.tail());
    let whole = u128::from(AMOUNT);
    ensure!(
        held_and_minted(&books)? == (whole, whole),
        "after the way in"
    );
    ensure!(
        member.points("treasury")? == i128::from(2 * AMOUNT),
        "treasury's points"
    );
    #[rustfmt::skip]
    let peg_out = [
        "--kind", "peg-out", "--from", "consortium:treasury", "--give", &amount, "--to", "public:partner",
    ];
    let part = member.does(&peg_out, "user", &daemon)?;
    ensure!(part["outcome"] == "completed", "{part}: {}", hosting.tail());
    ensure!(held_and_minted(&books)? == (0, 0), "after the way back");
    ensure!(
        member.points("partner")? == i128::from(AMOUNT),
        "partner's points"
    );
    let place = part["explanation"]["text"].as_str().unwrap_or_default();
    ensure!(!place.contains("chain 700"), "chains by number: {place}");

    // A settlement that both words decide.
    let private = Private::new()?;
    let (order, salt) = (private.path("order"), private.path("order.salt"));
    #[rustfmt::skip]
    let settlement = [
        "--kind", "settlement", "--from", "public:treasury", "--give", &amount, "--counterparty", "partner",
        "--to", "consortium", "--terms", &order, "--salt-file", &salt, "--window", "3600",
    ];
    let id = begin(&member.causeway, &settlement).with_context(|| daemon.tail())?;
    let (receipt, salt) = (private.path("receipt"), private.path("receipt.salt"));
    for party in ACCOUNTS {
        // Their parts begin with the final escrow.
        eventually(&format!("{party} may confirm"), || {
            #[rustfmt::skip]
            let word = [
                "transfer", "confirm", &id, "--as", party, "--data", &receipt, "--salt-file", &salt,
                "--to-counterparty", &amount,
            ];
            match member.causeway.ask(&word) {
                Ok(_) => Ok(Some(())),
                Err(error) if error.to_string().contains("(409)") => Ok(None),
                Err(error) => Err(error),
            }
        })
        .with_context(|| daemon.tail())?;
    }
    for role in ["initiator", "counterparty"] {
        let part = ended(&member.causeway, &id, role).with_context(|| daemon.tail())?;
        ensure!(part["outcome"] == "released", "{part}");
    }
    ensure!(
        pair.said(SettlementEscrow::DealReleased::SIGNATURE_HASH)?
            .is_some(),
        "the escrow says so"
    );
    ensure!(
        member.points("partner")? == i128::from(2 * AMOUNT),
        "partner is paid"
    );

    // What it is told of its peg is true.
    let supply = member.causeway.ask(&["supply"])?;
    let stated = &supply["statements"][0];
    ensure!(
        stated["peg"] == "theirs" && stated["holds"] == true,
        "{supply}"
    );
    Ok(())
}
