//! What every store and scheme must obey, as tests to call.

pub mod laws;
pub mod machine;
