//! Logs, calls and, for chains that have certificates, proofs.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    Verdict,
    story::{Story, ensure, say},
};
use crate::{Asset, ChainError, Height, HeightRange, Provable};

/// Runs after the checks that make locks: there are events to compare with.
pub(super) async fn logs_of_the_contract_stand_where_its_events_do(s: &Story<'_>) -> Verdict {
    let tip = s.tip().await?.height;
    let contract = [s.chain.info().hash_time_lock];
    let from = tip.0.saturating_sub(LOOK_BACK);
    let mut compared = 0;
    for start in (from..=tip.0).step_by(STEP) {
        let range = HeightRange {
            from: Height(start),
            to: Height(tip.0.min(start + STEP as u64 - 1)),
        };
        let logs = s.chain.logs(&contract, range).await.map_err(say("logs"))?;
        let events = s.chain.events(range).await.map_err(say("events"))?;
        let places: Vec<_> = logs.iter().map(|l| (l.height, l.index)).collect();
        ensure!(
            places.is_sorted_by(|a, b| a < b),
            "logs are out of order or repeated: {places:?}"
        );
        let ours = logs.iter().all(|l| l.address == contract[0]);
        ensure!(ours, "asked for logs of {}, got {logs:?}", contract[0]);
        for event in &events {
            let same = logs.iter().any(|log| {
                (log.height, log.index, log.block, log.tx, log.time)
                    == (event.height, event.index, event.block, event.tx, event.time)
                    && !log.topics.is_empty()
            });
            ensure!(same, "no log stands where {event:?} does, but {logs:?}");
        }
        compared += events.len();
    }
    ensure!(compared > 0, "no event in the last {LOOK_BACK} blocks");
    Ok(())
}

pub(super) async fn logs_beyond_the_tip_or_too_many_are_refused(s: &Story<'_>) -> Verdict {
    let contract = [s.chain.info().hash_time_lock];
    let range = |from, to| HeightRange {
        from: Height(from),
        to: Height(to),
    };
    match s.chain.logs(&contract, range(0, u64::MAX - 1)).await {
        Err(ChainError::RangeTooWide { got, max }) if got > max && max > 0 => {}
        other => return Err(format!("expected RangeTooWide, got {other:?}")),
    }
    let ahead = s.tip().await?.height.0 + 1_000_000;
    match s.chain.logs(&contract, range(ahead, ahead)).await {
        Err(ChainError::NotFinal { got, tip }) if got.0 == ahead && tip < got => Ok(()),
        other => Err(format!("expected NotFinal, got {other:?}")),
    }
}

pub(super) async fn a_call_reads_what_the_chain_holds(s: &Story<'_>) -> Verdict {
    let token = s.bed.token();
    let holder = s.alice;
    let expected = s
        .chain
        .balance(Asset::Token(token), holder)
        .await
        .map_err(say("balance"))?;
    let tip = s.tip().await?.height;

    let got = s
        .chain
        .call(token, balance_of(holder), tip)
        .await
        .map_err(say("call"))?;

    let got = U256::try_from_be_slice(&got).unwrap_or_default();
    ensure!(
        got == expected,
        "balanceOf says {got}, the balance is {expected}"
    );
    let ahead = Height(tip.0 + 1_000_000);
    match s.chain.call(token, balance_of(holder), ahead).await {
        Err(ChainError::NotFinal { got, .. }) if got == ahead => Ok(()),
        other => Err(format!("expected NotFinal, got {other:?}")),
    }
}

