use std::fmt;

/// A store.
#[derive(Debug, Clone)]
// A plain comment in between.
pub struct Store<'a, T: Clone + 'a, const N: usize = 3>
where
    T: fmt::Debug,
{
    /// How many.
    pub size: usize,
    pub(super) items: Vec<&'a T>,
    hidden: [T; N],
}

pub struct Pair(pub i32, String);

struct Unit;

/// A shape.
pub enum Shape {
    /// Round.
    Circle(f64),
    Square { side: f64 },
    Unit = 3,
}

pub union Bits { int: u32, float: f32 }

/// Draws.
pub trait Draw: fmt::Debug + Send {
    /// What comes out.
    type Output: Clone;
    const LIMIT: usize = 1;
    /// Draws it.
    fn draw(&self, to: &mut dyn fmt::Write) -> fmt::Result;
    fn area(&self) -> f64 {
        0.0
    }
}

impl<T: Clone> Draw for Store<'_, T, 3> {
    type Output = T;
    fn draw(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        write!(to, "x")
    }
}

impl Pair {
    /// A pair 🎉.
    pub fn new(left: i32) -> Self {
        Self(left, String::new())
    }
    pub fn take(self: Box<Self>) {}
    pub fn set_left(&mut self, left: i32) -> &mut Self {
        self.0 = left;
        self
    }
    fn private(&self) {}
}

impl Unit {
    pub fn of_a_hidden_type(&self) {}
}

/// Short for it.
pub type Short<T> = Store<'static, T>;
pub const LIMIT: usize = 5;
static mut COUNT: u32 = 0;

/// An inner module.
pub mod inner {
    #![allow(dead_code)]
    //! Words inside.

    pub fn deep() {}
}

pub mod file;
