//! Deploying who elects the validators of the public chain of the local profile, and handing over to it.

use crate::keys::Signers;
use alloy_primitives::{
    Address, B256, U256,
    aliases::{U40, U96},
};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{Action, Bump, Chain, ChainError, Order};
use causeway_adapter_hosted::{
    host::ValidatorKeys,
    spec::{VALIDATOR_SET, ValidatorEntry},
};
use causeway_contracts::{
    Election, ValidatorSet, deploy_code,
    governance::{MIN_SEATS, candidacy_digest},
};

use super::{DeployError, OracleAt, finalised, log_anchor_nonce, stages};

/// The least deposit of a candidate of the local profile, wei: a thousand points.
pub const CANDIDATE_DEPOSIT: u128 = 1_000 * 10_u128.pow(18);
/// Wei paid for a block, and what a block counts in a contribution: a hundredth of a point.
const BLOCK: u128 = 10_u128.pow(16);
/// Wei that rewards are paid from: a thousand points.
const POOL: u128 = 1_000 * 10_u128.pow(18);
/// k: votes count half of a score.
const VOTE_WEIGHT: u16 = 5_000;
/// Who makes less than a tenth of a fair share of blocks is idle.
const IDLE_SHARE: u16 = 1_000;
/// Parts of 10,000 of a slashed deposit for whoever gave the evidence.
const REPORTER_SHARE: u16 = 3_000;
/// Active devices for each further seat.
const DEVICES_PER_SEAT: u32 = 100;
/// Epochs for which an idle producer does not stand.
const BENCH_EPOCHS: u32 = 1;
/// Most blocks at an epoch's end in which it is elected.
const CLOSING: u64 = 200;
/// Seconds from a vote until it can be moved.
const VOTE_LOCK: u64 = 60;
/// Seconds from leaving to the deposit's return: the least that the contract takes.
const EXIT_DELAY: u64 = 3_600;

/// Who takes office with which validators.
#[derive(Clone, Copy, Debug)]
pub struct Candidacy<'a> {
    /// Owns the candidacies and pays for them.
    pub owner: Address,
    /// Keys of the validators, which sign that they stand.
    pub keys: &'a [ValidatorKeys],
    /// The same validators in the order of the set.
    pub validators: &'a [ValidatorEntry],
    /// Domain of the chain's votes of consensus.
    pub domain: B256,
    /// Blocks of an epoch.
    pub epoch_length: u64,
}

impl Candidacy<'_> {
    /// Whether these validators are elected all, so that the set stays as it is: an election knows no more seats in the
    /// beginning, and epochs have blocks in which they are elected.
    pub fn fits(&self) -> bool {
        self.validators.len() <= MIN_SEATS as usize
            && self.keys.len() == self.validators.len()
            && self.epoch_length >= 2
    }
}

/// Where the `Election` is, on the public chain of the local profile.
pub fn election(deployer: Address, holders: usize) -> Address {
    deployer.create(first(holders))
}

const fn first(holders: usize) -> u64 {
    log_anchor_nonce(holders) + 1
}

/// Deploys the `Election` on the public chain, hands the validators over to it and has them stand, where that is missing;
/// returns how many transactions were sent. [`ensure_log_anchor`](super::ensure_log_anchor) comes first.
///
/// `as_owner` is the same chain with the key of the candidacies' owner.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_election(
    chain: &dyn Chain,
    as_owner: &dyn Chain,
    deployer: Address,
    holders: usize,
    candidacy: Candidacy<'_>,
) -> Result<usize, DeployError> {
    let at = election(deployer, holders);
    let config = config(deployer, holders, &candidacy);
    let creation = Action::Call {
        to: None,
        value: U256::ZERO,
        data: deploy_code(
            &Election::BYTECODE,
            &Election::constructorCall { c: config },
        ),
    };
    let call = |to, value: u128, data: Vec<u8>| Action::Call {
        to: Some(to),
        value: U256::from(value),
        data: data.into(),
    };
    let offer = ValidatorSet::offerAdministrationCall { to: at };
    let made = [creation, call(VALIDATOR_SET, 0, offer.abi_encode())];
    let fund = call(at, POOL, Election::fundCall {}.abi_encode());
    let taken = [call(at, 0, Election::takeOfficeCall {}.abi_encode()), fund];
    let sent = stages(
        chain,
        deployer,
        first(holders),
        [made.to_vec(), taken.to_vec()],
    )
    .await?;
    Ok(sent + stand(as_owner, at, candidacy).await?)
}

