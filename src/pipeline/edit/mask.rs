use super::frame::Frame;
use crate::domain::Mask;

/// 1 for every latent of a cell that a repainted pixel touches, rows from the top. A cell is what one token stands for:
/// `cell` pixels wide and high; a latent stands for `factor` pixels.
pub(super) fn touched_cells(mask: &Mask, frame: &Frame, cell: u32, factor: u32) -> Vec<f32> {
    let (columns, rows) = (frame.canvas.width() / cell, frame.canvas.height() / cell);
    let mut touched = vec![false; columns as usize * rows as usize];
    let across =
        |x: u32| cells(x, frame.part.size.width(), (frame.place.left, frame.place.size.width()), cell);
    let down =
        |y: u32| cells(y, frame.part.size.height(), (frame.place.top, frame.place.size.height()), cell);
    let width = mask.size.width();
    for (y, first) in (0..).zip(frame.part.row_starts(width)) {
        let levels = &mask.levels[first..][..frame.part.size.width() as usize];
        for (x, _) in (0..).zip(levels).filter(|(_, level)| **level >= Mask::THRESHOLD) {
            for row in down(y) {
                for column in across(x) {
                    touched[(row * columns + column) as usize] = true;
                }
            }
        }
    }
    let latents_of_cell = cell / factor;
    let is_touched = |row: u32, column: u32| {
        touched[(row / latents_of_cell * columns + column / latents_of_cell) as usize]
    };
    let (latent_columns, latent_rows) = (columns * latents_of_cell, rows * latents_of_cell);
    let latents = (0..latent_rows).flat_map(|row| (0..latent_columns).map(move |column| (row, column)));
    latents.map(|(row, column)| f32::from(u8::from(is_touched(row, column)))).collect()
}

/// The cells that pixel `at` of a side of `side` pixels lies in, once that side is scaled to `place` (first, side).
fn cells(at: u32, side: u32, (first, scaled): (u32, u32), cell: u32) -> std::ops::RangeInclusive<u32> {
    let scale = |at: u32| u64::from(at) * u64::from(scaled);
    let begin = scale(at) / u64::from(side);
    let end = (scale(at + 1).div_ceil(u64::from(side))).max(begin + 1) - 1;
    let cell_of =
        |pixel: u64| u32::try_from((u64::from(first) + pixel) / u64::from(cell)).unwrap_or(u32::MAX);
    cell_of(begin)..=cell_of(end)
}

/// 1 for every latent whose first pixel is repainted, once the mask is scaled to the canvas (torch's `interpolate` by
/// nearest neighbour).
pub(super) fn nearest(mask: &Mask, frame: &Frame, factor: u32) -> Vec<f32> {
    let mask = mask.placed(frame.part, frame.place, frame.canvas);
    let (width, step) = (mask.size.width() as usize, factor as usize);
    let rows = mask.levels.chunks_exact(width).step_by(step);
    let levels = rows.flat_map(|row| row.iter().step_by(step));
    levels.map(|level| f32::from(u8::from(*level >= Mask::THRESHOLD))).collect()
}

/// How much of the edit each pixel shows, 0 to 1, rows from the top: 0 outside the mask, and inside it more with every pixel
/// from the mask's edge, up to all of it after `feather` pixels. Where the mask is thinner than that, all of it is shown along
/// its middle.
pub(super) fn shares(mask: &Mask, feather: u32) -> Vec<f32> {
    let (width, height) = (mask.size.width() as usize, mask.size.height() as usize);
    let depths = depths(mask, feather + 1);
    let reach = feather as usize;
    let deepest = windows_max(&depths, width, height, reach);
    depths
        .iter()
        .zip(deepest)
        .map(|(depth, deepest)| match deepest {
            0 => 0.0,
            #[expect(clippy::cast_precision_loss, reason = "depths are small")]
            _ => *depth as f32 / deepest as f32,
        })
        .collect()
}

