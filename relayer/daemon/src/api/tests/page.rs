//! The page through its real router: hostile words in every field, forms of other sites, ways out of the tree, too much of
//! everything, browsers that do not read.

use axum::http::HeaderMap;
use causeway_evidence::file::Body as EvidenceBody;

use super::*;
use crate::alarms::Rule;

/// Tries to leave text, attribute, script, style and comment at once.
const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>--></title></style>";
const PAGES: [&str; 18] = [
    "/",
    "/transfers",
    "/transfers/new",
    "/messages",
    "/chains",
    "/chains/a",
    "/supply",
    "/feeds",
    "/devices",
    "/alarms",
    "/log",
    "/proofs",
    "/evidence",
    "/members",
    "/health",
    "/search?q=0",
    "/nowhere",
    "/transfers?kind=swap&offset=3",
];

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn ask(bench: &Bench, request: Request<Body>, peer: Option<Peer>) -> Answer {
    let mut request = request;
    request.extensions_mut().insert(ConnectInfo(Caller {
        peer,
        refused: None,
    }));
    let response = bench.router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn looked(path: &str) -> Request<Body> {
    let mut request = request(Method::GET, path, None);
    request
        .headers_mut()
        .insert(header::ACCEPT, "text/html,*/*".parse().unwrap());
    request
}

async fn look(bench: &Bench, path: &str) -> Answer {
    ask(bench, looked(path), None).await
}

fn form(path: &str, origin: Option<&str>, fields: &[(&str, &str)]) -> Request<Body> {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", causeway_console::parts::segment(value)));
    let body = fields.collect::<Vec<_>>().join("&");
    let mut request = request(Method::POST, path, Some(body));
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, "text/html".parse().unwrap());
    headers.insert(
        header::CONTENT_TYPE,
        "application/x-www-form-urlencoded".parse().unwrap(),
    );
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, origin.parse().unwrap());
    }
    request
}

fn upload(origin: Option<&str>, token: &str, name: &str, file: &[u8]) -> Request<Body> {
    let mut body = Vec::new();
    body.extend_from_slice(b"--x\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n");
    body.extend_from_slice(token.as_bytes());
    body.extend_from_slice(
        b"\r\n--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"",
    );
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(b"\"\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let mut request = request(Method::POST, "/evidence", None);
    *request.body_mut() = Body::from(body);
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, "text/html".parse().unwrap());
    headers.insert(
        header::CONTENT_TYPE,
        "multipart/form-data; boundary=x".parse().unwrap(),
    );
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, origin.parse().unwrap());
    }
    request
}

const OWN: Option<&str> = Some("http://127.0.0.1:8700");

