//! What a client says of a number that it links.

use super::json_fields::{BodyError, JsonFields};
use super::source_body::NewSource;
use super::source_settings::{
    NamedNumber, Settings, app_secret, dialect, is_provable, phone_number, phone_number_id, secret, verify_token,
};
use crate::model::event::Provider;
use crate::model::ids::TenantId;
use crate::model::whatsapp::WhatsappNumber;

/// By which door a client's messages come: as the client says it.
const DOORS: [(&str, Provider); 2] = [("cloud_api", Provider::WhatsappCloud), ("baileys", Provider::Baileys)];

/// A number to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConnection {
    /// The number.
    pub number: WhatsappNumber,
    /// The number as Meta names it.
    pub phone_number_id: Option<String>,
    /// Who sends its messages.
    pub provider: Provider,
    /// How the sender proves itself.
    pub settings: Settings,
}

/// What clients call a provider.
#[must_use]
pub fn door_name(provider: Provider) -> &'static str {
    DOORS.iter().find(|(_, of)| *of == provider).map_or_else(|| provider.name(), |(name, _)| name)
}

impl NewConnection {
    /// Reads the body of `POST /api/whatsapp/connections`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        let number = phone_number(&mut fields);
        let provider = door(&mut fields);
        let mut settings = Settings::default();
        let mut named = None;
        if provider != Some(Provider::Baileys) {
            if provider.is_some() && fields.is_missing("app_secret") {
                fields.refuse("app_secret", "missing", "this is needed");
            }
            settings.app_secret = app_secret(&mut fields);
            settings.verify_token = verify_token(&mut fields);
            named = phone_number_id(&mut fields);
        }
        if provider != Some(Provider::WhatsappCloud) {
            settings.dialect = dialect(&mut fields);
            settings.secret = secret(&mut fields);
            if settings.secret.iter().flatten().next().is_some() && !is_provable(settings.dialect.unwrap_or_default()) {
                fields.refuse(
                    "secret",
                    "not_supported",
                    "a gateway of this dialect cannot prove that it knows a secret",
                );
            }
        }
        fields.refuse_rest();
        let made = number.zip(provider);
        fields.finish(made.map(|(number, provider)| Self { number, phone_number_id: named, provider, settings }))
    }

    /// The source that is made for it.
    pub(super) fn into_source(self, tenant: TenantId) -> NewSource {
        let Self { number, phone_number_id, provider, settings } = self;
        let numbers = Some(vec![NamedNumber { number, phone_number_id, client: None }]);
        NewSource { settings: Settings { numbers, ..settings }, ..NewSource::plain(provider, tenant) }
    }
}

fn door(fields: &mut JsonFields) -> Option<Provider> {
    if fields.is_missing("provider") {
        return fields.refused("provider", "missing", "this is needed");
    }
    let text = fields.text("provider")?;
    match DOORS.iter().find(|(name, _)| *name == text) {
        Some((_, provider)) => Some(*provider),
        None => fields.refused("provider", "unknown_provider", "there are: cloud_api, baileys"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::whatsapp::Dialect;

    fn read(body: &Value) -> Result<NewConnection, Vec<String>> {
        JsonFields::read(body.to_string().as_bytes()).and_then(NewConnection::read).map_err(|error| match error {
            BodyError::Fields(errors) => errors.into_iter().map(|e| format!("{}:{}", e.path, e.code)).collect(),
            BodyError::NotJson => vec!["not json".into()],
        })
    }

    #[test]
    fn both_doors_take_what_is_theirs() {
        let cloud = read(&json!({
            "phone_number": "+55 11 90000-0001", "provider": "cloud_api", "app_secret": "an-app-secret",
            "phone_number_id": "100000000000001", "verify_token": "a-verify-token",
        }))
        .unwrap();
        assert_eq!((cloud.number.digits(), cloud.provider), ("5511900000001", Provider::WhatsappCloud));
        assert_eq!(door_name(cloud.provider), "cloud_api");
        let plain = read(&json!({"phone_number": "5511900000001", "provider": "baileys"})).unwrap();
        assert_eq!((plain.settings.dialect, plain.settings.secret), (None, None));
        let gateway = json!({
            "phone_number": "5511900000001", "provider": "baileys", "dialect": "evolution", "secret": "correct horse",
        });
        assert_eq!(read(&gateway).unwrap().settings.dialect, Some(Dialect::Evolution));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        assert_eq!(read(&json!({})), Err(vec!["phone_number:missing".into(), "provider:missing".into()]));
        let mixed = json!({
            "phone_number": "x", "provider": "cloud_api", "app_secret": "short", "verify_token": "é", "phone_number_id": "",
            "dialect": "gowa", "tenant_id": "ten_other",
        });
        let errors = [
            "phone_number:invalid_number",
            "app_secret:invalid_secret",
            "verify_token:invalid_token",
            "phone_number_id:invalid_id",
            "dialect:unknown_field",
            "tenant_id:unknown_field",
        ];
        assert_eq!(read(&mixed), Err(errors.map(str::to_owned).to_vec()));
        let secret = json!({
            "phone_number": "5511900000001", "provider": "baileys", "dialect": "wppconnect", "secret": "correct horse",
        });
        assert_eq!(read(&secret), Err(vec!["secret:not_supported".into()]));
        assert_eq!(
            read(&json!({"phone_number": "5511900000001", "provider": "telegram"})),
            Err(vec!["provider:unknown_provider".into()])
        );
    }
}
