//! Histograms of nanoseconds: `HdrHistogram` V2-deflate in base64, so that
//! merging two files is exact, with the usual percentiles beside it for readers
//! without a decoder.

use std::io::{self, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::{
    DeserializeError, Deserializer, Serializer as _, V2DeflateSerializer,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats;

/// Significant decimal digits kept: a value is off by at most 1 part in 128.
/// A third digit takes three times the room: a run of 21 cells would grow from
/// 100 to 190 KB, and the machine drifts by more than the digit shows.
const SIGNIFICANT_DIGITS: u8 = 2;

/// The largest value recorded as itself: one hour.
const LARGEST_NS: u64 = 3_600_000_000_000;

/// Two-sided confidence of the intervals beside percentiles.
const CONFIDENCE: f64 = 0.95;

/// An empty histogram as drivers and probes should record into: from 1 ns to
/// an hour. Use its `saturating_record`; two of these always merge exactly.
#[must_use]
pub fn recorder() -> hdrhistogram::Histogram<u64> {
    hdrhistogram::Histogram::new_with_bounds(1, LARGEST_NS, SIGNIFICANT_DIGITS)
        .unwrap_or_else(|_| unreachable!("the bounds are constants that a test creates"))
}

/// A distribution of times, never empty. Percentiles are the upper ends of
/// the buckets in which they fall.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// How `data` is encoded.
    pub encoding: Encoding,
    /// The unit of the values in `data`.
    pub unit: Unit,
    /// The whole distribution.
    pub data: String,
    /// How many values were recorded.
    pub count: u64,
    /// The least of them, nanoseconds.
    pub min_ns: u64,
    /// Median, nanoseconds.
    pub p50_ns: u64,
    /// 90th percentile, nanoseconds.
    pub p90_ns: u64,
    /// 99th percentile, nanoseconds.
    pub p99_ns: u64,
    /// 99.9th percentile, nanoseconds.
    pub p999_ns: u64,
    /// The greatest, nanoseconds.
    pub max_ns: u64,
    /// 95 % confidence interval of the median. Null if there are too few
    /// values to give one. Taken from order statistics, as if the values
    /// were independent: neighbours in a queue are not, so the truth is
    /// somewhat wider.
    pub p50_ci95: Option<Interval>,
    /// 95 % confidence interval of the 99th percentile, likewise.
    pub p99_ci95: Option<Interval>,
}

/// How a histogram is encoded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Encoding {
    /// `HdrHistogram` V2, compressed with zlib, in base64 with padding.
    #[serde(rename = "hdr-v2-deflate-base64")]
    HdrV2DeflateBase64,
}

/// The unit of a histogram's values.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
}

/// A confidence interval, both ends included.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Lower end, nanoseconds.
    pub low_ns: u64,
    /// Upper end, nanoseconds.
    pub high_ns: u64,
}

impl Histogram {
    /// The file form of `recorded` (nanoseconds). None if nothing was
    /// recorded.
    #[must_use]
    pub fn of(recorded: &hdrhistogram::Histogram<u64>) -> Option<Self> {
        let count = recorded.len();
        let mut octets = Vec::new();
        // Fails only for more than 2^63 equal values: 292 years of one each nanosecond.
        V2DeflateSerializer::new()
            .serialize(recorded, &mut octets)
            .ok()?;
        let percentile = |p| value_at_rank(recorded, stats::rank(count, p)?);
        Some(Self {
            encoding: Encoding::HdrV2DeflateBase64,
            unit: Unit::Ns,
            data: STANDARD.encode(octets),
            count,
            min_ns: (count > 0).then(|| recorded.min())?,
            p50_ns: percentile(0.5)?,
            p90_ns: percentile(0.9)?,
            p99_ns: percentile(0.99)?,
            p999_ns: percentile(0.999)?,
            max_ns: recorded.max(),
            p50_ci95: interval(recorded, 0.5),
            p99_ci95: interval(recorded, 0.99),
        })
    }

    /// The recorded distribution.
    ///
    /// # Errors
    /// [`DecodeError`] when `data` is not such an encoding.
    pub fn decode(&self) -> Result<hdrhistogram::Histogram<u64>, DecodeError> {
        decode(&self.data)
    }

    /// Whether the percentiles and counts follow from `data`.
    ///
    /// # Errors
    /// [`DecodeError`] when `data` cannot be read at all.
    pub fn verify(&self) -> Result<bool, DecodeError> {
        // Two compressors may write the same counts differently.
        let again = Self::of(&self.decode()?).map(|again| Self {
            data: self.data.clone(),
            ..again
        });
        Ok(again.as_ref() == Some(self))
    }

    /// The distribution of everything in `parts`, exact: as if all values had
    /// been recorded into one. None if `parts` is empty.
    ///
    /// # Errors
    /// [`DecodeError`] when a part cannot be read.
    pub fn merged<'a>(
        parts: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Option<Self>, DecodeError> {
        let mut whole: Option<hdrhistogram::Histogram<u64>> = None;
        for part in parts {
            let part = part.decode()?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => whole.add(part).map_err(|_| DecodeError::Incompatible)?,
            }
        }
        Ok(whole.as_ref().and_then(Self::of))
    }
}

