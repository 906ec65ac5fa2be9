use alloy_primitives::{Address, Bytes, U256};

use super::*;
use crate::{Action, EventKind, Hashlock, Lock, Preimage, Terms, Wanted, conformance};

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);
const EVE: Address = Address::repeat_byte(0xe0);
const TOKEN: Address = Address::repeat_byte(0x70);
const SECRET: Preimage = Preimage::new([7; 32]);

fn chain(setup: Setup) -> MockChain {
    let chain = MockChain::new(setup).with_accounts(vec![ALICE, BOB, EVE]);
    for owner in [ALICE, BOB, EVE] {
        chain.fund(Asset::Native, owner, U256::from(10u64.pow(18)));
        chain.fund(Asset::Token(TOKEN), owner, U256::from(1_000));
    }
    chain
}

fn lock(chain: &MockChain, asset: Asset) -> Lock {
    let now = chain.now();
    Lock {
        hashlock: SECRET.hashlock(),
        sender: ALICE,
        recipient: BOB,
        asset,
        amount: U256::from(100),
        deposit: U256::from(7),
        terms: Terms {
            public_claim_at: now.plus(100),
            refund_at: now.plus(200),
            public_refund_at: now.plus(300),
            parts: 1,
            hook_flags: 0,
            salt: 1,
        },
        hooks: Address::ZERO,
    }
}

async fn send(
    chain: &MockChain,
    account: Address,
    action: Action,
) -> Result<PreparedTx, ChainError> {
    let nonce = chain.next_nonce(account).await?;
    let tx = chain
        .prepare(&Order { account, action }, nonce, Bump(0))
        .await?;
    chain.broadcast(&tx).await?;
    Ok(tx)
}

fn pay(to: Address) -> Action {
    Action::Call {
        to: Some(to),
        value: U256::ONE,
        data: Bytes::new(),
    }
}

#[tokio::test]
async fn a_stranger_may_claim_only_in_the_public_window_and_earns_the_deposit() {
    let chain = chain(Setup {
        gas_price: 0,
        ..Setup::default()
    });
    let lock = lock(&chain, Asset::Native);
    send(&chain, ALICE, Action::Lock { lock, wanted: None })
        .await
        .unwrap();
    chain.seal();
    let claim = Action::Claim {
        lock,
        preimage: SECRET,
    };

    let early = send(&chain, EVE, claim.clone()).await.unwrap_err();
    assert!(matches!(early, ChainError::Reverted { .. }));
    chain.set_time(lock.terms.public_claim_at);
    send(&chain, EVE, claim).await.unwrap();
    chain.seal();

    let start = U256::from(10u64.pow(18));
    assert_eq!(
        chain.balance(Asset::Native, BOB).await.unwrap(),
        start + U256::from(100)
    );
    assert_eq!(
        chain.balance(Asset::Native, EVE).await.unwrap(),
        start + U256::from(7)
    );
    assert_eq!(
        chain.balance(Asset::Native, ALICE).await.unwrap(),
        start - U256::from(107)
    );
    assert_eq!(
        chain.lock_state(lock.id().unwrap()).await.unwrap(),
        LockState::Closed
    );
}

#[tokio::test]
async fn a_token_lock_needs_an_allowance_and_uses_it_up() {
    let chain = chain(Setup::default());
    let lock = lock(&chain, Asset::Token(TOKEN));
    let make = Action::Lock { lock, wanted: None };

    let refused = send(&chain, ALICE, make.clone()).await.unwrap_err();
    assert!(
        refused.to_string().contains("ERC20InsufficientAllowance"),
        "{refused}"
    );
    let spender = chain.info().hash_time_lock;
    send(
        &chain,
        ALICE,
        Action::Approve {
            token: TOKEN,
            spender,
            amount: U256::from(100),
        },
    )
    .await
    .unwrap();
    chain.seal();
    send(&chain, ALICE, make).await.unwrap();
    chain.seal();

    let mut again = lock;
    again.terms.salt = 2;
    let refused = send(
        &chain,
        ALICE,
        Action::Lock {
            lock: again,
            wanted: None,
        },
    )
    .await
    .unwrap_err();
    assert!(
        refused.to_string().contains("ERC20InsufficientAllowance"),
        "{refused}"
    );
    assert_eq!(
        chain.balance(Asset::Token(TOKEN), ALICE).await.unwrap(),
        U256::from(900)
    );
}