/// Registers the validators that do not stand yet, in the order of the set: so the elected stand in it, too.
async fn stand(
    chain: &dyn Chain,
    election: Address,
    candidacy: Candidacy<'_>,
) -> Result<usize, DeployError> {
    let failed = |source| DeployError::Chain {
        chain: chain.info().name.clone(),
        source,
    };
    let tip = chain.finalized().await.map_err(failed)?.height;
    let owner = candidacy.owner;
    let mut nonce = chain.next_nonce(owner).await.map_err(failed)?;
    let mut ids = Vec::new();
    for (keys, validator) in candidacy.keys.iter().zip(candidacy.validators) {
        let asked = Election::numberOfCall {
            vote_: validator.vote,
        };
        let answer = chain
            .call(election, asked.abi_encode().into(), tip)
            .await
            .map_err(failed)?;
        if Election::numberOfCall::abi_decode_returns(&answer).is_ok_and(|number| number != 0) {
            continue;
        }
        let digest = candidacy_digest(
            chain.info().id.0,
            election,
            owner,
            validator.vote,
            validator.network,
        );
        let register = Election::registerCall {
            vote_: validator.vote,
            network: validator.network,
            endpoint: validator.endpoint.clone(),
            commission: 0,
            signature: Signers::new([keys.vote])
                .sign(validator.vote, digest)
                .ok_or(DeployError::ForeignKey(validator.vote))?,
        };
        let order = Order {
            account: owner,
            action: Action::Call {
                to: Some(election),
                value: U256::from(CANDIDATE_DEPOSIT),
                data: register.abi_encode().into(),
            },
        };
        let tx = chain
            .prepare(&order, nonce, Bump(0))
            .await
            .map_err(failed)?;
        chain.broadcast(&tx).await.map_err(failed)?;
        ids.push(tx.id);
        nonce += 1;
    }
    let sent = ids.len();
    for id in ids {
        finalised(chain, id).await?;
    }
    Ok(sent)
}

/// Whether `administrator` governs the validators of `chain`, or `successor` does already.
///
/// # Errors
/// The chain's.
pub async fn governed_by(
    chain: &dyn Chain,
    administrator: Address,
    successor: Address,
) -> Result<bool, ChainError> {
    let tip = chain.finalized().await?.height;
    let data = ValidatorSet::administratorCall {}.abi_encode();
    let answer = chain.call(VALIDATOR_SET, data.into(), tip).await?;
    let found = ValidatorSet::administratorCall::abi_decode_returns(&answer);
    Ok(found.is_ok_and(|found| found == administrator || found == successor))
}

fn config(
    deployer: Address,
    holders: usize,
    candidacy: &Candidacy<'_>,
) -> Election::ElectionConfig {
    // At least one block, at most half of them: the contract's bounds.
    let closing = (candidacy.epoch_length / 4).clamp(1, CLOSING);
    Election::ElectionConfig {
        validatorSet: VALIDATOR_SET,
        devices: OracleAt::of(deployer, holders).registry,
        domain: candidacy.domain,
        treasury: deployer,
        minimumDeposit: U96::from(CANDIDATE_DEPOSIT),
        blockWeight: U96::from(BLOCK),
        blockReward: U96::from(BLOCK),
        voteWeight: VOTE_WEIGHT,
        idleShare: IDLE_SHARE,
        reporterShare: REPORTER_SHARE,
        devicesPerSeat: DEVICES_PER_SEAT,
        benchEpochs: BENCH_EPOCHS,
        closingBlocks: u32::try_from(closing).unwrap_or(u32::MAX),
        voteLock: U40::from(VOTE_LOCK),
        exitDelay: U40::from(EXIT_DELAY),
    }
}

#[cfg(test)]
mod tests {
    use secp256k1::SecretKey;

    use super::*;
    use crate::local::validator_keys;

    #[test]
    fn more_validators_than_seats_do_not_fit() {
        let keys: Vec<ValidatorKeys> = (1..=8)
            .map(|byte| SecretKey::from_byte_array([byte; 32]).expect("a key"))
            .map(|vote| validator_keys(&vote))
            .collect();
        let validators: Vec<ValidatorEntry> =
            keys.iter().map(|k| k.entry("127.0.0.1:1".into())).collect();
        let of = |count: usize, epoch_length| Candidacy {
            owner: Address::ZERO,
            keys: &keys[..count],
            validators: &validators[..count],
            domain: B256::ZERO,
            epoch_length,
        };

        assert!(of(7, 100).fits());
        assert!(!of(8, 100).fits());
        assert!(!of(7, 1).fits());
    }
}
