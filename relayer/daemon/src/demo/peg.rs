//! Points leave the public chain and come back, by the hash-locked peg: alice is the user, the watchtower's account carries.
//! Nothing is believed but certificates (docs/transfers.md, rules P1..).

use std::time::Instant;

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{
    Asset, ChainReader as _, ContractReader as _, FinalityProof, Height, Provable as _,
};
use causeway_contracts::PegToken;
use causeway_core::{
    explain::{self, decimal},
    peg::{Account, Kind, Outcome, Role, State, TransferId},
};
use serde_json::{Value, json};

use super::{DemoError, POINT, Stage, follow::LOOK, id};
use crate::{
    crossing::{
        CrossingView,
        peg::{PegPort, PegRequest, PegSite},
    },
    hosting::Hosting,
};

/// Points that leave and come back, smallest units.
const PEGGED: u128 = 11 * POINT;
/// Longest one way takes; its own deadlines end it before.
const LIMIT_SECONDS: u64 = 120;

/// What came of one crossing.
pub(super) struct Crossed {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Both chains as the user sees them.
pub(super) struct Pegging<'a> {
    stage: &'a Stage<'a>,
    site: PegSite,
    note: &'a dyn Fn(&str),
    began: Instant,
}

/// How one way ended.
struct Way {
    id: TransferId,
    completed: bool,
    /// The block of the origin that proved the lock to the destination.
    opened_by: Height,
    /// The block of the destination that showed the secret, with which the lock was collected.
    collected_by: Height,
}

impl<'a> Pegging<'a> {
    pub(super) fn new(
        stage: &'a Stage<'a>,
        note: &'a dyn Fn(&str),
        began: Instant,
    ) -> Option<Self> {
        Some(Self {
            site: *stage.daemon.pegs.kind().sites().first()?,
            stage,
            note,
            began,
        })
    }

    /// Alice's public points become pegged points of the consortium chain.
    pub(super) async fn peg_in(&self) -> Result<Crossed, DemoError> {
        let way = self.cross(Kind::PegIn).await?;
        let (held, minted) = self.books().await?;
        let ok = way.completed && held == minted && held == U256::from(PEGGED);
        Ok(Crossed {
            ok,
            text: format!(
                "11 public points are pegged points of alice; the vault holds {}, minted are {}; opened by public \
                 block {}, collected by consortium block {}",
                decimal(held, 18),
                decimal(minted, 18),
                way.opened_by,
                way.collected_by
            ),
            found: json!({
                "transfer": way.id.to_string(), "held": held.to_string(), "minted": minted.to_string(),
                "certificates": { "public": way.opened_by, "consortium": way.collected_by },
            }),
        })
    }

    /// They come back: burned there, released here.
    pub(super) async fn peg_out(&self) -> Result<Crossed, DemoError> {
        let way = self.cross(Kind::PegOut).await?;
        let (held, minted) = self.books().await?;
        Ok(Crossed {
            ok: way.completed && held.is_zero() && minted.is_zero(),
            text: format!(
                "alice has her 11 points back; the vault holds {}, minted are {}; opened by consortium block {}, \
                 collected by public block {}",
                decimal(held, 18),
                decimal(minted, 18),
                way.opened_by,
                way.collected_by
            ),
            found: json!({
                "transfer": way.id.to_string(), "held": held.to_string(), "minted": minted.to_string(),
                "certificates": { "public": way.collected_by, "consortium": way.opened_by },
            }),
        })
    }

    /// One way, begun by the driver and followed to its end.
    async fn cross(&self, kind: Kind) -> Result<Way, DemoError> {
        let (origin, destination) = self.site.way(kind);
        let account = |end: &PegPort| Account {
            chain: end.chain,
            address: self.stage.alice,
        };
        let request = PegRequest {
            kind,
            from: account(origin),
            asset: origin.asset,
            amount: U256::from(PEGGED),
            deposit: U256::ZERO,
            to: account(destination),
            window: None,
        };
        let pegs = &self.stage.daemon.pegs;
        let id = pegs.start_peg(&request).await?;
        let mut last = String::new();
        let began = Instant::now();
        while began.elapsed().as_secs() < LIMIT_SECONDS {
            let views = pegs.show(id).await?;
            let user = views
                .iter()
                .find(|view| matches!(view.state.role, Role::User { .. }));
            if let Some(view) = user {
                self.tell(kind, &view.state, &mut last);
                if let Some(outcome) = view.state.outcome() {
                    let completed = *outcome == Outcome::Completed;
                    return self.ended(id, view, completed, (origin, destination)).await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(DemoError::Late {
            what: format!("the end of transfer {id}"),
            seconds: LIMIT_SECONDS,
        })
    }

    /// The certificates behind both directions.
    async fn ended(
        &self,
        id: TransferId,
        view: &CrossingView<State>,
        completed: bool,
        (origin, destination): (&PegPort, &PegPort),
    ) -> Result<Way, DemoError> {
        let opened = view.proofs.iter().find(|proof| proof.purpose == "open");
        let opened = opened.map_or(Height(0), |proof| proof.height);
        let claimed = view.history.iter().find(|step| step.name == "claimed");
        let claimed = claimed.and_then(|step| step.read_at);
        let claimed = claimed.map_or(Height(0), |(_, height)| height);
        let opened_by = self.certificate(origin, opened).await?;
        let collected_by = self.certificate(destination, claimed).await?;
        Ok(Way {
            id,
            completed,
            opened_by: opened_by.checkpoint.height,
            collected_by: collected_by.checkpoint.height,
        })
    }

    /// The certificate of a final block; there is none of a block that never was.
    async fn certificate(&self, end: &PegPort, height: Height) -> Result<FinalityProof, DemoError> {
        Ok(self.hosting(end).chain.finality(height).await?)
    }

    fn tell(&self, kind: Kind, state: &State, last: &mut String) {
        let ground = self.stage.daemon.pegs.ground();
        let names = &ground.driver().config().names;
        let place = explain::peg(state, &ground.now(), names).place;
        if place != *last {
            let seconds = self.began.elapsed().as_secs_f64();
            (self.note)(&format!("[{seconds:5.1} s]   {kind}: {place}"));
            *last = place;
        }
    }

    /// What the vault holds, and what is minted.
    async fn books(&self) -> Result<(U256, U256), DemoError> {
        let PegSite { home, side } = &self.site;
        let held = self.hosting(home).chain.balance(home.asset, home.port);
        let chain = &self.hosting(side).chain;
        let at = chain.finalized().await?.height;
        let question = PegToken::totalSupplyCall {};
        let Asset::Token(pegged) = side.asset else {
            return Err(DemoError::Pair);
        };
        let answer = chain.call(pegged, question.abi_encode().into(), at).await?;
        let minted = PegToken::totalSupplyCall::abi_decode_returns(&answer)
            .map_err(|_| DemoError::Answer("totalSupply"))?;
        Ok((held.await?, minted))
    }

    fn hosting(&self, end: &PegPort) -> &Hosting {
        if id(self.stage.public) == end.chain {
            self.stage.public
        } else {
            self.stage.consortium
        }
    }
}
