//! What the deployed `/openapi.json` describes, an operation each: how it is asked, and what lets in.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api::Api;

/// What lets a caller in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// A tenant's key.
    Tenant,
    /// The operator's token.
    Operator,
    /// The default source's token, in a header.
    Header,
    /// A source's token, in the path.
    Token,
    /// A proof by the sender to the source in the path.
    Proof,
    /// Nothing is asked for.
    Open,
}

/// A described operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name.
    pub id: String,
    /// How it is asked.
    pub method: Method,
    /// Where, with `{…}` where a parameter stands.
    pub path: String,
    /// What lets in.
    pub door: Door,
    /// The parameters of its query.
    pub query: Vec<String>,
    /// A body that it takes: its schema's example. None where it takes no body.
    pub body: Option<Value>,
}

impl Operation {
    /// The parameters of the path, each with the segment before it: `tenants/{id}`, `keys/{key}`.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        let segments: Vec<&str> = self.path.split('/').collect();
        segments.windows(2).filter(|pair| pair[1].starts_with('{')).map(|pair| pair.join("/")).collect()
    }

    /// The path with this in each parameter's place.
    #[must_use]
    pub fn filled(&self, mut with: impl FnMut(&str) -> String) -> String {
        let mut path = self.path.clone();
        for place in self.places() {
            let (segment, _) = place.split_once('/').expect("made of two");
            path = path.replacen(&place, &format!("{segment}/{}", with(&place)), 1);
        }
        path
    }
}

/// Every operation that is described.
///
/// # Panics
/// When one is described in a way that is not understood, or takes a body and shows no example.
pub async fn operations() -> Vec<Operation> {
    let document = Api::nobody().get("/openapi.json").await.with(200);
    let items = document["paths"].as_object().expect("paths");
    let of_item = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("operations").clone();
        let path = path.clone();
        methods.into_iter().map(move |(method, described)| (method, path.clone(), described))
    };
    items.iter().flat_map(of_item).map(|(method, path, described)| read(&document, &method, path, &described)).collect()
}

fn read(document: &Value, method: &str, path: String, described: &Value) -> Operation {
    let id = described["operationId"].as_str().expect("a name").to_owned();
    let method = method.to_uppercase().parse().expect("a method");
    let parameters = described["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str()).map(str::to_owned);
    let door = door(&id, &path, &described["security"]);
    let content = &described["requestBody"]["content"]["application/json"]["schema"];
    let body = (!content.is_null()).then(|| match example(document, content) {
        Some(example) => example,
        // What rings is some provider's; whether it is let in is seen before it is read.
        None if matches!(door, Door::Token | Door::Proof) => json!({}),
        None => panic!("{id}: its body has no example"),
    });
    Operation { query: query.collect(), id, method, path, door, body }
}

fn door(id: &str, path: &str, security: &Value) -> Door {
    let ways = security.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
    match ways.map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tenant_key"] => Door::Tenant,
        ["admin_token"] => Door::Operator,
        ["c2s_token"] => Door::Header,
        [] if path.ends_with("/{token}") => Door::Token,
        [] if path.ends_with("/{source_id}") => Door::Proof,
        [] if !path.contains('{') => Door::Open,
        other => panic!("{id}: it is not understood what lets in: {other:?}"),
    }
}

/// The example of a schema, or of the first it may be one of that has one.
fn example(document: &Value, schema: &Value) -> Option<Value> {
    if let Some(place) = schema["$ref"].as_str() {
        return example(document, document.pointer(place.trim_start_matches('#'))?);
    }
    let own = schema.get("example").or_else(|| schema["examples"].get(0));
    if let Some(example) = own {
        return Some(example.clone());
    }
    let choices = ["oneOf", "anyOf"].into_iter().flat_map(|word| schema[word].as_array()).flatten();
    choices.filter_map(|choice| example(document, choice)).next()
}
