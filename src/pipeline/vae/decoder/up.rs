use candle_core::Result;

use super::super::{
    conv::Conv,
    load::Loader,
    map::{Map, Stored},
    resnet::Resnet,
    room::{Demand, Way},
    strips,
};

/// Resnets, then twice the width and height, but for the last block.
pub(in crate::pipeline::vae) struct UpBlock {
    pub(in crate::pipeline::vae) resnets: Vec<Resnet>,
    pub(in crate::pipeline::vae) upsampler: Option<Conv>,
}

impl UpBlock {
    pub(in crate::pipeline::vae) fn load(
        loader: &Loader,
        (inputs, outputs): (usize, usize),
        resnets: usize,
        doubles: bool,
    ) -> Result<Self> {
        let resnets = (0..resnets)
            .map(|i| {
                let inputs = if i == 0 { inputs } else { outputs };
                Resnet::load(&loader.pp("resnets").pp(i), inputs, outputs)
            })
            .collect::<Result<_>>()?;
        let upsampler = if doubles { Some(loader.doubling("upsamplers.0.conv", outputs)?) } else { None };
        Ok(Self { resnets, upsampler })
    }

    /// Each resnet in the way that fits into `room` bytes. The doubling is left to who reads the rows.
    pub(in crate::pipeline::vae) fn forward<'a>(
        &'a self,
        map: Map<'a>,
        room: Option<u64>,
    ) -> Result<Map<'a>> {
        let mut map = map;
        for resnet in &self.resnets {
            let (way, _) = Demand::of_resnet(resnet, map.incoming()).plan(room);
            map = Map::Stored(match way {
                Way::Whole => Stored::whole(map.layout(), resnet.forward(map.into_whole()?)?)?,
                Way::Strips(how) => strips::resnet(resnet, map, &how)?,
            });
        }
        Ok(match &self.upsampler {
            Some(conv) => map.doubled_by(conv),
            None => map,
        })
    }
}
