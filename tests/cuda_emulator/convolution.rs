//! Tests of `convolution.cu`: convolutions against their definition in f64, whole and in strips, at their borders, doubled and
//! halved.

use std::ops::Range;

use half::{bf16, f16};
use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Launch, Taps, Term},
};

const TERMS: [Term; 4] = [Term::F32, Term::Tf32, Term::F16, Term::Bf16];

/// How large a convolution's output is beside its input.
const KINDS: [(Taps, u32); 4] = [(Taps::Point, 0), (Taps::Square, 0), (Taps::Square, 1), (Taps::Halved, 0)];

/// Items, inputs, outputs, height, width of the input: chunks of channels whole and begun, one tile and several, outputs of one
/// block and of two, for both sizes of blocks.
const SHAPES: [[usize; 5]; 4] = [[1, 3, 5, 4, 6], [2, 18, 3, 9, 17], [1, 20, 130, 3, 10], [1, 34, 33, 2, 19]];

/// The nearest number of 11 bits.
fn shortened(x: f32) -> f32 {
    f32::from_bits((x.to_bits() + 0x1000) & !0x1fff)
}

/// As it lies in memory.
fn stored(term: Term, x: f32) -> f32 {
    match term {
        Term::F32 | Term::Tf32 => x,
        Term::F16 => f16::from_f32(x).to_f32(),
        Term::Bf16 => bf16::from_f32(x).to_f32(),
    }
}

/// As it is multiplied.
fn multiplied(term: Term, x: f32) -> f32 {
    match term {
        Term::Tf32 => shortened(x),
        _ => x,
    }
}

fn to_bits(term: Term, numbers: &[f32]) -> Vec<u16> {
    let bits = |x: &f32| match term {
        Term::F32 | Term::Tf32 => 0,
        Term::F16 => f16::from_f32(*x).to_bits(),
        Term::Bf16 => bf16::from_f32(*x).to_bits(),
    };
    numbers.iter().map(bits).collect()
}

fn from_bits(term: Term, bits: u16) -> f32 {
    if term == Term::F16 { f16::from_bits(bits).to_f32() } else { bf16::from_bits(bits).to_f32() }
}

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

#[derive(Clone)]
struct Convolution {
    term: Term,
    taps: Taps,
    doubled: u32,
    batch: usize,
    inputs: usize,
    outputs: usize,
    height: usize,
    width: usize,
    x: Vec<f32>,
    /// [outputs, inputs, kernel, kernel]
    weight: Vec<f32>,
    bias: Vec<f32>,
    added: Vec<f32>,
}

impl Convolution {
    fn random(term: Term, (taps, doubled): (Taps, u32), shape: [usize; 5]) -> Self {
        let [batch, inputs, outputs, height, width] = shape;
        let random = |seed, count| {
            let numbers = standard_normal(Seed::new(seed), count);
            numbers.into_iter().map(|x| stored(term, x)).collect::<Vec<_>>()
        };
        let mut convolution =
            Self { term, taps, doubled, batch, inputs, outputs, height, width, ..Self::empty(term) };
        let kernel = convolution.kernel();
        convolution.x = random(1, batch * inputs * height * width);
        convolution.weight = random(2, outputs * inputs * kernel * kernel);
        convolution.weight.iter_mut().for_each(|x| *x = multiplied(term, *x));
        convolution.bias = standard_normal(Seed::new(3), outputs);
        convolution.added = random(4, batch * outputs * convolution.places());
        convolution
    }

    fn empty(term: Term) -> Self {
        let [x, weight, bias, added] = [const { Vec::new() }; 4];
        let (taps, doubled) = (Taps::Point, 0);
        let (batch, inputs, outputs, height, width) = (0, 0, 0, 0, 0);
        Self { term, taps, doubled, batch, inputs, outputs, height, width, x, weight, bias, added }
    }

    fn kernel(&self) -> usize {
        if self.taps == Taps::Point { 1 } else { 3 }
    }

    /// Height and width of the output.
    fn size(&self) -> (usize, usize) {
        let of = |side: usize| if self.taps == Taps::Halved { side / 2 } else { side << self.doubled };
        (of(self.height), of(self.width))
    }

    /// Of the output.
    fn places(&self) -> usize {
        self.size().0 * self.size().1
    }

