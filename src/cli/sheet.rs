use crate::{domain::ImageSize, pipeline::Pixels};

/// `images`, all of one size, side by side in rows of `columns`, as one image; places left over are white. None if
/// there are no images.
pub(super) fn sheet(images: &[Pixels], columns: u32) -> Option<Pixels> {
    let one = images.first()?.size;
    let columns = (columns as usize).clamp(1, images.len());
    let rows = images.len().div_ceil(columns);
    let row_bytes = one.width() as usize * 3;
    let mut rgb = Vec::with_capacity(rows * columns * one.height() as usize * row_bytes);
    for row in images.chunks(columns) {
        for y in 0..one.height() as usize {
            for column in 0..columns {
                match row.get(column) {
                    Some(image) => rgb.extend_from_slice(&image.rgb[y * row_bytes..(y + 1) * row_bytes]),
                    None => rgb.resize(rgb.len() + row_bytes, u8::MAX),
                }
            }
        }
    }
    let (columns, rows) = (u32::try_from(columns).ok()?, u32::try_from(rows).ok()?);
    let size = ImageSize::new(one.width().checked_mul(columns)?, one.height().checked_mul(rows)?).ok()?;
    Some(Pixels { size, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_in_rows_and_places_left_over_are_white() {
        let plain = |value| Pixels { size: ImageSize::new(2, 1).expect("a size"), rgb: vec![value; 2 * 3] };
        let sheet = sheet(&[plain(1), plain(2), plain(3)], 2).expect("a sheet");
        assert_eq!(sheet.size.to_string(), "4x2");
        let reds: Vec<u8> = sheet.rgb.iter().copied().step_by(3).collect();
        assert_eq!(reds, [1, 1, 2, 2, 3, 3, 255, 255]);
    }
}
