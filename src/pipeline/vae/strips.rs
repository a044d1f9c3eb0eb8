//! Parts of the VAE, strip by strip, equal to what they are over whole maps.
//!
//! A norm needs the moments of its whole map, so every norm is a pass over the strips, before the pass that uses them.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::{
    conv::Conv,
    layout::strips,
    map::{Map, Stored},
    norm::{MapMoments, Norm},
    resnet::Resnet,
    room::Strips,
};

/// [`Resnet::forward`], strip by strip.
pub(super) fn resnet(resnet: &Resnet, map: Map<'_>, how: &Strips) -> Result<Stored> {
    let mut source = map.into_strips(how.rows, how.holds_made)?;
    let (layout, size) = (source.layout(), source.size());
    let first = First {
        moments: moments(&resnet.norm1, size.height, how.rows, |rows| source.rows(rows))?,
        norm: &resnet.norm1,
        conv: &resnet.conv1,
    };
    let mut held = how.holds_hidden.then(|| Stored::empty(layout, size));
    let moments = moments(&resnet.norm2, size.height, how.rows, |rows| {
        let given = first.conv.reach(&rows, size.height);
        let hidden = first.rows(&source.rows(given.clone())?, given, rows)?;
        if let Some(held) = &mut held {
            held.push(&hidden)?;
        }
        Ok(hidden)
    })?;
    let mut out = Stored::empty(layout, size);
    for rows in strips(size.height, how.rows) {
        let reach = resnet.conv2.reach(&rows, size.height);
        let given = match &held {
            Some(_) => reach.clone(),
            None => first.conv.reach(&reach, size.height),
        };
        source.forget_above(given.start);
        let x = source.rows(given.clone())?;
        let added = layout.rows(&x, reach.start - given.start..reach.end - given.start)?;
        let hidden = match &mut held {
            Some(held) => {
                held.forget_above(reach.start);
                held.rows(reach.clone())?
            }
            None => first.rows(&x, given, reach.clone())?,
        };
        drop(x);
        let normed = resnet.norm2.forward_silu_by(&moments, &hidden)?;
        drop(hidden);
        out.push(&resnet.conv2.forward_rows(&normed, reach, rows, Some(&resnet.residual(added)?))?)?;
    }
    Ok(out)
}

/// A norm and a convolution, strip by strip.
pub(super) fn head((norm, conv): (&Norm, &Conv), map: Map<'_>, how: &Strips) -> Result<Stored> {
    let mut map = map.into_strips(how.rows, how.holds_made)?;
    let size = map.size();
    let moments = moments(norm, size.height, how.rows, |rows| map.rows(rows))?;
    let first = First { moments, norm, conv };
    let mut out = Stored::empty(map.layout(), size);
    for rows in strips(size.height, how.rows) {
        let given = conv.reach(&rows, size.height);
        map.forget_above(given.start);
        out.push(&first.rows(&map.rows(given.clone())?, given, rows)?)?;
    }
    Ok(out)
}

/// A norm that knows its map's moments, SiLU, and a convolution.
struct First<'a> {
    moments: MapMoments,
    norm: &'a Norm,
    conv: &'a Conv,
}

impl First<'_> {
    /// The convolution's `rows` from `x`, the rows `given` of the map.
    fn rows(&self, x: &Tensor, given: Range<usize>, rows: Range<usize>) -> Result<Tensor> {
        let normed = self.norm.forward_silu_by(&self.moments, x)?;
        self.conv.forward_rows(&normed, given, rows, None)
    }
}

/// Of a map of `height` rows that `map` gives, `strip` rows at a time.
fn moments(
    norm: &Norm,
    height: usize,
    strip: usize,
    mut map: impl FnMut(Range<usize>) -> Result<Tensor>,
) -> Result<MapMoments> {
    let mut all = MapMoments::default();
    for rows in strips(height, strip) {
        all = all.and(norm.moments(&map(rows)?)?);
    }
    Ok(all)
}
