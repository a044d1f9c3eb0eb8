/// Why a request gave no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// Its client hung up.
    ClientGone,
    /// An operator cancelled it.
    CancelledByOperator,
    /// It took longer than it may.
    DeadlinePassed,
    /// The server was stopped.
    ServerStopping,
    /// Every device was lost.
    NoDevice,
    /// It did not fit into the device's memory.
    OutOfMemory,
    /// The model, the device or the worker failed.
    GenerationFailed,
    /// Its images could not be encoded, stored or booked.
    NotStored,
}

super::words!(
    FailureReason, "a reason of failure":
    ClientGone = "client_gone",
    CancelledByOperator = "cancelled_by_operator",
    DeadlinePassed = "deadline_passed",
    ServerStopping = "server_stopping",
    NoDevice = "no_device",
    OutOfMemory = "out_of_memory",
    GenerationFailed = "generation_failed",
    NotStored = "not_stored",
);
