//! The health of endpoints in DynamoDB: a row only where there is something to say.

use std::collections::HashSet;

use aws_sdk_dynamodb::error::SdkError;

use super::expression::Update;
use super::failure::store_error;
use super::items::{PK, SK, from_item, n, s, text, to_item};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::delivery::health::{Health, Healths, breaker_name};
use crate::model::ids::SubscriptionId;
use crate::work::StoreError;

const VERSION: &str = "version";
/// What is absent where it says nothing.
const OPTIONAL: [&str; 7] = ["slow", "failing_since", "broken", "open_until", "held_until", "opened", "prober"];

impl Healths for Store {
    async fn health(&self, id: &SubscriptionId) -> Result<Health, StoreError> {
        let item = self.get_item(&self.tables.signals, keys::breaker(&breaker_name(id)), false).await?;
        Ok(item.map(from_item).transpose()?.unwrap_or_default())
    }

    async fn set_health(&self, id: &SubscriptionId, seen: &Health, to: &Health) -> Result<bool, StoreError> {
        let key = keys::breaker(&breaker_name(id));
        if to.is_well() {
            return self.forget_health(key, seen).await;
        }
        let mut item = to_item(to)?;
        let mut update = match seen.version {
            0 => Update::default().only_if_absent_or(VERSION, "=", n(0)),
            version => Update::default().only_if(VERSION, "=", n(version)),
        };
        for name in OPTIONAL {
            update = match item.remove(name) {
                Some(value) => update.set(name, value),
                None => update.remove(name),
            };
        }
        update = update.set(VERSION, n(to.version));
        Ok(matches!(self.update(&self.tables.signals, key, update).await?, Changed::Now(_)))
    }
}

impl Store {
    async fn forget_health(&self, key: keys::Key, seen: &Health) -> Result<bool, StoreError> {
        let answer = self
            .db
            .delete_item()
            .table_name(&self.tables.signals)
            .key(PK, s(key.pk))
            .key(SK, s(key.sk))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", n(seen.version))
            .send()
            .await;
        self.meter.add_units(1.0);
        match answer {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(store_error("DeleteItem", &error)),
        }
    }

    /// Which of these endpoints are marked slow.
    pub(super) async fn slow_endpoints(&self, ids: &[SubscriptionId]) -> Result<HashSet<SubscriptionId>, StoreError> {
        let places: Vec<_> = ids.iter().map(|id| keys::breaker(&breaker_name(id))).collect();
        let items = self.get_many(&self.tables.signals, &places, false).await?;
        let marked: HashSet<&str> = items
            .iter()
            .filter(|item| item.get("slow").is_some_and(|slow| slow.as_bool() == Ok(&true)))
            .filter_map(|item| text(item, PK))
            .collect();
        let slow = ids.iter().zip(&places).filter(|(_, place)| marked.contains(place.pk.as_str()));
        Ok(slow.map(|(id, _)| id.clone()).collect())
    }
}
