/// What the requests of a batch ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEndpoint {
    /// Images from prompts.
    Generations,
    /// Edits of images.
    Edits,
}

super::words!(BatchEndpoint, "an endpoint of batches":
    Generations = "/v1/images/generations", Edits = "/v1/images/edits");

/// Where a batch is, in OpenAI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatus {
    /// Its file is looked through.
    Validating,
    /// Its file is not one of requests that can be made.
    Failed,
    /// Its requests wait or are worked on.
    InProgress,
    /// Its files are completed.
    Finalizing,
    /// Every request was answered.
    Completed,
    /// Its time was over first.
    Expired,
    /// It was cancelled; requests in hand are stopped.
    Cancelling,
    /// It was cancelled.
    Cancelled,
}

super::words!(BatchStatus, "a status of batches":
    Validating = "validating", Failed = "failed", InProgress = "in_progress", Finalizing = "finalizing",
    Completed = "completed", Expired = "expired", Cancelling = "cancelling", Cancelled = "cancelled");

impl BatchStatus {
    /// Whether there is something left to do for it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Validating | Self::InProgress | Self::Finalizing | Self::Cancelling)
    }
}
