//! Cold starts: a new process each time, its first event waiting for it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gancho_bench::figures::{median, ms};
use gancho_bench::runtime::{Program, Worker};
use serde::Serialize;

use crate::house::House;
use crate::routes::Route;

/// What starts came to, milliseconds, a value for each start.
#[derive(Debug, Serialize)]
pub(crate) struct Cold {
    /// What a call of AWS took.
    pub(crate) latency_ms: f64,
    /// In the order of the programs.
    pub(crate) programs: Vec<Starts>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Starts {
    /// From the start of the process to its first question for an event.
    pub(crate) ready_ms: Vec<f64>,
    /// From the start of the process to the whole of its first answer.
    pub(crate) answered_ms: Vec<f64>,
    /// Processor time until then.
    pub(crate) cpu_ms: Vec<f64>,
}

impl Starts {
    pub(crate) fn answered(&self) -> f64 {
        median(&self.answered_ms)
    }
}

/// Starts each program in turn, so often. The first round is not counted: it reads the programs from the disk.
pub(crate) async fn measure(house: &House, programs: &[Program], latency: Duration, starts: usize) -> Result<Cold> {
    let mut all: Vec<Starts> = programs.iter().map(|_| Starts::default()).collect();
    for round in 0..=starts {
        for (program, starts) in programs.iter().zip(&mut all) {
            let mut worker = Worker::start(program).await?;
            let answer = worker.invoke(house.event(Route::Lead)).await?;
            ensure!(Route::Lead.is_taken(&answer.body), "{} answered {:?}", program.name, answer.body);
            let ready = worker.ready().await.context("it has answered")?;
            if round > 0 {
                starts.ready_ms.push(ms(ready));
                starts.answered_ms.push(ms(answer.since_start));
                starts.cpu_ms.push(ms(worker.cpu()?));
            }
        }
    }
    Ok(Cold { latency_ms: ms(latency), programs: all })
}
