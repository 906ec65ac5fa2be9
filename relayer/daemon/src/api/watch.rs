//! Rules about what comes in: tokens that are not backed, feeds that leave their band or fall silent, deadlines that are too
//! near to each other for how slow the chains have become.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use causeway_adapter_api::{ChainId, Timestamp};
use causeway_core::{
    margin::{self, MarginError, Timing},
    swap::{State, Take},
};
use tracing::warn;

use super::{App, feeds::decimal};
use crate::{
    alarms::Rule,
    oracle::feeds::{FeedNews, FeedSite, Said},
    store::Record,
    supply::SupplyNews,
};

/// A token that is not backed is an alarm until it is backed again.
pub(super) fn supply(app: &App, news: &SupplyNews) {
    let finding = &news.row.statement.finding;
    if finding.is_alarm() {
        let text = format!(
            "the supply statement of {} does not hold: {finding:?}",
            news.peg
        );
        app.alarms.raise(Rule::Supply, &news.peg, text);
    } else {
        app.alarms.clear(Rule::Supply, &news.peg);
    }
}

/// What an aggregator says of its alarm and of silence.
pub(super) fn feed(app: &App, news: &FeedNews) {
    let (site, chain) = (&news.site, news.chain);
    match news.fact.said {
        Said::AlarmRaised { round, value, .. } => out_of_band(app, site, chain, round, value),
        Said::AlarmCleared { .. } => app.alarms.clear(Rule::Threshold, about(app, site, chain)),
        Said::Stale { .. } => silent(app, site, chain),
        Said::Answered { .. } => app.alarms.clear(Rule::Stale, about(app, site, chain)),
        Said::Configured { .. } | Said::Requested { .. } => {}
    }
}

/// The same of all aggregators as they stand: what was said while nobody listened.
pub(super) async fn feeds(app: &App) {
    for site in app.feeds.sites() {
        let view = match app.feeds.view(site).await {
            Ok(view) => view,
            Err(error) => {
                warn!(feed = site.name, %error, "a feed is not looked after");
                continue;
            }
        };
        for end in &view.ends {
            let (chain, standing) = (end.end.chain, &end.standing);
            match standing.answer {
                Some(answer) if standing.alarm => {
                    out_of_band(app, site, chain, answer.round, answer.value);
                }
                _ => app.alarms.clear(Rule::Threshold, about(app, site, chain)),
            }
            if standing.stale {
                silent(app, site, chain);
            } else {
                app.alarms.clear(Rule::Stale, about(app, site, chain));
            }
        }
    }
}

fn out_of_band(app: &App, site: &FeedSite, chain: ChainId, round: u32, value: i128) {
    let value = decimal(value, site.decimals);
    let text = format!(
        "round {round} of {} on {} answers {value}, which is out of its band for too long",
        site.name,
        app.chain_name(chain)
    );
    app.alarms
        .raise(Rule::Threshold, about(app, site, chain), text);
}

fn silent(app: &App, site: &FeedSite, chain: ChainId) {
    let text = format!(
        "{} has had no answer on {} for too long",
        site.name,
        app.chain_name(chain)
    );
    app.alarms.raise(Rule::Stale, about(app, site, chain), text);
}

fn about(app: &App, site: &FeedSite, chain: ChainId) -> String {
    format!("{}/{}", site.name, app.chain_name(chain))
}