/// The token in a form of a page.
async fn token(bench: &Bench, peer: Option<Peer>) -> String {
    let page = ask(bench, looked("/evidence"), peer).await.text;
    let after = page.split("name=\"token\" value=\"").nth(1).unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// Nothing of what somebody wrote became part of the page.
fn is_harmless(text: &str) -> bool {
    let lower = text.to_lowercase();
    let scripts = lower.matches("<script").count();
    let own = lower.matches("<script src=\"/assets/").count();
    scripts == own
        && !lower.contains("<img src=x")
        && !lower.contains("style=")
        && !lower.contains("<style")
        && !lower.contains("javascript:")
        && !lower.contains("http://")
        && !lower.contains("https://")
}

#[tokio::test]
async fn every_page_is_shown_in_both_languages_under_the_strict_policy() {
    let bench = Bench::new(Access::Loopback).await;
    bench.start(&swap()).await;

    for path in PAGES {
        for lang in ["en", "zh"] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let answer = look(&bench, &format!("{path}{joint}lang={lang}")).await;

            let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
            assert_eq!(
                header("content-security-policy"),
                causeway_console::assets::POLICY,
                "{path}"
            );
            assert_eq!(header("content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            let expected = match path {
                "/nowhere" | "/search?q=0" => StatusCode::NOT_FOUND,
                _ => StatusCode::OK,
            };
            assert_eq!(answer.status, expected, "{path}: {}", answer.text);
            assert!(
                answer.text.contains(&format!("<html lang=\"{lang}")),
                "{path}"
            );
            assert!(is_harmless(&answer.text), "{path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn hostile_words_in_every_field_are_shown_as_text() {
    let bench = Bench::named(Access::Loopback, [HOSTILE, "b\"><b onclick=x>"], HOSTILE).await;
    let mut body = swap();
    body["from"] = json!({ "chain": "1", "account": ALICE.to_string() });
    body["to"] = json!({ "chain": "2", "account": ALICE.to_string() });
    let (status, started) = bench.start(&body).await;
    assert_eq!(status, StatusCode::CREATED, "{started}");
    let id = started["id"].as_str().unwrap();
    let in_path = causeway_console::parts::segment(HOSTILE);

    bench.app.alarms.raise(Rule::Device, HOSTILE, HOSTILE);
    let alarm = bench.raised("device").await;
    let acknowledged = json!({ "note": HOSTILE });
    let path = format!("/v1/alarms/{}/acknowledge", alarm["id"]);
    assert_eq!(bench.post(&path, &acknowledged).await.0, StatusCode::OK);
    bench.app.alarms.raise(Rule::Gap, HOSTILE, HOSTILE);
    bench.raised("gap").await;
    let mut paths: Vec<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    paths.push(format!("/transfers/{id}"));
    paths.push(format!(
        "/transfers?kind={in_path}&role={in_path}&chain={in_path}"
    ));
    for place in [
        "chains",
        "transfers",
        "messages",
        "supply",
        "feeds",
        "devices",
        "search?q=",
        "nowhere",
    ] {
        paths.push(format!("/{place}/{in_path}").replace("?q=/", "?q="));
    }
    paths.push(format!("/chains/{in_path}/tx/{in_path}"));
    paths.push(format!("/log?q={}", &in_path[..60]));
    paths.push(format!("/devices?after={in_path}"));
    paths.push(format!("/?lang={in_path}&x={in_path}"));
    let mut shown = 0;
    for path in paths {
        let answer = look(&bench, &path).await;
        assert!(is_harmless(&answer.text), "{path}: {}", answer.text);
        shown += answer.text.matches("&lt;script&gt;").count();
    }
    assert!(shown > 10, "the hostile names were shown {shown} times");
}

#[tokio::test]
async fn hostile_words_in_a_form_a_file_and_a_certificate_are_shown_as_text() {
    let bench = Bench::new(Access::Loopback).await;
    let token_of = token(&bench, None).await;
    let typed = [
        ("token", token_of.as_str()),
        ("kind", "swap"),
        ("from_chain", HOSTILE),
        ("from_account", HOSTILE),
        ("give", HOSTILE),
        ("give_asset", HOSTILE),
        ("to_chain", HOSTILE),
        ("to_account", HOSTILE),
        ("counterparty", HOSTILE),
        ("want", HOSTILE),
    ];

    let answer = ask(&bench, form("/transfers", OWN, &typed), None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text.contains("&lt;script&gt;") && is_harmless(&answer.text),
        "{}",
        answer.text
    );

    let file = EvidenceBody {
        about: HOSTILE.into(),
        items: Vec::new(),
        chains: Vec::new(),
    };
    let name = HOSTILE.replace('"', "");
    let answer = ask(
        &bench,
        upload(OWN, &token_of, &name, &file.encode().unwrap()),
        None,
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(
        answer.text.matches("&lt;script&gt;").count() >= 2 && is_harmless(&answer.text),
        "{}",
        answer.text
    );

    let bench = Bench::new(Access::Certificates).await;
    let peer = Peer::local(HOSTILE, Role::Regulator);
    let answer = ask(&bench, looked("/chains"), Some(peer)).await;
    assert!(
        answer.text.contains("&lt;script&gt;") && is_harmless(&answer.text),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let bench = Bench::new(Access::Loopback).await;
    let (_, started) = bench.start(&swap()).await;
    let path = format!("/transfers/{}/refund", started["id"].as_str().unwrap());
    let good = token(&bench, None).await;
    let wrong = "0".repeat(good.len());

    let refused = [
        (None, good.as_str()),
        (Some("null"), &good),
        (Some("http://127.0.0.1:9999"), &good),
        (Some("https://evil.example"), &good),
        (OWN, ""),
        (OWN, &wrong),
        (OWN, &good[1..]),
    ];
    for (origin, token) in refused {
        for request in [
            form(&path, origin, &[("token", token)]),
            form("/transfers", origin, &[("token", token), ("kind", "swap")]),
            upload(origin, token, "x.evidence", b"x"),
        ] {
            let answer = ask(&bench, request, None).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{origin:?} {token}: {}",
                answer.text
            );
        }
    }
    let answer = ask(&bench, form(&path, OWN, &[("token", &good)]), None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let there = answer.headers[header::LOCATION].to_str().unwrap();
    assert!(
        look(&bench, there)
            .await
            .text
            .contains("The money is asked back")
    );
}

#[tokio::test]
async fn a_form_carries_the_token_of_its_own_certificate() {
    let bench = Bench::new(Access::Certificates).await;
    let peer = |byte| Peer {
        fingerprint: alloy_primitives::B256::repeat_byte(byte),
        ..Peer::local("someone", Role::Member)
    };
    let own = Some("https://127.0.0.1:8700");
    let (one, other) = (
        token(&bench, Some(peer(1))).await,
        token(&bench, Some(peer(2))).await,
    );
    assert_ne!(one, other);

    let send = |token: &str| ask(&bench, upload(own, token, "x", b"x"), Some(peer(1)));
    assert_eq!(send(&other).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&one).await.status, StatusCode::OK);
    // The API itself is not reached from another site either.
    let path = format!("/v1/transfers/{}/refund", "00".repeat(16));
    let mut foreign = request(Method::POST, &path, None);
    foreign
        .headers_mut()
        .insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    assert_eq!(
        ask(&bench, foreign, Some(peer(1))).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn every_role_may_look_and_check_and_only_some_may_act() {
    let bench = Bench::new(Access::Certificates).await;
    let peer = |role| Some(Peer::local("someone", role));
    let own = Some("https://127.0.0.1:8700");

    for role in [Role::Member, Role::Operator, Role::Regulator, Role::Admin] {
        let may_act = matches!(role, Role::Member | Role::Admin);
        for path in PAGES
            .iter()
            .filter(|path| !path.contains("nowhere") && !path.contains("search"))
        {
            let answer = ask(&bench, looked(path), peer(role)).await;
            assert_eq!(answer.status, StatusCode::OK, "{role} {path}");
        }
        let token = token(&bench, peer(role)).await;
        let checked = ask(&bench, upload(own, &token, "x", b"no evidence"), peer(role)).await;
        assert_eq!(checked.status, StatusCode::OK, "{role}: {}", checked.text);
        let path = format!("/transfers/{}/refund", "00".repeat(16));
        let acted = ask(&bench, form(&path, own, &[("token", &token)]), peer(role)).await;
        let expected = if may_act {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(acted.status, expected, "{role}: {}", acted.text);
        let offered = ask(&bench, looked("/transfers"), peer(role))
            .await
            .text
            .contains("/transfers/new");
        assert_eq!(offered, may_act, "{role}");
    }
    let nobody = ask(&bench, looked("/"), None).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(
        nobody.text.contains("<html") && nobody.text.contains("causeway key issue"),
        "{}",
        nobody.text
    );
}

#[tokio::test]
async fn no_way_leads_out_of_the_files_of_the_page() {
    let bench = Bench::new(Access::Loopback).await;
    let style = causeway_console::assets::STYLE;

    let good = look(&bench, &style.path()).await;
    assert_eq!(good.status, StatusCode::OK);
    assert_eq!(good.headers[header::CONTENT_TYPE], style.media);
    assert!(
        good.headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let version = style.version();
    for path in [
        "/assets/../Cargo.toml".to_owned(),
        "/assets/..%2f..%2f/etc%2fpasswd".to_owned(),
        format!("/assets/{version}/..%2fstyle.css"),
        format!("/assets/{version}/%2e%2e"),
        format!("/assets/{version}//etc/passwd"),
        format!("/assets/{version}/style.css%00"),
        "/assets/0/style.css".to_owned(),
        "/chains/..%2f..%2fetc/blocks/1".to_owned(),
        "/supply/..%2f..".to_owned(),
    ] {
        let answer = look(&bench, &path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.text.contains("root:"), "{path}");
    }
    // A path that begins like another host stays a path.
    let answer = look(&bench, "//evil.example/?lang=zh").await;
    assert!(!answer.text.contains("href=\"//"), "{}", answer.text);
}

#[tokio::test]
async fn too_much_is_refused_with_the_limit() {
    let bench = Bench::new(Access::Loopback).await;
    let token = token(&bench, None).await;

    let long = look(&bench, &format!("/?x={}", "y".repeat(3_000))).await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
    assert!(long.text.contains("2048"), "{}", long.text);
    for size in [(8 << 20) + 1, (8 << 20) + (17 << 10)] {
        let large = ask(&bench, upload(OWN, &token, "x", &vec![0; size]), None).await;
        assert_eq!(
            large.status,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{}",
            large.text
        );
        assert!(large.text.contains("8 MiB"), "{}", large.text);
    }
    let mut no_form = upload(OWN, &token, "x", b"x");
    no_form
        .headers_mut()
        .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(
        ask(&bench, no_form, None).await.status,
        StatusCode::BAD_REQUEST
    );
    let mut cut = upload(OWN, &token, "x", b"x");
    *cut.body_mut() = Body::from("--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nabc");
    assert_eq!(ask(&bench, cut, None).await.status, StatusCode::BAD_REQUEST);
    let fields = "a=1&".repeat(30_000);
    let mut wide = form("/transfers", OWN, &[]);
    *wide.body_mut() = Body::from(fields);
    assert_eq!(
        ask(&bench, wide, None).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn a_file_is_checked_and_a_changed_byte_is_named() {
    let bench = Bench::new(Access::Loopback).await;
    let token = token(&bench, None).await;
    let file = include_bytes!("../../../../evidence/tests/golden/v1.evidence").to_vec();

    let answer = ask(&bench, upload(OWN, &token, "golden.evidence", &file), None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(
        answer
            .text
            .contains("proved, if the chains are the ones named"),
        "{}",
        answer.text
    );
    let mut changed = file.clone();
    changed[file.len() / 2] ^= 1;
    let answer = ask(
        &bench,
        upload(OWN, &token, "golden.evidence", &changed),
        None,
    )
    .await;
    assert!(answer.text.contains("First broken link"), "{}", answer.text);
}

#[tokio::test]
async fn a_language_is_asked_for_kept_and_read_from_the_browser() {
    let bench = Bench::new(Access::Loopback).await;
    let with = |name: header::HeaderName, value: &'static str| {
        let mut request = looked("/");
        request.headers_mut().insert(name, value.parse().unwrap());
        ask(&bench, request, None)
    };

    let asked = look(&bench, "/transfers?kind=swap&lang=zh").await;
    let cookie = asked.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("lang=zh;") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(
        asked.text.contains("/transfers?kind=swap&amp;lang=en"),
        "{}",
        asked.text
    );
    assert!(
        with(header::COOKIE, "a=b; lang=zh")
            .await
            .text
            .contains("概览")
    );
    assert!(
        with(header::ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9")
            .await
            .text
            .contains("概览")
    );
    assert!(
        with(header::COOKIE, "lang=<script>")
            .await
            .text
            .contains("Overview")
    );
    assert!(
        !with(header::COOKIE, "lang=zh")
            .await
            .headers
            .contains_key(header::SET_COOKIE)
    );
}

#[tokio::test]
async fn browsers_that_do_not_read_hold_a_place_and_nothing_else() {
    let bench = Bench::new(Access::Loopback).await;
    let listen = || async {
        let mut request = request(Method::GET, "/live", None);
        request.extensions_mut().insert(ConnectInfo(Caller {
            peer: None,
            refused: None,
        }));
        bench.router.clone().oneshot(request).await.unwrap()
    };

    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(listen().await);
    }
    assert!(
        silent
            .iter()
            .all(|response| response.status() == StatusCode::OK)
    );
    assert_eq!(listen().await.status(), StatusCode::TOO_MANY_REQUESTS);
    // More than the daemon keeps: what nobody reads is forgotten, not queued.
    bench.app.flood(10_000);
    assert_eq!(look(&bench, "/").await.status, StatusCode::OK);
    let mut body = silent.pop().unwrap().into_body();
    let mut heard = String::new();
    while !heard.contains("event: change") {
        let frame = body.frame().await.unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
    assert!(
        heard.contains("event: heights") && heard.contains("\"a\":"),
        "{heard}"
    );
    assert_eq!(heard.matches("event: change").count(), 1, "{heard}");
    drop((body, silent));
    assert_eq!(listen().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn feeds_are_shown_with_their_answers_and_their_alarm() {
    let bench = Bench::new(Access::Loopback).await;
    let nothing = look(&bench, "/feeds/nowhere").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(look(&bench, "/feeds").await.text.contains(FEED));
    let path = format!("/feeds/{}", causeway_console::parts::segment(FEED));
    assert!(
        look(&bench, &path)
            .await
            .text
            .contains("class=\"plot blank\"")
    );

    bench
        .answers(&[(1, 420, 100), (2, 450, 160), (3, 1_260, 220)])
        .await;

    let page = look(&bench, &path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for shown in ["12.60", "4.20", "polyline", "badge bad"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let alarm = bench.raised("threshold").await;
    assert_eq!(alarm["subject"], format!("{FEED}/a"));
    assert!(alarm["text"].as_str().unwrap().contains("12.60"), "{alarm}");
    let link = format!("href=\"{path}\"");
    assert!(look(&bench, "/alarms").await.text.contains(&link));
    assert!(
        look(&bench, &format!("{path}?before=x"))
            .await
            .status
            .is_client_error()
    );
}

#[tokio::test]
async fn a_feed_that_fell_silent_is_an_alarm_until_it_answers() {
    let bench = Bench::new(Access::Loopback).await;
    bench.answers(&[(1, 420, 100)]).await;
    let site = Arc::clone(bench.app.feeds.site(FEED).unwrap());
    let end = site.ends[0].chain;
    let said = |said| crate::oracle::feeds::FeedNews {
        site: Arc::clone(&site),
        chain: end,
        fact: FeedFact {
            number: 100,
            said,
            height: Height(2),
            tx: TxId(B256::ZERO),
            time: Timestamp(2),
        },
    };

    let silence = Said::Stale {
        round: 1,
        updated_at: 100,
        by: ALICE,
    };
    watch::feed(&bench.app, &said(silence));
    let alarm = bench.raised("stale").await;
    assert_eq!(alarm["subject"], format!("{FEED}/a"));
    let page = look(&bench, "/alarms").await.text;
    assert!(page.contains("has had no answer"), "{page}");

    let answer = Said::Answered {
        round: 2,
        value: 430,
        observed_at: 200,
        observers: 7,
        signers: 7,
        by: ALICE,
    };
    watch::feed(&bench.app, &said(answer));
    let path = format!("/v1/alarms/{}", alarm["id"]);
    for _ in 0..6_000 {
        if bench.get(&path).await.1["state"] == "cleared" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the alarm is not cleared");
}

#[tokio::test]
async fn alarms_of_every_rule_are_shown_in_the_words_of_both_languages() {
    let bench = Bench::new(Access::Loopback).await;
    for rule in Rule::ALL {
        let subject = format!("about {}", rule.name());
        let text = format!("why {} happened", rule.name());
        bench.app.alarms.raise(rule, subject, text);
    }
    for rule in Rule::ALL {
        bench.raised(rule.name()).await;
    }

    for lang in ["en", "zh"] {
        let page = look(&bench, &format!("/alarms?lang={lang}")).await.text;
        for rule in Rule::ALL {
            let name = rule.name();
            assert!(page.contains(&format!("why {name} happened")), "{name}");
            let word = format!("<b>{name}</b>");
            assert!(lang == "en" || !page.contains(&word), "{name} is no word");
        }
    }
}

#[tokio::test]
async fn devices_without_an_operator_are_none_and_a_wrong_name_is_refused() {
    let bench = Bench::new(Access::Loopback).await;

    let list = look(&bench, "/devices").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(
        list.text.contains("causeway device --help"),
        "{}",
        list.text
    );
    for name in ["did:odin:1", "did%3Aodin%3A%3Cscript%3E", "..%2f..%2fetc"] {
        let answer = look(&bench, &format!("/devices/{name}")).await;
        assert!(answer.status.is_client_error(), "{name}");
    }
}

#[tokio::test]
async fn an_alarm_is_acknowledged_by_those_who_watch_and_by_nobody_else() {
    let bench = Bench::new(Access::Certificates).await;
    let peer = |role| Some(Peer::local("somebody", role));
    let own = Some("https://127.0.0.1:8700");
    bench.app.alarms.raise(Rule::Margin, "a", "too thin");
    let id = bench.raised("margin").await["id"].as_u64().unwrap();
    let path = format!("/alarms/{id}/acknowledge");

    let token_of = token(&bench, peer(Role::Member)).await;
    let fields = [("token", token_of.as_str())];
    let refused = ask(&bench, form(&path, own, &fields), peer(Role::Member)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let offered = ask(&bench, looked("/alarms"), peer(Role::Member)).await;
    assert!(!offered.text.contains(&path), "{}", offered.text);
    for role in [Role::Operator, Role::Regulator, Role::Admin] {
        let offered = ask(&bench, looked("/alarms"), peer(role)).await;
        assert!(offered.text.contains(&path), "{role}: {}", offered.text);
        let token_of = token(&bench, peer(role)).await;
        // Another site, and a form of another person.
        for (origin, token) in [
            (Some("https://evil.example"), token_of.as_str()),
            (None, &token_of),
            (own, &"0".repeat(64)),
        ] {
            let sent = form(&path, origin, &[("token", token)]);
            assert_eq!(
                ask(&bench, sent, peer(role)).await.status,
                StatusCode::FORBIDDEN
            );
        }
        let long = "x".repeat(1_001);
        let sent = form(&path, own, &[("token", &token_of), ("note", &long)]);
        assert_eq!(
            ask(&bench, sent, peer(role)).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    let token_of = token(&bench, peer(Role::Operator)).await;
    let fields = [("token", token_of.as_str()), ("note", "looking")];
    for id in ["999", "x", "..%2f1"] {
        let sent = form(&format!("/alarms/{id}/acknowledge"), own, &fields);
        assert!(
            ask(&bench, sent, peer(Role::Operator))
                .await
                .status
                .is_client_error(),
            "{id}"
        );
    }

    let done = ask(&bench, form(&path, own, &fields), peer(Role::Operator)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let twice = ask(&bench, form(&path, own, &fields), peer(Role::Operator)).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.text);
    let page = ask(&bench, looked("/alarms"), peer(Role::Regulator)).await;
    assert!(
        page.text.contains("looking") && !page.text.contains(&path),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn the_log_is_searched_by_kind_chain_and_transaction() {
    let bench = Bench::new(Access::Loopback).await;
    bench.app.alarms.raise(Rule::Margin, "a", "too thin");
    bench.raised("margin").await;
    let mut page = look(&bench, "/log").await;
    for _ in 0..6_000 {
        if page.text.contains("alarm_raised") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        page = look(&bench, "/log").await;
    }
    assert!(page.text.contains("alarm_raised"), "{}", page.text);

    let found = look(&bench, "/log?q=alarm_raised").await;
    assert!(found.text.contains("margin a"), "{}", found.text);
    assert!(
        look(&bench, "/log?q=acts")
            .await
            .text
            .contains("alarm_raised")
    );
    for query in [
        "a",
        "nothing",
        &"0".repeat(32),
        &format!("0x{}", "0".repeat(64)),
    ] {
        let found = look(&bench, &format!("/log?q={query}")).await;
        assert_eq!(found.status, StatusCode::OK, "{query}");
        assert!(
            found.text.contains("The log is empty"),
            "{query}: {}",
            found.text
        );
    }
    for bad in [
        format!("q={}", "x".repeat(81)),
        "before=x".into(),
        "before=-1".into(),
    ] {
        let refused = look(&bench, &format!("/log?{bad}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn an_alarm_that_nobody_has_seen_stands_on_the_first_page() {
    let bench = Bench::new(Access::Loopback).await;
    assert!(!look(&bench, "/").await.text.contains("Nobody has noticed"));

    bench.app.alarms.raise(Rule::Margin, "x", "too thin");
    let id = bench.raised("margin").await["id"].as_u64().unwrap();

    assert!(
        look(&bench, "/")
            .await
            .text
            .contains("Nobody has noticed the alarm")
    );
    let path = format!("/v1/alarms/{id}/acknowledge");
    assert_eq!(bench.post(&path, &json!({})).await.0, StatusCode::OK);
    assert!(!look(&bench, "/").await.text.contains("Nobody has noticed"));
}
