//! The entities of one kind, in the order they came. What is deleted stays, in the recycle bin, with its `syncId`.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// An entity as it is answered, and what an answer does not show.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) id: String,
    pub(super) sync_id: Option<String>,
    /// Ready to be answered.
    pub(super) row: Map<String, Value>,
    /// Positions of a document, components of a bundle: the row shows their number only.
    pub(super) parts: Vec<Value>,
    pub(super) updated: Timestamp,
    pub(super) is_trashed: bool,
}

impl Entity {
    pub(super) fn name(&self) -> &str {
        self.row.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

#[derive(Default)]
pub(super) struct Shelf {
    entities: Vec<Entity>,
    by_id: HashMap<String, usize>,
    by_sync_id: HashMap<String, usize>,
    numbered: u32,
}

impl Shelf {
    /// With those in the recycle bin.
    pub(super) fn len(&self) -> usize {
        self.entities.len()
    }

    /// Live or in the recycle bin.
    pub(super) fn get(&self, id: &str) -> Option<&Entity> {
        self.by_id.get(id).map(|at| &self.entities[*at])
    }

    pub(super) fn live(&self, id: &str) -> Option<&Entity> {
        self.get(id).filter(|entity| !entity.is_trashed)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Entity> {
        self.by_id.get(id).map(|at| &mut self.entities[*at])
    }

    /// Live or in the recycle bin.
    pub(super) fn by_sync_id(&self, sync_id: &str) -> Option<&Entity> {
        self.by_sync_id.get(sync_id).map(|at| &self.entities[*at])
    }

    pub(super) fn put(&mut self, entity: Entity) {
        let at = self.entities.len();
        self.by_id.insert(entity.id.clone(), at);
        if let Some(sync_id) = &entity.sync_id {
            self.by_sync_id.insert(sync_id.clone(), at);
        }
        self.entities.push(entity);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entity> {
        self.entities.iter()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Entity> {
        self.entities.iter_mut()
    }

    /// The number of the next document without a name: `00001`.
    pub(super) fn next_number(&mut self) -> String {
        self.numbered += 1;
        format!("{:05}", self.numbered)
    }
}
