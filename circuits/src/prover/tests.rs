use std::sync::mpsc::channel;

use super::*;
use crate::groth16::development_key;
use crate::system::Builder;

/// A number whose square is public; building it can be held up.
struct Square<F>(F);

impl<F: Fn() + Send + Sync> Circuit for Square<F> {
    fn name(&self) -> String {
        "square".into()
    }

    fn build(&self, c: &mut Builder) {
        (self.0)();
        let square = c.public("square", Fr::from(49u64));
        let root = c.witness("root", Fr::from(7u64));
        c.enforce(&root, &root, &square);
    }
}

fn limits(at_once: usize, waiting: usize) -> Limits {
    let one = NonZeroUsize::MIN;
    let at_once = NonZeroUsize::new(at_once).unwrap();
    Limits {
        threads: one,
        at_once,
        waiting,
        memory: 1 << 30,
    }
}

fn ready() -> (Compiled, ProvingKey) {
    let compiled = Compiled::new(&Square(|| ())).unwrap();
    let key = development_key(&compiled).unwrap();
    (compiled, key)
}

#[test]
fn a_proof_passes_through_its_stages() {
    let (compiled, key) = ready();
    let prover = Prover::new(limits(1, 0)).unwrap();
    let mut seen = Vec::new();

    let cancel = prover.cancel();
    let (proof, inputs) = prover
        .prove(&key, &compiled, &Square(|| ()), &cancel, |p| seen.push(p))
        .unwrap();

    key.verifying().verify(&inputs, &proof).unwrap();
    let stages = [
        Progress::Waiting,
        Progress::Checking,
        Progress::Proving,
        Progress::Done,
    ];
    assert_eq!(seen, stages);
}

#[test]
fn a_circuit_past_the_memory_limit_is_refused() {
    let (compiled, key) = ready();
    let prover = Prover::new(Limits {
        memory: 1000,
        ..limits(1, 0)
    })
    .unwrap();

    let refused = prover.prove(&key, &compiled, &Square(|| ()), &prover.cancel(), |_| ());

    assert!(matches!(
        refused,
        Err(Error::TooMuchMemory { limit: 1000, .. })
    ));
}

#[test]
fn the_queue_is_bounded_and_waiting_can_be_cancelled_or_stopped() {
    let (compiled, key) = ready();
    let prover = Prover::new(limits(1, 1)).unwrap();
    let (hold, held) = channel::<()>();
    let (entered, inside) = channel();
    let held = Mutex::new(held);
    let slow = Square(move || {
        entered.send(()).unwrap();
        held.lock().unwrap().recv().unwrap();
    });

    std::thread::scope(|scope| {
        let first = scope.spawn(|| prover.prove(&key, &compiled, &slow, &prover.cancel(), |_| ()));
        inside.recv().unwrap();

        // One waits; the next is refused.
        let cancel = prover.cancel();
        let (waits, waiting) = channel();
        let second = {
            let (prover, key, compiled, cancel) = (&prover, &key, &compiled, cancel.clone());
            scope.spawn(move || {
                prover.prove(key, compiled, &Square(|| ()), &cancel, |_| {
                    waits.send(()).unwrap()
                })
            })
        };
        waiting.recv().unwrap();
        let third = loop {
            let token = prover.cancel();
            token.cancel();
            match prover.prove(&key, &compiled, &Square(|| ()), &token, |_| ()) {
                // The second has not taken its place yet.
                Err(Error::Cancelled) => std::thread::yield_now(),
                other => break other,
            }
        };
        assert!(matches!(third, Err(Error::QueueFull { waiting: 1 })));

        cancel.cancel();
        assert!(matches!(second.join().unwrap(), Err(Error::Cancelled)));
        hold.send(()).unwrap();
        assert!(first.join().unwrap().is_ok());
    });
    prover.stop();
    let late = prover.prove(&key, &compiled, &Square(|| ()), &prover.cancel(), |_| ());
    assert!(matches!(late, Err(Error::Stopped)));
}

#[test]
fn a_proof_cancelled_under_way_is_dropped() {
    let (compiled, key) = ready();
    let prover = Prover::new(limits(1, 0)).unwrap();
    let cancel = prover.cancel();
    let stop = cancel.clone();

    let ended = prover.prove(
        &key,
        &compiled,
        &Square(move || stop.cancel()),
        &cancel,
        |_| (),
    );

    assert!(matches!(ended, Err(Error::Cancelled)));
}

#[test]
fn a_false_witness_is_named_before_anything_is_proved() {
    struct Wrong;
    impl Circuit for Wrong {
        fn name(&self) -> String {
            "square".into()
        }
        fn build(&self, c: &mut Builder) {
            let square = c.public("square", Fr::from(50u64));
            let root = c.witness("root", Fr::from(7u64));
            c.enforce(&root, &root, &square);
        }
    }
    let (compiled, key) = ready();
    let prover = Prover::new(limits(1, 0)).unwrap();

    let refused = prover.prove(&key, &compiled, &Wrong, &prover.cancel(), |_| ());

    assert!(matches!(refused, Err(Error::WitnessRefused { group }) if group == "statement"));
}
