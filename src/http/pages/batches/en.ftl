# /admin/batches
batches-open = Waiting and in work
batches-none-open = No batch is waiting or in work.
batches-ended = Ended
batches-none-ended = No batch has ended yet.
batches-validating = being checked
batches-in-progress = in progress
batches-finalizing = finishing
batches-cancelling = being cancelled
batches-completed = completed
batches-failed = refused
batches-expired = window ended
batches-cancelled = cancelled
batches-progress = { $done } of { $total } requests
batches-failed-lines = { $count } failed
batches-plan = Plan
batches-plan-saves = saves { $amount } compared with starting now
batches-cost = Cost so far
batches-images = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
batches-saved = { $amount } saved by waiting
batches-window = Must end by
batches-files = Files
batches-input = requests
batches-output = answers
batches-errors = errors
batches-refused = Reason
batches-cancel-whose = Cancel the batch of { $key }
batches-cancel-ask = Cancel the batch of { $key }? Images in work stop; what is done is kept.
batches-why-asked = It starts at the requested time.
batches-why-flat-price = Electricity costs the same all the time, so it runs right away.
batches-why-cheapest-now = No later hour is cheaper, so it runs right away.
batches-why-cheaper-later = It waits for cheaper hours that leave enough time.
batches-why-no-time = There is no time to wait for cheaper hours, so it runs right away.
batches-why-misses-window = At the pace so far, it will not finish in its window. What is done by then is kept.
