//! Long sentences on a terminal: folded between words, so that none is cut where the screen ends.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Narrower terminals are left to fold by themselves.
const NARROWEST: usize = 40;

/// The same text with every line longer than `width` columns folded between words, under where its words begin. Lines of
/// a shown file stay as they are: their columns mean something. Colours take no room. Words that are longer than a line,
/// such as ARNs and paths, are not broken: somebody will copy them.
pub fn fold(text: &str, width: usize) -> String {
    if width < NARROWEST {
        return text.to_owned();
    }
    text.split('\n').map(|line| folded(line, width)).collect::<Vec<_>>().join("\n")
}

fn folded(line: &str, width: usize) -> String {
    let plain = console::strip_ansi_codes(line);
    let margin = margin(&plain);
    let shows_a_file = plain.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    if shows_a_file || textwrap::core::display_width(&plain) <= width {
        return line.to_owned();
    }
    let under = " ".repeat(margin);
    let options = Options::new(width)
        .subsequent_indent(&under)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::wrap(line, options).join("\n")
}

/// Where the words of a line begin: after its own indent and after `help: `, two columns further for any other.
fn margin(plain: &str) -> usize {
    let indent = plain.len() - plain.trim_start_matches(' ').len();
    let named = ["= help: ", "= note: ", "help: "].iter().find(|name| plain[indent..].starts_with(**name));
    indent + named.map_or(2, |name| name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_folded_between_words_under_their_beginning() {
        let text = "error: a sentence that is somewhat longer than this narrow terminal\n   = help: and a way out of it that is longer as well";
        assert_eq!(
            fold(text, 40),
            "error: a sentence that is somewhat\n  longer than this narrow terminal\n   = help: and a way out of it that is\n           longer as well"
        );
    }

    #[test]
    fn colours_take_no_room_and_what_is_copied_stays_whole() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:a-rather-long-name";
        let text = "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: 0123456789 0123456789 01234567";
        assert_eq!(fold(text, 40), text, "41 columns with the colours, 37 without");
        assert_eq!(fold(&format!("no such function {arn}"), 40), format!("no such function\n  {arn}"));
    }

    #[test]
    fn lines_of_a_file_and_narrow_screens_are_left_alone() {
        let line = "12 |   a: a line of the file that is shown with its columns kept";
        assert_eq!(fold(line, 40), line);
        assert_eq!(fold("word word word word word", 10), "word word word word word");
    }
}
