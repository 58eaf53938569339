//! Lists in DynamoDB: an index by tenant and day, spread over a few partitions; and a sparse one of what failed.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::future::try_join_all;
use jiff::Timestamp;

use super::failure::store_error;
use super::items::{
    FAILED_INDEX, FAILED_PK, FAILED_SK, Item, LIST_INDEX, LIST_PK, LIST_SK, PK, SK, from_item, s, text,
};
use super::keys::{self, LIST_SHARDS};
use super::store::Store;
use crate::manage::listing::{Listing, Place, Window};
use crate::model::ids::TenantId;
use crate::model::row::WorkRow;
use crate::work::StoreError;

/// How often keys that a batch read left over are asked for again.
const TRIES: u32 = 5;

/// An index that lists rows, newest last.
#[derive(Debug, Clone, Copy)]
struct Index {
    name: &'static str,
    pk: &'static str,
    sk: &'static str,
}

const BY_DAY: Index = Index { name: LIST_INDEX, pk: LIST_PK, sk: LIST_SK };
const FAILED: Index = Index { name: FAILED_INDEX, pk: FAILED_PK, sk: FAILED_SK };

impl Listing for Store {
    async fn listed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        day: Timestamp,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let Some(kind) = R::LIST else { return Ok(Vec::new()) };
        // The newest of all are among the newest of each.
        let shards = (0..LIST_SHARDS).map(|shard| keys::list_partition(kind, tenant, day, shard));
        let pages = shards.map(|partition| self.places(BY_DAY, partition, window, limit));
        let mut places: Vec<Place> = try_join_all(pages).await?.into_iter().flatten().collect();
        places.sort_by(|a, b| b.cmp(a));
        places.truncate(limit);
        Ok(places)
    }

    async fn failed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let Some(kind) = R::LIST else { return Ok(Vec::new()) };
        self.places(FAILED, keys::failed_partition(kind, tenant), window, limit).await
    }

    async fn rows<R: WorkRow>(&self, places: &[Place]) -> Result<Vec<R>, StoreError> {
        let named = places.iter().filter_map(Place::row).map(keys::row);
        let mut asked: Vec<Item> =
            named.map(|key| Item::from([(PK.to_owned(), s(key.pk)), (SK.to_owned(), s(key.sk))])).collect();
        let mut rows = Vec::with_capacity(asked.len());
        for _ in 0..TRIES {
            if asked.is_empty() {
                return Ok(rows);
            }
            let keys = KeysAndAttributes::builder().set_keys(Some(asked)).consistent_read(true).build();
            let keys = keys.map_err(|error| StoreError::Refused(error.to_string()))?;
            let call = self.db.batch_get_item().request_items(&self.tables.events, keys);
            let answer = call.send().await.map_err(|error| store_error("BatchGetItem", &error))?;
            let found: HashMap<String, Vec<Item>> = answer.responses.unwrap_or_default();
            for item in found.into_values().flatten() {
                rows.push(from_item(item)?);
            }
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.tables.events);
            asked = left.map(|left| left.keys).unwrap_or_default();
        }
        Err(StoreError::Unavailable("BatchGetItem: keys were left over".into()))
    }
}

impl Store {
    async fn places(
        &self,
        index: Index,
        partition: String,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let (from, to) = (keys::sortable(window.since), place_text(&window.before));
        if from >= to {
            return Ok(Vec::new());
        }
        // BETWEEN holds both its ends, and the window ends before `to`: one more is asked for, and that one left out.
        let asked = i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX);
        let page = self
            .db
            .query()
            .table_name(&self.tables.events)
            .index_name(index.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", index.pk)
            .expression_attribute_names("#sk", index.sk)
            .expression_attribute_values(":pk", s(partition))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(&to))
            .scan_index_forward(false)
            .limit(asked)
            .send()
            .await
            .map_err(|error| store_error("Query", &error))?;
        let texts = page.items().iter().filter_map(|item| text(item, index.sk)).filter(|text| **text != *to);
        Ok(texts.filter_map(place).take(limit).collect())
    }
}

/// A place as the indexes know it.
fn place_text(place: &Place) -> String {
    place.row().map_or_else(|| keys::sortable(place.at()), |row| keys::list_place(place.at(), row))
}

fn place(text: &str) -> Option<Place> {
    let (at, row) = text.split_once('#')?;
    Some(Place::of(at.parse().ok()?, row.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_sorts_as_its_text_does() {
        let at = |micros: i64| Timestamp::from_microsecond(1_900_000_000_000_000 + micros).unwrap();
        let places = [
            Place::before(at(0)),
            Place::of(at(0), "delivery/dlv_1_2_3".parse().unwrap()),
            Place::of(at(0), "delivery/dlv_1_2_4".parse().unwrap()),
            Place::before(at(1)),
            Place::of(at(1), "delivery/dlv_1_2_3".parse().unwrap()),
        ];
        assert!(places.is_sorted() && places.iter().map(place_text).is_sorted());
        for listed in places.iter().filter(|one| one.row().is_some()) {
            assert_eq!(place(&place_text(listed)).as_ref(), Some(listed));
        }
    }
}
