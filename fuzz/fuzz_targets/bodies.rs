#![no_main]

use gancho::testing::hostile::BODIES as TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.play(input));
