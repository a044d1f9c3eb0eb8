use std::{collections::BTreeMap, io::Cursor};

use image::{
    ImageDecoder, ImageReader,
    codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder},
};
use proptest::prelude::*;

use super::*;
use crate::{
    costs::Breakdown,
    domain::{Computation, EnergySource, RequestId, Seed, WeightHashes},
    units::{Currency, Energy, Millis, Money},
};

const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp];
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

pub(super) fn provenance() -> Provenance {
    Provenance {
        bought_from: None,
        prompt: PromptRecord::Text("a lighthouse at dusk".to_owned()),
        seed: Seed::new(42),
        steps: 8,
        guidance_scale: 3.5,
        model: "Tongyi-MAI/Z-Image-Turbo".to_owned(),
        loras: Vec::new(),
        software: "Tintype 0.1.0".to_owned(),
        producer: "Example Studio".to_owned(),
        produced_id: "0198c0de-0000-7000-8000-000000000001-0".to_owned(),
        created: "2026-01-02T03:04:05.678Z".parse().expect("a timestamp"),
        computation: None,
        receipt: None,
    }
}

/// The article's image: 450 W for 15 s.
fn receipt() -> ReceiptRecord {
    let energy = Energy::from_millijoules(6_750_000);
    ReceiptRecord {
        request: RequestId::from_digits("01a206ac-796a-7e17-8467-e6a62303775f").expect("an id"),
        currency: Currency::CNY,
        cost: Breakdown {
            electricity: Money::from_nano(2_250_000),
            depreciation: Money::from_nano(343_333_334),
            upkeep: Money::from_nano(30_000_000),
        },
        total: Money::from_nano(375_583_334),
        energy,
        wall_energy: energy.scale_percent_ceil(110),
        energy_source: EnergySource::Metered,
        duration: Millis::new(15_000),
    }
}

/// A soft gradient: what a lossy format keeps well.
fn gradient(width: u32, height: u32) -> Pixels {
    let size = ImageSize::new(width, height).expect("a size");
    let at = |x: u32, y: u32| [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)];
    let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| at(x, y)));
    Pixels { size, rgb: rgb.map(|colour| u8::try_from(colour).expect("a colour")).collect() }
}

fn encoding(format: ImageFormat, quality: u8) -> Encoding {
    Encoding { format, quality }
}

fn file(format: ImageFormat, provenance: Option<&Provenance>) -> Vec<u8> {
    encode(&gradient(33, 17), encoding(format, 80), provenance).expect("encoded")
}

/// The colours of a file, read by another decoder.
fn colours(file: &[u8], format: ImageFormat, size: ImageSize) -> Vec<u8> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().expect("a format");
    assert_eq!(reader.format().expect("a known format").to_mime_type(), format.media_type());
    let image = reader.decode().expect("an image");
    assert_eq!(image.color(), image::ColorType::Rgb8);
    assert_eq!((image.width(), image.height()), (size.width(), size.height()));
    image.into_rgb8().into_raw()
}

fn largest_difference(left: &[u8], right: &[u8]) -> u8 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| left.abs_diff(*right)).max().unwrap_or(0)
}

/// The packet that a decoder finds at the format's place for it.
fn packet(file: &[u8], format: ImageFormat) -> Option<String> {
    let file = Cursor::new(file);
    let packet = match format {
        ImageFormat::Png => PngDecoder::new(file).expect("a PNG").xmp_metadata(),
        ImageFormat::Jpeg => JpegDecoder::new(file).expect("a JPEG").xmp_metadata(),
        ImageFormat::Webp => WebPDecoder::new(file).expect("a WebP").xmp_metadata(),
    };
    packet.expect("readable metadata").map(|packet| String::from_utf8(packet).expect("UTF-8"))
}

/// The packet's properties, URI and name to text.
fn properties(file: &[u8], format: ImageFormat) -> BTreeMap<String, String> {
    let packet = packet(file, format).expect("a packet");
    let document = roxmltree::Document::parse(&packet).expect("XML");
    let mut descriptions = document.descendants().filter(|node| node.has_tag_name((RDF, "Description")));
    let description = descriptions.next().expect("a description");
    assert!(descriptions.next().is_none());
    let property = |node: roxmltree::Node| {
        let (space, name) = (node.tag_name().namespace().unwrap_or_default(), node.tag_name().name());
        (format!("{space}{name}"), node.text().unwrap_or_default().to_owned())
    };
    description.children().filter(|node| node.is_element()).map(property).collect()
}

const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const OURS: &str = "urn:uuid:71ea806b-ccdd-4176-99fd-eb13ca667e43#";

