//! Tests of `maps.cu`: group norms against their definition in f64, far from 0 too, whole and in strips.

use half::bf16;
use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Launch, MapNumber},
};

const EPS: f32 = 1e-6;

/// Maps of some items.
struct Maps {
    batch: usize,
    channels: usize,
    groups: usize,
    places: usize,
    numbers: Vec<f32>,
}

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

#[expect(clippy::cast_precision_loss, reason = "maps are small")]
fn number(x: usize) -> f32 {
    x as f32
}

impl Maps {
    /// Numbers about `mean`, which differs from group to group.
    fn random(seed: u64, [batch, channels, groups, places]: [usize; 4], mean: f32) -> Self {
        let mut numbers = standard_normal(Seed::new(seed), batch * channels * places);
        let size = channels / groups * places;
        for (group, numbers) in numbers.chunks_exact_mut(size).enumerate() {
            numbers.iter_mut().for_each(|x| *x += mean * (1.0 + number(group % 5)));
        }
        Self { batch, channels, groups, places, numbers }
    }

    /// Numbers of a group.
    fn size(&self) -> usize {
        self.channels / self.groups * self.places
    }

    fn all_groups(&self) -> usize {
        self.batch * self.groups
    }

    /// Mean and squares of each group, by the two kernels.
    fn moments(&self) -> Vec<f32> {
        let (groups, size) = (count(self.all_groups()), count(self.size()));
        let slices = Launch::slices(size);
        let mut of_slices = vec![0.0; 2 * self.all_groups() * slices as usize];
        let mut arguments =
            [Argument::Floats(&self.numbers), Argument::Count(size), Argument::FloatsOut(&mut of_slices)];
        run(&Launch::group_moments(MapNumber::F32, groups, size), &mut arguments).expect("a launch");
        let mut moments = vec![0.0; 2 * self.all_groups()];
        let mut arguments = [
            Argument::Floats(&of_slices),
            Argument::Count(size),
            Argument::Count(slices),
            Argument::FloatsOut(&mut moments),
        ];
        run(&Launch::merge_moments(groups), &mut arguments).expect("a launch");
        moments
    }

    /// The norm by `moments`, which are of `of` numbers a group.
    fn normed(
        &self,
        moments: &[f32],
        of: usize,
        (weight, bias): (&[f32], &[f32]),
        with_silu: bool,
    ) -> Vec<f32> {
        let size = count(self.size());
        let mut out = vec![0.0; self.numbers.len()];
        let mut arguments = [
            Argument::Floats(&self.numbers),
            Argument::Floats(moments),
            Argument::Number(number(of)),
            Argument::Count(size),
            Argument::Floats(weight),
            Argument::Floats(bias),
            Argument::Number(EPS),
            Argument::Count(count(self.groups)),
            Argument::Count(count(self.places)),
            Argument::Count(u32::from(with_silu)),
            Argument::FloatsOut(&mut out),
        ];
        run(&Launch::group_norm(MapNumber::F32, count(self.all_groups()), size), &mut arguments)
            .expect("a launch");
        out
    }

    /// Mean and squares of each group, by their definition.
    fn exact_moments(&self) -> Vec<(f64, f64)> {
        let of = |group: &[f32]| {
            let count = f64::from(number(group.len()));
            let mean = group.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
            (mean, group.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>())
        };
        self.numbers.chunks_exact(self.size()).map(of).collect()
    }

    /// The norm, by its definition.
    fn exact(&self, (weight, bias): (&[f32], &[f32]), with_silu: bool) -> Vec<f64> {
        let moments = self.exact_moments();
        let (size, channels) = (self.size(), self.channels);
        let normed = self.numbers.iter().enumerate().map(|(i, x)| {
            let (mean, squares) = moments[i / size];
            let deviation = (squares / f64::from(number(size)) + f64::from(EPS)).sqrt();
            let channel = i / self.places % channels;
            let y =
                (f64::from(*x) - mean) / deviation * f64::from(weight[channel]) + f64::from(bias[channel]);
            if with_silu { y / (1.0 + (-y).exp()) } else { y }
        });
        normed.collect()
    }
}

fn weights(channels: usize) -> (Vec<f32>, Vec<f32>) {
    let weight = standard_normal(Seed::new(90), channels).iter().map(|x| 1.0 + 0.3 * x).collect();
    (weight, standard_normal(Seed::new(91), channels))
}

/// Items, channels, groups, places: 4 numbers at a time and one, one slice and several, and a channel over an edge of slices.
const SHAPES: [[usize; 4]; 6] =
    [[1, 4, 4, 1], [2, 6, 3, 7], [1, 12, 4, 100], [2, 8, 2, 2050], [1, 3, 1, 5461], [1, 2, 1, 20_004]];

#[test]
fn moments_are_their_definition_far_from_zero_too() {
    for (seed, shape) in (1..).zip(SHAPES) {
        for mean in [0.0, 100.0] {
            let maps = Maps::random(seed, shape, mean);
            for (moments, (mean, squares)) in maps.moments().chunks_exact(2).zip(maps.exact_moments()) {
                let (ours, ours_squares) = (f64::from(moments[0]), f64::from(moments[1]));
                assert!((ours - mean).abs() <= 1e-6 * (1.0 + mean.abs()), "{shape:?}: {ours}, not {mean}");
                let allowed = 2e-5 * squares + 1e-9;
                assert!(
                    (ours_squares - squares).abs() <= allowed,
                    "{shape:?}: {ours_squares}, not {squares}"
                );
            }
        }
    }
}

