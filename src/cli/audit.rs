use clap::Args;

use super::{
    Books, CliError, DataArgs,
    images_arg::ImagesArg,
    table::{Column, table},
};
use crate::{
    app::{images_place, open_images},
    clock::Clock,
    config::Config,
    domain::RequestId,
    image_store::ImagesPlace,
    ledger::{AuditBasis, Control},
};

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    images: ImagesArg,
    /// How far a meter's reading or a bill may be from the booked energy, in percent of it
    #[arg(long, value_name = "PERCENT", default_value_t = AuditBasis::TOLERANCE_PERCENT, value_parser = clap::value_parser!(u32).range(0..=100))]
    tolerance: u32,
}

pub(super) fn run(args: &AuditArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let mut books = args.place.books(clock)?;
    args.images.apply(&mut books.config);
    let controls = controls(&books, args.tolerance, clock)?;
    super::print(&text(&controls))?;
    match controls.iter().filter(|control| !control.breaks.is_empty()).count() {
        0 => Ok(()),
        broken => Err(CliError::Failed(format!(
            "{broken} of {} controls do not hold; look into what is listed below them",
            controls.len()
        ))),
    }
}

/// What does not hold, before a month is closed; empty if all does.
pub(super) fn breaks(books: &Books, clock: &dyn Clock) -> Result<Vec<String>, CliError> {
    let controls = controls_of(books, clock)?;
    let breaks = controls.into_iter().flat_map(|control| {
        control
            .breaks
            .into_iter()
            .map(move |found| format!("it does not hold that {}: {found}", control.kind))
    });
    Ok(breaks.collect())
}

/// What `tintype audit` checks, with its usual tolerance.
pub(super) fn controls_of(books: &Books, clock: &dyn Clock) -> Result<Vec<Control>, CliError> {
    controls(books, AuditBasis::TOLERANCE_PERCENT, clock)
}

fn controls(books: &Books, tolerance_percent: u32, clock: &dyn Clock) -> Result<Vec<Control>, CliError> {
    let kept = match images_place(&books.config) {
        ImagesPlace::Directory(directory) if !directory.is_dir() => Vec::new(),
        _ => kept_images(&books.config)?,
    };
    let basis = AuditBasis { costs: &books.costs, calendar: &books.calendar, kept: &kept, tolerance_percent };
    Ok(books.ledger.audit(&basis, clock.now())?)
}

fn kept_images(config: &Config) -> Result<Vec<(RequestId, u32)>, CliError> {
    let kept = open_images(config).and_then(|images| images.kept());
    kept.map_err(|error| CliError::Failed(error.to_string()))
}

fn text(controls: &[Control]) -> String {
    let mut rows = Vec::new();
    for control in controls {
        let result = match (control.checked, control.breaks.is_empty()) {
            (0, _) => "nothing to check",
            (_, true) => "holds",
            (_, false) => "BROKEN",
        };
        rows.push([control.kind.to_string(), control.checked.to_string(), result.to_owned()]);
        let breaks = control.breaks.iter();
        rows.extend(breaks.map(|found| [format!("  {found}"), String::new(), String::new()]));
    }
    table([Column::Text("CONTROL"), Column::Number("CHECKED"), Column::Text("RESULT")], rows)
}
