//! XML as the trees of JSON that every other service speaks, both ways.
//!
//! An element is an object of its children, a text where it has none; children of one name are a list where there are
//! several. A list in the query protocol's manner (`<Names><member>a</member></Names>`) is a list however long it is.
//! Attributes are left out: Route 53, CloudFront and Elastic Load Balancing send none but namespaces.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use thiserror::Error;
use xmlparser::{ElementEnd, Token, Tokenizer};

/// Elements in elements; CloudFront's answers, the deepest, stay below 15.
const DEEPEST: usize = 64;

/// Why a text is no XML that an AWS service sends.
#[derive(Debug, Error)]
pub enum XmlError {
    #[error("it is no UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("it is no XML: {0}")]
    Syntax(#[from] xmlparser::Error),
    #[error("`{0}` is not closed where it should be")]
    Unbalanced(String),
    #[error("it has no element")]
    Empty,
    #[error("it nests elements more than {DEEPEST} deep")]
    TooDeep,
    #[error("it declares a document type")]
    DocumentType,
    #[error("`&{0};` stands for nothing")]
    Reference(String),
}

/// An element that is being read.
#[derive(Default)]
struct Open {
    name: String,
    text: String,
    children: IndexMap<String, Vec<Json>>,
}

impl Open {
    fn close(self) -> (String, Json) {
        if self.children.is_empty() {
            return (self.name, Json::String(self.text));
        }
        let mut children = self.children;
        if children.len() == 1
            && let Some(members) = children.shift_remove("member")
        {
            return (self.name, Json::Array(members));
        }
        let one_or_many = |mut values: Vec<Json>| match values.len() {
            1 => values.swap_remove(0),
            _ => Json::Array(values),
        };
        let object: Map<String, Json> = children.into_iter().map(|(name, list)| (name, one_or_many(list))).collect();
        (self.name, Json::Object(object))
    }
}

/// The name of the document's element, and what is in it.
///
/// # Errors
/// Anything but one well-formed element; entities of its own.
pub fn read(document: &[u8]) -> Result<(String, Json), XmlError> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for token in Tokenizer::from(std::str::from_utf8(document)?) {
        let closed = match token? {
            Token::ElementStart { local, .. } if open.len() < DEEPEST => {
                open.push(Open { name: local.to_string(), ..Open::default() });
                false
            }
            Token::ElementStart { .. } => return Err(XmlError::TooDeep),
            Token::ElementEnd { end: ElementEnd::Empty, .. } => true,
            Token::ElementEnd { end: ElementEnd::Close(_, local), .. } => {
                if open.last().is_none_or(|element| element.name != local.as_str()) {
                    return Err(XmlError::Unbalanced(local.to_string()));
                }
                true
            }
            Token::Text { text } => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&unescape(text.as_str())?);
                }
                false
            }
            Token::Cdata { text, .. } => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(text.as_str());
                }
                false
            }
            Token::DtdStart { .. } | Token::EmptyDtd { .. } => return Err(XmlError::DocumentType),
            _ => false,
        };
        if closed && let Some(element) = open.pop() {
            let (name, content) = element.close();
            match open.last_mut() {
                Some(parent) => parent.children.entry(name).or_default().push(content),
                None => root = Some((name, content)),
            }
        }
    }
    match open.pop() {
        Some(element) => Err(XmlError::Unbalanced(element.name)),
        None => root.ok_or(XmlError::Empty),
    }
}

/// One element with its content as a document. What is null is left out.
pub fn write(name: &str, namespace: &str, content: &Json) -> String {
    let mut document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{name} xmlns=\"{}\">", escape(namespace));
    write_content(&mut document, content);
    // Writing to a `String` cannot fail.
    let _ = write!(document, "</{name}>");
    document
}

fn write_content(document: &mut String, content: &Json) {
    match content {
        Json::Object(children) => children.iter().for_each(|(name, child)| write_element(document, name, child)),
        Json::Array(members) => members.iter().for_each(|member| write_element(document, "member", member)),
        Json::String(text) => document.push_str(&escape(text)),
        Json::Null => {}
        plain => document.push_str(&plain.to_string()),
    }
}

