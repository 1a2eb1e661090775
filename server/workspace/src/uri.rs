//! The one place where paths and `file:` URIs turn into each other. Documents are keyed by the URI exactly as their client wrote it.

use std::path::{Path, PathBuf};

/// The path of a `file:` URI; `None` for another scheme or another host.
pub fn to_path(uri: &str) -> Option<PathBuf> {
    let rest = strip_scheme(uri)?;
    let rest = match rest.strip_prefix("//") {
        Some(authority_and_path) => {
            let slash = authority_and_path.find('/')?;
            let (authority, path) = authority_and_path.split_at(slash);
            if !(authority.is_empty() || authority.eq_ignore_ascii_case("localhost")) {
                return None;
            }
            path
        }
        None => rest,
    };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    path_of_bytes(decode(rest))
}

/// The `file:` URI of an absolute path; a relative one is taken as it stands.
pub fn from_path(path: &Path) -> String {
    let mut uri = String::from("file://");
    let bytes = path.as_os_str().as_encoded_bytes();
    if !bytes.starts_with(b"/") {
        uri.push('/');
    }
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => {
                uri.push('%');
                uri.push(hex_digit(byte >> 4));
                uri.push(hex_digit(byte & 15));
            }
        }
    }
    uri
}

/// Whether two URIs name the same file, however they are escaped.
pub fn same_file(left: &str, right: &str) -> bool {
    left == right || matches!((to_path(left), to_path(right)), (Some(left), Some(right)) if left == right)
}

/// What a person reads for a URI: the path where it has one.
pub fn display(uri: &str) -> String {
    to_path(uri).map_or_else(|| uri.to_string(), |path| path.display().to_string())
}

fn strip_scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_at_checked(5)?;
    scheme.eq_ignore_ascii_case("file:").then_some(rest)
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            decoded.push((high * 16 + low) as u8);
            rest = after;
        } else {
            decoded.push(*first);
        }
    }
    decoded
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(unix)]
fn path_of_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    // A NUL can stand in no path; asking the system for it would be an error of another kind on every call.
    (!bytes.contains(&0)).then(|| PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    let text = String::from_utf8(bytes).ok()?;
    let mut characters = text.chars();
    // `/C:/x` is the path `C:/x`.
    let is_drive = characters.next() == Some('/')
        && characters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && characters.next() == Some(':');
    Some(PathBuf::from(if is_drive { &text[1..] } else { &text[..] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_strange_characters_round_trip() {
        for path in ["/a/b.py", "/a b/ü#?%41.py", "/🎉/x+y&z;=@.rs", "/", "/tab\there", "/c:/d"] {
            let uri = from_path(Path::new(path));
            assert!(uri.is_ascii() && !uri.contains(' '), "{uri}");
            assert_eq!(to_path(&uri).as_deref(), Some(Path::new(path)), "{uri}");
        }
    }

    #[test]
    fn uris_as_clients_write_them_are_read() {
        assert_eq!(to_path("file:///c%3A/x.py").as_deref(), Some(Path::new("/c:/x.py")));
        assert_eq!(to_path("file://localhost/x%20y").as_deref(), Some(Path::new("/x y")));
        assert_eq!(to_path("FILE:/x").as_deref(), Some(Path::new("/x")));
        assert_eq!(
            to_path("file:///x%zz%").as_deref(),
            Some(Path::new("/x%zz%")),
            "broken escapes stand for themselves"
        );
        assert!(same_file("file:///a%2Db", "file:///a-b"));
    }

    #[test]
    fn uris_that_are_no_local_file_have_no_path() {
        for uri in ["untitled:Untitled-1", "http://x/y", "file://server/share", "", "file", "file:///a%00b", "é"] {
            assert_eq!(to_path(uri), None, "{uri}");
        }
    }
}
