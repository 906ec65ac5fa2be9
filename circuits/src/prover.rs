//! Proving within bounds: threads, memory, how many wait; and a way to stop.
//!
//! [`Prover::prove`] blocks: call it from a worker thread, never from an async one. Its arithmetic runs in a pool of
//! its own, so it takes no thread from anybody else.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ark_bn254::Fr;

use crate::error::{Error, Fault};
use crate::groth16::{Compiled, Proof, ProvingKey, checked_assignment, prove_assignment};
use crate::system::Circuit;

/// What a prover may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads of the pool all proofs share.
    pub threads: NonZeroUsize,
    /// Proofs under way at once.
    pub at_once: NonZeroUsize,
    /// Proofs that may wait for their turn.
    pub waiting: usize,
    /// Bytes that all proofs under way may take, keys apart; see [`Compiled::memory`].
    pub memory: u64,
}

/// What happens to a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Others are before it.
    Waiting,
    /// The witness is computed and checked against every constraint.
    Checking,
    /// The proof is computed.
    Proving,
    /// It is done.
    Done,
}

/// Makes proofs within [`Limits`].
#[derive(Debug)]
pub struct Prover {
    pool: rayon::ThreadPool,
    limits: Limits,
    shared: Arc<Shared>,
}

/// Stops a proof. Clones stop the same one.
#[derive(Clone, Debug)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    memory: u64,
    stopped: bool,
}

impl Prover {
    /// Starts the pool.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn new(limits: Limits) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(limits.threads.get())
            .thread_name(|i| format!("prover-{i}"))
            .build()
            .map_err(|_| Error::Internal(Fault::Thread))?;
        Ok(Self {
            pool,
            limits,
            shared: Arc::default(),
        })
    }

    /// A way to stop one proof of this prover.
    pub fn cancel(&self) -> Cancel {
        Cancel {
            flag: Arc::default(),
            shared: self.shared.clone(),
        }
    }

    /// Lets no further proof begin and ends all that wait.
    pub fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
    }

    /// Waits for a turn, then proves a statement.
    ///
    /// Cancelling takes effect while waiting, and between checking and proving; a proof that is being computed is
    /// computed to its end (a second or two for the largest statement) and then dropped.
    ///
    /// # Errors
    ///
    /// When too many wait, the circuit needs more memory than all proofs may take, the proof was cancelled or the
    /// prover stopped; and as [`crate::groth16::prove`].
    pub fn prove(
        &self,
        key: &ProvingKey,
        compiled: &Compiled,
        circuit: &dyn Circuit,
        cancel: &Cancel,
        mut progress: impl FnMut(Progress),
    ) -> Result<(Proof, Vec<Fr>), Error> {
        key.expect_circuit(compiled)?;
        progress(Progress::Waiting);
        let _turn = self.turn(compiled.memory(), cancel)?;
        progress(Progress::Checking);
        let assignment = self
            .pool
            .install(|| checked_assignment(compiled, circuit))?;
        cancel.check()?;
        progress(Progress::Proving);
        let proved = self
            .pool
            .install(|| prove_assignment(key, compiled, &assignment));
        cancel.check()?;
        progress(Progress::Done);
        proved
    }

    fn turn(&self, needs: u64, cancel: &Cancel) -> Result<Turn<'_>, Error> {
        let Limits {
            at_once,
            waiting,
            memory: limit,
            ..
        } = self.limits;
        if needs > limit {
            return Err(Error::TooMuchMemory { needs, limit });
        }
        let mut state = self.shared.lock();
        let full = |state: &State| state.running >= at_once.get() || state.memory + needs > limit;
        if full(&state) && state.waiting >= waiting {
            return Err(Error::QueueFull {
                waiting: state.waiting,
            });
        }
        state.waiting += 1;
        while full(&state) && !state.stopped && !cancel.is_set() {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        if state.stopped {
            return Err(Error::Stopped);
        }
        cancel.check()?;
        state.running += 1;
        state.memory += needs;
        Ok(Turn {
            shared: &self.shared,
            memory: needs,
        })
    }
}

impl Cancel {
    /// Stops the proof.
    pub fn cancel(&self) {
        // Under the lock, so that who is about to wait sees it.
        let _state = self.shared.lock();
        self.flag.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_set() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}

impl Shared {
    /// The counters stay true if a holder panicked: they change together or not at all.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the proofs under way. Dropping it lets the next begin, whatever became of the proof.
struct Turn<'a> {
    shared: &'a Shared,
    memory: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.running -= 1;
        state.memory -= self.memory;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
