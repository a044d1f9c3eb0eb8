/// What a file is for, in OpenAI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePurpose {
    /// The requests of a batch, uploaded by a client.
    Batch,
    /// The answers or the errors of a batch, written by this server.
    BatchOutput,
}

super::words!(FilePurpose, "a purpose of files": Batch = "batch", BatchOutput = "batch_output");
