//! Comparing and judging: two programs side by side, interleaved.
