use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// The colours of `image` as sRGB [height, width, 3], without its alpha. A profile that cannot be read, or is for another
/// kind of image, is passed over, as browsers do.
pub(super) fn srgb(image: &DynamicImage, profile: Option<&[u8]>) -> Vec<u8> {
    profile.and_then(|profile| managed(image, profile)).unwrap_or_else(|| image.to_rgb8().into_raw())
}

fn managed(image: &DynamicImage, profile: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (layout, numbers) = match (profile.color_space, image.color().has_color()) {
        (DataColorSpace::Rgb, true) => (Layout::Rgb, image.to_rgb8().into_raw()),
        (DataColorSpace::Gray, false) => (Layout::Gray, image.to_luma8().into_raw()),
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    let mut converted = vec![0; 3 * image.width() as usize * image.height() as usize];
    transform.transform(&numbers, &mut converted).ok()?;
    Some(converted)
}

/// `colours` over white, where `alpha` lets it through.
pub(super) fn over_white(colours: &mut [u8], alpha: &[u8]) {
    for (pixel, alpha) in colours.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
        for colour in pixel {
            let sum = u32::from(*colour) * u32::from(*alpha) + 255 * (255 - u32::from(*alpha));
            *colour = u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX);
        }
    }
}
