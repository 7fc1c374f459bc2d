//! The OpenAPI document against the API itself: every route is in it, and real answers are what it says they are, with no property
//! that it does not know.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;

use crate::shop::{self, answer, get, private, request};
use crate::visits;

/// What the document says of one call: the schema of its answer with this status.
fn schema<'d>(document: &'d Value, method: &str, path: &str, status: &str) -> &'d Value {
    let operation = &document["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not documented");
    let content = &operation["responses"][status]["content"];
    let media = content.as_object().and_then(|media| media.values().next());
    media.map_or(&Value::Null, |media| &media["schema"])
}

/// Where `value` is not what `schema` says; empty when it is.
fn differences(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(document, schema);
    for any in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[any].as_array() {
            let tried = choices
                .iter()
                .map(|one| differences(document, one, value, at));
            return tried.min_by_key(Vec::len).unwrap_or_default();
        }
    }
    if !has_type(schema, value) || (has_fields(schema) && !value.is_object()) {
        return vec![format!("{at} is {value}, not {}", schema["type"])];
    }
    match value {
        Value::Object(object) if has_fields(schema) => {
            let (properties, required) = fields(document, schema);
            let missing = required.iter().filter(|name| !object.contains_key(**name));
            let mut found: Vec<String> =
                missing.map(|name| format!("{at} has no {name}")).collect();
            for (name, value) in object {
                let at = format!("{at}/{name}");
                match properties.iter().find(|(known, _)| *known == name) {
                    Some((_, schema)) => found.extend(differences(document, schema, value, &at)),
                    None => found.push(format!("{at} is not documented")),
                }
            }
            found
        }
        Value::Array(items) => {
            let each = |(place, item): (usize, &Value)| {
                let fixed = schema["prefixItems"].get(place);
                let item_schema = fixed.unwrap_or(&schema["items"]);
                differences(document, item_schema, item, &format!("{at}/{place}"))
            };
            items.iter().enumerate().flat_map(each).collect()
        }
        _ => Vec::new(),
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let Some(reference) = schema["$ref"].as_str() else {
        return schema;
    };
    let pointer = reference.strip_prefix('#').expect("refers to itself");
    let found = document.pointer(pointer);
    resolved(document, found.unwrap_or_else(|| panic!("no {reference}")))
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// An object about whose inside something is said.
fn has_fields(schema: &Value) -> bool {
    schema["properties"].is_object() || schema["allOf"].is_array()
}

/// All properties and the required ones, those of flattened parts included.
fn fields<'d>(
    document: &'d Value,
    schema: &'d Value,
) -> (Vec<(&'d String, &'d Value)>, Vec<&'d str>) {
    let schema = resolved(document, schema);
    let own = schema["properties"].as_object();
    let mut properties: Vec<_> = own.into_iter().flatten().collect();
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required: Vec<&str> = required.filter_map(Value::as_str).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (of_part, required_of_part) = fields(document, part);
        properties.extend(of_part);
        required.extend(required_of_part);
    }
    (properties, required)
}

#[test]
fn a_difference_is_found() {
    let document = serde_json::json!({"components": {"schemas": {
        "Range": {"type": "object", "properties": {"from_ms": {"type": "integer"}}, "required": ["from_ms"]},
        "View": {"allOf": [
            {"$ref": "#/components/schemas/Range"},
            {"type": "object", "properties": {"p75": {"type": ["number", "null"]}, "rows": {"type": "array", "items": {"type": "string"}}}, "required": ["rows"]},
        ]},
    }}});
    let view = serde_json::json!({"$ref": "#/components/schemas/View"});
    let check = |value: Value, expected: usize| {
        let found = differences(&document, &view, &value, "");
        assert_eq!(found.len(), expected, "{value}: {found:?}");
    };
    check(
        serde_json::json!({"from_ms": 1, "p75": null, "rows": ["a"]}),
        0,
    );
    check(serde_json::json!({"from_ms": 1, "rows": []}), 0);
    check(serde_json::json!({"from_ms": 1.5, "rows": []}), 1);
    check(serde_json::json!({"rows": [1], "new": 2}), 3);
    check(serde_json::json!([]), 1);
}

