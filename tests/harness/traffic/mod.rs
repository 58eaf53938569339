//! Steady mixed traffic through the front door, counted at both ends: what was answered 2xx, and what came of it.
//!
//! Its senders are as senders are: a request that was not answered 2xx is sent again, and some are sent twice.

mod count;
mod ledger;
mod offers;
mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

pub use count::{Count, count};
pub use ledger::{Ledger, Taken};
pub use offers::Kind;
pub use scene::{Ear, Scene};

use crate::waiting::until_within;

/// How much of it, and by which chance.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Things that happen in a second.
    pub a_second: f64,
    /// Of what happens and what is sent twice.
    pub seed: u64,
    /// The part of requests that are sent twice, 0 to 1.
    pub twice: f64,
}

/// Traffic that goes on until it is ended.
pub struct Traffic {
    ended: Arc<AtomicBool>,
    n_taken: Arc<AtomicU64>,
    running: JoinHandle<Ledger>,
}

impl Traffic {
    /// Begins.
    #[must_use]
    pub fn begin(scene: &Arc<Scene>, pace: Pace) -> Self {
        let (ended, n_taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let running = tokio::spawn(flow(scene.clone(), pace, ended.clone(), n_taken.clone()));
        Self { ended, n_taken, running }
    }

    /// How many things were taken in so far.
    #[must_use]
    pub fn n_taken(&self) -> u64 {
        self.n_taken.load(Ordering::Relaxed)
    }

    /// Waits until that many more were taken in.
    pub async fn takes(&self, more: u64, within: Duration) {
        let wanted = self.n_taken() + more;
        until_within("traffic to be taken in", within, async || (self.n_taken() >= wanted).then_some(())).await;
    }

    /// Begins nothing more, and waits until all that was begun has been taken in; what was.
    ///
    /// # Panics
    /// When something was not taken in for minutes.
    pub async fn end(self) -> Ledger {
        self.ended.store(true, Ordering::Relaxed);
        self.running.await.expect("all of it was taken in at last")
    }
}

async fn flow(scene: Arc<Scene>, pace: Pace, ended: Arc<AtomicBool>, n_taken: Arc<AtomicU64>) -> Ledger {
    let mut chance = StdRng::seed_from_u64(pace.seed);
    let mut ticks = interval(Duration::from_secs_f64(1.0 / pace.a_second));
    // A machine that was busy elsewhere is not made up for with a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut under_way, mut ledger) = (JoinSet::new(), Ledger::default());
    while !ended.load(Ordering::Relaxed) {
        ticks.tick().await;
        let kind = offers::drawn(&mut chance, scene.pair.is_some());
        let draw = offers::Draw { twice: chance.random_bool(pace.twice), known: chance.random_bool(0.8) };
        let scene = scene.clone();
        under_way.spawn(async move { offers::happen(&scene, kind, draw).await });
        while let Some(done) = under_way.try_join_next() {
            ledger.note(done.expect("a sender does not panic"));
            n_taken.store(ledger.taken.len() as u64, Ordering::Relaxed);
        }
    }
    while let Some(done) = under_way.join_next().await {
        ledger.note(done.expect("a sender does not panic"));
    }
    ledger
}
