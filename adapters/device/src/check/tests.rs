use super::*;
use crate::{
    directory::Listing,
    evidence::Offence,
    names::Unit,
    world::{NOW, Sensor, directory, feed},
};

fn judge(
    directory: &Directory,
    sensor: &Sensor,
    submitted: &Submitted,
) -> Result<Verified, Refusal> {
    let peer = Peer::Certificate(sensor.certificate());
    admit(directory, &peer, submitted, NOW, ClockLimits::default())
}

fn code(sensor: &Sensor, change: impl FnOnce(&mut Record)) -> &'static str {
    let signed = sensor.sign(sensor.body(425));
    let mut record = sensor.record(&signed);
    change(&mut record);
    let submitted = Submitted::Record(Box::new(record));
    judge(&directory(&[sensor]), sensor, &submitted)
        .expect_err("refused")
        .code()
}

fn signed_as(sensor: &Sensor, change: impl FnOnce(&mut Body)) -> Result<Verified, Refusal> {
    let mut body = sensor.body(425);
    change(&mut body);
    let submitted = Submitted::Sealed(sensor.sign(body));
    judge(&directory(&[sensor]), sensor, &submitted)
}

#[test]
fn a_reading_is_taken_in_both_forms() {
    let sensor = Sensor::new("10.cold.7");
    let signed = sensor.sign(sensor.body(-1850));
    let directory = directory(&[&sensor]);

    for submitted in [sensor.submitted(&signed), Submitted::Sealed(signed)] {
        let verified = judge(&directory, &sensor, &submitted).unwrap();
        assert_eq!(*verified.signed(), signed);
    }
}

#[test]
fn who_may_not_speak_is_told_so() {
    let (sensor, other) = (Sensor::new("10.cold.7"), Sensor::new("10.cold.8"));
    let signed = sensor.sign(sensor.body(425));
    let submitted = sensor.submitted(&signed);
    let mut known = directory(&[&sensor, &other]);

    let of = |d: &Directory, peer: &Peer| admit(d, peer, &submitted, NOW, ClockLimits::default());
    let stranger = Peer::Certificate(Fingerprint::of(b"nobody's"));
    assert_eq!(of(&known, &stranger), Err(Refusal::CertificateUnknown));
    let wrong = Peer::Certificate(other.certificate());
    assert_eq!(
        of(&known, &wrong),
        Err(Refusal::CertificateOther(sensor.did.clone()))
    );
    let topic = |did: &Did, name: &str| Peer::Topic {
        did: did.clone(),
        feed: FeedName::new(name).unwrap(),
    };
    assert!(of(&known, &topic(&sensor.did, "cold/7/t")).is_ok());
    assert_eq!(
        of(&known, &topic(&other.did, "cold/7/t"))
            .unwrap_err()
            .code(),
        "topic_other"
    );
    assert_eq!(
        of(&known, &topic(&sensor.did, "cold/8/t"))
            .unwrap_err()
            .code(),
        "topic_other"
    );

    let unknown = Refusal::DeviceUnknown(sensor.did.to_string());
    assert_eq!(
        judge(&directory(&[&other]), &sensor, &submitted),
        Err(unknown)
    );
    assert!(known.set_standing(&sensor.id, Standing::Revoked));
    let revoked = Refusal::DeviceRevoked(sensor.did.clone());
    assert_eq!(judge(&known, &sensor, &submitted), Err(revoked));
}

#[test]
fn a_full_node_speaks_for_its_weak_device_and_no_other() {
    let (node, weak, other) = (
        Sensor::new("10.node"),
        Sensor::new("10.weak"),
        Sensor::new("10.x"),
    );
    let mut known = directory(&[&node, &other]);
    let entry = crate::directory::Entry {
        speaker: Some(node.id),
        certificate: node.certificate(),
        ..weak.entry()
    };
    known.admit(entry).unwrap();

    let submitted = weak.submitted(&weak.sign(weak.body(1)));

    assert!(judge(&known, &node, &submitted).is_ok());
    assert_eq!(
        judge(&known, &other, &submitted).unwrap_err().code(),
        "certificate_other"
    );
    known.set_standing(&node.id, Standing::Revoked);
    assert_eq!(
        judge(&known, &node, &submitted),
        Err(Refusal::DeviceRevoked(node.did.clone()))
    );
}

