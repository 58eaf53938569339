//! MoySklad's nouns: accounts and how they hang together, what is carried between them, and what is noted about that.

mod account;
mod dirty;
mod field_group;
mod ids;
mod jobs;
mod kind;
mod mapping;
mod money;
mod moscow_time;
mod settings;
mod tally;

pub use account::{Account, Role};
pub use dirty::Dirty;
pub use field_group::{Essence, FieldGroup, Groups};
pub use ids::{AccountId, EntityId, NotAUuid};
pub use jobs::{AuditPlace, DrainJob, ReconciliationJob, ResyncJob};
pub use kind::{Action, Direction, EntityKind, EntityRef, UnknownKind};
pub use mapping::Mapping;
pub use money::Kopecks;
pub use moscow_time::{parse as parse_moscow_time, text as moscow_text};
pub use settings::{
    Bound, Filter, MOST_FILTERS, MatchField, Matching, OnDelete, OrderSettings, Settings, SettingsError,
};
pub use tally::Tally;
