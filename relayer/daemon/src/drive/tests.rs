//! Stories of the driver on two chains in memory. Blocks are made as fast as the tasks can follow, so a second of the
//! chains lasts some milliseconds; the "local" clock is the later of the two chains.

use std::{path::PathBuf, time::Duration};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{
    Action, Asset, Bump, ChainReader, ChainWriter, EventKind, Height, HeightRange, Lock, LockState,
    Order, Preimage, Terms, Wanted,
    mock::{Fault, MockChain, Op, Setup},
};
use causeway_core::{
    margin::{ChainTiming, Windows},
    offer::{Offer, Rate},
    retry::Policy,
    swap::{Account, Outcome, Role},
};

use super::*;
use crate::store::{Edge, FaultPoint, Faults, OnFault, PersistPoint, StoreKey};

const A: ChainId = ChainId(101);
const B: ChainId = ChainId(202);
const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);
const WATCH: Address = Address::repeat_byte(0xee);
const TOKEN: Asset = Asset::Token(Address::repeat_byte(0x70));
const DEPOSIT: U256 = U256::from_limbs([1_000, 0, 0, 0]);
const FUNDS: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);

/// Two chains, and a directory for the databases.
struct Town {
    a: MockChain,
    b: MockChain,
    dir: tempfile::TempDir,
    /// Seconds of the chains that a kill and a restart may last.
    outage: u64,
}

