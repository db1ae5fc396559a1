//! The ordered patterns of one package: what the framework leaves out by itself, then what the file says, and the
//! last one that matches a file decides.

use std::collections::HashSet;

use super::glob::{BadGlob, Glob};

/// A pattern with its sign.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Whether it adds what it matches, or takes it away.
    pub include: bool,
    pub glob: Glob,
    /// The glob as it was written, without its `!`.
    pub text: String,
}

impl Rule {
    /// Reads one of `package.patterns` or `package.include`: a leading `!` takes away.
    ///
    /// # Errors
    /// When the glob is not one.
    pub fn from_pattern(text: &str) -> Result<Self, BadGlob> {
        match text.strip_prefix('!') {
            Some(text) => Self::new(false, text),
            None => Self::new(true, text),
        }
    }

    /// Reads one of the legacy `package.exclude`: it takes away, and a leading `!` adds.
    ///
    /// # Errors
    /// When the glob is not one.
    pub fn from_exclude(text: &str) -> Result<Self, BadGlob> {
        match text.strip_prefix('!') {
            Some(text) => Self::new(true, text),
            None => Self::new(false, text),
        }
    }

    fn new(include: bool, text: &str) -> Result<Self, BadGlob> {
        Ok(Self { include, glob: Glob::new(text)?, text: text.to_owned() })
    }
}

/// Two rules are the same when they were written the same.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.include == other.include && self.text == other.text
    }
}

/// What a service leaves out of its packages without being told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The configuration file, relative to the service directory: `serverless.yml`.
    pub config_file: Option<String>,
    /// The directory of local plugins (`plugins.localPath`), when one is set.
    pub plugin_dir: Option<String>,
    /// `layers.*.path`. Left out of functions, not of layers.
    pub layer_paths: Vec<String>,
    /// Whether `useDotenv` is on: environment files are then left out.
    pub dotenv: bool,
}

/// Names that the Serverless Framework never packages, and hoist's own directory.
const ALWAYS_EXCLUDED: &[&str] = &[
    ".git/**",
    ".gitignore",
    ".DS_Store",
    "npm-debug.log",
    "yarn-*.log",
    ".serverless/**",
    ".serverless_plugins/**",
    ".hoist/**",
];

/// What the file says for one package, service and function (or layer) together, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The service's legacy `package.exclude`.
    pub service_exclude: Vec<String>,
    /// The function's or layer's legacy `package.exclude`.
    pub own_exclude: Vec<String>,
    /// The service's `package.include`, then its `package.patterns`.
    pub service_patterns: Vec<String>,
    /// The function's or layer's `package.include`, then its `package.patterns`.
    pub own_patterns: Vec<String>,
}

impl Written {
    /// All patterns, in no order that means anything.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        [&self.service_exclude, &self.own_exclude, &self.service_patterns, &self.own_patterns].into_iter().flatten()
    }

    /// Whether a pattern, without its `!`, is in here.
    pub fn holds(&self, text: &str) -> bool {
        self.is_of_service(text) || is_in(text, [&self.own_exclude, &self.own_patterns])
    }

    /// Whether it is one of the service's.
    pub fn is_of_service(&self, text: &str) -> bool {
        is_in(text, [&self.service_exclude, &self.service_patterns])
    }
}

fn is_in(text: &str, lists: [&Vec<String>; 2]) -> bool {
    let plain = |text: &str| text.strip_prefix('!').unwrap_or(text).to_owned();
    lists.into_iter().flatten().any(|other| plain(other) == plain(text))
}

/// Puts all rules into the framework's order, and gives those that are no globs with what is wrong with them.
///
/// The order is that of its `getExcludes` and `getIncludes`: all that is left out first, then all that is put in, so a
/// pattern can always bring back what an exclude took away. Of two excludes (or two patterns) written alike only the
/// first counts, as there (`_.union`).
pub fn in_order(defaults: &Defaults, written: &Written, is_layer: bool) -> (Vec<Rule>, Vec<(String, BadGlob)>) {
    // What hoist adds by itself may be no glob (an absolute `layers.x.path`): it then matches nothing, and nobody needs
    // to hear of it.
    let by_itself = |text: String| (text, false);
    let written_so = |text: &String| (text.clone(), true);
    let beneath = |dir: &String| (format!("{}/**", dir.trim_end_matches('/')), false);
    let mut excludes: Vec<(String, bool)> = ALWAYS_EXCLUDED.iter().map(|text| by_itself((*text).to_owned())).collect();
    excludes.extend(defaults.config_file.clone().map(by_itself));
    excludes.extend(defaults.plugin_dir.iter().map(beneath));
    excludes.extend(written.service_exclude.iter().map(written_so));
    if !is_layer {
        excludes.extend(defaults.layer_paths.iter().map(beneath));
    }
    if defaults.dotenv {
        excludes.push(by_itself(".env*".to_owned()));
    }
    excludes.extend(written.own_exclude.iter().map(written_so));
    let patterns = written.service_patterns.iter().chain(&written.own_patterns).map(written_so).collect();

    let mut bad = Vec::new();
    let mut rules = Vec::new();
    let mut read = |texts: Vec<(String, bool)>, read: fn(&str) -> Result<Rule, BadGlob>| {
        let mut seen = HashSet::new();
        for (text, said) in texts {
            if seen.insert(text.clone()) {
                match read(&text) {
                    Ok(rule) => rules.push(rule),
                    Err(error) if said => bad.push((text, error)),
                    Err(_) => {}
                }
            }
        }
    };
    read(excludes, Rule::from_exclude);
    read(patterns, Rule::from_pattern);
    (rules, bad)
}

