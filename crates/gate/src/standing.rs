//! What known gates say of the machine.
