//! The nearest of some known words to one that is not among them, for "did you mean".

/// The candidate that differs from `word` by the fewest edits (a swap of neighbours is one), when it is near enough to
/// be a slip of the keyboard, letter case aside: one edit up to seven letters, two up to eleven, else three. What lacks
/// the first letter, or has another before it, is another word (`sentry`, `entry`).
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = match word.len() {
        0..=7 => 1,
        8..=11 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| {
            let letters: Vec<char> = candidate.chars().take(64).flat_map(char::to_lowercase).collect();
            let shifted = word.get(1..) == Some(&letters[..]) || letters.get(1..) == Some(&word[..]);
            (if shifted { usize::MAX } else { distance(&word, &letters) }, candidate)
        })
        .filter(|(distance, candidate)| *distance <= allowed && candidate.len() > *distance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &right) in b.iter().enumerate() {
            let substituted = last[j] + usize::from(left != right);
            let mut best = substituted.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left == b[j - 1] && a[i - 1] == right {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_another_word_does_not() {
        let known = ["memorySize", "timeout", "handler", "self", "opt"];
        for (word, meant) in [
            ("memorysize", Some("memorySize")),
            ("memroySize", Some("memorySize")),
            ("memory", None),
            ("timout", Some("timeout")),
            ("hanlder", Some("handler")),
            ("slef", Some("self")),
            ("op", Some("opt")),
            ("environment", None),
            ("elf", None),
            ("tiemuot", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
