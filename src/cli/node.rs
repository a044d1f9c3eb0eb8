//! `tintype serve --role` and `tintype node`: several machines behind one API.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::spawn;

use super::{
    CliError, DataArgs,
    output::{ListArgs, note},
    progress::LoadReport,
    serve::{ServeArgs, asked_to_stop, introduce, introduction, pass_over_others, reachable, runtime},
    table::{Column, table},
};
use crate::{
    app::NodeApp,
    clock::Clock,
    domain::NodeId,
    ledger::{Ledger, NodeRole, NodeRow},
};

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// List the nodes
    List(ListArgs),
    /// Have a worker finish what it holds and take nothing more, or a gateway fail /readyz while it still answers, before it is stopped
    Drain(OneArgs),
    /// Take a node for dead: what it holds goes to others at once, and what it makes of it is refused
    Fence(OneArgs),
}

#[derive(Debug, Args)]
pub(super) struct OneArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The node's id, or the machine's name if one node alone runs there
    #[arg(value_name = "NODE|MACHINE")]
    node: String,
}

/// A node as JSON.
#[derive(Debug, Serialize)]
struct NodeJson {
    id: String,
    role: &'static str,
    machine: String,
    version: String,
    joined_at: String,
    state: &'static str,
    devices: u64,
    devices_generating: u64,
    requests_held: u32,
    images: u64,
    energy_joules: u64,
    clock_ahead_ms: Option<i64>,
}

impl NodeJson {
    fn of(row: NodeRow) -> Self {
        Self {
            id: row.id.to_string(),
            role: row.role.as_str(),
            state: match (row.is_alive, row.is_draining) {
                (false, _) => "gone",
                (true, true) => "draining",
                (true, false) => "alive",
            },
            machine: row.machine,
            version: row.version,
            joined_at: row.joined_at.to_string(),
            devices: row.figures.devices,
            devices_generating: row.figures.generating,
            requests_held: row.holds,
            images: row.figures.images,
            energy_joules: row.figures.energy.as_millijoules() / 1000,
            clock_ahead_ms: row.figures.clock_ahead_ms,
        }
    }

    fn in_words(nodes: &[Self]) -> String {
        if nodes.is_empty() {
            return "no node has joined; start one with tintype serve --role\n".into();
        }
        let columns = [
            Column::Text("NODE"),
            Column::Text("ROLE"),
            Column::Text("MACHINE"),
            Column::Text("STATE"),
            Column::Number("DEVICES"),
            Column::Number("HOLDS"),
            Column::Number("IMAGES"),
            Column::Number("JOULES"),
            Column::Number("CLOCK"),
        ];
        let row = |node: &Self| {
            [
                node.id.clone(),
                node.role.to_owned(),
                node.machine.clone(),
                node.state.to_owned(),
                format!("{} of {}", node.devices_generating, node.devices),
                node.requests_held.to_string(),
                node.images.to_string(),
                node.energy_joules.to_string(),
                node.clock_ahead_ms.map_or_else(|| "-".into(), |ahead| format!("{ahead:+} ms")),
            ]
        };
        table(columns, nodes.iter().map(row).collect())
    }
}

/// Serves as a node until it is asked to stop.
pub(super) fn run(args: ServeArgs, role: NodeRole, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let has_listen = args.has_listen();
    let config = args.config()?;
    let listens = has_listen || config.stated.has_listen();
    if config.ledger.is_none() {
        let missing =
            "--role needs the ledger that all nodes share: --ledger postgres://user:password@host/database";
        return Err(CliError::Usage(missing.into()));
    }
    if config.images.is_none() {
        let missing = "--role needs the images that all nodes share: --images DIR or s3://BUCKET/PREFIX";
        return Err(CliError::Usage(missing.into()));
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        spawn(pass_over_others());
        let app =
            NodeApp::build(&config, (role, listens), clock, runtime.handle().clone(), LoadReport::new())?;
        app.introduce(|app| introduce(greeting(app), app.first_key().is_some()))?;
        Ok::<_, CliError>(app.run_until_stopped(asked_to_stop()).await?)
    })?;
    tracing::info!("stopped");
    Ok(())
}

/// What whoever starts a node reads.
fn greeting(app: &NodeApp) -> String {
    let url = app.address().map(|address| format!("http://{}", reachable(address)));
    let place = url.as_ref().map_or_else(String::new, |url| format!(" at {url}"));
    let mut lines = vec![
        format!("\nTintype {} {}{place}", env!("CARGO_PKG_VERSION"), app.role()),
        format!("Node    {}", app.id()),
        format!("Model   {}", app.offer().model),
    ];
    let Some(url) = url.filter(|_| app.role().is_gateway()) else {
        lines.push("Keys    open gateways; a worker has no clients\n".into());
        return lines.join("\n");
    };
    lines.push(format!("Costs   {url}/admin/costs"));
    if let Some(secret) = app.sign_in_link() {
        lines.push(format!("Sign in {url}{}", secret.path()));
        lines.push("        once, within 15 minutes; tintype admin link prints another".into());
    }
    lines.push(match app.first_key() {
        Some(key) => introduction(&url, key),
        None => "Keys    are in the ledger; tintype key create makes another\n".into(),
    });
    lines.join("\n")
}

/// `tintype node`.
pub(super) fn manage(command: &NodeCommand) -> Result<(), CliError> {
    match command {
        NodeCommand::List(ListArgs { place, output }) => {
            let (_, ledger) = place.ledger()?;
            let nodes: Vec<_> = ledger.nodes()?.into_iter().map(NodeJson::of).collect();
            output.print(&nodes, |nodes| NodeJson::in_words(nodes))
        }
        NodeCommand::Drain(OneArgs { place, node }) => {
            let (_, ledger) = place.ledger()?;
            let row = find(&ledger, node)?;
            ledger.drain_node(row.id)?;
            let what = match row.role {
                NodeRole::Worker => "finishes what it holds, and takes nothing more",
                NodeRole::Gateway => {
                    "is not ready any more (/readyz), and answers what comes; stop it once nothing does"
                }
                NodeRole::Both => {
                    "finishes what it holds, is not ready any more (/readyz), and answers what comes; stop it once nothing does"
                }
            };
            note(&format_args!("{} on {} {what}", row.id, row.machine));
            Ok(())
        }
        NodeCommand::Fence(OneArgs { place, node }) => {
            let (_, ledger) = place.ledger()?;
            let row = find(&ledger, node)?;
            ledger.fence_node(row.id)?;
            note(&format_args!(
                "{} on {} is taken for dead; others take over what it held",
                row.id, row.machine
            ));
            Ok(())
        }
    }
}

/// The one node alive that is called `name`.
fn find(ledger: &Ledger, name: &str) -> Result<NodeRow, CliError> {
    let id: Option<NodeId> = name.parse().ok();
    let mut found: Vec<_> = ledger.nodes()?;
    found.retain(|node| node.is_alive && (Some(node.id) == id || node.machine == name));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(CliError::Usage(format!(
            "no node `{name}` is alive; tintype node list shows those that there are"
        ))),
        _ => Err(CliError::Usage(format!(
            "several nodes run on {name}; name one by its id (tintype node list)"
        ))),
    }
}
