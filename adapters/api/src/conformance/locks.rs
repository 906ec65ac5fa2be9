//! Lives of locks, to the last unit.

use alloy_primitives::{Address, U256};

use super::{
    Verdict,
    story::{Done, Story, ensure, say},
};
use crate::{Action, Asset, Bump, ChainId, EventKind, Lock, LockState, Order, Preimage, Wanted};

pub(super) async fn native_lock_is_claimed_by_its_recipient(s: &Story<'_>) -> Verdict {
    claimed_by_recipient(s, Asset::Native, 1).await
}

pub(super) async fn token_lock_is_claimed_by_its_recipient(s: &Story<'_>) -> Verdict {
    claimed_by_recipient(s, Asset::Token(s.bed.token()), 2).await
}

pub(super) async fn native_lock_is_refunded_to_its_sender(s: &Story<'_>) -> Verdict {
    refunded_to_sender(s, Asset::Native, 3).await
}

pub(super) async fn token_lock_is_refunded_to_its_sender(s: &Story<'_>) -> Verdict {
    refunded_to_sender(s, Asset::Token(s.bed.token()), 4).await
}

pub(super) async fn a_stranger_completes_a_public_claim_for_the_deposit(s: &Story<'_>) -> Verdict {
    let preimage = secret(5);
    let lock = s.lock(Asset::Native, &preimage).await?;
    s.make(lock, None).await?;
    let [bob, eve] = [
        s.balance(Asset::Native, s.bob).await?,
        s.balance(Asset::Native, s.eve).await?,
    ];
    let claim = Action::Claim { lock, preimage };
    s.reverts(s.eve, claim.clone(), "ClaimStillPrivate").await?;

    s.pass(lock.terms.public_claim_at).await?;
    let done = s.succeed(s.eve, claim).await?;

    expect(s, "recipient", Asset::Native, s.bob, bob + lock.amount).await?;
    expect(
        s,
        "stranger",
        Asset::Native,
        s.eve,
        eve + lock.deposit - done.fee,
    )
    .await
}

pub(super) async fn the_loser_of_a_race_is_final_and_failed(s: &Story<'_>) -> Verdict {
    let preimage = secret(6);
    let lock = s.lock(Asset::Native, &preimage).await?;
    s.make(lock, None).await?;
    s.pass(lock.terms.public_claim_at).await?;
    let mut claims = Vec::new();
    for account in [s.bob, s.eve] {
        let order = Order {
            account,
            action: Action::Claim {
                lock,
                preimage: preimage.clone(),
            },
        };
        let nonce = s.nonce(account).await?;
        claims.push(
            s.chain
                .prepare(&order, nonce, Bump(0))
                .await
                .map_err(say("prepare"))?,
        );
    }

    for claim in &claims {
        s.chain.broadcast(claim).await.map_err(say("broadcast"))?;
    }

    let [first, second] = [s.finish(claims[0].id).await?, s.finish(claims[1].id).await?];
    ensure!(
        first.succeeded != second.succeeded,
        "of two claims one succeeds: {first:?}, {second:?}"
    );
    let winner = if first.succeeded { first } else { second };
    s.event_of(winner).await?;
    Ok(())
}

pub(super) async fn prepare_names_what_the_contract_refuses(s: &Story<'_>) -> Verdict {
    let preimage = secret(7);
    let lock = s.lock(Asset::Native, &preimage).await?;
    let claim = |lock, preimage| Action::Claim { lock, preimage };
    s.reverts(s.bob, claim(lock, preimage.clone()), "LockNotOpen")
        .await?;
    s.make(lock, None).await?;

    s.reverts(s.alice, Action::Lock { lock, wanted: None }, "LockKnown")
        .await?;
    s.reverts(s.bob, claim(lock, secret(8)), "ClaimWrongPreimage")
        .await?;
    s.reverts(s.alice, Action::Refund { lock }, "RefundTooEarly")
        .await?;
    s.succeed(s.bob, claim(lock, preimage.clone())).await?;
    s.reverts(s.bob, claim(lock, preimage.clone()), "LockNotOpen")
        .await?;
    s.pass(lock.terms.refund_at).await?;
    s.reverts(s.bob, claim(lock, preimage), "ClaimTooLate")
        .await?;
    s.reverts(s.alice, Action::Refund { lock }, "LockNotOpen")
        .await
}

pub(super) async fn prepare_names_what_the_token_refuses(s: &Story<'_>) -> Verdict {
    let token = s.bed.token();
    let spender = s.chain.info().hash_time_lock;
    let mut lock = s.lock(Asset::Token(token), &secret(9)).await?;
    let approve = |amount| Action::Approve {
        token,
        spender,
        amount,
    };
    s.succeed(s.alice, approve(U256::ZERO)).await?;
    s.reverts(
        s.alice,
        Action::Lock { lock, wanted: None },
        "ERC20InsufficientAllowance",
    )
    .await?;

    lock.amount = s.balance(lock.asset, s.alice).await? + U256::ONE;
    s.succeed(s.alice, approve(lock.amount)).await?;
    s.reverts(
        s.alice,
        Action::Lock { lock, wanted: None },
        "ERC20InsufficientBalance",
    )
    .await?;
    s.succeed(s.alice, approve(U256::ZERO)).await?;
    Ok(())
}