/// The routes of the API, and a call of each whose answer is not empty.
const CALLS: [(&str, &str); 22] = [
    ("/overview", "/overview?range=24h"),
    ("/apps", "/apps"),
    ("/live", "/live?app=shop"),
    ("/filters", "/filters?app=shop"),
    ("/routes", "/routes?app=shop&range=24h"),
    ("/routes/{route}", "/routes/%2Fproduct%2F%3Aid?app=shop"),
    (
        "/routes/{route}/dimensions",
        "/routes/%2Fproduct%2F%3Aid/dimensions?app=shop",
    ),
    (
        "/routes/{route}/attribution",
        "/routes/%2Fproduct%2F%3Aid/attribution?app=shop",
    ),
    (
        "/routes/{route}/percentiles",
        "/routes/*/percentiles?app=shop&p=1,50,99",
    ),
    (
        "/compare",
        "/compare?range=28d&baseline=1.0.0&current=2.0.0",
    ),
    ("/operations", "/operations?app=shop"),
    (
        "/operations/{name}",
        "/operations/fetch%20%2Fapi%2Fcart?app=shop",
    ),
    ("/page-views", "/page-views?app=shop"),
    (
        "/page-views/{view_id}",
        "/page-views/0193c2f0-7c1e-7cc3-98c4-000000000007?app=shop",
    ),
    ("/recommendations", "/recommendations?app=shop"),
    ("/findings", "/findings?state=all"),
    ("/findings/{id}", "/findings/open"),
    ("/baselines", "/baselines?app=shop"),
    ("/deploys", "/deploys?app=shop&range=28d"),
    ("/alerts", "/alerts"),
    ("/health", "/health"),
    ("/trends", "/trends"),
];

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_what_the_document_says() {
    let store = shop::store().await;
    visits::add(&store).await;
    let router = private(store);
    let (_, document) = get(&router, "/api/v1/openapi.json").await;
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    let mut documented: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("methods").keys();
        documented.extend(methods.map(|method| format!("{method} {path}")));
    }
    let mut known: Vec<String> = CALLS
        .iter()
        .map(|(path, _)| format!("get {path}"))
        .collect();
    known.push("get /openapi.json".to_owned());
    for path in [
        "/deploys",
        "/findings/{id}/mute",
        "/findings/{id}/unmute",
        "/baselines/{id}/approve",
        "/baselines/{id}/reject",
    ] {
        known.push(format!("post {path}"));
    }
    documented.sort();
    known.sort();
    assert_eq!(documented, known);

    for (path, call) in CALLS {
        let (status, answer) = get(&router, &format!("/api/v1{call}")).await;
        assert_eq!(status, StatusCode::OK, "{call}: {answer}");
        let schema = schema(&document, "get", path, "200");
        assert!(schema.is_object(), "{path} says nothing about its answer");
        let found = differences(&document, schema, &answer, "");
        assert!(found.is_empty(), "{call}: {found:#?}");
        let is_empty = |name: &str| answer[name].as_array().is_some_and(Vec::is_empty);
        assert!(
            !is_empty("rows") || ["/alerts", "/trends"].contains(&path),
            "{call} says nothing"
        );
        problems(&router, &document, path, call).await;
    }
    for (path, call, body, status) in [
        (
            "/deploys",
            "/deploys",
            r#"{"app":"shop","release":"3"}"#,
            "201",
        ),
        ("/findings/{id}/mute", "/findings/open/mute", "{}", "200"),
        (
            "/findings/{id}/unmute",
            "/findings/open/unmute",
            "{}",
            "200",
        ),
    ] {
        let response = answer(
            &router,
            request(Method::POST, &format!("/api/v1{call}"), body),
        )
        .await;
        assert_eq!(response.status().as_str(), status, "{call}");
        let answer: Value = serde_json::from_str(&shop::text(response).await).expect("JSON");
        let found = differences(
            &document,
            schema(&document, "post", path, status),
            &answer,
            "",
        );
        assert!(found.is_empty(), "{call}: {found:#?}");
    }
}

