//! The health of endpoints in DynamoDB: a row only where there is something to say.

use std::collections::HashSet;

use super::expression::Update;
use super::items::{PK, from_item, n, text, to_item};
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
            return self.delete_seen(&self.tables.signals, key, (VERSION, n(seen.version))).await;
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