async fn claimed_by_recipient(s: &Story<'_>, asset: Asset, seed: u8) -> Verdict {
    let preimage = secret(seed);
    let lock = s.lock(asset, &preimage).await?;
    let before = Purses::read(s, asset).await?;
    let wanted = Wanted {
        chain: ChainId(u64::MAX),
        asset: Asset::Token(Address::repeat_byte(0xab)),
        amount: U256::MAX,
        recipient: s.eve,
    };

    let (_, fees) = s.make(lock, Some(wanted)).await?;
    before.after_lock(&lock, fees).check(s, asset).await?;
    let after_lock = Purses::read(s, asset).await?;
    let claim = s
        .succeed(
            s.bob,
            Action::Claim {
                lock,
                preimage: preimage.clone(),
            },
        )
        .await?;

    after_lock.after_claim(&lock, claim).check(s, asset).await?;
    let event = s.event_of(claim).await?;
    let expected = EventKind::Claimed {
        preimage: preimage.clone(),
        by: s.bob,
    };
    ensure!(
        event.kind == expected,
        "expected {expected:?}, got {:?}",
        event.kind
    );
    let revealed =
        matches!(&event.kind, EventKind::Claimed { preimage: got, .. } if *got == preimage);
    ensure!(revealed, "the event reveals another preimage");
    let id = lock.id().map_err(say("lock id"))?;
    ensure!(
        event.lock_id == id,
        "event names lock {}, its id is {id}",
        event.lock_id
    );
    let state = s.state(id).await?;
    ensure!(state == LockState::Closed, "a claimed lock is {state:?}");
    Ok(())
}

async fn refunded_to_sender(s: &Story<'_>, asset: Asset, seed: u8) -> Verdict {
    let lock = s.lock(asset, &secret(seed)).await?;
    let before = Purses::read(s, asset).await?;

    let (_, fees) = s.make(lock, None).await?;
    s.pass(lock.terms.refund_at).await?;
    let refund = s.succeed(s.alice, Action::Refund { lock }).await?;

    Purses {
        alice_points: before.alice_points - fees - refund.fee,
        ..before
    }
    .check(s, asset)
    .await?;
    let event = s.event_of(refund).await?;
    let expected = EventKind::Refunded {
        amount: lock.amount,
        by: s.alice,
    };
    ensure!(
        event.kind == expected,
        "expected {expected:?}, got {:?}",
        event.kind
    );
    let state = s.state(lock.id().map_err(say("lock id"))?).await?;
    ensure!(
        !matches!(state, LockState::Open { .. }),
        "a refunded lock is {state:?}"
    );
    Ok(())
}

/// What Alice, Bob and the contract have, before or as expected after.
#[derive(Clone, Copy)]
struct Purses {
    alice_points: U256,
    bob_points: U256,
    contract_points: U256,
    /// Of the locked asset; the same as points when that is native.
    alice: U256,
    bob: U256,
    contract: U256,
}

impl Purses {
    async fn read(s: &Story<'_>, asset: Asset) -> Result<Self, String> {
        let contract = s.chain.info().hash_time_lock;
        Ok(Self {
            alice_points: s.balance(Asset::Native, s.alice).await?,
            bob_points: s.balance(Asset::Native, s.bob).await?,
            contract_points: s.balance(Asset::Native, contract).await?,
            alice: s.balance(asset, s.alice).await?,
            bob: s.balance(asset, s.bob).await?,
            contract: s.balance(asset, contract).await?,
        })
    }

    fn after_lock(mut self, lock: &Lock, fees: U256) -> Self {
        self.alice_points -= lock.deposit + fees;
        self.contract_points += lock.deposit;
        if lock.asset == Asset::Native {
            self.alice_points -= lock.amount;
            self.contract_points += lock.amount;
        } else {
            self.alice -= lock.amount;
            self.contract += lock.amount;
        }
        self
    }

    fn after_claim(mut self, lock: &Lock, claim: Done) -> Self {
        self.bob_points = self.bob_points + lock.deposit - claim.fee;
        self.contract_points -= lock.deposit;
        if lock.asset == Asset::Native {
            self.bob_points += lock.amount;
            self.contract_points -= lock.amount;
        } else {
            self.bob += lock.amount;
            self.contract -= lock.amount;
        }
        self
    }

    async fn check(&self, s: &Story<'_>, asset: Asset) -> Verdict {
        let contract = s.chain.info().hash_time_lock;
        expect(s, "sender", Asset::Native, s.alice, self.alice_points).await?;
        expect(s, "recipient", Asset::Native, s.bob, self.bob_points).await?;
        expect(s, "contract", Asset::Native, contract, self.contract_points).await?;
        if asset == Asset::Native {
            return Ok(());
        }
        expect(s, "sender", asset, s.alice, self.alice).await?;
        expect(s, "recipient", asset, s.bob, self.bob).await?;
        expect(s, "contract", asset, contract, self.contract).await
    }
}

async fn expect(s: &Story<'_>, who: &str, asset: Asset, owner: Address, expected: U256) -> Verdict {
    let got = s.balance(asset, owner).await?;
    ensure!(
        got == expected,
        "expected the {who} to have {expected} of {asset:?}, it has {got}"
    );
    Ok(())
}

fn secret(seed: u8) -> Preimage {
    Preimage::new([seed; 32])
}
