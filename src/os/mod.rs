//! What depends on the operating system: modes of files, symbolic links, signals that are ignored.
//!
//! Only what Unix or Linux has stands here, with what other systems get instead.

mod files;
mod signals;

#[cfg(all(test, unix))]
pub use self::files::make_pipe;
pub use self::{
    files::{
        Closed, close_to_others, create_new, create_private_directory, is_everybodys, keep_files_private,
        open_lock, open_to_continue, open_to_read, open_to_write, share,
    },
    signals::is_hangup_ignored,
};
