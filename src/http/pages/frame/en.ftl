# What stands around every page.
skip = Skip to the content
nav-label = Pages
nav-costs = Costs
nav-roi = Worth it?
nav-keys = Keys
nav-jobs = Jobs
nav-gallery = Gallery
nav-own-gallery = My images
nav-batches = Batches
nav-webhooks = Webhooks
nav-settings = Settings
nav-playground = Playground
nav-reference = API
nav-sign-in = Sign in
nav-sessions = Sessions
menu = Appearance and account
theme = Appearance
theme-system = System
theme-light = Light
theme-dark = Dark
sign-out = Sign out
examples-both = Example figures: costs are counted with an example’s hardware and price of electricity.
examples-hardware = Example figures: costs are counted with an example’s hardware.
examples-electricity = Example figures: costs are counted with an example’s price of electricity.
examples-enter = Enter your own
footer = Tintype: images on your own hardware, with the true cost of each.
how-heading = How this figure is calculated

# How fresh a list is.
live-on = Updates every 2 seconds.
live-paused = Paused after 10 minutes without activity.
live-lost = The server does not answer.
live-refresh = Refresh

# How much care an image is given.
quality-low = Low
quality-medium = Medium
quality-high = High
quality-xhigh = Very high
quality-max = Highest

# A refusal as a page.
error-forbidden = Not allowed
error-not-found = Not found
error-too-many = Too many requests
error-server = Something went wrong
error-conflict = Nothing was changed
error-request = That did not work
error-back = Back to { $place }
error-status = Status { $status }
refusal-form-forged = This form is too old, or another site made it. Go back, reload the page, and try again.
refusal-scope = The key that you signed in with lacks the scope for this: reading reports needs costs, changing anything needs admin.
refusal-disk-full = The server’s disk is full, so nothing can be written. Free some space on it.
refusal-internal = The server could not answer. Its log says why.
refusal-unreadable = The server cannot read something in the address or in the form. Go back and correct it.
refusal-no-job = There is no open job with this id. It may have ended.
refusal-no-batch = There is no batch with this id.
refusal-no-file = This file is no longer kept.
refusal-batch-over = This batch has ended, so it cannot be cancelled.
refusal-no-endpoint = There is no endpoint with this id. It may have been removed.
refusal-no-key = There is no key with this id.
refusal-key-revoked = This key is revoked for good and cannot be changed. Create another key in its place.
refusal-key-disabled = This key is already disabled.
refusal-key-enabled = This key is already enabled.
refusal-last-admin = This is the last active key with the admin scope, so a page does not take the scope away. Give another key the admin scope first, or use `tintype key` on the server.
refusal-no-image = This image is no longer kept.
refusal-no-page = There is no page at this address.
refusal-method = This address does not accept such a request.
refusal-rate = This key sends requests too often. Wait a moment, then try again.
refusal-too-slow = The form did not arrive in time. Send it again.
refusal-before = `before` must be an id, as in the link to older entries.
refusal-by = `by` must be key, tag, model, size, quality or day.
refusal-format = `format` must be focus, with a whole month. Leave it out for the statement.
refusal-month = Write a month as 2026-11.
refusal-span = Write months as 2026-09 and 2026-11, the earlier one first, without `month` and `by`.
refusal-year = Write a year as 2026, without `month` and `by`.
refusal-parameter = `{ $name }` has an invalid value. Go back and correct it.
