use std::collections::BTreeSet;

use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::client_webhooks::{NewWebhookBody, WebhookPatchBody};
use super::moysklad::{
    AccountPatchBody, AccountsQuery, AccountsStatsQuery, CloseLoopBody, ForcibleSelectionBody, NewAccountBody,
    RemovalQuery, ResyncBody, SelectionBody, StopBody, TenantQuery,
};
use super::operator::{
    DataSubjectBody, NewKeyBody, NewSourceBody, NewTenantBody, ReleaseBody, ResealBody, RotateTokenBody,
    SourcePatchBody, TenantPatchBody, TurnBody,
};
use super::published::{NewEventBody, PublishBody};
use super::queries::{DeliveriesQuery, EventsQuery, PageQuery, StatsQuery, TenantStatsQuery, WebhookEventsQuery};
use super::subscriptions::{NewSubscriptionBody, RecoverBody, RotateSecretBody, SubscriptionPatchBody};
use super::whatsapp::NewConnectionBody;
use crate::address::AllowList;
use crate::manage::api_keys::NewKey;
use crate::manage::asked;
use crate::manage::client_webhooks::body::{NewWebhook, WebhookPatch};
use crate::manage::connection_body::NewConnection;
use crate::manage::delivery_filter::DeliveryFilter;
use crate::manage::event_filter::EventFilter;
use crate::manage::figures::window_of;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::moysklad::account_body::{AccountPatch, NewAccount};
use crate::manage::moysklad::selection::Selection;
use crate::manage::moysklad::stats as moysklad_stats;
use crate::manage::moysklad::{accounts, emergency, loops, resync};
use crate::manage::query_fields::QueryFields;
use crate::manage::source_body::{NewSource, SourcePatch};
use crate::manage::subscription_body::NewSubscription;
use crate::manage::subscription_patch::SubscriptionPatch;
use crate::manage::switches::Turn;
use crate::manage::tenants::TenantFields;
use crate::manage::{connections, data_subjects, replay, reseal, sources, stats, subscriptions};
use crate::model::event::Provider;
use crate::model::event_type::EventType;
use crate::model::ids::TenantId;
use crate::providers::tenant::payload;

fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

/// A description on its own: what it refers to stands beside it.
fn whole<T: ToSchema>() -> Value {
    let mut others = Vec::new();
    T::schemas(&mut others);
    let others: Map<_, _> = others.into_iter().map(|(name, one)| (name, json!(one))).collect();
    let mut schema = json!(T::schema());
    schema["components"] = json!({"schemas": others});
    schema
}

/// A property's own schema, behind references and the choice of null.
fn property<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(place) = schema["$ref"].as_str() {
        return property(root, root.pointer(place.trim_start_matches('#')).expect(place));
    }
    match schema["oneOf"].as_array() {
        Some(either) => property(root, &either[0]),
        None => schema,
    }
}

/// Values at the edges of what a schema allows, and beyond them.
fn at_the_edges(schema: &Value) -> Vec<Value> {
    let mut values = vec![json!(true), json!(1.5), json!("x"), json!(["x"]), json!({"x": 1})];
    for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
        values.extend(schema[bound].as_i64().into_iter().flat_map(|n| [json!(n), json!(n + beyond)]));
    }
    for (bound, beyond) in [("minLength", -1), ("maxLength", 1)] {
        let lengths = schema[bound].as_i64().into_iter().flat_map(|n| [n, n + beyond]);
        values.extend(lengths.map(|n| json!("x".repeat(n.try_into().unwrap()))));
    }
    values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    if let Some(most) = schema["maxItems"].as_u64() {
        let one = match schema.pointer("/items/$ref").and_then(Value::as_str) {
            None => "203.0.113.7",
            Some(of) if of.ends_with("WebhookHears") => "message",
            Some(_) => "lead.received",
        };
        values.extend([most, most + 1].map(|n| json!(vec![one; n.try_into().unwrap()])));
    }
    values
}

/// Whether what a schema says of this value is all there is to say: not so of texts with a form.
fn is_all(schema: &Value, value: &Value) -> bool {
    let closed = !schema["enum"].is_null() || schema["type"].to_string().contains("integer");
    closed || value.is_boolean() || value.is_number()
}