#[test]
fn values_units_and_feeds_are_the_feeds_own() {
    let sensor = Sensor::new("10.cold.7");
    let value = |text: &str| crate::decimal::Decimal::parse(text).unwrap();

    assert_eq!(
        code(&sensor, |r| r.unit = Unit::new("K").unwrap()),
        "unit_wrong"
    );
    assert_eq!(
        code(&sensor, |r| r.feed = FeedName::new("other").unwrap()),
        "feed_unknown"
    );
    assert_eq!(
        code(&sensor, |r| r.value = value("4.251")),
        "value_precision"
    );
    assert_eq!(
        code(&sensor, |r| r.value = value("9223372036854775807")),
        "value_precision"
    );
    assert_eq!(
        code(&sensor, |r| r.value = value("60.01")),
        "value_implausible"
    );
    assert_eq!(
        code(&sensor, |r| r.value = value("-40.01")),
        "value_implausible"
    );
    assert_eq!(
        signed_as(&sensor, |b| b.value = i64::MAX)
            .unwrap_err()
            .code(),
        "value_implausible"
    );
    assert_eq!(
        signed_as(&sensor, |b| b.value = i64::MIN)
            .unwrap_err()
            .code(),
        "value_implausible"
    );
    assert_eq!(
        signed_as(&sensor, |b| b.feed.0[0] ^= 1).unwrap_err().code(),
        "feed_unknown"
    );
    assert_eq!(
        signed_as(&sensor, |b| b.device.0[0] ^= 1)
            .unwrap_err()
            .code(),
        "device_unknown"
    );
    assert!(signed_as(&sensor, |b| b.value = feed().max).is_ok());
}

#[test]
fn clocks_far_off_are_refused() {
    let sensor = Sensor::new("10.cold.7");
    let clock = ClockLimits::default();

    assert!(signed_as(&sensor, |b| b.time = NOW + clock.ahead).is_ok());
    let ahead = signed_as(&sensor, |b| b.time = NOW + clock.ahead + 1);
    assert_eq!(
        ahead,
        Err(Refusal::ClockAhead {
            ahead: clock.ahead + 1
        })
    );
    assert!(signed_as(&sensor, |b| b.time = NOW - clock.age).is_ok());
    let behind = signed_as(&sensor, |b| b.time = NOW - clock.age - 1);
    assert_eq!(behind.unwrap_err().code(), "clock_behind");
}

#[test]
fn every_signed_field_is_covered_by_the_signature() {
    let sensor = Sensor::new("10.cold.7");
    let value = crate::decimal::Decimal::parse("4.24").unwrap();

    assert_eq!(code(&sensor, |r| r.value = value), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.time += 1), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.sequence += 1), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.previous.0[31] ^= 1), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.hardware[63] ^= 1), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.hardware = [0; 64]), "signature_wrong");
    assert_eq!(code(&sensor, |r| r.key_number = 2), "key_number");
    assert_eq!(
        code(&sensor, |r| r.feed_signature = Some([1; 96])),
        "feed_signature_wrong"
    );
}

#[test]
fn a_proved_feed_needs_the_feed_keys_signature() {
    let sensor = Sensor::new("10.cold.7");
    let mut listing: Listing = directory(&[&sensor]).listing();
    listing.feeds[0].proved = true;
    let known = Directory::try_from(listing).unwrap();
    let mut signed = sensor.sign(sensor.body(425));

    let without = judge(&known, &sensor, &Submitted::Sealed(signed));
    signed.feed = Some(sensor.feed_key.sign(&signed.body).unwrap());
    let with = judge(&known, &sensor, &Submitted::Sealed(signed));

    assert_eq!(without, Err(Refusal::FeedSignatureMissing));
    assert_eq!(with.map(|v| *v.signed()), Ok(signed));
}