#[test]
fn a_group_norm_is_its_definition_with_silu_and_without() {
    for (seed, shape) in (11..).zip(SHAPES) {
        let (weight, bias) = weights(shape[1]);
        for (mean, with_silu) in [(0.0, true), (0.0, false), (30.0, true)] {
            let maps = Maps::random(seed, shape, mean);
            let ours = maps.normed(&maps.moments(), maps.size(), (&weight, &bias), with_silu);
            for (ours, exact) in ours.iter().zip(maps.exact((&weight, &bias), with_silu)) {
                // A number of 30 has lost a millionth of 30 before the norm sees it, and a small deviation makes it larger.
                let allowed = (2e-5 + 4e-6 * f64::from(mean)) * (1.0 + exact.abs());
                assert!((f64::from(*ours) - exact).abs() <= allowed, "{shape:?}: {ours}, not {exact}");
            }
        }
    }
}

#[test]
fn rows_of_a_map_are_normed_by_the_maps_moments() {
    let maps = Maps::random(21, [1, 4, 2, 64], 3.0);
    let (weight, bias) = weights(4);
    let moments = maps.moments();
    let whole = maps.normed(&moments, maps.size(), (&weight, &bias), true);
    // The first 24 places of each channel.
    let of_rows = |numbers: &[f32]| {
        numbers.chunks_exact(64).flat_map(|channel| channel[..24].to_vec()).collect::<Vec<_>>()
    };
    let rows = Maps { places: 24, numbers: of_rows(&maps.numbers), ..Maps::random(21, [1, 4, 2, 24], 0.0) };
    let normed = rows.normed(&moments, maps.size(), (&weight, &bias), true);
    assert_eq!(normed, of_rows(&whole));
}

#[test]
fn what_is_not_finite_stays_in_its_group() {
    for broken in [f32::NAN, f32::INFINITY] {
        let mut maps = Maps::random(31, [2, 6, 3, 7], 0.0);
        maps.numbers[16] = broken;
        let (weight, bias) = weights(6);
        let normed = maps.normed(&maps.moments(), maps.size(), (&weight, &bias), true);
        let is_finite: Vec<_> =
            normed.chunks_exact(14).map(|group| group.iter().all(|x| x.is_finite())).collect();
        assert_eq!(is_finite, [true, false, true, true, true, true]);
    }
}

/// A block has 8,192 numbers; a place is a channel's last, the next the next channel's first.
#[test]
fn constant_maps_are_their_bias() {
    let maps = Maps { numbers: vec![7.0; 20_004 * 2], ..Maps::random(1, [1, 2, 1, 20_004], 0.0) };
    let (weight, bias) = weights(2);
    let moments = maps.moments();
    assert_eq!(moments, [7.0, 0.0]);
    let normed = maps.normed(&moments, maps.size(), (&weight, &bias), false);
    assert!(normed[..20_004].iter().all(|x| *x == bias[0]) && normed[20_004..].iter().all(|x| *x == bias[1]));
}

#[test]
fn maps_of_16_bits_are_read_exactly_and_rounded_once() {
    for (seed, shape) in (41..).zip(SHAPES) {
        let (weight, bias) = weights(shape[1]);
        let halves =
            |maps: &Maps| maps.numbers.iter().map(|x| bf16::from_f32(*x).to_bits()).collect::<Vec<_>>();
        let drawn = Maps::random(seed, shape, 2.0);
        let bits = halves(&drawn);
        let maps =
            Maps { numbers: bits.iter().map(|bits| bf16::from_bits(*bits).to_f32()).collect(), ..drawn };
        let (groups, size) = (count(maps.all_groups()), count(maps.size()));
        let mut of_slices = vec![0.0; 2 * maps.all_groups() * Launch::slices(size) as usize];
        let mut arguments =
            [Argument::Halves(&bits), Argument::Count(size), Argument::FloatsOut(&mut of_slices)];
        run(&Launch::group_moments(MapNumber::Bf16, groups, size), &mut arguments).expect("a launch");
        if Launch::slices(size) == 1 {
            assert_eq!(of_slices, maps.moments(), "as the same numbers of 32 bits");
        }
        let (moments, mut out) = (maps.moments(), vec![0; bits.len()]);
        let mut arguments = [
            Argument::Halves(&bits),
            Argument::Floats(&moments),
            Argument::Number(number(maps.size())),
            Argument::Count(size),
            Argument::Floats(&weight),
            Argument::Floats(&bias),
            Argument::Number(EPS),
            Argument::Count(count(maps.groups)),
            Argument::Count(count(maps.places)),
            Argument::Count(1),
            Argument::HalvesOut(&mut out),
        ];
        run(&Launch::group_norm(MapNumber::Bf16, groups, size), &mut arguments).expect("a launch");
        let wide = maps.normed(&moments, maps.size(), (&weight, &bias), true);
        let rounded: Vec<_> = wide.iter().map(|x| bf16::from_f32(*x).to_bits()).collect();
        assert_eq!(out, rounded, "{shape:?}");
    }
}
