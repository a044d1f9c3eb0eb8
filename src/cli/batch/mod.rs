//! `tintype batch`: the requests of a file, through a server's batches or a server of this process, into a directory.
//!
//! Architecture invariant: what is written down comes before what it is about. The run's name is on the disk before the batch is
//! created under it, and a line is in the manifest once its images are on the disk. So the same command goes on wherever an earlier
//! one was killed.

mod follow;
mod input;
mod local;
mod manifest;
mod place;
mod server;
mod time_left;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;

use self::{
    follow::Follow,
    input::{RequestLine, Source},
    manifest::Manifest,
    place::{Place, Run},
    server::Server,
};
use super::{
    CliError, DataArgs, ModelArgs,
    output::{OutputArgs, note},
};
use crate::{clock::Clock, units::Money};

/// Faults of a file that are printed; the server counts the rest.
const FAULTS_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct BatchArgs {
    /// Requests: .jsonl (OpenAI's batch lines, or a request's fields a line), .csv (columns prompt, size, seed, n, tag) or .txt (a
    /// prompt a line); - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// When to begin: cheap (in the cheapest hours of the window), now, or a time of day such as 22:00
    #[arg(long, value_name = "WHEN", default_value = "cheap")]
    at: String,
    /// Hours in which it should be done, 1 to 168
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    within: u32,
    /// Directory of the images and the manifest [default: the file's name without its ending]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A server's URL, with a key of it in the variable TINTYPE_KEY [default: a server in this process, for as long as it takes]
    #[arg(long, value_name = "URL", env = "TINTYPE_SERVER", conflicts_with_all = ["data_dir", "model"])]
    server: Option<String>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is left to do, and how.
struct Task {
    /// What the file is called in messages.
    name: String,
    lines: Vec<RequestLine>,
    place: Place,
    at: String,
    within: u32,
    clock: Arc<dyn Clock>,
}

/// What came of a command.
#[derive(Debug, Serialize)]
struct Summary {
    directory: String,
    manifest: String,
    lines: usize,
    images: usize,
    failed: usize,
    currency: Option<String>,
    total: Option<Money>,
}

pub(super) fn run(args: BatchArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let source = Source::read(&args.file)?;
    let place = Place::open(args.out.unwrap_or(source.directory), args.server.as_deref())?;
    let task = Task {
        name: source.name,
        lines: source.lines,
        place,
        at: args.at,
        within: args.within,
        clock: Arc::clone(clock),
    };
    let summary = match &args.server {
        Some(url) => task.finish(&Server::remote(url)?)?,
        None => {
            let mut config = args.data.quiet_config()?;
            args.model.apply(&mut config);
            local::serve(config, clock, move |server| task.finish(&server))?
        }
    };
    args.output.print(&summary, Summary::line)?;
    if summary.failed == 0 {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "{} of {} lines gave no image; {} says why, and the same command tries them again",
        summary.failed, summary.lines, summary.manifest
    )))
}

impl Task {
    /// Goes on with an earlier command's batch, or begins one of the lines that have no images yet.
    fn finish(self, server: &Server) -> Result<Summary, CliError> {
        let mut manifest = Manifest::read(self.place.manifest())?;
        let mut todo = self.todo(&manifest);
        if let Some(run) = self.place.run()? {
            // An earlier command may have been killed before it knew the id, or before there was a batch at all.
            let batch = match run.batch {
                Some(batch) => Some(batch),
                None => server.find_by_name(&run.name)?,
            };
            if let Some(batch) = batch {
                note(&format_args!("goes on with {batch}"));
                self.follow(server, &batch, run.expected, &mut manifest)?;
                // What was refused just now is not tried again at once.
                todo.retain(|line| !manifest.is_tried(line));
            }
        }
        if !todo.is_empty() {
            let (batch, expected) = self.begin(server, &todo)?;
            self.follow(server, &batch, expected, &mut manifest)?;
        }
        Ok(self.summary(&manifest))
    }

    /// The lines that have no images in the manifest.
    fn todo(&self, manifest: &Manifest) -> Vec<RequestLine> {
        self.lines.iter().filter(|line| !manifest.is_done(line)).cloned().collect()
    }

    /// Uploads `todo`, shows what it will cost and when, and creates the batch under a name that is on the disk before.
    fn begin(&self, server: &Server, todo: &[RequestLine]) -> Result<(String, Option<Money>), CliError> {
        let file = server.upload(&input::to_jsonl(todo)?)?;
        let asked = server::Asked { file, endpoint: todo[0].endpoint, at: &self.at, within: self.within };
        let quote = server.quote(&asked)?;
        if let Some(faults) = quote.errors {
            return Err(self.refused(todo, &faults));
        }
        note(&quote.line(&self.clock.now()));
        let name = format!("{:032x}", rand::random::<u128>());
        let run = Run { name, batch: None, expected: quote.total };
        self.place.note_run(&run)?;
        let batch = server.create(&asked, &run.name)?;
        self.place.note_run(&Run { batch: Some(batch.clone()), ..run })?;
        Ok((batch, quote.total))
    }

    /// Waits for `batch`, and collects its images.
    fn follow(
        &self,
        server: &Server,
        batch: &str,
        expected: Option<Money>,
        manifest: &mut Manifest,
    ) -> Result<(), CliError> {
        let ended = Follow { server, clock: &*self.clock, expected }.to_its_end(batch)?;
        manifest.collect(server, &ended, &self.lines, &self.place)?;
        self.place.forget_run()?;
        if let Some(reason) = ended.refusal() {
            note(&format_args!("{batch} is {}: {reason}", ended.status));
        }
        // It would count against what the key may upload; by then it may be gone.
        server.delete_file(&ended.input_file_id).ok();
        Ok(())
    }

    fn refused(&self, todo: &[RequestLine], faults: &server::Faults) -> CliError {
        let place = |line: Option<usize>| match line.and_then(|line| todo.get(line.checked_sub(1)?)) {
            Some(line) => format!("{}:{}", self.name, line.number),
            None => self.name.clone(),
        };
        let shown: Vec<_> = faults
            .data
            .iter()
            .take(FAULTS_SHOWN)
            .map(|fault| format!("{}: {}", place(fault.line), fault.message))
            .collect();
        let rest = faults.data.len().saturating_sub(FAULTS_SHOWN);
        let more = if rest > 0 { format!("\n  and {rest} more") } else { String::new() };
        CliError::Usage(format!("nothing was generated\n  {}{more}", shown.join("\n  ")))
    }

    fn summary(&self, manifest: &Manifest) -> Summary {
        let failed = self.todo(manifest).len();
        let (total, currency) = manifest.total();
        Summary {
            directory: self.place.directory().display().to_string(),
            manifest: self.place.manifest().display().to_string(),
            lines: self.lines.len(),
            images: manifest.images(),
            failed,
            currency,
            total,
        }
    }
}

impl Summary {
    /// `300 images in products, 22.1 CNY`
    fn line(&self) -> String {
        let money = match (self.total, &self.currency) {
            (Some(total), Some(currency)) => format!(", {} {currency}", total.to_rounded_string(4)),
            _ => String::new(),
        };
        format!("{} images in {}{money}\n", self.images, self.directory)
    }
}
