//! What members propose, and the calls that do it.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, aliases::U40};
use alloy_sol_types::{SolCall as _, SolInterface as _};
use causeway_contracts::{Gateway, MemberRegistry, PegMint, SealedContent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Members;

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// An organisation is admitted.
    Admit(NewMember),
    /// An organisation is removed: its certificates and its vote at once, its validators with the next epoch.
    Remove(Of),
    /// An organisation gets another role.
    SetRole(NewRole),
    /// An organisation's validators are others from the next epoch on.
    SetValidators(NewValidators),
    /// A period is another one.
    SetParameter(NewPeriod),
    /// Nothing is sent or delivered over a lane of the consortium's gateway. Decided by f + 1 of members and observers.
    PauseLane(OfLane),
    /// A lane runs again.
    UnpauseLane(OfLane),
    /// Nothing passes a peg's port. Decided by f + 1 of members and observers.
    PausePeg(OfPeg),
    /// A peg's port is open again.
    UnpausePeg(OfPeg),
    /// An organisation may read a sealed content, with the shares that members then release.
    OpenSealed(OfContent),
}

/// An organisation to admit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Its name, 1 to 64 bytes.
    pub name: String,
    /// The account it votes by: an address.
    #[schema(value_type = String)]
    pub account: Address,
    /// What it may do.
    pub role: MemberRole,
    /// SHA-256 of its certificates, hexadecimal.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub certificates: Vec<B256>,
    /// Its validators; none for an observer.
    #[serde(default)]
    pub validators: Vec<ValidatorTerms>,
}

/// A validator, as the `ValidatorSet` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidatorTerms {
    /// Address of its vote key.
    #[schema(value_type = String)]
    pub vote: Address,
    /// Its network key, hexadecimal.
    #[schema(value_type = String)]
    pub network: B256,
    /// `host:port` where it listens.
    pub endpoint: String,
}

/// What an organisation may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Nothing: it was removed.
    #[value(skip)]
    None,
    /// Votes on everything, validates.
    Member,
    /// A regulator: votes on pauses, never validates.
    Observer,
}

impl MemberRole {
    /// The contract's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The role of a number; `None` the role for one the contract never gives.
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Member,
            2 => Self::Observer,
            _ => Self::None,
        }
    }
}

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Member => "member",
            Self::Observer => "observer",
        })
    }
}

/// A period that votes change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// In which votes are cast.
    VotePeriod,
    /// From passing to execution.
    Delay,
    /// In which it can be executed.
    Window,
}

impl Period {
    /// All of them, in the order of the contract's numbers.
    pub const ALL: [Self; 3] = [Self::VotePeriod, Self::Delay, Self::Window];

    /// The contract's number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VotePeriod => "vote period",
            Self::Delay => "delay",
            Self::Window => "window",
        })
    }
}

/// About an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// Its number.
    pub organisation: u32,
}

/// Another role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Number of the organisation.
    pub organisation: u32,
    /// What it may do.
    pub role: MemberRole,
}

/// Other validators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewValidators {
    /// Number of the organisation.
    pub organisation: u32,
    /// All of its validators.
    pub validators: Vec<ValidatorTerms>,
}

/// Another period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPeriod {
    /// Which.
    pub parameter: Period,
    /// How long, seconds: a minute to 90 days.
    pub seconds: u64,
}

/// About a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfLane {
    /// Its number.
    pub lane: u32,
}

/// About a peg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfPeg {
    /// Its name.
    pub peg: String,
}

/// About a sealed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfContent {
    /// Its id.
    #[schema(value_type = String)]
    pub content: B256,
    /// Number of the organisation that is to read it.
    pub organisation: u32,
}

/// Why something cannot be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MotionError {
    /// There is no gateway.
    #[error("the consortium chain has no gateway here: name it in the configuration")]
    NoGateway,
    /// There is nothing to open.
    #[error("no SealedContent is known on the consortium chain: name it in the configuration")]
    NoSealed,
    /// There is no such peg.
    #[error("no peg {got:?} has a port on the consortium chain, there are: {known}")]
    NoPeg {
        /// What was asked for.
        got: String,
        /// Those there are.
        known: String,
    },
    /// More seconds than the contract's number holds.
    #[error("{got} seconds are more than a period can have: 90 days at most")]
    Period {
        /// How many.
        got: u64,
    },
}

