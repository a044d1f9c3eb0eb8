use std::{fmt, sync::Arc};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use crate::{
    admit::{Pass, RateStanding, Refused},
    costs::{CostError, Filed, Receipt},
    domain::{
        Caller, Computation, CostTag, EditRecord, Encoding, ImageSize, LoraUse, RenderJob, RequestId, Seed,
    },
    encode::EncodeError,
    engine::{LoraGap, Overloaded, Priority, QueueEstimate, WorkError},
    image_store::{ImageName, StoreError},
    ledger::{AddFileError, LedgerError, OverBudget, Purchase},
    lora_library::LoraError,
};

/// A request that has been parsed and may be refused for money or room, but for nothing it says.
#[derive(Debug)]
pub struct GenerateRequest {
    /// Who asks.
    pub caller: Caller,
    /// What is asked for.
    pub job: Arc<RenderJob>,
    /// Whether it can wait.
    pub priority: Priority,
    /// What it is filed under.
    pub tag: Option<CostTag>,
    /// As what files.
    pub encoding: Encoding,
    /// Whether the images are kept, for links.
    pub keep: bool,
    /// The most previews that are sent of each image; none if the answer is not a stream.
    pub partials: Option<u32>,
    /// The client's Idempotency-Key header.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// The memory of the image that is edited, given back with the request.
    pub source_memory: Option<OwnedSemaphorePermit>,
    /// Whether it names what another model does not have: a seed, steps or guidance.
    pub is_of_this_model: bool,
}

impl GenerateRequest {
    /// Whose images it asks for.
    pub fn filed(&self) -> Filed<'_> {
        Filed { key: &self.caller.public_id, tag: self.tag.as_ref().map(CostTag::as_str) }
    }
}

/// The images of a request, settled.
#[derive(Debug)]
pub struct Answer {
    /// The request's id in the ledger.
    pub id: RequestId,
    /// When it was settled.
    pub created: Timestamp,
    /// The images' size.
    pub size: ImageSize,
    /// The images.
    pub images: Vec<AnsweredImage>,
    /// Tokens of the prompt that the model read, chat template included.
    pub prompt_tokens: usize,
    /// What came of it as an edit; none for images from noise.
    pub edit: Option<EditRecord>,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// What decided its pixels; none if an earlier version made it.
    pub computation: Option<Computation>,
    /// Where its images were made.
    pub made_by: MadeBy,
}

/// Where an answer's images were made, and why there.
#[derive(Debug, Clone, Default)]
pub struct MadeBy {
    /// What was bought for it, or was to be; none if nobody was asked.
    pub purchase: Option<Purchase>,
    /// Why nobody was asked; none if nobody ever is.
    pub why: Option<String>,
}

/// `here`, `here; …` or `acme; …`: who made the images, and why they.
impl fmt::Display for MadeBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.purchase, &self.why) {
            (Some(bought), _) if bought.is_bought() => write!(f, "{}; {}", bought.seller, bought.why),
            (Some(tried), _) => {
                let outcome = tried.outcome.as_deref().unwrap_or("no answer");
                write!(f, "here; {} was asked: {outcome}", tried.seller)
            }
            (None, Some(why)) => write!(f, "here; {why}"),
            (None, None) => f.write_str("here"),
        }
    }
}

/// One image as it goes out.
#[derive(Debug)]
pub struct AnsweredImage {
    /// The file, in the encoding that was asked for.
    pub file: ImageFile,
    /// The seed of its noise.
    pub seed: Seed,
    /// What it cost.
    pub receipt: Receipt,
}

/// Where an image's file is.
#[derive(Debug, Clone)]
pub enum ImageFile {
    /// In memory, for this answer alone.
    InMemory(Arc<[u8]>),
    /// On the disk.
    Kept {
        /// Its name in the store.
        name: ImageName,
        /// Its length.
        bytes: u64,
    },
}

impl ImageFile {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::InMemory(bytes) => bytes.len() as u64,
            Self::Kept { bytes, .. } => *bytes,
        }
    }

    /// Its name in the store, if it is kept.
    pub fn name(&self) -> Option<ImageName> {
        match self {
            Self::InMemory(_) => None,
            Self::Kept { name, .. } => Some(*name),
        }
    }
}

/// An image on its way, as a file.
#[derive(Debug)]
pub struct PartialFile {
    /// Which look at it, from 0.
    pub index: u32,
    /// The file, in the encoding that was asked for. An operator who watches may look at it too.
    pub file: Arc<[u8]>,
}

