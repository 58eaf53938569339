//! The events of one subject, found by their bodies' places.

use super::failure::store_error;
use super::items::{SK, s, text};
use super::keys;
use super::store::Store;
use crate::manage::event_walk::Subjects;
use crate::manage::listing::{Place, Window};
use crate::model::ids::{EventId, SourceId};
use crate::model::row::RowKey;
use crate::work::StoreError;

impl Subjects for Store {
    async fn of_subject(
        &self,
        source: &SourceId,
        subject: &str,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let partition = keys::subject(source, subject);
        let before = match window.before.row() {
            Some(RowKey::Event(id)) => keys::subject_place(window.before.at(), id),
            _ => keys::sortable(window.before.at()),
        };
        let mut places: Vec<Place> = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .db
                .query()
                .table_name(&self.tables.events)
                .key_condition_expression("pk = :pk AND sk < :before")
                .projection_expression("sk, pk")
                .expression_attribute_values(":pk", s(&partition))
                .expression_attribute_values(":before", s(&before))
                .scan_index_forward(false)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| store_error("Query", &error))?;
            // A variant's place names the event, too: the first body's stands for both.
            places.extend(page.items().iter().filter_map(|item| text(item, SK).and_then(place)));
            from = page.last_evaluated_key;
            let passed = places.last().is_some_and(|place| place.at() < window.since);
            if from.is_none() || places.len() >= limit || passed {
                break;
            }
        }
        places.retain(|place| place.at() >= window.since);
        places.truncate(limit);
        Ok(places)
    }
}

fn place(text: &str) -> Option<Place> {
    let (at, event) = text.split_once('#')?;
    let event: EventId = event.parse().ok()?;
    Some(Place::of(at.parse().ok()?, RowKey::Event(event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_event_and_a_variant_none() {
        let at = jiff::Timestamp::from_second(1_900_000_000).unwrap();
        let id: EventId = "evt_1".parse().unwrap();
        let body = keys::subject_place(at, &id);
        assert_eq!(place(&body), Some(Place::of(at, RowKey::Event(id))));
        assert_eq!(place(&format!("{body}{}abc", keys::VARIANT_MARK)), None);
    }
}
