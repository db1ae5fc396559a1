//! Any text as a configuration: its variables are resolved, or refused.
#![no_main]

use hoist::config::load::{LoadOptions, load_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // No directory and no PATH: nothing of the machine takes part.
    let options = LoadOptions {
        directory: "/nowhere".into(),
        env: [(String::from("PATH"), String::from("/nowhere"))].into(),
        ..LoadOptions::default()
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let loaded = runtime.block_on(load_text(text, &options, None));
    for place in loaded.diagnostics.iter().filter_map(|found| found.place) {
        assert!(loaded.sources.get(place.file).is_some_and(|file| place.end as usize <= file.text.len()), "{place:?}");
    }
});
