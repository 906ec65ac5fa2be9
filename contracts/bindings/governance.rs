//! Elections outside the chain: what candidates sign, and the sums anyone can do again. Rules: `docs/validators.md`.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::election::Election;

/// Parts in a whole, in an election's configuration.
const WHOLE: u64 = 10_000;
/// Fewest seats.
pub const MIN_SEATS: u32 = 7;
/// Most seats.
pub const MAX_SEATS: u32 = 101;
/// Seats that come or go at once.
const STEP: u32 = 3;
/// Seats are lost only below this part of the devices that won them.
const KEEP: u64 = 8_000;

/// Returns what a vote key signs to stand in the `Election` at `election` on chain `chain_id`, as
/// `Election.candidacyDigest`.
pub fn candidacy_digest(
    chain_id: u64,
    election: Address,
    owner: Address,
    vote: Address,
    network: B256,
) -> B256 {
    let tag = keccak256("causeway.candidacy.v1");
    keccak256((tag, U256::from(chain_id), election, owner, vote, network).abi_encode())
}

/// Returns the contribution C of a candidate (E8), in wei, as `Election.contributionOf`.
pub fn contribution(config: &Election::ElectionConfig, candidate: &Election::Candidate) -> U256 {
    // INVARIANT: at most 2^96 + 2^96 * 2^40 * 2^16, whatever the values: nothing overflows.
    let blocks = U256::from(config.blockWeight) * U256::from(candidate.produced);
    U256::from(candidate.deposit) + blocks * U256::from(candidate.filled) / U256::from(WHOLE)
}

/// Returns the score S of a candidate (E8), in wei, as `Election.scoreOf`.
pub fn score(config: &Election::ElectionConfig, candidate: &Election::Candidate) -> U256 {
    let k = u64::from(config.voteWeight).min(WHOLE);
    let votes = U256::from(candidate.votes) * U256::from(k);
    let rest = contribution(config, candidate) * U256::from(WHOLE - k);
    (votes + rest) / U256::from(WHOLE)
}

/// Returns how many seats follow `current` with so many active devices (E10), as `Election.seatsAfter`.
pub fn seats_after(current: u32, devices: u64, devices_per_seat: u32) -> u32 {
    let current = current.clamp(MIN_SEATS, MAX_SEATS);
    let won_by = |seats: u32| u128::from(seats - MIN_SEATS) * u128::from(devices_per_seat);
    let more = (current + STEP).min(MAX_SEATS);
    if u128::from(devices) >= won_by(more) {
        more
    } else if u128::from(devices) * u128::from(WHOLE) >= won_by(current) * u128::from(KEEP) {
        current
    } else if current == MAX_SEATS {
        MAX_SEATS - 1
    } else {
        current - STEP
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{
        aliases::{U40, U96},
        b256,
    };

    use super::*;

    // The expected values are the deployed contract's: `test/ElectionVectors.t.sol` has the same.

    #[test]
    fn what_is_signed_to_stand_is_that_of_the_contract() {
        let digest = candidacy_digest(
            7701,
            Address::repeat_byte(9),
            Address::repeat_byte(1),
            Address::repeat_byte(2),
            B256::repeat_byte(3),
        );

        let expected = b256!("3465304feb8fa4367b46a6492b8b08d7bd18e341cff9cd37edd95bbae70dd87b");
        assert_eq!(digest, expected);
    }

    fn config() -> Election::ElectionConfig {
        Election::ElectionConfig {
            validatorSet: Address::ZERO,
            devices: Address::ZERO,
            domain: B256::ZERO,
            treasury: Address::ZERO,
            minimumDeposit: U96::ZERO,
            blockWeight: U96::from(10_u64.pow(18)),
            blockReward: U96::ZERO,
            voteWeight: 6_000,
            idleShare: 1,
            reporterShare: 1,
            devicesPerSeat: 10,
            benchEpochs: 1,
            closingBlocks: 1,
            voteLock: U40::ZERO,
            exitDelay: U40::ZERO,
        }
    }

    fn candidate(votes: u128, deposit: u128, produced: u64, filled: u16) -> Election::Candidate {
        Election::Candidate {
            owner: Address::ZERO,
            vote: Address::ZERO,
            network: B256::ZERO,
            endpoint: String::new(),
            state: 1,
            deposit: U96::from(deposit),
            votes,
            commission: 0,
            produced: U40::from(produced),
            filled,
            since: 0,
            benchedUntil: 0,
            releaseAt: U40::ZERO,
        }
    }

    #[test]
    fn a_score_is_that_of_the_contract() {
        let ether = 10_u128.pow(18);
        let candidate = candidate(70 * ether, 100 * ether, 6, 5_000);

        assert_eq!(contribution(&config(), &candidate), U256::from(103 * ether));
        // 0.6 * 70 + 0.4 * 103
        assert_eq!(score(&config(), &candidate), U256::from(832 * ether / 10));
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let mut config = config();
        config.blockWeight = U96::MAX;
        let candidate = candidate(u128::MAX, (1 << 96) - 1, (1 << 40) - 1, u16::MAX);

        assert!(score(&config, &candidate) > U256::from(u128::MAX));
    }

    #[test]
    fn seats_are_those_of_the_contract() {
        for (current, devices, expected) in [
            (7, 29, 7),
            (7, 30, 10),
            (10, 24, 10),
            (10, 23, 7),
            (7, 0, 7),
            (100, u64::MAX, 101),
            (101, u64::MAX, 101),
            (101, 0, 100),
            (100, 0, 97),
        ] {
            assert_eq!(
                seats_after(current, devices, 10),
                expected,
                "{current} seats, {devices} devices"
            );
        }
    }
}
