//! The suite every adapter passes: what the relayer relies on, said by running it.
//!
//! An adapter's test builds a [`TestBed`] around a fresh chain with a deployed `HashTimeLock` and calls [`run`]. Checks
//! run one after the other on the same chain, in the order of [`checks`]; each has a name, and the first that fails is
//! reported by it.

mod locks;
mod pool;
mod proofs;
mod reads;
mod story;

use std::{fmt, future::Future, pin::Pin};

use alloy_primitives::Address;
use async_trait::async_trait;

use self::story::Story;
use crate::{Chain, ChainId, Timestamp};

/// A chain made ready for the suite, and the means to drive it.
///
/// The chain's first three [`accounts`](crate::ChainWriter::accounts) have [`NATIVE_NEEDED`] native points each, and the
/// first of them has [`TOKEN_NEEDED`] of the token. Nobody else uses these accounts while the suite runs.
#[async_trait]
pub trait TestBed: Send + Sync {
    /// The adapter under test.
    fn chain(&self) -> &dyn Chain;

    /// The chain id the bed was built with.
    fn chain_id(&self) -> ChainId;

    /// An ERC-20 with OpenZeppelin's errors.
    fn token(&self) -> Address;

    /// Gives the chain an occasion to make a block: makes one where the test decides, waits a moment where it does not.
    async fn progress(&self);

    /// Returns when the chain's newest block is not older than `at`: moves the clock, or simply waits.
    async fn pass_time_to(&self, at: Timestamp);

    /// Seconds in which a few transactions surely become final. The suite builds its windows of it; where time is
    /// waited for and not moved, the suite takes some twenty of them.
    fn window(&self) -> u64 {
        60
    }

    /// Whether the node shows transactions that wait. Where it does not, they are
    /// [`TxStatus::Unknown`](crate::TxStatus::Unknown) until they are in a block, and the suite puts up with it.
    fn pool_is_visible(&self) -> bool {
        true
    }

    /// Why `check` cannot be run on this chain, if it cannot. It is then reported as skipped, with the reason.
    fn excuse(&self, check: &str) -> Option<&'static str> {
        let _ = check;
        None
    }
}

/// What the suite found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Names of the checks that passed.
    pub passed: Vec<&'static str>,
    /// Names of the checks that were not run, with the bed's reason.
    pub skipped: Vec<(&'static str, &'static str)>,
}

/// The first check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its name.
    pub check: &'static str,
    /// What was expected and what came.
    pub why: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conformance check `{}` failed: {}", self.check, self.why)
    }
}

impl std::error::Error for Failed {}

/// Runs every check against `bed`.
///
/// # Errors
/// [`Failed`] for the first check that does not pass; the chain is left as that check left it.
pub async fn run(bed: &dyn TestBed) -> Result<Report, Failed> {
    let mut report = Report::default();
    for (check, body) in all() {
        if let Some(reason) = bed.excuse(check) {
            report.skipped.push((check, reason));
            continue;
        }
        let story = Story::new(bed).map_err(|why| Failed { check, why })?;
        body(&story).await.map_err(|why| Failed { check, why })?;
        report.passed.push(check);
    }
    Ok(report)
}

/// Names of all checks, in the order they run.
pub fn checks() -> Vec<&'static str> {
    all().into_iter().map(|(name, _)| name).collect()
}

/// Native points each of the three accounts needs: a tenth of an ether.
pub const NATIVE_NEEDED: u128 = 100_000_000_000_000_000;

/// Units of the token the first account needs.
pub const TOKEN_NEEDED: u64 = 1_000_000;

/// Why a check failed, or nothing.
type Verdict = Result<(), String>;

type Body = for<'a> fn(&'a Story<'a>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

macro_rules! list {
    ($($file:ident::$check:ident),* $(,)?) => {
        vec![$((stringify!($check), (|story| Box::pin($file::$check(story))) as Body)),*]
    };
}

fn all() -> Vec<(&'static str, Body)> {
    list![
        reads::info_names_the_chain_and_its_contract,
        reads::finalized_never_goes_back,
        reads::finalized_after_returns_a_later_block,
        reads::a_range_too_wide_is_refused,
        reads::a_range_not_final_is_refused,
        reads::an_unknown_lock_and_transaction_are_unknown,
        pool::an_account_without_key_is_named,
        pool::a_payment_moves_exactly_its_amount_and_fee,
        pool::prepare_sends_nothing,
        pool::broadcast_may_be_repeated,
        pool::a_used_nonce_is_too_low,
        pool::a_bumped_replacement_wins_and_an_unbumped_one_is_underpriced,
        pool::an_account_that_cannot_pay_is_named,
        pool::a_deployment_tells_what_it_created,
        locks::native_lock_is_claimed_by_its_recipient,
        locks::token_lock_is_claimed_by_its_recipient,
        locks::a_stranger_completes_a_public_claim_for_the_deposit,
        locks::the_loser_of_a_race_is_final_and_failed,
        locks::native_lock_is_refunded_to_its_sender,
        locks::token_lock_is_refunded_to_its_sender,
        locks::prepare_names_what_the_contract_refuses,
        locks::prepare_names_what_the_token_refuses,
        reads::events_come_in_order_and_in_range,
        proofs::logs_of_the_contract_stand_where_its_events_do,
        proofs::logs_beyond_the_tip_or_too_many_are_refused,
        proofs::a_call_reads_what_the_chain_holds,
        proofs::a_provable_chain_shows_linked_headers_and_a_quorum,
        proofs::a_provable_chain_proves_its_state_under_the_root,
    ]
}
