//! The `SealedContent` at one final block.

use alloy_primitives::{Address, B256, Log, U256};
use alloy_sol_types::{SolCall, SolEvent as _};
use axum::http::StatusCode;
use causeway_adapter_api::{Height, HeightRange, RawLog};
use causeway_contracts::{MemberRegistry, SealedContent};
use causeway_sealed::Place;

use super::views::{
    HolderOf, HolderShare, OpeningView, PartyOf, PartyShare, PutTerms, ReleasedView, SealedKeys,
    SealedList, SealedView,
};
use crate::{
    api::{
        App, Problem,
        lanes::ask,
        members::{Books, unanswered},
    },
    eventlog::LogError,
};

/// Where contents are, and who decides on them.
pub(in crate::api) struct Chest<'a> {
    pub(super) books: Books<'a>,
    pub(super) at: Address,
}

/// Whether the keys sealed for others come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Short,
    Whole,
}

impl<'a> Chest<'a> {
    pub(in crate::api) async fn open(app: &'a App) -> Result<Self, Problem> {
        let at = app.members()?.sealed.ok_or_else(|| {
            let what = "name the contract as members.sealed_content in the configuration";
            Problem::not_found("no SealedContent is known here", what)
        })?;
        let books = Books::open(app).await?;
        Ok(Self { books, at })
    }

    pub(super) fn place(&self, owner: Address) -> Place {
        Place {
            chain: self.books.members.chain.0,
            contract: self.at,
            owner,
        }
    }

    pub(in crate::api) async fn page(
        &self,
        app: &App,
        limit: u32,
        before: Option<u64>,
    ) -> Result<SealedList, Problem> {
        let count = self.ask(SealedContent::contentsCall {}).await?;
        let count: u64 = count.saturating_to();
        let below = before.unwrap_or(u64::MAX).min(count);
        let first = below.saturating_sub(u64::from(limit));
        let mut contents = Vec::new();
        for number in (first..below).rev() {
            let number = U256::from(number);
            let id = self.ask(SealedContent::contentAtCall { number }).await?;
            contents.push(self.view(app, id, Depth::Short).await?);
        }
        Ok(SealedList {
            contents,
            next_before: (first > 0).then_some(first),
        })
    }

    pub(super) async fn whole(&self, app: &App, id: B256) -> Result<SealedView, Problem> {
        self.view(app, id, Depth::Whole).await
    }

    pub(super) async fn terms(&self, app: &App, accounts: &[Address]) -> Result<PutTerms, Problem> {
        let told = self.ask(SealedContent::holdersCall {}).await?;
        let needed: u32 = told.needed.saturating_to();
        let mut holders = Vec::new();
        for organisation in told.organisations {
            let of = self.books.organisation(organisation).await?;
            holders.push(HolderOf {
                organisation,
                key: self.key_of(of.account).await?.to_string(),
                name: of.name,
            });
        }
        holders.sort_unstable_by_key(|holder| holder.organisation);
        let conflict = |detail: String| {
            let what = "`causeway seal key --by NAME` publishes the sealing key of an account";
            Problem::new(StatusCode::CONFLICT, "no-sealing-key", detail, what)
        };
        if holders.len() < needed as usize {
            return Err(conflict(format!(
                "{} members have published a sealing key, {needed} must hold a share",
                holders.len()
            )));
        }
        let mut parties = Vec::new();
        for account in accounts {
            let key = self.key_of(*account).await?;
            if key.is_zero() {
                return Err(conflict(format!("{account} has published no sealing key")));
            }
            parties.push(PartyOf {
                account: account.to_string(),
                name: app.account_name(*account),
                key: key.to_string(),
            });
        }
        Ok(PutTerms {
            chain_id: self.books.members.chain.0,
            contract: self.at.to_string(),
            needed,
            holders,
            parties,
        })
    }

    pub(super) async fn key_of(&self, account: Address) -> Result<B256, Problem> {
        self.ask(SealedContent::keyOfCall { account }).await
    }

    pub(super) async fn content(&self, id: B256) -> Result<SealedContent::Content, Problem> {
        let content = self.ask(SealedContent::contentCall { id }).await?;
        if content.owner.is_zero() {
            let detail = format!("no content {id}");
            return Err(Problem::not_found(detail, "GET /v1/sealed lists them"));
        }
        Ok(content)
    }

    async fn view(&self, app: &App, id: B256, depth: Depth) -> Result<SealedView, Problem> {
        let content = self.content(id).await?;
        let mut holders = Vec::new();
        for organisation in &content.holders {
            holders.push(HolderOf {
                organisation: *organisation,
                name: self.books.organisation(*organisation).await?.name,
                key: String::new(),
            });
        }
        let party = |account: &Address| PartyOf {
            account: account.to_string(),
            name: app.account_name(*account),
            key: String::new(),
        };
        let numbers = self.ask(SealedContent::grantsOfCall { id }).await?;
        let mut openings = Vec::new();
        for number in numbers {
            openings.push(self.opening(app, number, &holders, depth).await?);
        }
        let keys = match depth {
            Depth::Short => None,
            Depth::Whole => Some(self.keys(id, content.height).await?),
        };
        let here = app.log.store().has_sealed(content.digest).await;
        Ok(SealedView {
            content: id.to_string(),
            chain_id: self.books.members.chain.0,
            contract: self.at.to_string(),
            owner: content.owner.to_string(),
            owner_name: app.account_name(content.owner),
            sealed_at: content.sealedAt.to(),
            size: content.size,
            digest: content.digest.to_string(),
            commitment: content.commitment.to_string(),
            subject: content.subject.to_string(),
            needed: content.needed,
            parties: content.parties.iter().map(party).collect(),
            holders,
            here: here.map_err(LogError::from)?,
            openings,
            keys,
        })
    }