    /// The weight as the kernel takes it.
    fn ordered(&self) -> Vec<f32> {
        let (taps, depth) = (self.kernel() * self.kernel(), self.term.depth() as usize);
        let mut ordered = vec![0.0; self.inputs.div_ceil(depth) * taps * self.outputs * depth];
        for (i, x) in self.weight.iter().enumerate() {
            let (output, input, tap) = (i / taps / self.inputs, i / taps % self.inputs, i % taps);
            ordered[((input / depth * taps + tap) * self.outputs + output) * depth + input % depth] = *x;
        }
        ordered
    }

    /// By the kernel.
    fn run(&self, with_added: bool) -> Vec<f32> {
        let (height, width) = self.size();
        let launch =
            Launch::convolution(self.term, self.taps, [self.batch, self.outputs, height, width].map(count));
        let (weight, is_wide) = (self.ordered(), matches!(self.term, Term::F32 | Term::Tf32));
        let numbers = [&self.x, &weight, &self.added];
        let bits = numbers.map(|numbers| to_bits(self.term, numbers));
        let input = |i: usize| {
            if is_wide { Argument::Floats(numbers[i]) } else { Argument::Halves(&bits[i]) }
        };
        let mut out = vec![0.0; self.added.len()];
        let mut out_bits = vec![0; self.added.len()];
        let counts = [usize::from(with_added), self.inputs, self.outputs, self.height, self.width];
        let mut arguments = vec![input(0), input(1), Argument::Floats(&self.bias), input(2)];
        arguments.extend(counts.map(|x| Argument::Count(count(x))));
        arguments.push(Argument::Count(self.doubled));
        arguments.push(if is_wide {
            Argument::FloatsOut(&mut out)
        } else {
            Argument::HalvesOut(&mut out_bits)
        });
        run(&launch, &mut arguments).expect("a launch");
        drop(arguments);
        if is_wide { out } else { out_bits.iter().map(|bits| from_bits(self.term, *bits)).collect() }
    }

    /// By its definition, without what is added; and the size of the terms, added up.
    fn exact(&self) -> Vec<(f64, f64)> {
        let (places, item) = (self.height * self.width, self.inputs * self.height * self.width);
        let factors: Vec<f64> = self.x.iter().map(|x| f64::from(multiplied(self.term, *x))).collect();
        let weight: Vec<f64> = self.weight.iter().map(|x| f64::from(*x)).collect();
        let (_, width) = self.size();
        let mut exact = Vec::with_capacity(self.added.len());
        for i in 0..self.added.len() {
            let (at, channel) = (i % self.places(), i / self.places());
            let (output, first) = (channel % self.outputs, channel / self.outputs * item);
            let bias = f64::from(self.bias[output]);
            let (mut sum, mut size) = (bias, bias.abs());
            for (tap, source) in self.sources(at / width, at % width) {
                for input in 0..self.inputs {
                    let taps = self.kernel() * self.kernel();
                    let term = factors[first + input * places + source]
                        * weight[(output * self.inputs + input) * taps + tap];
                    (sum, size) = (sum + term, size + term.abs());
                }
            }
            exact.push((sum, size));
        }
        exact
    }

    /// The taps of an output's place that are not in the padding, and the input's places that they read.
    fn sources(&self, y: usize, x: usize) -> Vec<(usize, usize)> {
        let kernel = self.kernel();
        // Where a tap reads, of a side of the map that is convolved; padding is left out.
        let side = |at: usize, tap: usize, of: usize| {
            let read = match self.taps {
                Taps::Point => at + 1,
                Taps::Square => at + tap,
                Taps::Halved => 2 * at + tap + 1,
            };
            (1..=of << self.doubled).contains(&read).then(|| (read - 1) >> self.doubled)
        };
        let tap = |tap: usize| {
            let (row, column) = (side(y, tap / kernel, self.height)?, side(x, tap % kernel, self.width)?);
            Some((tap, row * self.width + column))
        };
        (0..kernel * kernel).filter_map(tap).collect()
    }

    /// The rows `rows` of its input alone.
    fn rows(&self, rows: Range<usize>) -> Self {
        let strip = |map: &[f32]| map[rows.start * self.width..rows.end * self.width].to_vec();
        let x = self.x.chunks_exact(self.height * self.width).flat_map(strip).collect();
        let mut cut = Self { x, height: rows.len(), ..self.clone() };
        cut.added = vec![0.0; cut.batch * cut.outputs * cut.places()];
        cut
    }
}

