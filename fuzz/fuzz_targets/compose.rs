//! Any text is read as YAML, or refused: no panic, no unbounded memory, no hang, and every place lies in the text.
#![no_main]

use hoist::config::node::FileId;
use hoist::config::yaml::compose;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let composed = compose(text, FileId(0));
    for place in composed.diagnostics.iter().filter_map(|found| found.place) {
        assert!(text.get(place.start as usize..place.end as usize).is_some(), "{place:?}");
    }
});
