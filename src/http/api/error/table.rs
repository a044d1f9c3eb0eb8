//! What the rooms behind say → what a client reads.

use super::{ApiError, Retry, seconds, sentence};
use crate::{
    admit::{OverRate, Refused},
    costs::CostError,
    domain::FailureReason,
    encode::EncodeError,
    engine::{OverloadReason, Overloaded, WorkError, WorkFailure},
    http::{api::code::Code, text::shortened},
    image_store::{BucketFault, StoreError},
    ledger::{AddFileError, LedgerError, ReserveError},
    lora_library::LoraError,
    pipeline::RenderError,
    service::{ServiceError, Unready},
    statements::StatementError,
    units::Millis,
};

impl ApiError {
    fn lora(error: &LoraError) -> Self {
        match error {
            LoraError::Unknown { name, known } => {
                let known = match known.as_slice() {
                    [] => "it has none".to_owned(),
                    names => format!("it has {}", names.join(", ")),
                };
                let message = format!("This server has no LoRA `{}`; {known}.", shortened(name));
                Self::parameter("lora", Code::LoraNotFound, message)
            }
            LoraError::Unfit { name, error } => {
                let reason = error.reason();
                let message = format!("The LoRA `{name}` cannot be applied to this model: {reason}.");
                Self::parameter("lora", Code::LoraUnfit, message)
            }
            LoraError::Unfetched { cause, .. } if cause.kind() == std::io::ErrorKind::NotConnected => {
                tracing::error!(%error, "a LoRA cannot be fetched");
                Self::store_away()
            }
            LoraError::Unfetched { .. } => Self::internal(error),
        }
    }

    fn ledger(error: &LedgerError) -> Self {
        if error.is_away() {
            tracing::error!(%error, "the ledger cannot be reached");
            let message = "The server's database does not answer, so nothing can be booked. Try again in a few seconds.";
            return Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(2000)));
        }
        if !error.is_full_disk() {
            return Self::internal(error);
        }
        tracing::error!(%error, "nothing can be booked");
        let message = "The server's disk is full, so nothing can be booked. Tell the operator.";
        Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
    }

    fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } | StoreError::Bucket { fault: BucketFault::Full(_), .. } => {
                tracing::error!(%error, "an image could not be kept");
                let message = "The server's disk is full, so images cannot be kept for links. Ask for b64_json \
                               without an Idempotency-Key, or tell the operator.";
                Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
            }
            StoreError::Bucket { .. } | StoreError::Unmounted { .. } => {
                tracing::error!(%error, "images can be neither kept nor read");
                Self::store_away()
            }
            StoreError::Io { .. } => Self::internal(error),
        }
    }

    fn overloaded(overloaded: Overloaded) -> Self {
        let Overloaded { retry_after, wait, reason } = overloaded;
        let error = |message| Self::new(Code::ServerOverloaded, message);
        let wait = wait.as_secs_ceil();
        let seconds = seconds(retry_after);
        match reason {
            OverloadReason::NoDevice => Self::no_device(),
            OverloadReason::Hopeless => error(format!(
                "This would take about {wait} s, and an answer that is not a stream must begin sooner. Send `stream`: true, \
                 or ask for fewer or smaller images."
            ))
            .retry(Retry::Never),
            OverloadReason::TooLong => error(format!(
                "The queue is long: this would take about {wait} s. Send `stream`: true, or try again in {seconds} s."
            ))
            .retry(Retry::After(retry_after)),
            OverloadReason::Full => {
                error(format!("The queue is full: this would take about {wait} s. Try again in {seconds} s."))
                    .retry(Retry::After(retry_after))
            }
        }
    }

    fn rate_limited(what: &str, over: &OverRate) -> Self {
        let limit = over.standing.limit;
        let limited = |remedy: String| {
            let message = format!("The key's limit is {limit} {what} a minute; {remedy}.");
            Self::new(Code::RateLimitExceeded, message)
        };
        match over.retry_after {
            Some(wait) => limited(format!("try again in {} s", seconds(wait))).retry(Retry::After(wait)),
            None => limited("ask for fewer at once".into()).retry(Retry::Never),
        }
    }
}

impl From<&ServiceError> for ApiError {
    fn from(error: &ServiceError) -> Self {
        match error {
            ServiceError::PromptTooLong { field, tokens, max } => {
                let message = format!("`{field}` has {tokens} tokens; the model reads {max}. Shorten it.");
                Self::parameter(field, Code::StringAboveMaxLength, message)
            }
            ServiceError::Lora(error) => Self::lora(error),
            ServiceError::Prompt(reason) => Self::invalid("prompt", sentence(reason)),
            ServiceError::Overloaded(overloaded) => Self::overloaded(*overloaded),
            ServiceError::Refused(refused) => refused.into(),
            ServiceError::NoLongerKept(_) => {
                let message = "This request was answered before, and its images are no longer kept. Use a new \
                               Idempotency-Key.";
                Self::new(Code::IdempotencyKeyUsed, message).retry(Retry::Never)
            }
            ServiceError::Work(WorkError { cause: WorkFailure::DeadlinePassed, spent })
                if spent.is_empty() =>
            {
                let message =
                    "The request's time was up before its turn came; nothing was generated. Try again.";
                Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(30_000)))
            }
            ServiceError::Work(error) => (&error.cause).into(),
            ServiceError::Store(error) => Self::store(error),
            ServiceError::Ledger(error) => Self::ledger(error),
            ServiceError::File(error) => Self::body_unkept(error),
            ServiceError::AddFile(error) => error.into(),
            ServiceError::Encode(error @ EncodeError::SideTooLong { .. }) => {
                Self::invalid("size", sentence(error))
            }
            ServiceError::ChangedOutsideMask => {
                tracing::error!(%error, "an edit is not answered");
                let message =
                    "Pixels outside the mask changed, so the edit is not answered. Its energy is booked.";
                Self::new(Code::RenderFailed, message).retry(Retry::Never)
            }
            other @ (ServiceError::Cost(_)
            | ServiceError::Encode(_)
            | ServiceError::StillOpen(_)
            | ServiceError::Lost) => Self::internal(other),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

impl From<Unready> for ApiError {
    fn from(reason: Unready) -> Self {
        let (message, wait_ms) = match reason {
            Unready::NoDevice | Unready::NoWorker => return Self::no_device(),
            Unready::Drained => {
                ("This node is drained (tintype node drain). Send requests to another one.", 1000)
            }
            Unready::Stopping => ("The server is stopping.", 1000),
            Unready::LedgerAway => {
                ("The server's database does not answer. Try again in a few seconds.", 2000)
            }
            Unready::WarmingUp => (
                "No image has been generated yet: the warm-up is running, or its failure is in the log.",
                1000,
            ),
        };
        Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(wait_ms)))
    }
}

