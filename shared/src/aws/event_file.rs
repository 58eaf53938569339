//! An event's partition, its subject's and its look-up's, read for the timeline. Bodies are left where they are.

use jiff::Timestamp;

use super::failure::store_error;
use super::items::{Item, SK, expired, from_item, s, text, time};
use super::keys;
use super::store::Store;
use crate::enrichment::look_up::LookUp;
use crate::manage::event_file::{Announced, EventFile, EventFiles};
use crate::model::event::Event;
use crate::model::ids::EventId;
use crate::model::row::RowKey;
use crate::work::StoreError;

/// Most entries of one kind shown: a hundred subscriptions with five tries each.
const MOST: usize = 600;

impl EventFiles for Store {
    async fn file(&self, id: &EventId, now: Timestamp) -> Result<Option<EventFile>, StoreError> {
        let row = self.get(&self.tables.events, keys::row(&RowKey::Event(id.clone()))).await?;
        let Some(row) = row.filter(|item| !expired(item, now) && !id.is_child()) else { return Ok(None) };
        let event: Event = from_item(row)?;
        let partition = keys::timeline(id);
        let body = keys::body(&event);
        let (announced, deliveries, bodies, look_up) = tokio::try_join!(
            self.shown(&partition, keys::OUT_PLACE, "#id, #type, #at, #expires_at"),
            self.shown(&partition, keys::DELIVERY_PLACE, ""),
            self.shown(&body.pk, &body.sk, "sk, #received_at"),
            self.look_up(&event),
        )?;
        let mut file = EventFile {
            event,
            variants: bodies
                .iter()
                .filter(|item| is_variant(item))
                .filter_map(|item| time(item, "received_at"))
                .collect(),
            steps: look_up.map(|row| row.steps).unwrap_or_default(),
            announced: Vec::new(),
            deliveries: Vec::new(),
            attempts: Vec::new(),
            cut: deliveries.len() >= MOST || announced.len() >= MOST,
        };
        for item in announced.into_iter().filter(|item| !expired(item, now)) {
            file.announced.push(from_item::<Announced>(item)?);
        }
        for item in deliveries.into_iter().filter(|item| !expired(item, now)) {
            let place = text(&item, SK).unwrap_or_default().to_owned();
            match keys::attempted(&place) {
                Some(delivery) => file.attempts.push((delivery, from_item(item)?)),
                None => file.deliveries.push(from_item(item)?),
            }
        }
        Ok(Some(file))
    }
}

impl Store {
    /// The entries of a partition that begin so, at most `MOST`; of each the attributes named, or all.
    async fn shown(&self, partition: &str, place: &str, attributes: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let mut query = self
                .db
                .query()
                .table_name(&self.tables.events)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":pk", s(partition))
                .expression_attribute_values(":sk", s(place))
                .set_exclusive_start_key(from);
            if !attributes.is_empty() {
                for name in attributes.split(", ").filter_map(|name| name.strip_prefix('#')) {
                    query = query.expression_attribute_names(format!("#{name}"), name);
                }
                query = query.projection_expression(attributes);
            }
            let page = query.send().await.map_err(|error| store_error("Query", &error))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() || items.len() >= MOST {
                items.truncate(MOST);
                return Ok(items);
            }
        }
    }

    async fn look_up(&self, event: &Event) -> Result<Option<LookUp>, StoreError> {
        let (Some(subject), Some(contact)) = (&event.subject, &event.contact) else { return Ok(None) };
        let key = keys::enrichment(&event.source, subject, contact);
        let item = self.get_item(&self.tables.parties, key, false).await?;
        // A look-up that was erased has lost what makes it one.
        Ok(item.and_then(|item| from_item(item).ok()))
    }
}

fn is_variant(item: &Item) -> bool {
    text(item, SK).is_some_and(|place| place.contains(keys::VARIANT_MARK))
}
