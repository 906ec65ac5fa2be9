//! State of a mock chain and the rules of its `HashTimeLock` and ERC-20 tokens. Pure.

use std::collections::HashMap;

use alloy_primitives::{Address, Bytes, U256, keccak256};

use crate::{
    Action, Asset, EventKind, Lock, LockId, LockState, Preimage, Terms, Timestamp, Wanted,
};

/// Balances, allowances, locks and nonces after some block.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    balances: HashMap<(Asset, Address), U256>,
    allowances: HashMap<(Address, Address, Address), U256>,
    locks: HashMap<LockId, LockState>,
    nonces: HashMap<Address, u64>,
}

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) caller: Address,
    pub(super) nonce: u64,
    pub(super) now: Timestamp,
    pub(super) contract: Address,
}

/// What a successful call left behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) event: Option<(LockId, EventKind)>,
    pub(super) created: Option<Address>,
}

/// Name and arguments of the error, as the contract would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revert(pub(super) String);

impl Ledger {
    /// Runs `action`; on `Err` the caller throws this ledger away.
    pub(super) fn apply(&mut self, action: &Action, at: Context) -> Result<Outcome, Revert> {
        match action {
            Action::Lock { lock, wanted } => self.lock(lock, *wanted, at),
            Action::Claim { lock, preimage } => self.claim(lock, preimage, at),
            Action::Refund { lock } => self.refund(lock, at),
            Action::Approve {
                token,
                spender,
                amount,
            } => {
                self.allowances
                    .insert((*token, at.caller, *spender), *amount);
                Ok(Outcome::default())
            }
            Action::Call { to, value, data } => self.call(*to, *value, data, at),
        }
    }

    pub(super) fn credit(&mut self, asset: Asset, owner: Address, amount: U256) {
        let balance = self.balances.entry((asset, owner)).or_default();
        *balance = balance.saturating_add(amount);
    }

    pub(super) fn debit(
        &mut self,
        asset: Asset,
        owner: Address,
        amount: U256,
    ) -> Result<(), Revert> {
        let have = self.balance(asset, owner);
        let rest = have.checked_sub(amount).ok_or_else(|| match asset {
            Asset::Native => revert("InsufficientNative", &[&have, &amount]),
            Asset::Token(_) => revert("ERC20InsufficientBalance", &[&owner, &have, &amount]),
        })?;
        self.balances.insert((asset, owner), rest);
        Ok(())
    }

    pub(super) fn bump_nonce(&mut self, account: Address) {
        let nonce = self.nonces.entry(account).or_default();
        *nonce = nonce.saturating_add(1);
    }

