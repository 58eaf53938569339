//! The doorbells' routes.

use std::sync::{Arc, Mutex};

use axum::extract::DefaultBodyLimit;
use gancho::auth::{Cards, Door, KeyUses, LastUses};
use gancho::aws::WriteMeter;
use gancho::counters::{Counters, Unwritten};
use gancho::intake::Inbox;
use gancho::work::{Bells, Timing};
use jiff::Timestamp;
use utoipa::OpenApi;

use crate::health::Connected;
use crate::locker::Locker;
use crate::{c2s, health, moysklad, publish, whatsapp};

/// What a request is answered with the help of.
pub(crate) struct State<S> {
    /// Where events are recorded, and who is rung.
    pub(crate) store: S,
    /// Who is let in.
    pub(crate) door: Door<S>,
    /// When tenants' keys were last used.
    pub(crate) uses: LastUses,
    /// What the store writes.
    pub(crate) meter: WriteMeter,
    /// How work is timed.
    pub(crate) timing: Timing,
    /// What opens the secrets of senders.
    pub(crate) locker: Locker,
    /// The header of the C2S token, lower case.
    pub(crate) c2s_token_header: String,
    /// The time.
    pub(crate) clock: fn() -> Timestamp,
    /// What names an event that has no name.
    pub(crate) chance: fn() -> [u8; 16],
    /// How much longer than in the cloud calls to AWS may take (1 there).
    pub(crate) patience: u32,
    /// What came in and is not yet in the counters.
    pub(crate) arrivals: Mutex<Unwritten>,
}

/// What the routes need of a store.
pub(crate) trait Backing: Inbox + Bells + Cards + KeyUses + Connected + Counters + 'static {}
impl<S: Inbox + Bells + Cards + KeyUses + Connected + Counters + 'static> Backing for S {}

/// Bodies above this never reach a handler. A little above what any provider may send, so that the handler can say
/// which limit was passed.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

gancho::routes! {
    /// The doorbells.
    fn doorbells<S: Backing>() -> axum::Router<Arc<State<S>>>, described by Doorbells:
    "/api/v1/webhooks/c2s" => post c2s::by_header;
    "/api/v1/webhooks/c2s/{token}" => post c2s::by_path;
    "/api/v1/webhooks/whatsapp/{source_id}" => get whatsapp::verify, post whatsapp::by_the_cloud_api;
    "/api/v1/webhooks/baileys/{token}" => post whatsapp::by_a_gateway;
    "/api/webhooks/moysklad/{token}" => post moysklad::ring;
    "/api/v1/tenant/events" => post publish::answer;
    "/health" => get health::answer;
}

pub(crate) fn router<S: Backing>(state: Arc<State<S>>) -> axum::Router {
    doorbells().layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(state)
}

/// What `/openapi.json` says of the doorbells.
#[must_use]
pub fn describe() -> utoipa::openapi::OpenApi {
    Doorbells::openapi()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doorbell_is_described_under_its_own_route() {
        assert_eq!(
            gancho::testing::operations::of(&describe()),
            gancho::testing::operations::table("", Doorbells::ROUTES)
        );
    }
}
