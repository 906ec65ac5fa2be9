//! Every page, full and empty, in both languages, with words that try to leave their place.
#![allow(missing_docs)]

mod samples;

use causeway_console::{Lang, assets::ALL};

const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>--></title></style>";

/// Names of all elements and attributes of a document, roughly: what stands in angle brackets.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

#[test]
fn hostile_words_stay_words_on_every_page() {
    for lang in Lang::ALL {
        let harmless = samples::full(&samples::frame(lang, "word"), "word");
        let hostile = samples::full(&samples::frame(lang, HOSTILE), HOSTILE);
        for ((name, one), (_, other)) in harmless.into_iter().zip(hostile) {
            let (one, other) = (one.into_string(), other.into_string());
            let shape = |html: &str| {
                let tags = tags(html)
                    .into_iter()
                    .map(|tag| tag.split([' ', '\n']).next().unwrap_or_default().to_owned());
                let mut counted = std::collections::BTreeMap::<String, usize>::new();
                // A long word is cut and has a title; the elements are the same.
                tags.for_each(|tag| *counted.entry(tag).or_default() += 1);
                counted
            };
            assert_eq!(shape(&one), shape(&other), "{name}");
            assert!(
                other.contains("&lt;script&gt;"),
                "{name} does not show the word"
            );
            assert!(
                !other.contains(" onerror=\"") && !other.contains("<img src=x"),
                "{name}"
            );
        }
    }
}

#[test]
fn no_page_loads_anything_from_elsewhere_or_carries_style_or_script() {
    let own: Vec<String> = ALL.iter().map(|asset| asset.path()).collect();
    for lang in Lang::ALL {
        let frame = samples::frame(lang, "word");
        for (name, page) in samples::full(&frame, "word")
            .into_iter()
            .chain(samples::empty(&frame))
        {
            let page = page.into_string();
            for tag in tags(&page) {
                assert!(
                    !tag.contains(" style=") && !tag.starts_with("style"),
                    "{name}: {tag}"
                );
                assert!(!tag.contains(" on"), "{name}: {tag}");
                for attribute in [" src=\"", " href=\"", " action=\""] {
                    let value = tag
                        .split(attribute)
                        .nth(1)
                        .and_then(|rest| rest.split('"').next());
                    let Some(value) = value else { continue };
                    let is_own = value.starts_with('/') && !value.starts_with("//")
                        || value.starts_with('#');
                    assert!(is_own, "{name}: {tag}");
                    let is_loaded = attribute == " src=\"" || tag.starts_with("link");
                    assert!(
                        !is_loaded || own.iter().any(|path| path == value),
                        "{name}: {tag}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_page_has_one_heading_one_main_and_a_way_to_it() {
    for lang in Lang::ALL {
        let frame = samples::frame(lang, "word");
        for (name, page) in samples::full(&frame, "word")
            .into_iter()
            .chain(samples::empty(&frame))
        {
            let page = page.into_string();
            let count = |what: &str| page.matches(what).count();
            assert_eq!(count("<h1"), 1, "{name}");
            assert_eq!(count("<main id=\"main\""), 1, "{name}");
            assert_eq!(count("class=\"skip\" href=\"#main\""), 1, "{name}");
            assert!(
                page.contains(&format!("<html lang=\"{}\"", lang.tag())),
                "{name}"
            );
            assert_eq!(
                count("aria-current=\"page\""),
                2,
                "{name}: once in each of the two menus"
            );
        }
    }
}

#[test]
fn ids_are_unique_on_every_page() {
    let frame = samples::frame(Lang::En, "word");
    for (name, page) in samples::full(&frame, "word")
        .into_iter()
        .chain(samples::empty(&frame))
    {
        let page = page.into_string();
        // Two chains and three transfers of one name are no real page.
        if matches!(name, "overview" | "chains" | "transfers") {
            continue;
        }
        let mut ids: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        ids.sort_unstable();
        assert!(
            ids.windows(2).all(|pair| pair[0] != pair[1]),
            "{name}: {ids:?}"
        );
    }
}

#[test]
fn an_empty_page_says_what_to_do() {
    let frame = samples::frame(Lang::En, "word");
    for (name, page) in samples::empty(&frame) {
        if matches!(name, "alarms") {
            continue;
        }
        let page = page.into_string();
        assert!(page.contains("class=\"empty\"><p>"), "{name}");
    }
    let (_, transfers) = samples::empty(&frame).swap_remove(2);
    assert!(transfers.into_string().contains("causeway transfer start"));
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    let frame = samples::frame(Lang::En, "word");
    let mut forms = 0;
    for (name, page) in samples::full(&frame, "word") {
        let page = page.into_string();
        for form in page
            .split("<form")
            .skip(1)
            .filter(|form| form.contains("method=\"post\""))
        {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(
                form.contains("name=\"token\" value=\"00ff\""),
                "{name}: {form}"
            );
            forms += 1;
        }
    }
    assert_eq!(forms, 4);
}

#[test]
fn who_may_not_act_is_offered_no_act() {
    let mut frame = samples::frame(Lang::En, "word");
    frame.who.may_act = false;
    for (name, page) in samples::full(&frame, "word") {
        let page = page.into_string();
        assert!(
            !page.contains("/refund\"") && !page.contains("/transfers/new\""),
            "{name}"
        );
    }
}
