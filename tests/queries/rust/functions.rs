//! Functions of all kinds.
//!
//! With a second paragraph.

/// Adds two numbers.
///
/// # Examples
///
/// ```
/// assert_eq!(add(1, 2), 3);
/// ```
pub fn add(a: i32, mut b: i32) -> i32 {
    b += a;
    b
}

/// Picks one.
#[must_use]
#[inline]
pub(crate) const fn pick(first: bool) -> u8 {
    if first { 1 } else if FLAG { return 2 } else { 3 }
}

pub async fn fetch<K>(key: K, (low, high): (u8, u8), _: ()) -> Option<String>
where
    K: Into<String> + Send,
{
    match key.into() {
        text if text.is_empty() || low > high => None,
        text => Some(text),
    }
}

/// Reads it.
///
/// # Safety
///
/// The pointer must be valid.
pub unsafe extern "C" fn read<'a, T: Copy + 'a, const N: usize>(at: *const T) -> T {
    unsafe { *at }
}

extern "C" {
    /// From elsewhere.
    pub fn printf(format: *const u8, ...) -> i32;
}

fn unit() {
    fn nested(x: u8) -> u8 {
        x
    }
    let closure = |x: u8| { return nested(x) };
    closure(1);
}

#[deprecated(since = "1.2", note = "use `add`")]
pub fn old() {}

#[doc = "Documented by an attribute."]
#[doc(hidden)]
pub fn hidden() {}

/** A block of words. */
#[macro_export]
macro_rules! square {
    ($x:expr) => { $x * $x };
}

macro_rules! private { () => {} }
