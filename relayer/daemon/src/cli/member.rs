//! `causeway member`.

pub(super) mod args;

use std::fmt::Write as _;

use args::{Gate, Member, What};

use super::{CliError, args::Global, client::Api, output::Output};
use crate::{
    api::{
        Ballot, CastVote, Execute, MembersView, OrganisationView, ProposalList, ProposalView,
        Propose,
    },
    members::{Motion, NewMember, NewPeriod, NewRole, NewValidators, Of, OfContent, OfLane, OfPeg},
};

pub(super) async fn run(global: &Global, command: Member, output: &Output) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let proposal: ProposalView = match command {
        Member::List => {
            let members: MembersView = api.get("/v1/members").await?;
            output.answer(&members, listed(&members));
            return Ok(());
        }
        Member::Show {
            proposal: None,
            limit,
        } => {
            let path = format!("/v1/members/proposals?limit={limit}");
            let list: ProposalList = api.get(&path).await?;
            let mut lines: Vec<String> = list.proposals.iter().map(line).collect();
            if lines.is_empty() {
                lines.push("no proposals: `causeway member propose` makes one".into());
            }
            output.answer(&list, lines.join("\n"));
            return Ok(());
        }
        Member::Show {
            proposal: Some(number),
            ..
        } => api.get(&format!("/v1/members/proposals/{number}")).await?,
        Member::Propose { by, why, motion } => {
            let motion = meant(motion);
            let body = Propose { by, why, motion };
            api.post("/v1/members/proposals", &body).await?
        }
        Member::Vote {
            proposal,
            by,
            against,
        } => {
            let vote = if against {
                Ballot::Against
            } else {
                Ballot::For
            };
            let path = format!("/v1/members/proposals/{proposal}/vote");
            api.post(&path, &CastVote { by, vote }).await?
        }
        Member::Execute { proposal, by } => {
            let path = format!("/v1/members/proposals/{proposal}/execute");
            api.post(&path, &Execute { by }).await?
        }
    };
    output.answer(&proposal, whole(&proposal));
    Ok(())
}

fn meant(what: What) -> Motion {
    match what {
        What::Admit(new) => Motion::Admit(NewMember {
            name: new.name,
            account: new.account,
            role: new.role,
            certificates: new.certificates,
            validators: new.validators,
        }),
        What::Remove { organisation } => Motion::Remove(Of { organisation }),
        What::SetRole { organisation, role } => Motion::SetRole(NewRole { organisation, role }),
        What::SetValidators {
            organisation,
            validators,
        } => Motion::SetValidators(NewValidators {
            organisation,
            validators,
        }),
        What::SetParameter { parameter, seconds } => {
            Motion::SetParameter(NewPeriod { parameter, seconds })
        }
        What::Pause(Gate { lane, peg }) => match lane {
            Some(lane) => Motion::PauseLane(OfLane { lane }),
            None => Motion::PausePeg(named(peg)),
        },
        What::Unpause(Gate { lane, peg }) => match lane {
            Some(lane) => Motion::UnpauseLane(OfLane { lane }),
            None => Motion::UnpausePeg(named(peg)),
        },
        What::OpenSealed { content, to } => Motion::OpenSealed(OfContent {
            content,
            organisation: to,
        }),
    }
}

/// The arguments demand a lane or a peg: without either the daemon refuses the empty name.
fn named(peg: Option<String>) -> OfPeg {
    OfPeg {
        peg: peg.unwrap_or_default(),
    }
}

fn listed(members: &MembersView) -> String {
    let mut text = String::new();
    for organisation in &members.organisations {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", organisation_line(organisation));
    }
    let _ = write!(
        text,
        "{} of the members decide after {} s, {} of members and observers pause at once; votes are cast for {} s\n\
         they govern {} on {}",
        members.needed,
        members.delay,
        members.needed_for_pause,
        members.vote_period,
        members.governs.join(", "),
        members.chain
    );
    text
}

fn organisation_line(organisation: &OrganisationView) -> String {
    format!(
        "{:>3}  {:<16} {:<9} {}  {} certificates, {} validators",
        organisation.number,
        organisation.name,
        organisation.role.to_string(),
        organisation.account,
        organisation.certificates.len(),
        organisation.validators.len()
    )
}

fn line(proposal: &ProposalView) -> String {
    format!(
        "{:>4}  {:<9} {} of {}  {}: {}",
        proposal.number,
        proposal.state,
        proposal.approvals,
        proposal.needed,
        proposal.proposer,
        proposal.text
    )
}

fn whole(proposal: &ProposalView) -> String {
    let mut text = format!(
        "proposal {} of {}: {}\n{}, {} of {} agree, {} are against it",
        proposal.number,
        proposal.proposer,
        proposal.text,
        proposal.state,
        proposal.approvals,
        proposal.needed,
        proposal.refusals
    );
    if let Some(why) = &proposal.why {
        let _ = write!(text, "\nwhy: {why}");
    }
    if let Some(at) = proposal.executable_at {
        let _ = write!(text, "\nto be executed from {at} on");
    }
    for vote in &proposal.votes {
        let how = match vote.vote {
            Ballot::For => "for",
            Ballot::Against => "against",
        };
        let _ = write!(text, "\n{:<16} {how}", vote.name);
    }
    text
}