impl Town {
    fn new() -> Self {
        let chain = |id, name: &str| {
            let setup = Setup {
                id,
                name: name.into(),
                finality: 1,
                gas_price: 0,
                ..Setup::default()
            };
            let chain = MockChain::new(setup);
            for owner in [ALICE, BOB, WATCH] {
                chain.fund(Asset::Native, owner, FUNDS);
                chain.fund(TOKEN, owner, FUNDS);
            }
            chain
        };
        let dir = tempfile::tempdir().expect("temporary directory");
        Self {
            a: chain(A, "a"),
            b: chain(B, "b"),
            dir,
            outage: 600,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> DriveConfig {
        let (a, b) = (self.a.clone(), self.b.clone());
        let offer = |take_chain, give_chain, asset| Offer {
            take_chain,
            take_asset: asset,
            take_account: BOB,
            give_chain,
            give_asset: asset,
            give_account: BOB,
            rate: Rate { num: 1, den: 1 },
            min_give: U256::ONE,
            max_give: U256::from(10_000),
            deposit: DEPOSIT,
        };
        let offers = [Asset::Native, TOKEN].map(|asset| offer(A, B, asset));
        DriveConfig {
            offers: offers.into(),
            outage_budget: self.outage,
            clock_skew: 5,
            windows: Windows {
                private_refund: 60,
                slack: 0,
            },
            assumed: ChainTiming {
                inclusion_ms: 60_000,
                finality_ms: 60_000,
            },
            poll: Duration::from_millis(5),
            rescan_pause: Duration::from_millis(5),
            retry: Policy {
                cap: Duration::from_millis(10),
                ..Policy::default()
            },
            wall: WallClock::new(move || a.now().max(b.now()).0 * 1000),
            ..DriveConfig::default()
        }
    }

    fn links(&self, accounts: &[Address]) -> Vec<Arc<dyn Chain>> {
        let (a, b) = (
            self.a.with_accounts(accounts.into()),
            self.b.with_accounts(accounts.into()),
        );
        vec![Arc::new(a), Arc::new(b)]
    }

    /// A daemon with these keys and its own database.
    async fn daemon(&self, name: &str, accounts: &[Address]) -> DriverHandle {
        self.start(name, self.links(accounts), self.config(), Faults::none())
            .await
    }

    async fn start(
        &self,
        name: &str,
        links: Vec<Arc<dyn Chain>>,
        config: DriveConfig,
        faults: Faults,
    ) -> DriverHandle {
        let store = Store::open(&self.file(name), StoreKey::new([5; 32]))
            .await
            .expect("opens");
        let store = Arc::new(store.with_faults(faults));
        let handle = Driver::start(config, store, links).await.expect("starts");
        self.until(async || handle.shared.clocks.know([A, B]) || !handle.is_running())
            .await;
        handle
    }

    async fn watchtower(&self) -> DriverHandle {
        let accounts = [A, B]
            .map(|chain| Account {
                chain,
                address: WATCH,
            })
            .into();
        let watchtower = Some(WatchtowerConfig {
            accounts,
            min_deposit: U256::ONE,
        });
        let config = DriveConfig {
            watchtower,
            offers: vec![],
            ..self.config()
        };
        self.start("watch", self.links(&[WATCH]), config, Faults::none())
            .await
    }

    /// Makes blocks until `done`, at most as many as any story needs.
    async fn until(&self, done: impl AsyncFn() -> bool) {
        for _ in 0..6_000 {
            if done().await {
                return;
            }
            self.a.seal();
            self.b.seal();
            // Not a wait for something to happen: it only lets the tasks keep pace with the chains.
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        panic!("the story did not come to its end");
    }

    async fn until_ended(
        &self,
        daemon: &DriverHandle,
        id: TransferId,
        role: Role,
        outcome: &Outcome,
    ) {
        self.until(async || self.outcome(daemon, id, role).await.is_some())
            .await;
        assert_eq!(
            self.outcome(daemon, id, role).await.as_ref(),
            Some(outcome),
            "{role}"
        );
    }

    async fn outcome(&self, daemon: &DriverHandle, id: TransferId, role: Role) -> Option<Outcome> {
        let records = daemon.shared.store.records_of(id).await.expect("read");
        records
            .iter()
            .find(|r| r.key.role == role)
            .and_then(|r| r.state.outcome().cloned())
    }

    async fn stage(
        &self,
        daemon: &DriverHandle,
        id: TransferId,
        role: Role,
    ) -> Option<causeway_core::swap::Stage> {
        let records = daemon.shared.store.records_of(id).await.expect("read");
        records
            .iter()
            .find(|r| r.key.role == role)
            .map(|r| r.state.stage())
    }

    async fn balances(&self, asset: Asset, owner: Address) -> [U256; 2] {
        let a = self.a.balance(asset, owner).await.expect("read");
        [a, self.b.balance(asset, owner).await.expect("read")]
    }

    /// Every lock ever made on a chain, and whether it is closed.
    async fn locks(&self, chain: &MockChain) -> Vec<(Lock, LockState)> {
        let mut locks = Vec::new();
        let mut from = Height(0);
        let tip = chain.finalized().await.expect("read").height;
        while from <= tip {
            let to = Height((from.0 + 999).min(tip.0));
            for event in chain.events(HeightRange { from, to }).await.expect("read") {
                if let EventKind::Locked { lock, .. } = event.kind {
                    locks.push((lock, chain.lock_state(event.lock_id).await.expect("read")));
                }
            }
            from = to.next();
        }
        locks
    }

    /// V1, V2: every lock is closed and no more than one was made on each chain; nothing is left in the contracts.
    async fn assert_settled(&self, made: [usize; 2]) {
        for (chain, made) in [&self.a, &self.b].into_iter().zip(made) {
            let locks = self.locks(chain).await;
            assert_eq!(locks.len(), made, "locks on chain {}", chain.info().name);
            assert!(
                locks
                    .iter()
                    .all(|(_, state)| !matches!(state, LockState::Open { .. }))
            );
            for asset in [Asset::Native, TOKEN] {
                let left = chain
                    .balance(asset, chain.info().hash_time_lock)
                    .await
                    .expect("read");
                assert_eq!(left, U256::ZERO);
            }
        }
    }
}

fn request(asset: Asset) -> SwapRequest {
    SwapRequest {
        from: Account {
            chain: A,
            address: ALICE,
        },
        give_asset: asset,
        give_amount: U256::from(5_000),
        deposit: DEPOSIT,
        counterparty: BOB,
        to: Account {
            chain: B,
            address: ALICE,
        },
        want_asset: asset,
        want_amount: U256::from(4_000),
    }
}

#[tokio::test]
async fn two_daemons_swap_native_points() {
    let town = Town::new();
    let (alice, bob) = (
        town.daemon("alice", &[ALICE]).await,
        town.daemon("bob", &[BOB]).await,
    );

    let id = alice
        .start_swap(request(Asset::Native))
        .await
        .expect("begins");
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Completed)
        .await;
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    let [on_a, on_b] = town.balances(Asset::Native, ALICE).await;
    // Who completes a lock has its deposit: Bob that of the lock on A, Alice that of the lock on B.
    assert_eq!(on_a, FUNDS - U256::from(5_000) - DEPOSIT);
    assert_eq!(on_b, FUNDS + U256::from(4_000) + DEPOSIT);
    alice.shutdown().await;
    bob.shutdown().await;
}

#[tokio::test]
async fn one_daemon_with_both_keys_swaps_tokens_as_two_records() {
    let town = Town::new();
    let both = town.daemon("both", &[ALICE, BOB]).await;
    let mut news = both.subscribe();

    let id = both.start_swap(request(TOKEN)).await.expect("begins");
    town.until_ended(&both, id, Role::Initiator, &Outcome::Completed)
        .await;
    town.until_ended(&both, id, Role::Counterparty, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    assert_eq!(
        town.balances(TOKEN, ALICE).await,
        [FUNDS - U256::from(5_000), FUNDS + U256::from(4_000)]
    );
    let views = both.show(id).await.expect("there");
    assert_eq!(views.len(), 2);
    assert!(views[0].explanation.to_string().contains("completed"));
    assert!(views[0].history.len() >= 4);
    assert_eq!(news.try_recv().expect("told").seq, 0);
    serde_json::to_value(&views).expect("a view is JSON");
    both.shutdown().await;
}

#[tokio::test]
async fn many_swaps_at_once_share_one_account() {
    let town = Town::new();
    let both = town.daemon("both", &[ALICE, BOB]).await;

    let mut ids = Vec::new();
    for asset in [TOKEN, Asset::Native, TOKEN, TOKEN, Asset::Native, TOKEN] {
        ids.push(both.start_swap(request(asset)).await.expect("begins"));
    }

    for id in ids {
        town.until_ended(&both, id, Role::Initiator, &Outcome::Completed)
            .await;
        town.until_ended(&both, id, Role::Counterparty, &Outcome::Completed)
            .await;
    }
    town.assert_settled([6, 6]).await;
    both.shutdown().await;
}

#[tokio::test]
async fn alice_is_refunded_when_nobody_answers() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;

    let id = alice.start_swap(request(TOKEN)).await.expect("begins");
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Refunded)
        .await;

    town.assert_settled([1, 0]).await;
    assert_eq!(town.balances(TOKEN, ALICE).await, [FUNDS, FUNDS]);
    alice.shutdown().await;
}

#[tokio::test]
async fn alice_completes_for_bob_who_sleeps_and_bob_learns_of_it() {
    let town = Town::new();
    let (alice, bob) = (
        town.daemon("alice", &[ALICE]).await,
        town.daemon("bob", &[BOB]).await,
    );
    let id = alice
        .start_swap(request(Asset::Native))
        .await
        .expect("begins");
    town.until(async || !town.locks(&town.b).await.is_empty())
        .await;

    bob.shutdown().await;
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Completed)
        .await;
    let bob = town.daemon("bob", &[BOB]).await;
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    alice.shutdown().await;
    bob.shutdown().await;
}

