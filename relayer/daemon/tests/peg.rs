//! A peg over the live chains of the local profile, with real certificates and state proofs, and nobody who relays: what
//! the contracts alone make sure of (docs/transfers.md, rules P1..).

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolError as _, SolValue as _, sol};
use causeway::{
    config::{self, Source},
    contracts::{Messaging, finalised},
    daemon::{Chains, contracts_of},
};
use causeway_adapter_api::{
    Action, Asset, Bump, ChainError, ChainReader as _, ChainWriter as _, FinalityProof, Height,
    Order, Preimage, Provable as _, StateProof, Timestamp,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_contracts::{
    HashTimeLock, LightClient, Lock, LockTerms, PegMemo, PegMint, PegVault, deploy_code, lock_id,
    peg::{LOCKS_SLOT, TRANSFERS_SLOT, mapping_slot},
    terms::REFUND_GUARD,
};

sol! {
    #[derive(Debug)]
    struct Evidence { Point checkpoint; bytes[] accountProof; bytes[] storageProof; }
    #[derive(Debug)]
    struct Point { uint64 height; uint64 timestamp; bytes32 stateRoot; }
    function approve(address spender, uint256 amount) external returns (bool);
}

/// The pair with a vault on the public and a mint on the consortium chain, deployed by carol.
struct Pegged {
    chains: Chains,
    public: HostedChain,
    consortium: HostedChain,
    carol: Address,
    messaging: Messaging,
    vault: Address,
    mint: Address,
    token: Address,
    pegged: Address,
    locks: Address,
    _dir: tempfile::TempDir,
}

impl Pegged {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let source = Source {
            data_dir: Some(dir.path().join("data")),
            ..Source::default()
        };
        let config = config::load(&source).expect("the profile");
        let chains = Chains::start(&config).await.expect("the chains start");
        chains.deploy().await.expect("the contracts are there");
        let hosting = |name: &str| chains.hosting(name).expect("hosted");
        let as_carol = |name: &str| chains.as_account(hosting(name), "carol").expect("carol");
        let (public, consortium) = (as_carol("public"), as_carol("consortium"));
        let carol = chains.accounts["carol"];
        let deployed = contracts_of(hosting("public")).expect("contracts");
        let messaging = chains.messaging().expect("gateways");
        let vault = carol.create(public.next_nonce(carol).await.expect("a nonce"));
        let mint = carol.create(consortium.next_nonce(carol).await.expect("a nonce"));
        let pegged = Self {
            public,
            consortium,
            carol,
            messaging,
            vault,
            mint,
            token: deployed.points_token,
            // The first contract the mint makes is its token.
            pegged: mint.create(1),
            locks: deployed.hash_time_lock,
            chains,
            _dir: dir,
        };
        pegged.deploy().await;
        pegged
    }

    async fn deploy(&self) {
        let vault = PegVault::constructorCall {
            config: PegVault::PegConfig {
                locks: self.locks,
                client: self.messaging.light_client,
                remoteLocks: self.locks,
                remotePort: self.mint,
                remoteToken: self.pegged,
                administrator: self.carol,
                guardian: self.carol,
                limits: PegVault::PegLimits {
                    capacity: CAPACITY,
                    perSecond: 1,
                    largeAmount: u128::MAX,
                    delay: 1,
                },
            },
            token_: self.token,
        };
        let mint = PegMint::constructorCall {
            config: PegMint::PegConfig {
                locks: self.locks,
                client: self.messaging.light_client,
                remoteLocks: self.locks,
                remotePort: self.vault,
                remoteToken: self.token,
                administrator: self.carol,
                guardian: self.carol,
                limits: PegMint::PegLimits {
                    capacity: CAPACITY,
                    perSecond: 1,
                    largeAmount: u128::MAX,
                    delay: 1,
                },
            },
            name: "Pegged points".into(),
            symbol: "pPTS".into(),
            decimals: 18,
        };
        let vault = deploy_code(&PegVault::BYTECODE, &vault);
        let mint = deploy_code(&PegMint::BYTECODE, &mint);
        self.act(&self.public, None, vault).await;
        self.act(&self.consortium, None, mint).await;
    }

    /// Carol's transaction, to its end.
    async fn act(&self, chain: &HostedChain, to: Option<Address>, data: Bytes) {
        let nonce = chain.next_nonce(self.carol).await.expect("a nonce");
        let order = self.order(to, data);
        let tx = chain.prepare(&order, nonce, Bump(0)).await;
        let tx = tx.expect("the contract accepts it");
        chain.broadcast(&tx).await.expect("sent");
        finalised(chain, tx.id).await.expect("done");
    }

    /// What the contract says to it, without sending it.
    async fn refusal(&self, chain: &HostedChain, to: Address, data: Bytes) -> Bytes {
        let order = self.order(Some(to), data);
        match chain.prepare(&order, 0, Bump(0)).await {
            Err(ChainError::Reverted { data, .. }) => data,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn order(&self, to: Option<Address>, data: Bytes) -> Order {
        let action = Action::Call {
            to,
            value: U256::ZERO,
            data,
        };
        Order {
            account: self.carol,
            action,
        }
    }

    /// Makes `on` know a final block of `of` that is at `from` or later, and proves a slot in its state.
    async fn prove(
        &self,
        of: &HostedChain,
        on: &HostedChain,
        from: Height,
        account: Address,
        slot: B256,
    ) -> (FinalityProof, StateProof) {
        let began = tokio::time::Instant::now();
        let proof = loop {
            let tip = of.finalized().await.expect("a tip").height;
            match of.finality(tip).await {
                Ok(proof) if tip >= from => break proof,
                _ => tokio::time::sleep(LOOK).await,
            }
            assert!(began.elapsed() < PATIENCE, "no certificate");
        };
        let state = of.state(account, &[slot], proof.checkpoint.height).await;
        let state = state.expect("a state proof");
        let certificate = &proof.certificate;
        let signers = certificate.signers.iter();
        let update = LightClient::updateCall {
            headers: proof.headers.clone(),
            certificate: LightClient::Certificate {
                epoch: certificate.epoch,
                viewNumber: certificate.view,
                parentView: certificate.parent_view,
                signers: signers.fold(U256::ZERO, |bits, i| bits | (U256::ONE << *i)),
                signatures: certificate.signatures.concat().into(),
            },
            votes: proof.votes.concat().into(),
        };
        let client = Some(self.messaging.light_client);
        self.act(on, client, update.abi_encode().into()).await;
        (proof, state)
    }

    /// Locks points for the vault, to be minted for carol.
    async fn lock(&self, secret: &Preimage) -> (Lock, PegMemo) {
        let now = self.public.finalized().await.expect("a tip").time.0;
        let memo = PegMemo {
            destination_chain_id: self.consortium.info().id.0,
            destination_port: self.mint,
            recipient: self.carol,
            nonce: U256::from(now),
        };
        let hashlock = secret.hashlock().0;
        let terms = LockTerms {
            hook_flags: REFUND_GUARD,
            ..LockTerms::whole(now + T, now + T + 5, now + T + 10, memo.salt(hashlock))
        };
        let lock = Lock {
            hashlock,
            sender: self.carol,
            recipient: self.vault,
            token: self.token,
            amount: U256::from(AMOUNT),
            deposit: U256::ZERO,
            terms: terms.pack().expect("terms"),
            hooks: self.vault,
        };
        let approve = approveCall {
            spender: self.locks,
            amount: lock.amount,
        };
        self.act(&self.public, Some(self.token), approve.abi_encode().into())
            .await;
        let call = HashTimeLock::lockCall {
            l: lock.clone(),
            memo: memo.encode(),
        };
        self.act(&self.public, Some(self.locks), call.abi_encode().into())
            .await;
        (lock, memo)
    }

    /// Proves the lock to the mint, which opens a transfer.
    async fn open(&self, lock: &Lock, memo: &PegMemo) {
        let from = self.public.finalized().await.expect("a tip").height;
        let slot = mapping_slot(lock_id(lock), LOCKS_SLOT);
        let (proof, state) = self
            .prove(&self.public, &self.consortium, from, self.locks, slot)
            .await;
        let call = PegMint::openCall {
            l: mint_lock(lock),
            terms: PegMint::PegTerms {
                recipient: memo.recipient,
                nonce: memo.nonce,
            },
            checkpoint: PegMint::Checkpoint {
                height: proof.checkpoint.height.0,
                timestamp: proof.checkpoint.time.0,
                stateRoot: proof.checkpoint.state_root,
            },
            accountProof: state.nodes,
            storageProof: state.slots[0].nodes.clone(),
        };
        self.act(&self.consortium, Some(self.mint), call.abi_encode().into())
            .await;
    }

    /// The refund of a lock with what the mint's slot holds after its deadline.
    async fn refund(&self, lock: &Lock) -> Bytes {
        let until = Timestamp(LockTerms::unpack(lock.terms).public_refund_at);
        let began = tokio::time::Instant::now();
        loop {
            let here = self.public.finalized().await.expect("a tip").time;
            let there = self.consortium.finalized().await.expect("a tip").time;
            if here >= until && there >= until {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "time stands still");
            tokio::time::sleep(LOOK).await;
        }
        let from = self.consortium.finalized().await.expect("a tip").height;
        let slot = mapping_slot(lock_id(lock), TRANSFERS_SLOT);
        let (proof, state) = self
            .prove(&self.consortium, &self.public, from, self.mint, slot)
            .await;
        let evidence = Evidence {
            checkpoint: Point {
                height: proof.checkpoint.height.0,
                timestamp: proof.checkpoint.time.0,
                stateRoot: proof.checkpoint.state_root,
            },
            accountProof: state.nodes,
            storageProof: state.slots[0].nodes.clone(),
        };
        let call = HashTimeLock::refundWithCall {
            l: lock.clone(),
            evidence: evidence.abi_encode_params().into(),
        };
        call.abi_encode().into()
    }

    async fn points(&self, owner: Address) -> U256 {
        let asset = Asset::Token(self.token);
        self.public.balance(asset, owner).await.expect("a balance")
    }

    async fn pegged(&self, owner: Address) -> U256 {
        let asset = Asset::Token(self.pegged);
        let balance = self.consortium.balance(asset, owner).await;
        balance.expect("a balance")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_relayer_dead_after_the_side_claim_the_home_refund_is_impossible() {
    let peg = Pegged::start().await;
    let secret = Preimage::new([7; 32]);
    let (lock, memo) = peg.lock(&secret).await;
    peg.open(&lock, &memo).await;
    let before = peg.points(peg.carol).await;
    let claim = PegMint::claimCall {
        l: mint_lock(&lock),
        preimage: B256::from(*secret.expose()),
    };
    peg.act(&peg.consortium, Some(peg.mint), claim.abi_encode().into())
        .await;
    assert_eq!(peg.pegged(peg.carol).await, U256::from(AMOUNT));

    // Nobody carries the secret home; every deadline passes.
    let refund = peg.refund(&lock).await;
    let refusal = peg.refusal(&peg.public, peg.locks, refund).await;

    let paid_out = PegVault::PegPaidOut::SELECTOR;
    let named = refusal.windows(4).any(|bytes| bytes == paid_out);
    assert!(named, "refused for another reason: {refusal}");
    assert_eq!(peg.points(peg.carol).await, before);
    // However late, anyone brings the vault what it is owed, and there is as much behind the peg as was minted.
    let collect = PegVault::collectCall {
        l: vault_lock(&lock),
        preimage: B256::from(*secret.expose()),
    };
    peg.act(&peg.public, Some(peg.vault), collect.abi_encode().into())
        .await;
    assert_eq!(peg.points(peg.vault).await, U256::from(AMOUNT));
    peg.chains.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_side_claim_never_made_the_home_refund_works() {
    let peg = Pegged::start().await;
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
    peg.chains.stop().await;
}

fn mint_lock(lock: &Lock) -> PegMint::Lock {
    PegMint::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    }
}

fn vault_lock(lock: &Lock) -> PegVault::Lock {
    PegVault::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    }
}

/// Points that are pegged.
const AMOUNT: u64 = 1_000;
/// The most that passes at once.
const CAPACITY: u128 = 1_000_000;
/// Seconds until the other side pays no more; enough for an opening and a claim on a busy machine.
const T: u64 = 30;
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(120);
