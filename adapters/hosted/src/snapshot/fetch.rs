//! Bringing a snapshot here, piece by piece. What is here stays here: an interrupted download goes on where it was.

use std::{path::Path, time::Duration};

use alloy_primitives::{B256, Bytes, U64, keccak256};
use jsonrpsee::rpc_params;
use serde::{Deserialize, Serialize};

use super::{MAX_PIECE_BYTES, Manifest, Pieces, SnapshotError, canonical};
use crate::follow::{Source, Sources};

/// Rounds over all sources before giving up.
const ROUNDS: usize = 5;
/// Pause between two of them.
const PAUSE: Duration = Duration::from_secs(1);

/// `causeway_getSnapshot`, as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotAnswer {
    /// Height of its block.
    pub(crate) height: U64,
    /// RLP of its manifest.
    pub(crate) manifest: Bytes,
}

/// Brings the newest snapshot of a source into `dir`, asking number `first` first, with pieces from any of them. Each piece is
/// compared with its hash; whether to believe the whole is for [`super::restore`] to say.
///
/// # Errors
/// [`SnapshotError::GivenUp`] when every source was asked several times in vain. What came stays for the next attempt.
pub async fn fetch(
    dir: &Path,
    sources: &Sources,
    first: usize,
) -> Result<(Manifest, Pieces), SnapshotError> {
    let pieces = Pieces::open(dir)?;
    let mut last = SnapshotError::NoneYet;
    let attempts = ROUNDS * sources.count();
    for attempt in 0..attempts {
        if attempt > 0 && attempt % sources.count() == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let source = sources.get(first + attempt);
        match from(source, sources, &pieces).await {
            Ok(manifest) => return Ok((manifest, pieces)),
            Err(error @ SnapshotError::Io { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(source = %source.label, %error, "a source does not give a snapshot");
                last = error;
            }
        }
    }
    Err(SnapshotError::GivenUp {
        attempts,
        last: Box::new(last),
    })
}

async fn from(
    source: &Source,
    sources: &Sources,
    pieces: &Pieces,
) -> Result<Manifest, SnapshotError> {
    // The one that was begun, as long as its pieces can be had.
    if let Some(raw) = pieces.manifest()?
        && let Ok(manifest) = canonical::<Manifest>(&raw, "manifest")
    {
        match fill(&manifest, source, sources, pieces).await {
            Err(SnapshotError::Source(error)) => {
                tracing::info!(%error, "the snapshot that was begun is gone: beginning another");
            }
            ended => return ended.map(|()| manifest),
        }
    }
    let answer: Option<SnapshotAnswer> = source.ask("causeway_getSnapshot", rpc_params![]).await?;
    let answer = answer.ok_or(SnapshotError::NoneYet)?;
    let manifest: Manifest = canonical(&answer.manifest, "manifest")?;
    tracing::info!(
        source = %source.label, height = answer.height.to::<u64>(), pieces = manifest.pieces().count(),
        "fetching a snapshot"
    );
    pieces.put_manifest(&answer.manifest)?;
    fill(&manifest, source, sources, pieces).await?;
    Ok(manifest)
}

async fn fill(
    manifest: &Manifest,
    first: &Source,
    sources: &Sources,
    pieces: &Pieces,
) -> Result<(), SnapshotError> {
    for hash in manifest.pieces() {
        if pieces.piece(hash)?.is_some() {
            continue;
        }
        let mut brought = bring(first, hash).await;
        for index in 0..sources.count() {
            if brought.is_ok() {
                break;
            }
            if sources.get(index).label != first.label {
                brought = bring(sources.get(index), hash).await;
            }
        }
        pieces.put(&brought?)?;
    }
    Ok(())
}

async fn bring(source: &Source, expected: B256) -> Result<Bytes, SnapshotError> {
    let piece: Bytes = source
        .ask("causeway_getSnapshotPiece", rpc_params![expected])
        .await?;
    let got = keccak256(&piece);
    if got != expected || piece.len() > MAX_PIECE_BYTES {
        return Err(SnapshotError::Piece { expected, got });
    }
    Ok(piece)
}
