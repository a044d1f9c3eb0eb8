use std::str::FromStr;

/// An image's file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ImageFormat {
    /// Portable Network Graphics, lossless.
    #[default]
    Png,
    /// JPEG, lossy.
    Jpeg,
    /// WebP, lossy below quality 100.
    Webp,
}

impl ImageFormat {
    /// The word that requests and answers use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// The media type (RFC 2083, RFC 2046, RFC 9649).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The end of a file's name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

impl FromStr for ImageFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "png" => Ok(Self::Png),
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::Webp),
            _ => Err(()),
        }
    }
}

/// How an image becomes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// The file format.
    pub format: ImageFormat,
    /// A percentage, 0 to 100, as OpenAI's `output_compression`; 100 is the best. PNG loses nothing at any, WebP
    /// nothing at 100.
    pub quality: u8,
}

impl Encoding {
    /// The quality from which on a WebP loses nothing.
    pub const LOSSLESS_QUALITY: u8 = 100;

    /// Whether the file holds every pixel as it was.
    pub const fn is_lossless(self) -> bool {
        match self.format {
            ImageFormat::Png => true,
            ImageFormat::Jpeg => false,
            ImageFormat::Webp => self.quality >= Self::LOSSLESS_QUALITY,
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self { format: ImageFormat::Png, quality: 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back_its_own_word() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp] {
            assert_eq!(format.as_str().parse(), Ok(format));
            assert_eq!(format.extension().parse(), Ok(format));
        }
        for bad in ["", "PNG", "gif", "auto", "image/png"] {
            assert_eq!(bad.parse::<ImageFormat>(), Err(()), "{bad}");
        }
    }
}
