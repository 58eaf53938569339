#![no_main]

use gancho::testing::hostile::CLOUD_API as TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.play(input));
