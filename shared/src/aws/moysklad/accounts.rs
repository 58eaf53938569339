//! Accounts in DynamoDB: rows in their tenant's partition of the directory.

use super::super::items::from_item;
use super::super::keys;
use super::super::queries::every_item;
use super::super::store::Store;
use crate::model::ids::TenantId;
use crate::model::moysklad::Account;
use crate::sync::store::Accounts;
use crate::work::StoreError;

impl Accounts for Store {
    async fn accounts(&self, tenant: &TenantId) -> Result<Vec<Account>, StoreError> {
        let partition = keys::tenant(tenant).pk;
        let query = self.query(&self.tables.directory, &partition, Some(keys::MOYSKLAD_PLACE));
        every_item(query).await?.into_iter().map(from_item).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::items::to_item;
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-00000000000a";

    #[test]
    fn an_account_is_read_back_as_it_was_written() {
        let field = |equals: serde_json::Value| json!({"attribute": {"id": ID, "equals": equals}});
        let values = [json!("tea"), json!(5), json!(-1.5), json!(true), json!(null), json!(["a"]), json!({"a": 1})];
        let settings = json!({
            "entities": ["product", "variant"], "match_field": "external_code", "price_types": {"only": {ID: ID}},
            "filters": values.map(field), "on_delete": "archive",
            "orders": {"kinds": ["customerorder"], "organization": ID, "agent": ID, "store": ID},
        });
        let main = json!({
            "id": ID, "tenant": "ten_1", "source": "src_1", "name": "Shop",
            "role": "main", "enabled": true, "token": "sealed", "created_at": "2026-01-20T10:00:00Z", "rev": 3,
        });
        let mut child = main.clone();
        child["role"] = "child".into();
        child["main"] = ID.into();
        child["settings"] = settings;
        for account in [main, child] {
            let account: Account = serde_json::from_value(account).unwrap();
            assert_eq!(from_item::<Account>(to_item(&account).unwrap()).unwrap(), account);
        }
    }
}
