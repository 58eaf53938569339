//! Many items by their keys, in the order asked for.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::failure::store_error;
use super::items::{Item, PK, SK, s, text};
use super::keys::Key;
use super::store::Store;
use crate::work::StoreError;

/// Keys DynamoDB takes in one call.
const BATCH: usize = 100;
/// Calls under way at a time.
const PARALLEL: usize = 4;
/// How often what was left out of an answer is asked for again.
const ROUNDS: usize = 5;

impl Store {
    /// The items with these keys, those that are there, in the order of the keys; read strongly or not.
    pub(super) async fn get_many(&self, table: &str, keys: &[Key], strong: bool) -> Result<Vec<Item>, StoreError> {
        let mut seen = HashSet::new();
        let distinct: Vec<&Key> = keys.iter().filter(|key| seen.insert((key.pk.as_str(), key.sk.as_str()))).collect();
        let calls: Vec<_> = distinct.chunks(BATCH).map(|chunk| self.get_batch(table, chunk, strong)).collect();
        let pages: Vec<Vec<Item>> = stream::iter(calls).buffer_unordered(PARALLEL).try_collect().await?;
        let mut found: HashMap<(String, String), Item> = pages
            .into_iter()
            .flatten()
            .filter_map(|item| Some(((text(&item, PK)?.to_owned(), text(&item, SK)?.to_owned()), item)))
            .collect();
        Ok(distinct.into_iter().filter_map(|key| found.remove(&(key.pk.clone(), key.sk.clone()))).collect())
    }

    async fn get_batch(&self, table: &str, keys: &[&Key], strong: bool) -> Result<Vec<Item>, StoreError> {
        let mut wanted: Vec<Item> = keys.iter().map(|key| pair(key)).collect();
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let ask = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(strong)
                .build()
                .map_err(|error| StoreError::Refused(error.to_string()))?;
            let out = self
                .db
                .batch_get_item()
                .request_items(table, ask)
                .send()
                .await
                .map_err(|error| store_error("BatchGetItem", &error))?;
            items.extend(out.responses.unwrap_or_default().into_values().flatten());
            wanted = out.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
            if wanted.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Unavailable("BatchGetItem: keys were left out again and again".into()))
    }
}

fn pair(key: &Key) -> Item {
    Item::from([(PK.to_owned(), s(&key.pk)), (SK.to_owned(), s(&key.sk))])
}
