//! Where a history changed: E-divisive.
