//! The sweep over the due index: what it costs is to follow what is due, not what waits.

use gancho::work::{SweepLimits, SweepReport, Timing, sweep};
use gancho_bench::stand_ins::StandIns;
use jiff::SignedDuration;
use serde::Serialize;

use crate::measure::{Measured, measured};
use crate::{backlog, now, store_on};

/// Deliveries that are due.
const DUE: usize = 10_000;
/// Deliveries that wait beside them.
const NOT_DUE: [usize; 2] = [10_000, 1_000_000];

/// What a sweep took beside so many rows that were not due.
#[derive(Debug, Serialize)]
pub(crate) struct Swept {
    pub(crate) due: usize,
    pub(crate) not_due: usize,
    /// The run that rings for all of them.
    pub(crate) ringing: Measured,
    /// The run after it, which finds nothing due.
    pub(crate) idle: Measured,
}

/// Beside few rows, and beside many.
pub(crate) async fn measure() -> [Swept; 2] {
    let [few, many] = NOT_DUE;
    [beside(few).await, beside(many).await]
}

async fn beside(not_due: usize) -> Swept {
    println!("the sweep beside {not_due} rows …");
    let stand_ins = StandIns::start();
    let store = store_on(&stand_ins).await;
    stand_ins.load(&stand_ins.tables().events, backlog::not_due(not_due).chain(backlog::due(DUE)));
    let run = async || {
        let deadline = now() + SignedDuration::from_hours(1);
        sweep(&store, &Timing::default(), &SweepLimits::default(), &now, deadline).await.expect("the store answers")
    };
    let (report, ringing) = measured(&stand_ins, run()).await;
    assert_eq!(report, SweepReport { rung: DUE, ..SweepReport::default() });
    let (report, idle) = measured(&stand_ins, run()).await;
    assert_eq!(report, SweepReport::default());
    Swept { due: DUE, not_due, ringing, idle }
}
