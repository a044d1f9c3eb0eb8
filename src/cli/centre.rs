use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::{
    Books, CliError, DataArgs,
    output::{self, OutputArgs},
    parse_day, parse_text, print_json,
    table::{Column, table},
};
use crate::{
    clock::Clock,
    domain::CostTag,
    ledger::{AssignError, Charges, Evidence, Member, Month},
    statements::{ChargeStatement, StatementError, StatementLanguage},
    units::Money,
};

#[derive(Debug, Subcommand)]
pub(super) enum CentreCommand {
    /// Make a cost centre: a client, a project, a department
    Add {
        #[command(flatten)]
        place: DataArgs,
        /// What it is called
        #[arg(value_parser = parse_text)]
        name: String,
        /// A contract
        #[arg(long, value_name = "TEXT", value_parser = parse_text)]
        document: Option<String>,
    },
    /// Let a key, or what is filed under a tag, belong to a cost centre from a day on
    Assign(AssignArgs),
    /// List the cost centres, and what belongs to them
    List {
        #[command(flatten)]
        place: DataArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print what each cost centre is charged for a month
    Charge(ChargeArgs),
    /// Write the statement of one cost centre: PDF, XLSX, CSV
    Statement(StatementArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("member").required(true))]
pub(super) struct AssignArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The cost centre; "none" for no longer any
    centre: String,
    /// A key's public id
    #[arg(long, value_name = "ID", group = "member")]
    key: Option<String>,
    /// A tag, as X-Cost-Tag has it
    #[arg(long, group = "member")]
    tag: Option<CostTag>,
    /// The first day on which it belongs there, such as 2026-12-01 [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Option<Date>,
    /// A contract, an order
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ChargeArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The month [default: the running one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table")]
    format: ChargeFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChargeFormat {
    /// For people
    Table,
    /// Exact figures
    Json,
    /// Exact figures, a row for each line
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct StatementArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The cost centre
    centre: String,
    /// The month [default: the running one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// The file: .pdf, .xlsx or .csv
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// en or zh-CN
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    lang: StatementLanguage,
}

pub(super) fn run(command: &CentreCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        CentreCommand::Add { place, name, document } => add(place, name, document.as_deref(), clock),
        CentreCommand::Assign(args) => assign(args, clock),
        CentreCommand::List { place, output } => list(place, *output),
        CentreCommand::Charge(args) => charge(args, clock),
        CentreCommand::Statement(args) => statement(args, clock),
    }
}

/// The word for no cost centre.
const NONE: &str = "none";
/// Characters of a cost centre's name.
const NAME_CHARS_MAX: usize = 128;

fn add(place: &DataArgs, name: &str, document: Option<&str>, clock: &dyn Clock) -> Result<(), CliError> {
    if name == NONE || name.chars().count() > NAME_CHARS_MAX {
        return Err(CliError::Usage(format!(
            "a cost centre's name has at most {NAME_CHARS_MAX} characters, and is not `{NONE}`; write another one"
        )));
    }
    let Books { ledger, .. } = place.books_or_new(clock)?;
    let evidence = Evidence { document, ..Evidence::COMMAND_LINE };
    if !ledger.add_centre(name, &evidence, clock.now())? {
        return Err(CliError::Usage(format!("there is a cost centre `{name}` already")));
    }
    output::print(&format!("cost centre {name} is made\n"))
}

fn assign(args: &AssignArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { ledger, calendar, .. } = args.place.books(clock)?;
    let (now, centre) = (clock.now(), Some(args.centre.as_str()).filter(|centre| *centre != NONE));
    let from = args.from.unwrap_or_else(|| calendar.to_datetime(now).date());
    let (member, what) = match (&args.key, &args.tag) {
        (Some(key), _) => (Member::Key(key.clone()), format!("key {key}")),
        (None, Some(tag)) => (Member::Tag(tag.to_string()), format!("tag {tag}")),
        (None, None) => return Err(CliError::Usage("name a --key or a --tag".into())),
    };
    let evidence = Evidence { document: args.document.as_deref(), ..Evidence::COMMAND_LINE };
    ledger.assign(&member, centre, from, &evidence, now).map_err(|error| match error {
        AssignError::Ledger(error) => CliError::from(error),
        refused => CliError::Usage(refused.to_string()),
    })?;
    let centre = centre.map_or_else(|| "no cost centre".to_owned(), |name| format!("cost centre {name}"));
    output::print(&format!("{what} belongs to {centre} from {from} on\n"))
}

fn list(place: &DataArgs, output: OutputArgs) -> Result<(), CliError> {
    let (_, ledger) = place.ledger()?;
    let centres = ledger.centres()?;
    if output.json {
        return print_json(&centres);
    }
    if centres.is_empty() {
        return output::print("no cost centres; tintype centre add makes one\n");
    }
    let mut rows = Vec::new();
    for centre in &centres {
        let dash = || "-".to_owned();
        if centre.members.is_empty() {
            rows.push([centre.name.clone(), dash(), dash(), dash(), dash()]);
        }
        rows.extend(centre.members.iter().map(|member| {
            let what = match &member.member {
                Member::Key(id) => format!("key {id}"),
                Member::Tag(tag) => format!("tag {tag}"),
            };
            let document = member.document.clone().unwrap_or_else(dash);
            [centre.name.clone(), what, member.from.to_string(), member.by.clone(), document]
        }));
    }
    let columns = ["COST CENTRE", "MEMBER", "FROM", "BY", "DOCUMENT"].map(Column::Text);
    output::print(&table(columns, rows))
}

fn charges(place: &DataArgs, month: Option<Month>, clock: &dyn Clock) -> Result<(Charges, String), CliError> {
    let (config, ledger) = place.ledger()?;
    let calendar = ledger.calendar(&config.zone()?)?;
    let now = clock.now();
    let costs = config.cost_model(calendar.to_datetime(now).date())?;
    ledger.check_currency(costs.currency())?;
    let month = month.unwrap_or_else(|| Month::of(now, &calendar));
    Ok((ledger.charges(&costs, month, &calendar, now)?, config.metadata.producer))
}

fn charge(args: &ChargeArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let (charges, _) = charges(&args.place, args.month, clock)?;
    match args.format {
        ChargeFormat::Json => print_json(&charges),
        ChargeFormat::Csv => output::print(&charges.to_csv()?),
        ChargeFormat::Table => output::print(&in_words(&charges)),
    }
}

fn in_words(charges: &Charges) -> String {
    let columns = [
        Column::Text("COST CENTRE"),
        Column::Number("IMAGES"),
        Column::Number("THEIR COST"),
        Column::Number("FAILED"),
        Column::Number("IDLE"),
        Column::Number("UNUSED"),
        Column::Number("MARK-UP"),
        Column::Number("TOTAL"),
        Column::Number("BOUGHT"),
    ];
    let money = |amount: Money| amount.readable_in(charges.currency);
    let cells = |charge: &crate::ledger::Charge| {
        [
            charge.name.clone().unwrap_or_else(|| "(none)".into()),
            charge.images.to_string(),
            money(charge.cost.total().unwrap_or_default()),
            money(charge.failed_electricity),
            money(charge.idle_share),
            money(charge.unused_share),
            money(charge.mark_up),
            money(charge.total),
            charge.overflow.as_ref().map_or_else(|| "-".into(), |bought| money(bought.paid())),
        ]
    };
    let rows = charges.charges.iter().map(cells).collect();
    format!(
        "{}amounts in {}; idle and unused cost is shared by {}; the all-in cost is {}; what was bought is not in the total\n",
        table(columns, rows),
        charges.currency,
        charges.shared_by,
        money(charges.all_in_total),
    )
}

fn statement(args: &StatementArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let (charges, operator) = charges(&args.place, args.month, clock)?;
    let Some(charge) = charges.charges.iter().find(|charge| charge.name.as_ref() == Some(&args.centre))
    else {
        return Err(CliError::Usage(AssignError::Centre(args.centre.clone()).to_string()));
    };
    let statement = ChargeStatement { charges: &charges, charge, operator: &operator, language: args.lang };
    let failed = |error: StatementError| CliError::Failed(error.to_string());
    let file = match args.output.extension().and_then(|kind| kind.to_str()) {
        Some("pdf") => statement.to_pdf().map_err(failed)?,
        Some("xlsx") => statement.to_xlsx().map_err(failed)?,
        Some("csv") => charges.one_to_csv(charge)?.into_bytes(),
        _ => return Err(CliError::Usage("--output is a file that ends with .pdf, .xlsx or .csv".into())),
    };
    std::fs::write(&args.output, file)
        .map_err(|error| CliError::Failed(format!("{}: {error}", args.output.display())))
}
