use std::{fmt, str::FromStr};

use candle_core::Device;
use serde::{Deserialize, Deserializer, de::Error};

use super::error::LoadError;

/// Where the model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA card if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA card with this number.
    Cuda(usize),
}

/// What kind of device a model runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// A CUDA card.
    Cuda,
}

crate::domain::words!(DeviceKind, "a kind of device": Cpu = "cpu", Cuda = "cuda");

impl DeviceChoice {
    /// Opens the device.
    pub(super) fn open(self) -> Result<Device, LoadError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if cfg!(feature = "cuda") => Ok(open_card(0).unwrap_or_else(|error| {
                tracing::warn!("no CUDA card can be used, using the CPU: {}", first_line(&error));
                Device::Cpu
            })),
            Self::Auto => Ok(Device::Cpu),
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(LoadError::Device {
                device: self.to_string(),
                reason: "this build has no CUDA; build it with --features cuda".into(),
            }),
            Self::Cuda(ordinal) => open_card(ordinal)
                .map_err(|error| LoadError::Device { device: self.to_string(), reason: first_line(&error) }),
        }
    }
}

#[cfg(feature = "cuda")]
use super::card::open as open_card;

#[cfg(not(feature = "cuda"))]
fn open_card(ordinal: usize) -> candle_core::Result<Device> {
    Device::new_cuda(ordinal)
}

/// What candle says, without the backtrace that it may add.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a device; write auto, cpu, cuda or cuda:0");
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(error)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| error())
            }
        }
    }
}

/// The devices that generate, each with its own copy of the model: one, several cards, or the CPU several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList(Vec<DeviceChoice>);

impl DeviceList {
    /// The first one.
    pub fn first(&self) -> DeviceChoice {
        self.0.first().copied().unwrap_or_default()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = DeviceChoice> {
        self.0.iter().copied()
    }

    /// What the log calls each: `cuda:1`; `cpu`, or if there are several, `cpu 1`, `cpu 2`.
    pub fn names(&self) -> Vec<String> {
        let are_copies = self.0.len() > 1 && self.first() == DeviceChoice::Cpu;
        let name = |(number, device): (usize, &DeviceChoice)| {
            if are_copies { format!("{device} {}", number + 1) } else { device.to_string() }
        };
        self.0.iter().enumerate().map(name).collect()
    }

    /// Checks a list. An image's numbers depend on its kind of device, so cards and CPUs are not mixed.
    fn checked(devices: Vec<DeviceChoice>) -> Result<Self, String> {
        let is_card = |device: &DeviceChoice| matches!(device, DeviceChoice::Cuda(_));
        if devices.is_empty() {
            return Err("no device is named; write auto, cpu, cuda or cuda:0,cuda:1".into());
        }
        if devices.len() > 1 && devices.contains(&DeviceChoice::Auto) {
            return Err(
                "auto cannot be combined with other devices; name each card, such as cuda:0,cuda:1".into()
            );
        }
        if devices.iter().any(is_card) && !devices.iter().all(is_card) {
            return Err("cpu and cards do not compute the same numbers; name cards only, or cpu only".into());
        }
        let mut cards = devices.iter().enumerate().filter(|(_, device)| is_card(device));
        match cards.find(|(place, card)| devices[..*place].contains(card)) {
            Some((_, card)) => Err(format!("{card} is listed twice; name each card once")),
            None => Ok(Self(devices)),
        }
    }
}

impl Default for DeviceList {
    fn default() -> Self {
        Self(vec![DeviceChoice::Auto])
    }
}

impl FromStr for DeviceList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let devices = text.split(',').map(|device| device.trim().parse());
        Self::checked(devices.collect::<Result<_, String>>()?)
    }
}

impl<'de> Deserialize<'de> for DeviceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a device such as \"cuda:0\", or a list of them")]
        enum WrittenDevices {
            Line(String),
            List(Vec<String>),
        }
        let line = match WrittenDevices::deserialize(deserializer)? {
            WrittenDevices::Line(line) => line,
            WrittenDevices::List(list) => list.join(","),
        };
        line.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<String>, String> {
        text.parse::<DeviceList>().map(|list| list.names())
    }

    #[test]
    fn a_list_names_each_card_once_and_the_cpu_as_often_as_it_likes() {
        assert_eq!(parse("auto"), Ok(vec!["auto".into()]));
        assert_eq!(parse("cuda"), Ok(vec!["cuda:0".into()]));
        assert_eq!(parse("cuda:0, cuda:2"), Ok(vec!["cuda:0".into(), "cuda:2".into()]));
        assert_eq!(parse("cpu,cpu"), Ok(vec!["cpu 1".into(), "cpu 2".into()]));
        for (text, complaint) in [
            ("cuda,cuda:0", "cuda:0 is listed twice"),
            ("cuda:1,auto", "auto cannot be combined"),
            ("cpu,cuda:0", "cards only, or cpu only"),
            ("cuda:0,", "`` is not a device"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
        }
    }
}
