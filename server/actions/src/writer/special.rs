//! Names that mean the same everywhere: Python's special methods, the methods of Rust's traits, and the fixed names of JavaScript and Go.

use super::subject::{Subject, Tongue};
use super::words::{code, list, phrase, split, the};

/// What is said of special methods; `§` stands for the owner.
const PYTHON: &[(&str, &str)] = &[
    ("__new__", "create a new instance of §"),
    ("__del__", "release what § holds"),
    ("__repr__", "return § as text for debugging"),
    ("__str__", "return § as text for people"),
    ("__bytes__", "return § as bytes"),
    ("__format__", "return § as text in the format asked for"),
    ("__lt__", "return whether § sorts before `other`"),
    ("__le__", "return whether § sorts before `other` or is equal to it"),
    ("__eq__", "return whether § is equal to `other`"),
    ("__ne__", "return whether § differs from `other`"),
    ("__gt__", "return whether § sorts behind `other`"),
    ("__ge__", "return whether § sorts behind `other` or is equal to it"),
    ("__hash__", "return the hash of §, so that it can be a key"),
    ("__bool__", "return whether § counts as true"),
    ("__getattr__", "return an attribute that § does not have itself"),
    ("__getattribute__", "return any attribute of §"),
    ("__setattr__", "set an attribute of §"),
    ("__delattr__", "delete an attribute of §"),
    ("__dir__", "return the attribute names of §"),
    ("__get__", "return the value of the descriptor for an instance"),
    ("__set__", "set the value of the descriptor for an instance"),
    ("__delete__", "delete the value of the descriptor for an instance"),
    ("__set_name__", "learn under which name § stands in its class"),
    ("__init_subclass__", "prepare a new subclass of §"),
    ("__class_getitem__", "return § with type arguments"),
    ("__call__", "call § like a function"),
    ("__len__", "return how many items § holds"),
    ("__length_hint__", "return about how many items § holds"),
    ("__getitem__", "return one item of §"),
    ("__setitem__", "set one item of §"),
    ("__delitem__", "delete one item of §"),
    ("__missing__", "return a value for a key that § does not hold"),
    ("__iter__", "return an iterator over §"),
    ("__reversed__", "return an iterator over § from the end"),
    ("__contains__", "return whether § holds an item"),
    ("__next__", "return the next item of §"),
    ("__aiter__", "return an asynchronous iterator over §"),
    ("__anext__", "return the next item of § when it is there"),
    ("__await__", "return an iterator that waits for §"),
    ("__enter__", "enter the context of §"),
    ("__exit__", "leave the context of §"),
    ("__aenter__", "enter the asynchronous context of §"),
    ("__aexit__", "leave the asynchronous context of §"),
    ("__add__", "return the sum of § and `other`"),
    ("__radd__", "return the sum of `other` and §"),
    ("__iadd__", "add `other` to § in place"),
    ("__sub__", "return § minus `other`"),
    ("__rsub__", "return `other` minus §"),
    ("__isub__", "subtract `other` from § in place"),
    ("__mul__", "return § times `other`"),
    ("__rmul__", "return `other` times §"),
    ("__imul__", "multiply § by `other` in place"),
    ("__matmul__", "return the matrix product of § and `other`"),
    ("__truediv__", "return § divided by `other`"),
    ("__rtruediv__", "return `other` divided by §"),
    ("__floordiv__", "return § divided by `other`, rounded down"),
    ("__mod__", "return the remainder of § divided by `other`"),
    ("__divmod__", "return quotient and remainder of § and `other`"),
    ("__pow__", "return § raised to a power"),
    ("__lshift__", "return § shifted to the left"),
    ("__rshift__", "return § shifted to the right"),
    ("__and__", "combine § and `other` with `&`"),
    ("__or__", "combine § and `other` with `|`"),
    ("__xor__", "combine § and `other` with `^`"),
    ("__rand__", "combine `other` and § with `&`"),
    ("__ror__", "combine `other` and § with `|`"),
    ("__invert__", "return the inverse of §"),
    ("__neg__", "return the negative of §"),
    ("__pos__", "return § with its sign"),
    ("__abs__", "return the absolute value of §"),
    ("__int__", "return § as an integer"),
    ("__float__", "return § as a floating-point number"),
    ("__complex__", "return § as a complex number"),
    ("__index__", "return § as an index"),
    ("__round__", "return § rounded"),
    ("__copy__", "return a shallow copy of §"),
    ("__deepcopy__", "return a deep copy of §"),
    ("__reduce__", "return what pickle needs to build § again"),
    ("__reduce_ex__", "return what pickle needs to build § again"),
    ("__getstate__", "return the state of § for pickling"),
    ("__setstate__", "restore the state of § after pickling"),
    ("__getnewargs__", "return the arguments with which pickle builds § again"),
    ("__sizeof__", "return the size of § in memory"),
    ("__post_init__", "finish § after its fields are set"),
    ("__instancecheck__", "return whether an object counts as an instance"),
    ("__subclasscheck__", "return whether a class counts as a subclass"),
    ("__fspath__", "return § as a file system path"),
    ("__prepare__", "return the namespace for the body of a new class"),
    ("setUp", "prepare what each test of § needs"),
    ("tearDown", "clean up after each test of §"),
    ("setUpClass", "prepare what all tests of § share"),
    ("tearDownClass", "clean up after all tests of §"),
    ("setUpModule", "prepare what all tests of this file share"),
    ("tearDownModule", "clean up after all tests of this file"),
    ("main", "run the program"),
];

