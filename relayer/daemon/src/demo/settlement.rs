//! A delivery is settled: alice's public points wait in an escrow, the figures stay on the consortium chain, and its proved
//! result with both signatures pays bob his share (docs/transfers.md, rules S1..S12).

use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolValue as _};
use causeway_adapter_api::{Action, Bump, ChainReader as _, ChainWriter as _, Order};
use causeway_contracts::{
    DeliveryAgreement::{self, GoodsReceipt, PurchaseOrder},
    deal::private_digest,
};
use causeway_core::{
    explain::decimal,
    settlement::{Deal, Outcome},
    swap::{Account, TransferId},
};
use serde_json::{Value, json};

use super::{DemoError, POINT, SETTLED, SHARE, Stage, follow::LOOK, id, points};
use crate::{
    contracts::{Settling, finalised},
    crossing::{
        CrossingError,
        settlement::{SettlementError, SettlementRequest},
    },
    drive::DriveError,
    local::{ALICE, BOB},
};

/// Seconds until no verdict comes into being any more.
const WINDOW: u64 = 300;
/// Longest wait for one thing.
const LIMIT_SECONDS: u64 = 90;

/// What came of the settlement.
pub(super) struct Settled {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Alice and bob, their private figures, and the chains.
struct Delivery<'a> {
    stage: &'a Stage<'a>,
    at: Settling,
    order: PurchaseOrder,
    order_salt: B256,
    receipt: GoodsReceipt,
    receipt_salt: B256,
}

/// Alice's escrow pays bob for what was delivered whole; she has the rest back.
pub(super) async fn settle(
    stage: &Stage<'_>,
    note: &dyn Fn(&str),
    began: Instant,
) -> Result<Settled, DemoError> {
    let at = stage.daemon.chains.settling().ok_or(DemoError::Pair)?;
    let delivery = Delivery {
        stage,
        at,
        // 13 ordered, 12 came, 2 of them broken; a point each.
        order: PurchaseOrder {
            goods: "cathode copper, grade A, bundles".into(),
            units: U256::from(SETTLED / POINT),
            unitPrice: U256::from(POINT),
        },
        order_salt: random()?,
        receipt: GoodsReceipt {
            delivered: U256::from(SHARE / POINT + 2),
            damaged: U256::from(2),
            remark: "one bundle missing, two wet".into(),
        },
        receipt_salt: random()?,
    };
    delivery.settle(note, began).await
}

