use rayon::prelude::*;

use super::product::{Packed, Rows, multiply_part};

/// Rows and outputs of a thread's part.
const PART: (usize, usize) = (48, 128);

/// x·Wᵀ + b over rows, the weight laid out once for all products.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Packed,
    bias: Option<Vec<f32>>,
}

impl Linear {
    /// `weight` is `[outputs, inputs]`, `bias` `[outputs]`.
    pub fn new(weight: &[f32], outputs: usize, bias: Option<Vec<f32>>) -> Self {
        let inputs = weight.len() / outputs;
        let weight = Packed::from_columns(inputs, outputs, |output| &weight[output * inputs..][..inputs]);
        Self { weight, bias }
    }

    /// Numbers of a row that come in.
    pub fn inputs(&self) -> usize {
        self.weight.terms()
    }

    /// Numbers of a row that go out.
    pub fn outputs(&self) -> usize {
        self.weight.outputs()
    }

    /// `x` [rows, inputs] → `out` [rows, outputs].
    pub fn apply(&self, x: &[f32], out: &mut [f32]) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let columns = PART.1.next_multiple_of(Packed::widest_block());
        let mut parts = Vec::new();
        for (x, out) in x.chunks(PART.0 * inputs).zip(out.chunks_mut(PART.0 * outputs)) {
            let rows = Rows { numbers: x, count: x.len() / inputs, stride: inputs };
            let mut pieces: Vec<_> =
                out.chunks_exact_mut(outputs).map(|row| row.chunks_mut(columns)).collect();
            parts.extend((0..outputs).step_by(columns).map(|first| {
                let out: Vec<_> = pieces.iter_mut().filter_map(Iterator::next).collect();
                (rows, first, out)
            }));
        }
        let bias = self.bias.as_deref();
        parts.into_par_iter().for_each(|(rows, first, mut out): (_, _, Vec<&mut [f32]>)| {
            multiply_part(rows, &self.weight, bias, first, &mut out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Seed, pipeline::standard_normal};

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        // Several parts of rows and of outputs, the last ones short.
        let (rows, inputs, outputs) = (50, 70, 333);
        let [weight, bias, x] = [(1, outputs * inputs), (2, outputs), (3, rows * inputs)]
            .map(|(seed, count)| standard_normal(Seed::new(seed), count));
        let linear = Linear::new(&weight, outputs, Some(bias.clone()));
        let mut together = vec![f32::NAN; rows * outputs];
        linear.apply(&x, &mut together);
        for (x, together) in x.chunks_exact(inputs).zip(together.chunks_exact(outputs)) {
            let mut alone = vec![f32::NAN; outputs];
            linear.apply(x, &mut alone);
            assert_eq!(alone, together);
            for ((y, weight), bias) in alone.iter().zip(weight.chunks_exact(inputs)).zip(&bias) {
                let terms = x.iter().zip(weight).map(|(x, weight)| f64::from(*x) * f64::from(*weight));
                assert!((terms.sum::<f64>() + f64::from(*bias) - f64::from(*y)).abs() < 1e-4);
            }
        }
    }
}