#[tokio::test]
async fn a_watchtower_completes_for_bob_while_everyone_else_sleeps() {
    let town = Town::new();
    let watch = town.watchtower().await;
    let (alice, bob) = (
        town.daemon("alice", &[ALICE]).await,
        town.daemon("bob", &[BOB]).await,
    );
    let id = alice
        .start_swap(request(Asset::Native))
        .await
        .expect("begins");
    town.until(async || !town.locks(&town.b).await.is_empty())
        .await;
    bob.shutdown().await;
    let revealed = async || {
        town.locks(&town.b)
            .await
            .iter()
            .all(|(_, s)| !matches!(s, LockState::Open { .. }))
    };
    town.until(revealed).await;
    alice.shutdown().await;

    town.until_ended(&watch, id, Role::Watchtower, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    assert_eq!(
        town.balances(Asset::Native, WATCH).await,
        [FUNDS + DEPOSIT, FUNDS]
    );
    assert_eq!(
        town.balances(Asset::Native, BOB).await[0],
        FUNDS + U256::from(5_000)
    );
    watch.shutdown().await;
}

#[tokio::test]
async fn a_watchtower_refunds_for_alice_who_sleeps() {
    let town = Town::new();
    let watch = town.watchtower().await;
    let alice = town.daemon("alice", &[ALICE]).await;
    let id = alice.start_swap(request(TOKEN)).await.expect("begins");
    town.until(async || !town.locks(&town.a).await.is_empty())
        .await;
    alice.shutdown().await;

    town.until_ended(&watch, id, Role::Watchtower, &Outcome::Refunded)
        .await;

    town.assert_settled([1, 0]).await;
    assert_eq!(town.balances(TOKEN, ALICE).await, [FUNDS, FUNDS]);
    watch.shutdown().await;
}

#[tokio::test]
async fn an_operator_takes_a_transfer_back() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;
    let id = alice.start_swap(request(TOKEN)).await.expect("begins");
    town.until(async || !town.locks(&town.a).await.is_empty())
        .await;

    alice.refund(id).await.expect("nothing was revealed");
    let bob = town.daemon("bob", &[BOB]).await;
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Refunded)
        .await;
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Refunded)
        .await;

    town.assert_settled([1, 1]).await;
    assert!(matches!(
        alice.refund(id).await,
        Err(DriveError::PeerUnknownTransfer(_))
    ));
    alice.shutdown().await;
    bob.shutdown().await;
}

