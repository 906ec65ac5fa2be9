//! Transfers found on the chains alone: locks that ask us for an answer, locks of ours that the store does not know,
//! locks to watch. Works on stored facts, not on the stream of events, so the order of reading does not matter; runs only
//! when every chain was read up to its newest final block.

use causeway_adapter_api::{ChainId, Wanted};
use causeway_core::{
    offer::{self, Offer, Terrain},
    swap::{self, Now, Role, Seen, State},
};
use tracing::info;

use super::{DriveError, Router, facts, nothing_wanted, replay, start::salt};
use crate::store::{Change, Creation, Decision, KnownLock, PersistPoint, RecordKey};

impl Router {
    /// Decides about locks nothing was decided about.
    pub(super) async fn discover(&mut self) -> Result<(), DriveError> {
        loop {
            let found = self.shared.store.undecided(AT_ONCE).await?;
            let last = found.len() < AT_ONCE as usize;
            for lock in found {
                self.decide(&lock).await?;
            }
            if last {
                return Ok(());
            }
        }
    }

    async fn decide(&mut self, lock: &KnownLock) -> Result<(), DriveError> {
        let now = self.shared.clocks.now();
        let under = self.shared.store.locks_of(lock.seen.lock.hashlock).await?;
        let mut decision = Decision {
            chain: lock.seen.chain,
            id: lock.seen.id,
            refusal: None,
        };
        let mut create = Vec::new();
        // A swap asks no contract: a lock that does is somebody else's business, as the peg's.
        let plain = lock.seen.lock.terms.hook_flags == 0;
        if plain && self.is_ours(lock.seen.chain, &lock.seen.lock.sender) {
            create.extend(self.adopt(lock, &under, &now).await?);
        }
        // One daemon may hold the keys of both parties: what one of them sent, the other may answer.
        if create.is_empty()
            && let Some(wanted) = &lock.wanted
            && self.is_ours(lock.seen.chain, &lock.seen.lock.recipient)
        {
            match self.reply(lock, wanted, &under, &now).await? {
                Ok(creation) => create.extend(creation),
                Err(refusal) => decision.refusal = Some(refusal),
            }
        }
        create.extend(self.watch(lock, &under, &now).await?);
        if let Some(refusal) = &decision.refusal {
            info!(chain = %lock.seen.chain, lock = %lock.seen.id, %refusal, "lock not answered");
        }
        let begins = !create.is_empty();
        let point = if begins {
            PersistPoint::TransferCreated
        } else {
            PersistPoint::LockDecided
        };
        let change = Change {
            create,
            decision: Some(decision),
            ..Change::default()
        };
        self.commit(point, change).await.map(drop)
    }

