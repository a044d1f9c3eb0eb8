use std::{collections::VecDeque, ops::Range};

use candle_core::{Result, Tensor, bail};

use super::{
    conv::Conv,
    layout::{Layout, MapSize, strips},
    room::Incoming,
};

/// A map that gives its rows when asked for them.
pub(super) enum Map<'a> {
    Stored(Stored),
    /// `from` through a convolution: nothing but `from` is held.
    Made {
        from: Box<Map<'a>>,
        conv: &'a Conv,
    },
}

impl<'a> Map<'a> {
    pub(super) fn through(self, conv: &'a Conv) -> Self {
        Self::Made { from: Box::new(self), conv }
    }

    pub(super) fn size(&self) -> MapSize {
        match self {
            Self::Stored(stored) => stored.size,
            Self::Made { from, conv } => from.size().scaled(conv.scale()),
        }
    }

    pub(super) fn layout(&self) -> Layout {
        self.stored().layout
    }

    /// What a reader of this map has to reckon with.
    pub(super) fn incoming(&self) -> Incoming<'_> {
        let made_by = match self {
            Self::Stored(_) => None,
            Self::Made { conv, .. } => Some(*conv),
        };
        let number = self.stored().strips.front().map_or(0, |(_, strip)| strip.dtype().size_in_bytes());
        Incoming { size: self.size(), made_by, number }
    }

    fn stored(&self) -> &Stored {
        match self {
            Self::Stored(stored) => stored,
            Self::Made { from, .. } => from.stored(),
        }
    }

    /// Some rows, contiguous.
    pub(super) fn rows(&self, rows: Range<usize>) -> Result<Tensor> {
        match self {
            Self::Stored(stored) => stored.rows(rows),
            Self::Made { from, conv } => {
                let given = conv.reach(&rows, from.size().height);
                conv.forward_rows(&from.rows(given.clone())?, given, rows, None)
            }
        }
    }

    /// Gives back the memory of rows that nobody will ask for again: those above `row`.
    pub(super) fn forget_above(&mut self, row: usize) {
        match self {
            Self::Stored(stored) => stored.forget_above(row),
            Self::Made { from, conv } => {
                let needed = conv.reach(&(row..row + 1), from.size().height);
                from.forget_above(needed.start);
            }
        }
    }

    /// All rows in one tensor.
    pub(super) fn into_whole(self) -> Result<Tensor> {
        match self {
            Self::Stored(stored) => stored.into_whole(),
            Self::Made { from, conv } => conv.forward(&from.into_whole()?),
        }
    }

    /// The same map, to be forgotten strip by strip, and computed where it is to be held.
    pub(super) fn into_strips(self, strip: usize, is_held: bool) -> Result<Self> {
        Ok(match self {
            Self::Stored(stored) => Self::Stored(stored.into_strips(strip)?),
            Self::Made { from, conv } => {
                let map = from.into_strips(strip, false)?.through(conv);
                if is_held { Self::Stored(map.into_stored(strip)?) } else { map }
            }
        })
    }

    fn into_stored(mut self, strip: usize) -> Result<Stored> {
        let mut stored = Stored::empty(self.layout(), self.size());
        for rows in strips(self.size().height, strip) {
            self.forget_above(rows.start);
            stored.push(&self.rows(rows)?)?;
        }
        Ok(stored)
    }
}

/// A map in memory, in one strip of rows or several.
pub(super) struct Stored {
    layout: Layout,
    size: MapSize,
    /// Each with the row after its last, from the top, without gaps.
    strips: VecDeque<(usize, Tensor)>,
}

impl Stored {
    pub(super) fn whole(layout: Layout, map: Tensor) -> Result<Self> {
        let size = layout.size(&map)?;
        Ok(Self { layout, size, strips: VecDeque::from([(size.height, map)]) })
    }

    /// A map of `size` whose strips are still to come.
    pub(super) fn empty(layout: Layout, size: MapSize) -> Self {
        Self { layout, size, strips: VecDeque::new() }
    }

    /// Takes in the rows that follow.
    pub(super) fn push(&mut self, strip: &Tensor) -> Result<()> {
        let end = self.strips.back().map_or(0, |(end, _)| *end) + self.layout.size(strip)?.height;
        // A view would keep the neighbours' rows in memory that it was cut from.
        self.strips.push_back((end, strip.force_contiguous()?));
        Ok(())
    }

    /// Itself, if it is in several strips already.
    fn into_strips(self, strip: usize) -> Result<Self> {
        match self.strips.len() {
            1 => Map::Stored(self).into_stored(strip),
            _ => Ok(self),
        }
    }

    pub(super) fn rows(&self, rows: Range<usize>) -> Result<Tensor> {
        let mut parts = Vec::new();
        for (end, strip) in &self.strips {
            let first = end - self.layout.size(strip)?.height;
            let (from, to) = (rows.start.max(first), rows.end.min(*end));
            if from < to {
                parts.push(self.layout.rows(strip, from - first..to - first)?);
            }
        }
        let map = self.layout.join(&parts)?;
        if self.layout.size(&map)?.height == rows.len() {
            Ok(map)
        } else {
            bail!("rows {rows:?} of a map are not held")
        }
    }

    pub(super) fn forget_above(&mut self, row: usize) {
        while self.strips.front().is_some_and(|(end, _)| *end <= row) {
            self.strips.pop_front();
        }
    }

    pub(super) fn into_whole(self) -> Result<Tensor> {
        self.rows(0..self.size.height)
    }
}
