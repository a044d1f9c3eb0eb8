use candle_core::quantized::GgmlDType;
use half::f16;

use super::block::Block;

/// ggml's Q4_K: eight groups of 32 numbers of 4 bits, each with a scale and a shift of 6, and a scale of 16 for each of these.
/// Rounded as candle rounds it, to the last bit, but with a vector's lane for each group: candle goes number by number, which is
/// most of the time of a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct FourBits {
    scale: f16,
    shift: f16,
    of_groups: [u8; 12],
    numbers: [u8; FOUR_BITS / 2],
}

/// Numbers of a block.
const FOUR_BITS: usize = 256;
/// Groups of a block, each with its own scale and shift.
const GROUPS: usize = 8;
/// Numbers of a group.
const GROUP: usize = FOUR_BITS / GROUPS;
/// The largest number of 4 bits, and of 6.
const FOUR: f32 = 15.0;
const SIX: f32 = 63.0;
/// How often a group's scale and shift are fitted to what its numbers were rounded to.
const FITS: usize = 5;

/// One number of each group.
type Lanes = [f32; GROUPS];
/// A block with the groups' first numbers side by side, then their second ones.
type Across = [Lanes; GROUP];

impl Block for FourBits {
    const NUMBERS: usize = FOUR_BITS;
    const GGML: GgmlDType = GgmlDType::Q4K;

    fn zeros() -> Self {
        Self { scale: f16::ZERO, shift: f16::ZERO, of_groups: [0; 12], numbers: [0; FOUR_BITS / 2] }
    }

    #[inline(always)]
    fn round(numbers: &[f32], blocks: &mut [Self]) {
        for (block, numbers) in blocks.iter_mut().zip(numbers.as_chunks().0) {
            *block = Self::of(numbers);
        }
    }

    #[inline(always)]
    fn read(blocks: &[Self], numbers: &mut [f32]) {
        for (block, numbers) in blocks.iter().zip(numbers.as_chunks_mut::<FOUR_BITS>().0) {
            block.write(numbers);
        }
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        let scales = self.scale.to_le_bytes().into_iter().chain(self.shift.to_le_bytes());
        scales.chain(self.of_groups).chain(self.numbers)
    }

    #[cfg(test)]
    fn of_bytes(bytes: &[u8]) -> Self {
        let scale = |at: usize| f16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            scale: scale(0),
            shift: scale(2),
            of_groups: bytes[4..16].try_into().expect("12 bytes"),
            numbers: bytes[16..].try_into().expect("128 bytes"),
        }
    }
}

impl FourBits {
    #[inline(always)]
    fn of(numbers: &[f32; FOUR_BITS]) -> Self {
        let mut across: Across = [[0.0; GROUPS]; GROUP];
        for (group, numbers) in numbers.as_chunks::<GROUP>().0.iter().enumerate() {
            for (across, number) in across.iter_mut().zip(numbers) {
                across[group] = *number;
            }
        }
        let (scales, shifts) = fit(&across);
        let (scale, scales) = in_six_bits(&scales);
        let (shift, shifts) = in_six_bits(&shifts);
        let step = lanes(|group| scale.to_f32() * f32::from(scales[group]));
        let lift = lanes(|group| shift.to_f32() * f32::from(shifts[group]));
        let mut bytes = [0; FOUR_BITS / 2];
        for (number, across) in across.iter().enumerate() {
            let raised = lanes(|group| (across[group] + lift[group]) / step[group]);
            let rounded = lanes(|group| nearest(if step[group] == 0.0 { 0.0 } else { raised[group] }));
            for pair in 0..GROUPS / 2 {
                bytes[pair * GROUP + number] =
                    bits_of(rounded[2 * pair]) | (bits_of(rounded[2 * pair + 1]) << 4);
            }
        }
        Self { scale, shift, of_groups: interleave(scales, shifts), numbers: bytes }
    }

    #[inline(always)]
    fn write(&self, numbers: &mut [f32; FOUR_BITS]) {
        let (scale, shift) = (self.scale.to_f32(), self.shift.to_f32());
        let groups = numbers.as_chunks_mut::<GROUP>().0.iter_mut();
        for (group, numbers) in groups.enumerate() {
            let (of_scale, of_shift) = self.of_group(group);
            let (step, lift) = (scale * f32::from(of_scale), shift * f32::from(of_shift));
            let bytes = &self.numbers.as_chunks::<GROUP>().0[group / 2];
            let places = if group % 2 == 0 { 0 } else { 4 };
            for (number, byte) in numbers.iter_mut().zip(bytes) {
                *number = step * f32::from((byte >> places) & 15) - lift;
            }
        }
    }

    /// A group's scale and shift. The first four groups' lie in 6 bits of a byte each; of the others' the upper 2 bits lie above
    /// those, the lower 4 share a byte.
    #[inline(always)]
    fn of_group(&self, group: usize) -> (u8, u8) {
        let packed = &self.of_groups;
        match group.checked_sub(4) {
            None => (packed[group] & 63, packed[group + 4] & 63),
            Some(first) => {
                let both = packed[group + 4];
                ((both & 15) | (packed[first] >> 6 << 4), (both >> 4) | (packed[group] >> 6 << 4))
            }
        }
    }
}

