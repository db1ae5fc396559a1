//! The texts of a configuration that must never be shown, to be taken out of whatever is said about it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::node::{Data, Node};
use super::print::MASK;

/// From how many characters on a part of a secret is looked for by itself.
const PART: usize = 6;

/// From how many characters on a secret is hidden in the middle of a word, too: shorter ones are parts of other words.
const INSIDE: usize = 8;

/// The secrets that a configuration holds once its variables are resolved. They are not part of `Debug`.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Longest first, so that what contains another is hidden whole.
    texts: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// All secrets of a tree.
    pub fn of(root: &Node) -> Self {
        let mut found = BTreeSet::new();
        gather(root, false, &mut found);
        let mut texts: Vec<String> = found.into_iter().collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self { texts }
    }

    /// Those that no other text is likely to hold: the rest, a port or a word, would take half of a screen away.
    pub fn telling(&self) -> Self {
        Self { texts: self.texts.iter().filter(|text| text.len() >= PART).cloned().collect() }
    }

    /// Whether there is one that is too short to be looked for in texts.
    pub fn has_short_ones(&self) -> bool {
        self.texts.iter().any(|text| text.len() < PART)
    }

    /// Whether a whole value is a secret that is too short to be looked for in texts, or a JSON document that holds one.
    pub fn covers(&self, value: &str) -> bool {
        let short = |value: &str| value.len() < PART && self.texts.iter().any(|text| text == value);
        let document = value.starts_with(['{', '[']).then(|| serde_json::from_str(value).ok()).flatten();
        short(value) || document.is_some_and(|document| any_text(&document, &short))
    }

    /// A tree of JSON with every secret in its texts masked; keys stay.
    pub fn mask_json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.mask(text).into_owned()),
            Json::Array(items) => items.iter().map(|item| self.mask_json(item)).collect(),
            Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.mask_json(value))).collect(),
            other => other.clone(),
        }
    }

    /// Hides what another configuration hides, too.
    pub fn add(&mut self, more: &Self) {
        self.texts.extend(more.texts.iter().cloned());
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self.texts.dedup();
    }

    /// The text with every secret in it masked.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for secret in &self.texts {
            if masked.contains(secret.as_str()) {
                masked = Cow::Owned(without(&masked, secret));
            }
        }
        masked
    }
}

fn any_text(value: &Json, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Json::String(text) => is(text),
        Json::Array(items) => items.iter().any(|item| any_text(item, is)),
        Json::Object(map) => map.values().any(|value| any_text(value, is)),
        _ => false,
    }
}

fn gather(node: &Node, inherited: bool, found: &mut BTreeSet<String>) {
    let secret = inherited || node.secret;
    let mut add = |text: &str| {
        if !text.trim().is_empty() {
            found.insert(text.to_owned());
        }
    };
    match &node.data {
        Data::String(text) if secret => {
            add(text);
            // Names are made of words, of the last part of an ARN or a path, and logical ids of letters and digits.
            let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            for word in std::iter::once(text.as_str()).chain(text.split_whitespace()) {
                let last = word.rsplit([':', '/']).next().unwrap_or_default();
                for made in [word.to_owned(), last.to_owned(), plain(last), plain(word)] {
                    if made.len() >= PART {
                        add(&made);
                    }
                }
            }
        }
        Data::Int(number) if secret => add(&number.to_string()),
        Data::Float(number) if secret => add(&number.to_string()),
        Data::List(items) => items.iter().for_each(|item| gather(item, secret, found)),
        Data::Map(map) => map.values().for_each(|entry| gather(&entry.value, secret, found)),
        _ => {}
    }
}

fn without(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let after = &rest[at + secret.len()..];
        let letter = |found: Option<char>| found.is_some_and(char::is_alphanumeric);
        let before = rest[..at].chars().next_back().or_else(|| out.chars().next_back());
        let inside = secret.len() < INSIDE && (letter(before) || letter(after.chars().next()));
        out.push_str(&rest[..at]);
        out.push_str(if inside { secret } else { MASK });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::decode::sample;
    use super::*;

    fn secrets(yaml: &str) -> Secrets {
        let mut root = sample::node(yaml);
        root.secret = true;
        Secrets::of(&root)
    }

    #[test]
    fn secrets_are_taken_out_of_texts_and_words_stay() {
        let secrets = secrets("{a: hunter22, b: dev, c: 'arn:aws:sns:eu-west-1:1:hunter-topic', d: 5432, e: ''}");
        for (text, shown) in [
            ("`hunter22` is not an ARN", "`••••••` is not an ARN"),
            ("xhunter22x", "x••••••x"),
            ("the device of `dev`", "the device of `••••••`"),
            ("there is no hunter-topic", "there is no ••••••"),
            ("arn:aws:sns:eu-west-1:1:hunter-topic", "••••••"),
            ("port 5432, not 15432", "port ••••••, not 15432"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.mask(text), shown);
        }
        assert!(!format!("{secrets:?}").contains("hunter"));
        for (value, hidden) in [("5432", true), ("dev", true), ("hunter22", false), ("device", false)] {
            assert_eq!(secrets.covers(value), hidden, "{value}");
            assert_eq!(secrets.covers(&json!({"a": [value]}).to_string()), hidden, "{value} in a document");
        }
        let telling = secrets.telling();
        let shown = json!({"hunter22": ["the device of dev", "xhunter22x", 5432]});
        assert_eq!(telling.mask_json(&shown), json!({"hunter22": ["the device of dev", "x••••••x", 5432]}));
    }
}
