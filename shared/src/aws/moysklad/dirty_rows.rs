//! Dirty rows in DynamoDB: a partition an account, sorted as its line is. They are work, so they have no time to be
//! forgotten at.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use jiff::Timestamp;

use super::super::expression::Update;
use super::super::failure::store_error;
use super::super::items::{Item, NOT_BEFORE, TENANT, from_item, n, s, to_item};
use super::super::keys;
use super::super::queries::every_item;
use super::super::rows::Changed;
use super::super::store::Store;
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, Dirty, FieldGroup, Groups};
use crate::sync::plan::Mark;
use crate::sync::store::DirtyRows;
use crate::work::StoreError;

const VERSION: &str = "version";
const GROUPS: &str = "groups";
const SINCE: &str = "since";
const TARGET: &str = "target";
const ORIGIN: &str = "origin";
const BECAUSE: &str = "because";
const FAILURES: &str = "failures";
const ERROR: &str = "error";
/// `not_before` again, in nanoseconds: texts of times are of several widths and do not compare as times do.
const READY_AT: &str = "ready_at";

/// How often a mark is tried: it is refused only when the row is finished or put off between two of its forms.
const TRIES: usize = 5;
/// Rows looked at in one call, where fewer are asked for: not every row is due.
const PAGE: usize = 100;
/// Most rows looked at in one call.
const LARGEST_PAGE: usize = 1_000;

