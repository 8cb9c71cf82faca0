//! What stands behind `authbench conform`.

#[cfg_attr(not(test), expect(dead_code, reason = "the command is to come"))]
pub(crate) mod ours;
#[expect(dead_code, reason = "the command is to come")]
pub(crate) mod vectors;
pub(crate) mod verifiers;
