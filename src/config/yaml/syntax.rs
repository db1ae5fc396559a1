//! What is wrong with a text that is not YAML, in words for people.

use granit_parser::{ErrorKind, ScanError};

use crate::config::diagnostic::Diagnostic;
use crate::config::node::Place;

/// The diagnostic for a text that could not be parsed. `rest` is the text from the start of the line that the parser
/// stopped at.
pub fn diagnose(error: &ScanError, place: Place, rest: &str) -> Diagnostic {
    use ErrorKind as Kind;
    let line = rest.lines().next().unwrap_or_default();
    let syntax = |message: &str| Diagnostic::error("yaml-syntax", message);
    let diagnostic = match error.kind() {
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInPlainScalar => return tab(place, rest),
        // A tab before a key ends up as an odd error about what follows it.
        _ if line.trim_end().as_bytes().iter().take_while(|b| b.is_ascii_whitespace()).any(|b| *b == b'\t') => {
            return tab(place, rest);
        }
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar | Kind::InvalidQuotedScalarIndent => {
            syntax("a quote is opened and never closed").help("close the quote at the end of the value")
        }
        Kind::UnclosedFlowCollection { open } => {
            syntax(&format!("`{open}` is opened and never closed")).help("add the closing bracket")
        }
        Kind::MismatchedFlowCollectionEnd { open, close } => {
            syntax(&format!("`{open}` is closed by `{close}`")).help("use the bracket that matches the opening one")
        }
        Kind::UnexpectedEofFlowSequence | Kind::UnexpectedEofFlowMapping | Kind::UnexpectedEofImplicitFlowMapping => {
            syntax("the file ends inside a `[` or `{`").help("add the closing bracket")
        }
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => {
            syntax("a comma or the closing bracket is missing here")
                .help("separate the entries with commas, and quote a value that holds `{`, `}`, `[` or `]`")
        }
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement => {
            syntax("`: ` is not expected here: the value before it is already complete")
                .help("quote a value that contains `: `, put this key on a line of its own at the right indentation, or add the `:` that the line above lacks")
        }
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => syntax("a key without a `:`")
            .help("write `key: value`, and check that the line is indented like its neighbours"),
        Kind::ExpectedBlockMappingKey | Kind::InvalidIndentation | Kind::ExpectedBlockSequenceEntry => {
            syntax("this line does not fit the indentation of the lines above it")
                .help("indent it exactly like the other entries of its mapping or list")
        }
        Kind::BlockSequenceEntryNotAllowed | Kind::BlockEntryInFlowCollection => {
            syntax("a list item (`- `) is not expected here").help("put the list on lines of its own beneath its key")
        }
        Kind::UnexpectedCharacter { character } => {
            let found = syntax(&format!("a value cannot begin with `{character}`"));
            found.help("put the value in quotes")
        }
        Kind::MissingAnchorOrAliasName => {
            syntax("`*` and `&` at the start of a value refer to an anchor, and none is named here")
                .help("put the value in quotes: '*'")
        }
        Kind::UnknownQuotedScalarEscape => syntax("an unknown escape in a double-quoted text")
            .help("write a backslash as `\\\\`, or use single quotes, in which it stands for itself"),
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            syntax("text follows the closing quote")
                .help("put the whole value in quotes; in single quotes an apostrophe is written twice")
        }
        Kind::RecursionLimitExceeded => {
            return Diagnostic::error("too-deep", "the file is nested too deeply").at(place);
        }
        Kind::MissingDocumentEndBeforeDirective | Kind::InvalidDirectiveName | Kind::MissingDirectiveName => {
            syntax("`%` at the start of a line is a YAML directive").help("put the value in quotes")
        }
        Kind::CommentInterceptedScalar | Kind::CommentNotSeparated => {
            syntax("a comment stands where the value goes on").help("put a space before `#`, or quote the value")
        }
        Kind::InvalidBlockScalarIndent => {
            syntax("a line of a text over several lines is indented less than its first one")
                .help("indent every line of the text at least like the first")
        }
        _ => syntax(&format!("not valid YAML: {}", error.info())),
    };
    diagnostic.at(place)
}

/// The diagnostic for a tab in an indentation. `rest` is the text from the start of the line of `place`; the tab may
/// stand on a later line, where the parser did not get to.
pub fn tab(place: Place, rest: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("yaml-tab", "a tab is used where YAML allows only spaces")
        .help("indent with spaces: replace each tab of the file by two spaces");
    let Some(at) = rest.find('\t') else { return diagnostic.at(place) };
    let before = &rest[..at];
    let newline = before.rfind('\n').map_or(0, |newline| newline + 1);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    // Columns count characters, offsets bytes: where the line of `place` begins follows from what stands before it.
    let ahead: usize = rest.chars().take(place.column.saturating_sub(1) as usize).map(char::len_utf8).sum();
    let start = place.start.saturating_sub(number(ahead)).saturating_add(number(at));
    let line = place.line + number(before.matches('\n').count());
    diagnostic.at(Place { start, end: start + 1, line, column: number(before[newline..].chars().count() + 1), ..place })
}