/// What became of a request. Several clients may have waited for it.
pub type Outcome = Result<Arc<Answer>, Arc<ServiceError>>;

/// A LoRA of a request of which the model lacks layers.
#[derive(Debug)]
pub struct PartialLora {
    /// Its name in the library.
    pub name: String,
    /// How much of it is applied.
    pub gap: LoraGap,
}

impl fmt::Display for PartialLora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoRA {}: {}", self.name, self.gap)
    }
}

/// A request that has been taken on. Dropping it says that nobody waits any more.
#[derive(Debug)]
pub struct Accepted {
    /// Its id; none if it joined another request, or its answer was made before.
    pub id: Option<RequestId>,
    /// What it has ahead of it; none if its answer was made before.
    pub outlook: Option<QueueEstimate>,
    /// Where the key stands with its images a minute, if it has a limit and they were taken from it.
    pub images: Option<RateStanding>,
    /// The soft budgets that it passes.
    pub passed_budgets: Vec<OverBudget>,
    /// The LoRAs of which the model lacks layers.
    pub partial_loras: Vec<PartialLora>,
    /// Tokens of the whole prompt, if it was cut.
    pub cut_from_tokens: Option<usize>,
    /// Counts the request as one of its key's jobs until its answer is sent. A job's own is given back before that.
    pub(super) pass: Option<Arc<Pass>>,
    pub(super) partials: mpsc::UnboundedReceiver<PartialFile>,
    pub(super) outcome: watch::Receiver<Option<Outcome>>,
}

/// The next news of a request.
#[derive(Debug)]
pub enum News {
    /// The image on its way.
    Partial(PartialFile),
    /// The end.
    End(Outcome),
}

impl Accepted {
    /// The next news; the last is the end.
    pub async fn next(&mut self) -> News {
        tokio::select! {
            biased;
            Some(partial) = self.partials.recv() => News::Partial(partial),
            outcome = self.outcome.wait_for(Option::is_some) => News::End(end(outcome.ok().as_deref())),
        }
    }

    /// What counts the request as one of its key's jobs until its answer is sent, if no job does.
    pub fn pass(&self) -> Option<Arc<Pass>> {
        self.pass.clone()
    }

    /// Waits for the end.
    pub async fn answer(mut self) -> Outcome {
        let outcome = self.outcome.wait_for(Option::is_some).await;
        end(outcome.ok().as_deref())
    }
}

/// A task that ends without an outcome is a defect, or the process is stopping.
fn end(outcome: Option<&Option<Outcome>>) -> Outcome {
    outcome.and_then(Clone::clone).unwrap_or_else(|| Err(Arc::new(ServiceError::Lost)))
}

/// Why a request gave no images.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A prompt is longer than the model reads.
    #[error("`{field}` has {tokens} tokens; the model reads {max}")]
    PromptTooLong {
        /// `prompt` or `negative_prompt`.
        field: &'static str,
        /// Its tokens, chat template included.
        tokens: usize,
        /// What the model reads.
        max: usize,
    },
    /// The queue is full, or too long.
    #[error("the queue is full")]
    Overloaded(Overloaded),
    /// Refused at the door.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The same request, by its Idempotency-Key, is open, and not in this process.
    #[error("request {0} is being worked on elsewhere")]
    StillOpen(RequestId),
    /// The answer was given before and its images are no longer kept.
    #[error("the images of request {0} are no longer kept")]
    NoLongerKept(RequestId),
    /// Generating failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A prompt could not be read.
    #[error("{0}")]
    Prompt(String),
    /// A LoRA cannot be had, or does not fit.
    #[error(transparent)]
    Lora(#[from] LoraError),
    /// A receipt could not be made.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An image could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Pixels outside an edit's mask are not the source's in the encoded file: a defect.
    #[error("pixels outside the mask changed")]
    ChangedOutsideMask,
    /// An image could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A client's file was not added.
    #[error(transparent)]
    AddFile(#[from] AddFileError),
    /// A client's file could not be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A task ended without an answer: a defect, or the process is stopping.
    #[error("the request's task ended without an answer")]
    Lost,
}

impl GenerateRequest {
    /// Whether its images are saved: for links, or for a repeated request.
    pub(super) fn is_kept(&self) -> bool {
        self.keep || self.idempotency_key.is_some()
    }
}
