//! Mappings in DynamoDB: a row where what is carried is looked up, and one at its counterpart that says for what it
//! stands. Both change in one transaction.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::super::items::{Item, REV, from_item, n, s, to_item};
use super::super::keys;
use super::super::puts::Over;
use super::super::store::Store;
use super::super::transact::{NEW, Transacted, as_key, bad, called_off, placed, refused_at};
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, EntityId, EntityRef, Mapping};
use crate::sync::store::{Mappings, counterpart_of};
use crate::work::StoreError;

/// What a row at a counterpart names the entity by that it stands for.
const HOLDER: &str = "holder";

/// What an entity stands for.
#[derive(Serialize, Deserialize)]
struct StandsFor {
    holder: String,
    origin: EntityRef,
}

impl Mappings for Store {
    async fn mapping(
        &self,
        tenant: &TenantId,
        origin: EntityRef,
        target: AccountId,
    ) -> Result<Option<Mapping>, StoreError> {
        self.get(&self.tables.sync, keys::mapping(tenant, origin, target)).await?.map(from_item).transpose()
    }

    async fn mapping_of(&self, tenant: &TenantId, counterpart: EntityRef) -> Result<Option<Mapping>, StoreError> {
        let Some(there) = self.get(&self.tables.sync, keys::stands_for(tenant, counterpart)).await? else {
            return Ok(None);
        };
        let StandsFor { origin, .. } = from_item(there)?;
        let mapping = self.mapping(tenant, origin, counterpart.account).await?;
        // Between the two reads it may have come to stand for nothing.
        let stands =
            |mapping: &Mapping| mapping.counterpart.is_some_and(|id| counterpart_of(mapping, id) == counterpart);
        Ok(mapping.filter(stands))
    }

    async fn put_mapping(&self, mapping: &Mapping) -> Result<bool, StoreError> {
        let over = match mapping.rev {
            0 => return Ok(false),
            1 => Over::Nothing,
            rev => Over::This(REV, n(rev - 1)),
        };
        let before = match over {
            Over::This(..) => match self.mapping(&mapping.tenant, mapping.origin, mapping.target).await? {
                Some(before) if before.rev == mapping.rev - 1 => before.counterpart,
                _ => return Ok(false),
            },
            _ => None,
        };
        if before == mapping.counterpart {
            let key = keys::mapping(&mapping.tenant, mapping.origin, mapping.target);
            return Ok(self.put_over(&self.tables.sync, key, to_item(mapping)?, over).await?.is_none());
        }
        let mut writes = vec![self.put_mapping_row(mapping)?];
        writes.extend(mapping.counterpart.map(|id| self.put_stands_for(mapping, id)).transpose()?);
        writes.extend(before.map(|id| self.drop_stands_for(mapping, id)).transpose()?);
        match self.write_all(writes).await? {
            Transacted::Done => Ok(true),
            Transacted::Cancelled(reasons) if refused_at(&reasons).is_some() => Ok(false),
            Transacted::Cancelled(reasons) => Err(called_off(&reasons)),
        }
    }
}

impl Store {
    fn put_mapping_row(&self, mapping: &Mapping) -> Result<TransactWriteItem, StoreError> {
        let key = keys::mapping(&mapping.tenant, mapping.origin, mapping.target);
        let put = Put::builder().table_name(&self.tables.sync).set_item(Some(placed(key, to_item(mapping)?)));
        let put = match mapping.rev {
            0 | 1 => put.condition_expression(NEW),
            rev => put.condition_expression("rev = :rev").expression_attribute_values(":rev", n(rev - 1)),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(bad)?).build())
    }

    /// An entity stands for one other: who comes second is refused.
    fn put_stands_for(&self, mapping: &Mapping, id: EntityId) -> Result<TransactWriteItem, StoreError> {
        let key = keys::stands_for(&mapping.tenant, counterpart_of(mapping, id));
        let holder = mapping.origin.to_string();
        let item: Item = to_item(&StandsFor { holder: holder.clone(), origin: mapping.origin })?;
        let put = Put::builder()
            .table_name(&self.tables.sync)
            .set_item(Some(placed(key, item)))
            .condition_expression(FREE_OR_MINE)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":me", s(holder));
        Ok(TransactWriteItem::builder().put(put.build().map_err(bad)?).build())
    }

    fn drop_stands_for(&self, mapping: &Mapping, id: EntityId) -> Result<TransactWriteItem, StoreError> {
        let key = keys::stands_for(&mapping.tenant, counterpart_of(mapping, id));
        let delete = Delete::builder()
            .table_name(&self.tables.sync)
            .set_key(Some(as_key(key)))
            .condition_expression(FREE_OR_MINE)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":me", s(mapping.origin.to_string()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(bad)?).build())
    }
}

/// The row at a counterpart is not there, or is of the entity whose mapping changes.
const FREE_OR_MINE: &str = "attribute_not_exists(pk) OR #holder = :me";
