use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};

use crate::ledger::{Ledger, Topic};

/// How long news is gathered before it is sent: a commit that carries any holds up all others.
const GATHER: Duration = Duration::from_millis(5);
/// Between two tries to hear the others, after the connection broke.
const PAUSE: Duration = Duration::from_secs(2);

/// Hints between the nodes of a cluster, over the ledger's database. They make things quicker, and carry no truth: whoever misses
/// one looks by itself soon.
#[derive(Debug, Default)]
pub struct News {
    /// One for each of [`Topic::ALL`].
    hints: [Hint; Topic::ALL.len()],
}

#[derive(Debug, Default)]
struct Hint {
    to_send: Notify,
    heard: watch::Sender<u64>,
}

impl News {
    /// Something waits in the queue.
    pub fn work_waits(&self) {
        self.hint(Topic::Work).give();
    }

    /// A request has ended, or begun.
    pub fn request_ended(&self) {
        self.hint(Topic::Ends).give();
    }

    /// A batch was created or cancelled.
    pub fn batch_changed(&self) {
        self.hint(Topic::Batches).give();
    }

    /// An image on its way can be looked at.
    pub fn partial_shown(&self) {
        self.hint(Topic::Partials).give();
    }

    /// Changes with each hint about `topic`, from this process or another.
    pub fn about(&self, topic: Topic) -> watch::Receiver<u64> {
        self.hint(topic).heard.subscribe()
    }

    /// Passes hints on and hears those of others, for ever.
    pub async fn run(&self, ledger: Arc<Ledger>) {
        let sending = join_all(Topic::ALL.map(|topic| self.send(Arc::clone(&ledger), topic)));
        tokio::join!(sending, self.hear(Arc::clone(&ledger)));
    }

    const fn hint(&self, topic: Topic) -> &Hint {
        &self.hints[topic as usize]
    }

    async fn send(&self, ledger: Arc<Ledger>, topic: Topic) {
        loop {
            self.hint(topic).to_send.notified().await;
            tokio::time::sleep(GATHER).await;
            let ledger = Arc::clone(&ledger);
            let sent = tokio::task::spawn_blocking(move || ledger.hint(topic)).await;
            if let Ok(Err(error)) = sent {
                tracing::debug!(%error, "a hint could not be sent");
            }
        }
    }

    async fn hear(&self, ledger: Arc<Ledger>) {
        loop {
            let own = Arc::clone(&ledger);
            match tokio::task::spawn_blocking(move || own.hints()).await {
                Ok(Ok(mut hints)) => {
                    while let Some(topic) = hints.next().await {
                        self.hint(topic).wake();
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "no hints are heard"),
                Err(_) => return,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Hint {
    fn give(&self) {
        self.wake();
        self.to_send.notify_one();
    }

    fn wake(&self) {
        self.heard.send_modify(|count| *count = count.wrapping_add(1));
    }
}