pub(super) async fn a_provable_chain_shows_linked_headers_and_a_quorum(s: &Story<'_>) -> Verdict {
    let Some(chain) = s.chain.provable() else {
        return Ok(());
    };
    let anchor = chain.anchor().await.map_err(say("anchor"))?;
    ensure!(anchor.chain == s.bed.chain_id(), "{anchor:?}");
    ensure!(
        !anchor.domain.is_zero() && !anchor.validator_set.is_zero() && anchor.epoch_length > 0,
        "an anchor holds nothing: {anchor:?}"
    );
    let (proof, tip) = newest(s, chain).await?;
    let hashes: Vec<B256> = proof.headers.iter().map(keccak256).collect();
    ensure!(
        hashes.last() == Some(&proof.certificate.block),
        "the certificate is for {}, the headers end with {hashes:?}",
        proof.certificate.block
    );
    for (child, parent) in proof.headers.iter().skip(1).zip(&hashes) {
        let named = child.windows(32).any(|bytes| bytes == parent.as_slice());
        ensure!(named, "a header does not name its parent {parent}");
    }
    ensure!(
        proof.checkpoint.height == tip && proof.headers.len() <= 1024,
        "asked for {tip}, got {:?}",
        proof.checkpoint
    );
    let (signers, size) = (&proof.certificate.signers, proof.votes.len());
    let sorted = signers.is_sorted_by(|a, b| a < b);
    let within = signers.iter().all(|index| usize::from(*index) < size);
    let one_each = proof.certificate.signatures.len() == signers.len()
        && proof.certificate.signatures.iter().all(|s| s.len() == 65);
    ensure!(
        size >= 4 && signers.len() >= size - (size - 1) / 3,
        "{} of {size} signed",
        signers.len()
    );
    ensure!(
        sorted && within && one_each,
        "signers {signers:?} of {size} with {} signatures",
        proof.certificate.signatures.len()
    );
    let ahead = Height(tip.0 + 1_000_000);
    match chain.finality(ahead).await {
        Err(ChainError::NotFinal { got, .. }) if got == ahead => Ok(()),
        other => Err(format!("expected NotFinal, got {other:?}")),
    }
}

pub(super) async fn a_provable_chain_proves_its_state_under_the_root(s: &Story<'_>) -> Verdict {
    let Some(chain) = s.chain.provable() else {
        return Ok(());
    };
    let (proof, tip) = newest(s, chain).await?;
    let slots = [B256::ZERO, B256::repeat_byte(0x5a)];

    let state = chain
        .state(s.bed.token(), &slots, tip)
        .await
        .map_err(say("state proof"))?;

    let root = state.nodes.first().map(keccak256);
    ensure!(
        root == Some(proof.checkpoint.state_root),
        "the proof begins at {root:?}, the state root is {}",
        proof.checkpoint.state_root
    );
    let asked: Vec<B256> = state.slots.iter().map(|slot| slot.slot).collect();
    ensure!(asked == slots, "asked for {slots:?}, got {asked:?}");
    ensure!(
        state.slots[1].value.is_zero(),
        "a slot nobody wrote holds {}",
        state.slots[1].value
    );
    let ahead = Height(tip.0 + 1_000_000);
    match chain.state(s.bed.token(), &slots, ahead).await {
        Err(ChainError::NotFinal { got, .. }) if got == ahead => Ok(()),
        other => Err(format!("expected NotFinal, got {other:?}")),
    }
}

/// A certificate may arrive a moment after its block: the newest block that has one.
async fn newest(
    s: &Story<'_>,
    chain: &dyn Provable,
) -> Result<(crate::FinalityProof, Height), String> {
    let mut last = None;
    for _ in 0..TRIES {
        let tip = s.tip().await?.height;
        match chain.finality(tip).await {
            Ok(proof) => return Ok((proof, tip)),
            Err(error @ ChainError::NotFinal { .. }) => last = Some(error),
            Err(error) => return Err(format!("finality proof of {tip}: {error}")),
        }
        s.bed.progress().await;
    }
    Err(format!("no certificate after {TRIES} blocks: {last:?}"))
}

/// Call data of ERC-20's `balanceOf(address)`.
fn balance_of(holder: Address) -> Bytes {
    let mut data = vec![0x70, 0xa0, 0x82, 0x31];
    data.extend(holder.into_word());
    data.into()
}

const LOOK_BACK: u64 = 400;
const STEP: usize = 20;
const TRIES: usize = 20;
