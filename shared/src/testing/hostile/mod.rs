//! What hostile bytes must not be able to do, parser by parser. The fuzzer (`fuzz/`) and a test
//! (`tests/hostile_input.rs`) both play their inputs to these targets: a target panics where a promise is broken.

mod address;
mod bodies;
mod c2s;
mod cursors;
#[cfg(feature = "lambda")]
mod envelope;
mod moysklad;
mod queries;
mod seeds;
mod signatures;
mod tenant;
mod times;
mod whatsapp;

use std::path::Path;

use jiff::Timestamp;

use crate::auth::SourceCaller;
use crate::model::event::Provider;

/// A parser or a verifier, with what it has to keep to.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called: as its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    play: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Plays an input.
    ///
    /// # Panics
    /// A promise is broken.
    pub fn play(&self, input: &[u8]) {
        (self.play)(input);
    }

    /// Inputs to begin with, made of the recordings in `events/`.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }

    /// Writes the seeds into the folder that `GANCHO_FUZZ_SEEDS` names, if it names one: the fuzzer reads files.
    ///
    /// # Panics
    /// They cannot be written.
    pub fn plant(&self) {
        let Ok(folder) = std::env::var("GANCHO_FUZZ_SEEDS") else { return };
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (n, seed) in self.seeds().iter().enumerate() {
            std::fs::write(Path::new(&folder).join(format!("{n:03}")), seed).expect("a seed can be written");
        }
    }
}

macro_rules! targets {
    ($($(#[$cfg:meta])* $name:ident = $word:literal: $play:expr, $seeds:expr;)+) => {
        $($(#[$cfg])* #[doc = concat!("`", $word, "`.")]
        pub const $name: Target = Target { name: $word, play: $play, seeds: || $seeds };)+

        /// All of them.
        pub const TARGETS: &[Target] = &[$($(#[$cfg])* $name,)+];
    };
}

targets! {
    #[cfg(feature = "lambda")]
    ENVELOPE = "envelope": envelope::play, seeds::envelopes();
    C2S = "c2s": c2s::play, seeds::bodies("c2s", "");
    CLOUD_API = "cloud_api": whatsapp::cloud_api, seeds::bodies("whatsapp", "");
    BAILEYS = "baileys": whatsapp::baileys, seeds::bodies("baileys", "baileys.");
    EVOLUTION = "evolution": whatsapp::evolution, seeds::bodies("baileys", "evolution.");
    WPPCONNECT = "wppconnect": whatsapp::wppconnect, seeds::bodies("baileys", "wppconnect.");
    WUZAPI = "wuzapi": whatsapp::wuzapi, seeds::bodies("baileys", "wuzapi.");
    GOWA = "gowa": whatsapp::gowa, seeds::bodies("baileys", "gowa.");
    MOYSKLAD = "moysklad": moysklad::play, seeds::bodies("moysklad", "");
    TENANT_EVENTS = "tenant_events": tenant::play, seeds::bodies("tenant", "");
    ADDRESS = "address": address::play, address::seeds();
    STANDARD_WEBHOOKS = "standard_webhooks": signatures::standard_webhooks, signatures::signed();
    PROOFS = "proofs": signatures::proofs, signatures::proven();
    TIMES = "times": times::play, times::seeds();
    CURSORS = "cursors": cursors::play, cursors::seeds();
    QUERIES = "queries": queries::play, queries::seeds();
    BODIES = "bodies": bodies::play, bodies::seeds();
}

/// When everything is played: the recordings' own time.
const NOW_S: i64 = 1_749_416_400;
const SECRET: &str = "fake-shared-secret-0001";
const ACCOUNT: &str = "9171a53c-1b2c-4f7d-9c1a-000000000001";
const PHONE_NUMBER_ID: &str = "100000000000001";
const NUMBER: &str = "5511900000090";

fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).expect("a time of this century")
}

fn caller(provider: Provider) -> SourceCaller {
    let source = "src_hostile".parse().expect("an identifier");
    SourceCaller { source, provider, tenant: "ten_hostile".parse().expect("an identifier") }
}
