//! Devices: who they are, how they are.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, card, empty},
    plot::{self, Plot},
    texts::Texts,
};

/// A device in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceLine {
    /// Its id: `did:odin:...`.
    pub id: String,
    /// Its name, as its operator calls it.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// The feed it speaks for.
    pub feed: String,
    /// Its newest reading, with its unit.
    pub reading: Option<parts::Money>,
    /// When that was, unix seconds.
    pub at: Option<u64>,
    /// How it is.
    pub health: DeviceHealth,
}

/// How a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceHealth {
    /// It speaks when it should.
    #[default]
    Well,
    /// It does not.
    Silent,
    /// It contradicted itself: two readings of one number, or a broken link.
    Lying,
    /// Somebody repeats what it said.
    Replayed,
    /// It is admitted no more.
    Removed,
}

/// One device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// In short.
    pub line: DeviceLine,
    /// Its address, which its readings are signed with.
    pub key: String,
    /// When its certificate ends, unix seconds.
    pub certificate_until: Option<u64>,
    /// Number of its newest reading.
    pub sequence: Option<u64>,
    /// Its deposit.
    pub stake: Option<parts::Money>,
    /// Its readings.
    pub plot: Plot,
    /// What was refused of it: when, why.
    pub refused: Vec<(u64, String)>,
}

/// All devices.
pub fn list(frame: &Frame, devices: &[DeviceLine], pager: &Pager) -> Markup {
    let t = frame.t();
    let rows: Vec<_> = devices
        .iter()
        .map(|one| {
            let cells = vec![
                html! { a href={ "/devices/" (parts::segment(&one.id)) } { bdi { (one.name) } } },
                html! { bdi { (one.operator) } },
                html! { bdi { (one.feed) } },
                html! { @if let Some(reading) = &one.reading { (parts::money(t, reading)) } @else { "–" } },
                html! { @if let Some(at) = one.at { (parts::when(at)) } @else { "–" } },
                health(t, one.health),
            ];
            (one.id.clone(), cells)
        })
        .collect();
    let content = html! {
        h1 { (t.devices) }
        section.card aria-label=(t.devices) {
            @if rows.is_empty() { (empty(t.no_devices, "causeway device --help")) }
            @else { (parts::table(t.devices, &[t.name, t.operator, t.feed, t.reading, t.time, t.standing], &rows)) }
            (parts::pager(t, pager))
        }
    };
    frame.page(t.devices, News::Live, &content)
}

/// One device.
pub fn page(frame: &Frame, device: &Device) -> Markup {
    let t = frame.t();
    let line = &device.line;
    let or_none = |value: Option<Markup>| value.unwrap_or_else(|| html! { "–" });
    let content = html! {
        h1 { bdi { (line.name) } }
        div.card {
            p.stand data-k="health" { (health(t, line.health)) }
            (parts::facts(&[
                (t.id, parts::whole(&line.id)),
                (t.operator, html! { bdi { (line.operator) } }),
                (t.feed, html! { a href={ "/feeds/" (parts::segment(&line.feed)) } { bdi { (line.feed) } } }),
                (t.key, parts::whole(&device.key)),
                (t.certificate_until, or_none(device.certificate_until.map(parts::when))),
                (t.sequence, html! { span data-k="sequence" { (device.sequence.map_or("–".into(), |n| n.to_string())) } }),
                (t.stake, or_none(device.stake.as_ref().map(|m| parts::money(t, m)))),
            ]))
        }
        div #plot data-swap { (plot::plot(t, &device.plot)) }
        (card("refused", t.refused, &html! {
            @if device.refused.is_empty() { p.unit { (t.nothing_refused) } }
            ul { @for (at, why) in &device.refused { li { (parts::when(*at)) " " span lang="en" { (why) } } } }
        }))
    };
    frame.page(&line.name, News::Live, &content)
}

fn health(t: &Texts, health: DeviceHealth) -> Markup {
    let (tone, word) = match health {
        DeviceHealth::Well => (Tone::Good, t.device_well),
        DeviceHealth::Silent => (Tone::Warn, t.device_silent),
        DeviceHealth::Lying => (Tone::Bad, t.device_lying),
        DeviceHealth::Replayed => (Tone::Bad, t.device_replayed),
        DeviceHealth::Removed => (Tone::Plain, t.device_removed),
    };
    parts::badge(tone, word)
}
