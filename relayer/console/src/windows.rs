//! The windows of locks on the clocks of their chains: who may do what until when, and what time it is there.

use maud::{Markup, html};

use crate::{parts, texts::Texts};

/// Windows on one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Name of the chain.
    pub chain: String,
    /// Time of its newest final block, unix seconds.
    pub now: Option<u64>,
    /// When each window begins; the last one ends with `end`.
    pub windows: Vec<Window>,
    /// When the last window ends; open without it.
    pub end: Option<u64>,
}

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins, unix seconds.
    pub from: u64,
    /// Who may do what in it.
    pub what: May,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// The recipient may claim.
    Claim,
    /// Anyone may complete the claim.
    PublicClaim,
    /// The sender may take it back.
    Refund,
    /// Anyone may complete the refund.
    PublicRefund,
    /// Business goes on; nothing can be taken.
    Business,
}

impl May {
    const fn class(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::PublicClaim => "public-claim",
            Self::Refund => "refund",
            Self::PublicRefund => "public-refund",
            Self::Business => "business",
        }
    }

    const fn words(self, t: &Texts) -> &'static str {
        match self {
            Self::Claim => t.may_claim,
            Self::PublicClaim => t.may_public_claim,
            Self::Refund => t.may_refund,
            Self::PublicRefund => t.may_public_refund,
            Self::Business => t.may_business,
        }
    }
}

const WIDTH: f64 = 640.0;

/// Draws the lanes on one axis.
pub(crate) fn windows(t: &Texts, lanes: &[Lane]) -> Markup {
    let starts = lanes.iter().flat_map(|lane| &lane.windows).map(|w| w.from);
    let ends = lanes.iter().filter_map(|lane| lane.end);
    let nows = lanes.iter().filter_map(|lane| lane.now);
    let all: Vec<u64> = starts.clone().chain(ends).collect();
    let (Some(from), Some(to)) = (all.iter().copied().min(), all.iter().copied().max()) else {
        return html! {};
    };
    // An open window at the end is as wide as a seventh of the rest; a clock far beyond stands at the edge.
    let spread = to.saturating_sub(from).max(1);
    let to = to.saturating_add(spread / 6 + 1);
    let from = nows
        .min()
        .map_or(from, |now| now.clamp(from.saturating_sub(spread), from));
    let x = |at: u64| {
        let part = at.clamp(from, to) - from;
        part as f64 / (to - from) as f64 * WIDTH
    };
    html! {
        div.windows {
            @for lane in lanes {
                div.lane {
                    p.lane-name {
                        b { (lane.chain) }
                        @if let Some(now) = lane.now { " " span.unit { (t.clock) " " (parts::clock_of(now)) } }
                    }
                    svg viewBox="0 0 640 40" preserveAspectRatio="none" role="img" aria-label=(told(t, lane)) {
                        rect.rail x="0" y="16" width="640" height="8" {}
                        @for (index, window) in lane.windows.iter().enumerate() {
                            @let next = lane.windows.get(index + 1).map(|w| w.from).or(lane.end).unwrap_or(to);
                            @let (left, right) = (x(window.from), x(next));
                            rect.window.(window.what.class()) x={ (format!("{left:.1}")) } y="10" height="20"
                                width={ (format!("{:.1}", (right - left).max(1.0))) } {
                                title { (window.what.words(t)) ": " (parts::clock_of(window.from)) " – " (parts::clock_of(next)) }
                            }
                        }
                        @if let Some(now) = lane.now {
                            @let at = format!("{:.1}", x(now));
                            line.now x1=(at) x2=(at) y1="2" y2="38" { title { (t.clock) " " (parts::clock_of(now)) } }
                        }
                    }
                }
            }
            (legend(t, lanes))
        }
    }
}

fn legend(t: &Texts, lanes: &[Lane]) -> Markup {
    let all = [
        May::Claim,
        May::PublicClaim,
        May::Refund,
        May::PublicRefund,
        May::Business,
    ];
    let used = |what: &May| {
        lanes
            .iter()
            .flat_map(|lane| &lane.windows)
            .any(|w| w.what == *what)
    };
    html! {
        ul.key {
            @for what in all.iter().filter(|what| used(what)) {
                li { span.swatch.(what.class()) {} (what.words(t)) }
            }
            li { span.swatch.now {} (t.newest_block) }
        }
    }
}

/// The same in words.
fn told(t: &Texts, lane: &Lane) -> String {
    let windows = lane.windows.iter();
    let windows = windows.map(|w| format!("{} {}", parts::clock_of(w.from), w.what.words(t)));
    format!("{}: {}", lane.chain, windows.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    fn lane(now: Option<u64>) -> Lane {
        let window = |(from, what)| Window { from, what };
        let windows = [
            (100, May::Claim),
            (200, May::PublicClaim),
            (300, May::Refund),
        ];
        Lane {
            chain: "a<b".into(),
            now,
            windows: windows.map(window).into(),
            end: None,
        }
    }

    fn drawn(lanes: &[Lane]) -> String {
        windows(Lang::En.texts(), lanes).into_string()
    }

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let drawn = drawn(&[lane(Some(100))]);

        assert!(
            drawn.contains("class=\"window claim\" x=\"0.0\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("class=\"window public-claim\" x=\"273.5\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("a&lt;b") && !drawn.contains("a<b"),
            "{drawn}"
        );
    }

    #[test]
    fn a_clock_far_outside_stands_at_the_edge() {
        for now in [Some(0), Some(u64::MAX), None] {
            let drawn = drawn(&[lane(now)]);
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
        assert_eq!(drawn(&[]), "");
    }
}
