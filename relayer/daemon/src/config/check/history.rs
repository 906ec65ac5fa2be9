//! `[hosted.<name>]`: where a node reads without a seat, how it begins, what it keeps.

use causeway_adapter_hosted::{
    follow::{MAX_SOURCES, SourceConfig},
    host::History,
    ledger::MIN_KEEP_BLOCKS,
    tls::ClientFiles,
};

use super::{Checker, ConfigError, evm::usable, range, raw};

impl Checker<'_> {
    pub(super) fn history(&self, name: &str, raw: &raw::Hosted) -> Result<History, ConfigError> {
        let key = |key: &str| format!("hosted.{name}.{key}");
        let must = |field: &str, must| ConfigError::Must {
            key: key(field),
            must,
        };
        for (i, url) in raw.sources.iter().enumerate() {
            let wrong = |why| ConfigError::NodeUrl {
                key: key(&format!("sources[{i}]")),
                why,
            };
            usable(url).map_err(wrong)?;
        }
        if raw.sources.len() > MAX_SOURCES {
            return Err(must("sources", "name at most 16 nodes"));
        }
        if !raw.sources.is_empty() && raw.genesis_file.is_none() {
            return Err(must(
                "sources",
                "come with genesis_file: that is what they are checked against",
            ));
        }
        let https = raw.sources.iter().any(|url| url.starts_with("https:"));
        if https && raw.source_tls.is_none() {
            return Err(must(
                "source_tls",
                "name the CA of the certificates of https sources",
            ));
        }
        if raw.start_from_snapshot && raw.sources.is_empty() {
            return Err(must(
                "start_from_snapshot",
                "come with sources, where the snapshot is fetched",
            ));
        }
        if let Some(keep) = raw.keep_blocks {
            let expected = "at least 256; leave it out to keep all";
            range(
                key("keep_blocks"),
                keep,
                MIN_KEEP_BLOCKS,
                u64::MAX,
                expected,
            )?;
        }
        let tls = raw.source_tls.as_ref().map(|tls| {
            let identity = match (&tls.certificate_file, &tls.key_file) {
                (Some(certificate), Some(secret)) => {
                    Some((self.own(certificate)?, self.own(secret)?))
                }
                (None, None) => None,
                _ => {
                    let both = "have both certificate_file and key_file, or neither";
                    return Err(must("source_tls", both));
                }
            };
            Ok(ClientFiles {
                ca: self.own(&tls.ca_file)?,
                identity,
            })
        });
        Ok(History {
            sources: SourceConfig {
                urls: raw.sources.clone(),
                tls: tls.transpose()?,
            },
            from_snapshot: raw.start_from_snapshot,
            snapshot_every: raw.snapshot_every_epochs,
            keep_blocks: raw.keep_blocks,
        })
    }
}
