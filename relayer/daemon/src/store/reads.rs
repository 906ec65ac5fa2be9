//! Reads that were bought one by one, as far as this daemon has served them.

use alloy_primitives::{Address, B256};

use super::{Store, StoreError, rows};

impl Store {
    /// Uses up to `wanted` of the reads of a listing that an account bought, and returns how many were left to use. What is
    /// returned is on the disk as used before anything is served: a read that was paid is never served twice, and one
    /// whose answer got lost is gone.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn use_reads(
        &self,
        listing: B256,
        account: Address,
        bought: u64,
        wanted: u64,
    ) -> Result<u64, StoreError> {
        let failed = |e| StoreError::from_sqlx("counting reads", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let used: Option<i64> =
            sqlx::query_scalar("SELECT used FROM market_reads WHERE listing = ? AND account = ?")
                .bind(listing.to_string())
                .bind(rows::address_text(account))
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed)?;
        let used = rows::unsigned(used.unwrap_or_default());
        let granted = bought.saturating_sub(used).min(wanted);
        sqlx::query(
            "INSERT INTO market_reads (listing, account, used) VALUES (?1, ?2, ?3) \
             ON CONFLICT (listing, account) DO UPDATE SET used = ?3",
        )
        .bind(listing.to_string())
        .bind(rows::address_text(account))
        .bind(rows::signed(used.saturating_add(granted)))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(granted)
    }

    /// Reads of a listing that an account has used here.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn reads_used(&self, listing: B256, account: Address) -> Result<u64, StoreError> {
        let used: Option<i64> =
            sqlx::query_scalar("SELECT used FROM market_reads WHERE listing = ? AND account = ?")
                .bind(listing.to_string())
                .bind(rows::address_text(account))
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading how many reads were used", e))?;
        Ok(rows::unsigned(used.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[tokio::test]
    async fn bought_reads_are_used_once_each_and_outlive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let (listing, reader) = (B256::repeat_byte(1), Address::repeat_byte(2));
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();

        assert_eq!(store.use_reads(listing, reader, 3, 2).await.unwrap(), 2);
        store.close().await;
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();
        assert_eq!(store.use_reads(listing, reader, 3, 2).await.unwrap(), 1);
        assert_eq!(store.use_reads(listing, reader, 3, 2).await.unwrap(), 0);
        assert_eq!(store.reads_used(listing, reader).await.unwrap(), 3);

        // More were bought; others and other listings have their own.
        assert_eq!(store.use_reads(listing, reader, 4, 9).await.unwrap(), 1);
        let other = Address::repeat_byte(3);
        assert_eq!(store.reads_used(listing, other).await.unwrap(), 0);
        assert_eq!(store.use_reads(B256::ZERO, reader, 1, 9).await.unwrap(), 1);
        store.close().await;
    }
}
