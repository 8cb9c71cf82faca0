//! Two result files, compared on what they recorded.
