//! Keeps the Language Server Protocol in: the only room with its types. Maps messages to the core and back, decides nothing.

pub mod serve;

#[cfg(test)]
mod test_client;