impl Motion {
    /// The call that does it: of which contract, with what.
    ///
    /// # Errors
    /// See [`MotionError`].
    pub fn call(&self, members: &Members) -> Result<(Address, Bytes), MotionError> {
        let gateway = || members.gateway.ok_or(MotionError::NoGateway);
        let of_registry = |data: Vec<u8>| Ok((members.registry, data.into()));
        match self {
            Self::Admit(new) => of_registry(
                MemberRegistry::admitCall {
                    terms: MemberRegistry::Terms {
                        name: new.name.clone(),
                        account: new.account,
                        role: new.role.number(),
                        certificates: new.certificates.clone(),
                        validators: validators(&new.validators),
                    },
                }
                .abi_encode(),
            ),
            Self::Remove(of) => of_registry(
                MemberRegistry::removeCall {
                    number: of.organisation,
                }
                .abi_encode(),
            ),
            Self::SetRole(new) => of_registry(
                MemberRegistry::setRoleCall {
                    number: new.organisation,
                    role: new.role.number(),
                }
                .abi_encode(),
            ),
            Self::SetValidators(new) => of_registry(
                MemberRegistry::setValidatorsCall {
                    number: new.organisation,
                    validators_: validators(&new.validators),
                }
                .abi_encode(),
            ),
            Self::SetParameter(new) => {
                let value = U40::try_from(new.seconds);
                let value = value.map_err(|_| MotionError::Period { got: new.seconds })?;
                of_registry(
                    MemberRegistry::setParameterCall {
                        which: new.parameter.number(),
                        value,
                    }
                    .abi_encode(),
                )
            }
            Self::PauseLane(OfLane { lane }) => {
                let data = Gateway::pauseCall { lane: *lane }.abi_encode();
                Ok((gateway()?, data.into()))
            }
            Self::UnpauseLane(OfLane { lane }) => {
                let data = Gateway::unpauseCall { lane: *lane }.abi_encode();
                Ok((gateway()?, data.into()))
            }
            // Both ports of a peg say the same words.
            Self::PausePeg(of) => Ok((
                port(members, of)?,
                PegMint::pauseCall {}.abi_encode().into(),
            )),
            Self::UnpausePeg(of) => Ok((
                port(members, of)?,
                PegMint::unpauseCall {}.abi_encode().into(),
            )),
            Self::OpenSealed(of) => {
                let call = SealedContent::openCall {
                    id: of.content,
                    organisation: of.organisation,
                };
                let sealed = members.sealed.ok_or(MotionError::NoSealed)?;
                Ok((sealed, call.abi_encode().into()))
            }
        }
    }

    /// What a call of `target` would do; `None` for one that is none of these.
    pub fn of(members: &Members, target: Address, data: &[u8]) -> Option<Self> {
        if target == members.registry {
            return Self::of_registry(data);
        }
        if Some(target) == members.gateway {
            return match Gateway::GatewayCalls::abi_decode(data).ok()? {
                Gateway::GatewayCalls::pause(call) => {
                    Some(Self::PauseLane(OfLane { lane: call.lane }))
                }
                Gateway::GatewayCalls::unpause(call) => {
                    Some(Self::UnpauseLane(OfLane { lane: call.lane }))
                }
                _ => None,
            };
        }
        if Some(target) == members.sealed {
            let call = SealedContent::openCall::abi_decode(data).ok()?;
            return Some(Self::OpenSealed(OfContent {
                content: call.id,
                organisation: call.organisation,
            }));
        }
        let (name, _) = members.ports.iter().find(|(_, port)| **port == target)?;
        let of = OfPeg { peg: name.clone() };
        match PegMint::PegMintCalls::abi_decode(data).ok()? {
            PegMint::PegMintCalls::pause(_) => Some(Self::PausePeg(of)),
            PegMint::PegMintCalls::unpause(_) => Some(Self::UnpausePeg(of)),
            _ => None,
        }
    }

    fn of_registry(data: &[u8]) -> Option<Self> {
        use MemberRegistry::MemberRegistryCalls as Calls;
        Some(match Calls::abi_decode(data).ok()? {
            Calls::admit(call) => Self::Admit(NewMember {
                name: call.terms.name,
                account: call.terms.account,
                role: MemberRole::of(call.terms.role),
                certificates: call.terms.certificates,
                validators: terms(call.terms.validators),
            }),
            Calls::remove(call) => Self::Remove(Of {
                organisation: call.number,
            }),
            Calls::setRole(call) => Self::SetRole(NewRole {
                organisation: call.number,
                role: MemberRole::of(call.role),
            }),
            Calls::setValidators(call) => Self::SetValidators(NewValidators {
                organisation: call.number,
                validators: terms(call.validators_),
            }),
            Calls::setParameter(call) => Self::SetParameter(NewPeriod {
                parameter: *Period::ALL.get(usize::from(call.which))?,
                seconds: call.value.to(),
            }),
            _ => return None,
        })
    }
}

impl fmt::Display for Motion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admit(new) => write!(f, "admit {} as {}", new.name, new.role),
            Self::Remove(of) => write!(f, "remove organisation {}", of.organisation),
            Self::SetRole(new) => {
                write!(f, "make organisation {} a {}", new.organisation, new.role)
            }
            Self::SetValidators(new) => write!(
                f,
                "give organisation {} these {} validators",
                new.organisation,
                new.validators.len()
            ),
            Self::SetParameter(new) => write!(f, "set the {} to {} s", new.parameter, new.seconds),
            Self::PauseLane(of) => write!(f, "pause lane {}", of.lane),
            Self::UnpauseLane(of) => write!(f, "unpause lane {}", of.lane),
            Self::PausePeg(of) => write!(f, "pause peg {}", of.peg),
            Self::UnpausePeg(of) => write!(f, "unpause peg {}", of.peg),
            Self::OpenSealed(of) => write!(
                f,
                "open sealed content {} to organisation {}",
                of.content, of.organisation
            ),
        }
    }
}