fn assert_is_its_definition(kind: (Taps, u32), shape: [usize; 5]) {
    for term in TERMS {
        let convolution = Convolution::random(term, kind, shape);
        let exact = convolution.exact();
        // Half a unit in the last place.
        let rounding = match term {
            Term::F32 | Term::Tf32 => 6e-8,
            Term::F16 => 4.9e-4,
            Term::Bf16 => 3.91e-3,
        };
        for with_added in [false, true] {
            let ours = convolution.run(with_added);
            for (i, (ours, (sum, size))) in ours.iter().zip(&exact).enumerate() {
                let added = if with_added { f64::from(convolution.added[i]) } else { 0.0 };
                let exact = sum + added;
                let allowed = rounding * exact.abs() + 1e-6 * (size + added.abs());
                assert!(
                    (f64::from(*ours) - exact).abs() <= allowed,
                    "{term:?} {kind:?} {shape:?} {i}, added {with_added}: {ours}, not {exact}"
                );
            }
        }
    }
}

#[test]
fn points_are_their_definition() {
    for shape in SHAPES {
        assert_is_its_definition(KINDS[0], shape);
    }
}

#[test]
fn squares_are_their_definition() {
    for shape in SHAPES {
        assert_is_its_definition(KINDS[1], shape);
    }
    assert_is_its_definition(KINDS[1], [1, 1, 1, 1, 1]);
}

#[test]
fn doubled_maps_are_convolved_as_if_they_were_there() {
    for shape in SHAPES {
        assert_is_its_definition(KINDS[2], shape);
    }
}

#[test]
fn halved_maps_are_their_definition() {
    for shape in SHAPES {
        assert_is_its_definition(KINDS[3], shape);
    }
    // More than a tile of 8 × 8, odd and even.
    assert_is_its_definition(KINDS[3], [1, 3, 2, 19, 20]);
}

/// What strips in the autoencoder stand on: a place's bits do not depend on where it lies in its tile.
#[test]
fn rows_of_a_map_are_the_whole_maps_to_the_bit() {
    for term in TERMS {
        for (kind, given, kept) in [
            (KINDS[0], 3..9, 3..9),
            (KINDS[1], 4..12, 5..11),
            (KINDS[2], 4..9, 9..17),
            (KINDS[3], 4..11, 2..5),
        ] {
            let whole = Convolution::random(term, kind, [1, 5, 2, 12, 6]);
            let strip = whole.rows(given.clone());
            let scaled = |row: usize| if kind.0 == Taps::Halved { row / 2 } else { row << kind.1 };
            let first = kept.start - scaled(given.start);
            let of = |convolution: &Convolution, rows: Range<usize>| {
                let width = convolution.size().1;
                let out = convolution.run(false);
                let maps = out.chunks_exact(convolution.places());
                maps.flat_map(|map| map[rows.start * width..rows.end * width].to_vec()).collect::<Vec<_>>()
            };
            let ours = of(&strip, first..first + kept.len());
            assert_eq!(ours, of(&whole, kept), "{term:?} {kind:?}");
        }
    }
}

#[test]
fn an_item_does_not_depend_on_its_neighbours() {
    for term in TERMS {
        let both = Convolution::random(term, KINDS[1], [2, 5, 3, 4, 5]);
        let (x, added) = (both.x[both.x.len() / 2..].to_vec(), both.added[both.added.len() / 2..].to_vec());
        let out = both.run(true);
        let second = out[out.len() / 2..].to_vec();
        assert_eq!(Convolution { batch: 1, x, added, ..both }.run(true), second, "{term:?}");
    }
}

#[test]
fn what_is_not_finite_reaches_its_neighbours_alone() {
    for term in TERMS {
        for broken in [f32::NAN, f32::INFINITY] {
            let mut convolution = Convolution::random(term, KINDS[1], [1, 3, 2, 5, 7]);
            // Row 2, column 3 of the second input.
            convolution.x[35 + 2 * 7 + 3] = broken;
            for (i, x) in convolution.run(false).iter().enumerate() {
                let (row, column) = (i % 35 / 7, i % 7);
                let is_near = (1..=3).contains(&row) && (2..=4).contains(&column);
                assert_eq!(x.is_finite(), !is_near, "{term:?} {broken} {row} {column}: {x}");
            }
        }
    }
}