const RUST: &[(&str, &str)] = &[
    ("new", "create a new §"),
    ("default", "return the default value of §"),
    ("fmt", "write § to the formatter"),
    ("drop", "release what § holds"),
    ("next", "return the next item, or `None` at the end"),
    ("next_back", "return the next item from the end"),
    ("deref", "return the value that § points to"),
    ("deref_mut", "return the value that § points to, for changing"),
    ("from", "convert from the given value"),
    ("into", "convert into the target type"),
    ("clone", "return a copy of §"),
    ("eq", "return whether both values are equal"),
    ("cmp", "compare both values"),
    ("partial_cmp", "compare both values where they can be compared"),
    ("hash", "feed § into the hasher"),
    ("from_str", "parse § from text"),
    ("to_string", "return § as text"),
    ("index", "return the item at the index"),
    ("poll", "try to make progress without blocking"),
    ("len", "return how many items § holds"),
    ("is_empty", "return whether § holds no items"),
    ("iter", "return an iterator over the items of §"),
    ("iter_mut", "return an iterator that can change the items of §"),
    ("into_iter", "turn § into an iterator over its items"),
    ("main", "run the program"),
    ("into_inner", "consume § and return what it wraps"),
    ("get_ref", "return a reference to what § wraps"),
    ("get_mut", "return a reference to what § wraps, for changing"),
    ("build", "build the finished value from what § was given"),
];

const SCRIPT: &[(&str, &str)] = &[
    ("toString", "return § as text"),
    ("toJSON", "return § as a value for JSON"),
    ("valueOf", "return § as a primitive value"),
    ("then", "run a callback when § is done"),
    ("componentDidMount", "prepare § after it is mounted"),
    ("componentWillUnmount", "clean up § before it is unmounted"),
    ("componentDidUpdate", "react to new properties or state of §"),
    ("connectedCallback", "prepare § when it enters the document"),
    ("disconnectedCallback", "clean up § when it leaves the document"),
    ("ngOnInit", "prepare § after its first change detection"),
    ("ngOnDestroy", "clean up § before it is destroyed"),
    ("main", "run the program"),
    ("dispose", "release what § holds"),
    ("destroy", "release what § holds"),
];

const GO: &[(&str, &str)] = &[
    ("String", "return § as text"),
    ("Error", "return the message of §"),
    ("Close", "release what § holds"),
    ("ServeHTTP", "answer one HTTP request"),
    ("Len", "return how many items § holds"),
    ("Less", "return whether one item sorts before another"),
    ("Swap", "exchange two items of §"),
    ("MarshalJSON", "return § as JSON"),
    ("UnmarshalJSON", "read § from JSON"),
    ("Unwrap", "return the error that § wraps"),
    ("Is", "return whether § matches the target error"),
    ("Read", "read bytes of § into a buffer"),
    ("Write", "write bytes to §"),
    ("main", "run the program"),
    ("init", "prepare the package"),
];

