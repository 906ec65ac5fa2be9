//! Batches of readings as devices send them: SenML in JSON and CBOR, COSE. What is taken is in its one spelling.
#![no_main]

use causeway_adapter_device::wire::{Form, Record, Submitted, decode, to_cbor, to_cose, to_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    for form in [Form::Json, Form::Cbor, Form::Cose] {
        let Ok(taken) = decode(form, raw) else {
            continue;
        };
        let (mut records, mut sealed) = (Vec::<Record>::new(), Vec::new());
        for one in taken {
            match one {
                Submitted::Record(record) => records.push(*record),
                Submitted::Sealed(signed) => sealed.push(signed),
            }
        }
        let again = match form {
            Form::Json => Ok(to_json(&records).into_bytes()),
            Form::Cbor => to_cbor(&records),
            Form::Cose => to_cose(&sealed),
        };
        assert_eq!(again.as_deref(), Ok(raw), "{form:?}");
    }
});
