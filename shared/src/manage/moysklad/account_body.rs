//! What a body says of an account.

use serde_json::Value;

use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::tenants;
use crate::model::field_error::FieldError;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Role, Settings};

/// Longest token: MoySklad's have forty characters.
const LONGEST_TOKEN: usize = 500;

/// What opens an account's API. It is sealed before it is stored, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken(String);

impl ApiToken {
    /// The token, to seal it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

/// What an account is called in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoleName {
    Main,
    Child,
}

/// An account that is asked for, and acceptable in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Whose.
    pub tenant: TenantId,
    /// MoySklad's identifier of it.
    pub id: AccountId,
    /// What it is to the others.
    pub role: Role,
    /// What opens its API.
    pub token: ApiToken,
    /// What people call it.
    pub name: Option<String>,
    /// Whether anything is carried to or from it.
    pub enabled: bool,
}

impl NewAccount {
    /// Reads the body of `POST …/moysklad/accounts`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        for needed in ["tenant_id", "account_id", "role", "token"] {
            if fields.is_missing(needed) {
                fields.refuse(needed, "missing", "this is needed");
            }
        }
        let tenant = tenant_id(&mut fields);
        let id = account_id(&mut fields, "account_id");
        let patch = AccountPatch::take(&mut fields);
        if patch.role == Some(RoleName::Child) {
            for needed in ["main_account_id", "settings"] {
                if !patch.said.contains(&needed) {
                    fields.refuse(needed, "missing", "a child needs this");
                }
            }
        }
        fields.refuse_rest();
        let role = match (patch.role, patch.main, patch.settings) {
            (Some(RoleName::Main), ..) => Some(Role::Main),
            (Some(RoleName::Child), Some(main), Some(settings)) => Some(Role::Child { main, settings }),
            _ => None,
        };
        let made = tenant.zip(id).zip(role).zip(patch.token).map(|(((tenant, id), role), token)| Self {
            tenant,
            id,
            role,
            token,
            name: patch.name,
            enabled: patch.enabled.unwrap_or(true),
        });
        fields.finish(made)
    }
}

/// An account's wished changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    role: Option<RoleName>,
    main: Option<AccountId>,
    settings: Option<Box<Settings>>,
    said: Vec<&'static str>,
    /// What opens its API.
    pub token: Option<ApiToken>,
    /// What people call it.
    pub name: Option<String>,
    /// Whether anything is carried to or from it.
    pub enabled: Option<bool>,
}

impl AccountPatch {
    /// Reads the body of `PATCH …/moysklad/accounts/{account_id}`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        let patch = Self::take(&mut fields);
        fields.refuse_rest();
        fields.finish(Some(patch))
    }

    fn take(fields: &mut JsonFields) -> Self {
        let of_a_child = ["main_account_id", "settings"];
        let said: Vec<&'static str> = of_a_child.into_iter().filter(|name| !fields.is_missing(name)).collect();
        let role = role(fields);
        if role == Some(RoleName::Main) {
            for name in &said {
                fields.refuse(*name, "contradictory", "a main account has none");
            }
        }
        Self {
            role,
            main: account_id(fields, "main_account_id"),
            settings: settings(fields),
            said,
            token: token(fields),
            name: tenants::name(fields),
            enabled: fields.boolean("enabled"),
        }
    }

    /// What the account is to the others after these changes.
    ///
    /// # Errors
    /// With what is missing for it, or has no place in it.
    pub fn role_of(&self, account: &Account) -> Result<Role, BodyError> {
        let stays = if account.as_child().is_some() { RoleName::Child } else { RoleName::Main };
        let before = account.as_child();
        match self.role.unwrap_or(stays) {
            RoleName::Main => {
                let error = |name: &&'static str| FieldError::new(*name, "contradictory", "a main account has none");
                let errors: Vec<_> = self.said.iter().map(error).collect();
                if errors.is_empty() { Ok(Role::Main) } else { Err(BodyError::Fields(errors)) }
            }
            RoleName::Child => {
                let main = self.main.or(before.map(|(main, _)| main));
                let settings = self.settings.clone().or(before.map(|(_, settings)| Box::new(settings.clone())));
                let missing = |there: bool, name: &'static str| {
                    (!there).then(|| FieldError::new(name, "missing", "a child needs this"))
                };
                let errors = [missing(main.is_some(), "main_account_id"), missing(settings.is_some(), "settings")];
                main.zip(settings)
                    .map(|(main, settings)| Role::Child { main, settings })
                    .ok_or_else(|| BodyError::Fields(errors.into_iter().flatten().collect()))
            }
        }
    }
}