impl DirtyRows for Store {
    async fn mark(
        &self,
        tenant: &TenantId,
        mark: &Mark,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<Dirty, StoreError> {
        let key = keys::dirty(tenant, mark.target, mark.origin);
        let ready_at = n(not_before.as_nanosecond());
        // One write, whatever is there. It has two forms, since the earlier of two times cannot be asked for.
        for _ in 0..TRIES {
            let sooner = one_more_reason(tenant, mark, not_before, now)?.set(READY_AT, ready_at.clone());
            let sooner = sooner.only_if_absent_or(READY_AT, ">=", ready_at.clone());
            if let Changed::Now(row) = self.update(&self.tables.sync, key.clone(), sooner).await? {
                return read(row);
            }
            let no_sooner = Update::default().add(VERSION, n(1)).only_if(READY_AT, "<", ready_at.clone());
            let no_sooner = with_reason(with_groups(no_sooner, &mark.groups), mark);
            if let Changed::Now(row) = self.update(&self.tables.sync, key.clone(), no_sooner).await? {
                return read(row);
            }
        }
        Err(StoreError::Unavailable("a row that changes too fast to be marked".into()))
    }

    async fn due(
        &self,
        tenant: &TenantId,
        target: AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Dirty>, StoreError> {
        let page = i32::try_from(limit.clamp(PAGE, LARGEST_PAGE)).unwrap_or(i32::MAX);
        let query = self
            .line(tenant, target)
            .filter_expression("#ready <= :now")
            .expression_attribute_names("#ready", READY_AT)
            .expression_attribute_values(":now", n(now.as_nanosecond()))
            .limit(page);
        let mut rows = Vec::new();
        let mut from = None;
        loop {
            let page = query.clone().set_exclusive_start_key(from).send().await;
            let page = page.map_err(|error| store_error("Query", &error))?;
            for item in page.items.unwrap_or_default() {
                if rows.len() == limit {
                    return Ok(rows);
                }
                rows.push(read(item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() || rows.len() == limit {
                return Ok(rows);
            }
        }
    }

    async fn next_due(&self, tenant: &TenantId, target: AccountId) -> Result<Option<Timestamp>, StoreError> {
        let query =
            self.line(tenant, target).projection_expression("#ready").expression_attribute_names("#ready", READY_AT);
        let times = every_item(query).await?;
        let next = times.iter().filter_map(|item| item.get(READY_AT)?.as_n().ok()?.parse().ok()).min();
        let next = next.map(Timestamp::from_nanosecond).transpose();
        next.map_err(|_| StoreError::Corrupt("a row whose time is none".into()))
    }

    async fn n_dirty(&self, tenant: &TenantId, target: AccountId) -> Result<u64, StoreError> {
        let query = self.line(tenant, target).select(Select::Count);
        let mut rows = 0;
        let mut from = None;
        loop {
            let page = query.clone().set_exclusive_start_key(from).send().await;
            let page = page.map_err(|error| store_error("Query", &error))?;
            rows += u64::try_from(page.count).unwrap_or_default();
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn finish(&self, row: &Dirty) -> Result<bool, StoreError> {
        self.delete_seen(&self.tables.sync, keys::dirty_row(row), (VERSION, n(row.version))).await
    }

    async fn put_off(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.wait(row, not_before, error, Update::default().add(FAILURES, n(1))).await
    }

    async fn set_aside(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.wait(row, not_before, error, Update::default()).await
    }
}

impl Store {
    async fn wait(
        &self,
        row: &Dirty,
        not_before: Timestamp,
        error: &str,
        counting: Update,
    ) -> Result<bool, StoreError> {
        let waits = Dirty { not_before, error: Some(error.to_owned()), ..row.clone() };
        let update = counting.set(READY_AT, n(not_before.as_nanosecond())).only_if(VERSION, "=", n(row.version));
        let update = set_from(update, to_item(&waits)?, &[NOT_BEFORE, ERROR]);
        Ok(matches!(self.update(&self.tables.sync, keys::dirty_row(row), update).await?, Changed::Now(_)))
    }

    /// The query for an account's line. Strong: who was told that there is nothing may end the account's work.
    fn line(&self, tenant: &TenantId, target: AccountId) -> QueryFluentBuilder {
        self.query(&self.tables.sync, &keys::dirty_rows(tenant, target), None).consistent_read(true)
    }
}

/// The update that makes a row, or the next version of the one there is, to be worked on at that time.
fn one_more_reason(
    tenant: &TenantId,
    mark: &Mark,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<Update, StoreError> {
    let first = Dirty::new(tenant.clone(), mark.target, mark.origin, mark.groups.clone(), now);
    let mut first = to_item(&Dirty { not_before, ..first })?;
    let mut update = Update::default().add(VERSION, n(1));
    if let Some(since) = first.remove(SINCE) {
        update = update.set_first(SINCE, since);
    }
    Ok(with_reason(with_groups(set_from(update, first, &[TENANT, TARGET, ORIGIN, NOT_BEFORE]), &mark.groups), mark))
}

/// The event that gave the reason; where none did, the one before it stands.
fn with_reason(update: Update, mark: &Mark) -> Update {
    match &mark.because {
        Some(event) => update.set(BECAUSE, s(event.as_str())),
        None => update,
    }
}

fn set_from(update: Update, mut item: Item, names: &[&str]) -> Update {
    names.iter().fold(update, |update, name| match item.remove(*name) {
        Some(value) => update.set(name, value),
        None => update,
    })
}

/// Groups are a set, so that more are added without looking. A set is never empty.
fn with_groups(update: Update, groups: &Groups) -> Update {
    let names: Vec<String> = groups.iter().filter_map(name_of).collect();
    if names.is_empty() { update } else { update.add(GROUPS, AttributeValue::Ss(names)) }
}

/// A group's name, as rows have it.
fn name_of(group: FieldGroup) -> Option<String> {
    serde_dynamo::to_attribute_value::<_, AttributeValue>(group).ok()?.as_s().ok().cloned()
}

fn read(mut row: Item) -> Result<Dirty, StoreError> {
    row.entry(GROUPS.to_owned()).or_insert_with(|| AttributeValue::L(Vec::new()));
    from_item(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moysklad::{EntityKind, EntityRef};

    fn mark(groups: Groups) -> Mark {
        let account = "00000000-0000-0000-0000-00000000000a".parse().unwrap();
        let id = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        Mark { target: account, origin: EntityRef { account, kind: EntityKind::Product, id }, groups, because: None }
    }

    #[test]
    fn a_row_is_read_back_from_what_a_mark_writes() {
        let (tenant, at) = (TenantId::default_tenant(), Timestamp::UNIX_EPOCH);
        for groups in [Groups::all(), FieldGroup::Prices.into(), std::iter::empty().collect()] {
            let mark = mark(groups);
            let first = Dirty::new(tenant.clone(), mark.target, mark.origin, mark.groups.clone(), at);
            let mut item = to_item(&first).unwrap();
            let names: Vec<String> = mark.groups.iter().filter_map(name_of).collect();
            item.remove(GROUPS);
            if !names.is_empty() {
                item.insert(GROUPS.to_owned(), AttributeValue::Ss(names));
            }
            assert_eq!(read(item).unwrap(), first);
        }
    }

    #[test]
    fn a_mark_is_one_update_that_forgets_nothing() {
        let (mark, at) = (mark(FieldGroup::Prices.into()), Timestamp::UNIX_EPOCH);
        let update = one_more_reason(&TenantId::default_tenant(), &mark, at, at);
        insta::assert_snapshot!(update.unwrap().finish().update, @"SET #since = if_not_exists(#since, :v1), #tenant = :v2, #target = :v3, #origin = :v4, #not_before = :v5 ADD #version :v0, #groups :v6");
    }
}
