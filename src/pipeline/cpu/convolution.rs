use super::{Scale, direct::Direct, winograd::Winograd};

/// A 3 × 3 convolution over maps [height, width, channels].
///
/// Channels are innermost, so that every pass runs over whole vectors and a band of rows is one slice.
#[derive(Debug, Clone)]
pub struct Convolution {
    way: Way,
    inputs: usize,
    outputs: usize,
    scale: Scale,
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Term by term.
    Direct,
    /// Fewer products, and passes over memory before and after them.
    Winograd,
}

impl Method {
    /// Up to this many channels, Winograd saves less on products than its extra passes cost
    /// (`cargo bench --bench pipeline -- convolution`).
    const DIRECT_CHANNELS_MAX: usize = 32;

    /// The faster one.
    pub fn for_channels(inputs: usize, outputs: usize) -> Self {
        if inputs.min(outputs) <= Self::DIRECT_CHANNELS_MAX { Self::Direct } else { Self::Winograd }
    }
}

#[derive(Debug, Clone)]
enum Way {
    Direct(Direct),
    Winograd(Winograd),
}

impl Convolution {
    /// `weight` is `[outputs, inputs, 3, 3]`, `bias` `[outputs]`. A halving convolution is always computed directly.
    pub fn new(weight: &[f32], bias: Vec<f32>, scale: Scale, method: Method) -> Self {
        let (outputs, inputs) = (bias.len(), weight.len() / (9 * bias.len()));
        let way = match (method, scale) {
            (Method::Direct, _) | (_, Scale::Halved) => Way::Direct(Direct::new(weight, bias, scale)),
            (Method::Winograd, Scale::Same | Scale::Doubled) => {
                Way::Winograd(Winograd::new(weight, bias, scale == Scale::Doubled))
            }
        };
        Self { way, inputs, outputs, scale }
    }

    /// How large its output is.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Channels that come in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels that go out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Height and width of the output for an input of `size`.
    pub fn output_size(&self, (height, width): (usize, usize)) -> (usize, usize) {
        (self.scale.of(height), self.scale.of(width))
    }

    /// The convolution of one map `x` of `size`, plus `added`, which has the output's shape.
    pub fn apply(&self, x: &[f32], size: (usize, usize), added: Option<&[f32]>, out: &mut [f32]) {
        match &self.way {
            Way::Direct(direct) => direct.apply(x, size, added, out),
            Way::Winograd(winograd) => winograd.apply(x, size, added, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::{domain::Seed, pipeline::standard_normal};

    fn random(seed: u64, count: usize) -> Vec<f32> {
        standard_normal(Seed::new(seed), count)
    }

    /// The sum as it is written in books, and `added`.
    fn by_definition(
        (weight, bias): (&[f32], &[f32]),
        (x, height, width): (&[f32], usize, usize),
        scale: Scale,
        added: &[f32],
    ) -> Vec<f64> {
        let (outputs, inputs) = (bias.len(), weight.len() / (9 * bias.len()));
        let factor = if scale == Scale::Doubled { 2 } else { 1 };
        // From one output to the next, and where the first one's window begins: in the zeros, or at the first place.
        let (step, begin) = if scale == Scale::Halved { (2, 1) } else { (1, 0) };
        let mut sums: Vec<f64> = added.iter().map(|added| f64::from(*added)).collect();
        for (place, sums) in sums.chunks_exact_mut(outputs).enumerate() {
            let (row, column) = (place / scale.of(width), place % scale.of(width));
            let (row, column) = (step * row + begin, step * column + begin);
            for (output, sum) in sums.iter_mut().enumerate() {
                *sum += f64::from(bias[output]);
                for tap in 0..9 {
                    let (y, x_place) = (row + tap / 3, column + tap % 3);
                    if !(1..=factor * height).contains(&y) || !(1..=factor * width).contains(&x_place) {
                        continue;
                    }
                    let first = ((y - 1) / factor * width + (x_place - 1) / factor) * inputs;
                    for (input, x) in x[first..][..inputs].iter().enumerate() {
                        *sum += f64::from(*x) * f64::from(weight[(output * inputs + input) * 9 + tap]);
                    }
                }
            }
        }
        sums
    }

    #[test]
    fn both_methods_are_the_sum_by_definition_on_any_number_of_threads() {
        let pools =
            [1, 3].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
        // Vectors that are full and not, one block of outputs and several, strips and bands that end early.
        let shapes = [(1, 1, 1, 1), (3, 5, 4, 6), (16, 3, 40, 13), (5, 34, 3, 29), (33, 18, 7, 12)];
        for (inputs, outputs, height, width) in shapes {
            for (scale, method) in [Scale::Same, Scale::Doubled, Scale::Halved]
                .into_iter()
                .flat_map(|scale| [(scale, Method::Direct), (scale, Method::Winograd)])
            {
                let (weight, bias) = (random(1, outputs * inputs * 9), random(2, outputs));
                let x = random(3, height * width * inputs);
                let conv = Convolution::new(&weight, bias.clone(), scale, method);
                let (rows, columns) = conv.output_size((height, width));
                let added = random(4, rows * columns * outputs);
                let expected = by_definition((&weight, &bias), (&x, height, width), scale, &added);
                let [one, three] = [0, 1].map(|pool: usize| {
                    let mut out = vec![f32::NAN; expected.len()];
                    pools[pool].install(|| conv.apply(&x, (height, width), Some(&added), &mut out));
                    out
                });
                let case = format!("{inputs} {outputs} {height} {width} {scale:?} {method:?}");
                assert!(one.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-4), "{case}");
                assert_eq!(one, three, "{case}");
            }
        }
    }
}