impl From<&WorkFailure> for ApiError {
    fn from(failure: &WorkFailure) -> Self {
        match failure {
            WorkFailure::Stopping => {
                let message = "The server is stopping.";
                Self::new(Code::ServerStopping, message).retry(Retry::After(Millis::new(5000)))
            }
            WorkFailure::NoDevice => Self::no_device(),
            WorkFailure::DeadlinePassed => {
                let message = "The image was not ready in time; its energy is booked. Try fewer steps or a smaller size.";
                Self::new(Code::Timeout, message).retry(Retry::Never)
            }
            WorkFailure::Cancelled => {
                // Nobody is left to hear this: a request that others may join is always finished.
                let message = "The request was cancelled. Send it again.";
                Self::new(Code::RequestCancelled, message).retry(Retry::After(Millis::new(1000)))
            }
            WorkFailure::CancelledByOperator => {
                let message =
                    "The operator cancelled this request. What it took so far is booked as failed work.";
                Self::new(Code::RequestCancelled, message).retry(Retry::Never)
            }
            WorkFailure::OutOfMemory { size, largest } => {
                let fits = match largest {
                    Some(largest) => format!("; {largest} fits"),
                    None => "; ask for a smaller one".into(),
                };
                let message = format!("{size} does not fit into the device's memory{fits}.");
                Self::invalid("size", message)
            }
            WorkFailure::Failed(error @ RenderError::Size { .. }) => Self::invalid("size", sentence(error)),
            WorkFailure::Failed(RenderError::NotFinite { dtype }) => {
                tracing::error!(dtype, "an image was not finite");
                let message = "The image's numbers are not finite. The operator may try another dtype.";
                Self::new(Code::RenderFailed, message).retry(Retry::Never)
            }
            WorkFailure::Elsewhere(FailureReason::NotStored) => {
                tracing::error!("no worker could keep the images of a request; their logs say why");
                let message = "The images could not be stored. Tell the operator.";
                Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
            }
            WorkFailure::Failed(_)
            | WorkFailure::Panicked
            | WorkFailure::Elsewhere(_)
            | WorkFailure::Incomplete => Self::internal(failure),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::from(&refused)
    }
}

impl From<&Refused> for ApiError {
    fn from(refused: &Refused) -> Self {
        let forbidden = |message| Self::new(Code::InsufficientPermissions, message).retry(Retry::Never);
        match refused {
            Refused::Scope(scope) => forbidden(format!("This key has no `{scope}` scope.")),
            Refused::Model => forbidden("This key may not use this model.".into()),
            Refused::Lora { name, allowed } => {
                let (name, allowed) = (shortened(name), allowed.join(", "));
                let message = format!("This key may not use the LoRA `{name}`; it may use {allowed}.");
                Self::parameter("lora", Code::InsufficientPermissions, message).retry(Retry::Never)
            }
            Refused::Requests(over) => Self::rate_limited("requests", over),
            Refused::Images(over) => Self::rate_limited("images", over),
            Refused::Quotes(over) => Self::rate_limited("quotes in the playground", over),
            Refused::Concurrent { limit } => {
                let message =
                    format!("The key has {limit} requests at work, which is its limit. Wait for one to end.");
                Self::new(Code::RateLimitExceeded, message).retry(Retry::After(Millis::new(1000)))
            }
            Refused::Reserve(ReserveError::OverBudget(over)) => {
                Self::new(Code::InsufficientQuota, sentence(over)).retry(Retry::Never)
            }
            Refused::Reserve(ReserveError::IdempotencyKeyReused) => {
                let message = "This Idempotency-Key was used with another body. Use a new one.";
                Self::new(Code::IdempotencyKeyReused, message)
            }
            Refused::Reserve(ReserveError::Ledger(error)) => Self::ledger(error),
        }
    }
}

impl From<CostError> for ApiError {
    fn from(error: CostError) -> Self {
        Self::internal(&error)
    }
}

impl From<StatementError> for ApiError {
    fn from(error: StatementError) -> Self {
        Self::internal(&error)
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        Self::ledger(&error)
    }
}

impl From<&AddFileError> for ApiError {
    fn from(error: &AddFileError) -> Self {
        match error {
            AddFileError::OverQuota { bytes, max } => {
                let message = format!(
                    "With this file the key would have {bytes} bytes of files; at most {max} are allowed. Delete some."
                );
                Self::parameter("file", Code::FileQuotaExceeded, message)
            }
            AddFileError::Ledger(error) => Self::ledger(error),
        }
    }
}
