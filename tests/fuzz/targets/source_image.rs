//! An image that is sent to be edited: pixels, or why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tintype::source_image::SourceImage;

fuzz_target!(|file: &[u8]| {
    if let Ok(image) = SourceImage::decode(file) {
        let _masks = (image.own_mask(), image.alpha_mask(), image.luminance_mask());
    }
});