#[test]
fn a_png_gives_back_every_pixel_at_any_quality() {
    let pixels = gradient(33, 17);
    for quality in [0, 100] {
        let file = encode(&pixels, encoding(ImageFormat::Png, quality), None).expect("encoded");
        assert_eq!(colours(&file, ImageFormat::Png, pixels.size), pixels.rgb);
    }
}

#[test]
fn a_webp_gives_back_every_pixel_at_quality_100_and_nearly_below() {
    let pixels = gradient(64, 48);
    let [exact, lossy, poor] = [100, 99, 0].map(|quality| {
        let file = encode(&pixels, encoding(ImageFormat::Webp, quality), None).expect("encoded");
        colours(&file, ImageFormat::Webp, pixels.size)
    });
    assert_eq!(exact, pixels.rgb);
    assert!((1..=16).contains(&largest_difference(&lossy, &pixels.rgb)));
    assert!(largest_difference(&poor, &pixels.rgb) > largest_difference(&lossy, &pixels.rgb));
}

#[test]
fn a_jpeg_gives_back_nearly_every_colour_and_quality_0_works() {
    let pixels = gradient(64, 48);
    let [fine, poor, poorest] = [100, 1, 0].map(|quality| {
        let file = encode(&pixels, encoding(ImageFormat::Jpeg, quality), None).expect("encoded");
        colours(&file, ImageFormat::Jpeg, pixels.size)
    });
    assert!(largest_difference(&fine, &pixels.rgb) <= 3);
    assert_eq!(poor, poorest);
}

#[test]
fn a_lower_quality_is_a_smaller_file() {
    let pixels = gradient(256, 256);
    for format in [ImageFormat::Jpeg, ImageFormat::Webp] {
        let size = |quality| encode(&pixels, encoding(format, quality), None).expect("encoded").len();
        assert!(size(20) < size(60) && size(60) < size(95), "{format:?}");
    }
}

#[test]
fn provenance_does_not_touch_the_image() {
    for format in FORMATS {
        let size = gradient(33, 17).size;
        let [with, without] =
            [Some(&provenance()), None].map(|provenance| colours(&file(format, provenance), format, size));
        assert_eq!(with, without, "{format:?}");
    }
}

