//! How many files this process may open: each connection is one.

use rlimit::Resource;

/// Raises the limit as far as the system lets this process, and returns it. Shells begin with 1024, and devices are more.
pub(crate) fn raise() -> u64 {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    raised.unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        // Not even that: then nothing is known, and nothing is promised.
        Resource::NOFILE.get_soft().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use rlimit::Resource;

    #[test]
    fn the_limit_of_open_files_is_raised_to_what_the_system_allows() {
        let raised = super::raise();

        let (now, most) = Resource::NOFILE.get().unwrap();
        assert_eq!(now, most);
        assert_eq!(raised, now);
    }
}
