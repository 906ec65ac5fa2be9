//! Alice locks, and nobody answers.
#![allow(missing_docs)]

use anyhow::{Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, alice_gives, ended, explained},
};

const AMOUNT: u64 = 4_000;

#[test]
fn an_initiator_whom_nobody_answers_is_refunded() -> Result<()> {
    let causeway = Causeway::new()?;
    let _daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;

    // Dave's key is no key of the daemon, and dave sleeps.
    let id = alice_gives(&causeway, AMOUNT, "dave")?;
    explained(&causeway, &id, "the other party is to lock")?;
    let locked = Books::now(&causeway)?;
    let alice = ended(&causeway, &id, "initiator")?;

    ensure!(
        locked.moved(&before, "public", "alice")? == -i128::from(AMOUNT),
        "nothing was locked"
    );
    ensure!(alice["outcome"] == "refunded", "{alice}");
    Books::now(&causeway)?.as_before(&before)
}
