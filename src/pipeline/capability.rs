//! What a card can do, by its compute capability.

use candle_core::DType;

/// The first cards with products of f16 on tensor cores, and the oldest that CUDA 13 knows (Turing).
pub(super) const OLDEST: (i32, i32) = (7, 5);
/// The first with products of bf16, and with asynchronous copies (Ampere).
const FIRST_WITH_BF16: (i32, i32) = (8, 0);

/// Says in one line why a program whose kernels are compiled for `built_for` cannot compute in `dtype` on a card of `capability`.
/// `built_for` counts tenths, as CUDA_COMPUTE_CAP does.
pub(super) fn check(capability: (i32, i32), built_for: i32, dtype: DType) -> Result<(), String> {
    let (major, minor) = capability;
    let card = format!("the card has compute capability {major}.{minor}");
    if capability < OLDEST {
        let (major, minor) = OLDEST;
        return Err(format!(
            "{card}, and {major}.{minor} is the least that works (RTX 20, GTX 16, T4); use the CPU"
        ));
    }
    if 10 * major + minor < built_for {
        let least = format!("{}.{}", built_for / 10, built_for % 10);
        return Err(format!(
            "{card}, and this program is built for {least} and newer; build it with CUDA_COMPUTE_CAP={major}{minor}"
        ));
    }
    if dtype == DType::BF16 && capability < FIRST_WITH_BF16 {
        return Err(format!("{card}, which has no bf16: that came with 8.0; use f16"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_refused_in_one_line_that_says_what_would_work() {
        let refused =
            |capability, built_for, dtype| check(capability, built_for, dtype).expect_err("refused");
        for (text, words) in [
            (refused((7, 0), 75, DType::F16), ["7.0", "7.5 is the least"]),
            (refused((7, 5), 90, DType::F16), ["built for 9.0", "CUDA_COMPUTE_CAP=75"]),
            (refused((8, 6), 100, DType::F16), ["built for 10.0", "CUDA_COMPUTE_CAP=86"]),
            (refused((7, 5), 75, DType::BF16), ["no bf16", "use f16"]),
        ] {
            assert!(words.iter().all(|word| text.contains(word)) && text.lines().count() == 1, "{text}");
        }
    }

    #[test]
    fn turing_computes_in_f16_and_newer_cards_in_either() {
        for dtype in [DType::F16, DType::F32] {
            assert_eq!(check((7, 5), 75, dtype), Ok(()), "{dtype:?}");
        }
        for capability in [(8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)] {
            assert_eq!(check(capability, 75, DType::BF16), Ok(()), "{capability:?}");
        }
    }
}