fn role(fields: &mut JsonFields) -> Option<RoleName> {
    match fields.text("role")?.as_str() {
        "main" => Some(RoleName::Main),
        "child" => Some(RoleName::Child),
        _ => fields.refused("role", "invalid_value", "this must be one of main, child"),
    }
}

/// Takes a tenant's id.
pub(super) fn tenant_id(fields: &mut JsonFields) -> Option<TenantId> {
    let text = fields.text("tenant_id")?;
    text.parse().ok().or_else(|| fields.refused("tenant_id", "unknown_tenant", "there is no such tenant"))
}

/// Takes MoySklad's own identifier of an account.
pub(super) fn account_id(fields: &mut JsonFields, path: &str) -> Option<AccountId> {
    let text = fields.text(path)?;
    let detail = "MoySklad's own identifier of the account, a UUID";
    text.parse().ok().or_else(|| fields.refused(path, "invalid_account", detail))
}

fn token(fields: &mut JsonFields) -> Option<ApiToken> {
    let text = fields.text("token")?;
    let sane = (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if sane {
        return Some(ApiToken(text));
    }
    fields.refused("token", "invalid_token", format!("1 to {LONGEST_TOKEN} printable characters without spaces"))
}

fn settings(fields: &mut JsonFields) -> Option<Box<Settings>> {
    let value: Value = fields.take("settings")?;
    let settings: Settings = match serde_path_to_error::deserialize(value) {
        Ok(settings) => settings,
        Err(error) => {
            let inner = error.path().to_string();
            let path = if inner == "." { "settings".to_owned() } else { format!("settings.{inner}") };
            return fields.refused(path, "invalid_settings", error.inner().to_string());
        }
    };
    match settings.check() {
        Ok(()) => Some(Box::new(settings)),
        Err(error) => fields.refused("settings", "invalid_settings", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MAIN: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";
    const CHILD: &str = "9171a53c-1b2c-4f7d-9c1a-000000000002";

    fn read(body: &Value) -> Result<NewAccount, Vec<String>> {
        JsonFields::read(body.to_string().as_bytes()).and_then(NewAccount::read).map_err(told)
    }

    fn told(error: BodyError) -> Vec<String> {
        match error {
            BodyError::Fields(errors) => errors.into_iter().map(|e| format!("{}:{}", e.path, e.code)).collect(),
            BodyError::NotJson => vec!["not json".into()],
        }
    }

    fn child(change: Value) -> Value {
        let mut body = json!({
            "tenant_id": "ten_1", "account_id": CHILD, "role": "child", "main_account_id": MAIN, "token": "secret-of-it",
            "settings": {"entities": ["product"], "match_field": "code"},
        });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    }

    #[test]
    fn a_main_and_a_child_are_read_and_the_token_is_in_no_debug_text() {
        let main = read(&json!({"tenant_id": "ten_1", "account_id": MAIN, "role": "main", "token": "secret-of-it"}));
        let main = main.unwrap();
        assert_eq!((&main.role, main.enabled, main.token.expose()), (&Role::Main, true, "secret-of-it"));
        assert!(!format!("{main:?}").contains("secret"));
        let child = read(&child(json!({"enabled": false}))).unwrap();
        assert!(matches!(child.role, Role::Child { main, .. } if main.to_string() == MAIN) && !child.enabled);
    }

    #[test]
    fn what_is_wrong_in_the_settings_is_told_by_its_place() {
        let errors = |settings: Value| read(&child(json!({"settings": settings}))).unwrap_err();
        let bad_id = json!({"entities": [], "match_field": "code", "orders":
            {"kinds": ["customerorder"], "organization": "x", "agent": CHILD}});
        assert_eq!(errors(bad_id), ["settings.orders.organization:invalid_settings"]);
        assert_eq!(
            errors(json!({"entities": ["product", "fax"], "match_field": "code"})),
            ["settings.entities[1]:invalid_settings"]
        );
        assert_eq!(
            errors(json!({"entities": ["customerorder"], "match_field": "code"})),
            ["settings:invalid_settings"]
        );
        assert_eq!(errors(json!([])), ["settings:invalid_settings"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        assert_eq!(
            read(&json!({"role": "child", "token": "a b", "account_id": "x", "colour": "red"})).unwrap_err(),
            [
                "tenant_id:missing",
                "account_id:invalid_account",
                "token:invalid_token",
                "main_account_id:missing",
                "settings:missing",
                "colour:unknown_field",
            ]
        );
        assert_eq!(
            read(&child(json!({"role": "main"}))).unwrap_err(),
            ["main_account_id:contradictory", "settings:contradictory"]
        );
    }
}