/// The sentence for a name with a fixed meaning, as imperative, without its full stop.
pub fn special(subject: &Subject<'_>) -> Option<String> {
    let name = subject.symbol.name.as_str();
    let table = match subject.tongue {
        Tongue::Python => PYTHON,
        Tongue::Rust => RUST,
        Tongue::JavaScript | Tongue::TypeScript => SCRIPT,
        Tongue::Go => GO,
        Tongue::Other => &[],
    };
    let owner = subject.owner_phrase();
    let needs_owner = |text: &str| text.contains('§');
    if let Some((_, text)) = table.iter().find(|(known, _)| *known == name) {
        if name == "main" && subject.owner.is_some() {
            return None;
        }
        let text = if text.contains("`other`") && !subject.symbol.params.iter().any(|param| param.name == "other") {
            let other = subject
                .symbol
                .params
                .first()
                .and_then(|param| code(&param.name))
                .unwrap_or_else(|| "another".to_owned());
            text.replace("`other`", &other)
        } else {
            (*text).to_owned()
        };
        let text = match (subject.tongue, name) {
            (Tongue::Rust, "new") => created(subject, &owner.clone()?.replace("this ", "")),
            _ => text,
        };
        return match owner {
            Some(owner) => Some(text.replace('§', &owner)),
            None if needs_owner(&text) => None,
            None => Some(text),
        };
    }
    prefixed(subject, owner.as_deref())
}

/// "create a `Foo` with `a` and `b`".
fn created(subject: &Subject<'_>, bare: &str) -> String {
    let names: Vec<String> = subject.required().iter().take(2).filter_map(|param| code(&param.name)).collect();
    if names.is_empty() {
        format!("create a new {bare}")
    } else {
        format!("create a new {bare} with {}", list(&names, "and"))
    }
}

/// Names that begin in a way with a fixed meaning: `as_`, `into_`, `with_`, `New`, `use`.
fn prefixed(subject: &Subject<'_>, owner: Option<&str>) -> Option<String> {
    let words = split(&subject.symbol.name);
    let (first, rest) = words.split_first()?;
    let rest_phrase = phrase(rest);
    match (subject.tongue, first.as_str(), owner) {
        _ if rest.is_empty() => None,
        (Tongue::Rust, "as", Some(owner)) => Some(format!("return {owner} as {rest_phrase}, without copying")),
        (Tongue::Rust, "into", Some(owner)) => Some(format!("turn {owner} into {rest_phrase}")),
        (Tongue::Rust, "with", Some(_)) if subject.symbol.receiver.is_none() => {
            Some(format!("create {} with {}", subject.an_owner().unwrap_or_default(), the(&rest_phrase)))
        }
        (Tongue::Rust, "with", Some(owner)) => Some(format!("set {}, returning {owner}", the(&rest_phrase))),
        (Tongue::Rust, "from", Some(_)) => {
            Some(format!("create {} from {}", subject.an_owner().unwrap_or_default(), the(&rest_phrase)))
        }
        (Tongue::Rust, _, Some(owner)) if rest.last().is_some_and(|word| word == "mut") => {
            let plain: Vec<String> =
                words.iter().filter(|word| !matches!(word.as_str(), "mut" | "get")).cloned().collect();
            Some(format!("return {} of {owner}, for changing", the(&phrase(&plain))))
        }
        (Tongue::Go, "new", _) => {
            let names: Vec<String> = subject.required().iter().take(2).filter_map(|param| code(&param.name)).collect();
            let from =
                if names.is_empty() { " ready for use".to_owned() } else { format!(" from {}", list(&names, "and")) };
            Some(format!("create a new {rest_phrase}{from}"))
        }
        (Tongue::JavaScript | Tongue::TypeScript, "use", None) if subject.returns_value() => {
            Some(format!("provide {} to a component", the(&rest_phrase)))
        }
        (Tongue::JavaScript | Tongue::TypeScript | Tongue::Python, "on", _) => {
            Some(format!("react to {}", the(&rest_phrase)))
        }
        _ => None,
    }
}
