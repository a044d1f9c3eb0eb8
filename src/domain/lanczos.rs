//! Pillow's Lanczos filter for bytes, bit by bit, so that an image that is scaled before it is edited is the one that diffusers
//! scales. Source: Pillow, `libImaging/Resample.c`.

use std::f64::consts::PI;

/// Half the filter's width in pixels of the smaller image.
const SUPPORT: f64 = 3.0;
/// Binary digits of a weight after its point: sums of bytes fit into 32 bits.
const WEIGHT_BITS: u32 = 22;

/// The inputs of one output along a line, and their weights, which add up to 1.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// An image [height, width, `CHANNELS`] of `size` (width, height) at another size. What is made wider and lower is first made
/// lower, as Pillow does since it takes the cheaper way.
pub(super) fn resized<const CHANNELS: usize>(
    image: Vec<u8>,
    size: (usize, usize),
    (width, height): (usize, usize),
) -> Vec<u8> {
    if width > size.0 && height < size.1 {
        let down = along_columns(image, (size.0 * CHANNELS, size.1), height);
        return along_rows::<CHANNELS>(down, (size.0, height), width);
    }
    let across = along_rows::<CHANNELS>(image, size, width);
    along_columns(across, (width * CHANNELS, size.1), height)
}

fn along_rows<const CHANNELS: usize>(image: Vec<u8>, (width, height): (usize, usize), to: usize) -> Vec<u8> {
    if width == to {
        return image;
    }
    let windows = windows(width, to);
    let mut out = Vec::with_capacity(height * to * CHANNELS);
    for row in image.chunks_exact(width * CHANNELS) {
        let pixels = row.as_chunks::<CHANNELS>().0;
        for Window { first, weights } in &windows {
            let mut sums = [HALF; CHANNELS];
            for (pixel, weight) in pixels[*first..].iter().zip(weights) {
                for (sum, number) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*number) * weight;
                }
            }
            out.extend(sums.map(rounded));
        }
    }
    out
}

/// Of rows of `row` numbers each.
fn along_columns(image: Vec<u8>, (row, height): (usize, usize), to: usize) -> Vec<u8> {
    if height == to {
        return image;
    }
    let mut out = Vec::with_capacity(to * row);
    let mut sums = vec![HALF; row];
    for Window { first, weights } in windows(height, to) {
        sums.fill(HALF);
        for (numbers, weight) in image[first * row..].chunks_exact(row).zip(weights) {
            for (sum, number) in sums.iter_mut().zip(numbers) {
                *sum += i32::from(*number) * weight;
            }
        }
        out.extend(sums.iter().copied().map(rounded));
    }
    out
}

/// One half, so that a sum is rounded and not cut.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

fn rounded(sum: i32) -> u8 {
    u8::try_from((sum >> WEIGHT_BITS).clamp(0, 255)).unwrap_or(u8::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sides are small, and Pillow cuts the same way"
)]
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = SUPPORT * stretch;
    let window = |output: usize| {
        let center = (output as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let weight = |input: usize| lanczos((input as f64 - center + 0.5) / stretch);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| (weight / sum * f64::from(1u32 << WEIGHT_BITS)).round() as i32;
        Window { first, weights: weights.into_iter().map(fixed).collect() }
    };
    (0..to).map(window).collect()
}

/// sinc(x) · sinc(x / 3) inside the support.
fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_pillows() {
        let image: Vec<u8> = (0..5u32)
            .flat_map(|y| {
                (0..7).map(move |x| u8::try_from((37 * x + 91 * y + 17 * x * y) % 256).expect("a byte"))
            })
            .collect();
        let expected: [((usize, usize), Vec<u8>); 4] = [
            ((4, 3), vec![56, 142, 133, 174, 161, 156, 136, 78, 112, 121, 82, 151]),
            (
                (10, 5),
                vec![
                    0, 16, 48, 72, 99, 123, 150, 174, 206, 224, 88, 114, 159, 194, 255, 189, 46, 73, 142,
                    162, 171, 239, 219, 74, 86, 192, 204, 59, 39, 107, 12, 48, 147, 197, 78, 21, 122, 212,
                    125, 17, 95, 180, 187, 64, 140, 128, 13, 74, 187, 232,
                ],
            ),
            (
                (7, 9),
                vec![
                    0, 28, 55, 90, 165, 192, 227, 16, 57, 119, 156, 109, 171, 209, 73, 125, 196, 243, 50,
                    121, 168, 164, 227, 143, 238, 116, 37, 132, 182, 253, 68, 139, 210, 25, 96, 85, 164, 140,
                    40, 189, 128, 27, 15, 106, 189, 35, 95, 204, 50, 70, 172, 108, 122, 33, 156, 170, 125,
                    231, 42, 188, 8, 105, 251,
                ],
            ),
            (
                (10, 3),
                vec![
                    41, 62, 95, 121, 178, 161, 101, 123, 182, 210, 121, 171, 197, 142, 128, 153, 155, 96, 69,
                    80, 55, 121, 168, 116, 101, 74, 64, 139, 162, 137,
                ],
            ),
        ];
        for (size, numbers) in expected {
            assert_eq!(resized::<1>(image.clone(), (7, 5), size), numbers, "{size:?}");
            let colours: Vec<u8> = image.iter().flat_map(|number| [*number; 3]).collect();
            let colours = resized::<3>(colours, (7, 5), size);
            assert!(colours.as_chunks::<3>().0.iter().map(|[red, ..]| red).eq(&numbers), "{size:?}");
        }
    }
}
