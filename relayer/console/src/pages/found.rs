//! Where something that was searched for stands.

use maud::{Markup, html};

use crate::{
    frame::{Frame, News},
    pages::chains::search,
};

/// What was found: in words, and its address.
pub fn page(frame: &Frame, found: &[(String, String)]) -> Markup {
    let t = frame.t();
    let content = html! {
        h1 { (t.found_title) }
        (search(t))
        div.card { ul { @for (told, link) in found { li { a href=(link) { (told) } } } } }
    };
    frame.page(t.found_title, News::Still, &content)
}
