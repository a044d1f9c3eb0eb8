use super::{ImageSize, lanczos};

/// An image: 8-bit sRGB, rows from the top, [height, width, 3].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Width and height.
    pub size: ImageSize,
    /// Red, green, blue of each pixel.
    pub rgb: Vec<u8>,
}

/// Some whole pixels of an image: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Pixels to its left.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Its width and height.
    pub size: ImageSize,
}

impl Rect {
    /// All of an image of `size`.
    pub const fn whole(size: ImageSize) -> Self {
        Self { left: 0, top: 0, size }
    }

    /// Where an image of `size` lies in one of `within`: as large as it fits, in the middle.
    pub fn fitted(size: ImageSize, within: ImageSize) -> Self {
        let share = |side: u32, of: u32, to: u32| {
            u32::try_from(u64::from(side) * u64::from(to) / u64::from(of)).unwrap_or(to).max(1)
        };
        let by_width = u64::from(within.width()) * u64::from(size.height())
            <= u64::from(within.height()) * u64::from(size.width());
        let fitted = if by_width {
            ImageSize::at_least_one(within.width(), share(size.height(), size.width(), within.width()))
        } else {
            ImageSize::at_least_one(share(size.width(), size.height(), within.height()), within.height())
        };
        let (left, top) = ((within.width() - fitted.width()) / 2, (within.height() - fitted.height()) / 2);
        Self { left, top, size: fitted }
    }

    /// The largest part of an image of `size`, in its middle, that has the shape of `shape`.
    pub fn covering(size: ImageSize, shape: ImageSize) -> Self {
        let part = Self::fitted(shape, size).size;
        Self { left: (size.width() - part.width()) / 2, top: (size.height() - part.height()) / 2, size: part }
    }

    /// The index of each of its rows' first pixels in an image that is `width` pixels wide, from the top.
    pub fn row_starts(self, width: u32) -> impl Iterator<Item = usize> {
        (self.top..self.top + self.size.height())
            .map(move |row| row as usize * width as usize + self.left as usize)
    }
}

impl Pixels {
    /// A part of the image.
    #[must_use]
    pub fn part(&self, part: Rect) -> Self {
        if part == Rect::whole(self.size) {
            return self.clone();
        }
        let row = 3 * part.size.width() as usize;
        let rows = part.row_starts(self.size.width()).flat_map(|first| &self.rgb[3 * first..][..row]);
        Self { size: part.size, rgb: rows.copied().collect() }
    }

    /// The image at `size`, by a Lanczos filter.
    #[must_use]
    pub fn resized(self, size: ImageSize) -> Self {
        Self { size, rgb: lanczos::resized::<3>(self.rgb, self.size.sides(), size.sides()) }
    }

    /// An image of `canvas` with this one at `place`, its edges drawn out to the border.
    #[must_use]
    pub fn drawn_out(self, place: Rect, canvas: ImageSize) -> Self {
        if self.size == canvas {
            return self;
        }
        let source = |at: u32, first: u32, side: u32| at.saturating_sub(first).min(side - 1) as usize;
        let columns: Vec<usize> =
            (0..canvas.width()).map(|x| source(x, place.left, self.size.width())).collect();
        let pixels = self.rgb.as_chunks::<3>().0;
        let rows = (0..canvas.height()).map(|y| source(y, place.top, self.size.height()));
        let rgb = rows
            .flat_map(|y| columns.iter().map(move |x| (y, x)))
            .flat_map(|(y, x)| pixels[y * self.size.width() as usize + x])
            .collect();
        Self { size: canvas, rgb }
    }

    /// The image at `size`: made larger or smaller by a Lanczos filter until it just fits, its edges drawn out to the border
    /// where the shape differs.
    #[must_use]
    pub fn fitted(self, size: ImageSize) -> Self {
        let place = Rect::fitted(self.size, size);
        self.resized(place.size).drawn_out(place, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red above, blue below.
    fn two_halves(width: u32, height: u32) -> Pixels {
        let row = |y| if y < height / 2 { [255, 0, 0] } else { [0, 0, 255] };
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |_| row(y))).collect();
        Pixels { size: ImageSize::new(width, height).expect("a size"), rgb }
    }

    #[test]
    fn an_image_of_the_size_asked_for_is_left_as_it_is() {
        let image = two_halves(8, 8);
        assert_eq!(image.clone().fitted(image.size), image);
    }

    #[test]
    fn an_image_of_another_shape_is_enlarged_whole_and_its_edges_drawn_out() {
        for (width, height) in [(16, 16), (48, 16), (16, 48), (4, 4), (40, 24)] {
            let fitted = two_halves(8, 8).fitted(ImageSize::new(width, height).expect("a size"));
            let (first, last) = (&fitted.rgb[..3], &fitted.rgb[fitted.rgb.len() - 3..]);
            assert_eq!(fitted.rgb.len() as u64, fitted.size.pixels() * 3);
            assert_eq!((first, last), (&[255, 0, 0][..], &[0, 0, 255][..]), "{width}x{height}");
        }
    }
}
