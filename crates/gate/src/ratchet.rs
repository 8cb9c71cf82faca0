//! What is counted may only get better.