#[tokio::test]
async fn nothing_is_seen_before_it_is_final() {
    let chain = chain(Setup {
        finality: 2,
        ..Setup::default()
    });
    let lock = lock(&chain, Asset::Native);
    let wanted = Wanted {
        chain: ChainId(2),
        asset: Asset::Native,
        amount: U256::ONE,
        recipient: ALICE,
    };
    let tx = send(
        &chain,
        ALICE,
        Action::Lock {
            lock,
            wanted: Some(wanted),
        },
    )
    .await
    .unwrap();
    let id = lock.id().unwrap();

    let sealed = chain.seal();
    assert_eq!(chain.status(tx.id).await.unwrap(), TxStatus::Pending);
    assert_eq!(chain.lock_state(id).await.unwrap(), LockState::Unknown);
    let range = HeightRange {
        from: Height(0),
        to: sealed.height,
    };
    assert!(matches!(
        chain.events(range).await,
        Err(ChainError::NotFinal { .. })
    ));

    chain.seal();
    chain.seal();
    let events = chain.events(range).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].kind,
        EventKind::Locked {
            lock,
            wanted: Some(wanted)
        }
    );
    assert_eq!(
        (events[0].height, events[0].block, events[0].tx),
        (sealed.height, sealed.hash, tx.id)
    );
    assert!(matches!(
        chain.status(tx.id).await.unwrap(),
        TxStatus::Final {
            succeeded: true,
            ..
        }
    ));
}

#[tokio::test]
async fn a_transaction_that_lost_a_race_is_final_and_failed() {
    let chain = chain(Setup::default());
    let lock = lock(&chain, Asset::Native);
    send(&chain, ALICE, Action::Lock { lock, wanted: None })
        .await
        .unwrap();
    chain.seal();
    chain.set_time(lock.terms.public_claim_at);
    let claim = Action::Claim {
        lock,
        preimage: SECRET,
    };

    let first = send(&chain, EVE, claim.clone()).await.unwrap();
    let second = send(&chain, BOB, claim).await.unwrap();
    chain.seal();

    assert!(matches!(
        chain.status(first.id).await.unwrap(),
        TxStatus::Final {
            succeeded: true,
            ..
        }
    ));
    assert!(matches!(
        chain.status(second.id).await.unwrap(),
        TxStatus::Final {
            succeeded: false,
            ..
        }
    ));
}

#[tokio::test]
async fn a_nonce_gap_waits_until_it_is_filled() {
    let chain = chain(Setup::default());
    let order = Order {
        account: ALICE,
        action: pay(BOB),
    };
    let ahead = chain.prepare(&order, 1, Bump(0)).await.unwrap();
    chain.broadcast(&ahead).await.unwrap();
    chain.seal();
    assert_eq!(chain.status(ahead.id).await.unwrap(), TxStatus::Pending);
    assert_eq!(chain.next_nonce(ALICE).await.unwrap(), 0);

    send(&chain, ALICE, pay(EVE)).await.unwrap();
    assert_eq!(chain.next_nonce(ALICE).await.unwrap(), 2);
    chain.seal();

    assert!(matches!(
        chain.status(ahead.id).await.unwrap(),
        TxStatus::Final { .. }
    ));
}

#[tokio::test]
async fn a_stuck_transaction_is_freed_by_a_bumped_replacement() {
    let chain = chain(Setup::default());
    let order = Order {
        account: ALICE,
        action: pay(BOB),
    };
    let stuck = send(&chain, ALICE, pay(BOB)).await.unwrap();
    chain.set_price_floor(Bump(1));
    chain.seal();
    assert_eq!(chain.status(stuck.id).await.unwrap(), TxStatus::Pending);

    let replacement = chain.prepare(&order, stuck.nonce, Bump(1)).await.unwrap();
    chain.broadcast(&replacement).await.unwrap();
    chain.seal();

    assert_eq!(chain.status(stuck.id).await.unwrap(), TxStatus::Unknown);
    assert!(matches!(
        chain.status(replacement.id).await.unwrap(),
        TxStatus::Final { .. }
    ));
}

#[tokio::test]
async fn injected_faults_break_only_their_call_and_only_once() {
    let chain = chain(Setup {
        production: Production::OnBroadcast,
        ..Setup::default()
    });
    let other = chain.with_accounts(vec![]);
    chain.inject(Op::Finalized, Fault::Unreachable);
    chain.inject(Op::Broadcast, Fault::AnswerLost);

    assert!(matches!(
        chain.finalized().await,
        Err(ChainError::NodeUnreachable { .. })
    ));
    assert!(chain.finalized().await.is_ok());
    let order = Order {
        account: ALICE,
        action: pay(BOB),
    };
    let tx = chain.prepare(&order, 0, Bump(0)).await.unwrap();
    assert!(matches!(
        chain.broadcast(&tx).await,
        Err(ChainError::Timeout { .. })
    ));

    // The answer was lost, the effect was not; a second broadcast finds it there.
    assert!(matches!(
        other.status(tx.id).await.unwrap(),
        TxStatus::Final { .. }
    ));
    chain.broadcast(&tx).await.unwrap();
    assert_eq!(chain.faults_left(), 0);
}

#[tokio::test]
async fn a_forgotten_transaction_is_unknown_and_can_be_sent_again() {
    let chain = chain(Setup::default());
    let order = Order {
        account: ALICE,
        action: pay(BOB),
    };
    let tx = chain.prepare(&order, 0, Bump(0)).await.unwrap();
    chain.inject(Op::Broadcast, Fault::Forgotten);

    chain.broadcast(&tx).await.unwrap();
    assert_eq!(chain.status(tx.id).await.unwrap(), TxStatus::Unknown);
    chain.broadcast(&tx).await.unwrap();
    assert_eq!(chain.pool(), vec![tx.id]);
    assert!(chain.drop_from_pool(tx.id));
    assert_eq!(chain.status(tx.id).await.unwrap(), TxStatus::Unknown);
}

