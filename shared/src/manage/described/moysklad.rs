//! The bodies and queries of the operator's calls on MoySklad accounts.

use utoipa::{IntoParams, ToSchema};

use super::queries::StatsWindow;
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, EntityId, EntityKind, Settings};

/// What an account is to the others.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladRoleName)]
pub enum RoleName {
    /// Its catalogue is its children's.
    Main,
    /// It has its catalogue from a main account, and gives it its orders.
    Child,
}

/// An account to be set up.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMoyskladAccount, example = json!({"tenant_id": "ten_default", "account_id": "9171a53c-1b2c-4f7d-9c1a-000000000001", "role": "main", "token": "the-token-of-the-account"}))]
pub struct NewAccountBody {
    /// Whose.
    pub tenant_id: TenantId,
    /// MoySklad's own identifier of it.
    pub account_id: AccountId,
    /// What it is to the others.
    pub role: RoleName,
    /// Of a child, which needs it: its main account, set up before it for the same tenant.
    #[schema(nullable = false)]
    pub main_account_id: Option<AccountId>,
    /// What opens its API. It is sealed, and never shown again.
    #[schema(min_length = 1, max_length = 500, pattern = "^[!-~]+$")]
    pub token: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Whether anything is carried to or from it; true unless given.
    pub enabled: Option<bool>,
    /// Of a child, which needs it: what is carried between the two, and how.
    #[schema(nullable = false)]
    pub settings: Option<Settings>,
}

/// An account's changes. What is not named stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MoyskladAccountPatch, example = json!({"enabled": false}))]
pub struct AccountPatchBody {
    /// What it is to the others. A main account with children stays one.
    pub role: Option<RoleName>,
    /// Its main account.
    pub main_account_id: Option<AccountId>,
    /// Another token.
    #[schema(min_length = 1, max_length = 500, pattern = "^[!-~]+$")]
    pub token: Option<String>,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Whether anything is carried to or from it.
    pub enabled: Option<bool>,
    /// All that is carried, and how, in place of what was before.
    pub settings: Option<Settings>,
}

/// Which accounts: exactly one of `account_id`, `account_ids` and `all`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MoyskladSelection, example = json!({"all": true}))]
pub struct SelectionBody {
    /// This one.
    pub account_id: Option<AccountId>,
    /// These.
    #[schema(min_items = 1, max_items = 100)]
    pub account_ids: Option<Vec<AccountId>>,
    /// All, fifty at a time.
    #[schema(nullable = false)]
    pub all: Option<bool>,
    /// Only this tenant's; another's is as good as none.
    pub tenant_id: Option<TenantId>,
    /// With `all`: a `next_cursor` of the call before.
    pub cursor: Option<String>,
}

/// Which accounts: exactly one of `account_id`, `account_ids` and `all`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MoyskladForcibleSelection, example = json!({"all": true, "force": true}))]
pub struct ForcibleSelectionBody {
    /// This one.
    pub account_id: Option<AccountId>,
    /// These.
    #[schema(min_items = 1, max_items = 100)]
    pub account_ids: Option<Vec<AccountId>>,
    /// All, fifty at a time.
    #[schema(nullable = false)]
    pub all: Option<bool>,
    /// Only this tenant's; another's is as good as none.
    pub tenant_id: Option<TenantId>,
    /// With `all`: a `next_cursor` of the call before.
    pub cursor: Option<String>,
    /// Whether to go on after an error, and to take along what stands at an address like ours whose token nobody knows any
    /// more; false unless given.
    pub force: Option<bool>,
}

/// An entity that is to be let go.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseMoyskladLoop, example = json!({"account_id": "9171a53c-1b2c-4f7d-9c1a-000000000001", "entity_type": "product", "entity_id": "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c"}))]
pub struct CloseLoopBody {
    /// Whose entity.
    pub account_id: AccountId,
    /// Of which kind.
    pub entity_type: EntityKind,
    /// Which.
    pub entity_id: EntityId,
    /// Only if the account is this tenant's.
    pub tenant_id: Option<TenantId>,
}

/// Whose resync.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BeginMoyskladResync, example = json!({"account_id": "9171a53c-1b2c-4f7d-9c1a-000000000002"}))]
pub struct ResyncBody {
    /// A child, or a main account: then each of its children.
    pub account_id: AccountId,
    /// Only if the account is this tenant's.
    pub tenant_id: Option<TenantId>,
}

/// Why everything is stopped. No body at all is an empty object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StopMoysklad, example = json!({"reason": "two systems answer each other"}))]
pub struct StopBody {
    /// Why.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// Which accounts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountsQuery {
    /// This one; a page of all unless given.
    pub account_id: Option<AccountId>,
    /// Only this tenant's; another's is as good as none.
    pub tenant_id: Option<TenantId>,
    /// Accounts on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// Which accounts, and how far back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountsStatsQuery {
    /// How far back; 24h unless given.
    #[param(inline)]
    pub window: Option<StatsWindow>,
    /// This one; a page of all unless given.
    pub account_id: Option<AccountId>,
    /// Only this tenant's; another's is as good as none.
    pub tenant_id: Option<TenantId>,
    /// Accounts on a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A `next_cursor` of this list.
    pub cursor: Option<String>,
}

/// Whose an account has to be.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantQuery {
    /// Only if it is this tenant's.
    pub tenant_id: Option<TenantId>,
}

/// How an account is taken away.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RemovalQuery {
    /// Only if it is this tenant's.
    pub tenant_id: Option<TenantId>,
    /// Whether it goes whatever MoySklad says of its webhooks; false unless given.
    pub force: Option<bool>,
}

/// Whose resync.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResyncQuery {
    /// A child, or a main account: then each of its children.
    pub account_id: AccountId,
    /// Only if the account is this tenant's.
    pub tenant_id: Option<TenantId>,
}
