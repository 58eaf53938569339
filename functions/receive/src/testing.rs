//! A doorbell to press in tests.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use gancho::auth::{Card, Credential, Door, LastUses, Opens};
use gancho::aws::WriteMeter;
use gancho::model::event::Provider;
use gancho::model::ids::{SourceId, TenantId};
use gancho::testing::MemoryStore;
use gancho::testing::samples::stack_keys;
use gancho::work::Timing;
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

use crate::handler::{State, router};
use crate::health::Connected;
use crate::locker::Locker;

impl Connected for MemoryStore {
    async fn database(&self) -> bool {
        !self.is_down()
    }

    async fn queue(&self) -> bool {
        true
    }
}

pub(crate) fn token(n: u8) -> Credential {
    Credential::generate("", [n; 32])
}

fn source_card(n: u8, source: &str) -> Card {
    card(n, Opens::Source { source: source.parse().unwrap(), provider: Provider::C2s, whatsapp: None, moysklad: None })
}

fn card(n: u8, opens: Opens) -> Card {
    Card {
        hash: token(n).hash(),
        tenant: TenantId::default_tenant(),
        opens,
        enabled: true,
        allowed_cidrs: Vec::new(),
        valid_until: None,
    }
}

/// The function with a memory store behind it.
pub(crate) struct Bell {
    router: axum::Router,
    pub(crate) store: MemoryStore,
}

impl Bell {
    pub(crate) fn new() -> Self {
        let store = MemoryStore::default();
        store.put_card(source_card(1, SourceId::default_c2s().as_str()));
        store.put_card(source_card(2, "src_other"));
        store.put_card(card(3, Opens::Tenant { key: "key_1".parse().unwrap() }));
        let other =
            Card { tenant: "ten_other".parse().unwrap(), ..card(4, Opens::Tenant { key: "key_2".parse().unwrap() }) };
        store.put_card(other);
        let state = State {
            store: store.clone(),
            door: Door::new(store.clone()),
            uses: LastUses::default(),
            meter: WriteMeter::default(),
            locker: Locker::with(stack_keys()),
            timing: Timing::default(),
            c2s_token_header: "x-webhook-token".into(),
            clock: || Timestamp::from_second(1_900_000_000).unwrap(),
            chance: || rand::random(),
            patience: 1,
            arrivals: Mutex::default(),
        };
        Self { router: router(Arc::new(state)), store }
    }

    pub(crate) async fn send_for_text(&self, request: Request<Body>) -> (StatusCode, String) {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (status, body) = self.send_for_text(request).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}