/// Sends one transaction as a wallet would.
async fn wallet(town: &Town, chain: &MockChain, account: Address, action: Action) {
    let wallet = chain.with_accounts(vec![account]);
    let nonce = wallet.next_nonce(account).await.expect("read");
    let tx = wallet
        .prepare(&Order { account, action }, nonce, Bump(0))
        .await
        .expect("accepted");
    wallet.broadcast(&tx).await.expect("sent");
    town.until(async || {
        wallet
            .next_nonce(account)
            .await
            .is_ok_and(|next| next > nonce)
    })
    .await;
}

fn foreign_lock(
    town: &Town,
    sender: Address,
    recipient: Address,
    hash: &Preimage,
    length: u64,
) -> Lock {
    let now = town.a.now().max(town.b.now());
    let terms = Terms {
        public_claim_at: now.plus(length / 2),
        refund_at: now.plus(length),
        public_refund_at: now.plus(length + 100),
        parts: 1,
        hook_flags: 0,
        salt: 1 << 100,
    };
    Lock {
        hashlock: hash.hashlock(),
        sender,
        recipient,
        asset: Asset::Native,
        amount: U256::from(5_000),
        deposit: DEPOSIT,
        terms,
        hooks: Address::ZERO,
    }
}

#[tokio::test]
async fn a_foreign_wallet_starts_a_swap_by_calling_the_contract() {
    let town = Town::new();
    let bob = town.daemon("bob", &[BOB]).await;
    let secret = Preimage::new([0x42; 32]);
    let lock = foreign_lock(&town, ALICE, BOB, &secret, 4_000);
    let wanted = Wanted {
        chain: B,
        asset: Asset::Native,
        amount: U256::from(4_500),
        recipient: ALICE,
    };

    wallet(
        &town,
        &town.a,
        ALICE,
        Action::Lock {
            lock,
            wanted: Some(wanted),
        },
    )
    .await;
    town.until(async || !town.locks(&town.b).await.is_empty())
        .await;
    let theirs = town.locks(&town.b).await[0].0;
    wallet(
        &town,
        &town.b,
        ALICE,
        Action::Claim {
            lock: theirs,
            preimage: secret.clone(),
        },
    )
    .await;
    let id = secret.hashlock().into();
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Completed)
        .await;

    assert_eq!((theirs.amount, theirs.recipient), (wanted.amount, ALICE));
    town.assert_settled([1, 1]).await;
    bob.shutdown().await;
}

