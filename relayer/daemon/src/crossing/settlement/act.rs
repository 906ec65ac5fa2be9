//! From effects to transactions.

use alloy_primitives::{Address, Bytes, U256};
use causeway_adapter_api::{ChainId, Checkpoint};
use causeway_contracts::deal::{VERDICTS_SLOT, domain, mapping_slot, signed_hash, verdict};
use causeway_core::{
    settlement::{Deal, Effect, Outcome, Party, State},
    swap::Failure,
};

use super::{SettlementSite, Settlements, abi};
use crate::{
    crossing::{Act, Belief, CrossingError, Evidence, Ground, Ordered, Question, Wish},
    store::{Allowed, RelayCall},
};

impl Settlements {
    /// See [`crate::crossing::Kind::act`].
    pub(super) async fn do_act(
        &self,
        ground: &Ground,
        state: &State,
        wish: &Wish<Effect>,
    ) -> Result<Act, CrossingError> {
        let deal = &state.plan.deal;
        let Some(site) = self.site(deal) else {
            let why = "its contracts are no longer configured".to_owned();
            return Ok(Act::Fail(Failure::Unable(why)));
        };
        let at = At { ground, site, deal };
        match &wish.effect {
            Effect::Approve {
                account,
                token,
                spender,
                amount,
                not_after,
            } => {
                let call = RelayCall {
                    to: *token,
                    allows: Some(Allowed {
                        spender: *spender,
                        at_least: *amount,
                    }),
                    start_before: Some(*not_after),
                    ..RelayCall::default()
                };
                Ok(ordered(account.chain, account.address, call, None))
            }
            // S1: once per id.
            Effect::Open { .. } if at.standing().await?.made => Ok(Act::Moot),
            Effect::Open { not_after, .. } => {
                let call = RelayCall {
                    to: site.escrow,
                    data: abi::open(deal),
                    value: if deal.asset.address().is_zero() {
                        deal.amount
                    } else {
                        U256::ZERO
                    },
                    start_before: Some(*not_after),
                    ..RelayCall::default()
                };
                Ok(ordered(deal.public, deal.initiator, call, None))
            }
            // S4: after the verdict nothing is confirmed.
            Effect::Confirm { .. } if at.published().await? => Ok(Act::Moot),
            Effect::Confirm {
                party,
                outcome,
                start_before,
                ..
            } => {
                let call = RelayCall {
                    start_before: Some(*start_before),
                    ..RelayCall::default()
                };
                Ok(self.confirm(site, deal, (*party, outcome), call))
            }
            // S5: a verdict that came twice changes nothing.
            Effect::Prove { outcome, .. } => at.prove(outcome).await,
            Effect::Release { .. } if !at.standing().await?.open => Ok(Act::Moot),
            Effect::Release {
                outcome,
                initiator,
                counterparty,
                ..
            } => {
                let data = abi::release(deal, outcome, [initiator, counterparty]);
                Ok(at.escrow(data, None))
            }
            Effect::Refund { .. } if !at.standing().await?.open => Ok(Act::Moot),
            Effect::Refund { not_before, .. } => {
                // S7: what has no verdict in a block at or past the deadline never gets one.
                let late = |checkpoint: &Checkpoint| checkpoint.time >= *not_before;
                let proof = at.evidence(&late, &|value| value.is_zero()).await?;
                Ok(proof.map_or(Act::NotYet, |proof| {
                    let height = proof.checkpoint.height;
                    at.escrow(abi::refund(deal, proof), Some(height))
                }))
            }
        }
    }

