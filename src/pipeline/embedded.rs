use super::files::ModelFiles;

/// The model compiled into the binary, for the first minute: no download, no account.
pub const EMBEDDED_MODEL: ModelFiles = ModelFiles::Embedded { name: "embedded model", files: &[] };
