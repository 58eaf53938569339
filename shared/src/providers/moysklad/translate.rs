//! What a subscriber is told of a notice.

use serde_json::{Value, json};

use super::payload::{NoNotice, Notice};

/// The `data` of the event that a notice is: what was done to which entity. What came of it stands beside the event.
///
/// # Errors
/// When what was stored is no notice.
pub fn announced(stored: &[u8]) -> Result<Value, NoNotice> {
    let notice = Notice::read(stored)?;
    Ok(json!({
        "account_id": notice.account_id,
        "entity_type": notice.entity_type,
        "entity_id": notice.entity_id,
        "action": notice.action,
        "updated_fields": notice.updated_fields,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moysklad::{Action, EntityKind};

    #[test]
    fn a_notice_is_told_without_its_address() {
        let account = "9171a53c-1b2c-4f7d-9c1a-000000000001".parse().unwrap();
        let entity = "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c".parse().unwrap();
        let notice = Notice::seen(account, EntityKind::Product, entity, Action::Delete, jiff::Timestamp::UNIX_EPOCH);
        insta::assert_json_snapshot!(announced(&serde_json::to_vec(&notice).unwrap()).unwrap(), @r#"
        {
          "account_id": "9171a53c-1b2c-4f7d-9c1a-000000000001",
          "action": "DELETE",
          "entity_id": "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c",
          "entity_type": "product",
          "updated_fields": null
        }
        "#);
    }
}
