/// Before.
pub fn before(a: u8) -> u8 {
    a
}

pub struct Half {
    /// Kept.
    pub name: String,
    pub size:

/// After.
pub fn after(b: u8 {
    b
}

impl Half {
    fn method(&self) {}
