//! Which messages a subscription wants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::message_type::{Direction, MessageType};

/// A subscription's wish. Without one of its own it hears every message that comes in, and none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessageFilter {
    /// Which way: those that come `in` unless it says otherwise.
    #[schema(min_items = 1, max_items = 2)]
    pub directions: BTreeSet<Direction>,
    /// Of which kinds; of all if none is named.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(max_items = 50)]
    pub types: BTreeSet<MessageType>,
    /// Whether those in groups as well; true unless it says otherwise.
    pub groups: bool,
}

/// Most kinds one filter names: more than there are is never needed.
pub const MAX_TYPES: usize = 50;

impl Default for MessageFilter {
    fn default() -> Self {
        Self { directions: BTreeSet::from([Direction::In]), types: BTreeSet::new(), groups: true }
    }
}

impl MessageFilter {
    /// Whether it wants such a message.
    #[must_use]
    pub fn wants(&self, message: &MessageTraits) -> bool {
        self.directions.contains(&message.direction)
            && (self.types.is_empty() || self.types.contains(&message.message_type))
            && (self.groups || !message.in_group)
    }
}

/// What a filter asks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTraits {
    /// Which way it went.
    pub direction: Direction,
    /// What it is.
    pub message_type: MessageType,
    /// Whether it stands in a group.
    pub in_group: bool,
}

impl MessageTraits {
    /// Read from the `data` of a `whatsapp.message`; nothing where that is not what it is.
    #[must_use]
    pub fn of(data: &Value) -> Option<Self> {
        Some(Self {
            direction: Direction::deserialize(data.get("direction")?).ok()?,
            message_type: data.get("type")?.as_str()?.parse().ok()?,
            in_group: data.get("group").is_some_and(|group| !group.is_null()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wants(filter: Value, message: Value) -> bool {
        let filter: MessageFilter = serde_json::from_value(filter).unwrap();
        filter.wants(&MessageTraits::of(&message).unwrap())
    }

    #[test]
    fn own_messages_come_only_where_they_are_asked_for() {
        let own = json!({"direction": "out", "type": "text"});
        assert!(!wants(json!({}), own.clone()));
        assert!(wants(json!({"directions": ["in", "out"]}), own));
        assert!(wants(json!({}), json!({"direction": "in", "type": "text", "group": "1@g.us"})));
    }

    #[test]
    fn kinds_and_groups_can_be_chosen() {
        let image = json!({"direction": "in", "type": "image", "group": "1@g.us"});
        assert!(wants(json!({"types": ["image", "request_welcome"]}), image.clone()));
        assert!(!wants(json!({"types": ["text"]}), image.clone()));
        assert!(!wants(json!({"groups": false}), image));
    }

    #[test]
    fn a_wish_that_names_nothing_known_is_refused() {
        for odd in [json!({"directions": ["up"]}), json!({"types": ["Text"]}), json!({"group": false})] {
            assert!(serde_json::from_value::<MessageFilter>(odd.clone()).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_filter_is_kept_as_it_was_written() {
        let filter = MessageFilter { groups: false, ..MessageFilter::default() };
        let kept = serde_json::to_value(&filter).unwrap();
        assert_eq!(kept, json!({"directions": ["in"], "groups": false}));
        assert_eq!(serde_json::from_value::<MessageFilter>(kept).unwrap(), filter);
    }

    #[test]
    fn what_is_no_message_has_no_traits() {
        for odd in
            [json!(null), json!({}), json!({"direction": 1, "type": "text"}), json!({"direction": "in", "type": 1})]
        {
            assert_eq!(MessageTraits::of(&odd), None, "{odd}");
        }
    }
}
