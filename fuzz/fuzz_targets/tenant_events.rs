#![no_main]

use gancho::testing::hostile::TENANT_EVENTS as TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.play(input));
