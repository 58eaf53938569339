//! Walks over a handful of rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::model::row::{Queue, RowKey, WorkState};
use crate::testing::MemoryStore;
use crate::testing::samples::stack_keys;
use crate::work::{Claim, ClaimOutcome, home_shard};

const PAGE: usize = 2;

/// Rows beside a store of jobs. Clones are one.
#[derive(Clone, Default)]
struct House {
    jobs: MemoryStore,
    rows: Arc<Mutex<BTreeMap<String, Item>>>,
    blanked: Arc<Mutex<Vec<String>>>,
    breaks_at: Arc<Mutex<Option<String>>>,
}

impl House {
    fn put(&self, key: &str, holds: Value, thread: Option<Thread>) {
        let item = Item { key: key.into(), holds, sealed: None, thread };
        self.rows.lock().unwrap().insert(key.into(), item);
    }

    fn breaks(&self, key: &str) -> bool {
        self.breaks_at.lock().unwrap().as_deref() == Some(key)
    }
}

impl PersonalData for House {
    async fn items(&self, from: Option<&str>) -> Result<ItemPage, StoreError> {
        let rows = self.rows.lock().unwrap();
        let rest = rows.values().filter(|row| from.is_none_or(|from| row.key.as_str() > from));
        let items: Vec<Item> = rest.take(PAGE).cloned().collect();
        if items.iter().any(|item| self.breaks(&item.key)) {
            return Err(StoreError::Unavailable("test".into()));
        }
        let next = items.last().filter(|_| items.len() == PAGE).map(|item| item.key.clone());
        Ok(ItemPage { items, next })
    }

    async fn thread(&self, thread: &Thread) -> Result<Vec<String>, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.values().filter(|row| row.thread.as_ref() == Some(thread)).map(|row| row.key.clone()).collect())
    }

    async fn blank(&self, key: &str) -> Result<(), StoreError> {
        if self.breaks(&format!("blank:{key}")) {
            return Err(StoreError::Unavailable("test".into()));
        }
        self.rows.lock().unwrap().get_mut(key).unwrap().holds = json!(null);
        self.blanked.lock().unwrap().push(key.into());
        Ok(())
    }
}

impl Rows for House {
    async fn read<R: crate::model::row::WorkRow>(&self, key: &RowKey) -> Result<Option<R>, StoreError> {
        self.jobs.read(key).await
    }

    async fn insert<R: crate::model::row::WorkRow>(&self, row: &R) -> Result<bool, StoreError> {
        self.jobs.insert(row).await
    }

    async fn claim<R: crate::model::row::WorkRow>(&self, claim: &Claim) -> Result<ClaimOutcome<R>, StoreError> {
        self.jobs.claim(claim).await
    }

    async fn record<R: crate::model::row::WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &crate::work::Fence,
        record: &Record<P>,
    ) -> Result<bool, StoreError> {
        self.jobs.record::<R, P>(fence, record).await
    }

    async fn record_if<R: crate::model::row::WorkRow, P: Serialize + Send + Sync>(
        &self,
        fence: &crate::work::Fence,
        record: &Record<P>,
        known: crate::work::Known,
    ) -> Result<crate::work::Written, StoreError> {
        self.jobs.record_if::<R, P>(fence, record, known).await
    }

    async fn begin_turn<R: crate::model::row::WorkRow>(
        &self,
        key: &RowKey,
        status: &'static str,
        now: Timestamp,
    ) -> Result<Option<R>, StoreError> {
        self.jobs.begin_turn(key, status, now).await
    }
}

impl Bells for House {
    async fn ring(&self, rings: &[Ring], now: Timestamp) -> Vec<crate::work::Unrung> {
        self.jobs.ring(rings, now).await
    }

