use std::cell::Cell;

use half::{bf16, slice::HalfBitsSliceExt};
use pulp::bytemuck::cast_slice_mut;

thread_local! {
    static NUMBERS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Lends `count` numbers of this thread's to `work`, with whatever was left in them: fresh memory costs more than much of
/// what is done in it.
pub(super) fn with_scratch<R>(count: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut numbers = NUMBERS.take();
    if numbers.len() < count {
        numbers.resize(count, 0.0);
    }
    let done = work(&mut numbers[..count]);
    NUMBERS.set(numbers);
    done
}

/// The same, and `halves` numbers of 16 bits beside them.
pub(super) fn with_both_scratches<R>(
    (count, halves): (usize, usize),
    work: impl FnOnce(&mut [f32], &mut [bf16]) -> R,
) -> R {
    with_scratch(count + halves.div_ceil(2), |numbers| {
        let (numbers, rest) = numbers.split_at_mut(count);
        let bits: &mut [u16] = cast_slice_mut(rest);
        work(numbers, bits[..halves].reinterpret_cast_mut())
    })
}