/// The value with `rank` values at or below it, counted from 1: the upper end
/// of its bucket. None if there are not so many.
#[must_use]
pub fn value_at_rank(recorded: &hdrhistogram::Histogram<u64>, rank: u64) -> Option<u64> {
    let mut seen = 0_u64;
    recorded
        .iter_recorded()
        .find(|step| {
            seen = seen.saturating_add(step.count_at_value());
            seen >= rank
        })
        .map(|step| {
            recorded
                .highest_equivalent(step.value_iterated_to())
                .min(recorded.max())
        })
}

fn interval(recorded: &hdrhistogram::Histogram<u64>, p: f64) -> Option<Interval> {
    let (low, high) = stats::quantile_ranks(recorded.len(), p, CONFIDENCE)?;
    Some(Interval {
        low_ns: recorded.lowest_equivalent(value_at_rank(recorded, low)?),
        high_ns: value_at_rank(recorded, high)?,
    })
}

/// Text is not an encoded histogram.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not base64.
    #[error("the histogram is not base64")]
    Base64(#[from] base64::DecodeError),
    /// It cannot be decompressed, or is cut short.
    #[error("the histogram cannot be decompressed")]
    Inflate(#[from] io::Error),
    /// It is larger than any histogram of times.
    #[error("the histogram would take more than {MAX_INFLATED_OCTETS} octets")]
    TooLarge,
    /// Its head is not one that this program writes.
    #[error("the histogram has an unknown head")]
    Head,
    /// Its counts run past its end, or add up to more than fits.
    #[error("the histogram's counts make no sense")]
    Counts,
    /// The library refuses it.
    #[error("the histogram cannot be read")]
    Library(#[source] DeserializeError),
    /// Two histograms of different bounds.
    #[error("histograms of different bounds cannot be merged")]
    Incompatible,
}

/// Magic numbers and sizes of the format, as in `HdrHistogram`'s Java sources.
const V2_COOKIE: u32 = 0x1c84_9303 | 0x10;
const OUTER_HEAD_OCTETS: usize = 8;
const INNER_HEAD_OCTETS: usize = 40;
const MAX_INFLATED_OCTETS: usize = 1 << 20;

/// Decodes a histogram of any `HdrHistogram` V2-deflate writer. The input may
/// be anything: it is bounded and checked before the library, which trusts
/// the lengths that it reads, sees it.
///
/// # Errors
/// [`DecodeError`] says in which way it is not one.
pub fn decode(base64: &str) -> Result<hdrhistogram::Histogram<u64>, DecodeError> {
    let outer = STANDARD.decode(base64)?;
    let compressed = outer.get(OUTER_HEAD_OCTETS..).ok_or(DecodeError::Head)?;
    let mut inner = Vec::new();
    ZlibDecoder::new(compressed)
        .take(MAX_INFLATED_OCTETS as u64 + 1)
        .read_to_end(&mut inner)?;
    if inner.len() > MAX_INFLATED_OCTETS {
        return Err(DecodeError::TooLarge);
    }
    check_head(&inner).ok_or(DecodeError::Head)?;
    check_counts(&inner[INNER_HEAD_OCTETS..]).ok_or(DecodeError::Counts)?;
    Deserializer::new()
        .deserialize(&mut inner.as_slice())
        .map_err(DecodeError::Library)
}

fn check_head(inner: &[u8]) -> Option<()> {
    let word = |at: usize| Some(u32::from_be_bytes(*inner.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u64::from_be_bytes(*inner.get(at..)?.first_chunk()?));
    let payload_octets = usize::try_from(word(4)?).ok()?;
    let fits = inner.len().checked_sub(INNER_HEAD_OCTETS) == Some(payload_octets);
    let (digits, low, high) = (word(12)?, long(16)?, long(24)?);
    // Beyond these bounds the library's shifts overflow or its tables take megabytes.
    let sane = digits <= 5 && low <= 1 << 20 && high <= 1 << 60;
    (word(0)? == V2_COOKIE && fits && sane).then_some(())
}

/// The payload is a row of zig-zag LEB128 numbers of at most nine octets: a
/// count, or, if negative, how many empty buckets follow one another.
fn check_counts(payload: &[u8]) -> Option<()> {
    let mut rest = payload;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let mut number = 0_u64;
        for place in 0..9 {
            let (octet, tail) = rest.split_first()?;
            rest = tail;
            let bits = if place == 8 { *octet } else { octet & 0x7f };
            number |= u64::from(bits) << (7 * place);
            if octet & 0x80 == 0 {
                break;
            }
        }
        let value = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        total = total.checked_add(value.checked_abs()?)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recorded(values: &[u64]) -> hdrhistogram::Histogram<u64> {
        let mut histogram = recorder();
        values
            .iter()
            .for_each(|value| histogram.saturating_record(*value));
        histogram
    }

    #[test]
    fn nothing_recorded_is_no_histogram() {
        assert_eq!(Histogram::of(&recorder()), None);
        assert!(matches!(Histogram::merged([]), Ok(None)));
    }

    #[test]
    fn percentiles_are_ranks() {
        let values: Vec<u64> = (1..=100).collect();
        let histogram = Histogram::of(&recorded(&values)).unwrap();
        assert_eq!(
            (
                histogram.min_ns,
                histogram.p50_ns,
                histogram.p90_ns,
                histogram.max_ns
            ),
            (1, 50, 90, 100)
        );
        assert_eq!((histogram.p99_ns, histogram.p999_ns), (99, 100));
        assert_eq!(
            histogram.p50_ci95,
            Some(Interval {
                low_ns: 40,
                high_ns: 61
            })
        );
        assert_eq!(
            histogram.p99_ci95, None,
            "100 values do not bound the 99th percentile"
        );
    }

    #[test]
    fn one_value_too_many_a_bucket_is_noticed() {
        let mut histogram = Histogram::of(&recorded(&[5, 6, 7])).unwrap();
        assert!(histogram.verify().unwrap());
        histogram.p50_ns += 1;
        assert!(!histogram.verify().unwrap());
    }

    /// Wraps counts as the format does, so that a test reaches the innermost reader.
    fn wrapped(head: &[u8], payload: &[u8]) -> String {
        use std::io::Write as _;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(head).unwrap();
        zlib.write_all(payload).unwrap();
        let compressed = zlib.finish().unwrap();
        let mut outer = vec![0x1c, 0x84, 0x93, 0x14];
        outer.extend(u32::try_from(compressed.len()).unwrap().to_be_bytes());
        outer.extend(compressed);
        STANDARD.encode(outer)
    }

    fn head(payload_octets: usize, digits: u32, low: u64, high: u64) -> Vec<u8> {
        let mut head = V2_COOKIE.to_be_bytes().to_vec();
        head.extend(u32::try_from(payload_octets).unwrap().to_be_bytes());
        head.extend(0_u32.to_be_bytes());
        head.extend(digits.to_be_bytes());
        head.extend(low.to_be_bytes());
        head.extend(high.to_be_bytes());
        head.extend(1.0_f64.to_be_bytes());
        head
    }

    #[test]
    fn a_run_of_zeros_that_cannot_be_negated_is_refused() {
        let payload = [0xff; 9];
        let text = wrapped(&head(9, 2, 1, LARGEST_NS), &payload);
        assert!(matches!(decode(&text), Err(DecodeError::Counts)));
    }

    #[test]
    fn a_bomb_is_refused() {
        let payload = vec![0; MAX_INFLATED_OCTETS];
        let text = wrapped(&head(payload.len(), 2, 1, LARGEST_NS), &payload);
        assert!(text.len() < 20_000);
        assert!(matches!(decode(&text), Err(DecodeError::TooLarge)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_was_written_is_read(values in prop::collection::vec(0..LARGEST_NS * 2, 1..200)) {
            let before = recorded(&values);
            let file = Histogram::of(&before).unwrap();
            prop_assert_eq!(&file.decode().unwrap(), &before);
            prop_assert!(file.verify().unwrap());
        }

        #[test]
        fn a_merge_is_the_histogram_of_the_union(
            left in prop::collection::vec(0..LARGEST_NS, 1..100),
            right in prop::collection::vec(0..10_000_u64, 1..100),
        ) {
            let parts = [&left, &right].map(|values| Histogram::of(&recorded(values)).unwrap());
            let union = Histogram::of(&recorded(&[left, right].concat()));
            prop_assert_eq!(Histogram::merged(&parts).unwrap(), union);
        }

        #[test]
        fn damaged_data_never_panics(
            values in prop::collection::vec(0..LARGEST_NS, 1..50),
            at in any::<prop::sample::Index>(),
            octet in any::<u8>(),
            keep in any::<prop::sample::Index>(),
        ) {
            let file = Histogram::of(&recorded(&values)).unwrap();
            let mut octets = STANDARD.decode(&file.data).unwrap();
            let _ = decode(&STANDARD.encode(&octets[..keep.index(octets.len())]));
            let at = at.index(octets.len());
            octets[at] = octet;
            let _ = decode(&STANDARD.encode(&octets));
        }

        #[test]
        fn any_head_and_any_counts_never_panic(
            payload in prop::collection::vec(any::<u8>(), 0..64),
            digits in 0_u32..8,
            low in prop_oneof![0..4_u64, any::<u64>()],
            high in any::<u64>(),
            shift in 0..64_u32,
        ) {
            let text = wrapped(&head(payload.len(), digits, low, high >> shift), &payload);
            if let Ok(histogram) = decode(&text) {
                let _ = Histogram::of(&histogram);
            }
        }

        #[test]
        fn any_text_never_panics(text in ".{0,80}", octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&text);
            let _ = decode(&STANDARD.encode(octets));
        }
    }
}
