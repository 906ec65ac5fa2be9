//! What stands around every page.

use maud::{DOCTYPE, Markup, html};

use crate::{
    Lang,
    assets::{MARK, SCRIPT, STYLE},
    texts::Texts,
};

/// What is the same for all of a page: who looks at it, how, where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Language.
    pub lang: Lang,
    /// Address of this page, with its query but without the language.
    pub path: String,
    /// Which part of the navigation it belongs to.
    pub place: Option<Place>,
    /// The parts of the navigation that have something behind them.
    pub places: Vec<Place>,
    /// Who looks at it.
    pub who: Who,
    /// What its forms carry, so that another site cannot send them.
    pub token: String,
    /// When it was made, unix seconds.
    pub now: u64,
}

/// Who looks at a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Name in the certificate; none in the local profile.
    pub name: Option<String>,
    /// Role in it.
    pub role: Option<String>,
    /// Whether transfers may be begun and taken back.
    pub may_act: bool,
    /// Whether alarms may be acknowledged.
    pub may_oversee: bool,
}

/// A part of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum Place {
    Overview,
    Transfers,
    Messages,
    Chains,
    Supply,
    Feeds,
    Devices,
    Proofs,
    Evidence,
    Alarms,
    Log,
    Members,
    Health,
}

impl Place {
    /// All of them, in the order of the navigation.
    pub const ALL: [Self; 13] = [
        Self::Overview,
        Self::Transfers,
        Self::Messages,
        Self::Supply,
        Self::Chains,
        Self::Feeds,
        Self::Devices,
        Self::Proofs,
        Self::Evidence,
        Self::Alarms,
        Self::Log,
        Self::Members,
        Self::Health,
    ];

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Transfers => "/transfers",
            Self::Messages => "/messages",
            Self::Chains => "/chains",
            Self::Supply => "/supply",
            Self::Feeds => "/feeds",
            Self::Devices => "/devices",
            Self::Proofs => "/proofs",
            Self::Evidence => "/evidence",
            Self::Alarms => "/alarms",
            Self::Log => "/log",
            Self::Members => "/members",
            Self::Health => "/health",
        }
    }

    const fn word(self, t: &Texts) -> &'static str {
        match self {
            Self::Overview => t.overview,
            Self::Transfers => t.transfers,
            Self::Messages => t.messages,
            Self::Chains => t.chains,
            Self::Supply => t.supply,
            Self::Feeds => t.feeds,
            Self::Devices => t.devices,
            Self::Proofs => t.proofs,
            Self::Evidence => t.evidence,
            Self::Alarms => t.alarms,
            Self::Log => t.log,
            Self::Members => t.members,
            Self::Health => t.health,
        }
    }
}

/// Whether news come into a page that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// They do.
    Live,
    /// It shows what does not change, or what was asked for once.
    Still,
}

impl Frame {
    pub(crate) const fn t(&self) -> &'static Texts {
        self.lang.texts()
    }

    /// The whole document.
    pub(crate) fn page(&self, title: &str, news: News, content: &Markup) -> Markup {
        let t = self.t();
        html! {
            (DOCTYPE)
            html lang=(self.lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · Causeway" }
                    link rel="icon" type="image/svg+xml" href=(MARK.path());
                    link rel="stylesheet" href=(STYLE.path());
                    script src=(SCRIPT.path()) defer {}
                }
                body {
                    a.skip href="#main" { (t.skip) }
                    (self.header(news))
                    div.frame {
                        nav.side aria-label=(t.pages) { (self.list()) }
                        main #main tabindex="-1" data-live[news == News::Live] {
                            (content)
                        }
                    }
                    (self.footer())
                }
            }
        }
    }

    fn header(&self, news: News) -> Markup {
        let t = self.t();
        html! {
            header.top {
                a.brand href="/" {
                    img src=(MARK.path()) alt="" width="28" height="28";
                    span { "Causeway" }
                }
                span.news {
                    @if news == News::Live {
                        span #live role="status" data-live=(t.live) data-news=(t.news) data-lost=(t.lost) {}
                        a #more href=(self.path) hidden { (t.show_news) }
                    }
                }
                span.who {
                    @if let Some(name) = &self.who.name { bdi { (name) } " " }
                    span.badge { (self.who.role.as_deref().map_or(t.local, |role| t.role(role))) }
                }
                (self.languages())
                details.menu {
                    summary { (t.menu) }
                    nav aria-label=(t.pages) { (self.list()) }
                }
            }
        }
    }

    fn list(&self) -> Markup {
        html! {
            ul {
                @for place in &self.places {
                    li {
                        a href=(place.path()) aria-current=[(self.place == Some(*place)).then_some("page")] {
                            (place.word(self.t()))
                        }
                    }
                }
            }
        }
    }

    fn languages(&self) -> Markup {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        html! {
            span.languages {
                @for lang in Lang::ALL {
                    @if lang != self.lang {
                        a href={ (self.path) (joint) "lang=" (lang.code()) } lang=(lang.tag()) hreflang=(lang.tag()) {
                            (lang.name())
                        }
                    }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        let t = self.t();
        html! {
            footer {
                p { (t.times_are_utc) " " (t.untrusted) }
                p { a href="/api" { (t.api) } " · " a href="/metrics" { (t.metrics) } }
            }
        }
    }
}
