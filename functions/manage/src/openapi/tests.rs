use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use gancho::testing::operations;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

fn told() -> Value {
    serde_json::from_slice(&written().expect("a document").json).expect("JSON")
}

/// The API's routes in template.yaml: method, path, and the function that answers.
fn routes_of_the_template() -> Vec<(String, String, String)> {
    let template = include_str!("../../../../template.yaml");
    let mut lines = template.lines().map(str::trim);
    let mut routes = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((method, path)) = line.strip_prefix("RouteKey: ").and_then(|route| route.split_once(' ')) {
            let target = lines.next().and_then(|line| line.strip_prefix("Target: !Sub integrations/${"));
            let function = target.and_then(|target| target.strip_suffix("Integration}")).expect("a target");
            routes.push((method.to_lowercase(), path.to_owned(), function.to_owned()));
        }
    }
    routes
}

/// Where parts are merged, the first to use a name wins without a word.
#[test]
fn no_two_functions_mean_different_things_by_one_name() {
    let mut meant = std::collections::BTreeMap::<String, Value>::new();
    for part in parts() {
        let part = serde_json::to_value(part).unwrap();
        for (name, schema) in part["components"]["schemas"].as_object().into_iter().flatten() {
            let before = meant.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(before, schema, "{name}");
        }
    }
    assert!(meant.len() > 50, "{}", meant.len());
}

#[test]
fn every_description_is_a_route_of_the_template_to_the_function_that_answers_it() {
    let routes = routes_of_the_template();
    let answers = |operation: &str| {
        let (method, path) = operation.split_once(' ').unwrap();
        let leads = |(by, to, _): &&(String, String, String)| match to.strip_suffix("{proxy+}") {
            Some(under) => by == "any" && path.starts_with(under),
            None => by == method && to == path,
        };
        // API Gateway takes the most specific route.
        routes
            .iter()
            .filter(leads)
            .max_by_key(|(_, to, _)| (!to.ends_with("{proxy+}"), to.len()))
            .map(|(_, _, function)| function.as_str())
    };
    for (described, function) in [
        (receive::describe(), "Receive"),
        (portal::describe(), "Portal"),
        (operate::describe(), "Operate"),
        (Own::openapi(), "Portal"),
    ] {
        for operation in operations::of(&described) {
            assert_eq!(answers(&operation), Some(function), "{operation}");
        }
    }
}

#[test]
fn the_document_has_what_every_function_describes_and_nothing_else() {
    let all = [receive::describe(), portal::describe(), operate::describe(), Own::openapi()];
    let described: BTreeSet<String> = all.iter().flat_map(operations::of).collect();
    assert_eq!(operations::of(&document()), described);
}

#[test]
fn the_document_is_valid_openapi() {
    let document = told();
    // The Initiative's own schema says what stands where, and leaves what is a JSON Schema to JSON Schema.
    let official = serde_json::from_str(include_str!("openapi-3.1.schema.json")).unwrap();
    let official = jsonschema::validator_for(&official).unwrap();
    let errors: Vec<String> = official.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!official.is_valid(&serde_json::json!({"openapi": "3.1.0", "info": {"title": "x"}})));
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
    }
}

/// Every value under a key, at any depth.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            if name == key {
                found.push(value);
            }
            under(value, key, found);
        }),
        Value::Array(elements) => elements.iter().for_each(|value| under(value, key, found)),
        _ => {}
    }
}

#[test]
fn nothing_is_referred_to_that_is_not_there_and_no_two_operations_share_a_name() {
    let document = told();
    let mut references = Vec::new();
    under(&document, "$ref", &mut references);
    assert!(references.len() > 100);
    for place in references {
        let place = place.as_str().unwrap();
        assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
    }
    let mut names = Vec::new();
    under(&document["paths"], "operationId", &mut names);
    let different: BTreeSet<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!((names.len(), different.len()), (operations::of(&super::document()).len(), names.len()));
}

#[test]
fn each_operation_says_who_may_call_it_and_what_it_answers() {
    let document = told();
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needed = operation["security"].as_array().expect("said").iter().filter_map(Value::as_object);
            let by = needed.flat_map(|one| one.keys()).cloned().collect::<Vec<_>>().join(" ");
            let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            let name = operation["operationId"].as_str().unwrap();
            lines.push(format!("{method} {path}: {name} by {by:?}: {}", statuses.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn the_document_is_told_to_anybody_once_for_each_copy() {
    let ask = async |known: Option<&HeaderValue>| {
        let mut request = Request::get("/openapi.json");
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let response = router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, to_bytes(body, 1 << 20).await.unwrap())
    };
    let (first, body) = ask(None).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["openapi"], "3.1.0");
    let etag = &first.headers[header::ETAG];
    let (again, body) = ask(Some(etag)).await;
    assert_eq!((again.status, &again.headers[header::ETAG], body.len()), (StatusCode::NOT_MODIFIED, etag, 0));
    assert_eq!(ask(Some(&HeaderValue::from_static("\"old\""))).await.0.status, StatusCode::OK);
}
