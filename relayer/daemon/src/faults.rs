//! Stopping at a persist point, for the stories that kill the daemon.

use crate::store::{FaultPoint, Faults, OnFault, Store};

/// The variable that names a persist point, as `tx_prepared.after:2`.
const VARIABLE: &str = "CAUSEWAY_CRASH_AT";

/// Arms a store with the persist point of the environment, if one is named. The process then aborts there.
pub(crate) fn armed(store: Store) -> Store {
    let Ok(text) = std::env::var(VARIABLE) else {
        return store;
    };
    match text.parse::<FaultPoint>() {
        Ok(at) => {
            tracing::warn!(%at, "this process will abort at a persist point");
            store.with_faults(Faults::at(at, OnFault::Abort))
        }
        Err(error) => {
            tracing::error!(%error, "{VARIABLE} is ignored");
            store
        }
    }
}
