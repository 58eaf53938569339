//! The rows of accounts that are to be drained, in DynamoDB: one conditional update each time, whatever state the row
//! is in. None of them names the lease.

use jiff::Timestamp;

use super::super::expression::Update;
use super::super::items::{DUE_AT, DUE_SHARD, NOT_BEFORE, from_item, millis, n, time};
use super::super::keys;
use super::super::rows::Changed;
use super::super::store::Store;
use crate::model::ids::TenantId;
use crate::model::job::JobStatus;
use crate::model::moysklad::{AccountId, DrainJob};
use crate::model::row::RowKey;
use crate::sync::jobs;
use crate::sync::store::Drains;
use crate::work::{Ring, Rows, StoreError};

/// How often a row is asked for that is in another state each time.
const TRIES: usize = 6;

/// The states a row may be in.
#[derive(Clone, Copy)]
enum State {
    /// There is none.
    None,
    /// Its work has ended.
    Ended,
    /// It may run now, or runs.
    Ready,
    /// It may run later only.
    Waiting,
}

impl Drains for Store {
    async fn ask_drain(&self, tenant: &TenantId, account: AccountId, now: Timestamp) -> Result<Ring, StoreError> {
        let key = RowKey::Drain(tenant.clone(), account);
        // What it is most often, then what it is seen to be.
        let mut state = State::Ready;
        for _ in 0..TRIES {
            let update = match state {
                State::None => {
                    let first = jobs::drain(tenant, account, now, &self.timing);
                    if self.insert(&first).await? {
                        return Ok(Ring::of(&first));
                    }
                    state = State::Ready;
                    continue;
                }
                State::Ended => self.next_turn(&key, JobStatus::Waiting.name(), now),
                State::Ready => Update::default().only_if_there(DUE_SHARD).only_if(NOT_BEFORE, "<=", millis(now)),
                State::Waiting => Update::default()
                    .set(NOT_BEFORE, millis(now))
                    .set(DUE_AT, millis(self.timing.due_at(now)))
                    .only_if_there(DUE_SHARD)
                    .only_if(NOT_BEFORE, ">", millis(now)),
            };
            let update = update.add(DrainJob::ASKED, n(1));
            match self.update(&self.tables.events, keys::row(&key), update).await? {
                Changed::Now(row) => return Ok(Ring::of(&from_item::<DrainJob>(row)?)),
                Changed::Refused(None) => state = State::None,
                Changed::Refused(Some(row)) if !row.contains_key(DUE_SHARD) => state = State::Ended,
                Changed::Refused(Some(row)) => {
                    let waits = time(&row, NOT_BEFORE).is_some_and(|at| at > now);
                    state = if waits { State::Waiting } else { State::Ready };
                }
            }
        }
        Err(StoreError::Unavailable("an account whose work ends and begins too fast".into()))
    }
}
