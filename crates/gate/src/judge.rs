//! From blocks to judged cells.
