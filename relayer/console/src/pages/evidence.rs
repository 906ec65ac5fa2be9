//! Evidence files: made here, checked here by the code that checks them anywhere.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    parts::{self, Tone, card},
    texts::Texts,
};

/// The page, with the report of a file that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Largest file that is taken, bytes.
    pub max_bytes: usize,
    /// Names of chains.
    pub chains: Vec<String>,
    /// What a verifier must know of the chains hosted here, as the command line takes it.
    pub known: Vec<String>,
    /// What checking found.
    pub report: Option<Report>,
}

/// What checking a file found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Name of the file, as its sender calls it.
    pub file: String,
    /// Its size, bytes.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// What it was made for, in its maker's words.
    pub about: Option<String>,
    /// Every link.
    pub links: Vec<Link>,
    /// What is proved: chain, height, time, what.
    pub findings: Vec<(u64, u64, u64, String)>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it connects.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Why not, or what to compare.
    pub why: Option<String>,
}

/// Whether a link holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// Nothing known here says whether the chain is the one that is meant.
    Assumed,
    /// It does not.
    Broken,
    /// It hangs on one that is broken.
    NotReached,
}

impl Report {
    fn first_broken(&self) -> Option<&Link> {
        self.links
            .iter()
            .find(|link| link.verdict == Verdict::Broken)
    }
}

/// Renders it.
pub fn page(frame: &Frame, view: &Evidence) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.evidence) }
        @if let Some(found) = &view.report { (report(t, found)) }
        (card("verify", t.verify_file, &html! {
            p { (t.verify_told) }
            form.sheet method="post" action="/evidence" enctype="multipart/form-data" {
                input type="hidden" name="token" value=(frame.token);
                label { (t.file) " " span.unit { (t.at_most) " " (view.max_bytes / (1 << 20)) " MiB" }
                    input type="file" name="file" accept=".evidence,application/cbor" required;
                }
                button { (t.verify) }
            }
            h3 { (t.trust_nobody) }
            p { (t.trust_nobody_told) }
            pre tabindex="0" { code {
                "causeway evidence verify FILE"
                @for known in &view.known { " \\\n  --chain " (known) }
            } }
        }))
        (card("export", t.export_evidence, &html! {
            form.sheet method="get" action="/v1/evidence" {
                label { (t.transfer_id) input name="transfer" required pattern="(0x)?[0-9a-fA-F]{32}" maxlength="34" autocomplete="off" spellcheck="false"; }
                button { (t.export) }
            }
            form.sheet method="get" action="/v1/evidence" {
                label { (t.chain) select name="chain" { @for chain in &view.chains { option { (chain) } } } }
                label { (t.transaction_hash) input name="tx" required pattern="(0x)?[0-9a-fA-F]{64}" maxlength="66" autocomplete="off" spellcheck="false"; }
                button { (t.export) }
            }
        }))
    };
    frame.page(t.evidence, News::Still, &content)
}

fn report(t: &Texts, report: &Report) -> Markup {
    let is_assumed = report
        .links
        .iter()
        .any(|link| link.verdict == Verdict::Assumed);
    let (tone, word) = match report.first_broken() {
        Some(_) => (Tone::Bad, t.not_proved),
        None if is_assumed => (Tone::Warn, t.proved_if),
        None => (Tone::Good, t.proved),
    };
    let content = html! {
        p.stand role="status" { (parts::badge(tone, word)) }
        @if let Some(link) = report.first_broken() { p.note.bad { (t.first_broken) " " b lang="en" { (link.name) } } }
        (parts::facts(&[
            (t.file, html! { bdi { (report.file) } " " span.unit { (report.bytes) " B" } }),
            ("SHA-256", parts::whole(&report.digest)),
            (t.about, html! { @if let Some(about) = &report.about { bdi { (about) } " " span.unit { (t.proves_nothing) } } @else { "–" } }),
        ]))
        h3 { (t.links) }
        ol.links lang="en" {
            @for link in &report.links {
                li {
                    (verdict(t, link.verdict)) " " (link.name)
                    @if let Some(why) = &link.why { p.unit { (why) } }
                }
            }
        }
        @if !report.findings.is_empty() {
            h3 { (t.what_is_proved) }
            ul {
                @for (chain, height, time, what) in &report.findings {
                    li { (t.chain) " " (chain) ", " (t.block) " " (height) ", " (parts::when(*time)) ": " span.whole lang="en" { (what) } }
                }
            }
        }
    };
    card("report", t.report, &content)
}

fn verdict(t: &Texts, verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Holds => parts::badge(Tone::Good, t.link_holds),
        Verdict::Assumed => parts::badge(Tone::Warn, t.link_assumed),
        Verdict::Broken => parts::badge(Tone::Bad, t.link_broken),
        Verdict::NotReached => parts::badge(Tone::Plain, t.link_not_reached),
    }
}
