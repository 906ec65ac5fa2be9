use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::{
    check::{ClockLimits, Peer, admit},
    evidence::Evidence,
    wire::Submitted,
    world::{NOW, Sensor, directory},
};

/// Keeps readings in memory, and fails when told to.
#[derive(Default)]
struct Memory {
    rows: Mutex<Vec<Signed>>,
    evidence: Mutex<Vec<Evidence>>,
    full: AtomicBool,
}

#[async_trait]
impl Sink for Memory {
    async fn append(&self, readings: &[Following], _: u64) -> Result<(), SinkError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(SinkError::Full { doing: "testing" });
        }
        self.rows
            .lock()
            .extend(readings.iter().map(|r| *r.signed()));
        Ok(())
    }

    async fn last(&self, chain: Chain) -> Result<Option<Signed>, SinkError> {
        Ok(self
            .rows
            .lock()
            .iter()
            .rev()
            .find(|r| r.chain() == chain)
            .copied())
    }

    async fn reading(&self, chain: Chain, sequence: u64) -> Result<Option<Signed>, SinkError> {
        let rows = self.rows.lock();
        let found = rows
            .iter()
            .find(|r| r.chain() == chain && r.body.sequence == sequence);
        Ok(found.copied())
    }

    async fn accuse(&self, evidence: &Evidence, _: u64) -> Result<(), SinkError> {
        self.evidence.lock().push(*evidence);
        Ok(())
    }
}

fn verified(sensor: &Sensor, readings: &[Signed]) -> Vec<Verified> {
    let known = directory(&[sensor]);
    let peer = Peer::Certificate(sensor.certificate());
    let check = |r: &Signed| {
        admit(
            &known,
            &peer,
            &Submitted::Sealed(*r),
            NOW,
            ClockLimits::default(),
        )
    };
    readings.iter().map(|r| check(r).unwrap()).collect()
}

fn start() -> (Arc<Memory>, Ledger) {
    let memory = Arc::new(Memory::default());
    let ledger = Ledger::start(memory.clone(), Arc::new(|| NOW));
    (memory, ledger)
}

fn code(outcome: Result<usize, Refused>) -> &'static str {
    outcome.expect_err("refused").refusal.code()
}

#[tokio::test]
async fn a_batch_with_one_fault_is_refused_whole() {
    let (memory, ledger) = start();
    let mut sensor = Sensor::new("10.cold.7");
    let mut readings: Vec<Signed> = (0..4).map(|v| sensor.say(v)).collect();
    let missing = readings.remove(2);

    let refused = ledger
        .try_submit(verified(&sensor, &readings))
        .unwrap()
        .stored()
        .await;

    let refused = refused.unwrap_err();
    assert_eq!((refused.index, refused.refusal.code()), (2, "sequence_gap"));
    assert!(memory.rows.lock().is_empty());
    readings.insert(2, missing);
    let stored = ledger
        .try_submit(verified(&sensor, &readings))
        .unwrap()
        .stored()
        .await;
    assert_eq!(stored, Ok(4));
    assert_eq!(*memory.rows.lock(), readings);
}

#[tokio::test]
async fn what_came_twice_is_stored_once_and_confirmed_after() {
    let (memory, ledger) = start();
    let mut sensor = Sensor::new("10.cold.7");
    let readings = [sensor.say(1), sensor.say(2)];

    let first = ledger.try_submit(verified(&sensor, &readings)).unwrap();
    let again = ledger.try_submit(verified(&sensor, &readings)).unwrap();

    assert_eq!(first.stored().await, Ok(2));
    assert_eq!(code(again.stored().await), "replayed");
    assert_eq!(memory.rows.lock().len(), 2);
}

#[tokio::test]
async fn nothing_is_confirmed_while_nothing_can_be_stored() {
    let (memory, ledger) = start();
    let mut sensor = Sensor::new("10.cold.7");
    let readings = [sensor.say(1), sensor.say(2)];
    memory.full.store(true, Ordering::SeqCst);

    let first = ledger.try_submit(verified(&sensor, &readings)).unwrap();
    let again = ledger.try_submit(verified(&sensor, &readings)).unwrap();

    assert_eq!(code(first.stored().await), "storage");
    assert_eq!(
        code(again.stored().await),
        "storage",
        "not 'already stored'"
    );
    memory.full.store(false, Ordering::SeqCst);
    let stored = ledger
        .try_submit(verified(&sensor, &readings))
        .unwrap()
        .stored()
        .await;
    assert_eq!(stored, Ok(2));
}

#[tokio::test]
async fn evidence_is_kept_whether_the_first_face_is_stored_or_waits() {
    let (memory, ledger) = start();
    let mut sensor = Sensor::new("10.two-faced");
    let other = sensor.sign(sensor.body(999));
    let first = sensor.say(1);

    let stored = ledger.try_submit(verified(&sensor, &[first])).unwrap();
    let waiting = ledger.try_submit(verified(&sensor, &[other])).unwrap();
    assert_eq!(stored.stored().await, Ok(1));
    assert_eq!(code(waiting.stored().await), "equivocation");
    let later = ledger.try_submit(verified(&sensor, &[other])).unwrap();
    assert_eq!(code(later.stored().await), "equivocation");

    let evidence = memory.evidence.lock();
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|e| e.readings() == [&first, &other]));
    assert_eq!(memory.rows.lock().len(), 1);
}

#[tokio::test]
async fn too_many_waiting_batches_are_turned_away() {
    let (_memory, ledger) = start();
    let sensor = Sensor::new("10.cold.7");
    let batch = verified(&sensor, &[sensor.sign(sensor.body(1))]);

    // Nothing runs in between: the task gets no turn before the first await.
    let waiting: Vec<_> = (0..MAX_WAITING)
        .map(|_| ledger.try_submit(batch.clone()).unwrap())
        .collect();
    let refused = ledger.try_submit(batch.clone()).unwrap_err();

    assert_eq!(refused.refusal, Refusal::Busy);
    assert_eq!(refused.refusal.retry_after(), Some(1));
    let mut stored = 0;
    for pending in waiting {
        stored += usize::from(pending.stored().await.is_ok());
    }
    assert_eq!(stored, 1);
}