/// How many steps, straight or diagonal, it is from each pixel to one outside the mask, at most `most`. The image's own border
/// is no edge of the mask.
fn depths(mask: &Mask, most: u32) -> Vec<u32> {
    let (width, height) = (mask.size.width() as usize, mask.size.height() as usize);
    let mut depths: Vec<u32> =
        mask.repaints().map(|is_repainted| if is_repainted { most } else { 0 }).collect();
    let mut visit = |x: usize, y: usize, neighbours: [(isize, isize); 4]| {
        let here = depths[y * width + x];
        let near = neighbours.into_iter().filter_map(|(dx, dy)| {
            let (x, y) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
            (x < width && y < height).then(|| depths[y * width + x] + 1)
        });
        depths[y * width + x] = near.fold(here, u32::min);
    };
    for y in 0..height {
        for x in 0..width {
            visit(x, y, [(-1, -1), (0, -1), (1, -1), (-1, 0)]);
        }
    }
    for y in (0..height).rev() {
        for x in (0..width).rev() {
            visit(x, y, [(1, 1), (0, 1), (-1, 1), (1, 0)]);
        }
    }
    depths
}

/// The largest number within `reach` pixels to every side.
fn windows_max(numbers: &[u32], width: usize, height: usize, reach: usize) -> Vec<u32> {
    let along = |numbers: &[u32], count: usize, index: &dyn Fn(usize) -> usize, out: &mut [u32]| {
        for at in 0..count {
            let window = at.saturating_sub(reach)..(at + reach + 1).min(count);
            out[index(at)] = window.map(|at| numbers[index(at)]).max().unwrap_or_default();
        }
    };
    let (mut rows, mut both) = (vec![0; numbers.len()], vec![0; numbers.len()]);
    for y in 0..height {
        along(numbers, width, &|x| y * width + x, &mut rows);
    }
    for x in 0..width {
        along(&rows, height, &|y| y * width + x, &mut both);
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageSize, Rect};

    fn mask(rows: &[&str]) -> Mask {
        let size = ImageSize::new(
            u32::try_from(rows[0].len()).expect("small"),
            u32::try_from(rows.len()).expect("small"),
        );
        let levels = rows.concat().bytes().map(|byte| if byte == b'#' { 255 } else { 0 }).collect();
        Mask { size: size.expect("a size"), levels }
    }

    fn same_size(mask: &Mask, cell: u32) -> Frame {
        let cells = |side: u32| side.next_multiple_of(cell);
        let canvas = ImageSize::new(cells(mask.size.width()), cells(mask.size.height())).expect("a size");
        Frame { part: Rect::whole(mask.size), canvas, place: Rect::whole(mask.size) }
    }

    #[test]
    fn a_cell_is_repainted_where_one_pixel_of_it_is() {
        let mask = mask(&["........", ".....#..", "........", "........", "#......."]);
        let frame = same_size(&mask, 4);
        // Two latents wide and high each.
        let latents = touched_cells(&mask, &frame, 4, 2);
        let rows: Vec<Vec<f32>> = latents.chunks_exact(4).map(<[f32]>::to_vec).collect();
        assert_eq!(rows, [[0., 0., 1., 1.], [0., 0., 1., 1.], [1., 1., 0., 0.], [1., 1., 0., 0.]]);
        // The reference sees neither pixel: both lie beside the first one of their latents, but for the last.
        assert_eq!(nearest(&mask, &frame, 2).iter().sum::<f32>(), 1.0);
    }

    #[test]
    fn a_pixel_that_is_scaled_up_touches_every_cell_that_it_covers() {
        let mask = mask(&["..", ".#"]);
        let canvas = ImageSize::square(12);
        let frame = Frame { part: Rect::whole(mask.size), canvas, place: Rect::whole(canvas) };
        let latents = touched_cells(&mask, &frame, 4, 4);
        // From pixel 6 to 11: the second and the third cell.
        assert_eq!(latents, [0., 0., 0., 0., 1., 1., 0., 1., 1.]);
    }

    #[test]
    fn an_edit_fades_in_from_the_masks_edge_and_is_whole_in_the_middle_of_a_stroke() {
        let wide = mask(&["..........", ".########.", ".########.", ".########.", ".########."]);
        let shares = shares(&wide, 2);
        let row = |y: usize| &shares[10 * y..][..10];
        assert!(row(0).iter().all(|share| *share == 0.0));
        let third = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0, 1.0, 1.0, 1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0];
        assert!(row(4).iter().zip(third).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", row(4));
        let stroke = mask(&[".....", "#####", "....."]);
        assert_eq!(super::shares(&stroke, 4)[5..10], [1.0; 5]);
        assert_eq!(super::shares(&wide, 0).iter().filter(|share| **share == 1.0).count(), 32);
    }

    #[test]
    fn a_mask_of_everything_has_no_edge() {
        assert!(shares(&mask(&["###", "###"]), 4).iter().all(|share| *share == 1.0));
    }
}
