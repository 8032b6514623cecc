//! From `f32` to signed bytes: symmetric, one scale per vector, no training.

use crate::{Error, MAX_DIM, Result};

/// A vector as signed bytes in `-127..=127` and the factor that gives the original values back.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    codes: Box<[i8]>,
    scale: f32,
}

impl Quantized {
    /// The signed bytes, one per dimension.
    pub fn codes(&self) -> &[i8] {
        &self.codes
    }

    /// Positive and finite; `codes[i] * scale` is the original value within half a scale.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.codes.len()
    }
}

/// Quantises one vector: the largest magnitude becomes 127. The vector should have unit length, so that inner products
/// are cosines; the length is kept, not enforced.
///
/// Refuses no or too many dimensions, values that are not finite, and vectors of zeros.
pub fn quantize(vector: &[f32]) -> Result<Quantized> {
    let mut codes = Vec::new();
    let scale = quantize_into(vector, &mut codes)?;
    Ok(Quantized { codes: codes.into_boxed_slice(), scale })
}

/// Like [`quantize`], but appends the codes to `codes` and returns the scale. `codes` is left as it was on an error.
pub fn quantize_into(vector: &[f32], codes: &mut Vec<i8>) -> Result<f32> {
    check_dim(vector.len())?;
    // `max` of floats ignores what is not a number, so ask for that separately.
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite);
    }
    let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = 127.0 / largest;
    // Below about 4e-37 the inverse is infinite or the scale is subnormal.
    if !scale.is_normal() || !inverse.is_finite() {
        return Err(Error::Zero);
    }
    codes.extend(vector.iter().map(|value| round(value * inverse)));
    Ok(scale)
}

/// To the nearest whole number, halves away from zero, as [`f32::round`] does it; that one is a call per number where
/// the processor's instruction is not part of the target.
fn round(value: f32) -> i8 {
    let whole = value as i32;
    let rest = value - whole as f32;
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i8
}

pub(crate) fn check_dim(dim: usize) -> Result<()> {
    match dim {
        1..=MAX_DIM => Ok(()),
        _ => Err(Error::Dimension { expected: dim.clamp(1, MAX_DIM), found: dim }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_has_no_direction() {
        assert!(matches!(quantize(&[]), Err(Error::Dimension { .. })));
        assert!(matches!(quantize(&vec![1.0; MAX_DIM + 1]), Err(Error::Dimension { .. })));
        assert!(matches!(quantize(&[0.0, -0.0]), Err(Error::Zero)));
        assert!(matches!(quantize(&[1e-40, 0.0]), Err(Error::Zero)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut codes = vec![7];
            assert!(matches!(quantize_into(&[1.0, bad], &mut codes), Err(Error::NotFinite)));
            assert_eq!(codes, [7]);
        }
    }

    #[test]
    fn rounds_as_the_standard_library() {
        for step in -12_700..=12_700_i16 {
            let near = f32::from(step) / 100.0;
            for value in [near, near.next_up(), near.next_down()] {
                assert_eq!(round(value), value.round() as i8, "{value}");
            }
        }
        assert_eq!([round(0.499_999_97), round(-0.5), round(126.5), round(-127.0)], [0, -1, 127, -127]);
    }

    proptest! {
        #[test]
        fn values_come_back_within_half_a_scale(vector in prop::collection::vec(-1e6_f32..1e6, 1..300)) {
            prop_assume!(vector.iter().any(|value| value.abs() > 1e-3));
            let quantized = quantize(&vector).unwrap();
            prop_assert_eq!(quantized.dim(), vector.len());
            for (code, value) in quantized.codes().iter().zip(&vector) {
                let back = f32::from(*code) * quantized.scale();
                prop_assert!((back - value).abs() <= quantized.scale() * 0.501);
            }
        }
    }
}
