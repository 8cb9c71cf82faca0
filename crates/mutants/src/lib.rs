//! A small server of every family, sound until one of its flaws is switched on.
