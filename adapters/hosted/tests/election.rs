//! An election on a running chain: blocks are proved from their headers, the elected validate from the next epoch on, and
//! who signs two votes of one view is replaced.
#![allow(missing_docs)]

mod support;

use std::{path::Path, time::Duration};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::SolCall;
use causeway_adapter_hosted::{
    equivocation::{Equivocation, SignedVote},
    execute::{self, CallOutcome, CallRequest},
    host::Host,
    node::Node,
    scheme::{VoteKind, address_of, vote_digest},
    spec::VALIDATOR_SET,
};
use causeway_contracts::{
    DeviceRegistry, Election, ValidatorSet, deploy_code, governance::candidacy_digest,
};
use secp256k1::{Message, SECP256K1, SecretKey};
use support::{CHAIN_ID, Chain, call, key};

/// Validators at the start; one more than there are seats.
const VALIDATORS: usize = 8;
/// Number of the candidate that signs twice.
const CULPRIT: u32 = 5;
const EPOCH: u64 = 40;
const CLOSING: u32 = 20;
const DEPOSIT: u64 = 1_000_000_000;
/// Enough for every transaction here.
const GAS: u64 = 15_000_000;
/// Headers in one transaction.
const BATCH: u64 = 100;

/// An account that sends one transaction after the other.
struct Sender {
    key: SecretKey,
    nonce: u64,
}

impl Sender {
    fn new(name: &str) -> Self {
        Self {
            key: key(name),
            nonce: 0,
        }
    }

    /// Sends a transaction and waits until it is final, whatever came of it.
    async fn send(&mut self, node: &Node, to: TxKind, value: u64, data: impl Into<Bytes>) {
        let raw = call(
            &self.key,
            self.nonce,
            to,
            U256::from(value),
            data.into(),
            GAS,
        );
        node.submit(&raw).expect("a valid transaction is admitted");
        self.nonce += 1;
        let (from, nonce) = (address_of(&self.key), self.nonce);
        until(node, "the transaction is final", |n| {
            n.ledger.tip().state.nonce(from) >= nonce
        })
        .await;
    }

    async fn create(&mut self, node: &Node, code: Bytes) -> Address {
        let at = address_of(&self.key).create(self.nonce);
        self.send(node, TxKind::Create, 0, code).await;
        at
    }

    async fn act<C: SolCall>(&mut self, node: &Node, to: Address, value: u64, call: C) {
        self.send(node, TxKind::Call(to), value, call.abi_encode())
            .await;
    }
}

async fn until(node: &Node, what: &str, mut done: impl FnMut(&Node) -> bool) {
    let mut tip = node.ledger.watch_tip();
    let wait = async {
        while !done(node) {
            tip.changed().await.expect("the ledger lives");
        }
    };
    tokio::time::timeout(Duration::from_secs(180), wait)
        .await
        .unwrap_or_else(|_| panic!("not in 180 s: {what}"));
}

/// What a contract says in the newest final state.
fn ask<C: SolCall>(node: &Node, to: Address, call: &C) -> C::Return {
    let tip = node.ledger.tip();
    let request = CallRequest {
        to: Some(to),
        gas: 100_000_000,
        data: call.abi_encode().into(),
        ..Default::default()
    };
    let outcome = execute::call(CHAIN_ID, &tip.state, tip.block().header(), &request);
    let Ok(CallOutcome::Returned { output, .. }) = outcome else {
        panic!("the call does not return: {outcome:?}");
    };
    C::abi_decode_returns(&output).expect("the type of its answer")
}

fn sign(key: &SecretKey, digest: B256) -> Bytes {
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
    let (id, compact) = signature.serialize_compact();
    let v = 27 + u8::try_from(i32::from(id)).expect("0 or 1");
    [compact.as_slice(), &[v]].concat().into()
}

fn vote_key(index: usize) -> SecretKey {
    key(&format!("vote {index}"))
}

/// A chain whose validator set an election administers; all its validators stand.
struct Elected {
    host: Host,
    election: Address,
    rich: Sender,
}

impl Elected {
    async fn start(dir: &Path) -> Self {
        let chain = Chain::with_epoch(VALIDATORS, EPOCH);
        let host = chain.host(dir, 0..VALIDATORS, true);
        let node = host.node();
        let (mut rich, mut administrator) = (Sender::new("rich"), Sender::new("administrator"));
        let devices = DeviceRegistry::constructorCall {
            c: DeviceRegistry::RegistryConfig {
                // Any code: no device is admitted here, so nothing is told.
                gateway: VALIDATOR_SET,
                consortiumChainId: U256::from(CHAIN_ID + 1),
                mirror: VALIDATOR_SET,
                treasury: Address::repeat_byte(7),
                minimumDeposit: alloy_primitives::aliases::U96::from(1),
                exitDelay: alloy_primitives::aliases::U40::from(86_400),
                reporterShare: 1_000,
            },
        };
        let code = deploy_code(&DeviceRegistry::BYTECODE, &devices);
        let devices = rich.create(&node, code).await;
        let config = election_config(devices, node.domain());
        let code = deploy_code(
            &Election::BYTECODE,
            &Election::constructorCall { c: config },
        );
        let election = rich.create(&node, code).await;
        for (index, validator) in chain.spec.validators.iter().enumerate() {
            let owner = address_of(&rich.key);
            let digest =
                candidacy_digest(CHAIN_ID, election, owner, validator.vote, validator.network);
            let register = Election::registerCall {
                vote_: validator.vote,
                network: validator.network,
                endpoint: validator.endpoint.clone(),
                commission: 0,
                signature: sign(&vote_key(index), digest),
            };
            rich.act(&node, election, DEPOSIT, register).await;
        }
        // All but the first are voted for.
        for number in 2..=VALIDATORS as u32 {
            let vote = Election::voteCall { number };
            administrator.act(&node, election, 1_000, vote).await;
        }
        let offer = ValidatorSet::offerAdministrationCall { to: election };
        administrator.act(&node, VALIDATOR_SET, 0, offer).await;
        rich.act(&node, election, 0, Election::takeOfficeCall {})
            .await;
        let administrator = ask(&node, VALIDATOR_SET, &ValidatorSet::administratorCall {});
        assert_eq!(administrator, election, "the election is in office");
        Self {
            host,
            election,
            rich,
        }
    }