    async fn opening(
        &self,
        app: &App,
        number: U256,
        holders: &[HolderOf],
        depth: Depth,
    ) -> Result<OpeningView, Problem> {
        let granted = self.ask(SealedContent::grantCall { number }).await?;
        let mut released = Vec::new();
        for holder in holders {
            let organisation = holder.organisation;
            let asked = SealedContent::releasedAtCall {
                number,
                organisation,
            };
            let height = self.ask(asked).await?;
            if height == 0 {
                continue;
            }
            let share = match depth {
                Depth::Short => None,
                Depth::Whole => self.share(number, organisation, height).await?,
            };
            released.push(ReleasedView {
                organisation,
                name: holder.name.clone(),
                share,
            });
        }
        let grant = number.saturating_to();
        let proposal = self.proposal_of(number, granted.height).await?;
        let why = match proposal {
            Some(proposal) => self.books.said(app, proposal).await?.map(|(_, why)| why),
            None => None,
        };
        Ok(OpeningView {
            grant,
            organisation: granted.organisation,
            name: self.books.organisation(granted.organisation).await?.name,
            recipient: granted.recipient.to_string(),
            key: granted.key.to_string(),
            granted_at: granted.grantedAt.to(),
            proposal,
            why,
            released,
        })
    }

    /// The proposal in whose execution something was granted.
    async fn proposal_of(&self, grant: U256, height: u64) -> Result<Option<u64>, Problem> {
        let logs = self.logs(height).await?;
        let granted = logs.iter().find(|log| {
            let said =
                raw(log).and_then(|raw| SealedContent::OpeningGranted::decode_log(&raw).ok());
            said.is_some_and(|said| said.grant == grant && log.address == self.at)
        });
        let Some(tx) = granted.map(|log| log.tx) else {
            return Ok(None);
        };
        Ok(logs.iter().filter(|log| log.tx == tx).find_map(|log| {
            let said = MemberRegistry::Executed::decode_log(&raw(log)?).ok()?;
            Some(said.proposal.saturating_to())
        }))
    }

    async fn share(
        &self,
        grant: U256,
        organisation: u32,
        height: u64,
    ) -> Result<Option<String>, Problem> {
        let logs = self.logs(height).await?;
        Ok(logs.iter().find_map(|log| {
            let said = SealedContent::ShareReleased::decode_log(&raw(log)?).ok()?;
            let is_it = said.grant == grant && said.organisation == organisation;
            (is_it && log.address == self.at).then(|| said.data.share.to_string())
        }))
    }

    async fn keys(&self, id: B256, height: u64) -> Result<SealedKeys, Problem> {
        let logs = self.logs(height).await?;
        let found = logs.iter().find_map(|log| {
            let said = SealedContent::ContentSealed::decode_log(&raw(log)?).ok()?;
            let is_it = said.content == id && log.address == self.at;
            is_it.then_some(said.data.sealing)
        });
        let found = found.ok_or_else(|| {
            Problem::unavailable("the chain does not show the event of this content")
        })?;
        let parties = found.parties.into_iter().map(|party| PartyShare {
            account: party.account.to_string(),
            key: party.key.to_string(),
            sealed: party.whole.to_string(),
        });
        let holders = found.holders.into_iter().map(|holder| HolderShare {
            organisation: holder.organisation,
            key: holder.key.to_string(),
            sealed: holder.share.to_string(),
        });
        Ok(SealedKeys {
            points: found.points.to_string(),
            parties: parties.collect(),
            holders: holders.collect(),
        })
    }

    /// What both contracts said in one block.
    async fn logs(&self, height: u64) -> Result<Vec<RawLog>, Problem> {
        let range = HeightRange {
            from: Height(height),
            to: Height(height),
        };
        let contracts = [self.at, self.books.members.registry];
        let logs = self.books.entry.chain.logs(&contracts, range).await;
        logs.map_err(unanswered)
    }

    async fn ask<C: SolCall>(&self, call: C) -> Result<C::Return, Problem> {
        let answer = ask(self.books.entry, self.at, self.books.at, call).await;
        answer.map_err(unanswered)?.ok_or_else(|| {
            let what =
                "members.sealed_content must be the address of a SealedContent on that chain";
            Problem::not_found(format!("{} is no SealedContent", self.at), what)
        })
    }
}

fn raw(log: &RawLog) -> Option<Log> {
    Log::new(log.address, log.topics.clone(), log.data.clone())
}
