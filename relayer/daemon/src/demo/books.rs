//! Balances read from chain state, and what must hold between before and after.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, ChainReader as _};
use serde::{Serialize, Serializer};

use super::{DemoError, PAID, SHARE, SWAPPED, Stage, WATCHED, points};
use crate::{
    hosting::Hosting,
    local::{ALICE, BOB, CAROL, DAVE},
};

/// Stands for the lock contract among the accounts.
const LOCKED: &str = "locked";

/// Balances on both chains.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Books {
    pub(super) public: Book,
    pub(super) consortium: Book,
}

/// Balances on one chain at its newest final block.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Book {
    pub(super) height: u64,
    /// By account, the lock contract included.
    accounts: BTreeMap<String, Balance>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Balance {
    #[serde(serialize_with = "decimal")]
    native: U256,
    #[serde(serialize_with = "decimal")]
    points: U256,
}

/// What was found.
pub(super) struct Verdict {
    /// What does not hold; empty when all does.
    pub(super) wrong: Vec<String>,
    /// Native wei that left the accounts of the public chain: fees.
    pub(super) fees: U256,
}

impl Books {
    pub(super) async fn read(stage: &Stage<'_>) -> Result<Self, DemoError> {
        let accounts = &stage.daemon.chains.accounts;
        Ok(Self {
            public: Book::read(stage.public, accounts).await?,
            consortium: Book::read(stage.consortium, accounts).await?,
        })
    }

    pub(super) fn compare(&self, before: &Self, stage: &Stage<'_>) -> Verdict {
        let mut wrong = Vec::new();
        let pairs = [
            (&stage.public.name, &before.public, &self.public),
            (&stage.consortium.name, &before.consortium, &self.consortium),
        ];
        for (chain, old, new) in pairs {
            let mut must = |holds: bool, what: &str| {
                if !holds {
                    wrong.push(format!("{chain}: {what}"));
                }
            };
            must(
                old.sum(|b| b.points) == new.sum(|b| b.points),
                "points were made or lost",
            );
            must(
                old.of(LOCKED, |b| b.points) == new.of(LOCKED, |b| b.points),
                "points are still locked",
            );
            must(
                old.of(LOCKED, |b| b.native) == new.of(LOCKED, |b| b.native),
                "deposits are still locked",
            );
            must(
                new.sum(|b| b.native) <= old.sum(|b| b.native),
                "native points were made",
            );
        }
        if self.consortium.sum(|b| b.native) != before.consortium.sum(|b| b.native) {
            wrong.push("consortium: native points were lost although nothing costs a fee".into());
        }
        wrong.extend(self.moved(before));
        let (old, new) = (
            before.public.sum(|b| b.native),
            self.public.sum(|b| b.native),
        );
        Verdict {
            wrong,
            fees: old.saturating_sub(new),
        }
    }

    /// Every party has exactly what was agreed, the refunded lock counting nothing.
    fn moved(&self, before: &Self) -> Vec<String> {
        let expected = [
            (ALICE, SWAPPED + SHARE, 0, 0, SWAPPED),
            (BOB, 0, SWAPPED + SHARE, SWAPPED, 0),
            (CAROL, WATCHED + PAID, 0, 0, WATCHED),
            (DAVE, 0, WATCHED + PAID, WATCHED, 0),
        ];
        let mut wrong = Vec::new();
        for (name, public_out, public_in, consortium_out, consortium_in) in expected {
            let sides = [
                (
                    "public",
                    &before.public,
                    &self.public,
                    public_out,
                    public_in,
                ),
                (
                    "consortium",
                    &before.consortium,
                    &self.consortium,
                    consortium_out,
                    consortium_in,
                ),
            ];
            for (chain, old, new, out, into) in sides {
                let due = old.of(name, |b| b.points) + U256::from(into) - U256::from(out);
                let got = new.of(name, |b| b.points);
                if due != got {
                    wrong.push(format!("{chain}: {name} has {got} points, expected {due}"));
                }
            }
        }
        wrong
    }
}

impl Book {
    async fn read(
        hosting: &Hosting,
        accounts: &BTreeMap<String, Address>,
    ) -> Result<Self, DemoError> {
        let chain = &hosting.chain;
        let locked = chain.info().hash_time_lock;
        let all = accounts
            .iter()
            .map(|(name, address)| (name.as_str(), *address));
        let mut book = Self {
            height: chain.finalized().await?.height.0,
            accounts: BTreeMap::new(),
        };
        for (name, address) in all.chain([(LOCKED, locked)]) {
            let balance = Balance {
                native: chain.balance(Asset::Native, address).await?,
                points: chain.balance(points(hosting), address).await?,
            };
            book.accounts.insert(name.to_owned(), balance);
        }
        Ok(book)
    }

    fn sum(&self, of: impl Fn(&Balance) -> U256) -> U256 {
        self.accounts
            .values()
            .map(of)
            .fold(U256::ZERO, U256::saturating_add)
    }

    fn of(&self, name: &str, of: impl Fn(&Balance) -> U256) -> U256 {
        self.accounts.get(name).map(of).unwrap_or_default()
    }
}

fn decimal<S: Serializer>(value: &U256, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
