//! Every parser of outside bytes keeps its promises on its seeds, on what fuzzing has found, and on thousands of
//! mutations of both. The same targets are fuzzed for longer by `make fuzz`.

use std::fs;
use std::path::Path;

use gancho::testing::hostile::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// Mutations played to each target. A run takes seconds; fuzzing goes on from there.
const MUTATIONS: usize = 5_000;
/// Largest input: what is longer is slow, and says no more.
const LARGEST: usize = 8 * 1024;
/// What parsers stumble over.
const AWKWARD: &[&[u8]] = &[
    b"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-0",
    b"1e15",
    b"1e999",
    b"0.1",
    b"9223372036854775808",
    b"-1",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3\xa9",
    b"\0",
    b"%00",
    b"&",
    b"=",
    b"#",
    b"@",
    b"..",
    b"/",
    b"+",
    b".",
    b"\n",
    b" ",
    b"9999-12-31T23:59:60Z",
    b"127.0.0.1",
    b"[::1]",
];

/// What fuzzing has found, kept in `fuzz/found/<target>/`.
fn found(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/found").join(target.name);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| fs::read(entry.expect("a file").path()).expect("a file can be read")).collect()
}

fn mutated(inputs: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut input = inputs.choose(rng).cloned().unwrap_or_default();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=input.len());
        let end = rng.random_range(at..=input.len().min(at + 32));
        match rng.random_range(0..6) {
            0 => drop(input.drain(at..end)),
            1 => input.truncate(at),
            2 => drop(input.splice(at..at, input[at..end].to_vec().repeat(rng.random_range(1..=8)))),
            3 => {
                let other = inputs.choose(rng).map(Vec::as_slice).unwrap_or_default();
                let from = rng.random_range(0..=other.len());
                input.splice(at..end, other[from..other.len().min(from + 64)].iter().copied());
            }
            4 => {
                let awkward = AWKWARD.choose(rng).copied().unwrap_or_default();
                input.splice(at..end, awkward.iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
        }
        input.truncate(LARGEST);
    }
    input
}

#[test]
fn every_promise_holds_for_seeds_and_for_what_fuzzing_has_found() {
    for target in TARGETS {
        let seeds = target.seeds();
        assert!(seeds.len() > 2, "{}: the seeds are there", target.name);
        seeds.iter().chain(&found(target)).for_each(|input| target.play(input));
    }
}

#[test]
fn every_promise_holds_for_mutations() {
    std::thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(|| {
                let mut rng = StdRng::seed_from_u64(1);
                let inputs = [target.seeds(), found(target)].concat();
                for n in 0..MUTATIONS {
                    let input = mutated(&inputs, &mut rng);
                    let played = std::panic::catch_unwind(|| target.play(&input));
                    let shown = String::from_utf8_lossy(&input);
                    assert!(played.is_ok(), "{}, mutation {n}: {shown}", target.name);
                }
            });
        }
    });
}

#[test]
fn every_target_is_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let manifest = fs::read_to_string(folder.join("../Cargo.toml")).expect("the fuzzer's manifest");
    for target in TARGETS {
        let name = target.name;
        let source = fs::read_to_string(folder.join(format!("{name}.rs"))).expect("a target has a file");
        assert!(source.contains(&format!("hostile::{} as TARGET", name.to_uppercase())), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
