//! From names to ids, addresses and amounts.

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, ChainId};
use causeway_core::swap::Account;

use super::{Amount, App, At, ChainEntry, Problem, StartRequest};
use crate::drive::SwapRequest;

impl App {
    /// A chain by name or id.
    pub(super) fn chain(&self, text: &str) -> Result<&ChainEntry, Problem> {
        let found = self
            .chains
            .iter()
            .find(|entry| entry.name == text || entry.id().to_string() == text);
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .chains
                .iter()
                .map(|entry| entry.name.as_str())
                .collect();
            let detail = format!(
                "no chain {:?}, there are {}",
                clipped(text),
                known.join(", ")
            );
            Problem::not_found(detail, "name one of these chains, or its chain id")
        })
    }

    pub(super) fn swap(&self, request: &StartRequest) -> Result<SwapRequest, Problem> {
        let (from_chain, to_chain) = (self.named(&request.from)?, self.named(&request.to)?);
        let give = amount("give", from_chain, &request.give)?;
        let want = amount("want", to_chain, &request.want)?;
        Ok(SwapRequest {
            from: Account {
                chain: from_chain.id(),
                address: self.address("from.account", &request.from.account)?,
            },
            give_asset: give.0,
            give_amount: give.1,
            deposit: number("deposit", &request.deposit)?,
            counterparty: self.address("counterparty", &request.counterparty)?,
            to: Account {
                chain: to_chain.id(),
                address: self.address("to.account", &request.to.account)?,
            },
            want_asset: want.0,
            want_amount: want.1,
        })
    }

    /// Chain and account, each by name or as itself.
    pub(super) fn account(&self, field: &str, at: &At) -> Result<(ChainId, Address), Problem> {
        let chain = self.named(at)?.id();
        let account = self.address(&format!("{field}.account"), &at.account)?;
        Ok((chain, account))
    }

    /// A chain named in a body: not finding it is the body's fault.
    pub(super) fn named(&self, at: &At) -> Result<&ChainEntry, Problem> {
        self.chain(&at.chain)
            .map_err(|problem| Problem::bad_request(problem.detail))
    }

    pub(super) fn address(&self, field: &str, text: &str) -> Result<Address, Problem> {
        if let Some(address) = self.accounts.get(text) {
            return Ok(*address);
        }
        text.parse().map_err(|_| {
            let known: Vec<&str> = self.accounts.keys().map(String::as_str).collect();
            Problem::bad_request(format!(
                "{field} is {:?}, expected an address or one of {}",
                clipped(text),
                known.join(", ")
            ))
        })
    }
}

pub(super) fn amount(
    field: &str,
    chain: &ChainEntry,
    amount: &Amount,
) -> Result<(Asset, U256), Problem> {
    let asset = match amount.asset.as_str() {
        "points" => Asset::Token(chain.points_token.ok_or_else(|| {
            Problem::bad_request(format!(
                "{field}.asset: chain {} has no points token configured",
                chain.name
            ))
        })?),
        text => crate::config::asset(format!("{field}.asset"), text)
            .map_err(|error| Problem::bad_request(format!("{error}, or points")))?,
    };
    Ok((asset, number(&format!("{field}.amount"), &amount.amount)?))
}

pub(super) fn number(field: &str, text: &str) -> Result<U256, Problem> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits {
        U256::from_str_radix(text, 10).ok()
    } else {
        None
    };
    parsed.ok_or_else(|| {
        let text = clipped(text);
        Problem::bad_request(format!(
            "{field} is {text:?}, expected a decimal number of smallest units"
        ))
    })
}

/// What a stranger wrote, short enough to repeat.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(80).collect()
}
