//! The letters of a page: which glyph a character has, and how wide it is.

use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{
    FontRef, MetadataProvider,
    charmap::Charmap,
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
};

/// Latin, Greek, Cyrillic, kana and the Chinese characters of GB 2312.
static MICRO_HEI: &[u8] = include_bytes!("font/micro-hei.ttf");

/// What stands for a character that the font lacks.
const MISSING: char = '\u{fffd}';

static LETTERS: LazyLock<Option<Letters>> = LazyLock::new(Letters::read);

/// The font, and its measures.
pub(super) struct Letters {
    pub(super) font: Font,
    characters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units_per_em: f32,
}

impl Letters {
    /// The built-in font; none if it cannot be read, which a test rules out.
    pub(super) fn built_in() -> Option<&'static Self> {
        LETTERS.as_ref()
    }

    fn read() -> Option<Self> {
        let measures = FontRef::new(MICRO_HEI).ok()?;
        let font = Font::new(MICRO_HEI.to_vec().into(), 0)?;
        let units_per_em = font.units_per_em();
        Some(Self {
            characters: measures.charmap(),
            metrics: measures.glyph_metrics(Size::unscaled(), LocationRef::default()),
            font,
            units_per_em,
        })
    }

    /// The glyphs of `text`, one after the other.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, character): (usize, char)| {
            let id =
                self.characters.map(character).or_else(|| self.characters.map(MISSING)).unwrap_or_default();
            let advance = self.metrics.advance_width(id).unwrap_or_default() / self.units_per_em;
            let range = at..at + character.len_utf8();
            KrillaGlyph::new(GlyphId::new(id.to_u32()), advance, 0.0, 0.0, 0.0, range, None)
        };
        text.char_indices().map(glyph).collect()
    }

    /// The width of glyphs at `size`.
    pub(super) fn width(glyphs: &[KrillaGlyph], size: f32) -> f32 {
        glyphs.iter().map(|glyph| glyph.x_advance * size).sum()
    }
}
