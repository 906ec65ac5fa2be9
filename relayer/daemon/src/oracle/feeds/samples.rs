//! An operator's own view of the devices.

use alloy_primitives::B256;
use async_trait::async_trait;
use causeway_adapter_device::{archive::ArchiveReader, sink::SinkError};
use causeway_core::feed::{Millis, Sample};

/// Readings of devices, as one operator accepted them.
///
/// May be behind, and may be empty; what it tells was signed by an admitted device.
#[async_trait] // an operator holds `Arc<dyn Samples>`
pub trait Samples: Send + Sync + 'static {
    /// The newest reading of each device of a feed that was measured at `since` or later, in no order.
    async fn newest(&self, feed: B256, since: Millis) -> Result<Vec<Sample>, SinkError>;
}

#[async_trait]
impl Samples for ArchiveReader {
    async fn newest(&self, feed: B256, since: Millis) -> Result<Vec<Sample>, SinkError> {
        let found = self.recent(feed, since.0).await?;
        let sample = |(time, value): (u64, i64)| Sample {
            value: value.into(),
            at: Millis(time),
        };
        Ok(found.into_iter().map(sample).collect())
    }
}

/// One sample of several devices: the upper median of values and of times, as a report is made (F5). So of 2f + 1 devices f
/// may lie about either. `None` of no plausible reading.
pub(super) fn combine(mut found: Vec<Sample>, (min, max): (i128, i128)) -> Option<Sample> {
    found.retain(|sample| (min..=max).contains(&sample.value));
    let middle = found.len() / 2;
    found.sort_unstable_by_key(|sample| sample.at);
    let at = found.get(middle)?.at;
    found.sort_unstable_by_key(|sample| sample.value);
    let value = found.get(middle)?.value;
    Some(Sample { value, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn sample(value: i128, at: u64) -> Sample {
        Sample {
            value,
            at: Millis(at),
        }
    }

    #[test]
    fn one_liar_of_three_devices_moves_neither_value_nor_time() {
        let honest = [sample(400, 10), sample(410, 11)];
        for lie in [sample(-900, 0), sample(5_000, 99), sample(405, 10)] {
            let found = vec![honest[0], lie, honest[1]];

            let combined = combine(found, (-1_000, 10_000)).expect("a sample");

            assert!((400..=410).contains(&combined.value), "{combined:?}");
            assert!((10..=11).contains(&combined.at.0), "{combined:?}");
        }
    }

    #[test]
    fn what_no_device_could_measure_counts_for_nothing() {
        let limits = (-1_000, 1_000);

        assert_eq!(
            combine(vec![sample(1_001, 1), sample(-1_001, 2)], limits),
            None
        );
        assert_eq!(combine(Vec::new(), limits), None);
        let kept = combine(vec![sample(9_999, 9), sample(5, 1)], limits);
        assert_eq!(kept, Some(sample(5, 1)));
    }
}
