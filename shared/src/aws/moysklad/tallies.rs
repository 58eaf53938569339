//! What was done for accounts, counted in DynamoDB: a row an hour, added to with one update.

use jiff::{SignedDuration, Timestamp};

use super::super::expression::Update;
use super::super::items::{EXPIRES_AT, PK, SK, from_item, n, number, s, seconds, text, to_item};
use super::super::keys;
use super::super::queries::every_item;
use super::super::store::Store;
use crate::counters::Grain;
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, Tally};
use crate::sync::store::Tallies;
use crate::work::StoreError;

/// How long an hour's counts are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

impl Tallies for Store {
    async fn tally(
        &self,
        tenant: &TenantId,
        account: AccountId,
        tally: &Tally,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let counts = to_item(tally)?;
        let counted = counts.keys().filter_map(|name| Some((name, number(&counts, name).filter(|count| *count > 0)?)));
        let adds: Vec<_> = counted.collect();
        if adds.is_empty() {
            return Ok(());
        }
        let hour = Grain::Hour.slot(now);
        let expires_at = hour.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        let update = Update::default().set(EXPIRES_AT, seconds(expires_at));
        let update = adds.into_iter().fold(update, |update, (name, count)| update.add(name, n(count)));
        self.update(&self.tables.sync, keys::tally(tenant, account, hour), update).await.map(|_| ())
    }

    async fn tallies(
        &self,
        tenant: &TenantId,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        let first = keys::tally(tenant, account, Grain::Hour.slot(since));
        let query = self
            .db
            .query()
            .table_name(&self.tables.sync)
            .key_condition_expression("#pk = :pk AND #sk >= :first")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", s(first.pk))
            .expression_attribute_values(":first", s(first.sk));
        let hours = every_item(query).await?.into_iter().filter_map(|item| {
            let hour = text(&item, SK)?.parse().ok()?;
            Some(from_item(item).map(|tally| (hour, tally)))
        });
        hours.collect()
    }
}
