//! Rewards for readings: which were asked for, and what devices earned.

use alloy_primitives::{B256, U256};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Store, StoreError, rows};

/// What a listing's reward is for: readings accepted in these periods of the archive, of devices after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewardRow {
    /// First period.
    pub first: u64,
    /// Last period.
    pub last: u64,
    /// Only devices whose ids come after this one.
    pub after: Option<B256>,
    /// Devices after this one are left for the next reward; none when all were in it.
    pub rest_after: Option<B256>,
}

impl Store {
    /// What a listing's reward of this number was asked for.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn reward(
        &self,
        listing: B256,
        number: u64,
    ) -> Result<Option<RewardRow>, StoreError> {
        let found = sqlx::query("SELECT * FROM market_rewards WHERE listing = ? AND number = ?")
            .bind(listing.to_string())
            .bind(rows::signed(number))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a reward", e))?;
        found.as_ref().map(reward).transpose()
    }

    /// Keeps what a reward is asked for, before it is.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn ask_reward(
        &self,
        listing: B256,
        number: u64,
        row: &RewardRow,
    ) -> Result<(), StoreError> {
        self.faults.alive()?;
        sqlx::query(
            "INSERT INTO market_rewards (listing, number, first, last, after, rest_after) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (listing, number) DO UPDATE SET first = excluded.first, last = excluded.last, \
             after = excluded.after, rest_after = excluded.rest_after",
        )
        .bind(listing.to_string())
        .bind(rows::signed(number))
        .bind(rows::signed(row.first))
        .bind(rows::signed(row.last))
        .bind(row.after.map(|device| device.to_string()))
        .bind(row.rest_after.map(|device| device.to_string()))
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(|e| StoreError::from_sqlx("keeping a reward", e))
    }

    /// Forgets a reward that the market refused.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn forget_reward(&self, listing: B256, number: u64) -> Result<(), StoreError> {
        self.faults.alive()?;
        sqlx::query("DELETE FROM market_rewards WHERE listing = ? AND number = ?")
            .bind(listing.to_string())
            .bind(rows::signed(number))
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(|e| StoreError::from_sqlx("forgetting a reward", e))
    }

    /// For how many readings a device was rewarded, and with how much, at final heights.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn earned(&self, device: B256) -> Result<(u64, U256), StoreError> {
        let failed = |e| StoreError::from_sqlx("reading what a device earned", e);
        let found = sqlx::query("SELECT readings, amount FROM market_earned WHERE device = ?")
            .bind(device.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        let (mut readings, mut amount) = (0_u64, U256::ZERO);
        for row in &found {
            let some: i64 = row.try_get("readings").map_err(failed)?;
            let units: U256 = rows::parse("reward", row.try_get("amount").map_err(failed)?)?;
            readings = readings.saturating_add(rows::unsigned(some));
            amount = amount.saturating_add(units);
        }
        Ok((readings, amount))
    }
}

fn reward(row: &SqliteRow) -> Result<RewardRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a reward", e);
    let period = |column| {
        let number: i64 = row.try_get(column).map_err(failed)?;
        Ok::<_, StoreError>(rows::unsigned(number))
    };
    let device = |column| {
        let text: Option<&str> = row.try_get(column).map_err(failed)?;
        text.map(|text| rows::parse("reward", text)).transpose()
    };
    Ok(RewardRow {
        first: period("first")?,
        last: period("last")?,
        after: device("after")?,
        rest_after: device("rest_after")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[tokio::test]
    async fn a_reward_is_remembered_by_its_listing_and_number_until_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let listing = B256::repeat_byte(1);
        let row = RewardRow {
            first: 3,
            last: 7,
            after: None,
            rest_after: Some(B256::repeat_byte(9)),
        };
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();

        store.ask_reward(listing, 0, &row).await.unwrap();
        store.close().await;
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();

        assert_eq!(store.reward(listing, 0).await.unwrap(), Some(row));
        assert_eq!(store.reward(listing, 1).await.unwrap(), None);
        assert_eq!(store.reward(B256::ZERO, 0).await.unwrap(), None);
        store.forget_reward(listing, 0).await.unwrap();
        assert_eq!(store.reward(listing, 0).await.unwrap(), None);
        assert_eq!(store.earned(B256::ZERO).await.unwrap(), (0, U256::ZERO));
        store.close().await;
    }
}
