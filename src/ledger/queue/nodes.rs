use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;

use super::{CLOCK, Keeping, WITHOUT_FLUSH, node_id, reap::put_back_of_fenced};
use crate::{
    domain::{FailureReason, NodeId, RequestId},
    ledger::{
        Ledger, LedgerError, signed,
        store::{Conn, params},
        unsigned,
    },
    units::{Energy, Millis},
};

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeRole {
    /// It answers clients.
    Gateway,
    /// It generates images.
    Worker,
    /// It does both.
    Both,
}

crate::domain::words!(NodeRole, "a role": Gateway = "gateway", Worker = "worker", Both = "both");

impl NodeRole {
    /// Whether it answers clients.
    pub const fn is_gateway(self) -> bool {
        matches!(self, Self::Gateway | Self::Both)
    }

    /// Whether it generates images.
    pub const fn is_worker(self) -> bool {
        matches!(self, Self::Worker | Self::Both)
    }
}

/// A process that joins.
#[derive(Debug, Clone, Copy)]
pub struct NewNode<'a> {
    /// Its id.
    pub id: NodeId,
    /// What it does.
    pub role: NodeRole,
    /// The machine's name.
    pub machine: &'a str,
    /// The program's version.
    pub version: &'a str,
    /// What it must agree on with the others.
    pub agreement: Agreement<'a>,
    /// How long it counts as alive without a word.
    pub lease: Duration,
    /// Its id until it was taken for dead, if it joins again: whoever drained it meant the process.
    pub before: Option<NodeId>,
    /// Of a gateway: what it keeps.
    pub keeping: Option<Keeping>,
}

/// What all nodes agree on.
#[derive(Debug, Clone, Copy)]
pub struct Agreement<'a> {
    /// A fingerprint of the secret.
    pub secret_check: [u8; 32],
    /// Which images it keeps, by what is written among them.
    pub images: &'a str,
    /// The model's id.
    pub model: &'a str,
    /// What decides the pixels of its images; none: it generates none.
    pub computation: Option<&'a str>,
}

/// Why a node may not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Its secret is another one.
    #[error(
        "this cluster has another secret; give every node the same cluster.secret_file or TINTYPE_CLUSTER__SECRET, or none and the \
         same --images, which have it then"
    )]
    OtherSecret,
    /// Its images are elsewhere.
    #[error(
        "the other nodes of this cluster keep their images elsewhere; pass the same --images to all, and see that it is mounted here"
    )]
    OtherImages,
    /// Its model is another one.
    #[error(
        "this cluster's nodes have the model {theirs}, and this one has {own}; start all with one --model"
    )]
    OtherModel {
        /// The others'.
        theirs: String,
        /// Its own.
        own: String,
    },
    /// A seed would give other images on it.
    #[error(
        "a seed would give other images here: this cluster's workers compute with {theirs}, and this one with {own}"
    )]
    OtherComputation {
        /// The others'.
        theirs: String,
        /// Its own.
        own: String,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a node reports with each renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeFigures {
    /// Its devices.
    pub devices: u64,
    /// Those that have generated an image.
    pub generating: u64,
    /// Those that failed for good.
    pub lost: u64,
    /// What all of them together take for 10⁹ pixel-steps; none: it has no device.
    pub pace: Option<Millis>,
    /// Watts of the device that draws most.
    pub watts: u64,
    /// Images that it has settled.
    pub images: u64,
    /// Their energy.
    pub energy: Energy,
    /// Milliseconds by which its machine's clock is ahead of the database's; none: it was not compared yet.
    pub clock_ahead_ms: Option<i64>,
}

/// What a node hears with a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// It is fenced: what it holds is another's by now, and it joins again under another id.
    pub is_fenced: bool,
    /// It is to finish what it holds, and to take nothing more.
    pub is_draining: bool,
    /// What it holds.
    pub holds: Vec<RequestId>,
    /// What of that is to stop.
    pub stops: Vec<(RequestId, FailureReason)>,
    /// What the database's clock said.
    pub clock: Timestamp,
}

/// A node as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id.
    pub id: NodeId,
    /// What it does.
    pub role: NodeRole,
    /// The machine's name.
    pub machine: String,
    /// The program's version.
    pub version: String,
    /// When it joined.
    pub joined_at: Timestamp,
    /// Whether its lease lasts and nobody has fenced it.
    pub is_alive: bool,
    /// Whether it takes nothing more.
    pub is_draining: bool,
    /// Requests that it holds.
    pub holds: u32,
    /// What it reported last.
    pub figures: NodeFigures,
}

