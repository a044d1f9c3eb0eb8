use rayon::prelude::*;

use super::product::{Packed, Rows, multiply_part};

/// x·Wᵀ where the weight is not at hand as numbers: `row` writes the weights `[inputs]` of an output. Each is asked for
/// once a product. `x` [rows, inputs] → `out` [rows, outputs].
pub fn multiply_by_row(
    x: &[f32],
    (inputs, outputs): (usize, usize),
    row: impl Fn(usize, &mut [f32]) + Sync,
    out: &mut [f32],
) {
    let rows = Rows { numbers: x, count: x.len() / inputs, stride: inputs };
    let columns = Packed::widest_block();
    let mut pieces: Vec<_> = out.chunks_exact_mut(outputs).map(|row| row.chunks_mut(columns)).collect();
    let parts: Vec<(usize, Vec<&mut [f32]>)> = (0..outputs)
        .step_by(columns)
        .map(|first| (first, pieces.iter_mut().filter_map(Iterator::next).collect()))
        .collect();
    parts.into_par_iter().for_each(|(first, mut out)| {
        let width = columns.min(outputs - first);
        let mut numbers = vec![0f32; width * inputs];
        for (i, numbers) in numbers.chunks_exact_mut(inputs).enumerate() {
            row(first + i, numbers);
        }
        let block = Packed::from_columns(inputs, width, |output| &numbers[output * inputs..][..inputs]);
        drop(numbers);
        multiply_part(rows, &block, None, 0, &mut out);
    });
}

#[cfg(test)]
mod tests {
    use super::{super::Linear, *};
    use crate::{domain::Seed, pipeline::standard_normal};

    #[test]
    fn its_bits_are_those_of_a_weight_that_is_at_hand() {
        // One block of outputs and several, the last one short.
        for (rows, inputs, outputs) in [(1, 5, 3), (50, 70, 333), (7, 33, 64)] {
            let [weight, x] = [(1, outputs * inputs), (3, rows * inputs)]
                .map(|(seed, count)| standard_normal(Seed::new(seed), count));
            let (mut ours, mut expected) = (vec![f32::NAN; rows * outputs], vec![f32::NAN; rows * outputs]);
            Linear::new(&weight, outputs, None).apply(&x, &mut expected);
            let row =
                |output: usize, row: &mut [f32]| row.copy_from_slice(&weight[output * inputs..][..inputs]);
            multiply_by_row(&x, (inputs, outputs), row, &mut ours);
            assert_eq!(ours, expected, "{rows} {inputs} {outputs}");
        }
    }
}