#[test]
fn every_format_carries_the_same_standard_properties() {
    for format in FORMATS {
        let properties = properties(&file(format, Some(&provenance())), format);
        let expected = [
            ("http://ns.adobe.com/xap/1.0/CreatorTool".to_owned(), "Tintype 0.1.0"),
            ("http://ns.adobe.com/xap/1.0/CreateDate".to_owned(), "2026-01-02T03:04:05Z"),
            (
                format!("{IPTC}DigitalSourceType"),
                "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            ),
            (format!("{IPTC}AISystemUsed"), "Tongyi-MAI/Z-Image-Turbo"),
            (format!("{IPTC}AIPromptInformation"), "a lighthouse at dusk"),
            ("http://www.tc260.org.cn/ns/AIGC/1.0/AIGC".to_owned(), &aigc::label(&provenance())),
            (format!("{OURS}prompt"), "a lighthouse at dusk"),
            (format!("{OURS}seed"), "42"),
            (format!("{OURS}steps"), "8"),
            (format!("{OURS}guidance_scale"), "3.5"),
            (format!("{OURS}model"), "Tongyi-MAI/Z-Image-Turbo"),
        ];
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        assert_eq!(properties, expected, "{format:?}");
    }
}

#[test]
fn every_format_carries_the_receipt_and_nothing_of_it_where_there_is_none() {
    for format in FORMATS {
        let bare = file(format, Some(&provenance()));
        assert!(!packet(&bare, format).expect("a packet").contains("receipt"), "{format:?}");

        let file = file(format, Some(&Provenance { receipt: Some(receipt()), ..provenance() }));
        let packet = packet(&file, format).expect("a packet");
        let document = roxmltree::Document::parse(&packet).expect("XML");
        let receipt = document.descendants().find(|node| node.has_tag_name((OURS, "receipt")));
        let receipt = receipt.expect("a receipt");
        assert_eq!(receipt.attribute((RDF, "parseType")), Some("Resource"), "an XMP structure");
        let fields: Vec<_> = receipt
            .children()
            .map(|field| {
                assert_eq!(field.tag_name().namespace(), Some(OURS));
                (field.tag_name().name(), field.text().expect("a text"))
            })
            .collect();
        let expected = [
            ("request_id", "01a206ac-796a-7e17-8467-e6a62303775f"),
            ("currency", "CNY"),
            ("electricity", "0.00225"),
            ("depreciation", "0.343333334"),
            ("upkeep", "0.03"),
            ("total", "0.375583334"),
            ("energy_kwh", "0.001875"),
            ("wall_energy_kwh", "0.0020625"),
            ("energy_source", "metered"),
            ("duration_ms", "15000"),
        ];
        assert_eq!(fields, expected, "{format:?}");
    }
}

#[test]
fn every_format_says_what_decided_the_pixels_and_leaves_out_what_is_not_known() {
    let [transformer, vae] = ["a", "b"].map(|digit| Some(digit.repeat(64)));
    let computation = Computation {
        weights: WeightHashes { transformer, text_encoder: None, vae },
        rng: "MT19937, as torch.randn on a CPU".into(),
        schedule: "flow-matching Euler, shift 3".into(),
        precision: "f32".into(),
        device: "cpu".into(),
    };
    for format in FORMATS {
        let provenance = Provenance { computation: Some(computation.clone()), ..provenance() };
        let packet = packet(&file(format, Some(&provenance)), format).expect("a packet");
        let document = roxmltree::Document::parse(&packet).expect("XML");
        let found = document.descendants().find(|node| node.has_tag_name((OURS, "computation")));
        let fields: Vec<_> = found
            .expect("a computation")
            .children()
            .map(|field| (field.tag_name().name(), field.text().expect("a text")))
            .collect();
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let expected = [
            ("transformer_sha256", &*a),
            ("vae_sha256", &*b),
            ("rng", "MT19937, as torch.randn on a CPU"),
            ("schedule", "flow-matching Euler, shift 3"),
            ("precision", "f32"),
            ("device", "cpu"),
        ];
        assert_eq!(fields, expected, "{format:?}");
    }
}

#[test]
fn the_prefixes_are_the_ones_that_the_standards_write() {
    for format in FORMATS {
        let packet = packet(&file(format, Some(&provenance())), format).expect("a packet");
        for property in
            ["<Iptc4xmpExt:DigitalSourceType>", "<TC260:AIGC>{&quot;Label&quot;:", "<tintype:seed>"]
        {
            assert!(packet.contains(property), "{property}");
        }
    }
}

#[test]
fn a_png_names_its_software_in_a_chunk_too() {
    let file = file(ImageFormat::Png, Some(&provenance()));
    let reader = ::png::Decoder::new(Cursor::new(file)).read_info().expect("a PNG");
    let texts = &reader.info().utf8_text;
    let software = texts.iter().find(|text| text.keyword == "Software").expect("a chunk");
    assert_eq!(software.get_text().expect("text"), "Tintype 0.1.0");
}

#[test]
fn a_prompt_may_be_hashed_or_left_out() {
    for format in FORMATS {
        let properties_with =
            |prompt| properties(&file(format, Some(&Provenance { prompt, ..provenance() })), format);
        let prompt_like = |properties: &BTreeMap<String, String>| {
            let names = properties.keys().filter(|name| name.to_lowercase().contains("prompt"));
            names.cloned().collect::<Vec<_>>()
        };

        let hashed = properties_with(PromptRecord::hash_of("abc"));
        assert_eq!(prompt_like(&hashed), [format!("{OURS}prompt_sha256")]);
        // FIPS 180-2's own example.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashed[&format!("{OURS}prompt_sha256")], sha256);

        assert!(prompt_like(&properties_with(PromptRecord::Omitted)).is_empty());
    }
}

#[test]
fn without_provenance_a_file_holds_the_image_and_nothing_else() {
    let png = ::png::Decoder::new(Cursor::new(file(ImageFormat::Png, None))).read_info().expect("a PNG");
    assert!(png.info().utf8_text.is_empty() && png.info().uncompressed_latin1_text.is_empty());

    let jpeg = img_parts::jpeg::Jpeg::from_bytes(file(ImageFormat::Jpeg, None).into()).expect("a JPEG");
    let app_segments = |segment: &&img_parts::jpeg::JpegSegment| (0xe1..=0xef).contains(&segment.marker());
    assert_eq!(jpeg.segments().iter().filter(app_segments).count(), 0);

    let webp = file(ImageFormat::Webp, None);
    assert_eq!(&webp[12..16], b"VP8 ");
    for format in FORMATS {
        assert_eq!(packet(&file(format, None), format), None);
    }
}

#[test]
fn hostile_prompts_survive_or_are_cleaned() {
    let prompts = [
        ("", ""),
        ("]]></rdf:li><?xpacket end=\"w\"?>", "]]></rdf:li><?xpacket end=\"w\"?>"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]>&a;&#0;", "<!DOCTYPE x [<!ENTITY a \"b\">]>&a;&#0;"),
        ("\"double\" 'single' \\ & < >", "\"double\" 'single' \\ & < >"),
        ("猫 🐈‍⬛ e\u{301} \u{202e}abc\u{10ffff}", "猫 🐈‍⬛ e\u{301} \u{202e}abc\u{10ffff}"),
        ("nul\0 bell\u{7} esc\u{1b} \u{fffe}", "nul\u{fffd} bell\u{fffd} esc\u{fffd} \u{fffd}"),
        ("one\ttwo\nthree\r\nfour\rfive", "one\ttwo\nthree\nfour\nfive"),
    ];
    for (format, (prompt, expected)) in FORMATS.into_iter().flat_map(|f| prompts.map(|p| (f, p))) {
        let provenance = Provenance { prompt: PromptRecord::Text(prompt.to_owned()), ..provenance() };
        let properties = properties(&file(format, Some(&provenance)), format);
        assert_eq!(properties[&format!("{IPTC}AIPromptInformation")], expected, "{format:?}");
        assert_eq!(properties[&format!("{OURS}prompt")], expected, "{format:?}");
    }
}

#[test]
fn the_longest_prompt_does_not_break_a_file() {
    for c in ["a", "画", "\"", "🎨"] {
        let prompt = PromptRecord::Text(c.repeat(32_000));
        let provenance = Provenance { prompt, receipt: Some(receipt()), ..provenance() };
        let cut = FORMATS.map(|format| {
            let file = file(format, Some(&provenance));
            colours(&file, format, gradient(33, 17).size);
            properties(&file, format).remove(&format!("{OURS}prompt")).expect("a prompt")
        });
        assert!(cut[0].ends_with('…') && cut[0].starts_with(c), "{c}");
        assert!(cut.iter().all(|text| *text == cut[0]), "{c}");
    }
}

#[test]
fn names_too_long_for_a_jpeg_are_an_error() {
    let long = Provenance { producer: "&".repeat(20_000), ..provenance() };
    let error = encode(&gradient(8, 8), encoding(ImageFormat::Jpeg, 80), Some(&long)).expect_err("refused");
    assert!(matches!(error, EncodeError::ProvenanceTooLong { .. }), "{error}");
}

#[test]
fn a_side_too_long_for_the_format_is_an_error() {
    for (format, side_max) in [(ImageFormat::Jpeg, 65_535), (ImageFormat::Webp, 16_383)] {
        for quality in [80, 100] {
            for (width, height) in [(side_max + 1, 1), (1, side_max + 1)] {
                let error = encode(&gradient(width, height), encoding(format, quality), Some(&provenance()));
                let error = error.expect_err("refused");
                assert!(matches!(error, EncodeError::SideTooLong { .. }), "{error}");
                assert!(error.to_string().contains(&side_max.to_string()), "{error}");
            }
            let widest = gradient(side_max, 1);
            let file = encode(&widest, encoding(format, quality), Some(&provenance())).expect("encoded");
            colours(&file, format, widest.size);
        }
    }
    let widest = gradient(65_536, 1);
    let file = encode(&widest, Encoding::default(), None).expect("encoded");
    assert_eq!(colours(&file, ImageFormat::Png, widest.size), widest.rgb);
}

#[test]
fn pixels_that_do_not_fill_the_size_are_an_error() {
    let mut pixels = gradient(8, 8);
    pixels.rgb.pop();
    for format in FORMATS {
        let error = encode(&pixels, encoding(format, 80), None).expect_err("refused");
        assert!(matches!(error, EncodeError::NotFilled { bytes: 191, .. }), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn equal_arguments_are_equal_files(
        width in 1u32..80, height in 1u32..80, quality in 0u8..=255, prompt in ".{0,80}", seed in any::<u64>(),
    ) {
        let pixels = gradient(width, height);
        let provenance =
            Provenance { prompt: PromptRecord::Text(prompt), seed: Seed::new(seed), ..provenance() };
        for format in FORMATS {
            let [first, second] = [(), ()].map(|()| encode(&pixels, encoding(format, quality), Some(&provenance)));
            let first = first.expect("encoded");
            prop_assert_eq!(&first, &second.expect("encoded"));
            prop_assert_eq!(&properties(&first, format)[&format!("{OURS}seed")], &provenance.seed.to_string());
        }
    }
}

#[test]
fn a_thumbnail_is_a_small_jpeg_of_any_format_and_never_larger_than_its_image() {
    let sides = |width, height, format| {
        let file = encode(&gradient(width, height), encoding(format, 90), None).expect("a file");
        let small = thumbnail(&file, format).expect("a thumbnail");
        assert!(small.len() < 10_000, "{} bytes", small.len());
        JpegDecoder::new(Cursor::new(small)).expect("a jpeg").dimensions()
    };
    for format in FORMATS {
        assert_eq!(sides(640, 320, format), (160, 80), "{format:?}");
        assert_eq!(sides(32, 48, format), (32, 48), "{format:?}");
    }
}

#[test]
fn what_is_not_an_image_has_no_thumbnail() {
    for format in FORMATS {
        assert!(matches!(thumbnail(b"half a file", format), Err(EncodeError::Thumbnail(_))), "{format:?}");
    }
}
