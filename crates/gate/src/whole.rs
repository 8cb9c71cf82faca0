//! The judgement of the whole.
