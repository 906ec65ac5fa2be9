//! A configuration file.
#![no_main]

use std::path::Path;

use causeway::config::{self, Purpose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    if let Ok(text) = std::str::from_utf8(raw) {
        let _ = config::parse(text, Path::new("/nowhere"), Purpose::Daemon);
    }
});
