//! What keeping accounts in step remembers.

use std::future::Future;

use jiff::Timestamp;

use super::guards::{LoopGuard, Written};
use super::plan::Mark;
use crate::model::event::{Event, RawBody};
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Dirty, EntityId, EntityRef, Mapping, Tally};
use crate::work::{Ring, StoreError};

/// Accounts, as they were set up.
pub trait Accounts: Send + Sync {
    /// All accounts of a tenant. Read eventually: a change takes effect within seconds.
    fn accounts(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Account>, StoreError>> + Send;
}

/// Dirty rows: one for each target and entity. An implementation passes `testing::sync_exam`, as do those of the traits
/// below.
pub trait DirtyRows: Send + Sync {
    /// Gives one more reason to look at an entity: a new row, or the next version of the one there is. It may be worked
    /// on at `not_before`, or when it already might.
    fn mark(
        &self,
        tenant: &TenantId,
        mark: &Mark,
        not_before: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Dirty, StoreError>> + Send;

    /// The rows of a target that may be worked on now, the first of the line first. Orders come before the catalogue and
    /// what others refer to before what refers to it; within one kind a store may sort as it likes, so that it need not
    /// look at a whole line for its beginning.
    fn due(
        &self,
        tenant: &TenantId,
        target: AccountId,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Dirty>, StoreError>> + Send;

    /// When the next of a target's rows may be worked on; nothing if it has none.
    fn next_due(
        &self,
        tenant: &TenantId,
        target: AccountId,
    ) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// How many rows of a target there are, due or not.
    fn n_dirty(&self, tenant: &TenantId, target: AccountId) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Takes a row away, if it is still of this version; else it stays, and is due.
    fn finish(&self, row: &Dirty) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Notes that a row failed and when it is to be tried again, if it is still of this version.
    fn put_off(
        &self,
        row: &Dirty,
        not_before: Timestamp,
        error: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// As `put_off`, where it is not the row that failed: it is not counted as a failure of it.
    fn set_aside(
        &self,
        row: &Dirty,
        not_before: Timestamp,
        error: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Mappings, found from either side.
pub trait Mappings: Send + Sync {
    /// What stands for an entity in a target. Read strongly.
    fn mapping(
        &self,
        tenant: &TenantId,
        origin: EntityRef,
        target: AccountId,
    ) -> impl Future<Output = Result<Option<Mapping>, StoreError>> + Send;

    /// For what an entity of a target stands.
    fn mapping_of(
        &self,
        tenant: &TenantId,
        counterpart: EntityRef,
    ) -> impl Future<Output = Result<Option<Mapping>, StoreError>> + Send;

    /// Writes a mapping, if the one there is of the revision before it (none at all for the first), and if its
    /// counterpart stands for nothing else; says whether.
    fn put_mapping(&self, mapping: &Mapping) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// What the guards remember.
pub trait GuardRows: Send + Sync {
    /// What we have written into an entity.
    fn written(
        &self,
        tenant: &TenantId,
        entity: EntityRef,
    ) -> impl Future<Output = Result<Option<Written>, StoreError>> + Send;

    /// Notes it. Only the worker of the entity's account writes this, so the last one counts.
    fn put_written(
        &self,
        tenant: &TenantId,
        entity: EntityRef,
        written: &Written,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How often an entity has changed.
    fn loop_guard(
        &self,
        tenant: &TenantId,
        entity: EntityRef,
    ) -> impl Future<Output = Result<Option<LoopGuard>, StoreError>> + Send;

    /// Writes it, if the one there is of the revision before it (none at all for the first); says whether.
    fn put_loop_guard(&self, guard: &LoopGuard) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The guards of all of an account's entities that have changed lately, at most `limit`, in no order. Some may be so
    /// old that they say nothing any more: `is_open` knows.
    fn loop_guards(
        &self,
        tenant: &TenantId,
        account: AccountId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LoopGuard>, StoreError>> + Send;
}

/// The rows of accounts that are to be drained.
pub trait Drains: Send + Sync {
    /// Asks for an account to be drained: its row is made, or begins its next turn, or may run at once; and `asked` on it
    /// has grown. The bell to ring.
    fn ask_drain(
        &self,
        tenant: &TenantId,
        account: AccountId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Ring, StoreError>> + Send;
}

/// What came in.
pub trait Notices: Send + Sync {
    /// The body of an event; nothing where it is not stored.
    fn notice_of(&self, event: &Event) -> impl Future<Output = Result<Option<RawBody>, StoreError>> + Send;
}

/// How often what was done.
pub trait Tallies: Send + Sync {
    /// Adds to what was counted of an account in the hour of `now`. Nothing to add leaves no hour.
    fn tally(
        &self,
        tenant: &TenantId,
        account: AccountId,
        tally: &Tally,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What was counted of an account in the hours since (its own included): each hour's start, and its counts.
    fn tallies(
        &self,
        tenant: &TenantId,
        account: AccountId,
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<(Timestamp, Tally)>, StoreError>> + Send;
}

/// Everything that is remembered.
pub trait SyncStore: Accounts + DirtyRows + Mappings + GuardRows {}

impl<S: Accounts + DirtyRows + Mappings + GuardRows> SyncStore for S {}

/// The clients of accounts.
pub trait Clients: Send + Sync {
    /// One account's.
    type Client: super::ports::Entities + super::ports::Dictionaries + Clone;

    /// The client of an account; nothing if its token cannot be opened.
    fn client(&self, account: &Account) -> Option<Self::Client>;

    /// The base address of the API.
    fn base(&self) -> &str;
}

/// An entity of a target that is somebody's counterpart.
#[must_use]
pub const fn counterpart_of(mapping: &Mapping, id: EntityId) -> EntityRef {
    EntityRef { account: mapping.target, kind: mapping.origin.kind.arrives_as(), id }
}
