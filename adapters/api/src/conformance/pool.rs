//! Nonces, fees, replacement, and what a transaction comes to.

use alloy_primitives::{Address, Bytes, U256};

use super::{
    Verdict,
    story::{Story, ensure, say},
};
use crate::{Action, Asset, Bump, ChainError, Order, TxStatus};

pub(super) async fn an_account_without_key_is_named(s: &Story<'_>) -> Verdict {
    let account = Address::repeat_byte(0x5a);
    match s
        .chain
        .prepare(
            &Order {
                account,
                action: s.payment(1),
            },
            0,
            Bump(0),
        )
        .await
    {
        Err(ChainError::ConfigUnknownAccount { account: named, .. }) if named == account => Ok(()),
        other => Err(format!("expected ConfigUnknownAccount, got {other:?}")),
    }
}

pub(super) async fn a_payment_moves_exactly_its_amount_and_fee(s: &Story<'_>) -> Verdict {
    let alice = s.balance(Asset::Native, s.alice).await?;
    let bob = s.balance(Asset::Native, s.bob).await?;

    let done = s.succeed(s.alice, s.payment(1_000)).await?;

    let paid = alice - s.balance(Asset::Native, s.alice).await?;
    let expected = U256::from(1_000) + done.fee;
    ensure!(
        paid == expected,
        "expected the sender to pay {expected}, it paid {paid}"
    );
    let got = s.balance(Asset::Native, s.bob).await? - bob;
    ensure!(
        got == U256::from(1_000),
        "expected the payee to get 1000, it got {got}"
    );
    ensure!(
        done.created.is_none(),
        "a payment created {:?}",
        done.created
    );
    Ok(())
}

pub(super) async fn prepare_sends_nothing(s: &Story<'_>) -> Verdict {
    let nonce = s.nonce(s.alice).await?;
    let order = Order {
        account: s.alice,
        action: s.payment(1),
    };

    let tx = s
        .chain
        .prepare(&order, nonce, Bump(0))
        .await
        .map_err(say("prepare"))?;
    s.bed.progress().await;

    ensure!(
        (tx.account, tx.nonce) == (s.alice, nonce),
        "prepared {tx:?} for nonce {nonce}"
    );
    let status = s.chain.status(tx.id).await.map_err(say("status"))?;
    ensure!(
        status == TxStatus::Unknown,
        "a transaction that was only prepared is {status:?}"
    );
    let next = s.nonce(s.alice).await?;
    ensure!(
        next == nonce,
        "preparing moved the nonce from {nonce} to {next}"
    );
    Ok(())
}

pub(super) async fn broadcast_may_be_repeated(s: &Story<'_>) -> Verdict {
    let nonce = s.nonce(s.alice).await?;
    let order = Order {
        account: s.alice,
        action: s.payment(1),
    };
    let tx = s
        .chain
        .prepare(&order, nonce, Bump(0))
        .await
        .map_err(say("prepare"))?;

    s.chain
        .broadcast(&tx)
        .await
        .map_err(say("first broadcast"))?;
    s.chain
        .broadcast(&tx)
        .await
        .map_err(say("second broadcast"))?;
    let done = s.finish(tx.id).await?;
    s.chain
        .broadcast(&tx)
        .await
        .map_err(say("broadcast of a final transaction"))?;

    let again = s.finish(tx.id).await?;
    ensure!(
        again.at == done.at,
        "the transaction moved from {:?} to {:?}",
        done.at,
        again.at
    );
    let next = s.nonce(s.alice).await?;
    ensure!(
        next == nonce + 1,
        "one transaction moved the nonce from {nonce} to {next}"
    );
    Ok(())
}

