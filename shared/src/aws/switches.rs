//! Switches in DynamoDB: one partition, one query.

use std::collections::HashSet;

use super::items::{SK, text};
use super::keys;
use super::store::Store;
use crate::switches::Switches;
use crate::work::StoreError;

impl Switches for Store {
    async fn off(&self) -> Result<HashSet<String>, StoreError> {
        let items = self.query_all(&self.tables.directory, keys::SWITCHES, None).await?;
        let off = items.iter().filter(|item| item.get("paused").is_some_and(|paused| paused.as_bool() == Ok(&true)));
        Ok(off.filter_map(|item| text(item, SK).map(str::to_owned)).collect())
    }
}