fn port(members: &Members, of: &OfPeg) -> Result<Address, MotionError> {
    members.ports.get(&of.peg).copied().ok_or_else(|| {
        let known: Vec<&str> = members.ports.keys().map(String::as_str).collect();
        MotionError::NoPeg {
            got: of.peg.chars().take(80).collect(),
            known: known.join(", "),
        }
    })
}

fn validators(terms: &[ValidatorTerms]) -> Vec<MemberRegistry::Validator> {
    let made = terms.iter().map(|terms| MemberRegistry::Validator {
        vote: terms.vote,
        network: terms.network,
        endpoint: terms.endpoint.clone(),
    });
    made.collect()
}

/// Validators as the contract has them.
pub fn terms(validators: Vec<MemberRegistry::Validator>) -> Vec<ValidatorTerms> {
    let made = validators.into_iter().map(|validator| ValidatorTerms {
        vote: validator.vote,
        network: validator.network,
        endpoint: validator.endpoint,
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use causeway_adapter_api::ChainId;

    use super::*;

    fn members() -> Members {
        Members {
            chain: ChainId(2),
            registry: Address::repeat_byte(1),
            gateway: Some(Address::repeat_byte(2)),
            sealed: Some(Address::repeat_byte(4)),
            ports: BTreeMap::from([("points".to_owned(), Address::repeat_byte(3))]),
        }
    }

    fn all() -> Vec<Motion> {
        let validator = ValidatorTerms {
            vote: Address::repeat_byte(8),
            network: B256::repeat_byte(9),
            endpoint: "10.0.0.1:21000".into(),
        };
        vec![
            Motion::Admit(NewMember {
                name: "fifth".into(),
                account: Address::repeat_byte(7),
                role: MemberRole::Member,
                certificates: vec![B256::repeat_byte(6)],
                validators: vec![validator.clone()],
            }),
            Motion::Remove(Of { organisation: 3 }),
            Motion::SetRole(NewRole {
                organisation: 3,
                role: MemberRole::Observer,
            }),
            Motion::SetValidators(NewValidators {
                organisation: 2,
                validators: vec![validator],
            }),
            Motion::SetParameter(NewPeriod {
                parameter: Period::Window,
                seconds: 7_200,
            }),
            Motion::PauseLane(OfLane { lane: 1 }),
            Motion::UnpauseLane(OfLane { lane: 2 }),
            Motion::PausePeg(OfPeg {
                peg: "points".into(),
            }),
            Motion::UnpausePeg(OfPeg {
                peg: "points".into(),
            }),
            Motion::OpenSealed(OfContent {
                content: B256::repeat_byte(5),
                organisation: 5,
            }),
        ]
    }

    #[test]
    fn every_motion_comes_back_from_its_call_and_from_its_json() {
        for motion in all() {
            let (target, data) = motion.call(&members()).expect("a call");
            assert_eq!(
                Motion::of(&members(), target, &data),
                Some(motion.clone()),
                "{motion}"
            );
            let text = serde_json::to_string(&motion).expect("json");
            assert_eq!(
                serde_json::from_str::<Motion>(&text).expect("read"),
                motion,
                "{text}"
            );
        }
    }

    #[test]
    fn calls_of_others_are_no_motion() {
        let (_, data) = all()[1].call(&members()).expect("a call");

        assert_eq!(Motion::of(&members(), Address::repeat_byte(2), &data), None);
        assert_eq!(Motion::of(&members(), Address::ZERO, &data), None);
        assert_eq!(Motion::of(&members(), members().registry, &[1, 2]), None);
    }

    #[test]
    fn a_peg_that_is_not_there_and_a_period_too_long_are_refused() {
        let peg = Motion::PausePeg(OfPeg { peg: "gold".into() });
        let period = Motion::SetParameter(NewPeriod {
            parameter: Period::Delay,
            seconds: 1 << 40,
        });
        let mut nothing = members();
        (nothing.gateway, nothing.sealed) = (None, None);

        assert!(matches!(
            peg.call(&members()),
            Err(MotionError::NoPeg { .. })
        ));
        assert_eq!(
            period.call(&members()),
            Err(MotionError::Period { got: 1 << 40 })
        );
        assert_eq!(
            Motion::PauseLane(OfLane { lane: 1 }).call(&nothing),
            Err(MotionError::NoGateway)
        );
        let opening = Motion::OpenSealed(OfContent {
            content: B256::ZERO,
            organisation: 5,
        });
        assert_eq!(opening.call(&nothing), Err(MotionError::NoSealed));
    }
}
