//! The demonstration: one transfer of each kind on a fresh or an existing pair, and the books checked afterwards.
//!
//! | step | what |
//! |---|---|
//! | `start` | both chains run |
//! | `contracts` | `HashTimeLock` and points on both |
//! | `swap` | alice's public points for bob's consortium points |
//! | `watchtower` | carol and dave swap without a daemon; dave goes away and the watchtower completes for him |
//! | `refund` | the other party never locks; alice has her points back |
//! | `call` | alice calls a consortium contract from the public chain; its answer comes back, proved both ways |
//! | `peg_in`, `peg_out` | alice's public points become pegged points of the consortium, and come back |
//! | `proof` | a device's readings, of which none is shown, are proved to comply; both chains verify it |
//! | `conditional` | a delivery is paid because its cold chain never broke; one that broke is refunded |
//! | `device` | a cold-chain device is admitted with its owner's deposit, and heard by every operator |
//! | `feed` | what the device measures is the operators' answer on both chains |
//! | `alarm` | it measures what it should not: the alarm is raised on both chains, and cleared |
//! | `settlement` | bob delivers; alice's escrow pays him what private figures of the consortium come to |
//! | `election` | a holder votes for the public chain's last candidate, who then is the first |
//! | `evidence` | one file proves the swap; it is checked offline, and a copy with one bit changed is refused |
//! | `summary` | balances before and after, read from chain state, and what must hold between them |

mod books;
mod call;
mod cold_chain;
mod device;
mod election;
mod evidence;
mod feed;
mod follow;
mod outsiders;
mod peg;
mod settlement;

use std::time::Instant;

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, ChainId};
use causeway_core::swap::{Account, Outcome, Role, TransferId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    config::{Config, raw::Kind},
    contracts::DeployError,
    crossing::{CrossingError, peg::PegError, settlement::SettlementError},
    daemon::{Chains, Daemon, StartError},
    drive::{DriveError, SwapRequest},
    hosting::Hosting,
    local::{ALICE, BOB, CAROL, DAVE, WATCHTOWER},
    relay::RelayError,
};
use books::Books;
use follow::Followed;

/// Points swapped with bob, smallest units.
const SWAPPED: u128 = 25 * POINT;
/// Points that carol and dave swap.
const WATCHED: u128 = 7 * POINT;
/// Points locked in vain.
const REFUNDED: u128 = 3 * POINT;
/// Points that carol owes dave for a delivery.
const PAID: u128 = 4 * POINT;
/// Safety deposit of the lock that the watchtower completes, native wei.
const DEPOSIT: u128 = POINT / 1_000;
/// Points in the escrow of a settlement.
const SETTLED: u128 = 13 * POINT;
/// What of them its counterparty gets.
const SHARE: u128 = 10 * POINT;
const POINT: u128 = 10_u128.pow(18);

/// One finished step, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub step: &'static str,
    /// Whether it came out as it should.
    pub ok: bool,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// What it found.
    #[serde(flatten)]
    pub found: Value,
    #[serde(skip)]
    text: String,
}

impl Step {
    /// The same for people.
    pub fn text(&self) -> String {
        let mark = if self.ok { "ok" } else { "FAILED" };
        format!(
            "[{:5.1} s] {:<10} {mark:<6} {}",
            self.seconds, self.step, self.text
        )
    }
}