#[tokio::test]
async fn a_foreign_lock_with_a_thin_margin_is_refused_with_a_reason() {
    let town = Town::new();
    let bob = town.daemon("bob", &[BOB]).await;
    let secret = Preimage::new([0x42; 32]);
    let lock = foreign_lock(&town, ALICE, BOB, &secret, 300);
    let wanted = Wanted {
        chain: B,
        asset: Asset::Native,
        amount: U256::from(4_500),
        recipient: ALICE,
    };

    wallet(
        &town,
        &town.a,
        ALICE,
        Action::Lock {
            lock,
            wanted: Some(wanted),
        },
    )
    .await;
    town.until(async || !bob.refused(1).await.expect("read").is_empty())
        .await;

    let refused = bob.refused(9).await.expect("read");
    let reason = refused[0].refusal.as_deref().expect("a reason");
    assert!(reason.contains("deadline too near"), "{reason}");
    assert!(town.locks(&town.b).await.is_empty());
    bob.shutdown().await;
}

#[tokio::test]
async fn a_counterparty_that_locks_too_late_or_too_little_is_not_matched() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;
    let id = alice
        .start_swap(request(Asset::Native))
        .await
        .expect("begins");
    town.until(async || !town.locks(&town.a).await.is_empty())
        .await;
    let theirs = town.locks(&town.a).await[0].0;
    let mut late = foreign_lock(&town, BOB, ALICE, &Preimage::new([0; 32]), 100);
    late.hashlock = theirs.hashlock;
    late.terms.refund_at = theirs.terms.refund_at;
    late.terms.public_refund_at = theirs.terms.refund_at.plus(100);
    let little = Lock {
        amount: U256::from(3_999),
        terms: Terms {
            salt: 7,
            ..late.terms
        },
        ..late
    };

    wallet(
        &town,
        &town.b,
        BOB,
        Action::Lock {
            lock: late,
            wanted: None,
        },
    )
    .await;
    wallet(
        &town,
        &town.b,
        BOB,
        Action::Lock {
            lock: little,
            wanted: None,
        },
    )
    .await;
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Refunded)
        .await;

    assert!(
        town.locks(&town.b)
            .await
            .iter()
            .all(|(_, state)| matches!(state, LockState::Open { .. }))
    );
    alice.shutdown().await;
}

#[tokio::test]
async fn a_stuck_transaction_is_replaced() {
    let town = Town::new();
    let (alice, bob) = (
        town.daemon("alice", &[ALICE]).await,
        town.daemon("bob", &[BOB]).await,
    );
    town.a.set_price_floor(Bump(2));

    let id = alice.start_swap(request(TOKEN)).await.expect("begins");
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Completed)
        .await;
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    alice.shutdown().await;
    bob.shutdown().await;
}

#[tokio::test]
async fn a_node_that_fails_at_every_call_in_turn_delays_and_changes_nothing() {
    let faults = [
        Fault::Unreachable,
        Fault::Timeout,
        Fault::Busy,
        Fault::Malformed,
        Fault::AnswerLost,
    ];
    for fault in faults {
        let town = Town::new();
        let a = town.a.with_accounts(vec![ALICE, BOB]);
        let b = town.b.with_accounts(vec![ALICE, BOB]);
        let links: Vec<Arc<dyn Chain>> = vec![Arc::new(a.clone()), Arc::new(b.clone())];
        let both = town
            .start("both", links, town.config(), Faults::none())
            .await;
        for chain in [&a, &b] {
            for op in [
                Op::Finalized,
                Op::Events,
                Op::Status,
                Op::NextNonce,
                Op::Prepare,
                Op::Broadcast,
            ] {
                chain.inject(op, fault);
                chain.inject(op, fault);
            }
            chain.inject(Op::Broadcast, Fault::Forgotten);
            chain.inject(Op::Events, Fault::Duplicated);
        }

        let id = both.start_swap(request(TOKEN)).await.expect("begins");
        town.until_ended(&both, id, Role::Initiator, &Outcome::Completed)
            .await;
        town.until_ended(&both, id, Role::Counterparty, &Outcome::Completed)
            .await;

        town.assert_settled([1, 1]).await;
        both.shutdown().await;
    }
}