    /// T3: answers a lock, or says why not. `Ok(None)` when it is answered already.
    async fn reply(
        &self,
        lock: &KnownLock,
        wanted: &Wanted,
        under: &[KnownLock],
        now: &Now,
    ) -> Result<Result<Option<Creation>, String>, DriveError> {
        if self.known(lock.seen, Role::Counterparty).await? {
            return Ok(Err(
                "another lock of the same hash is answered already".into()
            ));
        }
        let offer = match offer::find(&self.shared.config.offers, &lock.seen, wanted) {
            Ok(offer) => offer,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        // T19: our answer is there already, made before the database was lost.
        let own = |known: &&KnownLock| {
            known.seen.chain == wanted.chain && known.seen.lock.sender == offer.give_account
        };
        if let Some(own) = under.iter().find(own) {
            let state = swap::adopt_counterparty(own.seen, lock.seen);
            return Ok(Ok(Some(taken_up(state, under, now))));
        }
        let terrain = match self.terrain(offer, now).await {
            Ok(terrain) => terrain,
            Err(DriveError::PeerUnknownChain { .. } | DriveError::ConfigUnknownAccount { .. }) => {
                return Ok(Err(
                    "the offer names a chain or an account that is not configured".into(),
                ));
            }
            Err(error) => return Err(error),
        };
        Ok(offer::answer(offer, &lock.seen, wanted, &terrain)
            .map_err(|refusal| refusal.to_string())
            .map(|plan| {
                let (state, effects) = swap::join(plan, lock.seen);
                Some(Creation {
                    state,
                    effects,
                    secret: None,
                })
            }))
    }

    async fn terrain(&self, offer: &Offer, now: &Now) -> Result<Terrain, DriveError> {
        let give = self.shared.linked(offer.give_chain)?;
        if !give
            .lanes
            .iter()
            .any(|lane| lane.account == offer.give_account)
        {
            let (chain, account) = (offer.give_chain, offer.give_account);
            return Err(DriveError::ConfigUnknownAccount { chain, account });
        }
        Ok(Terrain {
            timing: self
                .shared
                .timing(offer.take_chain, offer.give_chain)
                .await?,
            windows: self.shared.config.windows,
            now: now.of(offer.give_chain).latest,
            salt: salt()?,
            spender: give.chain.info().hash_time_lock,
        })
    }

    /// T19: a lock of ours that no transfer knows.
    async fn adopt(
        &self,
        lock: &KnownLock,
        under: &[KnownLock],
        now: &Now,
    ) -> Result<Option<Creation>, DriveError> {
        for role in [Role::Initiator, Role::Counterparty] {
            if self.gives(lock.seen, role).await? {
                return Ok(None);
            }
        }
        let asks_for_it = |other: &&KnownLock| {
            other
                .wanted
                .is_some_and(|wanted| wanted.chain == lock.seen.chain)
                && other.seen.chain != lock.seen.chain
                && self.is_ours(other.seen.chain, &other.seen.lock.recipient)
        };
        let state = match (lock.wanted, under.iter().find(asks_for_it)) {
            (None, Some(theirs)) if !self.known(lock.seen, Role::Counterparty).await? => {
                swap::adopt_counterparty(lock.seen, theirs.seen)
            }
            _ if self.known(lock.seen, Role::Initiator).await? => return Ok(None),
            (wanted, _) => {
                let wanted = wanted.unwrap_or_else(|| nothing_wanted(&lock.seen));
                swap::adopt_initiator(lock.seen, wanted)
            }
        };
        info!(transfer_id = %state.id(), role = %state.role(), "lock of ours taken up from the chain");
        Ok(Some(taken_up(state, under, now)))
    }

    /// T14: a lock worth looking after.
    async fn watch(
        &self,
        lock: &KnownLock,
        under: &[KnownLock],
        now: &Now,
    ) -> Result<Option<Creation>, DriveError> {
        let Some(tower) = &self.shared.config.watchtower else {
            return Ok(None);
        };
        let paid = |known: &KnownLock| {
            swap::watchable(&known.seen.lock)
                && known.seen.lock.deposit >= tower.min_deposit
                && tower
                    .accounts
                    .iter()
                    .any(|account| account.chain == known.seen.chain)
        };
        if !paid(lock) || self.known(lock.seen, Role::Watchtower).await? {
            return Ok(None);
        }
        let state = swap::watch(lock.seen, tower.accounts.clone());
        let under: Vec<KnownLock> = under.iter().filter(|known| paid(known)).cloned().collect();
        Ok(Some(taken_up(state, &under, now)))
    }

    fn is_ours(&self, chain: ChainId, account: &alloy_primitives::Address) -> bool {
        let linked = self.shared.linked(chain);
        linked.is_ok_and(|linked| linked.lanes.iter().any(|lane| lane.account == *account))
    }

    /// Whether we have this part in the transfer of the lock, ended or not.
    async fn known(&self, seen: Seen, role: Role) -> Result<bool, DriveError> {
        let id = seen.lock.hashlock.into();
        if self.open.contains_key(&RecordKey { id, role }) {
            return Ok(true);
        }
        Ok(self
            .shared
            .store
            .records_of(id)
            .await?
            .iter()
            .any(|record| record.key.role == role))
    }

    /// Whether a transfer of ours made exactly this lock.
    async fn gives(&self, seen: Seen, role: Role) -> Result<bool, DriveError> {
        let records = self
            .shared
            .store
            .records_of(seen.lock.hashlock.into())
            .await?;
        Ok(records.iter().any(|record| match &record.state {
            State::Party(party) => {
                let give = party.plan.give;
                record.key.role == role && give.chain == seen.chain && give.lock == seen.lock
            }
            State::Watchtower(_) => false,
        }))
    }
}

fn taken_up(state: State, under: &[KnownLock], now: &Now) -> Creation {
    // Locks before what became of them: only then does a claim find its lock.
    let (locked, closed): (Vec<_>, Vec<_>) = under
        .iter()
        .flat_map(facts)
        .partition(|fact| matches!(fact, swap::Event::Locked(_)));
    let (state, effects) = replay(state, Vec::new(), &[locked, closed].concat(), now);
    Creation {
        state,
        effects,
        secret: None,
    }
}

/// Locks decided about in one read.
const AT_ONCE: u32 = 64;
