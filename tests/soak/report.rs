//! What the soak came to: a table for the reader, and a file for whoever compares.

use std::collections::BTreeMap;
use std::fs;

use gancho_tests::stack::Stack;
use gancho_tests::traffic::Count;
use jiff::Timestamp;
use serde_json::json;

use crate::Settings;
use crate::memory::Memory;

pub(crate) fn write(
    settings: &Settings,
    counted: &Count,
    memory: &Memory,
    killed: u32,
    struck: &BTreeMap<String, u64>,
) {
    let lives = memory.longest();
    let told = json!({
        "at": Timestamp::now(), "settings": settings, "count": counted, "killed": killed, "struck": struck,
        "memory": lives,
    });
    let home = &Stack::get().home;
    let name = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ.json").to_string();
    fs::write(home.join(&name), serde_json::to_string_pretty(&told).expect("JSON")).expect("its home can be written");

    println!("\n{} minutes, seed {}", settings.minutes, settings.seed);
    println!("  taken in               {:?}", counted.taken);
    println!("  answered otherwise     {:?}, each sent again", counted.refusals);
    println!("  events ended           {}, of them reprocessed {}", counted.ended, counted.reprocessed);
    println!("  deliveries             {}, of them replayed {}", counted.delivered, counted.replayed);
    println!("  requests at receivers  {}, of them copies of what was taken {}", counted.arrivals, counted.copies);
    println!("  leads told             {}, unconfirmed {}", counted.messages, counted.unconfirmed);
    println!("  processes killed       {killed}");
    println!("  faults of upstreams    {}", struck.values().sum::<u64>());
    println!("  dead letters redriven  {}", counted.redriven);
    println!("  at rest after          {} s", counted.settled_in_s);
    println!("\n  function   lived min   MiB after 1 min   at the end   at most   slope KiB/min");
    for life in &lives {
        let slope = life.slope_kib_a_minute.map_or("–".to_owned(), |slope| format!("{slope:+.1}"));
        println!(
            "  {:<9} {:>10.1} {:>17.1} {:>12.1} {:>9.1} {slope:>15}",
            life.function,
            life.minutes,
            life.first_kib / 1024.0,
            life.last_kib / 1024.0,
            life.most_kib / 1024.0,
        );
    }
    match counted.findings.len() {
        0 => println!("\nnothing was lost, and nothing came twice under two names"),
        n => println!("\n{n} FINDINGS:\n  {}", counted.findings.join("\n  ")),
    }
    println!("{}", home.join(name).display());
}