pub(super) async fn a_used_nonce_is_too_low(s: &Story<'_>) -> Verdict {
    let used = s.nonce(s.alice).await?;
    s.succeed(s.alice, s.payment(1)).await?;
    let order = Order {
        account: s.alice,
        action: s.payment(2),
    };

    let refused = match s.chain.prepare(&order, used, Bump(0)).await {
        Ok(tx) => s.chain.broadcast(&tx).await,
        Err(refused) => Err(refused),
    };

    match refused {
        Err(ChainError::NonceTooLow { account, got, next }) => {
            ensure!(
                (account, got) == (s.alice, used),
                "names nonce {got} of {account}"
            );
            ensure!(
                next == used + 1,
                "says that {next} is next, it is {}",
                used + 1
            );
            Ok(())
        }
        other => Err(format!("expected NonceTooLow, got {other:?}")),
    }
}

/// The pair waits behind a nonce gap, so that no block takes the first before the second comes.
pub(super) async fn a_bumped_replacement_wins_and_an_unbumped_one_is_underpriced(
    s: &Story<'_>,
) -> Verdict {
    let nonce = s.nonce(s.alice).await?;
    let order = |value| Order {
        account: s.alice,
        action: s.payment(value),
    };
    let first = s
        .chain
        .prepare(&order(1), nonce + 1, Bump(0))
        .await
        .map_err(say("prepare"))?;
    s.chain
        .broadcast(&first)
        .await
        .map_err(say("broadcast behind a gap"))?;
    s.waits(first.id).await?;

    let rival = s
        .chain
        .prepare(&order(2), nonce + 1, Bump(0))
        .await
        .map_err(say("prepare"))?;
    match s.chain.broadcast(&rival).await {
        Err(ChainError::Underpriced {
            account,
            nonce: named,
        }) => {
            ensure!(
                (account, named) == (s.alice, nonce + 1),
                "names nonce {named} of {account}"
            );
        }
        other => return Err(format!("expected Underpriced, got {other:?}")),
    }
    let mut replaced = Vec::new();
    let mut winner = first;
    for step in 1..=3 {
        replaced.push(winner.id);
        let bumped = s.chain.prepare(&order(1), nonce + 1, Bump(step)).await;
        winner = bumped.map_err(say("prepare bumped"))?;
        let sent = s.chain.broadcast(&winner).await;
        sent.map_err(say("broadcast of a bumped replacement"))?;
        s.waits(winner.id).await?;
    }
    let filler = s
        .chain
        .prepare(&order(3), nonce, Bump(0))
        .await
        .map_err(say("prepare"))?;
    s.chain
        .broadcast(&filler)
        .await
        .map_err(say("broadcast into the gap"))?;

    s.finish(filler.id).await?;
    let done = s.finish(winner.id).await?;
    ensure!(done.succeeded, "the replacement failed");
    for old in replaced {
        let status = s.chain.status(old).await.map_err(say("status"))?;
        ensure!(
            status == TxStatus::Unknown,
            "a replaced transaction is {status:?}"
        );
    }
    Ok(())
}

pub(super) async fn an_account_that_cannot_pay_is_named(s: &Story<'_>) -> Verdict {
    let value = U256::from(10).pow(U256::from(30));
    let action = Action::Call {
        to: Some(s.bob),
        value,
        data: Bytes::new(),
    };
    match s.refusal(s.alice, action).await? {
        ChainError::InsufficientFunds { account, .. } if account == s.alice => Ok(()),
        other => Err(format!("expected InsufficientFunds, got: {other}")),
    }
}

pub(super) async fn a_deployment_tells_what_it_created(s: &Story<'_>) -> Verdict {
    // PUSH1 0, PUSH1 0, MSTORE8, PUSH1 1, PUSH1 0, RETURN: a contract of one STOP.
    let data = Bytes::from_static(&[0x60, 0, 0x60, 0, 0x53, 0x60, 1, 0x60, 0, 0xf3]);
    let done = s
        .succeed(
            s.alice,
            Action::Call {
                to: None,
                value: U256::ZERO,
                data,
            },
        )
        .await?;
    match done.created {
        Some(address) if !address.is_zero() => Ok(()),
        other => Err(format!(
            "expected the new contract's address, got {other:?}"
        )),
    }
}
