//! Switches in DynamoDB: one partition, one query.

use std::collections::HashSet;

use super::items::{SK, from_item, text, to_item};
use super::keys;
use super::store::Store;
use crate::manage::switches::SwitchPanel;
use crate::model::switch::Switch;
use crate::switches::Switches;
use crate::work::StoreError;

impl Switches for Store {
    async fn off(&self) -> Result<HashSet<String>, StoreError> {
        let items = self.query_all(&self.tables.directory, keys::SWITCHES, None).await?;
        let off = items.iter().filter(|item| item.get("paused").is_some_and(|paused| paused.as_bool() == Ok(&true)));
        Ok(off.filter_map(|item| text(item, SK).map(str::to_owned)).collect())
    }
}

impl SwitchPanel for Store {
    async fn switches(&self) -> Result<Vec<Switch>, StoreError> {
        let items = self.query_all(&self.tables.directory, keys::SWITCHES, None).await?;
        items.into_iter().map(from_item).collect()
    }

    async fn turn(&self, switch: &Switch) -> Result<(), StoreError> {
        self.put(&self.tables.directory, keys::switch(&switch.what.to_string()), to_item(switch)?).await
    }
}