#[tokio::test]
async fn a_kill_at_any_persist_point_comes_to_the_same_outcome() {
    let mut struck = Vec::new();
    for point in PersistPoint::ALL {
        for edge in [Edge::Before, Edge::After] {
            for nth in [1, 2, 4] {
                let at = FaultPoint {
                    point: *point,
                    edge,
                    nth,
                };
                if killed_once(at).await {
                    struck.push(*point);
                }
            }
        }
    }
    // A tick that changes something and a nonce given back need other stories; pegs, settlements, the relay, the supply
    // statement, feeds and the log another town.
    for point in PersistPoint::ALL {
        let rare = [
            PersistPoint::TransferStepped,
            PersistPoint::TxVoided,
            PersistPoint::CrossingCreated,
            PersistPoint::CrossingCursor,
            PersistPoint::CrossingOrdered,
            PersistPoint::CrossingRead,
            PersistPoint::CrossingStepped,
            PersistPoint::RelayRead,
            PersistPoint::RelayStepped,
            PersistPoint::RelayCalled,
            PersistPoint::SupplyRead,
            PersistPoint::LogAppended,
            PersistPoint::FeedRead,
            PersistPoint::FeedStepped,
            PersistPoint::SupplyStated,
        ]
        .contains(point);
        assert!(
            rare || struck.contains(point),
            "{} was never reached",
            point.name()
        );
    }
}

/// Returns whether the point was reached.
async fn killed_once(at: FaultPoint) -> bool {
    println!("killed at {at}");
    let town = Town {
        outage: 6_000,
        ..Town::new()
    };
    let faults = Faults::at(at, OnFault::Fail);
    let links = town.links(&[ALICE, BOB]);
    let both = town
        .start("both", links, town.config(), faults.clone())
        .await;
    let mut id = both.start_swap(request(TOKEN)).await.ok();
    let over = async || match id {
        Some(id) => town.outcome(&both, id, Role::Counterparty).await.is_some(),
        None => faults.struck(),
    };
    town.until(async || faults.struck() || over().await).await;
    both.shutdown().await;

    let both = town.daemon("both", &[ALICE, BOB]).await;
    if id.is_none() {
        // The caller of a killed daemon does not know whether its transfer began: it looks.
        let begun = both
            .list(9, 0)
            .await
            .expect("read")
            .first()
            .map(|record| record.key.id);
        id = match begun {
            Some(id) => Some(id),
            None => both.start_swap(request(TOKEN)).await.ok(),
        };
    }
    let id = id.expect("begun");
    town.until_ended(&both, id, Role::Initiator, &Outcome::Completed)
        .await;
    town.until_ended(&both, id, Role::Counterparty, &Outcome::Completed)
        .await;
    town.assert_settled([1, 1]).await;
    both.shutdown().await;
    faults.struck()
}

#[tokio::test]
async fn a_kill_while_refunding_comes_to_the_same_outcome() {
    for edge in [Edge::Before, Edge::After] {
        let at = FaultPoint {
            point: PersistPoint::TransferStepped,
            edge,
            nth: 1,
        };
        let town = Town::new();
        let faults = Faults::at(at, OnFault::Fail);
        let alice = town
            .start("alice", town.links(&[ALICE]), town.config(), faults.clone())
            .await;
        let id = alice.start_swap(request(TOKEN)).await.expect("begins");
        town.until(async || faults.struck()).await;
        alice.shutdown().await;

        let alice = town.daemon("alice", &[ALICE]).await;
        town.until_ended(&alice, id, Role::Initiator, &Outcome::Refunded)
            .await;

        town.assert_settled([1, 0]).await;
        alice.shutdown().await;
    }
}