    pub(super) fn balance(&self, asset: Asset, owner: Address) -> U256 {
        self.balances
            .get(&(asset, owner))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn nonce(&self, account: Address) -> u64 {
        self.nonces.get(&account).copied().unwrap_or_default()
    }

    pub(super) fn lock_state(&self, id: LockId) -> LockState {
        self.locks.get(&id).copied().unwrap_or(LockState::Unknown)
    }

    fn lock(
        &mut self,
        lock: &Lock,
        wanted: Option<Wanted>,
        at: Context,
    ) -> Result<Outcome, Revert> {
        if lock.sender != at.caller {
            return Err(revert("LockNotBySender", &[&at.caller, &lock.sender]));
        }
        check_parties(lock, at)?;
        check_windows(lock.terms, at.now)?;
        check_options(lock)?;
        let id = id_of(lock)?;
        if self.lock_state(id) != LockState::Unknown {
            return Err(revert("LockKnown", &[&id, &self.state_number(id)]));
        }
        self.debit(Asset::Native, at.caller, lock.deposit)?;
        if let Asset::Token(token) = lock.asset {
            self.spend_allowance(token, at.caller, at.contract, lock.amount)?;
        }
        self.debit(lock.asset, at.caller, lock.amount)?;
        self.credit(lock.asset, at.contract, lock.amount);
        self.credit(Asset::Native, at.contract, lock.deposit);
        self.locks.insert(
            id,
            LockState::Open {
                claimed: U256::ZERO,
            },
        );
        Ok(event(
            id,
            EventKind::Locked {
                lock: *lock,
                wanted,
            },
        ))
    }

    fn claim(&mut self, lock: &Lock, preimage: &Preimage, at: Context) -> Result<Outcome, Revert> {
        let terms = lock.terms;
        if at.now >= terms.refund_at {
            return Err(revert("ClaimTooLate", &[&at.now, &terms.refund_at]));
        }
        if at.now < terms.public_claim_at && at.caller != lock.recipient {
            return Err(revert(
                "ClaimStillPrivate",
                &[&at.caller, &lock.recipient, &terms.public_claim_at],
            ));
        }
        if terms.parts != 1 {
            return Err(revert("ClaimNeedsPart", &[&terms.parts]));
        }
        let id = self.open_lock(lock)?;
        if preimage.hashlock() != lock.hashlock {
            return Err(revert(
                "ClaimWrongPreimage",
                &[&preimage.hashlock(), &lock.hashlock],
            ));
        }
        self.locks.insert(id, LockState::Closed);
        self.pay(lock, lock.recipient, at)?;
        Ok(event(
            id,
            EventKind::Claimed {
                preimage: preimage.clone(),
                by: at.caller,
            },
        ))
    }

    fn refund(&mut self, lock: &Lock, at: Context) -> Result<Outcome, Revert> {
        let terms = lock.terms;
        if at.now < terms.refund_at {
            return Err(revert("RefundTooEarly", &[&at.now, &terms.refund_at]));
        }
        if at.now < terms.public_refund_at && at.caller != lock.sender {
            return Err(revert(
                "RefundStillPrivate",
                &[&at.caller, &lock.sender, &terms.public_refund_at],
            ));
        }
        let id = self.open_lock(lock)?;
        // As the contract: a lock refunded whole after its deadline is forgotten.
        self.locks.remove(&id);
        self.pay(lock, lock.sender, at)?;
        Ok(event(
            id,
            EventKind::Refunded {
                amount: lock.amount,
                by: at.caller,
            },
        ))
    }

    fn call(
        &mut self,
        to: Option<Address>,
        value: U256,
        data: &Bytes,
        at: Context,
    ) -> Result<Outcome, Revert> {
        let created = to.is_none().then(|| created_by(at.caller, at.nonce));
        if created.is_some() && data.is_empty() {
            return Err(revert("EmptyCreationCode", &[]));
        }
        let payee = to.or(created).unwrap_or_default();
        self.debit(Asset::Native, at.caller, value)?;
        self.credit(Asset::Native, payee, value);
        Ok(Outcome {
            event: None,
            created,
        })
    }

    fn open_lock(&self, lock: &Lock) -> Result<LockId, Revert> {
        let id = id_of(lock)?;
        match self.lock_state(id) {
            LockState::Open { .. } => Ok(id),
            LockState::Unknown | LockState::Closed => {
                Err(revert("LockNotOpen", &[&id, &self.state_number(id)]))
            }
        }
    }

    /// The contract's enum: none, open, claimed.
    fn state_number(&self, id: LockId) -> u8 {
        match self.lock_state(id) {
            LockState::Unknown => 0,
            LockState::Open { .. } => 1,
            LockState::Closed => 2,
        }
    }

    /// Pays `party` the amount and the caller the deposit.
    fn pay(&mut self, lock: &Lock, party: Address, at: Context) -> Result<(), Revert> {
        self.debit(lock.asset, at.contract, lock.amount)?;
        self.credit(lock.asset, party, lock.amount);
        self.debit(Asset::Native, at.contract, lock.deposit)?;
        self.credit(Asset::Native, at.caller, lock.deposit);
        Ok(())
    }

    fn spend_allowance(
        &mut self,
        token: Address,
        owner: Address,
        spender: Address,
        need: U256,
    ) -> Result<(), Revert> {
        let allowance = self.allowances.entry((token, owner, spender)).or_default();
        if *allowance < need {
            return Err(revert(
                "ERC20InsufficientAllowance",
                &[&spender, allowance, &need],
            ));
        }
        // As OpenZeppelin's: an unlimited allowance is not used up.
        if *allowance != U256::MAX {
            *allowance -= need;
        }
        Ok(())
    }
}

fn check_parties(lock: &Lock, at: Context) -> Result<(), Revert> {
    let zeros = [
        lock.hashlock.0.is_zero(),
        lock.sender.is_zero(),
        lock.recipient.is_zero(),
        lock.amount.is_zero(),
    ];
    if let Some(field) = zeros.iter().position(|zero| *zero) {
        return Err(revert("LockFieldZero", &[&field]));
    }
    if lock.recipient == at.contract || lock.recipient == lock.asset.address() {
        return Err(revert("LockRecipientRefused", &[&lock.recipient]));
    }
    Ok(())
}

fn check_windows(terms: Terms, now: Timestamp) -> Result<(), Revert> {
    let (claim, refund, public) = (
        terms.public_claim_at,
        terms.refund_at,
        terms.public_refund_at,
    );
    if claim <= now {
        return Err(revert("LockWindowPast", &[&claim, &now]));
    }
    if claim >= refund || refund >= public {
        return Err(revert("LockWindowsDisordered", &[&claim, &refund, &public]));
    }
    for window in [refund.since(now), public.since(refund)] {
        if window < MIN_WINDOW {
            return Err(revert("LockWindowShort", &[&window, &MIN_WINDOW]));
        }
    }
    let horizon = public.since(now);
    if horizon > MAX_HORIZON {
        return Err(revert("LockHorizonFar", &[&horizon, &MAX_HORIZON]));
    }
    Ok(())
}

fn check_options(lock: &Lock) -> Result<(), Revert> {
    let terms = lock.terms;
    if terms.parts == 0 || terms.parts > MAX_PARTS || U256::from(terms.parts) > lock.amount {
        return Err(revert("LockPartsRefused", &[&terms.parts, &MAX_PARTS]));
    }
    if terms.hook_flags != 0 || !lock.hooks.is_zero() {
        // No contract is deployed here that could judge.
        return Err(revert(
            "LockHooksRefused",
            &[&terms.hook_flags, &lock.hooks],
        ));
    }
    Ok(())
}

fn id_of(lock: &Lock) -> Result<LockId, Revert> {
    lock.id().map_err(|_| revert("LockNotEncodable", &[]))
}

/// Not the real rule (that needs RLP), but like it: only the creator and its nonce decide.
fn created_by(creator: Address, nonce: u64) -> Address {
    Address::from_word(keccak256(
        [creator.as_slice(), &nonce.to_be_bytes()].concat(),
    ))
}

const fn event(id: LockId, kind: EventKind) -> Outcome {
    Outcome {
        event: Some((id, kind)),
        created: None,
    }
}

fn revert(name: &str, args: &[&dyn std::fmt::Display]) -> Revert {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string()).collect();
    Revert(format!("{name}({})", args.join(", ")))
}

const MIN_WINDOW: u64 = 4;
const MAX_HORIZON: u64 = 366 * 24 * 60 * 60;
const MAX_PARTS: u16 = 240;
