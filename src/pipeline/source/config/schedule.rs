use serde::Deserialize;

use super::expect_class;
use crate::pipeline::{
    error::{LoadError, short},
    schedule::{Schedule, Shift},
    source::folder::Folder,
};

const FILE: &str = "scheduler/scheduler_config.json";

/// scheduler/scheduler_config.json of diffusers' `FlowMatchEulerDiscreteScheduler`, with its defaults. A field a key, as the
/// file has them.
#[derive(Deserialize)]
#[serde(default)]
struct Config {
    #[serde(rename = "_class_name")]
    class_name: String,
    num_train_timesteps: f32,
    shift: f32,
    use_dynamic_shifting: bool,
    base_shift: Option<f64>,
    max_shift: Option<f64>,
    base_image_seq_len: Option<f64>,
    max_image_seq_len: Option<f64>,
    time_shift_type: String,
    shift_terminal: Option<f64>,
    use_karras_sigmas: Option<bool>,
    use_exponential_sigmas: Option<bool>,
    use_beta_sigmas: Option<bool>,
    invert_sigmas: bool,
    stochastic_sampling: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            class_name: String::new(),
            num_train_timesteps: 1000.0,
            shift: 1.0,
            use_dynamic_shifting: false,
            base_shift: Some(0.5),
            max_shift: Some(1.15),
            base_image_seq_len: Some(256.0),
            max_image_seq_len: Some(4096.0),
            time_shift_type: "exponential".into(),
            shift_terminal: None,
            use_karras_sigmas: None,
            use_exponential_sigmas: None,
            use_beta_sigmas: None,
            invert_sigmas: false,
            stochastic_sampling: false,
        }
    }
}
pub(super) fn read(folder: &Folder) -> Result<Schedule, LoadError> {
    let config: Config = folder.json(FILE)?;
    expect_class(&folder.path_of(FILE), &config.class_name, "FlowMatchEulerDiscreteScheduler")?;
    config.schedule().map_err(|reason| LoadError::invalid(folder.path_of(FILE), reason))
}

impl Config {
    fn schedule(&self) -> Result<Schedule, String> {
        self.check()?;
        let exponential = match self.time_shift_type.as_str() {
            "exponential" => true,
            "linear" => false,
            other => {
                return Err(format!(
                    "time_shift_type is `{}`; expected `exponential` or `linear`",
                    short(other)
                ));
            }
        };
        let shift = if self.use_dynamic_shifting {
            Shift::Dynamic {
                base_shift: self.base_shift.unwrap_or(0.5),
                max_shift: self.max_shift.unwrap_or(1.15),
                base_tokens: self.base_image_seq_len.unwrap_or(256.0),
                max_tokens: self.max_image_seq_len.unwrap_or(4096.0),
                exponential,
            }
        } else {
            Shift::Static(self.shift)
        };
        Ok(Schedule { shift, train_timesteps: self.num_train_timesteps })
    }

    /// What of it is not supported.
    fn check(&self) -> Result<(), String> {
        let unsupported = [
            ("shift_terminal", self.shift_terminal.is_some_and(|value| value != 0.0)),
            ("use_karras_sigmas", self.use_karras_sigmas == Some(true)),
            ("use_exponential_sigmas", self.use_exponential_sigmas == Some(true)),
            ("use_beta_sigmas", self.use_beta_sigmas == Some(true)),
            ("invert_sigmas", self.invert_sigmas),
            ("stochastic_sampling", self.stochastic_sampling),
        ];
        if let Some((field, _)) = unsupported.iter().find(|(_, set)| *set) {
            return Err(format!("{field} is set; Z-Image's schedule leaves it off, and so must this one"));
        }
        let numbers = [self.shift, self.num_train_timesteps];
        if numbers.iter().any(|number| !number.is_finite() || *number <= 0.0) {
            return Err("shift and num_train_timesteps must be numbers above 0".into());
        }
        Ok(())
    }
}
