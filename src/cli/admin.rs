use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    CliError, DataArgs,
    key::minute,
    output::{OutputArgs, note, print, print_json, show_once, to_json},
    table::{Column, table},
};
use crate::{admit::PasswordHash, app::noted_address, clock::Clock, config::Config, domain::SignInSecret};

/// How far back sessions are listed: none lasts longer.
const LISTED: SignedDuration = SignedDuration::from_hours(12);

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Print a link that signs in once, within 15 minutes
    Link(LinkArgs),
    /// Set the operator's password; asks for it, or reads one line of standard input
    Password(PasswordArgs),
    /// List who is signed in
    Sessions(SessionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Where browsers find the server [default: public_url, or where the server of this data directory
    /// listens]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Take the password away: keys and links still sign in
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SessionsArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// Sign a session out, or all
    Revoke {
        #[command(flatten)]
        place: DataArgs,
        /// The session's id
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// Every session
        #[arg(long)]
        all: bool,
    },
}

pub(super) fn run(command: AdminCommand, clock: &dyn Clock) -> Result<(), CliError> {
    let now = clock.now();
    match command {
        AdminCommand::Link(args) => link(&args, now),
        AdminCommand::Password(args) => password(&args, now),
        AdminCommand::Sessions(SessionsArgs { place, output, command: None }) => list(&place, output, now),
        AdminCommand::Sessions(SessionsArgs { command: Some(command), .. }) => revoke(command, now),
    }
}

fn link(args: &LinkArgs, now: Timestamp) -> Result<(), CliError> {
    // A directory that was named and has no ledger is a typing mistake: the link would open nothing.
    let is_named = args.place.data_dir.is_some() || args.place.ledger.is_some();
    let (config, ledger) = if is_named { args.place.ledger()? } else { args.place.ledger_or_new()? };
    let secret = SignInSecret::generate(&mut rand::rng());
    let url = args.url.clone().unwrap_or_else(|| address(&config));
    let (link, expires_at) =
        (format!("{}{}", url.trim_end_matches('/'), secret.path()), SignInSecret::expiry(now));
    let shown = if args.output.json { to_json(&LinkJson { link: &link, expires_at })? } else { link };
    show_once(&shown)?;
    ledger.create_sign_in_link(secret.hash(), expires_at, now)?;
    note(&format_args!("signs in once, within {} minutes", SignInSecret::LIFETIME.as_mins()));
    Ok(())
}

/// A link that signs in once.
#[derive(Debug, Serialize)]
struct LinkJson<'a> {
    link: &'a str,
    expires_at: Timestamp,
}

fn address(config: &Config) -> String {
    let listen = noted_address(&config.data_dir).map_or_else(|| config.listen.clone(), Into::into);
    config.public_url.clone().unwrap_or_else(|| format!("http://{}", listen.reachable()))
}

fn password(args: &PasswordArgs, now: Timestamp) -> Result<(), CliError> {
    let (_, ledger) = args.place.ledger_or_new()?;
    if args.remove {
        ledger.set_operator_password(None, now)?;
        return print("there is no password; keys and links sign in\n");
    }
    let failed = |error: std::io::Error| CliError::Failed(error.to_string());
    let password = if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("New password: ").map_err(failed)?;
        let again = rpassword::prompt_password("The same again: ").map_err(failed)?;
        if password != again {
            return Err(CliError::Usage("the two passwords differ; nothing is changed".into()));
        }
        password
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    let hash = PasswordHash::new(&password, &mut rand::rng());
    let hash = hash.map_err(|error| CliError::Usage(error.to_string()))?;
    ledger.set_operator_password(Some(hash.as_str()), now)?;
    print("the password is set; whoever signed in with an earlier one is signed out\n")
}

/// Who is signed in.
#[derive(Debug, Serialize)]
struct SessionJson {
    id: String,
    opened_with: &'static str,
    key: Option<String>,
    browser: String,
    opened_at: Timestamp,
    last_used_at: Timestamp,
}

fn list(place: &DataArgs, output: OutputArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let zone = config.zone()?;
    let sessions = ledger.sessions(now.saturating_sub(LISTED).unwrap_or(Timestamp::MIN))?;
    let sessions = sessions.into_iter().map(|session| SessionJson {
        id: session.id,
        opened_with: session.opened_with.as_str(),
        key: session.key,
        browser: session.agent,
        opened_at: session.opened_at,
        last_used_at: session.seen_at,
    });
    if output.json {
        return print_json(&sessions.collect::<Vec<_>>());
    }
    let heads = ["ID", "WITH", "KEY", "BROWSER", "SIGNED IN", "LAST USED"].map(Column::Text);
    let row = |session: SessionJson| {
        [
            session.id,
            session.opened_with.to_owned(),
            session.key.unwrap_or_else(|| "-".into()),
            session.browser,
            minute(session.opened_at, &zone),
            minute(session.last_used_at, &zone),
        ]
    };
    print(&table(heads, sessions.map(row).collect()))
}

fn revoke(command: SessionsCommand, now: Timestamp) -> Result<(), CliError> {
    let SessionsCommand::Revoke { place, id, .. } = command;
    let (_, ledger) = place.ledger()?;
    let Some(id) = id else {
        return print(&format!("signed out: {}\n", ledger.end_sessions(now)?));
    };
    if ledger.end_session(&id, now)? {
        print(&format!("{id} is signed out\n"))
    } else {
        Err(CliError::Usage(format!("no open session `{id}`; tintype admin sessions lists them")))
    }
}
