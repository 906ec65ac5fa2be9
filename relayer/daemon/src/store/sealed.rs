//! Sealed files: ciphertext by its digest, a bounded number of them.

use alloy_primitives::B256;

use super::{Store, StoreError};

/// Most files; with the largest ones four gigabytes.
pub const MAX_SEALED_FILES: i64 = 4_096;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept from now on.
    New,
    /// It was here.
    Known,
    /// There are [`MAX_SEALED_FILES`].
    Full,
}

impl Store {
    /// Keeps a file; on the disk when this returns.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn keep_sealed(&self, digest: B256, file: &[u8]) -> Result<Kept, StoreError> {
        let failed = |e| StoreError::from_sqlx("keeping a sealed file", e);
        self.faults.alive()?;
        if self.sealed_file(digest).await?.is_some() {
            return Ok(Kept::Known);
        }
        let written = sqlx::query(
            "INSERT INTO sealed_files (digest, bytes) SELECT ?1, ?2 \
             WHERE (SELECT count(*) FROM sealed_files) < ?3 ON CONFLICT (digest) DO NOTHING",
        )
        .bind(digest.to_string())
        .bind(file)
        .bind(MAX_SEALED_FILES)
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        if written.rows_affected() == 1 {
            return Ok(Kept::New);
        }
        let is_here = self.sealed_file(digest).await?.is_some();
        Ok(if is_here { Kept::Known } else { Kept::Full })
    }

    /// Keeps a file no more.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn drop_sealed(&self, digest: B256) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sealed_files WHERE digest = ?")
            .bind(digest.to_string())
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("dropping a sealed file", e))?;
        Ok(())
    }

    /// A file, if it is here.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn sealed_file(&self, digest: B256) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar("SELECT bytes FROM sealed_files WHERE digest = ?")
            .bind(digest.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a sealed file", e))
    }

    /// Whether a file is here.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn has_sealed(&self, digest: B256) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM sealed_files WHERE digest = ?")
            .bind(digest.to_string())
            .fetch_one(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("looking for a sealed file", e))?;
        Ok(found > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[tokio::test]
    async fn files_are_kept_by_their_digest_and_outlive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let digest = B256::repeat_byte(1);
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();

        assert_eq!(store.keep_sealed(digest, b"file").await.unwrap(), Kept::New);
        assert_eq!(
            store.keep_sealed(digest, b"other").await.unwrap(),
            Kept::Known
        );
        store.close().await;
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();
        let found = store.sealed_file(digest).await.unwrap();
        assert_eq!(found.as_deref(), Some(b"file".as_slice()));
        assert!(store.has_sealed(digest).await.unwrap());
        store.drop_sealed(digest).await.unwrap();
        assert!(!store.has_sealed(digest).await.unwrap());
        store.close().await;
    }

    #[tokio::test]
    async fn no_more_files_are_kept_than_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let store = Store::open(&path, StoreKey::new([1; 32])).await.unwrap();
        for number in 0..MAX_SEALED_FILES {
            let digest = B256::left_padding_from(&number.to_be_bytes());
            sqlx::query("INSERT INTO sealed_files (digest, bytes) VALUES (?, x'00')")
                .bind(digest.to_string())
                .execute(&store.pool)
                .await
                .unwrap();
        }

        let more = store.keep_sealed(B256::repeat_byte(9), b"file").await;
        assert_eq!(more.unwrap(), Kept::Full);
        let again = store.keep_sealed(B256::ZERO, b"file").await;
        assert_eq!(again.unwrap(), Kept::Known);
        store.close().await;
    }
}
