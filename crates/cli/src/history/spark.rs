//! A series as a line of text.

/// The most characters of a line; of longer series the newest values are shown.
pub(crate) const MOST: usize = 40;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', ',', '-', '~', '=', '+', '#'];

/// One character a value, from the lowest to the highest of those shown; all
/// in the middle if they are alike.
pub(crate) fn line(values: &[f64], is_ascii: bool) -> String {
    let steps = if is_ascii { ASCII } else { BLOCKS };
    let shown = &values[values.len().saturating_sub(MOST)..];
    let low = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let high = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let top = steps.len() - 1;
    shown
        .iter()
        .map(|value| {
            let part = (value - low) / (high - low);
            if part.is_finite() {
                // In 0..=7, and a cast of what is not saturates.
                steps[((part * top as f64).round() as usize).min(top)]
            } else {
                steps[top / 2]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_and_highest_are_seen() {
        assert_eq!(line(&[1.0, 2.0, 8.0, 1.0], false), "▁▂█▁");
        assert_eq!(line(&[1.0, 2.0, 8.0, 1.0], true), "_.#_");
        assert_eq!(line(&[5.0, 5.0], false), "▄▄");
        assert_eq!(line(&[], false), "");
        let long: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(line(&long, false).chars().count(), MOST);
        assert!(line(&long, false).ends_with('█'));
    }
}
