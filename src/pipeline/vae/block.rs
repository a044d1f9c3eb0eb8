use candle_core::Result;

use super::{
    super::cpu::Scale,
    conv::Conv,
    load::Loader,
    map::{Map, Stored},
    resnet::Resnet,
    room::{Demand, Incoming, Way},
    strips,
};

/// Resnets, then a convolution that changes the size, but for the last block.
pub(super) struct Block {
    pub(super) resnets: Vec<Resnet>,
    pub(super) scaling: Option<Conv>,
}

impl Block {
    /// `scaling` is the name of the convolution that changes the size, and how.
    pub(super) fn load(
        loader: &Loader,
        (inputs, outputs): (usize, usize),
        resnets: usize,
        scaling: Option<(&str, Scale)>,
    ) -> Result<Self> {
        let resnets = (0..resnets)
            .map(|i| {
                let inputs = if i == 0 { inputs } else { outputs };
                Resnet::load(&loader.pp("resnets").pp(i), inputs, outputs)
            })
            .collect::<Result<_>>()?;
        let scaling = scaling.map(|(name, scale)| loader.scaling(name, outputs, scale)).transpose()?;
        Ok(Self { resnets, scaling })
    }

    /// Each resnet in the way that fits into `room` bytes. A doubling is left to who reads the rows, so that nothing is held of
    /// the larger map; a halving is done, so that only the smaller one is.
    pub(super) fn forward<'a>(&'a self, map: Map<'a>, room: Option<u64>) -> Result<Map<'a>> {
        let mut map = map;
        for resnet in &self.resnets {
            let (way, _) = Demand::of_resnet(resnet, map.incoming()).plan(room);
            map = Map::Stored(match way {
                Way::Whole => Stored::whole(map.layout(), resnet.forward(map.into_whole()?)?)?,
                Way::Strips(how) => strips::resnet(resnet, map, &how)?,
            });
        }
        let Some(conv) = &self.scaling else { return Ok(map) };
        if conv.scale() == Scale::Doubled {
            return Ok(map.through(conv));
        }
        match Demand::of_scaling(conv, map.incoming()).plan(room).0 {
            Way::Whole => Ok(Map::Stored(Stored::whole(map.layout(), conv.forward(&map.into_whole()?)?)?)),
            Way::Strips(how) => map.through(conv).into_strips(how.rows, true),
        }
    }

    /// Bytes that [`Block::forward`] takes at most in `room`, and what comes into the next part.
    pub(super) fn foreseen_bytes<'a>(
        &'a self,
        mut incoming: Incoming<'a>,
        room: Option<u64>,
    ) -> (u64, Incoming<'a>) {
        let mut peak = 0;
        for resnet in &self.resnets {
            peak = peak.max(Demand::of_resnet(resnet, incoming).plan(room).1);
            incoming.made_by = None;
        }
        let Some(conv) = &self.scaling else { return (peak, incoming) };
        let made_by = match conv.scale() {
            Scale::Doubled => Some(conv),
            Scale::Same | Scale::Halved => {
                peak = peak.max(Demand::of_scaling(conv, incoming).plan(room).1);
                None
            }
        };
        (peak, Incoming { size: incoming.size.scaled(conv.scale()), made_by, ..incoming })
    }
}