impl Delivery<'_> {
    async fn settle(&self, note: &dyn Fn(&str), began: Instant) -> Result<Settled, DemoError> {
        let stage = self.stage;
        let before = [
            self.points_of(stage.alice).await?,
            self.points_of(stage.bob).await?,
        ];
        let transfer = self.open().await?;
        let mut last = String::new();
        let mut say = |stage: &str| {
            if stage != last {
                last = stage.to_owned();
                let seconds = began.elapsed().as_secs_f64();
                note(&format!(
                    "[{seconds:5.1} s]   settlement {transfer}: {stage}"
                ));
            }
        };
        let deal = self.until(transfer, "business", &mut say).await?;
        for name in [ALICE, BOB] {
            self.state(name, &deal).await?;
        }
        let outcome = Outcome {
            digest: private_digest(self.receipt_salt, &self.receipt.abi_encode()),
            to_counterparty: U256::from(SHARE),
        };
        for party in [stage.alice, stage.bob] {
            let settlements = &stage.daemon.settlements;
            settlements.confirm(transfer, Some(party), outcome).await?;
        }
        self.until(transfer, "ended", &mut say).await?;
        let after = [
            self.points_of(stage.alice).await?,
            self.points_of(stage.bob).await?,
        ];
        self.told(transfer, deal.id, before, after).await
    }

    /// Alice's escrow, as soon as the daemon knows the time of both chains.
    async fn open(&self) -> Result<TransferId, DemoError> {
        let stage = self.stage;
        let request = SettlementRequest {
            from: Account {
                chain: id(stage.public),
                address: stage.alice,
            },
            asset: points(stage.public),
            amount: U256::from(SETTLED),
            counterparty: stage.bob,
            consortium: id(stage.consortium),
            business: Some(self.at.agreement),
            terms_digest: private_digest(self.order_salt, &self.order.abi_encode()),
            window: WINDOW,
        };
        let began = Instant::now();
        loop {
            match stage.daemon.settlements.start_settlement(&request).await {
                Err(SettlementError::Crossing(CrossingError::Drive(DriveError::ChainSilent(
                    _,
                )))) if began.elapsed().as_secs() < LIMIT_SECONDS => {
                    tokio::time::sleep(LOOK).await;
                }
                done => return Ok(done?),
            }
        }
    }

    /// Waits until both parties' parts are at `wanted`; returns the deal.
    async fn until(
        &self,
        transfer: TransferId,
        wanted: &str,
        say: &mut impl FnMut(&str),
    ) -> Result<Deal, DemoError> {
        let began = Instant::now();
        loop {
            let views = self.stage.daemon.settlements.show(transfer).await?;
            if let Some(view) = views.first() {
                say(&view.row.stage);
                let there = views.iter().all(|view| view.row.stage == wanted);
                if there && views.len() == 2 {
                    return Ok(view.state.plan.deal);
                }
            }
            if began.elapsed().as_secs() > LIMIT_SECONDS {
                return Err(DemoError::Late {
                    what: format!("the settlement's stage {wanted}"),
                    seconds: LIMIT_SECONDS,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A party puts its figures into the business contract, as its own software would.
    async fn state(&self, party: &str, deal: &Deal) -> Result<(), DemoError> {
        let chains = &self.stage.daemon.chains;
        let chain = chains.as_account(self.stage.consortium, party);
        let chain = chain.ok_or(DemoError::Pair)?;
        let account = *chains.accounts.get(party).ok_or(DemoError::Pair)?;
        let call = DeliveryAgreement::stateCall {
            deal: DeliveryAgreement::Deal {
                initiator: deal.initiator,
                counterparty: deal.counterparty,
                asset: deal.asset.address(),
                amount: deal.amount,
                deadline: deal.deadline.0,
                business: deal.business,
                termsDigest: deal.terms_digest,
                salt: U256::from_be_bytes(deal.salt.0),
            },
            order: self.order.clone(),
            orderSalt: self.order_salt,
            receipt: self.receipt.clone(),
            receiptSalt: self.receipt_salt,
        };
        let order = Order {
            account,
            action: Action::Call {
                to: Some(self.at.agreement),
                value: U256::ZERO,
                data: call.abi_encode().into(),
            },
        };
        let nonce = chain.next_nonce(account).await?;
        let tx = chain.prepare(&order, nonce, Bump(0)).await?;
        chain.broadcast(&tx).await?;
        Ok(finalised(&chain, tx.id).await?)
    }

    async fn told(
        &self,
        transfer: TransferId,
        deal: B256,
        before: [U256; 2],
        after: [U256; 2],
    ) -> Result<Settled, DemoError> {
        let views = self.stage.daemon.settlements.show(transfer).await?;
        let released = views
            .iter()
            .all(|view| view.row.outcome.as_deref() == Some("released"));
        let (proved_at, by) = match self.delivered_at(deal).await? {
            Some(height) => (Some(height), "gateway"),
            None => {
                let proofs = views.iter().flat_map(|view| &view.proofs);
                (proofs.map(|proof| proof.height.0).next_back(), "proof")
            }
        };
        let paid = before[0].saturating_sub(after[0]);
        let got = after[1].saturating_sub(before[1]);
        let held = self.points_of(self.at.escrow).await?;
        let fair = (paid, got, held) == (U256::from(SHARE), U256::from(SHARE), U256::ZERO);
        let height = proved_at.map_or_else(|| "?".into(), |height| height.to_string());
        let back = U256::from(SETTLED).saturating_sub(paid);
        Ok(Settled {
            ok: released && fair && proved_at.is_some(),
            text: format!(
                "bob has {} points for what he delivered, alice {} of her {} back; the verdict proved by consortium \
                 block {height}, its figures known to members alone",
                decimal(got, 18),
                decimal(back, 18),
                decimal(U256::from(SETTLED), 18),
            ),
            found: json!({
                "transfer": transfer.to_string(),
                "amount": SETTLED.to_string(),
                "initiator": back.to_string(),
                "counterparty": got.to_string(),
                "verdict_by": by,
                "certificates": { "consortium": proved_at },
            }),
        })
    }

    /// Height of the consortium whose certificate brought the verdict's message, if the gateway brought it.
    async fn delivered_at(&self, deal: B256) -> Result<Option<u64>, DemoError> {
        let relay = &self.stage.daemon.relay;
        let escrow = self.at.escrow;
        let of_deal = |body: &[u8]| body.windows(32).any(|word| word == deal.as_slice());
        for row in relay.list(MESSAGES, 0).await? {
            if row.state.sent.recipient != escrow || !of_deal(&row.body) {
                continue;
            }
            let view = relay.show(row.state.sent.id).await?;
            let executed = view.history.iter().find(|line| line.said == "executed");
            return Ok(executed.and_then(|line| line.proved_at));
        }
        Ok(None)
    }

    async fn points_of(&self, account: Address) -> Result<U256, DemoError> {
        let public = self.stage.public;
        Ok(public.chain.balance(points(public), account).await?)
    }
}

fn random() -> Result<B256, DemoError> {
    let mut bytes = B256::ZERO;
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| DemoError::Pair)?;
    Ok(bytes)
}

/// Newest messages among which the verdict's is.
const MESSAGES: u32 = 50;
