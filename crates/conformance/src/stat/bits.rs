//! Columns of bits, one row a sample: correlation and rank.

/// A column: one bit of each sample.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    words: Vec<u64>,
    rows: usize,
}

impl Column {
    /// A column of these bits.
    pub fn new(bits: impl IntoIterator<Item = bool>) -> Self {
        let (mut words, mut rows) = (Vec::new(), 0);
        for bit in bits {
            if rows % 64 == 0 {
                words.push(0);
            }
            if let (true, Some(word)) = (bit, words.last_mut()) {
                *word |= 1 << (rows % 64);
            }
            rows += 1;
        }
        Self { words, rows }
    }

    /// How many of its bits are set.
    #[must_use]
    pub fn ones(&self) -> usize {
        let counts = self.words.iter().map(|word| word.count_ones() as usize);
        counts.sum()
    }

    /// How many bits it has.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether all bits are the same.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        let ones = self.ones();
        ones == 0 || ones == self.rows
    }

    /// The mean of its bits as signs, from -1 to 1: 0 for a fair one.
    #[must_use]
    pub fn bias(&self) -> f64 {
        signed_mean(self.ones(), self.rows)
    }

    fn both(&self, other: &Self) -> usize {
        let pairs = self.words.iter().zip(&other.words);
        pairs.map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The correlation (phi) of two columns, from -1 to 1; `None` where one of
    /// them is too lopsided for these few samples to tell.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub fn correlation(&self, other: &Self) -> Option<f64> {
        /// Rarer joint events make the bound of fair signs too narrow.
        const EXPECTED_MIN: f64 = 30.0;
        let rows = self.rows as f64;
        let (a, b) = (self.ones() as f64 / rows, other.ones() as f64 / rows);
        let rarest = a.min(1.0 - a) * b.min(1.0 - b) * rows;
        if rarest < EXPECTED_MIN {
            return None;
        }
        let joint = self.both(other) as f64 / rows;
        Some((joint - a * b) / (a * (1.0 - a) * b * (1.0 - b)).sqrt())
    }

    /// The same column, shifted: row `n` tells whether samples `n` and
    /// `n + lag` differ.
    #[must_use]
    pub fn changes(&self, lag: usize) -> Self {
        let rows = self.rows.saturating_sub(lag);
        Self::new((0..rows).map(|row| self.bit(row) != self.bit(row + lag)))
    }

    fn bit(&self, row: usize) -> bool {
        self.words
            .get(row / 64)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn signed_mean(ones: usize, rows: usize) -> f64 {
    2.0 * ones as f64 / rows.max(1) as f64 - 1.0
}

/// How many of the columns are independent of each other as vectors over GF(2),
/// and of a column of ones: for any generator that is linear in its state (a
/// shift register, a repetition, a CRC), no more than its state holds.
///
/// Columns of fair coins are all independent, but for a chance of at most two
/// to the power of columns minus rows.
#[must_use]
pub fn rank(columns: &[Column]) -> usize {
    let rows = columns.first().map_or(0, Column::rows);
    let ones = Column::new((0..rows).map(|_| true));
    let mut basis: Vec<Column> = Vec::new();
    let mut found = 0;
    for (place, column) in std::iter::once(&ones).chain(columns).enumerate() {
        let mut rest = column.clone();
        for kept in &basis {
            if let Some(lead) = lead(kept)
                && rest.bit(lead)
            {
                for (word, other) in rest.words.iter_mut().zip(&kept.words) {
                    *word ^= other;
                }
            }
        }
        if lead(&rest).is_some() {
            basis.push(rest);
            found += usize::from(place > 0);
        }
    }
    found
}

/// The first row that is set.
fn lead(column: &Column) -> Option<usize> {
    let (place, word) = column
        .words
        .iter()
        .enumerate()
        .find(|(_, word)| **word != 0)?;
    Some(place * 64 + word.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(text: &str) -> Column {
        Column::new(text.bytes().map(|octet| octet == b'1'))
    }

    #[test]
    fn rank_counts_what_is_independent() {
        let (a, b) = (column("110010"), column("011000"));
        let sum = column("101010");
        let inverse = column("001101");
        assert_eq!(rank(&[a.clone(), b.clone()]), 2);
        assert_eq!(rank(&[a.clone(), b, sum]), 2);
        assert_eq!(rank(&[a.clone(), inverse]), 1);
        assert_eq!(rank(&[column("111111"), a]), 1);
        assert_eq!(rank(&[]), 0);
    }

    #[test]
    fn columns_count_and_compare() {
        let long: String = "10".repeat(200);
        let alternating = column(&long);
        assert_eq!(alternating.ones(), 200);
        assert_eq!(alternating.rows(), 400);
        assert!(alternating.bias().abs() < 1e-12);
        assert_eq!(alternating.correlation(&alternating), Some(1.0));
        assert_eq!(
            alternating.correlation(&column(&"01".repeat(200))),
            Some(-1.0)
        );
        assert_eq!(alternating.correlation(&column(&"0".repeat(400))), None);
        assert_eq!(alternating.changes(1).ones(), 399);
        assert_eq!(alternating.changes(2).ones(), 0);
        assert!(column("0000").is_constant() && column("111").is_constant());
    }
}