#[tokio::test]
async fn a_lost_database_is_rebuilt_from_the_chains_and_nothing_is_locked_twice() {
    let town = Town::new();
    let (alice, bob) = (
        town.daemon("alice", &[ALICE]).await,
        town.daemon("bob", &[BOB]).await,
    );
    let id = alice
        .start_swap(request(Asset::Native))
        .await
        .expect("begins");
    alice.refund(id).await.expect("nothing was revealed");
    town.until(async || !town.locks(&town.b).await.is_empty())
        .await;
    alice.shutdown().await;
    bob.shutdown().await;

    let (alice, bob) = (
        town.daemon("alice2", &[ALICE]).await,
        town.daemon("bob2", &[BOB]).await,
    );
    town.until_ended(&alice, id, Role::Initiator, &Outcome::Refunded)
        .await;
    town.until_ended(&bob, id, Role::Counterparty, &Outcome::Refunded)
        .await;

    town.assert_settled([1, 1]).await;
    alice.shutdown().await;
    bob.shutdown().await;
}

#[tokio::test]
async fn a_halted_chain_delays_and_changes_nothing() {
    let town = Town::new();
    let both = town.daemon("both", &[ALICE, BOB]).await;
    let id = both.start_swap(request(TOKEN)).await.expect("begins");
    town.b.halt();
    let stage = causeway_core::swap::Stage::Waiting;
    town.until(async || town.stage(&both, id, Role::Initiator).await == Some(stage))
        .await;

    town.b.resume();
    // The chain that stood still catches up with the other one.
    town.b.set_time(town.a.now());
    town.until_ended(&both, id, Role::Initiator, &Outcome::Completed)
        .await;
    town.until_ended(&both, id, Role::Counterparty, &Outcome::Completed)
        .await;

    town.assert_settled([1, 1]).await;
    both.shutdown().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_by_name() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;
    let good = request(TOKEN);
    let elsewhere = Account {
        chain: ChainId(9),
        address: ALICE,
    };
    let stranger = Account {
        chain: A,
        address: BOB,
    };

    let same = alice
        .start_swap(SwapRequest {
            to: good.from,
            ..good.clone()
        })
        .await;
    let unknown = alice
        .start_swap(SwapRequest {
            to: elsewhere,
            ..good.clone()
        })
        .await;
    let keyless = alice
        .start_swap(SwapRequest {
            from: stranger,
            ..good.clone()
        })
        .await;
    let zero = alice
        .start_swap(SwapRequest {
            want_amount: U256::ZERO,
            ..good.clone()
        })
        .await;
    let nobody = alice
        .start_swap(SwapRequest {
            counterparty: Address::ZERO,
            ..good
        })
        .await;

    assert!(matches!(same, Err(DriveError::PeerSameChain(A))));
    assert!(matches!(unknown, Err(DriveError::PeerUnknownChain { .. })));
    assert!(matches!(
        keyless,
        Err(DriveError::ConfigUnknownAccount { .. })
    ));
    assert!(matches!(zero, Err(DriveError::PeerZeroAmount)));
    assert!(matches!(nobody, Err(DriveError::PeerZeroCounterparty)));
    alice.shutdown().await;
}

#[tokio::test]
async fn a_lock_that_the_contract_refuses_abandons_the_transfer_and_gives_nothing() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;

    let too_much = SwapRequest {
        give_amount: FUNDS + U256::ONE,
        ..request(TOKEN)
    };
    let id = alice.start_swap(too_much).await.expect("begins");
    town.until(async || town.outcome(&alice, id, Role::Initiator).await.is_some())
        .await;

    let view = &alice.show(id).await.expect("there")[0];
    assert!(
        view.explanation.place.contains("nothing was given"),
        "{}",
        view.explanation.place
    );
    town.assert_settled([0, 0]).await;
    alice.shutdown().await;
}

#[tokio::test]
async fn a_driver_that_was_shut_down_answers_that_it_is_stopped() {
    let town = Town::new();
    let alice = town.daemon("alice", &[ALICE]).await;

    alice.shutdown().await;

    assert!(!alice.is_running());
    assert!(matches!(
        alice.start_swap(request(TOKEN)).await,
        Err(DriveError::Stopped)
    ));
}
