//! The fixed patterns of the program, compiled.

use regex::Regex;

/// Compiles a pattern of ours. It may use what the features of `regex` in `Cargo.toml` bring and nothing more: not
/// `(?i)` and not `\p{..}`, which only work where a dev-dependency brings in the rest of Unicode, and not in the program
/// that people have.
///
/// # Panics
/// Never: the test beneath looks for such patterns in the sources, other tests use each, and `.ci/run shipped` does so
/// with the program as it is shipped.
pub fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("`{pattern}` is no pattern: {error}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Flags and classes of `regex` that need features which `Cargo.toml` does not turn on.
    const NEEDS_MORE: &[&str] = &["(?i", "(?si", "(?mi", "case_insensitive", r"\p{", r"\P{", r"\\p{", r"\\P{"];

    #[test]
    fn no_pattern_needs_a_feature_that_the_program_is_built_without() {
        let mut found = Vec::new();
        walk(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |path, text| {
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if NEEDS_MORE.iter().any(|needs| code.contains(needs)) && !path.ends_with("config/pattern.rs") {
                    found.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        });
        assert!(found.is_empty(), "{found:?}");
    }

    fn walk(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
        for entry in std::fs::read_dir(folder).expect("sources can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, look);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                look(&path, &std::fs::read_to_string(&path).expect("sources can be read"));
            }
        }
    }
}