/// Holds a description against its reader: the same fields, the same bounds, and no others.
fn hold<T: ToSchema>(example: &Value, read: impl Fn(&[u8]) -> Result<(), BodyError>) {
    let (schema, of) = (whole::<T>(), T::name());
    let described: Validator = jsonschema::validator_for(&schema).unwrap();
    let accepted = |body: &Value| read(body.to_string().as_bytes()).is_ok();
    assert!(described.is_valid(example) && accepted(example), "{of}: the example is taken");
    asked::take();
    let _ = read(b"{}");
    let asked = asked::take();
    let properties = schema["properties"].as_object().unwrap();
    let with = |name: &str, value: &Value| {
        let mut body = example.clone();
        body[name] = value.clone();
        body
    };
    for name in &asked {
        let known = properties.contains_key(name) || !accepted(&with(name, &json!("a-secret-of-mine")));
        assert!(known, "{of}: the reader takes `{name}`, which is not described");
    }
    let undescribed = with("colour", &json!("red"));
    assert!(!described.is_valid(&undescribed) && !accepted(&undescribed), "{of}: no other field is taken");
    for (name, given) in properties {
        assert!(asked.contains(name), "{of}: nobody reads `{name}`");
        let own = property(&schema, given);
        for value in at_the_edges(own) {
            let body = with(name, &value);
            let (valid, taken) = (described.is_valid(&body), accepted(&body));
            assert!(valid || !taken, "{of}: {name} = {value:.40} is taken, and not described");
            assert!(taken || !valid || !is_all(own, &value), "{of}: {name} = {value:.40} is described, and not taken");
        }
        let null = with(name, &Value::Null);
        assert!(accepted(&null) || !described.is_valid(&null), "{of}: {name} is described as null, which is not taken");
    }
    for needed in schema["required"].as_array().into_iter().flatten() {
        let mut body = example.clone();
        body.as_object_mut().unwrap().remove(needed.as_str().unwrap());
        assert!(!accepted(&body), "{of}: {needed} is needed");
    }
}

fn fields(body: &[u8]) -> Result<JsonFields, BodyError> {
    JsonFields::read(body)
}

#[test]
fn the_bodies_of_subscriptions_are_read_as_they_are_described() {
    let anywhere = AllowList::default();
    hold::<NewSubscriptionBody>(&json!({"url": "https://example.com/in", "events": ["*"]}), |body| {
        NewSubscription::parse(body, &anywhere).map(drop)
    });
    hold::<SubscriptionPatchBody>(&json!({"description": "billing"}), |body| {
        SubscriptionPatch::parse(body, &anywhere).map(drop)
    });
    hold::<RotateSecretBody>(&json!({"overlap_s": 60}), |body| subscriptions::rotation(body).map(drop));
    hold::<RecoverBody>(&json!({"since": "2025-01-20T10:00:00Z"}), |body| replay::wish(body).map(drop));
}

/// A description says of each field what it may be, and cannot say that one value of one needs another.
fn with_what_meta_signs_with(body: &[u8], provider: &str, place: &str) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    if body["provider"] == provider
        && let Some(settings) = body.pointer_mut(place).filter(|settings| settings.is_object())
    {
        settings["app_secret"] = json!("an-app-secret");
    }
    body.to_string().into_bytes()
}

#[test]
fn the_bodies_of_clients_are_read_as_they_are_described() {
    hold::<NewConnectionBody>(&json!({"phone_number": "5511900000001", "provider": "baileys"}), |body| {
        NewConnection::read(fields(&with_what_meta_signs_with(body, "cloud_api", ""))?).map(drop)
    });
}

#[test]
fn the_bodies_of_webhooks_are_read_as_they_are_described() {
    let anywhere = AllowList::default();
    hold::<NewWebhookBody>(
        &json!({"phone_number": "5511900000001", "webhook_url": "https://example.com/in"}),
        |body| NewWebhook::parse(body, &anywhere).map(drop),
    );
    hold::<WebhookPatchBody>(&json!({"is_active": false}), |body| WebhookPatch::parse(body, &anywhere).map(drop));
}

#[test]
fn the_operators_bodies_are_read_as_they_are_described() {
    hold::<NewTenantBody>(&json!({"name": "Sol"}), |body| TenantFields::read(fields(body)?, true).map(drop));
    hold::<TenantPatchBody>(&json!({}), |body| TenantFields::read(fields(body)?, false).map(drop));
    hold::<NewKeyBody>(&json!({"expires_at": "2040-01-01T00:00:00Z"}), |body| {
        NewKey::read(fields(body)?, now()).map(drop)
    });
    let source = json!({"provider": "c2s", "tenant_id": "ten_default", "config": {}});
    hold::<NewSourceBody>(&source, |body| {
        NewSource::read(fields(&with_what_meta_signs_with(body, "whatsapp_cloud", "/config"))?).map(drop)
    });
    hold::<SourcePatchBody>(&json!({"enabled": false}), |body| {
        SourcePatch::read(fields(body)?, Provider::C2s).map(drop)
    });
    hold::<ReleaseBody>(&json!({"phone_number": "5511900000001"}), |body| connections::number(fields(body)?).map(drop));
    hold::<RotateTokenBody>(&json!({}), |body| sources::overlap(fields(body)?).map(drop));
    hold::<TurnBody>(&json!({"paused": true}), |body| Turn::read(fields(body)?).map(drop));
    hold::<DataSubjectBody>(&json!({"email": "ana@example.com"}), |body| data_subjects::read(fields(body)?).map(drop));
    hold::<ResealBody>(&json!({"cursor": "ten_default"}), |body| reseal::cursor(fields(body)?).map(drop));
}

/// As a main account has it: what it is to others decides what it may have besides.
fn with_what_its_role_has(body: &[u8]) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    if let Some(fields) = body.as_object_mut().filter(|fields| fields.get("role") == Some(&json!("main"))) {
        fields.remove("main_account_id");
        fields.remove("settings");
    }
    body.to_string().into_bytes()
}

