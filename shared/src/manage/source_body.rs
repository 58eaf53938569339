//! What a body says of a source.

use ipnet::IpNet;
use serde_json::Value;

use super::json_fields::{BodyError, JsonFields};
use super::source_settings::Settings;
use super::tenants;
use crate::model::business_hours::BusinessHours;
use crate::model::event::Provider;
use crate::model::ids::TenantId;
use crate::providers::doorbell;

/// Most networks a source may be rung from.
const MAX_CIDRS: usize = 50;

/// A source that is asked for, and acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    /// Who will ring.
    pub provider: Provider,
    /// For whom.
    pub tenant: TenantId,
    /// What people call it.
    pub name: Option<String>,
    /// From where it may be rung.
    pub allowed_cidrs: Vec<IpNet>,
    /// When silence means that something is wrong.
    pub business_hours: Option<BusinessHours>,
    /// Whether it lets anything in.
    pub enabled: bool,
    /// How its sender proves itself, and for which numbers.
    pub settings: Settings,
}

/// A source's wished changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcePatch {
    /// What people call it.
    pub name: Option<String>,
    /// From where it may be rung.
    pub allowed_cidrs: Option<Vec<IpNet>>,
    /// When silence means that something is wrong; `Some(None)` is never.
    pub business_hours: Option<Option<BusinessHours>>,
    /// Whether it lets anything in.
    pub enabled: Option<bool>,
    /// How its sender proves itself, and for which numbers.
    pub settings: Settings,
}

impl NewSource {
    /// A source with nothing but what it must have.
    #[must_use]
    pub fn plain(provider: Provider, tenant: TenantId) -> Self {
        Self {
            provider,
            tenant,
            name: None,
            allowed_cidrs: Vec::new(),
            business_hours: None,
            enabled: true,
            settings: Settings::default(),
        }
    }

    /// Reads the body of `POST …/sources`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        for needed in ["provider", "tenant_id"] {
            if fields.is_missing(needed) {
                fields.refuse(needed, "missing", "this is needed");
            }
        }
        let provider = provider(&mut fields);
        let tenant = fields.text("tenant_id").and_then(|text| match text.parse() {
            Ok(id) => Some(id),
            Err(_) => fields.refused("tenant_id", "unknown_tenant", "there is no such tenant"),
        });
        let patch = SourcePatch::take(&mut fields, provider, true);
        fields.refuse_rest();
        let made = provider.zip(tenant).map(|(provider, tenant)| Self {
            provider,
            tenant,
            name: patch.name,
            allowed_cidrs: patch.allowed_cidrs.unwrap_or_default(),
            business_hours: patch.business_hours.flatten(),
            enabled: patch.enabled.unwrap_or(true),
            settings: patch.settings,
        });
        fields.finish(made)
    }
}

impl SourcePatch {
    /// Reads the body of `PATCH …/sources/{id}` of a source of this provider.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields, provider: Provider) -> Result<Self, BodyError> {
        let patch = Self::take(&mut fields, Some(provider), false);
        fields.refuse_rest();
        fields.finish(Some(patch))
    }

    fn take(fields: &mut JsonFields, provider: Option<Provider>, is_new: bool) -> Self {
        let cleared = fields.has("business_hours") && fields.is_missing("business_hours");
        let hours = business_hours(fields);
        let settings = Settings::take(fields, provider, is_new);
        Self {
            name: tenants::name(fields),
            allowed_cidrs: cidrs(fields),
            business_hours: if cleared { Some(None) } else { hours.map(Some) },
            enabled: fields.boolean("enabled"),
            settings,
        }
    }
}

fn provider(fields: &mut JsonFields) -> Option<Provider> {
    let text = fields.text("provider")?;
    let has_sources = |provider: &Provider| doorbell(*provider).is_some();
    if let Some(provider) = text.parse().ok().filter(has_sources) {
        return Some(provider);
    }
    let known: Vec<_> = Provider::ALL.into_iter().filter(has_sources).map(Provider::name).collect();
    fields.refused("provider", "unknown_provider", format!("there are: {}", known.join(", ")))
}

fn cidrs(fields: &mut JsonFields) -> Option<Vec<IpNet>> {
    let path = "allowed_cidrs";
    match fields.take(path)? {
        Value::Array(texts) if texts.len() <= MAX_CIDRS => {
            let nets = texts.iter().enumerate().map(|(n, text)| match text.as_str().and_then(network) {
                Some(net) => Some(net),
                None => fields.refused(
                    format!("{path}[{n}]"),
                    "invalid_network",
                    "a network like 203.0.113.0/24, or an address",
                ),
            });
            // Every entry is looked at before the first bad one counts.
            nets.collect::<Vec<_>>().into_iter().collect()
        }
        Value::Array(_) => fields.refused(path, "too_many", format!("at most {MAX_CIDRS} networks")),
        _ => fields.refused(path, "invalid_type", "this must be an array of networks"),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .ok()
        .or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| IpNet::from(ip)))
}

