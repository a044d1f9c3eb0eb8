# /admin/jobs
jobs-live = Updated every 2 seconds.
jobs-paused = Paused: nobody has touched this page for 10 minutes.
jobs-lost = The server does not answer.
jobs-refresh = Refresh
jobs-open = In the queue and on the device
jobs-none-open = Nothing is being painted, and nothing waits.
jobs-key = Key
jobs-asked = Asked for
jobs-stage = State
jobs-since = Open for
jobs-cancel = Cancel
jobs-cancel-whose = Cancel the job of { $key }
jobs-look = The picture on its way
jobs-pictures = { $count ->
    [one] { $count } picture
   *[other] { $count } pictures
}
jobs-steps = { $count ->
    [one] { $count } step
   *[other] { $count } steps
}
jobs-stream = streamed
jobs-waiting = waiting
jobs-position = number { $position }
jobs-wait = begins within { $span }
jobs-painting = painting
jobs-progress = step { $done } of { $all }
jobs-finishing = finishing
jobs-stopping = stopping
jobs-seconds = { $seconds } s
jobs-minutes = { $minutes } min { $seconds } s

jobs-ended = Ended
jobs-none-ended = No job has ended yet.
jobs-kept = Picture
jobs-time = Time
jobs-energy = At the plug
jobs-energy-device = device { $energy }
jobs-cost = Cost
jobs-state = State
jobs-seed = seed { $seed }
jobs-picture = Kept picture
jobs-not-kept = not kept
jobs-delivered = delivered
jobs-undelivered = undelivered
jobs-failed = failed
jobs-abandoned = abandoned
jobs-states-how = Undelivered: painted and booked, but the client had gone. Failed: no picture, cancelled jobs included; the electricity used is booked. Abandoned: still open when the server last died.
jobs-older = Older
jobs-newest = Newest