/// Whether nothing beneath a directory can be chosen, so that it need not be walked.
pub fn nothing_beneath(rules: &[Rule], ups: usize, dir: &str) -> bool {
    for rule in rules.iter().rev() {
        if rule.include {
            if rule.glob.may_match_beneath(ups, dir) {
                return false;
            }
        } else if rule.glob.covers(ups, dir) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rules: &[Rule]) -> Vec<String> {
        rules.iter().map(|rule| format!("{}{}", if rule.include { "" } else { "!" }, rule.text)).collect()
    }

    #[test]
    fn patterns_come_after_all_excludes() {
        let defaults = Defaults {
            config_file: Some("serverless.yml".into()),
            plugin_dir: Some("plugins/".into()),
            layer_paths: vec!["layers/a".into()],
            dotenv: true,
        };
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let written = Written {
            service_exclude: list(&["docs/**", "!docs/a"]),
            own_exclude: list(&["own/**"]),
            service_patterns: list(&["!src/**", "src/a.js"]),
            own_patterns: list(&["src/b.js", "!src/**"]),
        };
        let (rules, bad) = in_order(&defaults, &written, false);
        assert!(bad.is_empty());
        assert_eq!(
            texts(&rules)[ALWAYS_EXCLUDED.len()..],
            [
                "!serverless.yml",
                "!plugins/**",
                "!docs/**",
                "docs/a",
                "!layers/a/**",
                "!.env*",
                "!own/**",
                "!src/**",
                "src/a.js",
                "src/b.js"
            ]
        );
        let (rules, _) = in_order(&defaults, &written, true);
        assert!(!texts(&rules).contains(&"!layers/a/**".to_owned()));
    }

    #[test]
    fn gives_every_pattern_that_is_no_glob() {
        let written = Written { own_patterns: vec![String::new(), "/etc/**".into(), "a".into()], ..Written::default() };
        let (rules, bad) = in_order(&Defaults::default(), &written, false);
        assert_eq!(bad, [(String::new(), BadGlob::Empty), ("/etc/**".into(), BadGlob::Absolute)]);
        assert_eq!(texts(&rules).last().map(String::as_str), Some("a"));

        let outside = Defaults { layer_paths: vec!["/opt/layer".into()], ..Defaults::default() };
        assert_eq!(in_order(&outside, &Written::default(), false).1, [], "nobody wrote that pattern");
    }

    #[test]
    fn a_directory_is_skipped_only_when_no_later_pattern_looks_into_it() {
        let rules =
            |patterns: &[&str]| patterns.iter().map(|text| Rule::from_pattern(text).expect(text)).collect::<Vec<_>>();
        assert!(nothing_beneath(&rules(&["!node_modules/**"]), 0, "node_modules"));
        assert!(nothing_beneath(&rules(&["!**", "src/**"]), 0, "node_modules"));
        assert!(!nothing_beneath(&rules(&["!**", "src/**"]), 0, "src"));
        assert!(!nothing_beneath(&rules(&["!node_modules/**", "node_modules/a/**"]), 0, "node_modules"));
        assert!(nothing_beneath(&rules(&["!node_modules/**", "node_modules/a/**"]), 0, "node_modules/b"));
        assert!(!nothing_beneath(&rules(&["!.git/**", "**"]), 0, ".git"));
        assert!(!nothing_beneath(&rules(&["!**/*.md"]), 0, "docs"));
    }

    proptest::proptest! {
        #[test]
        fn a_skipped_directory_holds_nothing_that_would_be_chosen(
            patterns in proptest::collection::vec("!?([ab*]|\\*\\*|\\{a,b\\}|!\\(a\\))(/([ab*]|\\*\\*|a\\*)){0,3}", 1..6),
            name in "[ab]{1,2}(/[ab]{1,2}){1,4}",
        ) {
            let rules: Vec<Rule> = patterns.iter().filter_map(|text| Rule::from_pattern(text).ok()).collect();
            let skipped = name.match_indices('/').any(|(at, _)| nothing_beneath(&rules, 0, &name[..at]));
            let chosen = rules.iter().rev().find(|rule| rule.glob.matches(0, &name)).is_none_or(|rule| rule.include);
            proptest::prop_assert!(!(skipped && chosen), "{patterns:?} {name}");
        }
    }
}
