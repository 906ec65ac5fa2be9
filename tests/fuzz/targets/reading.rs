//! Readings as devices send them, in all three forms. What is taken is written again byte for byte.
#![no_main]

use causeway_adapter_device::wire::{Form, Submitted, decode, to_cbor, to_cose, to_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    for form in [Form::Json, Form::Cbor, Form::Cose] {
        let Ok(readings) = decode(form, raw) else {
            continue;
        };
        assert!(!readings.is_empty());
        assert_eq!(Form::of_first_byte(raw), Some(form));
        let (mut records, mut sealed) = (Vec::new(), Vec::new());
        for reading in readings {
            match reading {
                Submitted::Record(record) => records.push(*record),
                Submitted::Sealed(signed) => sealed.push(signed),
            }
        }
        let again = match form {
            Form::Json => Ok(to_json(&records).into_bytes()),
            Form::Cbor => to_cbor(&records),
            Form::Cose => to_cose(&sealed),
        };
        assert_eq!(again.as_deref(), Ok(raw));
    }
});
