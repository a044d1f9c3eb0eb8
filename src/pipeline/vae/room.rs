use super::{conv::Conv, layout::MapSize, norm::Norm, resnet::Resnet, taken::Taken};

/// Rows of a strip, at least. Below it what neighbouring strips compute twice is most of the work.
const ROWS_MIN: usize = 16;
/// Rows that a resnet's strip is made of beyond its own: two convolutions' neighbours, from an even row on.
const HALO_ROWS: usize = 6;

/// What decides how much memory a part of the VAE takes.
#[derive(Debug)]
pub(super) struct Demand {
    /// Of what it gives.
    size: MapSize,
    places: Bytes,
    /// From one of its steps over whole maps to the next, input and output among it.
    steps: Vec<Taken>,
    /// Bytes that stand for a place of its input which is still to be made.
    source: Option<usize>,
}

/// Bytes of a place.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    input: usize,
    /// What is between two convolutions.
    hidden: usize,
    output: usize,
}

/// How a part of the VAE runs.
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
    /// The input, once it is made; else it is made three times, strip by strip.
    pub(super) holds_made: bool,
    /// What is between two convolutions; else it is computed twice, strip by strip.
    pub(super) holds_hidden: bool,
}

/// What comes into a part of the VAE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    /// As the part takes it: once it is made.
    pub(super) size: MapSize,
    /// What still makes it.
    pub(super) made_by: Option<&'a Conv>,
    /// Bytes of a number.
    pub(super) number: usize,
}

impl Demand {
    pub(super) fn of_resnet(resnet: &Resnet, incoming: Incoming<'_>) -> Self {
        let (input, output) = (incoming.number * resnet.inputs, incoming.number * resnet.outputs);
        Self::new(incoming, Bytes { input, hidden: output, output }, &resnet.taken(incoming.number))
    }

    /// Of a norm and a convolution from `channels` inputs to `outputs` outputs.
    pub(super) fn of_head(
        (norm, conv): (&Norm, &Conv),
        (channels, outputs): (usize, usize),
        incoming: Incoming<'_>,
    ) -> Self {
        let (input, output) = (incoming.number * channels, incoming.number * outputs);
        let steps = [
            Taken::of(channels * norm.number_bytes(incoming.number)).beside(2 * input),
            conv.taken(incoming.number).beside(2 * input + output),
        ];
        Self::new(incoming, Bytes { input, hidden: 0, output }, &steps)
    }

    /// Of a convolution that changes the size of what comes in, which is stored.
    pub(super) fn of_scaling(conv: &Conv, incoming: Incoming<'_>) -> Self {
        let (input, output) = (conv.source_bytes(incoming.number), incoming.number * conv.inputs());
        let steps = vec![conv.taken(incoming.number).beside(input + output)];
        let size = incoming.size.scaled(conv.scale());
        Self { size, places: Bytes { input, hidden: 0, output }, steps, source: None }
    }

    fn new(incoming: Incoming<'_>, places: Bytes, steps: &[Taken]) -> Self {
        let Incoming { size, made_by, number } = incoming;
        let source = made_by.map(|conv| conv.source_bytes(number));
        // The map before, the one after, and between.
        let making =
            made_by.zip(source).map(|(conv, source)| conv.taken(number).beside(source + places.input));
        let steps = steps.iter().copied().chain(making).collect();
        Self { size, places, steps, source }
    }

    /// The way that computes least of those that fit into `room` bytes, and the bytes that it takes; if none fits, the
    /// one that takes least.
    pub(super) fn plan(&self, room: Option<u64>) -> (Way, u64) {
        let room = room.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX));
        let whole = (Way::Whole, self.peak(self.area()));
        let ways = [(true, true), (true, false), (false, true), (false, false)];
        let ways = ways.map(|(made, hidden)| self.strips(room, made, hidden));
        let too_much = |way: &(Way, usize)| way.1.saturating_sub(room);
        let (way, taken) = ways
            .into_iter()
            .fold(whole, |best, other| if too_much(&other) < too_much(&best) { other } else { best });
        (way, u64::try_from(taken).unwrap_or(u64::MAX))
    }

    /// Strips as high as `room` allows, and the bytes that they take.
    fn strips(&self, room: usize, holds_made: bool, holds_hidden: bool) -> (Way, usize) {
        let held = self.held(holds_made, holds_hidden);
        // Beyond a whole map's: what is cut from input and output stands beside them for a while.
        let cut = self.places.input + self.places.output;
        let row = self.size.batch * self.size.width;
        let fitting = self.places_in(room.saturating_sub(held), cut) / row;
        let fitting = fitting.saturating_sub(HALO_ROWS) & !1;
        let rows = fitting.clamp(ROWS_MIN, self.size.height.next_multiple_of(2).max(ROWS_MIN));
        let places = row * (rows + HALO_ROWS).min(self.size.height);
        let taken = held + self.peak(places) + places * cut;
        (Way::Strips(Strips { rows, holds_made, holds_hidden }), taken)
    }

    /// Bytes of the maps that are held, at most. What is read is forgotten strip by strip while the output grows.
    ///
    /// What comes in one piece is cut into strips first, which takes its bytes twice; the part that made it took more.
    fn held(&self, holds_made: bool, holds_hidden: bool) -> usize {
        let source = self.source.filter(|_| !holds_made).unwrap_or(self.places.input);
        let hidden = if holds_hidden { self.places.hidden } else { 0 };
        self.area() * (source + hidden).max(self.places.output)
    }

    /// Bytes that it takes over `places` places, at most.
    fn peak(&self, places: usize) -> usize {
        self.steps.iter().map(|step| step.bytes(places)).max().unwrap_or_default()
    }

    /// Places that it can be taken over in `room` bytes, beside `cut` bytes a place.
    fn places_in(&self, room: usize, cut: usize) -> usize {
        self.steps.iter().map(|step| step.beside(cut).places_in(room)).min().unwrap_or_default()
    }

    fn area(&self) -> usize {
        self.size.batch * self.size.height * self.size.width
    }
}
