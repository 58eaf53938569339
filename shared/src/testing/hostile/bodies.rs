//! The bodies of the API that is not for events: what may be set up by it, and by whom it may be pointed at.

use serde_json::json;

use super::{ACCOUNT, now};
use crate::address::{AllowList, EndpointUrl};
use crate::manage::api_keys::NewKey;
use crate::manage::client_webhooks::body::{NewWebhook, WebhookPatch};
use crate::manage::connection_body::NewConnection;
use crate::manage::data_subjects;
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::moysklad::account_body::{AccountPatch, NewAccount};
use crate::manage::moysklad::selection::Selection;
use crate::manage::source_body::{NewSource, SourcePatch};
use crate::manage::subscription_body::NewSubscription;
use crate::manage::subscription_patch::SubscriptionPatch;
use crate::manage::switches::Turn;
use crate::manage::tenants::TenantFields;
use crate::model::event::Provider;

pub(super) fn play(body: &[u8]) {
    let none = AllowList::default();
    if let Some(subscription) = told(body, NewSubscription::parse(body, &none)) {
        assert!(EndpointUrl::parse(&subscription.url, &none).is_ok(), "it may be sent to");
        assert!(!subscription.events.is_empty());
    }
    told(body, SubscriptionPatch::parse(body, &none));
    told(body, NewWebhook::parse(body, &none));
    told(body, WebhookPatch::parse(body, &none));
    read(body, NewSource::read);
    for provider in Provider::ALL {
        read(body, |fields| SourcePatch::read(fields, provider));
    }
    read(body, NewConnection::read);
    read(body, NewAccount::read);
    read(body, AccountPatch::read);
    read(body, Selection::read_forcible);
    read(body, Turn::read);
    read(body, data_subjects::read);
    if let Some(key) = read(body, |fields| NewKey::read(fields, now())) {
        assert!(key.expires_at.is_none_or(|at| at > now()));
    }
    for new in [true, false] {
        read(body, |fields| TenantFields::read(fields, new));
    }
}

fn read<T>(body: &[u8], reader: impl FnOnce(JsonFields) -> Result<T, BodyError>) -> Option<T> {
    told(body, JsonFields::read(body).and_then(reader))
}

/// What was made of it; otherwise the caller hears why, and no more often than there is something to say.
fn told<T>(body: &[u8], read: Result<T, BodyError>) -> Option<T> {
    match read {
        Ok(made) => Some(made),
        Err(BodyError::NotJson) => None,
        Err(BodyError::Fields(errors)) => {
            assert!(!errors.is_empty() && errors.len() <= body.len() + 20);
            assert!(errors.iter().all(|error| !error.code.is_empty() && !error.detail.is_empty()));
            None
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let bodies = [
        json!({
            "url": "https://example.com/hook", "events": ["invoice.*", "payment.received"], "secret": "whsec_YWJjZGVmZ2g=",
            "connection_id": "con_1", "filter": {"direction": "in", "types": ["text"]}, "description": "x",
            "headers": {"X-Team": "a"}, "retry": {"schedule": "standard"}, "rate_limit_per_s": 5, "timeout_s": 10,
            "signature": "standard", "batch": {"max_events": 10, "max_wait_s": 5}, "active": true,
        }),
        json!({"phone_number": "5511900000090", "webhook_url": "https://example.com/a", "events": ["whatsapp.message"], "max_retries": 3}),
        json!({
            "provider": "whatsapp_cloud", "tenant_id": "ten_a", "name": "a", "allowed_cidrs": ["203.0.113.0/24", "2001:db8::/32"],
            "business_hours": {"zone": "America/Sao_Paulo", "days": ["mon"], "from": "08:00", "to": "18:00"}, "enabled": false,
            "app_secret": "fake-shared-secret-0001", "connections": [{"number": "5511900000090", "phone_number_id": "1"}],
        }),
        json!({"provider": "baileys", "tenant_id": "ten_a", "dialect": "gowa", "secret": "fake-shared-secret-0001"}),
        json!({"tenant_id": "ten_a", "account_id": ACCOUNT, "role": "main", "token": "fake-token-000000000000000000000000", "name": "a"}),
        json!({"account_ids": [ACCOUNT], "force": true}),
        json!({"all": true, "cursor": "1_9171a53c-1b2c-4f7d-9c1a-000000000001", "tenant_id": "ten_a"}),
        json!({"paused": true, "reason": "x"}),
        json!({"cpf": "000.000.001-91"}),
        json!({"name": "a", "expires_at": "2030-01-31T00:00:00Z"}),
        json!({"secret": "x", "url": null, "unknown": 1}),
    ];
    bodies.iter().map(|body| body.to_string().into_bytes()).collect()
}
