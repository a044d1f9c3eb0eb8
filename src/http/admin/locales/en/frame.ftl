# What stands around every page.
skip = Skip to the content
nav-label = Pages
nav-costs = Costs
nav-roi = Worth it?
nav-keys = Keys
nav-jobs = Jobs
nav-playground = Playground
nav-sessions = Sessions
menu = Colours and session
theme = Colours
theme-system = System
theme-light = Light
theme-dark = Dark
sign-out = Sign out
footer = Tintype: pictures on your own hardware, with what each one cost.
how-heading = How this figure is made

# How much care a picture is given.
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
refusal-form-forged = This form is too old, or was not made by this server. Go back, load the page again, and repeat what you did.
refusal-scope = The key that you signed in with may not do this. Sign in with one that has the admin scope.
refusal-disk-full = The server’s disk is full, so nothing can be written. Make room on it.
refusal-internal = The server could not answer. Its log says why.
refusal-unreadable = Something in the address or in the form cannot be read. Go back and correct it.
refusal-no-job = No such job is open. It may have ended.
refusal-no-key = No key has this id.
refusal-key-revoked = This key is revoked, for good, so nothing about it changes any more. Make another one in its place.
refusal-key-disabled = This key is disabled already.
refusal-key-enabled = This key is enabled already.
refusal-no-picture = This picture is not kept any more.
refusal-no-page = There is no page at this address.
refusal-method = This address does not take such a request.
refusal-rate = This key asks too often. Wait a moment, then try again.
refusal-too-slow = The form did not arrive in time. Send it again.
refusal-before = `before` is the id of a request, as in the link to older jobs.
refusal-by = `by` is key, tag, model, size, quality or day.
refusal-format = `format` is focus, with a whole month. Leave it out for the statement.
refusal-month = A month is written as 2026-11.
refusal-year = A year is written as 2026, without `month` and `by`.
refusal-parameter = `{ $name }` has a value that cannot be used. Go back and correct it.
