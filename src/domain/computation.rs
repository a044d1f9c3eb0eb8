use serde::{Deserialize, Serialize};

/// What beside the request decides an image's pixels: if a seed gives another image elsewhere, one of these differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computation {
    /// The weights.
    pub weights: WeightHashes,
    /// What draws the noise of a seed.
    pub rng: String,
    /// The noise levels of the steps.
    pub schedule: String,
    /// The number format of the products, and how the transformer's layers are held.
    pub precision: String,
    /// The kind of device.
    pub device: String,
}

/// SHA-256 of the weights of each part, in hexadecimal digits; none if they could not be read, and of random weights.
///
/// For a part in one file it is the file's. For a part in several it is that of a list, a line `SHA256  NAME` for each file:
/// what `sha256sum FILES | LC_ALL=C sort -k2 | sha256sum` prints in their folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightHashes {
    /// Of the transformer.
    pub transformer: Option<String>,
    /// Of the text encoder.
    pub text_encoder: Option<String>,
    /// Of the autoencoder.
    pub vae: Option<String>,
}

impl Computation {
    /// Names and texts, for people.
    pub fn rows(&self) -> [(&'static str, &str); 7] {
        fn hash(hash: &Option<String>) -> &str {
            hash.as_deref().unwrap_or("unknown")
        }
        let WeightHashes { transformer, text_encoder, vae } = &self.weights;
        [
            ("transformer", hash(transformer)),
            ("text encoder", hash(text_encoder)),
            ("autoencoder", hash(vae)),
            ("noise", &self.rng),
            ("schedule", &self.schedule),
            ("precision", &self.precision),
            ("device", &self.device),
        ]
    }
}
