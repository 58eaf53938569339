//! The bodies of the operator's API.

use jiff::Timestamp;
use utoipa::ToSchema;

use crate::model::business_hours::BusinessHours;
use crate::model::ids::TenantId;
use crate::model::whatsapp::Dialect;

/// A tenant to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTenant, example = json!({"name": "Imobiliária Sol"}))]
pub struct NewTenantBody {
    /// What people call it, without control characters. Spaces around it do not count.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Whether its keys and sources open anything; true unless given.
    pub enabled: Option<bool>,
}

/// A tenant's changes.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantPatch, example = json!({"enabled": false}))]
pub struct TenantPatchBody {
    /// What people call it, without control characters. Spaces around it do not count.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Whether its keys and sources open anything.
    pub enabled: Option<bool>,
}

/// A key to be made. No body at all is an empty object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey, example = json!({"name": "erp"}))]
pub struct NewKeyBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Until when it is valid: later than now.
    pub expires_at: Option<Timestamp>,
}

/// Who rings at a source.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorbellProvider {
    /// Contact2Sale, a lead manager.
    C2s,
    /// WhatsApp, by Meta's Cloud API.
    WhatsappCloud,
    /// WhatsApp, by a gateway that is a linked device.
    Baileys,
}

/// How a WhatsApp sender proves itself, and for which numbers. Each provider takes what is its own; C2S takes none.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// `whatsapp_cloud`: the app's secret, which Meta signs with. A new source needs it.
    #[schema(min_length = 8, max_length = 500)]
    pub app_secret: Option<String>,
    /// `whatsapp_cloud`: what Meta is told together with the address; made up unless given.
    #[schema(min_length = 8, max_length = 200, pattern = "^[!-~]+$")]
    pub verify_token: Option<String>,
    /// `baileys`: what the gateway speaks; `baileys` unless given.
    pub dialect: Option<Dialect>,
    /// `baileys`: what the gateway proves itself with, where it can. Null takes it away.
    #[schema(min_length = 8, max_length = 500)]
    pub secret: Option<String>,
    /// The numbers that are served, in place of those before. An event of any other is refused.
    #[schema(max_items = 40)]
    pub numbers: Option<Vec<ServedNumber>>,
}

/// A number that a source serves.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedNumber {
    /// With its country code.
    #[schema(max_length = 40)]
    pub phone_number: String,
    /// The number as Meta names it. Where it is known, it alone decides.
    #[schema(pattern = "^[0-9]{1,32}$")]
    pub phone_number_id: Option<String>,
    /// Whose it is; the source's tenant's unless given.
    pub tenant_id: Option<TenantId>,
}

/// A source to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSource, example = json!({"provider": "c2s", "tenant_id": "ten_default", "name": "Leads"}))]
pub struct NewSourceBody {
    /// Who will ring.
    pub provider: DoorbellProvider,
    /// For whom.
    pub tenant_id: TenantId,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Networks or addresses it may be rung from; from everywhere unless given.
    #[schema(max_items = 50)]
    pub allowed_cidrs: Option<Vec<String>>,
    /// When silence means that something is wrong.
    pub business_hours: Option<BusinessHours>,
    /// Settings of the provider.
    pub config: Option<SourceSettings>,
    /// Whether it lets anything in; true unless given.
    pub enabled: Option<bool>,
}

/// A source's changes.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourcePatch, example = json!({"enabled": false}))]
pub struct SourcePatchBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Networks or addresses it may be rung from; empty, from everywhere.
    #[schema(max_items = 50)]
    pub allowed_cidrs: Option<Vec<String>>,
    /// When silence means that something is wrong; null, never.
    pub business_hours: Option<BusinessHours>,
    /// Settings of the provider; what is not given stays.
    pub config: Option<SourceSettings>,
    /// Whether it lets anything in.
    pub enabled: Option<bool>,
}

/// A number that is taken from whoever holds it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReleaseNumber, example = json!({"phone_number": "+55 11 90000-0001"}))]
pub struct ReleaseBody {
    /// With its country code.
    #[schema(max_length = 40)]
    pub phone_number: String,
}

/// How a source's token is changed. No body at all is an empty object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateToken, example = json!({"overlap_s": 0}))]
pub struct RotateTokenBody {
    /// How long the old one opens, seconds; a day unless given.
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub overlap_s: Option<u32>,
}

/// How a switch is turned.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TurnSwitch, example = json!({"paused": true, "reason": "C2S is down"}))]
pub struct TurnBody {
    /// Whether work is to wait.
    pub paused: bool,
    /// Why.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// What a person is known by: exactly one of these.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DataSubject, min_properties = 1, max_properties = 1, example = json!({"email": "ana@example.com"}))]
pub struct DataSubjectBody {
    /// In any spelling.
    #[schema(nullable = false)]
    pub phone: Option<String>,
    /// In any spelling.
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// With or without dots.
    #[schema(nullable = false)]
    pub cpf: Option<String>,
}

/// Where sealing anew goes on. No body at all is an empty object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reseal, example = json!({}))]
pub struct ResealBody {
    /// A `next_cursor` of the call before.
    pub cursor: Option<TenantId>,
}
