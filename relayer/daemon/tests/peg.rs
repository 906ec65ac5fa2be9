//! A peg over the live chains of the local profile, with real certificates and state proofs, and nobody who relays: what
//! the contracts alone make sure of (docs/transfers.md, rules P1..).

mod pegged;

use alloy_primitives::{B256, U256};
use alloy_sol_types::{SolCall as _, SolError as _};
use causeway_adapter_api::Preimage;
use causeway_contracts::{PegMint, PegVault};

use self::pegged::{AMOUNT, Pegged, mint_lock};

#[tokio::test(flavor = "multi_thread")]
async fn with_every_relayer_dead_after_the_side_claim_the_home_refund_is_impossible() {
    let (_dir, _, chains) = pegged::chains().await;
    let peg = Pegged::of_points(&chains).await;
    let secret = Preimage::new([7; 32]);
    let (lock, memo) = peg.lock(&secret).await;
    peg.open(&lock, &memo).await;
    let before = peg.points(peg.carol).await;
    peg.claim(&lock, &secret).await;
    assert_eq!(peg.pegged(peg.carol).await, U256::from(AMOUNT));

    // Nobody carries the secret home; every deadline passes.
    let refund = peg.refund(&lock).await;
    let refusal = peg.refusal(&peg.public, peg.locks, refund).await;

    let paid_out = PegVault::PegPaidOut::SELECTOR;
    let named = refusal.windows(4).any(|bytes| bytes == paid_out);
    assert!(named, "refused for another reason: {refusal}");
    assert_eq!(peg.points(peg.carol).await, before);
    // However late, anyone brings the vault what it is owed, and there is as much behind the peg as was minted.
    peg.collect(&lock, &secret).await;
    assert_eq!(peg.points(peg.vault).await, U256::from(AMOUNT));
    chains.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_side_claim_never_made_the_home_refund_works() {
    let (_dir, _, chains) = pegged::chains().await;
    let peg = Pegged::of_points(&chains).await;
    let secret = Preimage::new([8; 32]);
    let before = peg.points(peg.carol).await;
    let (lock, memo) = peg.lock(&secret).await;
    peg.open(&lock, &memo).await;
    assert_eq!(peg.points(peg.carol).await, before - U256::from(AMOUNT));

    let refund = peg.refund(&lock).await;
    peg.act(&peg.public, Some(peg.locks), refund).await;

    assert_eq!(peg.points(peg.carol).await, before);
    // The other side pays nothing any more.
    let claim = PegMint::claimCall {
        l: mint_lock(&lock),
        preimage: B256::from(*secret.expose()),
    };
    let refusal = peg
        .refusal(&peg.consortium, peg.mint, claim.abi_encode().into())
        .await;
    assert_eq!(refusal[..4], PegMint::PegTooLate::SELECTOR);
    assert_eq!(peg.pegged(peg.carol).await, U256::ZERO);
    chains.stop().await;
}
