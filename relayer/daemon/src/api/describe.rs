//! The API's description: an OpenAPI document made from the code, and a page of it that loads nothing else.

use std::fmt::Write as _;

use axum::{Json, response::Html};
use serde_json::Value;
use utoipa::OpenApi;

use super::{
    accuse, alarms, chains, crossings, devices, election, events, evidence, feeds, health, lanes,
    log, log_stream, market, members, messages, problem, proofs, readings, rewards, sealed,
    sessions, settlement, stakes, supply, transfers, views,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Causeway",
        description = "Chains and transfers of one daemon. Amounts are decimal text in smallest units."
    ),
    paths(
        health::live,
        health::ready,
        health::metrics,
        chains::list,
        chains::show,
        transfers::start,
        transfers::list,
        transfers::show,
        transfers::explain,
        transfers::refund,
        evidence::export,
        evidence::chains,
        settlement::confirm,
        messages::send,
        messages::list,
        messages::show,
        messages::retry,
        proofs::submit,
        proofs::circuits,
        supply::list,
        supply::history,
        feeds::list,
        feeds::show,
        feeds::history,
        feeds::request,
        feeds::mark_stale,
        devices::oracle,
        devices::list,
        devices::show,
        devices::admit,
        devices::rekey,
        devices::revoke,
        accuse::slash,
        stakes::stake,
        stakes::exit,
        stakes::withdraw,
        devices::resolve,
        market::show,
        market::offer,
        market::buy,
        rewards::fund,
        rewards::reward,
        rewards::earnings,
        rewards::withdraw,
        readings::list,
        readings::show,
        readings::prove,
        sessions::show,
        sessions::record,
        log::list,
        log::head,
        log::proof,
        log::segment,
        log_stream::stream,
        alarms::list,
        alarms::show,
        alarms::acknowledge,
        lanes::list,
        lanes::pause,
        lanes::unpause,
        election::show,
        election::candidate,
        election::history,
        election::register,
        election::act,
        election::withdraw,
        members::show,
        members::proposals,
        members::proposal,
        members::propose,
        members::vote,
        members::execute,
        sealed::list,
        sealed::put,
        sealed::terms,
        sealed::publish,
        sealed::show,
        sealed::file,
        sealed::release,
        events::stream
    ),
    components(schemas(
        problem::Problem,
        views::EventView,
        crossings::StartPeg,
        alarms::AlarmView,
        log::LogEntryView,
        log::LogList,
        messages::MessageStep,
        feeds::FeedStep,
        settlement::StartSettlement
    ))
)]
struct Api;

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

/// The same for people.
pub(super) async fn page() -> Html<String> {
    let document = serde_json::to_value(openapi()).unwrap_or_default();
    let mut html = String::from(HEAD);
    for (path, methods) in object(&document["paths"]) {
        for (method, operation) in object(methods) {
            operation_html(&mut html, method, path, operation);
        }
    }
    html.push_str("<h2>Types</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        schema_html(&mut html, name, schema);
    }
    html.push_str("</main>");
    Html(html)
}

fn operation_html(html: &mut String, method: &str, path: &str, operation: &Value) {
    let (path, method) = (escaped(path), method.to_uppercase());
    let text = |key: &str| escaped(operation[key].as_str().unwrap_or_default());
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<section><h3><b>{method}</b> <code>{path}</code></h3><p>{}</p><p>{}</p><ul>",
        text("summary"),
        text("description")
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let word = |key: &str| escaped(parameter[key].as_str().unwrap_or_default());
        let _ = write!(
            html,
            "<li><code>{}</code> in {}: {}</li>",
            word("name"),
            word("in"),
            word("description")
        );
    }
    if let Some(body) = type_name(&operation["requestBody"]["content"]) {
        let _ = write!(html, "<li>body: <a href=\"#{body}\">{body}</a></li>");
    }
    for (status, response) in object(&operation["responses"]) {
        let body = type_name(&response["content"]);
        let body = body.map_or(String::new(), |b| format!("<a href=\"#{b}\">{b}</a>"));
        let _ = write!(html, "<li>{}: {body}</li>", escaped(status));
    }
    html.push_str("</ul></section>");
}

fn schema_html(html: &mut String, name: &str, schema: &Value) {
    let _ = write!(html, "<section id=\"{0}\"><h3>{0}</h3><ul>", escaped(name));
    let parts = schema["allOf"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema.clone()]);
    for part in &parts {
        if let Some(base) = reference(part) {
            let _ = write!(
                html,
                "<li>everything of <a href=\"#{base}\">{base}</a></li>"
            );
        }
        for (field, of) in object(&part["properties"]) {
            let about = escaped(of["description"].as_str().unwrap_or_default());
            let _ = write!(html, "<li><code>{}</code> {about}</li>", escaped(field));
        }
    }
    html.push_str("</ul></section>");
}

/// Name of the type of a body, a list of it or it alone.
fn type_name(content: &Value) -> Option<String> {
    let (_, first) = object(content).next()?;
    let schema = &first["schema"];
    reference(schema).or_else(|| reference(&schema["items"]))
}

fn reference(schema: &Value) -> Option<String> {
    schema["$ref"].as_str()?.rsplit('/').next().map(escaped)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>Causeway API</title>\
<style>body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:50rem;margin:2rem auto;padding:0 1rem}\
section{border-top:1px solid #8885;padding:.2rem 0}h3{font-weight:400;margin:.6rem 0}p{margin:.2rem 0}\
code{font-size:.95em;overflow-wrap:anywhere}:root{color-scheme:light dark;background:Canvas;color:CanvasText}a{color:LinkText}</style>\
<main><h1>Causeway API</h1><p>Made from the code. For machines: <a href=\"/openapi.json\">openapi.json</a>.</p>";