/// A parameter that the route does not have is refused, in the documented form; none of those it has is required.
async fn problems(router: &axum::Router, document: &Value, path: &str, call: &str) {
    let separator = if call.contains('?') { '&' } else { '?' };
    let (status, problem) = get(router, &format!("/api/v1{call}{separator}devise=mobile")).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &Value::from("invalid-parameter")),
        "{call}"
    );
    let operation = &document["paths"][path]["get"];
    if path != "/health" {
        let schema = schema(document, "get", path, "400");
        let found = differences(document, schema, &problem, "");
        assert!(schema.is_object() && found.is_empty(), "{call}: {found:#?}");
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let is_query = parameter["in"] == "query";
        assert_eq!(
            parameter["required"] == true,
            !is_query,
            "{path}: {parameter}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_can_be_saved() {
    let router = private(shop::store().await);
    for (call, head, rows) in [
        (
            "/routes?app=shop&range=24h&format=csv",
            "route,page_view_count,",
            3,
        ),
        (
            "/findings?state=all&format=csv",
            "id,app,environment,route,",
            3,
        ),
        (
            "/findings?state=all&format=csv&limit=1&offset=1",
            "id,app,environment,route,",
            1,
        ),
        (
            "/baselines?app=shop&format=csv",
            "id,app,environment,route,",
            2,
        ),
        (
            "/deploys?app=shop&range=28d&format=csv",
            "app,environment,release,",
            2,
        ),
        ("/alerts?format=csv", "id,rule,app,", 0),
        ("/apps?format=csv", "app,environment,page_view_count,", 1),
        (
            "/routes/*/percentiles?app=shop&p=50,75&format=csv",
            "percentile,value,low,high",
            2,
        ),
        (
            "/routes/%2F?app=shop&range=24h&format=csv",
            "at_ms,n,value,good",
            24,
        ),
    ] {
        let response = answer(&router, request(Method::GET, &format!("/api/v1{call}"), "")).await;
        assert_eq!(response.status(), StatusCode::OK, "{call}");
        let headers = response.headers();
        assert_eq!(
            headers[header::CONTENT_TYPE],
            "text/csv; charset=utf-8; header=present"
        );
        let saved = headers[header::CONTENT_DISPOSITION]
            .to_str()
            .expect("plain text");
        assert!(
            saved.starts_with("attachment; filename=\"vitalscope-"),
            "{saved}"
        );
        let text = shop::text(response).await;
        assert!(text.starts_with(head), "{call}: {text}");
        let lines = text.lines().count() - 1;
        // An hour may have begun since the data was made.
        assert!(
            lines == rows || (rows == 24 && lines == 25),
            "{call}: {text}"
        );
    }
    let text = shop::text(
        answer(
            &router,
            request(Method::GET, "/api/v1/routes?app=shop&format=csv", ""),
        )
        .await,
    )
    .await;
    let hostile = shop::HOSTILE.replace('"', "\"\"");
    assert!(text.contains(&format!("\"{hostile}\",")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_again_is_answered_from_memory() {
    let router = private(shop::store().await);
    let path = "/api/v1/overview?app=shop&from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:00Z";
    let first = answer(&router, request(Method::GET, path, "")).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()[header::CACHE_CONTROL], "no-store");
    let tag = first.headers()[header::ETAG].clone();
    let first = shop::text(first).await;
    // The time of the answer is in it: an answer made anew would differ.
    let again = answer(&router, request(Method::GET, path, "")).await;
    assert_eq!(again.headers()[header::ETAG], tag);
    assert_eq!(shop::text(again).await, first);
    let known = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::IF_NONE_MATCH, &tag)
        .body(Body::empty())
        .expect("a valid request");
    let known = answer(&router, known).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(shop::text(known).await, "");
    let decided = request(Method::POST, "/api/v1/findings/open/mute", "{}");
    assert_eq!(answer(&router, decided).await.status(), StatusCode::OK);
    let after = answer(&router, request(Method::GET, path, "")).await;
    assert_ne!(after.headers()[header::ETAG], tag);
}
