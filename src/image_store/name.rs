use std::{fmt, str::FromStr};

use crate::domain::{Claim, ImageFormat, RequestId};

/// What images are kept as.
pub(super) const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp];

/// The name of a stored image: `019ab…_0.png`, the request's id in 32 hexadecimal digits and the image's index; from a worker
/// of a cluster, `019ab…_0_5f3a….png` with the claim by which it was made, so that a late file overwrites no other. The id is
/// of UUID version 7, so the name contains the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName {
    /// The request that it answers.
    pub request: RequestId,
    /// Its place in the answer.
    pub index: u32,
    /// What kind of file it is.
    pub format: ImageFormat,
    /// By which claim it was made; none: by the one server that there is.
    pub claim: Option<Claim>,
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.request.to_digits(), self.index)?;
        self.claim.iter().try_for_each(|claim| write!(f, "_{claim}"))?;
        write!(f, ".{}", self.format.extension())
    }
}

/// A name that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an image")]
pub struct ImageNameError;

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        let parse = || {
            let (stem, extension) = text.split_once('.')?;
            let (request, rest) = stem.split_once('_')?;
            let (index, claim) = match rest.split_once('_') {
                Some((index, claim)) => (index, Some(claim.parse().ok()?)),
                None => (rest, None),
            };
            let format = FORMATS.into_iter().find(|format| format.extension() == extension)?;
            Some(Self {
                request: RequestId::from_digits(request)?,
                index: index.parse().ok()?,
                format,
                claim,
            })
        };
        // A name has one spelling, so that no other one reaches the same file.
        parse().filter(|name: &Self| name.to_string() == text).ok_or(ImageNameError)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_a_name() {
        let now = Timestamp::from_millisecond(1_790_000_000_000).expect("a time");
        let request = RequestId::new(now, [7; 10]);
        let name = ImageName { request, index: 3, format: ImageFormat::Png, claim: None };
        let text = name.to_string();
        assert_eq!(text.parse(), Ok(name));
        assert_eq!((text.len(), text.ends_with("_3.png")), (32 + 6, true));
        let claimed = ImageName { claim: Some(Claim::new(0x5f3a)), ..name };
        assert!(claimed.to_string().ends_with("_3_0000000000005f3a.png"));
        assert_eq!(claimed.to_string().parse(), Ok(claimed));
        let upper = text.to_uppercase();
        for bad in [
            "",
            "x.png",
            "../../etc/passwd",
            &upper,
            &text.replace(".png", ".jpeg"),
            &text.replace('_', "_+"),
            &text.replace(".png", "_.png"),
            &text.replace(".png", "_5f3a.png"),
            &text.replace(".png", "_FFFFFFFFFFFFFFFF.png"),
        ] {
            assert_eq!(bad.parse::<ImageName>(), Err(ImageNameError), "{bad}");
        }
    }
}
