//! What could not be done, and what to do instead.

use maud::{Markup, html};

use crate::frame::{Frame, News};

/// An error for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The kind in words.
    pub title: String,
    /// What happened.
    pub detail: String,
    /// What to do now.
    pub what_to_do: String,
}

/// The page of an error.
pub fn page(frame: &Frame, problem: &Problem) -> Markup {
    let content = html! {
        h1 { (problem.title) }
        div.card {
            p lang="en" { (problem.detail) }
            p lang="en" { b { (problem.what_to_do) } }
            p { a href="/" { (frame.t().to_overview) } }
        }
    };
    frame.page(&problem.title, News::Still, &content)
}