#[test]
fn the_bodies_of_moysklads_accounts_are_read_as_they_are_described() {
    let (id, settings) = ("9171a53c-1b2c-4f7d-9c1a-000000000001", json!({"entities": [], "match_field": "code"}));
    let child = json!({
        "tenant_id": "ten_1", "account_id": id, "role": "child", "main_account_id": id, "token": "t", "settings": settings,
    });
    hold::<NewAccountBody>(&child, |body| NewAccount::read(fields(&with_what_its_role_has(body))?).map(drop));
    hold::<AccountPatchBody>(&json!({"settings": settings}), |body| {
        AccountPatch::read(fields(&with_what_its_role_has(body))?).map(drop)
    });
    hold::<SelectionBody>(&json!({"all": true}), |body| Selection::read(fields(body)?).map(drop));
    hold::<ForcibleSelectionBody>(&json!({"all": true}), |body| Selection::read_forcible(fields(body)?).map(drop));
    let of_product = json!({"account_id": id, "entity_type": "product", "entity_id": id});
    hold::<CloseLoopBody>(&of_product, |body| loops::Wish::read(fields(body)?).map(drop));
    hold::<ResyncBody>(&json!({"account_id": id}), |body| resync::Wish::read(fields(body)?).map(drop));
    hold::<StopBody>(&json!({"reason": "a loop"}), |body| emergency::wish(fields(body)?).map(drop));
}

#[test]
fn what_tenants_publish_is_read_as_it_is_described() {
    let described = jsonschema::validator_for(&whole::<PublishBody>()).unwrap();
    let accepted = |body: &Value| match payload::parse(body.to_string().as_bytes(), now()) {
        Ok(payload::Request::One(event)) => event.is_ok(),
        Ok(payload::Request::Many(events)) => events.iter().all(Result::is_ok),
        Err(_) => false,
    };
    let example = json!(NewEventBody::schema())["example"].clone();
    let with = |name: &str, value: Value| {
        let mut event = example.clone();
        event[name] = value;
        event
    };
    for (body, wanted) in [
        (example.clone(), true),
        (with("id", json!("x".repeat(200))), true),
        (with("id", json!("x".repeat(201))), false),
        (with("id", json!("")), false),
        (with("data", json!("x")), false),
        (with("colour", json!("red")), true),
        (json!({"events": [example]}), true),
        (json!({"events": []}), false),
        (json!({"events": vec![example.clone(); 100]}), true),
        (json!({"events": vec![example.clone(); 101]}), false),
        (json!([example]), false),
    ] {
        assert_eq!((described.is_valid(&body), accepted(&body)), (wanted, wanted), "{body:.60}");
    }
    for event_type in EventType::ALL {
        let body = with("type", json!(event_type));
        assert_eq!(described.is_valid(&body), !event_type.is_platform(), "{event_type}");
    }
}

/// Holds the description of a query against its reader.
fn ask<T: IntoParams>(read: impl Fn(Option<&str>) -> Result<(), BodyError>) {
    asked::take();
    read(None).unwrap();
    let asked = asked::take();
    let parameters: Vec<Value> = T::into_params(|| None).into_iter().map(|one| json!(one)).collect();
    let names: BTreeSet<String> = parameters.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, asked);
    for parameter in &parameters {
        let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
        let accepted = |value: String| read(Some(&format!("{name}={value}"))).is_ok();
        assert_eq!(parameter["in"], "query");
        for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
            let Some(edge) = schema[bound].as_i64() else { continue };
            assert!(accepted(edge.to_string()) && !accepted((edge + beyond).to_string()), "{name}: {bound}");
        }
        if let Some(most) = schema["maxLength"].as_u64().map(|n| usize::try_from(n).unwrap()) {
            assert!(accepted("x".repeat(most)) && !accepted("x".repeat(most + 1)), "{name}");
        }
        for value in schema["enum"].as_array().into_iter().flatten() {
            assert!(accepted(value.as_str().unwrap().to_owned()), "{name}: {value}");
        }
    }
}

#[test]
fn queries_are_read_as_they_are_described() {
    ask::<PageQuery>(|query| QueryFields::page::<TenantId>(query).map(drop));
    ask::<DeliveriesQuery>(|query| DeliveryFilter::parse(query).map(drop));
    ask::<EventsQuery>(|query| EventFilter::parse(query).map(drop));
    ask::<StatsQuery>(|query| window_of(query).map(drop));
    ask::<TenantStatsQuery>(|query| stats::Asked::parse(query).map(drop));
    ask::<AccountsQuery>(|query| Selection::parse(query).map(drop));
    ask::<AccountsStatsQuery>(|query| moysklad_stats::Asked::parse(query).map(drop));
    ask::<TenantQuery>(|query| accounts::tenant_of(query).map(drop));
    ask::<RemovalQuery>(|query| accounts::removal(query).map(drop));
    let webhook = "sub_1".parse().unwrap();
    ask::<WebhookEventsQuery>(|query| DeliveryFilter::parse_of(&webhook, query).map(drop));
}
