use crate::domain::ImageSize;

/// Why a file cannot be edited. Each says what is wrong, then what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file has more bytes than are read.
    #[error("the file has {bytes} bytes; at most {max} are read")]
    TooManyBytes {
        /// Of the file.
        bytes: u64,
        /// The limit.
        max: usize,
    },
    /// The image has more pixels than are decoded.
    #[error("the image has {width}x{height} pixels; at most {max} pixels are read")]
    TooManyPixels {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// The limit.
        max: u64,
    },
    /// The file is in another format.
    #[error("the file is not a PNG, JPEG or WebP image; convert it to one of them")]
    Format,
    /// The file holds several frames.
    #[error("the image is animated; send one frame of it")]
    Animated,
    /// The image is made for print.
    #[error("the image is CMYK; convert it to sRGB")]
    Cmyk,
    /// The file is damaged.
    #[error("the image cannot be decoded: {0}")]
    Damaged(String),
}

/// Why an image is not a mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The mask has no alpha channel.
    #[error("the mask has no alpha channel; make the pixels to repaint transparent")]
    NoAlpha,
    /// Nothing is clear.
    #[error(
        "the mask is opaque everywhere, so there is nothing to repaint; make the pixels to repaint transparent"
    )]
    AllOpaque,
    /// Nothing is light.
    #[error("the mask is dark everywhere, so there is nothing to repaint; make the pixels to repaint white")]
    AllDark,
    /// The mask repaints nothing that the answer shows.
    #[error("at {size} nothing is left of what the mask repaints; choose another size, or a larger mask")]
    NothingLeft {
        /// Of the answer.
        size: ImageSize,
    },
    /// The mask has another size than the image.
    #[error("the mask is {mask}, the image is {image}; they must have the same size")]
    Size {
        /// Of the mask.
        mask: ImageSize,
        /// Of the image, upright.
        image: ImageSize,
    },
}
