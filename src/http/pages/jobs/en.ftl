# /admin/jobs
jobs-open = In the queue and on the device
jobs-none-open = No job is running or waiting.
jobs-key = Key
jobs-asked = Request
jobs-stage = State
jobs-since = Open for
jobs-cancel = Cancel
jobs-cancel-whose = Cancel the job of { $key }
jobs-look = Preview of the image
jobs-images = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
jobs-steps = { $count ->
    [one] { $count } step
   *[other] { $count } steps
}
jobs-stream = streaming
jobs-waiting = waiting
jobs-position = number { $position }
jobs-wait = starts within { $span }
jobs-generating = generating
jobs-progress = step { $done } of { $all }
jobs-buying = being bought
jobs-purchase-open = buying from { $seller }
jobs-purchase-bought = bought from { $seller }
jobs-purchase-doubtful = in doubt at { $seller }; made here
jobs-purchase-resolved = was in doubt at { $seller }, resolved since; made here
jobs-purchase-refused = refused by { $seller }; made here
jobs-finishing = finishing
jobs-stopping = stopping
jobs-seconds = { $seconds } s
jobs-minutes = { $minutes } min { $seconds } s

jobs-ended = Ended
jobs-none-ended = No job has ended yet.
jobs-kept = Image
jobs-time = Time
jobs-energy = Energy at the plug
jobs-energy-device = device { $energy }
jobs-cost = Cost
jobs-state = State
jobs-seed = seed { $seed }
jobs-image = Kept image
jobs-not-kept = not kept
jobs-delivered = delivered
jobs-undelivered = undelivered
jobs-failed = failed
jobs-cancelled = cancelled
jobs-why-client-gone = the client disconnected
jobs-why-operator = by an operator
jobs-why-deadline = took too long
jobs-why-stopping = the server was stopped
jobs-why-no-device = no device was left
jobs-why-memory = too large for the device's memory
jobs-why-failed = the model or the device failed
jobs-why-not-stored = the image could not be stored
jobs-filter = Filter the ended jobs
jobs-find = Id or seed
jobs-tag = Tag
jobs-day = Day
jobs-any = any
jobs-show = Show
jobs-show-all = Show all
jobs-none-found = No ended job matches.
jobs-cancel-ask = Cancel the job of { $key }? Its client gets an error.
jobs-abandoned = abandoned
jobs-states-how = Undelivered: generated and booked, but the client had disconnected. Failed or cancelled: no image; the energy used is booked. Abandoned: still open when the server last stopped unexpectedly.
jobs-older = Older
jobs-newest = Newest
jobs-prompt = Words of the prompt
jobs-favourites = Favourites only
jobs-one = Job
jobs-timeline = Timeline
jobs-replay = Open in the playground
jobs-prompt-of = Prompt
jobs-prompt-gone = not kept
jobs-size = Size
jobs-count = Images
jobs-came = Accepted
jobs-started = Started on the device
jobs-took = { $time } on the device
jobs-booked = Stored and booked
jobs-answered = Answer delivered