    /// S3: this party's signature of exactly this outcome.
    fn confirm(
        &self,
        site: &SettlementSite,
        deal: &Deal,
        (party, outcome): (Party, &Outcome),
        call: RelayCall,
    ) -> Act {
        let account = match party {
            Party::Initiator => deal.initiator,
            Party::Counterparty => deal.counterparty,
        };
        let Outcome {
            digest,
            to_counterparty,
        } = *outcome;
        let domain = domain(deal.public.0, site.escrow);
        let signed = signed_hash(&domain, deal.id, digest, to_counterparty);
        let Some(signature) = self.signers.sign(account, signed) else {
            let why = format!("the key of {account} is no longer configured");
            return Act::Fail(Failure::Unable(why));
        };
        let call = RelayCall {
            to: site.settlement,
            data: abi::confirm(deal, outcome, signature),
            ..call
        };
        ordered(deal.consortium, account, call, None)
    }
}

/// A deal where it lives.
struct At<'a> {
    ground: &'a Ground,
    site: &'a SettlementSite,
    deal: &'a Deal,
}

impl At<'_> {
    /// S9: the verdict's slot, shown to the escrow, unless the gateway was quicker.
    async fn prove(&self, outcome: &Outcome) -> Result<Act, CrossingError> {
        let (id, standing) = (self.deal.id, self.standing().await?);
        let expected = verdict(id, outcome.digest, outcome.to_counterparty);
        if standing.verdict == expected || !standing.open {
            return Ok(Act::Moot);
        }
        let shown = |value: U256| value == U256::from_be_bytes(expected.0);
        let proof = self.evidence(&|_| true, &shown).await?;
        Ok(proof.map_or(Act::NotYet, |proof| {
            let height = proof.checkpoint.height;
            self.escrow(abi::prove(id, outcome, proof), Some(height))
        }))
    }

    /// What `Settlement` stores for the deal, in a checkpoint that the public chain knows.
    async fn evidence(
        &self,
        enough: &(dyn Fn(&Checkpoint) -> bool + Sync),
        holds: &(dyn Fn(U256) -> bool + Sync),
    ) -> Result<Option<Evidence>, CrossingError> {
        let belief = Belief {
            of: self.deal.consortium,
            on: self.deal.public,
            client: self.site.client,
            account: self.site.account,
        };
        let question = Question {
            account: self.site.settlement,
            slot: mapping_slot(self.deal.id, VERDICTS_SLOT),
            enough,
            holds,
        };
        self.ground.evidence(&belief, &question).await
    }

    /// How the escrow stands at the newest final block.
    async fn standing(&self) -> Result<abi::Standing, CrossingError> {
        let question = abi::state_of(self.deal.id);
        let (chain, contract) = (self.deal.public, "SettlementEscrow");
        let answer = self.asked(chain, self.site.escrow, question).await?;
        abi::standing(&answer).ok_or(CrossingError::NodeMalformed { chain, contract })
    }

    /// Whether there is a verdict at the newest final block.
    async fn published(&self) -> Result<bool, CrossingError> {
        let question = abi::verdict_of(self.deal.id);
        let chain = self.deal.consortium;
        let answer = self.asked(chain, self.site.settlement, question).await?;
        let verdict = U256::try_from_be_slice(&answer).filter(|_| answer.len() == 32);
        let contract = "Settlement";
        verdict
            .map(|verdict| !verdict.is_zero())
            .ok_or(CrossingError::NodeMalformed { chain, contract })
    }

    async fn asked(
        &self,
        chain: ChainId,
        contract: Address,
        data: Bytes,
    ) -> Result<Bytes, CrossingError> {
        let chain = self.ground.chain(chain)?;
        let at = chain.finalized().await?.height;
        Ok(chain.call(contract, data, at).await?)
    }

    /// A call of the escrow that anyone may make.
    fn escrow(&self, data: Bytes, proved_at: Option<causeway_adapter_api::Height>) -> Act {
        let call = RelayCall {
            to: self.site.escrow,
            data,
            ..RelayCall::default()
        };
        ordered(self.deal.public, self.site.account, call, proved_at)
    }
}

fn ordered(
    chain: ChainId,
    account: Address,
    call: RelayCall,
    proved_at: Option<causeway_adapter_api::Height>,
) -> Act {
    Act::from(Ordered {
        chain,
        account,
        call,
        proved_at,
    })
}
