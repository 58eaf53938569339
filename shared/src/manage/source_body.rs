//! What a body says of a source.

use ipnet::IpNet;
use serde_json::Value;

use super::json_fields::{BodyError, JsonFields};
use super::tenants;
use crate::model::business_hours::BusinessHours;
use crate::model::event::Provider;
use crate::model::ids::TenantId;

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
}

impl NewSource {
    /// A source with nothing but what it must have.
    #[must_use]
    pub const fn plain(provider: Provider, tenant: TenantId) -> Self {
        Self { provider, tenant, name: None, allowed_cidrs: Vec::new(), business_hours: None, enabled: true }
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
        let patch = SourcePatch::take(&mut fields);
        fields.refuse_rest();
        let made = provider.zip(tenant).map(|(provider, tenant)| Self {
            provider,
            tenant,
            name: patch.name,
            allowed_cidrs: patch.allowed_cidrs.unwrap_or_default(),
            business_hours: patch.business_hours.flatten(),
            enabled: patch.enabled.unwrap_or(true),
        });
        fields.finish(made)
    }
}

impl SourcePatch {
    /// Reads the body of `PATCH …/sources/{id}`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        let patch = Self::take(&mut fields);
        fields.refuse_rest();
        fields.finish(Some(patch))
    }

    fn take(fields: &mut JsonFields) -> Self {
        let cleared = fields.has("business_hours") && fields.is_missing("business_hours");
        let hours = business_hours(fields);
        config(fields);
        Self {
            name: tenants::name(fields),
            allowed_cidrs: cidrs(fields),
            business_hours: if cleared { Some(None) } else { hours.map(Some) },
            enabled: fields.boolean("enabled"),
        }
    }
}

fn provider(fields: &mut JsonFields) -> Option<Provider> {
    let text = fields.text("provider")?;
    if let Some(provider) = text.parse().ok().filter(|provider| is_made_here(*provider)) {
        return Some(provider);
    }
    let known: Vec<_> = Provider::ALL.into_iter().filter(|p| is_made_here(*p)).map(Provider::name).collect();
    fields.refused("provider", "unknown_provider", format!("there are: {}", known.join(", ")))
}

/// Whether a source of this provider is whole with what is read here.
const fn is_made_here(provider: Provider) -> bool {
    match provider {
        Provider::C2s => true,
        Provider::Tenant => false,
        // It needs the number that it serves, and what its sender signs with.
        Provider::WhatsappCloud | Provider::Baileys => false,
    }
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

/// No provider that has sources takes anything of its own yet.
fn config(fields: &mut JsonFields) {
    match fields.take("config") {
        None => {}
        Some(Value::Object(config)) => {
            for name in config.keys() {
                fields.refuse(format!("config.{name}"), "unknown_field", "this provider takes no such setting");
            }
        }
        Some(_) => fields.refuse("config", "invalid_type", "this must be an object"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        for provider in ["tenant", "whatsapp_cloud", "C2S"] {
            let error = read(&json!({"provider": provider, "tenant_id": "ten_1"})).unwrap_err();
            assert_eq!(error, ["provider:unknown_provider"]);
        }
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
        let patch = |body: Value| SourcePatch::read(JsonFields::read(body.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(patch(json!({"business_hours": null})).business_hours, Some(None));
        assert_eq!(patch(json!({})).business_hours, None);
    }
}
