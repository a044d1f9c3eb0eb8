use std::{future::pending, sync::Arc};

use super::{Service, ServiceError};
use crate::{
    cluster::Gate,
    domain::{RenderSpec, Usage},
    engine::{DeviceCounts, Engine, Facts, Foreseen, JobHandle, ModelLayers, PromptTokens},
    units::{Millis, Power},
};

/// Where images are made: on this machine's devices, or by the workers of a cluster.
pub enum Studio {
    /// The devices of this process, and their queue.
    Here(Engine),
    /// Workers that take from the ledger's queue.
    Cluster(Arc<Gate>),
}

/// Why a server is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unready {
    /// Its operator drains it: `tintype node drain`.
    Drained,
    /// It answers those that wait, and ends.
    Stopping,
    /// A gateway has had no answer of the ledger's database, or none yet.
    LedgerAway,
    /// No worker of the cluster generates images.
    NoWorker,
    /// No device has generated an image yet.
    WarmingUp,
    /// Every device is lost.
    NoDevice,
}

impl Studio {
    /// The devices of this process, if it has any.
    pub(super) fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Here(engine) => Some(engine),
            Self::Cluster(_) => None,
        }
    }

    /// Whether other machines generate.
    pub const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// What is known of the model.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Here(engine) => engine.facts(),
            Self::Cluster(gate) => gate.facts(),
        }
    }

    /// The power by which a job's energy is foreseen; if devices differ, the highest.
    pub fn power(&self) -> Power {
        match self {
            Self::Here(engine) => engine.power(),
            Self::Cluster(gate) => gate.view().workers.power(),
        }
    }

    /// Whether requests are answered: a device that has generated an image is left, and nobody has asked for a stop.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Here(engine) => engine.is_ready(),
            Self::Cluster(gate) => {
                let view = gate.view();
                view.is_in_touch && view.workers.devices().generating > 0 && !gate.is_draining()
            }
        }
    }

    /// Resolves once every device of this process that has ever generated an image is lost.
    pub async fn broken_down(&self) {
        match self {
            Self::Here(engine) => engine.broken_down().await,
            Self::Cluster(_) => pending().await,
        }
    }

    /// How many devices there are, and how they are.
    pub fn devices(&self) -> DeviceCounts {
        match self {
            Self::Here(engine) => engine.devices(),
            Self::Cluster(gate) => gate.view().workers.devices(),
        }
    }

    /// Live jobs that wait.
    pub fn queue_depth(&self) -> usize {
        match self {
            Self::Here(engine) => engine.queue_depth(),
            Self::Cluster(gate) => gate.view().waiting,
        }
    }

    /// What an image of `spec` with at most `partials` previews is expected to take.
    pub fn foresee(&self, spec: &RenderSpec, partials: u32) -> Foreseen {
        match self {
            Self::Here(engine) => engine.foresee(spec, partials),
            Self::Cluster(gate) => gate.foresee(gate.facts().limits.work(spec)),
        }
    }

    /// What `work`, in pixel-steps, takes of all devices together.
    pub fn foresee_work(&self, work: u64) -> (Millis, Usage) {
        match self {
            Self::Here(engine) => engine.foresee_work(work),
            Self::Cluster(gate) => gate.foresee_work(work),
        }
    }

    /// Work of live jobs that wait, in pixel-steps.
    pub fn live_work(&self) -> u64 {
        match self {
            Self::Here(engine) => engine.live_work(),
            Self::Cluster(gate) => gate.view().work,
        }
    }

    /// The layers that LoRAs can change.
    pub fn layers(&self) -> &ModelLayers {
        match self {
            Self::Here(engine) => engine.layers(),
            Self::Cluster(gate) => &gate.outline().layers,
        }
    }

    /// The prompts of `spec` as the model reads them.
    ///
    /// # Errors
    /// A text, if the tokenizer fails.
    pub fn tokenise(&self, spec: &RenderSpec) -> Result<PromptTokens, ServiceError> {
        let tokens = match self {
            Self::Here(engine) => engine.tokenise(spec),
            Self::Cluster(gate) => gate.outline().tokenizer.encode_prompts(spec),
        };
        tokens.map_err(|error| ServiceError::Prompt(error.to_string()))
    }

    /// Jobs of this process that wait for its devices, in the order of their turns, each with the time until then.
    pub fn waiting(&self) -> Vec<(JobHandle, Millis)> {
        self.engine().map(Engine::waiting).unwrap_or_default()
    }

    /// Lets the jobs that have begun finish; those that wait for a device of this process, and any that come, are refused.
    pub fn drain(&self) {
        match self {
            Self::Here(engine) => engine.drain(),
            Self::Cluster(gate) => gate.drain(),
        }
    }
}

impl Service {
    /// Where images are made.
    pub fn studio(&self) -> &Studio {
        &self.parts.studio
    }

    /// Why requests should not be sent here now; none if they should. A gateway that is drained answers what comes nevertheless: its load
    /// balancer is to see it before the process stops.
    pub fn unready(&self) -> Option<Unready> {
        let (studio, cluster) = (self.studio(), self.parts.cluster.as_ref());
        if cluster.is_some_and(|cluster| cluster.lease.is_draining()) {
            return Some(Unready::Drained);
        }
        if studio.is_ready() {
            return None;
        }
        Some(match studio {
            Studio::Cluster(gate) if gate.is_draining() => Unready::Stopping,
            Studio::Cluster(gate) if !gate.view().is_in_touch => Unready::LedgerAway,
            Studio::Cluster(_) => Unready::NoWorker,
            Studio::Here(engine) if engine.is_draining() => Unready::Stopping,
            Studio::Here(engine) => match engine.devices() {
                DeviceCounts { all, lost, .. } if all == lost => Unready::NoDevice,
                _ => Unready::WarmingUp,
            },
        })
    }
}
