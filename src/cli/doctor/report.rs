use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckState {
    Ok,
    Warning,
    Failure,
}

/// A line of the report.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What was looked at, one word.
    pub(super) check: &'static str,
    pub(super) state: CheckState,
    /// What was found.
    pub(super) found: String,
    /// What to do about it; nothing if all is well.
    pub(super) remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: CheckState::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: CheckState::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn failure(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: CheckState::Failure, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// A usual complaint, and what to do about it.
#[derive(Debug, Serialize)]
pub(super) struct Complaint {
    pub(super) complaint: &'static str,
    pub(super) answer: &'static str,
}

pub(super) const COMPLAINTS: [Complaint; 5] = [
    Complaint {
        complaint: "Images are black or blurry",
        answer: "Black: set model.dtype to bf16 or f32; f16 overflows. Blurry: check the line `model` for another text encoder or \
                 autoencoder, use 8 or more steps, and with a Turbo model leave guidance_scale at 0.",
    },
    Complaint {
        complaint: "The first request is slow",
        answer: "After a start the weights are read from the disk, and the tiers offload, 8bit, 4bit and low read them again for \
                 new prompts. Wait until GET /readyz answers 200, and use the tier resident if the line `memory` says that it fits.",
    },
    Complaint {
        complaint: "Out of memory",
        answer: "Choose a smaller tier from the line `memory` with model.memory, a smaller model.default_size, or \
                 model.batch_max = 1; end other programs on the device (nvidia-smi lists them).",
    },
    Complaint {
        complaint: "Chinese text in images is garbled",
        answer: "Put the text in quotes in the prompt, keep it short, use 1024x1024 or larger and 8 or more steps. The tiers 4bit \
                 and the embedded model write worse. A body in GBK is refused, so the prompt is not the cause.",
    },
    Complaint {
        complaint: "Every seed gives the same face",
        answer: "Turbo models vary little between seeds. Vary the prompt (age, hair, light, place), or use Z-Image (Base) with \
                 guidance. The same seed and settings always give the same image.",
    },
];

/// Lines of text: a mark, a name, what was found, and what to do.
pub(super) fn to_text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { check, state, found, remedy } in checks {
        let state = match state {
            CheckState::Ok => "ok",
            CheckState::Warning => "warning",
            CheckState::Failure => "failure",
        };
        text += &format!("{state:<9}{check:<15}{found}\n");
        if let Some(remedy) = remedy {
            text += &format!("{:24}→ {remedy}\n", "");
        }
    }
    text += "\nUsual complaints\n";
    for Complaint { complaint, answer } in &COMPLAINTS {
        text += &format!("  {complaint}\n    {answer}\n");
    }
    text
}
