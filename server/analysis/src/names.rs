//! Names: what is one, its words, and how near two of them are.

/// Whether `text` is one plain identifier.
pub fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || first == '$' || first.is_alphabetic())
        && characters.all(|character| character == '_' || character == '$' || character.is_alphanumeric())
}

/// The lower-case words of a name in camel case, snake case or kebab case.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_alphanumeric() {
            previous = ' ';
            continue;
        }
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let starts = !previous.is_alphanumeric()
            || (character.is_uppercase() && (!previous.is_uppercase() || next_is_lower) && !previous.is_numeric());
        if starts || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
        previous = character;
    }
    words
}

/// The same but for case, underscores and leading dollar signs.
pub fn same_loosely(left: &str, right: &str) -> bool {
    let plain = |text: &str| {
        text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let left_plain = plain(left);
    !left_plain.is_empty() && left_plain == plain(right)
}

/// The last part of a dotted or `::`-separated name, without arguments.
pub fn last_segment(name: &str) -> &str {
    let name = name.split(['(', '[', '<']).next().unwrap_or(name).trim();
    name.rsplit(['.', ':', '#', '~', '/', '\\']).next().unwrap_or(name)
}

/// How many letters must change to make one of the other.
pub fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (to, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = (diagonal + usize::from(from != *to)).min(above + 1).min(before + 1);
            diagonal = above;
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// How alike two names are, from 0 (not at all) to 1 (the same but for case and underscores).
pub fn similarity(left: &str, right: &str) -> f32 {
    if same_loosely(left, right) {
        return 1.0;
    }
    if is_plural(left, right) || is_plural(right, left) {
        return 0.9;
    }
    let (left_words, right_words) = (words(left), words(right));
    let shared = left_words.iter().filter(|word| right_words.contains(word)).count();
    let longest = left_words.len().max(right_words.len()).max(1);
    let by_words = if shared == 0 { 0.0 } else { 0.4 + 0.5 * shared as f32 / longest as f32 };
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let length = left.chars().count().max(right.chars().count()).max(1);
    let by_letters = 1.0 - edit_distance(&left, &right) as f32 / length as f32;
    let shorter = left.chars().count().min(right.chars().count());
    let by_prefix = if shorter >= 3 && (left.starts_with(&right) || right.starts_with(&left)) { 0.7 } else { 0.0 };
    by_words.max(by_letters).max(by_prefix)
}

/// Whether a prose name is likely an older or misspelt form of a name in code: the same words and one more, a plural, or a letter or two apart.
pub fn is_near(candidate: &str, name: &str) -> bool {
    if candidate == name || name.is_empty() {
        return false;
    }
    if same_loosely(candidate, name) || is_plural(candidate, name) || is_plural(name, candidate) {
        return true;
    }
    let (old, new) = (words(candidate), words(name));
    let (short, long) = if old.len() < new.len() { (&old, &new) } else { (&new, &old) };
    if !short.is_empty() && short.len() < long.len() && (long.starts_with(short) || long.ends_with(short)) {
        return true;
    }
    let length = candidate.chars().count().min(name.chars().count());
    let allowed = if length >= 8 { 2 } else { usize::from(length >= 4) };
    allowed > 0 && edit_distance(candidate, name) <= allowed
}

fn is_plural(one: &str, many: &str) -> bool {
    many.strip_prefix(one).is_some_and(|rest| matches!(rest, "s" | "es")) && !one.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words("parseHTTPHeader2_raw"), ["parse", "http", "header2", "raw"]);
        assert_eq!(words("__init__"), ["init"]);
        assert_eq!(words("X"), ["x"]);
    }

    #[test]
    fn distance_is_that_of_levenshtein() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("é🎉", "é"), 1);
    }

    #[test]
    fn likeness_sees_words_plurals_and_case() {
        assert_eq!(similarity("max_size", "maxSize"), 1.0);
        assert!(similarity("type", "type_value") > 0.6);
        assert!(similarity("public_key", "public_key_bytes") > 0.7);
        assert!(similarity("meth", "method") > 0.6);
        assert!(similarity("x", "device") < 0.3);
    }

    #[test]
    fn near_names_are_those_of_a_rename() {
        for (old, new) in [
            ("type", "type_value"),
            ("x", "xs"),
            ("chunkGraph", "chunkGraphValue"),
            ("colour", "color"),
            ("maxSize", "max_size"),
        ] {
            assert!(is_near(old, new), "{old} {new}");
        }
        for (old, new) in [("x", "y"), ("axis", "axes_of"), ("None", "name"), ("value", "value")] {
            assert!(!is_near(old, new), "{old} {new}");
        }
    }

    #[test]
    fn the_last_segment_ends_a_qualified_name() {
        assert_eq!(last_segment("errors.NotFound"), "NotFound");
        assert_eq!(last_segment("std::io::Error"), "Error");
        assert_eq!(last_segment("Foo(bar.baz)"), "Foo");
    }
}
