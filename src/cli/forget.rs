use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::{CliError, DataArgs, images_arg::ImagesArg, output::OutputArgs};
use crate::{
    app::{FILES_DIRECTORY, open_images},
    batches::FileStore,
    clock::Clock,
    config::Config,
    domain::FileId,
    image_store::StoreError,
    ledger::{ForgetError, Forgotten},
};

#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    images: ImagesArg,
    /// A tag that requests are filed under, or a key's public id
    #[arg(value_name = "TAG|KEY")]
    who: String,
    /// Take it for a tag, even if a key has this public id
    #[arg(long)]
    tag: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was forgotten. Sums and seals are as they were.
#[derive(Debug, Serialize)]
struct ForgottenJson {
    forgotten: String,
    pseudonym: String,
    /// Settled requests in which the pseudonym stands.
    requests: usize,
    images_deleted: usize,
    /// Files of batches, uploaded and written.
    files_deleted: usize,
    /// Months that were sealed over the text, and their seals over the pseudonym.
    resealed: Vec<ResealedJson>,
}

#[derive(Debug, Serialize)]
struct ResealedJson {
    month: String,
    sha256: String,
}

impl ForgottenJson {
    fn in_words(&self) -> String {
        let Self { forgotten, pseudonym, requests, images_deleted, files_deleted, resealed } = self;
        let mut said = format!(
            "{forgotten}: {pseudonym} stands in its place in {requests} settled requests and in every report\n\
             images deleted: {images_deleted}\n\
             files of batches deleted: {files_deleted}\n\
             sums and seals: as they were\n"
        );
        for ResealedJson { month, sha256 } in resealed {
            said += &format!("{month} was sealed over the text; its seal over the pseudonym is {sha256}\n");
        }
        said
    }
}

pub(super) fn run(args: &ForgetArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let (mut config, ledger) = args.place.ledger()?;
    args.images.apply(&mut config);
    if config.images.is_none() && ledger.has_had_nodes()? {
        let missing =
            "the nodes of this ledger keep their images elsewhere; pass the same --images as they have";
        return Err(CliError::Usage(missing.into()));
    }
    let (who, now) = (args.who.as_str(), clock.now());
    let is_key = !args.tag && ledger.is_key(who)?;
    let forgotten =
        if is_key { ledger.forget_key(who, "command line", now) } else { ledger.forget_tag(who, now) };
    let forgotten = forgotten.map_err(|error| match error {
        ForgetError::Ledger(error) => error.into(),
        refused => CliError::Usage(refused.to_string()),
    })?;
    // The ledger comes first: what is not deleted now can be, by the same command under the pseudonym.
    let images_deleted = delete_images(&config, &forgotten)?;
    let files_deleted = delete_files(&config, &forgotten.files)?;
    let resealed = forgotten.resealed.iter();
    let resealed =
        resealed.map(|(month, sha256)| ResealedJson { month: month.to_string(), sha256: sha256.to_string() });
    let forgotten = ForgottenJson {
        forgotten: if is_key { format!("the name of key {who}") } else { format!("tag {who}") },
        pseudonym: forgotten.pseudonym,
        requests: forgotten.requests.len(),
        images_deleted,
        files_deleted,
        resealed: resealed.collect(),
    };
    args.output.print(&forgotten, ForgottenJson::in_words)?;
    if is_key {
        super::note(&format_args!("the key still opens; tintype key revoke {who} ends it"));
    }
    super::note(&"not reached: backups and exports made before, logs, and images that clients have");
    Ok(())
}

/// Returns how many there were.
fn delete_images(config: &Config, forgotten: &Forgotten) -> Result<usize, CliError> {
    let failed = |error: StoreError| CliError::Failed(error.to_string());
    let images = open_images(config).map_err(failed)?;
    images.remove_all(&forgotten.requests.iter().map(|(request, _)| *request).collect()).map_err(failed)
}

/// Returns how many there were.
fn delete_files(config: &Config, files: &[FileId]) -> Result<usize, CliError> {
    let own = FileStore::at(config.data_dir.join(FILES_DIRECTORY));
    let mut stores = vec![own.clone()];
    if config.images.is_some() {
        // The nodes of a cluster have them beside the images.
        let images = open_images(config).map_err(|error| CliError::Failed(error.to_string()))?;
        stores.push(own.shared_with(Arc::new(images)));
    }
    let mut removed = 0;
    for id in files {
        let was_there = stores.iter().map(|store| store.remove(*id)).collect::<Result<Vec<_>, _>>();
        let was_there = was_there.map_err(|error| CliError::Failed(error.to_string()))?;
        removed += usize::from(was_there.contains(&true));
    }
    Ok(removed)
}
