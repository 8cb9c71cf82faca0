//! What `gate.toml` says.
