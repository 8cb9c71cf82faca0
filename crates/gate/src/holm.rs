//! Holm's correction for several tests at once.