    async fn waiting(&self, queue: Queue) -> Result<u64, StoreError> {
        self.jobs.waiting(queue).await
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

fn lead(n: u8) -> Option<Thread> {
    Some(Thread::Lead(SourceId::default_c2s(), format!("lead-{n}")))
}

/// Ana's lead 1 with its event, somebody else's lead 2, and Ana in a response to an event of no lead.
fn house() -> House {
    let house = House::default();
    house.put("a/body-1", json!({"body": "{\"phone\":\"11 98765-0001\"}"}), lead(1));
    house.put("b/event-1", json!({"status": "completed"}), lead(1));
    house.put("c/body-2", json!({"body": "{\"phone\":\"11 98765-0002\"}"}), lead(2));
    house.put("d/event-2", json!({"status": "completed"}), lead(2));
    house.put("e/attempt", json!({"response": "thanks, 5511987650001"}), Some(Thread::Event("evt_3".parse().unwrap())));
    house.put("f/look-up", json!({"party": null}), lead(1));
    house
}

async fn asked(house: &House, request: SubjectRequest) -> DataSubjectJob {
    let id: crate::model::ids::JobId = "job_1".parse().unwrap();
    let tenant = TenantId::default_tenant();
    let needle = stack_keys().seal(b"5511987650001", &tenant, id.as_str(), [1; 24]);
    let key = RowKey::DataSubject(id.clone());
    let timing = Timing::default();
    let job = DataSubjectJob {
        work: WorkState::starting(Queue::Lead, at(0), timing.due_at(at(0)), home_shard(&key)),
        id,
        tenant,
        request,
        known_by: "phone".into(),
        needle: Some(needle),
        asked_at: at(0),
        status: JobStatus::Waiting,
        cursor: None,
        looked_at: 0,
        found: Vec::new(),
        found_total: 0,
        pending: Vec::new(),
        done_at: None,
    };
    house.insert(&job).await.unwrap();
    job
}

/// One invocation, with time for everything or for nothing.
async fn invoke(house: &House, seconds: i64) -> Result<(), StoreError> {
    let bell = Bell::new(RowKey::DataSubject("job_1".parse().unwrap()), 1);
    let (now, deadline) = (at(seconds), at(seconds + 60));
    let Some(claimed) = take_job(house, &bell, &Timing::default(), now, deadline).await? else { return Ok(()) };
    walk(house, &stack_keys(), claimed, &|| now, deadline).await
}

async fn job(house: &House) -> DataSubjectJob {
    house.read(&RowKey::DataSubject("job_1".parse().unwrap())).await.unwrap().unwrap()
}

const ANAS: [&str; 4] = ["a/body-1", "b/event-1", "f/look-up", "e/attempt"];

#[tokio::test]
async fn a_report_names_every_row_of_what_is_about_the_person_and_changes_none() {
    let house = house();
    asked(&house, SubjectRequest::Report).await;
    invoke(&house, 1).await.unwrap();
    let job = job(&house).await;
    assert_eq!((job.status, job.looked_at, job.found_total), (JobStatus::Done, 6, 4));
    assert_eq!(job.found, ANAS);
    assert_eq!((job.needle, job.cursor, job.done_at), (None, None, Some(at(1))));
    assert!(house.blanked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_erasure_blanks_what_a_report_would_have_named_and_nothing_else() {
    let house = house();
    asked(&house, SubjectRequest::Erase).await;
    invoke(&house, 1).await.unwrap();
    assert_eq!(job(&house).await.status, JobStatus::Running, "what was found is recorded before it is blanked");
    assert!(house.blanked.lock().unwrap().is_empty());
    invoke(&house, 2).await.unwrap();
    let job = job(&house).await;
    assert_eq!((job.status, job.found.len(), job.pending.len()), (JobStatus::Done, 4, 0));
    assert_eq!(job.needle, None);
    let mut blanked = house.blanked.lock().unwrap().clone();
    blanked.sort();
    let mut anas = ANAS.to_vec();
    anas.sort_unstable();
    assert_eq!(blanked, anas);
}

#[tokio::test]
async fn an_erasure_that_dies_goes_on_and_its_receipt_names_everything() {
    let house = house();
    asked(&house, SubjectRequest::Erase).await;
    invoke(&house, 1).await.unwrap();
    *house.breaks_at.lock().unwrap() = Some("blank:b/event-1".into());
    assert!(invoke(&house, 2).await.is_err());
    *house.breaks_at.lock().unwrap() = None;
    house.jobs.end_lease(&RowKey::DataSubject("job_1".parse().unwrap()));
    invoke(&house, 3).await.unwrap();
    let job = job(&house).await;
    assert_eq!((job.status, job.found.as_slice()), (JobStatus::Done, &ANAS.map(String::from)[..]));
    assert!(
        house
            .rows
            .lock()
            .unwrap()
            .values()
            .filter(|row| ANAS.contains(&row.key.as_str()))
            .all(|row| row.holds.is_null())
    );
}

#[tokio::test]
async fn a_walk_that_runs_out_of_time_rings_for_itself() {
    let house = house();
    let job_before = asked(&house, SubjectRequest::Report).await;
    let bell = Bell::new(RowKey::DataSubject("job_1".parse().unwrap()), 1);
    let claimed = take_job(&house, &bell, &Timing::default(), at(1), at(5)).await.unwrap().unwrap();
    // Within the margin from the beginning.
    walk(&house, &stack_keys(), claimed, &|| at(1), at(5)).await.unwrap();
    let after = job(&house).await;
    assert_eq!((after.status, after.looked_at), (JobStatus::Running, 0));
    assert_eq!(after.needle, job_before.needle);
    assert_eq!(house.jobs.rung().len(), 1);
    invoke(&house, 6).await.unwrap();
    assert_eq!(job(&house).await.status, JobStatus::Done);
}

#[tokio::test]
async fn what_lies_under_a_seal_is_looked_into() {
    let house = House::default();
    let tenant = TenantId::default_tenant();
    let sealed = stack_keys().seal(br#"{"answers":["11987650001"]}"#, &tenant, "row", [2; 24]);
    let item = Item { key: "x".into(), holds: json!({}), sealed: Some((sealed, tenant, "row".into())), thread: None };
    house.rows.lock().unwrap().insert("x".into(), item);
    asked(&house, SubjectRequest::Report).await;
    invoke(&house, 1).await.unwrap();
    assert_eq!(job(&house).await.found, ["x"]);
}

#[tokio::test]
async fn a_job_whose_needle_cannot_be_opened_fails_instead_of_finding_nothing() {
    let house = house();
    let mut job_row = asked(&house, SubjectRequest::Erase).await;
    job_row.id = "job_2".parse().unwrap();
    house.insert(&job_row).await.unwrap();
    let bell = Bell::new(RowKey::DataSubject("job_2".parse().unwrap()), 1);
    let claimed = take_job(&house, &bell, &Timing::default(), at(1), at(60)).await.unwrap().unwrap();
    walk(&house, &stack_keys(), claimed, &|| at(1), at(60)).await.unwrap();
    let row: DataSubjectJob = house.read(&RowKey::DataSubject(job_row.id)).await.unwrap().unwrap();
    assert_eq!((row.status, row.needle), (JobStatus::Failed, None));
}