impl NodeFigures {
    /// Pixel-steps that [`NodeFigures::pace`] is for.
    pub const PACE_WORK: u64 = 1_000_000_000;
}

impl Ledger {
    /// Takes the ledger for a node beside other nodes, but not beside a server that has it alone. To be called again with each
    /// renewal: the database may have ended the connection that says so.
    ///
    /// # Errors
    /// [`LedgerError::Database`] if one server uses it alone, or if nodes cannot share this kind of database.
    pub fn share(&self) -> Result<(), LedgerError> {
        self.store.share()
    }

    /// Whether this process is the one of all nodes that does what one alone does. Only after [`Ledger::share`].
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn lead(&self) -> Result<bool, LedgerError> {
        self.store.lead()
    }

    /// Lets a node join. The first one decides the secret; while nobody else is alive, model and images are the newest's.
    ///
    /// # Errors
    /// [`JoinError`], one line with the remedy.
    pub fn join(&self, node: &NewNode<'_>, now: Timestamp) -> Result<(), JoinError> {
        self.store.write(|conn| {
            agree(conn, &node.agreement)?;
            conn.execute(
                "INSERT INTO nodes (id, role, machine, version, joined_at_ms, lease_until, draining, keep_days,
                                    keep_favourites, keep_prompts)
                 VALUES (?1, ?2, ?3, ?4, ?5, clock_timestamp() + ?6 * interval '1 millisecond',
                         coalesce((SELECT draining FROM nodes WHERE id = ?7), 0), ?8, ?9, ?10)",
                params![
                    node.id.to_string(),
                    node.role.as_str(),
                    node.machine,
                    node.version,
                    now,
                    lease_ms(node.lease)?,
                    node.before.map(|before| before.to_string()),
                    node.keeping.map(|keeping| keeping.days),
                    node.keeping.map(|keeping| i64::from(keeping.favourites)),
                    node.keeping.map(|keeping| i64::from(keeping.prompts)),
                ],
            )?;
            Ok(())
        })
    }

    /// What the database's clock says.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn clock(&self) -> Result<Timestamp, LedgerError> {
        let said = self.store.ask_beside(&TIME, params![], |row| row.get(0))?;
        moment(*said.first().ok_or(LedgerError::OutOfRange { what: "the database's clock" })?)
    }

    /// Renews a node's lease, beside all other writes.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn renew(
        &self,
        id: NodeId,
        lease: Duration,
        figures: &NodeFigures,
        steps: &[(RequestId, u32)],
    ) -> Result<Renewal, LedgerError> {
        let pace = figures.pace.map(|pace| signed(pace.get(), "nodes.pace_ms")).transpose()?;
        let steps: Vec<_> = steps.iter().map(|(request, done)| (request.to_text(), done)).collect();
        let rows = self.store.ask_beside(
            &RENEW,
            params![
                id.to_string(),
                lease_ms(lease)?,
                signed(figures.devices, "nodes.devices")?,
                signed(figures.generating, "nodes.generating")?,
                signed(figures.lost, "nodes.lost")?,
                pace,
                signed(figures.watts, "nodes.watts")?,
                signed(figures.images, "nodes.images")?,
                signed(figures.energy.as_millijoules(), "nodes.energy_mj")?,
                figures.clock_ahead_ms,
                serde_json::to_string(&steps)?,
            ],
            |row| {
                let held = row.get::<Option<String>>("request_id")?;
                Ok((
                    row.get::<bool>("draining")?,
                    row.get::<i64>("clock")?,
                    held,
                    row.get::<Option<String>>("stop")?,
                ))
            },
        )?;
        let Some((is_draining, micros, ..)) = rows.first() else {
            return Ok(Renewal { is_fenced: true, ..Renewal::default() });
        };
        let mut renewal =
            Renewal { is_draining: *is_draining, clock: moment(*micros)?, ..Renewal::default() };
        for (_, _, held, stop) in rows {
            let Some(held) = held else { continue };
            let request =
                RequestId::from_digits(&held).ok_or(LedgerError::OutOfRange { what: "request_id" })?;
            renewal.holds.push(request);
            if let Some(stop) = stop {
                renewal.stops.push((request, stop.parse().unwrap_or(FailureReason::ClientGone)));
            }
        }
        Ok(renewal)
    }

    /// Whether it is time to look for nodes that are gone, and nobody else does so now: of all nodes, one hears so once in `every`. It
    /// clears the queue's table too.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn take_look(&self, every: Duration) -> Result<bool, LedgerError> {
        let is_due = !self.store.ask_beside(&LOOK, params![lease_ms(every)?], |_| Ok(()))?.is_empty();
        if is_due {
            self.store.clear_queue()?;
        }
        Ok(is_due)
    }

    /// Puts back what `node` holds by the database's word, and not by its own: the answer to its claim was lost.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn disown(&self, node: NodeId, request: RequestId) -> Result<(), LedgerError> {
        let update = "UPDATE queue SET state = 0, claim = NULL, worker = NULL, steps_done = 0
                      WHERE request_id = ?1 AND worker = ?2";
        self.store.ask(update, params![request.to_text(), node.to_string()], |_| Ok(()))?;
        Ok(())
    }

    /// A node ends: what it still holds goes to others at once.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn leave(&self, id: NodeId) -> Result<(), LedgerError> {
        let update = "UPDATE nodes SET fenced = 1, lease_until = clock_timestamp() WHERE id = ?1";
        self.store.ask_beside(update, params![id.to_string()], |_| Ok(()))?;
        Ok(())
    }

    /// Has a node finish what it holds and take nothing more; false if there is no such node.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn drain_node(&self, id: NodeId) -> Result<bool, LedgerError> {
        let update = "UPDATE nodes SET draining = 1 WHERE id = ?1 AND fenced = 0";
        self.store.write(|conn| Ok(conn.execute(update, params![id.to_string()])? == 1))
    }

    /// Takes a node for dead: what it holds goes to others, and what it does with it is refused. False if there is no such node.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn fence_node(&self, id: NodeId) -> Result<bool, LedgerError> {
        let update = "UPDATE nodes SET fenced = 1 WHERE id = ?1 AND fenced = 0";
        self.store.write(|conn| {
            let is_fenced = conn.execute(update, params![id.to_string()])? == 1;
            // Before it learns of it: it ends what it still holds.
            put_back_of_fenced(conn)?;
            Ok(is_fenced)
        })
    }

    /// Whether nodes share this ledger, or did once.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn has_had_nodes(&self) -> Result<bool, LedgerError> {
        if !self.store.has_queue() {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM cluster";
        self.store.read(|conn| Ok(conn.query_first(sql, params![], |_| Ok(()))?.is_some()))
    }

    /// The nodes, those that are alive first. Empty for a ledger that nodes cannot share.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn nodes(&self) -> Result<Vec<NodeRow>, LedgerError> {
        if !self.store.has_queue() {
            return Ok(Vec::new());
        }
        // By their names: a newer node's migration may add columns, and gateways that could not read this once are not ready.
        let sql = "SELECT id, role, machine, version, joined_at_ms, draining, devices, generating, lost, pace_ms, watts,
                          images, energy_mj, clock_ahead_ms, fenced = 0 AND lease_until > clock_timestamp() AS alive,
                          (SELECT count(*) FROM queue WHERE worker = nodes.id) AS holds
                   FROM nodes ORDER BY fenced, role, machine, id";
        self.store.read(|conn| {
            conn.query(sql, params![], |row| {
                let number = |column: &'static str| unsigned(row.get(column)?, column);
                let role = row.get::<String>("role")?.parse();
                let pace = row.get::<Option<i64>>("pace_ms")?;
                Ok(NodeRow {
                    id: node_id(&row.get::<String>("id")?)?,
                    role: role.map_err(|_| LedgerError::OutOfRange { what: "nodes.role" })?,
                    machine: row.get("machine")?,
                    version: row.get("version")?,
                    joined_at: row.get("joined_at_ms")?,
                    is_alive: row.get("alive")?,
                    is_draining: row.get("draining")?,
                    holds: row.get("holds")?,
                    figures: NodeFigures {
                        devices: number("devices")?,
                        generating: number("generating")?,
                        lost: number("lost")?,
                        pace: pace.map(|pace| unsigned(pace, "pace_ms")).transpose()?.map(Millis::new),
                        watts: number("watts")?,
                        images: number("images")?,
                        energy: Energy::from_millijoules(number("energy_mj")?),
                        clock_ahead_ms: row.get("clock_ahead_ms")?,
                    },
                })
            })
        })
    }
}

