//! Intervals of effects, and the smallest effect that could have been seen.