fn write_element(document: &mut String, name: &str, content: &Json) {
    match content {
        Json::Null => {}
        Json::Array(several) => several.iter().for_each(|one| write_element(document, name, one)),
        one => {
            let _ = write!(document, "<{name}>");
            write_content(document, one);
            let _ = write!(document, "</{name}>");
        }
    }
}

/// Line ends too: what reads them would make them all one kind.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn unescape(text: &str) -> Result<String, XmlError> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once(';') else { return Err(XmlError::Reference(part.to_owned())) };
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            number => number
                .strip_prefix("#x")
                .map(|digits| u32::from_str_radix(digits, 16))
                .or_else(|| number.strip_prefix('#').map(str::parse))
                .and_then(Result::ok)
                .and_then(char::from_u32),
        };
        plain.push(character.ok_or_else(|| XmlError::Reference(name.to_owned()))?);
        plain.push_str(rest);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn children_of_one_name_are_a_list() {
        let document =
            b"<?xml version=\"1.0\"?>\n<Zones xmlns=\"https://a/\">\n  <Zone><Id>/hostedzone/Z1</Id></Zone>\n  \
            <Zone><Id>Z2</Id><Comment/></Zone><Max>&lt;1&#x20;&amp; 2&#33;</Max><Raw><![CDATA[<a&b>]]></Raw></Zones>";
        let (name, content) = read(document).unwrap();
        assert_eq!(name, "Zones");
        let zones = json!([{ "Id": "/hostedzone/Z1" }, { "Id": "Z2", "Comment": "" }]);
        assert_eq!(content, json!({ "Zone": zones, "Max": "<1 & 2!", "Raw": "<a&b>" }));
    }

    #[test]
    fn members_are_a_list_however_few() {
        let (_, content) = read(b"<R><Names><member>a</member></Names><None/></R>").unwrap();
        assert_eq!(content, json!({ "Names": ["a"], "None": "" }));
    }

    #[test]
    fn what_is_written_is_in_order_and_without_what_is_not_there() {
        let content = json!({ "B": { "Items": { "Name": ["x", "y<"] } }, "A": 5, "No": null, "Yes": true });
        let document = write("Config", "https://ns/", &content);
        let body = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
        let items = "<Items><Name>x</Name><Name>y&lt;</Name></Items>";
        assert_eq!(body, format!("<Config xmlns=\"https://ns/\"><B>{items}</B><A>5</A><Yes>true</Yes></Config>"));
    }

    #[test]
    fn what_is_not_xml_is_refused() {
        let deep = "<a>".repeat(DEEPEST + 1);
        let cases = [
            ("", "has no element"),
            ("<a><b></a>", "`a` is not closed"),
            ("<a>", "`a` is not closed"),
            ("{}", "no XML"),
            ("<a>&lol;</a>", "`&lol;` stands for nothing"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "document type"),
            (deep.as_str(), "more than 64 deep"),
        ];
        for (document, text) in cases {
            let error = read(document.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(text), "{document}: {error}");
        }
        assert!(read(b"<a>\xff</a>").unwrap_err().to_string().contains("UTF-8"));
    }

    fn tree() -> impl Strategy<Value = Json> {
        let leaf = "[ -~äß€\r\n]{0,12}".prop_map(Json::String);
        leaf.prop_recursive(4, 24, 4, |inner| {
            let several = prop::collection::vec(inner.clone().prop_filter("a list", |one| !one.is_array()), 2..4);
            let child = prop_oneof![inner, several.prop_map(Json::Array)];
            prop::collection::btree_map("[A-Z][a-z]{0,5}", child, 1..4).prop_map(|map| json!(map))
        })
    }

    proptest! {
        #[test]
        fn what_was_written_reads_the_same(content in tree()) {
            let (name, read) = read(write("Root", "https://ns/", &content).as_bytes()).unwrap();
            prop_assert_eq!((name.as_str(), read), ("Root", content));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[<>/a&;#x!\\[\\]\" ]{0,40}") {
            let _ = read(text.as_bytes());
        }
    }
}
