use super::{frame::Frame, mask};
use crate::domain::{Edit, ImageSize, MaskMode, Pixels};

/// The answer to `edit`, of `size`, from what was generated for it. In [`MaskMode::Exact`] pixels outside the mask are the
/// source's.
pub(super) fn put_back(edit: &Edit, frame: &Frame, size: ImageSize, generated: Pixels) -> Pixels {
    if edit.mode == MaskMode::Reference && generated.size == size {
        return generated;
    }
    let part = frame.part_of(&generated);
    let Some(mask) = edit.mask.as_ref().filter(|_| edit.mode == MaskMode::Exact) else { return part };
    let mut answer = edit.source.clone();
    let shares = mask::shares(mask, edit.feather);
    let width = frame.part.size.width() as usize;
    let rows = frame.part.row_starts(answer.size.width()).zip(part.rgb.chunks_exact(3 * width));
    for (first, generated) in rows {
        let before = &mut answer.rgb[3 * first..][..3 * width];
        let pixels = before.as_chunks_mut::<3>().0.iter_mut().zip(generated.as_chunks::<3>().0);
        for ((before, generated), share) in pixels.zip(&shares[first..]) {
            for (before, generated) in before.iter_mut().zip(generated) {
                *before = mixed(*before, *generated, *share);
            }
        }
    }
    answer
}

/// `share` of `generated`, the rest of `before`.
fn mixed(before: u8, generated: u8, share: f32) -> u8 {
    let (from, to) = (f32::from(before), f32::from(generated));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between two bytes")]
    let mixed = (from + (to - from) * share).round() as u8;
    mixed
}
