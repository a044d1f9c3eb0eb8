use super::{conv::Conv, layout::MapSize, norm::Norm, resnet::Resnet};

/// Rows of a strip, at least. Below it what neighbouring strips compute twice is most of the work.
const ROWS_MIN: usize = 16;
/// Rows that a resnet's strip is made of beyond its own: two convolutions' neighbours, from an even row on.
const HALO_ROWS: usize = 6;

/// What decides how much memory a part of the decoder takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// Of what it gives.
    size: MapSize,
    places: Bytes,
    /// Where what it takes comes doubled, the bytes of a place while it is: the map before, the one after, and between.
    doubling: Option<usize>,
}

/// Bytes of a place.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    input: usize,
    /// What is between two convolutions.
    hidden: usize,
    output: usize,
    /// In whole maps, at most, input and output among them.
    peak: usize,
}

/// How a part of the decoder runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Over whole maps.
    Whole,
    /// Strip by strip.
    Strips(Strips),
}

/// What is held of whole maps beside input and output, and how high the strips are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strips {
    /// Rows of a strip, an even number.
    pub(super) rows: usize,
    /// The input, once it is doubled; else it is doubled three times, strip by strip.
    pub(super) holds_doubled: bool,
    /// What is between two convolutions; else it is computed twice, strip by strip.
    pub(super) holds_hidden: bool,
}

/// What comes into a part of the decoder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    /// As the part takes it: doubled, where it is.
    pub(super) size: MapSize,
    pub(super) doubling: Option<&'a Conv>,
    /// Bytes of a number.
    pub(super) number: usize,
}

impl Demand {
    pub(super) fn of_resnet(resnet: &Resnet, incoming: Incoming<'_>) -> Self {
        let (input, output) = (incoming.number * resnet.inputs, incoming.number * resnet.outputs);
        let peak = resnet.place_bytes(incoming.number);
        Self::new(incoming, Bytes { input, hidden: output, output, peak })
    }

    /// Of a norm and a convolution from `channels` inputs to `outputs` outputs.
    pub(super) fn of_head(
        (norm, conv): (&Norm, &Conv),
        (channels, outputs): (usize, usize),
        incoming: Incoming<'_>,
    ) -> Self {
        let (input, output) = (incoming.number * channels, incoming.number * outputs);
        let norm = channels * norm.number_bytes(incoming.number);
        let peak = 2 * input + norm.max(output + conv.place_bytes(incoming.number));
        Self::new(incoming, Bytes { input, hidden: 0, output, peak })
    }

    fn new(incoming: Incoming<'_>, places: Bytes) -> Self {
        let doubling =
            incoming.doubling.map(|conv| places.input / 4 + places.input + conv.place_bytes(incoming.number));
        Self { size: incoming.size, places, doubling }
    }

    /// The way that computes least of those that fit into `room` bytes, and the bytes that it takes; where none fits, the
    /// one that takes least.
    pub(super) fn plan(&self, room: Option<u64>) -> (Way, u64) {
        let room = room.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX));
        let whole = (Way::Whole, self.area() * self.place_peak());
        let ways = [(true, true), (true, false), (false, true), (false, false)];
        let ways = ways.map(|(doubled, hidden)| self.strips(room, doubled, hidden));
        let too_much = |way: &(Way, usize)| way.1.saturating_sub(room);
        let (way, taken) = ways
            .into_iter()
            .fold(whole, |best, other| if too_much(&other) < too_much(&best) { other } else { best });
        (way, u64::try_from(taken).unwrap_or(u64::MAX))
    }

    /// Strips as high as `room` allows, and the bytes that they take.
    fn strips(&self, room: usize, holds_doubled: bool, holds_hidden: bool) -> (Way, usize) {
        let held = self.held(holds_doubled, holds_hidden);
        // Beyond a whole map's: what is cut from input and output stands beside them for a while.
        let row =
            self.size.batch * self.size.width * (self.place_peak() + self.places.input + self.places.output);
        let fitting = (room.saturating_sub(held) / row).saturating_sub(HALO_ROWS);
        let rows = (fitting & !1).clamp(ROWS_MIN, self.size.height.next_multiple_of(2).max(ROWS_MIN));
        let taken = held + row * (rows + HALO_ROWS).min(self.size.height);
        (Way::Strips(Strips { rows, holds_doubled, holds_hidden }), taken)
    }

    /// Bytes of the maps that are held, at most. What is read is forgotten strip by strip while the output grows.
    ///
    /// What comes in one piece is cut into strips first, which takes its bytes twice; the part that made it took more.
    fn held(&self, holds_doubled: bool, holds_hidden: bool) -> usize {
        let source = match self.doubling.is_some() && !holds_doubled {
            true => self.places.input / 4,
            false => self.places.input,
        };
        let hidden = if holds_hidden { self.places.hidden } else { 0 };
        self.area() * (source + hidden).max(self.places.output)
    }

    fn place_peak(&self) -> usize {
        self.places.peak.max(self.doubling.unwrap_or(0))
    }

    fn area(&self) -> usize {
        self.size.batch * self.size.height * self.size.width
    }
}
