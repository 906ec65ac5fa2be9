//! `causeway market`.

use super::{
    CliError,
    args::{Global, Market as Command},
    client::Api,
    output::Output,
    transfer::smallest_units,
};
use crate::api::{
    BuyData, EarningsView, FundData, ListingView, OfferData, RewardData, RewardView, WithdrawData,
};

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let listing: ListingView = match command {
        Command::Show {
            owner,
            feed,
            account,
        } => {
            for (argument, text) in [("--owner", &owner), ("--feed", &feed)] {
                plain(argument, text)?;
            }
            let mut path = format!("/v1/market?owner={owner}&feed={feed}");
            if let Some(account) = account {
                plain("--account", &account)?;
                path = format!("{path}&account={account}");
            }
            api.get(&path).await?
        }
        Command::Offer(offer) => {
            let price = |argument, text: Option<String>| {
                text.map(|text| smallest_units(argument, &text)).transpose()
            };
            let body = OfferData {
                by: offer.by,
                feed: offer.feed,
                access: offer.access,
                price_per_read: price("--price-per-read", offer.price_per_read)?,
                price_per_period: price("--price-per-period", offer.price_per_period)?,
                period_seconds: offer.period_seconds,
                reward_share: offer.reward_share,
                keeper: offer.keeper,
            };
            api.post("/v1/market", &body).await?
        }
        Command::Buy {
            owner,
            feed,
            by,
            reads,
            periods,
        } => {
            let body = BuyData {
                by,
                owner,
                feed,
                reads,
                periods,
            };
            api.post("/v1/market/purchases", &body).await?
        }
        Command::Fund {
            listing,
            by,
            amount,
        } => {
            let body = FundData {
                by,
                owner: listing.owner,
                feed: listing.feed,
                amount: smallest_units("--amount", &amount)?,
            };
            api.post("/v1/market/funds", &body).await?
        }
        Command::Reward {
            listing,
            by,
            per_reading,
            from,
            through,
        } => {
            let body = RewardData {
                by,
                owner: listing.owner,
                feed: listing.feed,
                per_reading: smallest_units("--per-reading", &per_reading)?,
                from,
                through,
            };
            let reward: RewardView = api.post("/v1/market/rewards", &body).await?;
            output.answer(&reward, rewarded(&reward));
            return Ok(());
        }
        Command::Earnings { account } => {
            plain("ACCOUNT", &account)?;
            let path = format!("/v1/market/earnings?account={account}");
            let earned: EarningsView = api.get(&path).await?;
            let text = format!("{} can withdraw {}", earned.account, earned.credited);
            output.answer(&earned, text);
            return Ok(());
        }
        Command::Withdraw { by, payee } => {
            let body = WithdrawData { by, payee };
            let paid: EarningsView = api.post("/v1/market/earnings", &body).await?;
            let text = format!("{} was paid to {}", paid.credited, paid.account);
            output.answer(&paid, text);
            return Ok(());
        }
    };
    output.answer(&listing, text(&listing));
    Ok(())
}

/// What goes into an address as it is.
fn plain(argument: &'static str, text: &str) -> Result<(), CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(());
    }
    Err(CliError::Argument {
        argument,
        got: text.chars().take(80).collect(),
        expected: "a name or an address: letters, digits, '-', '_', '.', '/'",
    })
}

fn text(listing: &ListingView) -> String {
    let mut text = format!(
        "{} of {}: {:?}, {} a read, {} for {} s",
        listing.feed,
        listing.owner,
        listing.access,
        listing.price_per_read,
        listing.price_per_period,
        listing.period_seconds
    );
    if let Some(keeper) = &listing.keeper {
        text = format!(
            "{text}\n{} parts of 10000 go to the devices; {} is there for them, {keeper} rewards them",
            listing.reward_share, listing.pool
        );
    }
    if let Some(account) = &listing.account {
        text = format!(
            "{text}\n{account} bought {} reads and has used {} here; subscribed until {}",
            listing.reads_bought, listing.reads_used, listing.subscribed_until
        );
    }
    text
}

fn rewarded(reward: &RewardView) -> String {
    let mut text = format!(
        "reward {} for periods {} to {} of {}: {}",
        reward.number, reward.from, reward.through, reward.operator, reward.total
    );
    for device in &reward.devices {
        text += &format!(
            "\n  {:<40} {:>10} readings  {}",
            device.did, device.readings, device.amount
        );
    }
    if reward.more {
        text += "\nmore devices spoke in these periods: ask again for theirs";
    }
    text
}
