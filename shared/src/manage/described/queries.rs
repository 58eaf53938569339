//! The parameters of queries. A parameter that does not exist is refused.

use jiff::Timestamp;
use utoipa::{IntoParams, ToSchema};

use crate::model::delivery::DeliveryStatus;
use crate::model::event::{EventStatus, Provider};
use crate::model::event_type::EventPattern;
use crate::model::ids::{SourceId, SubscriptionId, TenantId};

/// A page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Entries on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// In this status.
    pub status: Option<DeliveryStatus>,
    /// Of events of these types.
    pub event: Option<EventPattern>,
    /// To this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
    /// Waits for one if there is none, seconds.
    #[param(minimum = 0, maximum = 20)]
    pub wait_s: Option<u32>,
    /// Entries on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// That came in by this source.
    pub source: Option<SourceId>,
    /// From this provider.
    pub provider: Option<Provider>,
    /// In this status. `failed` are listed by when they failed.
    pub status: Option<EventStatus>,
    /// About this lead; listed by C2S's time.
    #[param(max_length = 200)]
    pub lead_id: Option<String>,
    /// The same by another name, for what is no lead. Not both.
    #[param(max_length = 200)]
    pub entity_id: Option<String>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Entries on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// The last hour, day or week.
#[derive(ToSchema)]
pub enum StatsWindow {
    /// An hour, in slots of five minutes.
    #[schema(rename = "1h")]
    Hour,
    /// A day, in slots of an hour.
    #[schema(rename = "24h")]
    Day,
    /// Seven days, in slots of an hour.
    #[schema(rename = "7d")]
    Week,
}

/// Which of a tenant's figures.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantStatsQuery {
    /// How far back; 24h unless given.
    #[param(inline)]
    pub window: Option<StatsWindow>,
    /// Of this subscription alone.
    pub subscription_id: Option<SubscriptionId>,
}

/// Which of a webhook's deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WebhookEventsQuery {
    /// In this status.
    pub status: Option<DeliveryStatus>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
    /// Waits for one if there is none, seconds.
    #[param(minimum = 0, maximum = 20)]
    pub wait_s: Option<u32>,
    /// Entries on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// Which window.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// How far back; 24h unless given.
    #[param(inline)]
    pub window: Option<StatsWindow>,
}
