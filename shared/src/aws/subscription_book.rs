//! Subscriptions written in DynamoDB: the row, and a claim on each URL, connection and event pattern, in one
//! transaction.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::items::{Item, s, text, to_item};
use super::keys::{self, Key};
use super::store::Store;
use super::transact::{NEW, Transacted, as_key, bad, called_off, placed, refused_at};
use crate::manage::subscription_book::{Booked, SubscriptionBook};
use crate::model::event_type::EventPattern;
use crate::model::subscription::Subscription;
use crate::work::StoreError;

/// What a claim names its holder by.
const HOLDER: &str = "holder";

/// Nobody else's claim.
const MINE: &str = "attribute_not_exists(pk) OR holder = :me";
/// The row is as it was read: whoever changes it, the platform too, changes the time.
const UNCHANGED: &str = "updated_at = :read AND active = :active";

impl SubscriptionBook for Store {
    async fn add(&self, new: &Subscription) -> Result<Booked, StoreError> {
        let row = self.put_row(new)?.condition_expression(NEW);
        let mut writes = vec![TransactWriteItem::builder().put(row.build().map_err(bad)?).build()];
        for claim in claims(new) {
            writes.push(self.claim(new, claim)?);
        }
        self.book(writes).await
    }

    async fn replace(&self, before: &Subscription, after: &Subscription) -> Result<Booked, StoreError> {
        let item = to_item(before)?;
        let row =
            self.put_row(after)?.condition_expression(UNCHANGED).set_expression_attribute_values(Some(as_read(&item)));
        let mut writes = vec![TransactWriteItem::builder().put(row.build().map_err(bad)?).build()];
        let (old, new) = (claims(before), claims(after));
        for claim in new.difference(&old) {
            writes.push(self.claim(after, claim.clone())?);
        }
        for claim in old.difference(&new) {
            writes.push(self.release(before, claim.clone())?);
        }
        self.book(writes).await
    }

    async fn remove(&self, subscription: &Subscription) -> Result<Booked, StoreError> {
        let item = to_item(subscription)?;
        let row = Delete::builder()
            .table_name(&self.tables.directory)
            .set_key(Some(as_key(keys::subscription(&subscription.tenant, &subscription.id))))
            .condition_expression(UNCHANGED)
            .set_expression_attribute_values(Some(as_read(&item)));
        let mut writes = vec![TransactWriteItem::builder().delete(row.build().map_err(bad)?).build()];
        for claim in claims(subscription) {
            writes.push(self.release(subscription, claim)?);
        }
        self.book(writes).await
    }
}

impl Store {
    fn put_row(&self, subscription: &Subscription) -> Result<PutBuilder, StoreError> {
        let key = keys::subscription(&subscription.tenant, &subscription.id);
        let item = placed(key, to_item(subscription)?);
        Ok(Put::builder().table_name(&self.tables.directory).set_item(Some(item)))
    }

    /// Claims a URL, connection and pattern, unless another subscription has.
    fn claim(&self, holder: &Subscription, claim: Key) -> Result<TransactWriteItem, StoreError> {
        let me = s(holder.id.as_str());
        let item = placed(claim, Item::from([(HOLDER.to_owned(), me.clone())]));
        let put = Put::builder()
            .table_name(&self.tables.directory)
            .set_item(Some(item))
            .condition_expression(MINE)
            .expression_attribute_values(":me", me)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().put(put.build().map_err(bad)?).build())
    }

    /// Gives a claim back.
    fn release(&self, holder: &Subscription, claim: Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.tables.directory)
            .set_key(Some(as_key(claim)))
            .condition_expression(MINE)
            .expression_attribute_values(":me", s(holder.id.as_str()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(bad)?).build())
    }

    /// Writes all or nothing. The subscription's row is the first of `writes`, the rest are claims.
    async fn book(&self, writes: Vec<TransactWriteItem>) -> Result<Booked, StoreError> {
        match self.write_all(writes).await? {
            Transacted::Done => Ok(Booked::Done),
            Transacted::Cancelled(reasons) => refused(&reasons),
        }
    }
}

/// What a cancelled transaction came to.
fn refused(reasons: &[CancellationReason]) -> Result<Booked, StoreError> {
    match refused_at(reasons) {
        Some(0) => Ok(Booked::Changed),
        Some(claim) => {
            let by = reasons[claim].item().and_then(|item| text(item, HOLDER)?.parse().ok());
            Ok(Booked::Taken { by })
        }
        // Another transaction was at the same rows: the same wish may be granted in a moment.
        None => Err(called_off(reasons)),
    }
}

fn claims(subscription: &Subscription) -> BTreeSet<Key> {
    let Subscription { tenant, url, connection, events, .. } = subscription;
    let claim =
        |pattern: &EventPattern| keys::subscription_claim(tenant, url, connection.as_ref(), &pattern.to_string());
    events.iter().map(claim).collect()
}

/// The values of `UNCHANGED`.
fn as_read(item: &Item) -> Item {
    let value = |name: &str| item.get(name).cloned().unwrap_or(AttributeValue::Null(true));
    Item::from([(":read".to_owned(), value("updated_at")), (":active".to_owned(), value("active"))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event_type::EventType;

    /// DynamoDB takes a hundred writes in a transaction, and a change of URL gives back and claims every pattern.
    #[test]
    fn the_widest_change_fits_into_a_transaction() {
        let families = |one: &EventType| one.as_str().split('.').next().map(|family| format!("{family}.*"));
        let mut patterns: BTreeSet<EventPattern> =
            EventType::ALL.iter().filter_map(families).map(|family| family.parse().unwrap()).collect();
        patterns.extend(EventType::ALL.iter().map(|one| EventPattern::Exactly(*one)));
        patterns.insert(EventPattern::All);
        let writes = 1 + 2 * patterns.len();
        assert!(writes <= 100, "{writes} writes");
    }

    #[test]
    fn a_cancelled_transaction_tells_what_stood_against_it() {
        let reason = |code: &str| CancellationReason::builder().code(code).build();
        let (none, failed) = (|| reason("None"), || reason("ConditionalCheckFailed"));
        assert_eq!(refused(&[failed(), none()]), Ok(Booked::Changed));
        assert_eq!(refused(&[none(), failed()]), Ok(Booked::Taken { by: None }));
        let holder = Item::from([(HOLDER.to_owned(), s("sub_1"))]);
        let taken = CancellationReason::builder().code("ConditionalCheckFailed").set_item(Some(holder)).build();
        assert_eq!(refused(&[none(), taken]), Ok(Booked::Taken { by: "sub_1".parse().ok() }));
        assert!(matches!(refused(&[none(), reason("TransactionConflict")]), Err(StoreError::Unavailable(_))));
    }
}
