//! The name under which an entity is created once.

use uuid::Uuid;

use crate::model::moysklad::Mapping;

/// The space our names are in. It never changes: another would create everything a second time.
const OURS: Uuid = Uuid::from_u128(0x5c1f_7d7e_4a0b_5d0e_9a53_2f6f_0e8b_71c4);

/// The `syncId` of what stands for an entity in the target: the same for every attempt of one generation, so that a
/// create whose answer was lost is answered with what it made.
#[must_use]
pub fn sync_id(mapping: &Mapping) -> Uuid {
    let Mapping { tenant, origin, target, generation, .. } = mapping;
    Uuid::new_v5(&OURS, format!("{tenant}|{target}|{origin}|{generation}").as_bytes())
}
