//! Whole partitions, page by page.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::failure::store_error;
use super::items::{Item, s};
use super::store::Store;
use crate::work::StoreError;

impl Store {
    /// Every item of a partition, or those whose place starts with `prefix`. Strong; for partitions that are small.
    pub(super) async fn query_all(
        &self,
        table: &str,
        partition: &str,
        prefix: Option<&str>,
    ) -> Result<Vec<Item>, StoreError> {
        every_item(self.query(table, partition, prefix).consistent_read(true)).await
    }

    /// The query for a partition, or for what in it starts with `prefix`; eventually consistent unless told otherwise.
    pub(super) fn query(&self, table: &str, partition: &str, prefix: Option<&str>) -> QueryFluentBuilder {
        let query = self.db.query().table_name(table).expression_attribute_values(":pk", s(partition));
        match prefix {
            Some(prefix) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", s(prefix)),
            None => query.key_condition_expression("pk = :pk"),
        }
    }
}

/// Every item that a query finds.
pub(super) async fn every_item(query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = query.clone().set_exclusive_start_key(from).send().await;
        let page = page.map_err(|error| store_error("Query", &error))?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}
