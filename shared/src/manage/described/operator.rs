//! The bodies of the operator's API.

use jiff::Timestamp;
use utoipa::ToSchema;

use crate::model::business_hours::BusinessHours;
use crate::model::ids::TenantId;

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
    /// Settings of the provider. No provider takes any yet.
    #[schema(inline)]
    pub config: Option<NoSettings>,
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
    /// Settings of the provider. No provider takes any yet.
    #[schema(inline)]
    pub config: Option<NoSettings>,
    /// Whether it lets anything in.
    pub enabled: Option<bool>,
}

/// An object without members.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

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