/// Whether any node lives. Only PostgreSQL has nodes.
pub(in crate::ledger) fn has_living_node(conn: &Conn<'_>) -> Result<bool, LedgerError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM nodes WHERE fenced = 0 AND lease_until > clock_timestamp())";
    conn.query_one(sql, params![], |row| row.get(0))
}

/// Renews the lease of node ?1, with what it reports, and answers with what it holds: a row for each request, one without any if there is
/// none, and none if it is fenced. What a gateway buys is no worker's, and cannot be stopped.
static RENEW: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH renewed AS (
             UPDATE nodes SET lease_until = clock_timestamp() + ?2 * interval '1 millisecond', devices = ?3,
                 generating = ?4, lost = ?5, pace_ms = ?6, watts = ?7, images = ?8, energy_mj = ?9, clock_ahead_ms = ?10
             WHERE id = ?1 AND fenced = 0 RETURNING draining, {CLOCK} AS clock
         ), noted AS (
             UPDATE queue SET steps_done = CAST(step ->> 1 AS BIGINT)
             FROM json_array_elements(CAST(?11 AS JSON)) AS step
             WHERE request_id = step ->> 0 AND worker = ?1 AND steps_done <> CAST(step ->> 1 AS BIGINT)
             AND EXISTS (SELECT 1 FROM renewed)
         )
         SELECT {WITHOUT_FLUSH}, draining, clock, request_id, stop
         FROM renewed LEFT JOIN queue ON worker = ?1 AND NOT EXISTS (
             SELECT 1 FROM purchases WHERE purchases.request_id = queue.request_id AND purchases.state = 'open')"
    )
});