/// Looks at the deadlines of open swaps, again and again, by what the chains take now.
pub(super) async fn margins(app: Arc<App>) {
    let mut stopping = app.stopping.subscribe();
    let mut thin = BTreeSet::new();
    loop {
        if let Err(problem) = look(&app, &mut thin).await {
            warn!(problem, "deadlines are not looked after for now");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            // An error means that the API is gone.
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

async fn look(app: &App, thin: &mut BTreeSet<String>) -> Result<(), String> {
    let mut now_thin = BTreeSet::new();
    let mut offset = 0;
    loop {
        let page = app.driver.list(PAGE, offset).await;
        let page = page.map_err(|error| error.to_string())?;
        for record in &page {
            let Some((chains, deadlines)) = deadlines(record) else {
                continue;
            };
            let timing = app.driver.timing(chains.0, chains.1).await;
            let timing = timing.map_err(|error| error.to_string())?;
            let Err(error) = enough(deadlines, &timing) else {
                continue;
            };
            let id = record.key.id.to_string();
            let (a, b) = (app.chain_name(chains.0), app.chain_name(chains.1));
            let text =
                format!("between the locks on {a} and {b}: {error}, by what both chains take now");
            if !thin.contains(&id) {
                app.alarms.raise(Rule::Margin, &id, text);
            }
            now_thin.insert(id);
        }
        if page.len() < PAGE as usize || offset >= MOST {
            break;
        }
        offset += PAGE;
    }
    for over in thin.difference(&now_thin) {
        app.alarms.clear(Rule::Margin, over.as_str());
    }
    *thin = now_thin;
    Ok(())
}

/// Deadlines of the initiator's lock and of the counterparty's, where both are locked and the swap is open.
type Deadlines = (Timestamp, Timestamp);

fn deadlines(record: &Record) -> Option<((ChainId, ChainId), Deadlines)> {
    let State::Party(party) = &record.state else {
        return None;
    };
    if record.state.outcome().is_some() {
        return None;
    }
    let Take::Seen { seen, .. } = &party.take else {
        return None;
    };
    let ours = (party.plan.give.chain, party.plan.give.lock.terms.refund_at);
    let theirs = (seen.chain, seen.lock.terms.refund_at);
    // The initiator's is the later one, whoever we are.
    let (a, b) = if ours.1 >= theirs.1 {
        (ours, theirs)
    } else {
        (theirs, ours)
    };
    Some(((a.0, b.0), (a.1, b.1)))
}

fn enough((t_a, t_b): Deadlines, timing: &Timing) -> Result<(), MarginError> {
    margin::check(t_a, t_b, timing)
}

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Transfers of one page.
const PAGE: u32 = 200;
/// Newest transfers that are looked at.
const MOST: u32 = 2_000;

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, U256};
    use causeway_adapter_api::{Asset, Hashlock, Lock, LockId, Terms};
    use causeway_core::{
        margin::ChainTiming,
        swap::{Asked, Fate, Give, Leg, Outcome, Party, Plan, Seen, Side},
    };

    use super::*;
    use crate::store::RecordKey;

    fn lock(refund_at: u64) -> Lock {
        Lock {
            hashlock: Hashlock(B256::repeat_byte(1)),
            sender: Address::ZERO,
            recipient: Address::ZERO,
            asset: Asset::Native,
            amount: U256::from(1),
            deposit: U256::ZERO,
            terms: Terms {
                public_claim_at: Timestamp(refund_at),
                refund_at: Timestamp(refund_at),
                public_refund_at: Timestamp(refund_at),
                parts: 1,
                hook_flags: 0,
                salt: 0,
            },
            hooks: Address::ZERO,
        }
    }

    /// We answered on chain 2, where our lock ends at 1000; the initiator's on chain 1 ends at 1500.
    fn record(ended: Option<Outcome>) -> Record {
        let state = State::Party(Party {
            plan: Plan {
                give: Leg {
                    chain: ChainId(2),
                    lock: lock(1_000),
                },
                spender: Address::ZERO,
                margin: 500,
                settle: 4,
                lock_by: Timestamp(900),
            },
            side: Side::Counterparty,
            give: Give::Approving,
            take: Take::Seen {
                seen: Seen {
                    chain: ChainId(1),
                    id: LockId(B256::repeat_byte(2)),
                    lock: lock(1_500),
                },
                fate: Fate::Open,
            },
            preimage: None,
            asked: Asked::default(),
            ended,
        });
        Record {
            key: RecordKey::from(&state),
            state,
            revision: 0,
            created_at: 0,
            updated_at: 0,
        }
    }

    fn timing(finality_ms: u64) -> Timing {
        let chain = ChainTiming {
            inclusion_ms: 1_000,
            finality_ms,
        };
        Timing {
            a: chain,
            b: chain,
            skew: 10,
            outage: 300,
        }
    }

    #[test]
    fn deadlines_that_were_far_enough_are_too_near_once_the_chains_are_slow() {
        let (chains, both) = deadlines(&record(None)).expect("both are locked");

        assert_eq!(chains, (ChainId(1), ChainId(2)));
        assert_eq!(enough(both, &timing(1_000)), Ok(()));
        assert_eq!(
            enough(both, &timing(200_000)),
            Err(MarginError::TooThin {
                expected: 714,
                got: 500
            })
        );
    }

    #[test]
    fn a_transfer_that_is_over_has_no_margin() {
        assert!(deadlines(&record(Some(Outcome::Completed))).is_none());
    }
}
