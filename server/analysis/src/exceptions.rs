//! Python's own exceptions: which is a kind of which, and which arise without a `raise`.

/// Exceptions that operators, look-ups and iteration raise by themselves.
pub const IMPLICIT: &[&str] = &[
    "ArithmeticError",
    "AttributeError",
    "EOFError",
    "FloatingPointError",
    "IndexError",
    "KeyError",
    "KeyboardInterrupt",
    "MemoryError",
    "NameError",
    "OverflowError",
    "RecursionError",
    "StopAsyncIteration",
    "StopIteration",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "ZeroDivisionError",
];

const PARENTS: &[(&str, &str)] = &[
    ("ArithmeticError", "Exception"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("BlockingIOError", "OSError"),
    ("BrokenPipeError", "ConnectionError"),
    ("BufferError", "Exception"),
    ("ChildProcessError", "OSError"),
    ("ConnectionAbortedError", "ConnectionError"),
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "ConnectionError"),
    ("ConnectionResetError", "ConnectionError"),
    ("EOFError", "Exception"),
    ("Exception", "BaseException"),
    ("FileExistsError", "OSError"),
    ("FileNotFoundError", "OSError"),
    ("FloatingPointError", "ArithmeticError"),
    ("IOError", "OSError"),
    ("ImportError", "Exception"),
    ("IndexError", "LookupError"),
    ("InterruptedError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("KeyError", "LookupError"),
    ("LookupError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("NotADirectoryError", "OSError"),
    ("NotImplementedError", "RuntimeError"),
    ("OSError", "Exception"),
    ("OverflowError", "ArithmeticError"),
    ("PermissionError", "OSError"),
    ("ProcessLookupError", "OSError"),
    ("RangeError", "Error"),
    ("RecursionError", "RuntimeError"),
    ("ReferenceError", "Error"),
    ("RuntimeError", "Exception"),
    ("SyntaxError", "Exception"),
    ("TimeoutError", "OSError"),
    ("TypeError", "Error"),
    ("URIError", "Error"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("UnicodeEncodeError", "UnicodeError"),
    ("UnicodeError", "ValueError"),
    ("ValueError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
];

/// The classes that `name` derives from, nearest first; every exception is an `Exception` and an `Error` at last.
pub fn ancestors(name: &str) -> impl Iterator<Item = &'static str> {
    let parent = |name: &str| PARENTS.iter().find(|(child, _)| *child == name).map(|(_, parent)| *parent);
    let chain = std::iter::successors(parent(name), move |name| parent(name));
    chain.chain(["Exception", "BaseException", "Error"])
}

/// Whether an exception that arises by itself is a kind of `name`.
pub fn is_base_of_implicit(name: &str) -> bool {
    matches!(name, "Exception" | "BaseException" | "Error")
        || IMPLICIT.iter().any(|implicit| PARENTS.contains(&(*implicit, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_bases_is_followed_to_its_end() {
        assert_eq!(
            ancestors("BrokenPipeError").take(3).collect::<Vec<_>>(),
            ["ConnectionError", "OSError", "Exception"]
        );
        assert!(ancestors("MyError").any(|base| base == "Exception"));
        assert!(is_base_of_implicit("LookupError") && !is_base_of_implicit("OSError"));
    }
}
