//! Devices: who they are, how they are.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Pager, Tone, card, empty},
    plot::{self, Sample},
    texts::Texts,
};

/// A device in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceLine {
    /// Its id: `did:odin:...`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who owns it: name or address.
    pub owner: String,
    /// Feeds it speaks for here.
    pub feeds: Vec<String>,
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
    /// What it sends is refused.
    Refused,
    /// It is admitted no more.
    Removed,
}

/// One device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// In short.
    pub line: DeviceLine,
    /// The key its readings are signed with: first coordinate.
    pub key: String,
    /// SHA-256 of its certificate.
    pub certificate: String,
    /// Number of its newest reading.
    pub sequence: Option<u64>,
    /// How far each operator is: name, number of the newest reading it stored.
    pub stored: Vec<(String, u64)>,
    /// Whether its readings are not for whoever looks.
    pub is_private: bool,
    /// Its newest readings, oldest first.
    pub readings: Vec<Sample>,
    /// Values between which nothing is alarming.
    pub band: Option<(f64, f64)>,
    /// Unit of its readings.
    pub unit: String,
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
                html! { bdi { (one.owner) } },
                feeds(&one.feeds),
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
            @else { (parts::table(t.devices, &[t.name, t.owner, t.feed, t.reading, t.time, t.standing], &rows)) }
            (parts::pager(t, pager))
        }
    };
    frame.page(t.devices, News::Live, &content)
}

/// One device.
pub fn page(frame: &Frame, device: &Device) -> Markup {
    let t = frame.t();
    let line = &device.line;
    let content = html! {
        h1 { bdi { (line.name) } }
        div.card {
            p.stand data-k="health" { (health(t, line.health)) }
            (parts::facts(&[
                (t.id, parts::whole(&line.id)),
                (t.owner, html! { bdi { (line.owner) } }),
                (t.feed, feeds(&line.feeds)),
                (t.key, parts::whole(&device.key)),
                (t.certificate, parts::whole(&device.certificate)),
                (t.sequence, html! { span data-k="sequence" { (device.sequence.map_or("–".into(), |n| n.to_string())) } }),
                (t.reading, html! { span data-k="reading" {
                    @if let Some(reading) = &line.reading { (parts::money(t, reading)) } @else { "–" }
                    @if let Some(at) = line.at { " " (parts::when(at)) }
                } }),
            ]))
        }
        @if device.is_private { p.card { (t.readings_private) } }
        @else { div #plot data-swap { (plot::plot(t, &plot::over_time(t.reading, t.asset(&device.unit), &device.readings, device.band))) } }
        (card("stored", t.stored_by, &html! {
            ul { @for (operator, sequence) in &device.stored { li { bdi { (operator) } " " (sequence) } } }
        }))
        (card("refused", t.refused, &html! {
            @if device.refused.is_empty() { p.unit { (t.nothing_refused) } }
            ul { @for (at, why) in &device.refused { li { (parts::when(*at)) " " span lang="en" { (why) } } } }
        }))
    };
    frame.page(&line.name, News::Live, &content)
}

fn feeds(names: &[String]) -> Markup {
    html! {
        @if names.is_empty() { "–" }
        @for (index, name) in names.iter().enumerate() {
            @if index > 0 { ", " }
            a href={ "/feeds/" (parts::segment(name)) } { bdi { (name) } }
        }
    }
}

fn health(t: &Texts, health: DeviceHealth) -> Markup {
    let (tone, word) = match health {
        DeviceHealth::Well => (Tone::Good, t.device_well),
        DeviceHealth::Silent => (Tone::Warn, t.device_silent),
        DeviceHealth::Lying => (Tone::Bad, t.device_lying),
        DeviceHealth::Refused => (Tone::Bad, t.device_refused),
        DeviceHealth::Removed => (Tone::Plain, t.device_removed),
    };
    parts::badge(tone, word)
}
