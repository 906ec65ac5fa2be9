//! What operators send each other, and the one way from there to an [`Event`].

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, Signature};
use serde::{Deserialize, Serialize};

use super::{Complete, Event, Place, Proposal, Round, Rules, SignedObservation, State};

/// Bytes of a signature: `r | vs` (EIP-2098).
const SIGNATURE: usize = 64;

/// What one operator sends to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// What it saw; to all.
    Observation(SignedObservation),
    /// As a leader, a report and what it is made of; to all.
    Proposal(Proposal),
    /// Its signature of the leader's proposal; to the leader.
    Signature {
        /// The proposal's round.
        round: Round,
        /// The signature.
        signature: Bytes,
    },
    /// A complete report; to all.
    Complete(Complete),
}

/// Why a message is refused. Each one names an operator that does not keep to the rules, or somebody who is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadMessage {
    /// There is no operator at this place.
    #[error("place {0:?} is no operator's; is the configuration the one in force?")]
    PeerUnknown(Place),
    /// Not the form of a signature.
    #[error("signature of place {place:?}: expected {SIGNATURE} bytes with a low s, got {got}")]
    PeerSignatureMalformed {
        /// Whose it should be.
        place: Place,
        /// Its length.
        got: usize,
    },
    /// Somebody else's signature, or of something else.
    #[error("signature of place {place:?}: expected {expected}, recovered {got:?}")]
    PeerSignatureWrong {
        /// Whose it should be.
        place: Place,
        /// Its account.
        expected: Address,
        /// Whose it is.
        got: Option<Address>,
    },
    /// More parts than operators, or fewer than a quorum.
    #[error("{got} parts: expected {min} to {max}")]
    PeerPartsRefused {
        /// How many.
        got: usize,
        /// At least.
        min: usize,
        /// At most.
        max: usize,
    },
    /// A signature of a proposal that we have not made.
    #[error("round {0}: nothing was proposed")]
    PeerNoProposal(Round),
}

/// The operators' accounts, by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster(Vec<Address>);

impl Roster {
    /// The operators of a configuration, in ascending order of their accounts, as the contract has them.
    pub const fn new(accounts: Vec<Address>) -> Self {
        Self(accounts)
    }

    /// Verifies every signature of a message from an operator that the transport knows, and makes an event of it.
    ///
    /// # Errors
    /// [`BadMessage`] names what is wrong with it; then it says nothing.
    pub fn open(
        &self,
        from: Place,
        message: Message,
        state: &State,
        rules: &Rules,
    ) -> Result<Event, BadMessage> {
        self.account(from)?;
        match message {
            Message::Observation(signed) => {
                self.observed(from, &signed, rules)?;
                Ok(Event::Observed { from, signed })
            }
            Message::Proposal(proposal) => {
                self.counted(proposal.parts.len(), rules)?;
                for (place, part) in &proposal.parts {
                    self.observed(*place, part, rules)?;
                }
                Ok(Event::Proposed { from, proposal })
            }
            Message::Signature { round, signature } => {
                let ours = state.proposal.as_ref();
                let ours = ours.filter(|proposal| proposal.report.round == round);
                let ours = ours.ok_or(BadMessage::PeerNoProposal(round))?;
                self.verify(from, ours.report.digest(rules.config), &signature)?;
                Ok(Event::Signed {
                    from,
                    round,
                    signature,
                })
            }
            Message::Complete(complete) => {
                self.complete(&complete, rules)?;
                Ok(Event::Completed(complete))
            }
        }
    }

    fn complete(&self, complete: &Complete, rules: &Rules) -> Result<(), BadMessage> {
        self.counted(complete.signatures.len(), rules)?;
        let digest = complete.report.digest(rules.config);
        let signatures: &BTreeMap<Place, Bytes> = &complete.signatures;
        signatures
            .iter()
            .try_for_each(|(place, signature)| self.verify(*place, digest, signature))
    }

    /// Before anything is verified: a long message costs no more than a short one.
    fn counted(&self, got: usize, rules: &Rules) -> Result<(), BadMessage> {
        let (min, max) = (rules.quorum(), self.0.len());
        if got < min || got > max {
            return Err(BadMessage::PeerPartsRefused { got, min, max });
        }
        Ok(())
    }

    fn observed(
        &self,
        place: Place,
        signed: &SignedObservation,
        rules: &Rules,
    ) -> Result<(), BadMessage> {
        let digest = signed.observation.digest(rules.config);
        self.verify(place, digest, &signed.signature)
    }

    fn verify(&self, place: Place, digest: B256, signature: &[u8]) -> Result<(), BadMessage> {
        let expected = self.account(place)?;
        let got = signature.len();
        if got != SIGNATURE {
            return Err(BadMessage::PeerSignatureMalformed { place, got });
        }
        let signature = Signature::from_erc2098(signature);
        // Both forms of s recover; chains take the lower one.
        if signature.normalize_s().is_some() {
            return Err(BadMessage::PeerSignatureMalformed { place, got });
        }
        let got = signature.recover_address_from_prehash(&digest).ok();
        if got != Some(expected) {
            return Err(BadMessage::PeerSignatureWrong {
                place,
                expected,
                got,
            });
        }
        Ok(())
    }

    fn account(&self, place: Place) -> Result<Address, BadMessage> {
        let account = self.0.get(usize::from(place.0)).copied();
        account.ok_or(BadMessage::PeerUnknown(place))
    }
}