/// A row if the last look is ?1 milliseconds old.
static LOOK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH looked AS (
             UPDATE cluster SET looked_at = clock_timestamp()
             WHERE looked_at IS NULL OR looked_at + ?1 * interval '1 millisecond' <= clock_timestamp()
                -- Of a clock that was set back since.
                OR looked_at > clock_timestamp()
             RETURNING 1)
         SELECT {WITHOUT_FLUSH} FROM looked"
    )
});

static TIME: LazyLock<String> = LazyLock::new(|| format!("SELECT {CLOCK}"));

fn moment(micros: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_microsecond(micros).map_err(|_| LedgerError::OutOfRange { what: "the database's clock" })
}

fn lease_ms(lease: Duration) -> Result<i64, LedgerError> {
    i64::try_from(lease.as_millis()).map_err(|_| LedgerError::OutOfRange { what: "a lease" })
}

fn agree(conn: &Conn<'_>, own: &Agreement<'_>) -> Result<(), JoinError> {
    let first = "INSERT INTO cluster (id, secret_check, model, computation) VALUES (1, ?1, ?2, ?3)
                 ON CONFLICT (id) DO NOTHING";
    conn.execute(first, params![own.secret_check, own.model, own.computation])?;
    let sql = "SELECT secret_check, images, model, computation FROM cluster";
    let (secret_check, images, model, computation) = conn.query_one(sql, params![], |row| {
        let (secret_check, images) = (row.get::<[u8; 32]>(0)?, row.get::<Option<String>>(1)?);
        Ok((secret_check, images, row.get::<String>(2)?, row.get::<Option<String>>(3)?))
    })?;
    let alive = "SELECT count(*) FILTER (WHERE role <> 'gateway'), count(*) FROM nodes
                 WHERE fenced = 0 AND lease_until > clock_timestamp()";
    let (workers, nodes): (i64, i64) =
        conn.query_one(alive, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // First, since images elsewhere are why secrets differ that nobody configured.
    if images.is_some_and(|images| images != own.images) && nodes > 0 {
        return Err(JoinError::OtherImages);
    }
    if secret_check != own.secret_check {
        return Err(JoinError::OtherSecret);
    }
    if model != own.model && nodes > 0 {
        return Err(JoinError::OtherModel { theirs: model, own: own.model.to_owned() });
    }
    if let (Some(theirs), Some(own)) = (&computation, own.computation)
        && theirs != own
        && workers > 0
    {
        return Err(JoinError::OtherComputation { theirs: theirs.clone(), own: own.to_owned() });
    }
    let update = "UPDATE cluster SET images = ?1, model = ?2, computation = coalesce(?3, computation)";
    conn.execute(update, params![own.images, own.model, own.computation])?;
    Ok(())
}
