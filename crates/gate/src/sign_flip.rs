//! The exact sign-flip test.
