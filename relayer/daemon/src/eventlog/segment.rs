//! One segment as it is kept in memory: its tree, its lanes, how far it is read.

use causeway_adapter_api::{Height, RawLog};
use causeway_core::{
    lane::LaneId,
    log::{ACTS, Body, Broken, ChainEvent, Follower, Gap, Lanes, SegmentHead, TreeError},
};
use futures::TryStreamExt as _;

use super::{LogError, Standing, kind_name, names};
use crate::{
    relay::abi,
    store::{NewEntry, SegmentRow, Store},
};

/// What is known of a segment. What is lost with it is read again from the store.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) id: u64,
    pub(super) follower: Follower,
    pub(super) lanes: Lanes,
    pub(super) read: SegmentRow,
    pub(super) broken: Option<Broken>,
    /// What is written in the store may be more or less than what stands here.
    pub(super) stale: bool,
}

impl Segment {
    /// Reads a segment and checks every entry: its encoding, its place, the hash of the one before, and that the columns
    /// beside it say the same.
    pub(super) async fn load(store: &Store, id: u64, start: Height) -> Result<Self, LogError> {
        let read = store.log_segment(id).await?;
        let mut segment = Self {
            id,
            follower: Follower::new(id),
            lanes: Lanes::default(),
            read: read.unwrap_or(SegmentRow {
                next: start,
                verified: Height(start.0.saturating_sub(1)),
                size: 0,
            }),
            broken: None,
            stale: false,
        };
        let mut rows = std::pin::pin!(store.raw_log(id));
        while let Some(row) = rows.try_next().await? {
            let position = segment.follower.len();
            let entry = match segment.follower.take(&row.bytes) {
                Ok(entry) => entry,
                Err(broken) => {
                    segment.broken = Some(broken);
                    return Ok(segment);
                }
            };
            if !row.repeats(&entry, names::kind_of(&entry.body)) {
                segment.broken = Some(Broken::Beside {
                    segment: id,
                    position,
                });
                return Ok(segment);
            }
            if let Body::Event(event) = &entry.body {
                // A gap was refused when it was appended; one that is here now was made here.
                if note(&mut segment.lanes, &raw_of(event, entry.at)).is_err() {
                    segment.broken = Some(Broken::Link {
                        segment: id,
                        position,
                    });
                    return Ok(segment);
                }
            }
        }
        let (got, expected) = (segment.follower.len(), segment.read.size);
        if id != ACTS && got < expected {
            segment.broken = Some(Broken::Short {
                segment: id,
                expected,
                got,
            });
        }
        Ok(segment)
    }

    /// Compares with what was signed.
    pub(super) fn compare(&mut self, head: Option<&SegmentHead>) {
        if self.broken.is_some() {
            return;
        }
        if let Some(head) = head {
            self.broken = self.follower.check(head).err();
        }
    }

    /// What a head says of it now.
    pub(super) fn counted(&self) -> Result<SegmentHead, TreeError> {
        let size = self.counted_size();
        Ok(SegmentHead {
            id: self.id,
            root: self.follower.tree().root(size)?,
            size,
            height: self.counted_height().0,
        })
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            segment: self.id,
            size: self.follower.len(),
            counted: self.counted_size(),
            height: self.counted_height(),
            broken: self.broken.clone(),
        }
    }

    /// Entries for these logs, appended here; the caller stores them, or says that they are not.
    pub(super) fn append_logs(&mut self, logs: &[RawLog]) -> Result<Vec<NewEntry>, Broken> {
        let events = logs.iter().map(|log| {
            let body = Body::Event(event_of(log));
            let kind = kind_name(&body);
            let (entry, bytes) = self.follower.append(log.time.0, body)?;
            Ok(NewEntry { entry, kind, bytes })
        });
        events.collect()
    }

    /// What the lanes will be with these logs.
    ///
    /// # Errors
    /// The first number that is missing.
    pub(super) fn lanes_with(&self, logs: &[RawLog]) -> Result<Lanes, Gap> {
        let mut lanes = self.lanes.clone();
        for log in logs {
            note(&mut lanes, log)?;
        }
        Ok(lanes)
    }

    fn counted_size(&self) -> u64 {
        if self.id == ACTS {
            return self.follower.len();
        }
        self.read.size.min(self.follower.len())
    }

    const fn counted_height(&self) -> Height {
        if self.id == ACTS {
            return Height(0);
        }
        self.read.verified
    }
}

/// What a log says about the numbers of a lane.
fn note(lanes: &mut Lanes, log: &RawLog) -> Result<(), Gap> {
    match abi::read(log) {
        Some(abi::Said::LaneOpened { lane, .. }) => {
            lanes.open(log.address, LaneId(lane));
            Ok(())
        }
        Some(abi::Said::Appended { lane, index, .. }) => {
            lanes.take(log.address, LaneId(lane), index)
        }
        _ => Ok(()),
    }
}

fn event_of(log: &RawLog) -> ChainEvent {
    ChainEvent {
        tx: log.tx.0,
        data: log.data.clone(),
        block: log.block,
        index: log.index,
        height: log.height.0,
        topics: log.topics.clone(),
        address: log.address,
    }
}

pub(super) fn raw_of(event: &ChainEvent, at: u64) -> RawLog {
    RawLog {
        address: event.address,
        topics: event.topics.clone(),
        data: event.data.clone(),
        height: Height(event.height),
        block: event.block,
        time: causeway_adapter_api::Timestamp(at),
        tx: causeway_adapter_api::TxId(event.tx),
        index: event.index,
    }
}