/// Sends what it sent before: all of it again, or out of order.
struct ReplayingDevice {
    sensor: Sensor,
    said: Vec<Verified>,
}

impl ReplayingDevice {
    fn new(readings: i64) -> Self {
        let mut sensor = Sensor::new("10.replaying");
        let known = directory(&[&sensor]);
        let mut said = Vec::new();
        for value in 0..readings {
            let submitted = Submitted::Sealed(sensor.say(value));
            said.push(judge(&known, &sensor, &submitted).unwrap());
        }
        Self { sensor, said }
    }
}

#[test]
fn replaying_device_is_named_and_gains_nothing() {
    let device = ReplayingDevice::new(5);
    let last = device.sensor.last;

    for old in &device.said {
        assert_eq!(follow(last.as_ref(), old), Ok(Order::Old));
        let refusal = repeated(last.as_ref(), old.signed(), old);
        assert_eq!(refusal.code(), "replayed");
        assert_eq!(refusal.next().unwrap().sequence, 6);
    }
}

#[test]
fn readings_out_of_order_leave_a_gap_that_is_named() {
    let device = ReplayingDevice::new(5);
    let first = device.said[0].signed();

    let refused = follow(Some(first), &device.said[3]).unwrap_err();

    let next = next_of(Some(&first.body));
    assert_eq!(refused, Refusal::Gap { next, got: 4 });
    assert_eq!(
        follow(None, &device.said[1]).unwrap_err().code(),
        "sequence_gap"
    );
    assert!(matches!(
        follow(Some(first), &device.said[1]),
        Ok(Order::Next(_))
    ));
}

/// Says one thing to one operator and another to the next.
struct TwoFacedDevice {
    sensor: Sensor,
}

impl TwoFacedDevice {
    fn says(&self, change: impl FnOnce(&mut Body)) -> Verified {
        signed_as(&self.sensor, change).unwrap()
    }
}

#[test]
fn two_faced_device_convicts_itself() {
    let mut device = TwoFacedDevice {
        sensor: Sensor::new("10.two-faced"),
    };
    let (cold, warm) = (
        device.says(|b| b.value = 400),
        device.says(|b| b.value = 2500),
    );

    let refusal = repeated(Some(cold.signed()), cold.signed(), &warm);

    let Refusal::Contradiction(evidence) = refusal else {
        panic!("{refusal}")
    };
    assert_eq!(evidence.offence(), Offence::Equivocation);
    assert_eq!(evidence.readings(), [cold.signed(), warm.signed()]);

    let false_start = device.says(|b| b.previous.0[0] = 1);
    assert_eq!(
        follow(None, &false_start).unwrap_err().code(),
        "false_start"
    );

    device.sensor.last = Some(*cold.signed());
    let broken = device.says(|b| b.previous.0[0] ^= 1);
    let refusal = follow(Some(cold.signed()), &broken).unwrap_err();
    assert_eq!(refusal.code(), "broken_link");
    let Refusal::Contradiction(evidence) = refusal else {
        panic!("{refusal}")
    };
    assert_eq!(evidence.readings(), [cold.signed(), broken.signed()]);
}

#[test]
fn time_rises_along_a_chain() {
    let mut sensor = Sensor::new("10.cold.7");
    let first = sensor.say(1);

    let same = signed_as(&sensor, |b| b.time = first.body.time).unwrap();

    assert_eq!(
        follow(Some(&first), &same).unwrap_err().code(),
        "clock_back"
    );
}

#[test]
fn readings_that_do_not_contradict_each_other_are_no_evidence() {
    let (mut one, mut other) = (Sensor::new("10.cold.7"), Sensor::new("10.cold.8"));
    let (a, b) = (one.say(1), one.say(2));

    assert_eq!(Evidence::of(&a, &b), None);
    assert_eq!(Evidence::of(&a, &a), None);
    assert_eq!(Evidence::of(&a, &other.say(9)), None);
    let mut again = a;
    again.hardware[0] ^= 1;
    assert_eq!(
        Evidence::of(&a, &again),
        None,
        "another signature of the same reading"
    );
}