    /// Records what is final, and elects when it is time.
    async fn keep(&mut self) {
        let node = self.host.node();
        let tip = node.ledger.tip().block().number();
        let recorded = ask(&node, self.election, &Election::recordedCall {});
        let headers: Vec<Bytes> = (recorded + 1..=tip.min(recorded + BATCH))
            .map(|n| {
                let record = node.ledger.record(n).expect("readable").expect("present");
                alloy_rlp::encode(record.block.header()).into()
            })
            .collect();
        if !headers.is_empty() {
            let record = Election::recordCall { headers };
            self.rich.act(&node, self.election, 0, record).await;
        }
        if node.ledger.tip().block().number() % EPOCH >= EPOCH - u64::from(CLOSING) - 1 {
            self.rich
                .act(&node, self.election, 0, Election::electCall {})
                .await;
        }
    }

    fn producers(&self) -> Vec<u32> {
        ask(
            &self.host.node(),
            self.election,
            &Election::producersCall {},
        )
    }

    fn candidate(&self, number: u32) -> Election::Candidate {
        ask(
            &self.host.node(),
            self.election,
            &Election::candidateCall { number },
        )
    }

    /// Waits for a final block of a later epoch, certified by exactly the validators of these candidates.
    async fn validated_by(&self, numbers: &[u32]) {
        let node = self.host.node();
        let votes: Vec<Address> = numbers.iter().map(|n| self.candidate(*n).vote).collect();
        until(&node, "the elected validate", |n| {
            // Not the newest one: its certificate may come a moment after it.
            let number = n.ledger.tip().block().number().saturating_sub(2);
            let epoch = n.epoch_of(number);
            let set = n.validators(epoch).expect("known");
            let proof = n.finality_proof(number).expect("readable");
            set.iter().map(|v| v.vote).eq(votes.iter().copied())
                && proof.is_some_and(|p| {
                    p.certificate.epoch == epoch && p.certificate.verify(n.domain(), &votes).is_ok()
                })
        })
        .await;
    }
}

fn election_config(devices: Address, domain: B256) -> Election::ElectionConfig {
    use alloy_primitives::aliases::{U40, U96};
    Election::ElectionConfig {
        validatorSet: VALIDATOR_SET,
        devices,
        domain,
        treasury: Address::repeat_byte(7),
        minimumDeposit: U96::from(DEPOSIT),
        // Only deposits and votes: who is elected does not hang on who was fast.
        blockWeight: U96::ZERO,
        blockReward: U96::ZERO,
        voteWeight: 5_000,
        // One in a thousand of a fair share: a slow machine benches nobody.
        idleShare: 10,
        reporterShare: 3_000,
        devicesPerSeat: 10,
        benchEpochs: 1,
        closingBlocks: CLOSING,
        voteLock: U40::from(60),
        exitDelay: U40::from(3_600),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_elected_validate_from_the_next_epoch_on_and_an_equivocator_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut chain = Elected::start(dir.path()).await;

    let all: Vec<u32> = (2..=VALIDATORS as u32).collect();
    while chain.producers() != all {
        chain.keep().await;
    }
    chain.validated_by(&all).await;
    let made: u64 = (1..=VALIDATORS as u32)
        .map(|n| chain.candidate(n).produced.to::<u64>())
        .sum();
    assert!(made > 0, "blocks are counted for who made them");

    // One of them signs two blocks of one view.
    let node = chain.host.node();
    let (culprit, epoch, view) = (vote_key(CULPRIT as usize - 1), 1, 3);
    let [first, second] = ["one", "other"].map(|name| {
        let block = keccak256(name);
        let kind = VoteKind::Notarize;
        let digest = vote_digest(node.domain(), kind, epoch, view, view - 1, block);
        SignedVote {
            kind,
            epoch,
            view,
            parent_view: view - 1,
            block,
            signature: sign(&culprit, digest),
        }
    });
    let validator = address_of(&culprit);
    let found = Equivocation {
        validator,
        first,
        second,
    };
    let election = chain.election;
    chain
        .rich
        .act(&node, election, 0, found.report_call())
        .await;

    assert_eq!(
        chain.candidate(CULPRIT).deposit,
        alloy_primitives::aliases::U96::ZERO,
        "slashed"
    );
    let rest: Vec<u32> = (1..=VALIDATORS as u32).filter(|n| *n != CULPRIT).collect();
    assert_eq!(chain.producers(), rest, "the standby takes its place");
    chain.validated_by(&rest).await;
}