#[tokio::test]
async fn a_halted_chain_makes_no_blocks_and_goes_on_when_resumed() {
    let chain = chain(Setup {
        production: Production::OnBroadcast,
        ..Setup::default()
    });
    chain.halt();
    let tx = send(&chain, ALICE, pay(BOB)).await.unwrap();
    assert_eq!(chain.finalized().await.unwrap().height, Height(0));

    chain.resume();
    let waiting = tokio::spawn({
        let chain = chain.clone();
        async move { chain.finalized_after(Height(0)).await }
    });
    tokio::task::yield_now().await;
    chain.seal();

    assert_eq!(waiting.await.unwrap().unwrap().height, Height(1));
    assert!(matches!(
        chain.status(tx.id).await.unwrap(),
        TxStatus::Final { .. }
    ));
}

#[tokio::test]
async fn bytes_of_another_chain_or_of_nobody_are_refused() {
    let chain = chain(Setup::default());
    let other = MockChain::new(Setup {
        id: ChainId(5),
        ..Setup::default()
    })
    .with_accounts(vec![ALICE]);
    other.fund(Asset::Native, ALICE, U256::from(10u64.pow(18)));
    let order = Order {
        account: ALICE,
        action: pay(BOB),
    };
    let mut foreign = other.prepare(&order, 0, Bump(0)).await.unwrap();

    assert!(matches!(
        chain.broadcast(&foreign).await,
        Err(ChainError::NodeRefused { .. })
    ));
    foreign.raw = Bytes::from_static(b"nonsense");
    assert!(matches!(
        chain.broadcast(&foreign).await,
        Err(ChainError::NodeRefused { .. })
    ));
}

#[tokio::test]
async fn locks_that_make_no_sense_are_refused() {
    let chain = chain(Setup::default());
    let good = lock(&chain, Asset::Native);
    let mut late = good;
    late.terms.refund_at = chain.now();
    let mut zero = good;
    zero.hashlock = Hashlock(B256::ZERO);
    let foreign = Lock {
        sender: BOB,
        ..good
    };

    for lock in [late, zero, foreign] {
        let refused = send(&chain, ALICE, Action::Lock { lock, wanted: None }).await;
        assert!(matches!(refused, Err(ChainError::Reverted { .. })));
    }
}

struct MockBed {
    chain: MockChain,
}

#[async_trait]
impl conformance::TestBed for MockBed {
    fn chain(&self) -> &dyn crate::Chain {
        &self.chain
    }

    fn chain_id(&self) -> ChainId {
        Setup::default().id
    }

    fn token(&self) -> Address {
        TOKEN
    }

    async fn progress(&self) {
        self.chain.seal();
    }

    async fn pass_time_to(&self, at: Timestamp) {
        self.chain.set_time(at);
        self.chain.seal_to_final();
    }
}

async fn conforms(setup: Setup) {
    let chain = chain(setup);
    chain.fund(
        Asset::Token(TOKEN),
        ALICE,
        U256::from(conformance::TOKEN_NEEDED),
    );

    let report = conformance::run(&MockBed { chain }).await.unwrap();

    assert_eq!(report.passed, conformance::checks());
}

#[tokio::test]
async fn the_mock_passes_the_suite_with_finality_at_once() {
    conforms(Setup::default()).await;
}

#[tokio::test]
async fn the_mock_passes_the_suite_with_late_finality_and_no_fees() {
    conforms(Setup {
        finality: 3,
        gas_price: 0,
        ..Setup::default()
    })
    .await;
}

#[tokio::test]
async fn the_mock_passes_the_suite_with_blocks_on_broadcast() {
    conforms(Setup {
        production: Production::OnBroadcast,
        finality: 1,
        ..Setup::default()
    })
    .await;
}

/// Forgets whatever it is given, and says that all is well.
struct ForgetfulBed(MockBed);

#[async_trait]
impl conformance::TestBed for ForgetfulBed {
    fn chain(&self) -> &dyn crate::Chain {
        self.0.chain.inject(Op::Broadcast, Fault::Forgotten);
        self.0.chain()
    }

    fn chain_id(&self) -> ChainId {
        self.0.chain_id()
    }

    fn token(&self) -> Address {
        self.0.token()
    }

    async fn progress(&self) {
        self.0.progress().await;
    }

    async fn pass_time_to(&self, at: Timestamp) {
        self.0.pass_time_to(at).await;
    }
}

#[tokio::test]
async fn the_suite_names_the_check_that_fails() {
    let bed = ForgetfulBed(MockBed {
        chain: chain(Setup::default()),
    });

    let failed = conformance::run(&bed).await.unwrap_err();

    assert_eq!(failed.check, "finalized_after_returns_a_later_block");
    assert!(
        failed.to_string().contains("unknown after its broadcast"),
        "{failed}"
    );
}
