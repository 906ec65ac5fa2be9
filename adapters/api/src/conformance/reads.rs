//! Tips, ranges, what nobody has heard of.

use alloy_primitives::B256;

use super::{
    Verdict,
    story::{Story, ensure, say},
};
use crate::{ChainError, Height, HeightRange, LockId, LockState, TxId, TxStatus};

pub(super) async fn info_names_the_chain_and_its_contract(s: &Story<'_>) -> Verdict {
    let info = s.chain.info();
    ensure!(
        info.id == s.bed.chain_id(),
        "expected chain id {}, got {}",
        s.bed.chain_id(),
        info.id
    );
    ensure!(!info.name.is_empty(), "the chain has no name");
    ensure!(
        !info.hash_time_lock.is_zero(),
        "the chain has no HashTimeLock"
    );
    Ok(())
}

pub(super) async fn finalized_never_goes_back(s: &Story<'_>) -> Verdict {
    let mut before = s.tip().await?;
    for _ in 0..5 {
        s.bed.progress().await;
        let now = s.tip().await?;
        ensure!(
            now.height >= before.height,
            "tip went from {} back to {}",
            before.height,
            now.height
        );
        ensure!(
            now.height > before.height || now == before,
            "two tips at {}: {before:?}, {now:?}",
            now.height
        );
        ensure!(
            now.time >= before.time,
            "time went from {} back to {}",
            before.time,
            now.time
        );
        before = now;
    }
    Ok(())
}

pub(super) async fn finalized_after_returns_a_later_block(s: &Story<'_>) -> Verdict {
    let before = s.tip().await?;
    let done = s.succeed(s.alice, s.payment(1)).await?;

    let after = s
        .chain
        .finalized_after(before.height)
        .await
        .map_err(say("finalized after"))?;

    ensure!(
        after.height > before.height,
        "asked for more than {}, got {}",
        before.height,
        after.height
    );
    ensure!(
        after.height >= done.at.height,
        "newest final block is {}, got {}",
        done.at.height,
        after.height
    );
    Ok(())
}

pub(super) async fn a_range_too_wide_is_refused(s: &Story<'_>) -> Verdict {
    let range = HeightRange {
        from: Height(0),
        to: Height(u64::MAX - 1),
    };
    match s.chain.events(range).await {
        Err(ChainError::RangeTooWide { got, max }) if got > max && max > 0 => Ok(()),
        other => Err(format!("expected RangeTooWide, got {other:?}")),
    }
}

pub(super) async fn a_range_not_final_is_refused(s: &Story<'_>) -> Verdict {
    let ahead = Height(s.tip().await?.height.0 + 1_000_000);
    match s
        .chain
        .events(HeightRange {
            from: ahead,
            to: ahead,
        })
        .await
    {
        Err(ChainError::NotFinal { got, tip }) if got == ahead && tip < ahead => Ok(()),
        other => Err(format!("expected NotFinal, got {other:?}")),
    }
}

pub(super) async fn an_unknown_lock_and_transaction_are_unknown(s: &Story<'_>) -> Verdict {
    let state = s.state(LockId(B256::repeat_byte(0x5a))).await?;
    ensure!(
        state == LockState::Unknown,
        "a lock nobody made is {state:?}"
    );
    let status = s
        .chain
        .status(TxId(B256::repeat_byte(0x5a)))
        .await
        .map_err(say("status"))?;
    ensure!(
        status == TxStatus::Unknown,
        "a transaction nobody sent is {status:?}"
    );
    Ok(())
}

/// Runs last: reads everything the other checks left behind.
pub(super) async fn events_come_in_order_and_in_range(s: &Story<'_>) -> Verdict {
    let tip = s.tip().await?.height;
    let from = Height(tip.0.saturating_sub(LOOK_BACK));
    let mut seen = Vec::new();
    for start in (from.0..=tip.0).step_by(STEP) {
        let to = Height(tip.0.min(start + STEP as u64 - 1));
        let range = HeightRange {
            from: Height(start),
            to,
        };
        let events = s.chain.events(range).await.map_err(say("events"))?;
        let inside = events
            .iter()
            .all(|event| (range.from..=range.to).contains(&event.height));
        ensure!(inside, "asked for {range:?}, got {events:?}");
        seen.extend(events);
    }
    let places: Vec<_> = seen
        .iter()
        .map(|event| (event.height, event.index))
        .collect();
    ensure!(
        places.is_sorted_by(|a, b| a < b),
        "events are out of order or repeated: {places:?}"
    );
    ensure!(
        seen.len() >= 2,
        "only {} events in the last {LOOK_BACK} blocks",
        seen.len()
    );
    let whole = HeightRange {
        from: Height(tip.0.saturating_sub(STEP as u64 - 1)),
        to: tip,
    };
    let again = s.chain.events(whole).await.map_err(say("events"))?;
    let expected: Vec<_> = seen
        .into_iter()
        .filter(|event| event.height >= whole.from)
        .collect();
    ensure!(
        again == expected,
        "the same range gives other events: {again:?} and {expected:?}"
    );
    Ok(())
}

const LOOK_BACK: u64 = 400;
const STEP: usize = 20;
