//! The page everyone looks at: values in, HTML out. Pure: no clock, no socket, no file, no chain.
//!
//! ```text
//!  daemon: a loader reads the chains and the store --view struct--> console: page(view, frame) --> HTML
//! ```
//!
//! * [`frame`]: what stands around every page: language, who is looking, navigation, the token of its forms.
//! * [`pages`]: one module per page, its view struct beside the function that renders it.
//! * [`plot`], [`windows`]: pictures, as SVG. [`parts`]: what pages are made of. [`assets`]: style and script.
//! * [`Lang`]: languages; every word of a page stands in one table per language.
//!
//! What it promises: whatever text a view carries, it is shown as text; nothing is loaded from elsewhere; no style or script
//! stands in a page, so that the strictest content security policy holds; without script every page works, the script only
//! brings news into it. What it refuses: to decide who may see or do something. That is the daemon's business.

pub mod assets;
pub mod frame;
mod lang;
pub mod pages;
pub mod parts;
pub mod plot;
mod texts;
pub mod windows;

pub use frame::{Frame, Place, Who};
pub use lang::Lang;
pub use maud::Markup;