/// Why the demonstration could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DemoError {
    /// The driver.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// A transaction of carol, or a chain.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The relay.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The peg.
    #[error(transparent)]
    Peg(#[from] PegError),
    /// A settlement.
    #[error(transparent)]
    Settlement(#[from] SettlementError),
    /// Transfers that live on proofs.
    #[error(transparent)]
    Crossing(#[from] CrossingError),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] causeway_adapter_api::ChainError),
    /// A device's directory.
    #[error(transparent)]
    Kit(#[from] crate::oracle::KitError),
    /// The operators.
    #[error(transparent)]
    Oracle(#[from] crate::oracle::OracleError),
    /// A feed.
    #[error(transparent)]
    Feeds(#[from] crate::oracle::feeds::FeedsError),
    /// A device's configuration.
    #[error(transparent)]
    Device(#[from] causeway_adapter_device::resident::config::ConfigError),
    /// A device's buffer.
    #[error(transparent)]
    Buffer(#[from] causeway_adapter_device::resident::buffer::BufferError),
    /// The API of this very daemon.
    #[error(transparent)]
    Api(#[from] reqwest::Error),
    /// An evidence file.
    #[error(transparent)]
    Evidence(#[from] crate::evidence::EvidenceError),
    /// Proving.
    #[error(transparent)]
    Proof(#[from] causeway_circuits::Error),
    /// A thread that proves ended before its proof.
    #[error("the proving thread ended early: see the log")]
    Worker,
    /// A contract's answer that is not what its interface says.
    #[error("the answer to {0} cannot be read")]
    Answer(&'static str),
    /// Something did not come in time.
    #[error("{what} did not come within {seconds} s")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The pair is not the one the demonstration knows.
    #[error(
        "the demonstration needs one public and one consortium chain with points and the test accounts"
    )]
    Pair,
}

/// The pair and its people.
pub(crate) struct Stage<'a> {
    daemon: &'a Daemon,
    public: &'a Hosting,
    consortium: &'a Hosting,
    alice: Address,
    bob: Address,
    carol: Address,
    dave: Address,
}

/// Starts a daemon, makes the transfers, checks the books. Returns the daemon, still running, and whether all went well.
///
/// # Errors
/// [`StartError`] when the daemon does not start; whatever fails later is a step that is not ok.
pub async fn run(
    config: &Config,
    say: &dyn Fn(&Step),
    note: &dyn Fn(&str),
) -> Result<(Daemon, bool), StartError> {
    let began = Instant::now();
    let step = |name, ok, text: String, found| {
        say(&Step {
            step: name,
            ok,
            seconds: seconds(began),
            found,
            text,
        });
    };
    note("starting 7 + 4 validators; the first start makes keys and genesis");
    let chains = Chains::start(config).await?;
    let (text, found) = started(&chains);
    step("start", true, text, found);
    let sent = chains.deploy().await?;
    let (text, found) = deployed(&chains, sent);
    step("contracts", true, text, found);
    let daemon = Daemon::start(config, chains).await?;
    let ok = match transfers(&daemon, &step, note, began).await {
        Ok(ok) => ok,
        Err(error) => {
            let found = json!({ "error": error.to_string() });
            step("summary", false, error.to_string(), found);
            false
        }
    };
    Ok((daemon, ok))
}

type Say<'a> = &'a dyn Fn(&'static str, bool, String, Value);

async fn transfers(
    daemon: &Daemon,
    step: Say<'_>,
    note: &dyn Fn(&str),
    began: Instant,
) -> Result<bool, DemoError> {
    let stage = Stage::new(daemon).ok_or(DemoError::Pair)?;
    let before = Books::read(&stage).await?;
    let swap = stage.start(stage.bob, SWAPPED).await?;
    let refund = stage.start(stage.carol, REFUNDED).await?;
    note(
        "alice locks twice, for bob and for somebody who never answers; carol and dave swap with their wallets alone",
    );
    let follow = |id, name| Followed {
        daemon,
        id,
        name,
        note,
        began,
    };
    let (swap_end, (tower, tower_end), refund_end, call_ok, warm) = tokio::join!(
        async {
            let ended = follow(swap, "swap").both().await;
            let text = "alice has consortium points, bob has public points";
            report(step, "swap", &swap.to_string(), &ended, text);
            ended
        },
        async {
            let (id, by, ended) = watched(&stage).await;
            let text = format!("dave went away before he was paid; {by} completed for him");
            report(step, "watchtower", &id, &ended, &text);
            (id, ended)
        },
        async {
            let wanted = [Outcome::Refunded];
            let ended = follow(refund, "refund").one(Role::Initiator, &wanted).await;
            let text = "nobody answered; alice has her points back";
            report(step, "refund", &refund.to_string(), &ended, text);
            ended
        },
        async {
            match call::call(&stage, note, began).await {
                Ok(called) => {
                    step("call", called.ok, called.text, called.found);
                    called.ok
                }
                Err(error) => {
                    let found = json!({ "error": error.to_string() });
                    step("call", false, error.to_string(), found);
                    false
                }
            }
        },
        cold_chain::warm_up(&stage),
    );
    warm?;
    let crossing = async {
        note(
            "alice's points leave over the peg and come back; the watchtower's account carries the proofs",
        );
        let pegged = pegs(&stage, step, note, began).await;
        note(
            "bob delivers to alice; her escrow on the public chain waits for the consortium's result",
        );
        let settled = match settlement::settle(&stage, note, began).await {
            Ok(settled) => {
                step("settlement", settled.ok, settled.text, settled.found);
                settled.ok
            }
            Err(error) => {
                let found = json!({ "error": error.to_string() });
                step("settlement", false, error.to_string(), found);
                false
            }
        };
        pegged && settled
    };
    let delivered = deliveries(&stage, step, note, crossing).await;
    note("a cold-chain device is admitted; its readings go to every operator over mutual TLS");
    let heard = devices(&stage, step, note).await;
    let elected = match election::vote(&stage).await {
        Ok(voted) => {
            step("election", voted.ok, voted.text, voted.found);
            voted.ok
        }
        Err(error) => {
            let found = json!({ "error": error.to_string() });
            step("election", false, error.to_string(), found);
            false
        }
    };
    let proved = match evidence::prove(&stage, swap).await {
        Ok(proved) => {
            step("evidence", proved.ok, proved.text, proved.found);
            proved.ok
        }
        Err(error) => {
            let found = json!({ "error": error.to_string() });
            step("evidence", false, error.to_string(), found);
            false
        }
    };
    let ok = [&swap_end, &tower_end, &refund_end]
        .iter()
        .all(|end| matches!(end, Ok(true)))
        && call_ok
        && delivered
        && heard
        && elected
        && proved;
    let after = Books::read(&stage).await?;
    let verdict = after.compare(&before, &stage);
    let transfers = json!([
        { "id": swap.to_string(), "kind": "swap", "ok": matches!(swap_end, Ok(true)) },
        { "id": tower, "kind": "watchtower", "ok": matches!(tower_end, Ok(true)) },
        { "id": refund.to_string(), "kind": "refund", "ok": matches!(refund_end, Ok(true)) },
    ]);
    let ok = ok && verdict.wrong.is_empty();
    let found = json!({
        "transfers": transfers,
        "heights": { "public": after.public.height, "consortium": after.consortium.height },
        "balances": { "before": before, "after": after },
        "conserved": verdict.wrong.is_empty(),
        "wrong": verdict.wrong,
        "fees_wei": verdict.fees.to_string(),
        "seconds_total": seconds(began),
    });
    let text = if ok {
        format!(
            "8 transfers, a call and a proof; value is conserved on both chains; heights {} and {}",
            after.public.height, after.consortium.height
        )
    } else {
        format!("not as it should be: {}", verdict.wrong.join("; "))
    };
    step("summary", ok, text, found);
    Ok(ok)
}

/// A device, and what is made of its readings.
async fn devices(stage: &Stage<'_>, step: Say<'_>, note: &dyn Fn(&str)) -> bool {
    let heard = async {
        let (admitted, mut device) = device::step(stage).await?;
        let heard = admitted.ok;
        step("device", heard, admitted.text, admitted.found);
        let fed = fed(stage, &mut device, step, note).await;
        device.stop().await;
        Ok::<_, DemoError>(heard && fed)
    };
    heard.await.unwrap_or_else(|error| {
        let found = json!({ "error": error.to_string() });
        step("device", false, error.to_string(), found);
        false
    })
}

/// What the device measures reaches both chains, in the band and out of it.
async fn fed(
    stage: &Stage<'_>,
    device: &mut device::ColdDevice,
    step: Say<'_>,
    note: &dyn Fn(&str),
) -> bool {
    note("four operators answer by quorum what the device measures, on both chains");
    let failed = |name, error: DemoError| {
        let found = json!({ "error": error.to_string() });
        step(name, false, error.to_string(), found);
        false
    };
    let answered = match feed::feed(stage, device).await {
        Ok(fed) => {
            step("feed", fed.ok, fed.text, fed.found);
            fed.ok
        }
        Err(error) => failed("feed", error),
    };
    note("the device measures what a cold chain should not");
    let alarmed = match feed::alarm(stage, device).await {
        Ok(fed) => {
            step("alarm", fed.ok, fed.text, fed.found);
            fed.ok
        }
        Err(error) => failed("alarm", error),
    };
    answered && alarmed
}

/// One delivery that broke its cold chain, one that did not; `meanwhile` goes on until the broken one's time is over.
async fn deliveries(
    stage: &Stage<'_>,
    step: Say<'_>,
    note: &dyn Fn(&str),
    meanwhile: impl Future<Output = bool>,
) -> bool {
    let Some(cold) = cold_chain::ColdChain::new(stage) else {
        return meanwhile.await;
    };
    note("carol owes dave for two deliveries; what the devices measured stays with dave");
    let both = async {
        let (broken, refused) = cold.broken().await?;
        let (proof, paid) = cold.whole().await?;
        let verified = proof.ok;
        step("proof", verified, proof.text, proof.found);
        let others = meanwhile.await;
        let refunded = cold.refunded(&broken).await?;
        let held = paid && refused && refunded;
        let text = "the whole delivery is paid with its proof, the broken one refused and refunded";
        let found = json!({ "paid": paid, "refused": refused, "refunded": refunded });
        step("conditional", held, text.into(), found);
        Ok::<_, DemoError>(verified && held && others)
    };
    both.await.unwrap_or_else(|error| {
        let found = json!({ "error": error.to_string() });
        step("conditional", false, error.to_string(), found);
        false
    })
}

/// Points over the peg and back. What is minted is compared with what is held, so one way comes after the other.
async fn pegs(stage: &Stage<'_>, step: Say<'_>, note: &dyn Fn(&str), began: Instant) -> bool {
    let Some(pegging) = peg::Pegging::new(stage, note, began) else {
        return true;
    };
    for name in ["peg_in", "peg_out"] {
        let crossed = match name {
            "peg_in" => pegging.peg_in().await,
            _ => pegging.peg_out().await,
        };
        match crossed {
            Ok(crossed) => {
                step(name, crossed.ok, crossed.text, crossed.found);
                if !crossed.ok {
                    return false;
                }
            }
            Err(error) => {
                let found = json!({ "error": error.to_string() });
                step(name, false, error.to_string(), found);
                return false;
            }
        }
    }
    true
}

/// Id of the transfer, who completed it, and whether that was the watchtower.
async fn watched(stage: &Stage<'_>) -> (String, String, Result<bool, DemoError>) {
    let (id, lock) = match outsiders::swap(stage).await {
        Ok(made) => made,
        Err(error) => return ("none".into(), "nobody".into(), Err(error)),
    };
    match outsiders::completed_by(stage, lock).await {
        Ok(by) => (id.to_string(), by.clone(), Ok(by == WATCHTOWER)),
        Err(error) => (id.to_string(), "nobody".into(), Err(error)),
    }
}

fn report(
    step: Say<'_>,
    name: &'static str,
    id: &str,
    ended: &Result<bool, DemoError>,
    text: &str,
) {
    let (ok, text) = match ended {
        Ok(true) => (true, format!("{text} ({id})")),
        Ok(false) => (false, format!("ended otherwise: causeway explain {id}")),
        Err(error) => (false, error.to_string()),
    };
    let found = json!({ "transfer": id, "detail": text });
    step(name, ok, text, found);
}

fn started(chains: &Chains) -> (String, Value) {
    let mut found = Vec::new();
    let mut text = Vec::new();
    for hosting in &chains.hosted {
        let (spec, height) = (
            hosting.node.spec(),
            hosting.node.ledger.tip().block().number(),
        );
        let rpc = hosting.rpc.map(|addr| format!("http://{addr}"));
        let tls = hosting.rpc_tls.map(|addr| format!("https://{addr}"));
        text.push(format!(
            "{} ({} validators, height {height})",
            hosting.name,
            spec.validators.len()
        ));
        found.push(json!({
            "name": hosting.name, "chain_id": spec.chain_id, "validators": spec.validators.len(),
            "height": height, "rpc": rpc, "rpc_tls": tls
        }));
    }
    (text.join(", "), json!({ "chains": found }))
}

fn deployed(chains: &Chains, sent: usize) -> (String, Value) {
    let mut found = Vec::new();
    for hosting in &chains.hosted {
        if let Some(contracts) = crate::daemon::contracts_of(hosting) {
            found.push(json!({
                "chain": hosting.name, "hash_time_lock": contracts.hash_time_lock, "points_token": contracts.points_token
            }));
        }
    }
    let text = match sent {
        0 => "were deployed before".into(),
        sent => format!("deployed, points minted ({sent} transactions)"),
    };
    (text, json!({ "contracts": found, "transactions": sent }))
}

impl<'a> Stage<'a> {
    fn new(daemon: &'a Daemon) -> Option<Self> {
        let chains = &daemon.chains;
        let of = |kind| {
            chains
                .hosted
                .iter()
                .find(|h| h.kind == kind && h.points_token.is_some())
        };
        let account = |name| chains.accounts.get(name).copied();
        Some(Self {
            daemon,
            public: of(Kind::Public)?,
            consortium: of(Kind::Consortium)?,
            alice: account(ALICE)?,
            bob: account(BOB)?,
            carol: account(CAROL)?,
            dave: account(DAVE)?,
        })
    }

    /// Alice offers public points for as many consortium points.
    async fn start(&self, counterparty: Address, amount: u128) -> Result<TransferId, DemoError> {
        let request = SwapRequest {
            from: Account {
                chain: id(self.public),
                address: self.alice,
            },
            give_asset: points(self.public),
            give_amount: U256::from(amount),
            deposit: U256::ZERO,
            counterparty,
            to: Account {
                chain: id(self.consortium),
                address: self.alice,
            },
            want_asset: points(self.consortium),
            want_amount: U256::from(amount),
        };
        // A chain tells its time with its first block.
        for _ in 0..100 {
            match self.daemon.driver.start_swap(request.clone()).await {
                Err(DriveError::ChainSilent(_)) => tokio::time::sleep(follow::LOOK).await,
                done => return Ok(done?),
            }
        }
        Err(DemoError::Late {
            what: "the first block".into(),
            seconds: 10,
        })
    }
}

fn id(hosting: &Hosting) -> ChainId {
    ChainId(hosting.node.spec().chain_id)
}

fn points(hosting: &Hosting) -> Asset {
    hosting.points_token.map_or(Asset::Native, Asset::Token)
}

fn seconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0
}
