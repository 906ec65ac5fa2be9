//! Payment on the condition that a cold chain never broke: carol owes dave for a delivery. The device's readings stay with
//! dave; what the chains see is a digest on record and a proof. A delivery that broke pays nothing and is refunded.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolError as _};
use causeway_adapter_api::{
    Action, Asset, Bump, Chain, ChainError, ChainReader as _, ChainWriter as _, Order, Preimage,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_circuits::{
    babyjub::SecretKey,
    field::{from_be_bytes, to_be_bytes},
    format::{evm, file::ProofFile},
    groth16::circuit_id,
    keys::Keys,
    prover::{Limits, Prover},
    registered::Registered,
    statement::{reading, session},
    witness::{Number, Place, SessionWitness, Witness},
};
use causeway_contracts::{
    HashTimeLock, Lock, LockTerms, OwnedAnchors, PointsToken, VerifierRegistry,
    conditional::{self, SessionTerms},
    lock_id,
    terms::CLAIM_CONDITION,
    verifiers::SessionVerifier,
};
use serde_json::{Value, json};

use super::{DemoError, PAID, Stage, follow::LOOK, points};
use crate::{
    contracts::{Proofs, finalised},
    local::{CAROL, DAVE, REGISTRAR},
};

/// Readings of a delivery.
const READINGS: u16 = 24;
/// Milliseconds between two readings, and the longest gap agreed.
const STEP: u64 = 300_000;
const GAP: u32 = 600_000;
/// Limits agreed, thousandths of a degree.
const LOW: i32 = -25_000;
const HIGH: i32 = -15_000;
/// Seconds until a lock goes back to carol: time to prove, and not long to wait for the one that broke.
const DEADLINE: u64 = 30;
/// Seconds in which she alone sends it back.
const PRIVATE_REFUND: u64 = 30;
/// Memory of the prover, beside the key.
const MEMORY: u64 = 512 << 20;
/// Longest wait for the deadline of a lock.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a step found.
pub(super) struct Shown {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Who takes part, on the public chain.
pub(super) struct ColdChain<'a> {
    stage: &'a Stage<'a>,
    at: Proofs,
    carol: HostedChain,
    dave: HostedChain,
    registrar: HostedChain,
    keys: PathBuf,
}

/// A delivery that is owed for.
pub(super) struct Delivery {
    terms: SessionTerms,
    lock: Lock,
    preimage: Preimage,
    device: SecretKey,
    readings: Vec<reading::Reading>,
}

/// A delivery with the proof of what became of it.
struct Proved {
    file: ProofFile,
    digest: B256,
    span: B256,
    whole: bool,
}

impl<'a> ColdChain<'a> {
    pub(super) fn new(stage: &'a Stage<'a>) -> Option<Self> {
        let chains = &stage.daemon.chains;
        let wallet = |name| chains.as_account(stage.public, name);
        Some(Self {
            at: chains.proofs()?,
            carol: wallet(CAROL)?,
            dave: wallet(DAVE)?,
            registrar: wallet(REGISTRAR)?,
            keys: chains.data.path().join("proving-keys"),
            stage,
        })
    }

    /// A delivery whose chain broke once: dave proves what was, and is not paid.
    pub(super) async fn broken(&self) -> Result<(Delivery, bool), DemoError> {
        let delivery = self
            .agree(|i| if i == 10 { -9_500 } else { -20_000 })
            .await?;
        let proved = self.prove(&delivery).await?;
        let refused = match self.prepare_claim(&delivery, &proved).await {
            Err(DemoError::Chain(ChainError::Reverted { data, .. })) => {
                data.starts_with(&SessionVerifier::ProofRefused::SELECTOR)
            }
            Err(other) => return Err(other),
            Ok(_) => false,
        };
        Ok((delivery, refused && !proved.whole))
    }

    /// A delivery whose chain held: both chains verify the proof, and dave is paid. Returns both steps.
    pub(super) async fn whole(&self) -> Result<(Shown, bool), DemoError> {
        let delivery = self.agree(|i| -20_000 + i32::from(i) * 100).await?;
        let proved = self.prove(&delivery).await?;
        let mut verified = Vec::new();
        for hosting in [self.stage.public, self.stage.consortium] {
            verified.push((
                hosting.name.clone(),
                self.verified(hosting.chain.as_ref(), &proved.file).await?,
            ));
        }
        let before = self.balance(self.stage.dave).await?;
        let claim = self.prepare_claim(&delivery, &proved).await?;
        self.dave.broadcast(&claim).await?;
        finalised(&self.dave, claim.id).await?;
        let paid = self.balance(self.stage.dave).await?.saturating_sub(before);
        let shown = Shown {
            ok: proved.whole && verified.iter().all(|(_, ok)| *ok),
            text: format!(
                "{READINGS} readings signed by a device, none shown: within limits and without a gap, verified on both \
                 chains (development key)"
            ),
            found: json!({
                "circuit": proved.file.circuit.circuit(), "key": proved.file.key, "development": true,
                "readings": READINGS, "digest": proved.digest,
                "verified": verified.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            }),
        };
        Ok((shown, paid == U256::from(PAID)))
    }

    /// The lock of the broken delivery goes back to carol, as any lock does.
    pub(super) async fn refunded(&self, delivery: &Delivery) -> Result<bool, DemoError> {
        let deadline = LockTerms::unpack(delivery.lock.terms).refund_at;
        let waiting = async {
            while self.carol.finalized().await?.time.0 < deadline {
                tokio::time::sleep(LOOK).await;
            }
            Ok::<_, DemoError>(())
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.map_err(|_| DemoError::Late {
            what: "the deadline of the broken delivery's lock".into(),
            seconds: PATIENCE.as_secs(),
        })??;
        let before = self.balance(self.stage.carol).await?;
        let call = HashTimeLock::refundCall {
            l: delivery.lock.clone(),
        };
        act(&self.carol, self.stage.carol, self.locks(), call).await?;
        let back = self.balance(self.stage.carol).await?.saturating_sub(before);
        Ok(back == U256::from(PAID))
    }

    /// Carol locks what she owes under terms that both know, the device measures, and the digest goes on record.
    async fn agree(&self, value: impl Fn(u16) -> i32) -> Result<Delivery, DemoError> {
        let mut random = [0; 96];
        getrandom::fill(&mut random).map_err(|_| crate::drive::DriveError::NoRandomness)?;
        let (words, _) = random.as_chunks::<32>();
        let [seed, secret, nonce] = words else {
            return Err(DemoError::Pair);
        };
        let device = SecretKey::from_seed(seed)?;
        let preimage = Preimage::new(*secret);
        let now = self.carol.finalized().await?.time.0;
        // The delivery ends now; a real one would begin.
        let until = now * 1_000;
        let from = until.saturating_sub(STEP * u64::from(READINGS - 1));
        let terms = SessionTerms {
            device: U256::from_be_bytes(to_be_bytes(&reading::leaf(device.public()))),
            from,
            until,
            low: session::encode(LOW),
            high: session::encode(HIGH),
            gap: GAP,
            count: READINGS,
            // Chosen by who locks.
            nonce: u128::from_be_bytes(nonce.first_chunk().copied().unwrap_or_default()),
        };
        let refund_at = now + DEADLINE;
        let packed = LockTerms {
            hook_flags: CLAIM_CONDITION,
            ..LockTerms::whole(
                refund_at - 1,
                refund_at,
                refund_at + PRIVATE_REFUND,
                conditional::salt(&terms),
            )
        };
        let lock = Lock {
            hashlock: preimage.hashlock().0,
            sender: self.stage.carol,
            recipient: self.stage.dave,
            token: points(self.stage.public).address(),
            amount: U256::from(PAID),
            deposit: U256::ZERO,
            terms: packed.pack().map_err(|_| DemoError::Pair)?,
            hooks: self.at.owned_condition,
        };
        let approve = PointsToken::approveCall {
            spender: self.locks(),
            value: lock.amount,
        };
        act(&self.carol, self.stage.carol, lock.token, approve).await?;
        let call = HashTimeLock::lockCall {
            l: lock.clone(),
            memo: Bytes::new(),
        };
        act(&self.carol, self.stage.carol, self.locks(), call).await?;
        let at = |i: u16| reading::Reading {
            sequence: u64::from(i),
            time: from + STEP * u64::from(i),
            value: session::encode(value(i)),
        };
        let delivery = Delivery {
            readings: (0..READINGS).map(at).collect(),
            terms,
            lock,
            preimage,
            device,
        };
        self.anchor(&delivery).await?;
        Ok(delivery)
    }

    /// The registrar checks each signature of the device, then puts the digest of its readings on record.
    async fn anchor(&self, delivery: &Delivery) -> Result<(), DemoError> {
        let key = delivery.device.public();
        for reading in &delivery.readings {
            let signature = delivery.device.sign(reading.message());
            if !signature.verify(key, reading.message()) {
                return Err(DemoError::Answer("the device's signature"));
            }
        }
        let anchored: Vec<session::Reading> = delivery
            .readings
            .iter()
            .map(|r| session::Reading {
                time: r.time,
                value: r.value,
            })
            .collect();
        let digest = session::digest(reading::leaf(key), &anchored, session::CAPACITY)?;
        let call = OwnedAnchors::anchorDigestCall {
            device: delivery.terms.device,
            digest: U256::from_be_bytes(to_be_bytes(&digest)),
        };
        let account = self.account(REGISTRAR)?;
        act(&self.registrar, account, self.at.anchors, call).await
    }

    /// Proves what became of a delivery, in a thread of its own.
    async fn prove(&self, delivery: &Delivery) -> Result<Proved, DemoError> {
        let witness = SessionWitness {
            place: Place {
                chain: self.carol.info().id.0,
                contract: self.at.owned_condition,
                round: lock_id(&delivery.lock),
            },
            device: Number(from_be_bytes(&delivery.terms.device.to_be_bytes())?),
            low: LOW,
            high: HIGH,
            gap: GAP,
            readings: delivery
                .readings
                .iter()
                .map(|r| (r.time, session::decode(r.value)))
                .collect(),
        };
        let public = witness.statement()?.public();
        let keys = self.keys.clone();
        let file = in_worker(move || session_proof(&keys, witness)).await?;
        Ok(Proved {
            digest: to_be_bytes(&public.digest).into(),
            span: to_be_bytes(&public.span).into(),
            whole: public.result,
            file,
        })
    }

    /// Dave's claim, signed; simulating it asks the condition.
    async fn prepare_claim(
        &self,
        delivery: &Delivery,
        proved: &Proved,
    ) -> Result<causeway_adapter_api::PreparedTx, DemoError> {
        let (proof, _) = words(&proved.file);
        let call = HashTimeLock::claimWithCall {
            l: delivery.lock.clone(),
            preimage: B256::from(*delivery.preimage.expose()),
            evidence: conditional::evidence(&delivery.terms, proved.digest, proved.span, proof),
        };
        let account = self.stage.dave;
        let order = Order {
            account,
            action: Action::Call {
                to: Some(self.locks()),
                value: U256::ZERO,
                data: call.abi_encode().into(),
            },
        };
        let nonce = self.dave.next_nonce(account).await?;
        Ok(self.dave.prepare(&order, nonce, Bump(0)).await?)
    }

    /// Whether the registry of a chain verifies a proof.
    async fn verified(&self, chain: &dyn Chain, file: &ProofFile) -> Result<bool, DemoError> {
        let (proof, inputs) = words(file);
        let check = VerifierRegistry::checkCall {
            circuit: circuit_id(file.circuit.circuit()),
            proof,
            inputs,
        };
        let at = chain.finalized().await?.height;
        let data = Bytes::from(check.abi_encode());
        match chain.call(self.at.registry, data, at).await {
            Ok(_) => Ok(true),
            Err(ChainError::Reverted { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn balance(&self, account: Address) -> Result<U256, DemoError> {
        let token = Asset::Token(points(self.stage.public).address());
        Ok(self.carol.balance(token, account).await?)
    }

    fn locks(&self) -> Address {
        self.carol.info().hash_time_lock
    }

    fn account(&self, name: &str) -> Result<Address, DemoError> {
        let found = self.stage.daemon.chains.accounts.get(name).copied();
        found.ok_or(DemoError::Pair)
    }
}

async fn act(
    chain: &HostedChain,
    account: Address,
    to: Address,
    call: impl SolCall,
) -> Result<(), DemoError> {
    let order = Order {
        account,
        action: Action::Call {
            to: Some(to),
            value: U256::ZERO,
            data: call.abi_encode().into(),
        },
    };
    let nonce = chain.next_nonce(account).await?;
    let tx = chain.prepare(&order, nonce, Bump(0)).await?;
    chain.broadcast(&tx).await?;
    Ok(finalised(chain, tx.id).await?)
}

/// Makes the development key of `session` while other steps go on; the proofs find it.
pub(super) async fn warm_up(stage: &Stage<'_>) -> Result<(), DemoError> {
    let keys = stage.daemon.chains.data.path().join("proving-keys");
    in_worker(move || {
        open(&keys)?.development(&Registered::Session.compile()?, |_| ())?;
        Ok(())
    })
    .await
}

fn session_proof(
    keys: &std::path::Path,
    witness: SessionWitness,
) -> Result<ProofFile, causeway_circuits::Error> {
    let circuit = Registered::Session;
    let compiled = circuit.compile()?;
    let key = open(keys)?.development(&compiled, |_| ())?;
    let prover = Prover::new(Limits {
        threads: NonZeroUsize::MIN.saturating_add(1),
        at_once: NonZeroUsize::MIN,
        waiting: 0,
        memory: MEMORY,
    })?;
    let statement = Witness::Session(witness).circuit()?;
    let cancel = prover.cancel();
    let (proof, inputs) = prover.prove(&key, &compiled, statement.as_ref(), &cancel, |_| ())?;
    Ok(ProofFile {
        circuit,
        key: key.verifying().hash(),
        inputs,
        proof,
    })
}

fn open(folder: &std::path::Path) -> Result<Keys, causeway_circuits::Error> {
    std::fs::create_dir_all(folder).map_err(|source| causeway_circuits::Error::Io {
        path: folder.to_owned(),
        source,
    })?;
    Ok(Keys::new(folder))
}

/// Never on a thread of the runtime.
async fn in_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, causeway_circuits::Error> + Send + 'static,
) -> Result<T, DemoError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| DemoError::Worker)??)
}

fn words(file: &ProofFile) -> ([U256; 8], Vec<U256>) {
    let mut words = evm::words(&file.proof, &file.inputs)
        .into_iter()
        .map(U256::from_be_bytes);
    let proof = std::array::from_fn(|_| words.next().unwrap_or_default());
    (proof, words.collect())
}
