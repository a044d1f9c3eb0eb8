/// What has happened, as the type of a webhook's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A request has its images.
    ImageCompleted,
    /// A request has none, and will have none.
    ImageFailed,
    /// A batch has ended, with every request answered.
    BatchCompleted,
    /// A batch's file cannot be worked on.
    BatchFailed,
    /// A batch's window has ended.
    BatchExpired,
    /// A batch was cancelled.
    BatchCancelled,
    /// A soft budget was passed.
    BudgetPassed,
    /// A hard budget has refused a request.
    BudgetRefused,
    /// A device failed, and its warm-up image too.
    DeviceLost,
    /// A month was closed.
    MonthClosed,
    /// The disk has no room for images.
    DiskFull,
    /// The list price of a compared service ends soon, or has ended.
    PriceEnds,
    /// An administrator tries an endpoint.
    Test,
}

super::words!(EventKind, "a kind of event":
    ImageCompleted = "image.completed", ImageFailed = "image.failed", BatchCompleted = "batch.completed",
    BatchFailed = "batch.failed", BatchExpired = "batch.expired", BatchCancelled = "batch.cancelled",
    BudgetPassed = "budget.passed", BudgetRefused = "budget.refused", DeviceLost = "device.lost",
    MonthClosed = "month.closed", DiskFull = "disk.full", PriceEnds = "price.ends", Test = "webhook.test");

impl EventKind {
    /// Those that an endpoint may be limited to: a test comes to any.
    pub fn chosen() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Test)
    }
}