fn business_hours(fields: &mut JsonFields) -> Option<BusinessHours> {
    let value = fields.take("business_hours")?;
    match serde_json::from_value(value) {
        Ok(hours) => Some(hours),
        Err(error) => fields.refused("business_hours", "invalid_hours", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manage::source_settings::MAX_NUMBERS;
    use crate::model::whatsapp::Dialect;

    fn read(body: &Value) -> Result<NewSource, Vec<String>> {
        JsonFields::read(body.to_string().as_bytes()).and_then(NewSource::read).map_err(|error| match error {
            BodyError::Fields(errors) => errors.into_iter().map(|e| format!("{}:{}", e.path, e.code)).collect(),
            BodyError::NotJson => vec!["not json".into()],
        })
    }

    #[test]
    fn a_whole_source_is_read() {
        let source = read(&json!({
            "provider": "c2s", "tenant_id": "ten_1", "name": "Leads", "enabled": false, "config": {},
            "allowed_cidrs": ["203.0.113.77/24", "2001:db8::1"],
            "business_hours": {"from": "09:00", "to": "18:00", "zone": "America/Sao_Paulo"},
        }))
        .unwrap();
        let nets: Vec<_> = source.allowed_cidrs.iter().map(ToString::to_string).collect();
        assert_eq!(nets, ["203.0.113.0/24", "2001:db8::1/128"]);
        assert!(source.business_hours.is_some() && !source.enabled);
    }

    #[test]
    fn a_provider_without_doorbells_is_unknown_and_the_known_are_named() {
        for provider in ["tenant", "whatsapp", "C2S"] {
            let error = read(&json!({"provider": provider, "tenant_id": "ten_1"})).unwrap_err();
            assert_eq!(error, ["provider:unknown_provider"]);
        }
    }

    #[test]
    fn a_moysklad_source_is_made_for_one_account_for_good() {
        let account = "9171a53c-1b2c-4f7d-9c1a-000000000001";
        let new = |config: Value| read(&json!({"provider": "moysklad", "tenant_id": "ten_1", "config": config}));
        let made = new(json!({"account_id": account})).unwrap();
        assert_eq!(made.settings.account_id, Some(account.parse().unwrap()));
        assert_eq!(new(json!({})), Err(vec!["config.account_id:missing".into()]));
        assert_eq!(new(json!({"account_id": "../x"})), Err(vec!["config.account_id:invalid_account".into()]));
        assert_eq!(
            read(&json!({"provider": "moysklad", "tenant_id": "ten_1"})),
            Err(vec!["config.account_id:missing".into()])
        );
        let body = json!({"config": {"account_id": account}}).to_string();
        assert!(SourcePatch::read(JsonFields::read(body.as_bytes()).unwrap(), Provider::Moysklad).is_err());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let errors = read(&json!({
            "provider": 1, "name": "", "allowed_cidrs": ["203.0.113.0/33", "x"], "business_hours": {}, "config": {"a": 1},
            "token": "mine",
        }))
        .unwrap_err();
        assert_eq!(
            errors,
            [
                "tenant_id:missing",
                "provider:invalid_type",
                "business_hours:invalid_hours",
                "config.a:unknown_field",
                "name:invalid_name",
                "allowed_cidrs[0]:invalid_network",
                "allowed_cidrs[1]:invalid_network",
                "token:unknown_field",
            ]
        );
    }

    #[test]
    fn null_takes_the_hours_away_and_silence_leaves_them() {
        let patch = |body: Value| {
            SourcePatch::read(JsonFields::read(body.to_string().as_bytes()).unwrap(), Provider::C2s).unwrap()
        };
        assert_eq!(patch(json!({"business_hours": null})).business_hours, Some(None));
        assert_eq!(patch(json!({})).business_hours, None);
    }

    #[test]
    fn a_whatsapp_sources_settings_are_its_providers_own() {
        let cloud = |config: Value| {
            read(&json!({"provider": "whatsapp_cloud", "tenant_id": "ten_1", "config": config})).map(|new| new.settings)
        };
        let whole = cloud(json!({
            "app_secret": "an-app-secret", "verify_token": "a-verify-token",
            "numbers": [
                {"phone_number": "+55 11 90000-0001", "phone_number_id": "100000000000001", "tenant_id": "ten_2"},
                {"phone_number": "+55 11 90000-0002"},
            ],
        }))
        .unwrap();
        let numbers = whole.numbers.unwrap();
        assert_eq!(numbers[0].client, Some("ten_2".parse().unwrap()));
        assert_eq!((numbers[1].number.digits(), &numbers[1].client), ("5511900000002", &None));
        assert_eq!(
            read(&json!({"provider": "whatsapp_cloud", "tenant_id": "ten_1"})),
            Err(vec!["config.app_secret:missing".into()])
        );
        assert_eq!(
            cloud(json!({"app_secret": "secret", "verify_token": "a b", "dialect": "gowa", "numbers": [
                {"phone_number": "551190000001"}, {"phone_number": "5511990000001", "phone_number_id": "x"},
                {"tenant_id": "me", "colour": "red"}, 7,
            ]})),
            Err([
                "config.app_secret:invalid_secret",
                "config.verify_token:invalid_token",
                "config.numbers[1].phone_number_id:invalid_id",
                "config.numbers[1].phone_number:repeated",
                "config.numbers[2].phone_number:missing",
                "config.numbers[2].tenant_id:unknown_tenant",
                "config.numbers[2].colour:unknown_field",
                "config.numbers[3]:invalid_type",
                "config.dialect:unknown_field",
            ]
            .map(str::to_owned)
            .to_vec())
        );

        let gateway = |config: Value| read(&json!({"provider": "baileys", "tenant_id": "ten_1", "config": config}));
        assert!(read(&json!({"provider": "baileys", "tenant_id": "ten_1"})).is_ok());
        assert_eq!(gateway(json!({"dialect": "gowa"})).unwrap().settings.dialect, Some(Dialect::Gowa));
        assert_eq!(
            gateway(json!({"dialect": "Gowa", "app_secret": "an-app-secret"})),
            Err(vec!["config.dialect:unknown_dialect".into(), "config.app_secret:unknown_field".into()])
        );
        assert_eq!(gateway(json!("x")), Err(vec!["config:invalid_type".into()]));
        let many: Vec<_> = (0..=MAX_NUMBERS).map(|n| json!({"phone_number": format!("55119000{n:05}")})).collect();
        assert_eq!(gateway(json!({"numbers": many})), Err(vec!["config.numbers:too_many".into()]));
    }
}
