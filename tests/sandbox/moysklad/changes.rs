//! What a request changed: the stuff of notifications and of the audit.

use serde_json::{Map, Value, json};

use super::kinds::{Field, Kind};
use super::shelf::Entity;
use super::{attributes, parts, prices};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    /// As webhooks have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) action: Action,
    /// As `updatedFields` has it.
    pub(super) fields: Vec<String>,
    pub(super) name: String,
    /// As the audit has it.
    pub(super) diff: Map<String, Value>,
}

impl Change {
    pub(super) fn of(kind: Kind, entity: &Entity, action: Action) -> Self {
        let name = entity.name().to_owned();
        Self { kind, id: entity.id.clone(), action, fields: Vec::new(), name, diff: Map::new() }
    }
}

/// An update, with the fields that differ.
pub(super) fn between(kind: Kind, before: &Entity, after: &Entity) -> Change {
    let mut change = Change::of(kind, after, Action::Update);
    for (name, field) in kind.fields() {
        let fields = match field {
            Field::Positions | Field::Components => {
                if parts::same(&before.parts, &after.parts) {
                    Vec::new()
                } else {
                    vec![name.to_owned()]
                }
            }
            _ => {
                let value_in = |entity: &Entity| entity.row.get(name).cloned().unwrap_or_default();
                let (old, new) = (value_in(before), value_in(after));
                if old == new {
                    continue;
                }
                let fields = match field {
                    Field::SalePrices => prices::changed(&old, &new),
                    Field::Attributes => attributes::changed(&old, &new),
                    _ => vec![name.to_owned()],
                };
                change.diff.insert(name.to_owned(), json!({"oldValue": old, "newValue": new}));
                fields
            }
        };
        change.fields.extend(fields);
    }
    change
}
