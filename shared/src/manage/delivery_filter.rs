//! Which of its deliveries a tenant asks for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::json_fields::BodyError;
use super::listing::{Cursor, ListKind, Place, Window};
use super::query_fields::QueryFields;
use crate::model::delivery::{Delivery, DeliveryStatus};
use crate::model::event_type::EventPattern;
use crate::model::ids::SubscriptionId;

/// Longest wait for a delivery to be there. API Gateway hangs up after 30 s.
const MAX_WAIT_S: u32 = 20;
/// What may have been written by a clock that is ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Which deliveries are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryFilter {
    /// In this status.
    pub status: Option<DeliveryStatus>,
    /// Of events of these types.
    pub event: Option<EventPattern>,
    /// To this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// Deliveries on a page.
    pub limit: usize,
    /// How long to wait for one if there is none.
    pub wait: Duration,
}

impl DeliveryFilter {
    /// Reads a query.
    ///
    /// # Errors
    /// It is not acceptable, with every reason.
    pub fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let subscription = fields.parsed("subscription_id", "invalid_value", "this is no subscription's id");
        let event = fields.parsed("event", "unknown_event_type", "no event type of the catalogue has this name");
        Self::take(fields, subscription, event)
    }

    /// Reads a query about the deliveries to one subscription, which is named elsewhere.
    ///
    /// # Errors
    /// It is not acceptable, with every reason.
    pub fn parse_of(subscription: &SubscriptionId, query: Option<&str>) -> Result<Self, BodyError> {
        Self::take(QueryFields::read(query), Some(subscription.clone()), None)
    }

    fn take(
        mut fields: QueryFields,
        subscription: Option<SubscriptionId>,
        event: Option<EventPattern>,
    ) -> Result<Self, BodyError> {
        let names: Vec<&str> = DeliveryStatus::ALL.iter().map(|status| status.name()).collect();
        let status = fields.parsed("status", "invalid_value", &format!("this must be one of {}", names.join(", ")));
        let (since, until) = (fields.time("since"), fields.time("until"));
        let cursor = fields.parsed::<Cursor>("cursor", "invalid_cursor", NO_CURSOR);
        if cursor.as_ref().is_some_and(|cursor| cursor.list != list_for(status)) {
            fields.refuse("cursor", "invalid_cursor", NO_CURSOR);
        }
        let limit = fields.limit();
        let wait = Duration::from_secs(fields.number("wait_s", &(0..=MAX_WAIT_S)).unwrap_or_default().into());
        fields.finish(Self { status, event, subscription, since, until, cursor, limit, wait })
    }

    /// In which list they are found.
    #[must_use]
    pub const fn list(&self) -> ListKind {
        list_for(self.status)
    }

    /// Which part of that list is looked at. Nothing older than `oldest` is kept.
    #[must_use]
    pub fn window(&self, now: Timestamp, oldest: Timestamp) -> Window {
        // Failures lie by when they ended: one that ended after `until` may have begun before it.
        let until = self.until.filter(|_| self.list() == ListKind::ByDay).map(Place::before);
        let cursor = self.cursor.as_ref().map(|cursor| cursor.place.clone());
        let before = [until, cursor].into_iter().flatten().fold(newest(now), Ord::min);
        Window { since: self.since.unwrap_or(oldest).max(oldest), before }
    }

    /// Whether this delivery is asked for.
    #[must_use]
    pub fn wants(&self, delivery: &Delivery, now: Timestamp) -> bool {
        self.status.is_none_or(|status| delivery.status == status)
            && self.event.as_ref().is_none_or(|event| event.matches(delivery.event_type))
            && self.subscription.as_ref().is_none_or(|id| delivery.subscription == *id)
            && self.since.is_none_or(|since| delivery.created_at >= since)
            && self.until.is_none_or(|until| delivery.created_at < until)
            && !forgotten(delivery, now)
    }
}

/// The place before which everything is that was written until now.
pub(super) fn newest(now: Timestamp) -> Place {
    Place::before(now.saturating_add(CLOCK_SKEW).unwrap_or(now))
}

const NO_CURSOR: &str = "this is no `next_cursor` of this list";

/// The store deletes late; what has expired is gone for us at once.
pub(super) fn forgotten(delivery: &Delivery, now: Timestamp) -> bool {
    delivery.work.expires_at.is_some_and(|at| at <= now)
}

const fn list_for(status: Option<DeliveryStatus>) -> ListKind {
    match status {
        Some(DeliveryStatus::Failed | DeliveryStatus::Exhausted) => ListKind::Failed,
        Some(
            DeliveryStatus::Pending
            | DeliveryStatus::Delivering
            | DeliveryStatus::Delivered
            | DeliveryStatus::Retrying
            | DeliveryStatus::Cancelled,
        )
        | None => ListKind::ByDay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_parameter_is_named() {
        let query =
            "status=lost&event=invoice.lost&subscription_id=x&since=then&until=&cursor=x&limit=1000&wait_s=21&q=1";
        let Err(BodyError::Fields(errors)) = DeliveryFilter::parse(Some(query)) else { panic!("it was taken") };
        let named: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.path, error.code)).collect();
        insta::assert_snapshot!(named.join("\n"), @r"
        subscription_id: invalid_value
        event: unknown_event_type
        status: invalid_value
        since: invalid_time
        cursor: invalid_cursor
        limit: out_of_range
        wait_s: out_of_range
        q: unknown_parameter
        ");
    }

    #[test]
    fn a_cursor_of_one_list_does_not_go_on_in_the_other() {
        let cursor = Cursor { list: ListKind::ByDay, place: Place::before(Timestamp::UNIX_EPOCH) };
        assert!(DeliveryFilter::parse(Some(&format!("cursor={cursor}"))).is_ok());
        assert!(DeliveryFilter::parse(Some(&format!("cursor={cursor}&status=delivered"))).is_ok());
        assert!(DeliveryFilter::parse(Some(&format!("cursor={cursor}&status=failed"))).is_err());
    }
}