/// The scales and shifts of the groups: number ≈ scale × 4 bits - shift. `make_qkx1_quants` of ggml's k_quants.c.
#[inline(always)]
fn fit(across: &Across) -> (Lanes, Lanes) {
    let (mut least, mut most) = (across[0], across[0]);
    for numbers in across {
        for group in 0..GROUPS {
            least[group] = if numbers[group] < least[group] { numbers[group] } else { least[group] };
            most[group] = if numbers[group] > most[group] { numbers[group] } else { most[group] };
        }
    }
    // A group of equal numbers is of zeros, as ggml has it.
    let mut changes = [true; GROUPS];
    for group in 0..GROUPS {
        changes[group] = least[group] < most[group];
    }
    let mut low = lanes(|group| if least[group] < 0.0 { least[group] } else { 0.0 });
    let mut inverse = lanes(|group| FOUR / (most[group] - low[group]));
    let is_flat = changes.map(|changes| !changes);
    let mut scale = [0.0; GROUPS];
    low = lanes(|group| if changes[group] { low[group] } else { 0.0 });
    let mut rounded: Across = [[0.0; GROUPS]; GROUP];
    for _ in 0..FITS {
        let before = changes;
        let (fitted, changed) = fit_once(across, &low, &inverse, &mut rounded);
        for group in 0..GROUPS {
            if before[group] {
                (scale[group], low[group]) = (fitted.0[group], fitted.1[group]);
                inverse[group] = 1.0 / scale[group];
                changes[group] = changed[group];
            }
        }
    }
    (scale, lanes(|group| if is_flat[group] { 0.0 } else { -low[group] }))
}

/// Rounds the numbers by what was fitted last; from them, each group's new scale and lowest number, and whether one of its numbers
/// was rounded to another.
#[inline(always)]
fn fit_once(
    across: &Across,
    low: &Lanes,
    inverse: &Lanes,
    rounded: &mut Across,
) -> ((Lanes, Lanes), [bool; GROUPS]) {
    let (mut products, mut squares, mut differences) = ([0.0; GROUPS], [0.0; GROUPS], [0.0; GROUPS]);
    for (numbers, rounded) in across.iter().zip(&mut *rounded) {
        for group in 0..GROUPS {
            let raised = numbers[group] - low[group];
            let nearest = nearest(inverse[group] * raised);
            differences[group] += (nearest - rounded[group]).abs();
            rounded[group] = nearest;
            products[group] += raised * nearest;
            squares[group] += nearest * nearest;
        }
    }
    let scale = lanes(|group| products[group] / squares[group]);
    let mut rest = [0.0; GROUPS];
    for (numbers, rounded) in across.iter().zip(&*rounded) {
        for group in 0..GROUPS {
            rest[group] += numbers[group] - scale[group] * rounded[group];
        }
    }
    let low = lanes(|group| if rest[group] > 0.0 { 0.0 } else { rest[group] / 32.0 });
    let mut changed = [false; GROUPS];
    for group in 0..GROUPS {
        changed[group] = differences[group] > 0.0;
    }
    ((scale, low), changed)
}

/// A number for each group. A loop is inlined, and so has the vectors of its surroundings; [`std::array::from_fn`] is not.
#[inline(always)]
fn lanes(of_group: impl Fn(usize) -> f32) -> Lanes {
    let mut lanes = [0.0; GROUPS];
    for (group, lane) in lanes.iter_mut().enumerate() {
        *lane = of_group(group);
    }
    lanes
}

/// The groups' scales, or their shifts, in 6 bits, and the scale of these.
#[inline(always)]
fn in_six_bits(of_groups: &Lanes) -> (f16, [u8; GROUPS]) {
    let most = of_groups.iter().fold(0.0_f32, |most, number| number.max(most));
    let inverse = if most > 0.0 { SIX / most } else { 0.0 };
    let mut six_bits = [0; GROUPS];
    for (six_bits, number) in six_bits.iter_mut().zip(of_groups) {
        *six_bits = bits_of((inverse * number).round().clamp(0.0, SIX));
    }
    (f16::from_f32(most / SIX), six_bits)
}

/// As [`FourBits::of_group`] reads them.
#[inline(always)]
fn interleave(scales: [u8; GROUPS], shifts: [u8; GROUPS]) -> [u8; 12] {
    let mut bytes = [0; 12];
    for group in 0..4 {
        bytes[group] = scales[group] | (scales[group + 4] >> 4 << 6);
        bytes[group + 4] = shifts[group] | (shifts[group + 4] >> 4 << 6);
        bytes[group + 8] = (scales[group + 4] & 15) | ((shifts[group + 4] & 15) << 4);
    }
    bytes
}

/// The whole number from 0 to 15 nearest to `number`; of two that are as near, the larger. Without a branch or a call, so that the
/// compiler makes vectors of it.
#[inline(always)]
fn nearest(number: f32) -> f32 {
    /// The largest number below a half: a half itself would round 0.49999997 up.
    const HALF: f32 = 0.499_999_97;
    let raised = if number > 0.0 { number } else { 0.0 };
    let within = if raised < FOUR { raised } else { FOUR };
    (within + HALF).trunc()
}

/// A whole number from 0 to 255 as a byte: the last bits of its sum with 2²³.
#[inline(always)]
fn bits_of(number: f32) -> u8 {
    const WHOLE: f32 = 8_388_608.0;
    (number + WHOLE).to_le_bytes()[0]
}
