costs-title = Costs, { $span }
costs-year = { $year }
costs-months = Months
costs-years = Years
costs-other-dates = Other dates
costs-dates-days = Days
costs-this-month = This month
costs-empty = No images were generated in this period.

# Whether the books can still change.
costs-to-come = Not started
costs-running = Running
costs-open = Not closed yet
costs-closed = Closed
costs-up-to = Up to { $day }.
costs-books-begin = The books begin on { $day }.
costs-closed-on = { $rows ->
    [one] Closed on { $day }, with { $rows } entry.
   *[other] Closed on { $day }, with { $rows } entries.
}
costs-seal = Seal

# The top line.
costs-images = Images
costs-of-them-undelivered = { $count } undelivered
costs-per-image = Standard cost per image
costs-total = Total standard cost
costs-saved = Saved
costs-lost = Lost
costs-by-standard-cost = Saved, by standard cost
costs-of-what = { $figure }, { $what }
costs-like-for-like = like for like
costs-premium = premium service
costs-unpriced = The price book has no price elsewhere for these images.
costs-energy-plug = Energy at the plug
costs-measured = measured
costs-estimated = estimated
costs-partly-measured = { $part } measured
costs-payback = Paid back
costs-paid-back = the hardware is paid for
costs-pays-back-on = fully paid back on { $day } at this pace
costs-pays-back-too-late = Won’t pay back: at this pace not before { $day }, after the hardware is worn out
costs-pays-back-early = { $days ->
    [one] Too early to tell, after { $days } day
   *[other] Too early to tell, after { $days } days
}
costs-pays-back-not-in-ten-years = Won’t pay back within ten years at this pace
costs-pays-back-never = Won’t pay back at this pace

# Charts.
costs-by-day = Cost by day
costs-by-month = Cost by month
costs-every-day = Every day as a table
costs-every-month = Every month as a table
costs-dearest = Highest: { $step }, { $total }.
costs-day = Day
costs-month = Month
costs-electricity = Electricity
costs-depreciation = Depreciation
costs-upkeep = Upkeep
costs-idle-and-failed = Idle time and failed jobs
costs-elsewhere = List price elsewhere
costs-savings = Savings so far, and the price of the hardware
costs-savings-how = The list price of the images elsewhere, minus electricity and upkeep. The hardware has paid for itself where a line crosses the dashed line.
costs-savings-none = No hardware had been bought yet, or no list price elsewhere is known.
costs-savings-table = These figures as a table
costs-up-to-day = Up to
costs-paid-for-hardware = price of the hardware: { $amount }
costs-by-key = By key
costs-by-tag = By tag
costs-by-size = By size
costs-by-quality = By quality
costs-by-model = By model
costs-by-lora = By LoRA
costs-no-lora = No LoRA
costs-group = Name
costs-every-group = All groups as a table
costs-others = { $count ->
    [one] { $count } other
   *[other] { $count } others
}
costs-no-tag = no tag
costs-not-noted = not recorded
costs-tag-how = Clients tag their requests with the header X-Cost-Tag or the field user.

# The account of the whole month.
costs-whole-month = From the images to the whole month
costs-whole-year = From the images to the whole year
costs-whole-days = From the images to all of these days
costs-standard = Standard cost
costs-failed = Failed jobs
costs-idle = Idle time, warm-up, downtime
costs-unused-wear = Unused depreciation
costs-unused-upkeep = Unused upkeep
costs-loaded = All-in cost
costs-disposal = Gain on parts sold
costs-disposal-loss = Loss on parts sold
costs-overflow = Bought elsewhere
costs-overflow-images = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
costs-overflow-doubtful = { $count } in doubt
costs-overflow-lost = { $count } paid for, and never came
costs-overflow-all = Every purchase
costs-overflow-group = bought: { $count }, { $paid }
costs-overflow-paid = All-in cost and what was bought
costs-overflow-another = Another device like this one would have saved
costs-overflow-how = Images that were bought because the queue was too long or no device was left. They are not in the figures above: neither in the all-in cost nor in the saving. In doubt: perhaps paid for, but no usable image came. What another device would have saved is the price less what the same images cost here in electricity, by the measured pace; the device's own price is not in it.
costs-adjustments = Adjustments of closed days
costs-adjustment-of = { $first } to { $last }, recorded by { $actor }
costs-how-adjustments = Parts, costs and sales of closed months that were recorded later. Closed months stay as they were, so the difference is counted in the month in which it was recorded.
costs-each = Each
costs-energy-short = Energy
costs-per-image-title = What an image costs
costs-marginal = Marginal cost
costs-everything = Everything of this period
costs-break-even = Break-even, images
costs-break-even-never = never
costs-energy = Energy
costs-energy-device = Device, images
costs-energy-idle = Device, idle
costs-energy-warm-up = Device, warm-up
costs-carbon = CO₂e, all energy
costs-how-carbon = All energy at the plug, images and the rest, times the grams per kWh that were recorded when it was booked.
costs-energy-gaps = Device, while the server was down
costs-services = The same images elsewhere
costs-services-how = At the list prices of each day. Losses are shown as losses.
costs-service = Service
costs-saved-part = Saving, %
costs-price-read = Price as of
costs-price-ends = Its price ends on { $day }. Add the next one to the price book, or compare with another service.
costs-price-ended = No price since { $day }. Add one to the price book, or compare with another service.
costs-price-not-begun = No price until { $day }.
costs-price-no-rate = No exchange rate from { $currency } holds today. Add an exchange_rate to the configuration.
costs-price-out-of-range = Its price in the ledger’s currency is out of range. Check the price and the exchange rate.
costs-unpriced-days = { $images } images from { $first } to { $last } have no list price there and are left out.
costs-whole-plans = { $plans ->
    [one] With { $plans } monthly plan: { $price }; saving { $saving }.
   *[other] With { $plans } monthly plans: { $price }; saving { $saving }.
}

# How each figure is made.
costs-how-images = Images that were generated and booked, minus images of earlier months that were reversed. { $undelivered } of them were generated for a client that had disconnected; they cost the same.
costs-how-each = { $what }: { $sum } ÷ { $images } images = { $each }, rounded up.
costs-how-total = Electricity { $electricity } + depreciation { $depreciation } + upkeep { $upkeep } = { $total }.
costs-how-loaded = Images { $standard } + failed jobs { $failed } + idle time, warm-up and downtime { $idle } + unused depreciation { $wear } + unused upkeep { $upkeep } − gain on parts sold { $disposal } + adjustments of closed days { $adjustments } = { $total }.
costs-how-electricity = { $plug } at the plug ({ $device } of it in the device), each image at the tariff of its hour: { $total }.
costs-how-depreciation = Depreciation charged to the images: { $charged }. The hardware lost { $whole } of its value in this period, used or not.
costs-how-upkeep = Repairs, network and space charged to the images: { $charged }. They came to { $whole } in this period.
costs-how-unused = { $what } of this period { $whole } − charged to images { $charged } = { $unused }. Negative if more images than usual were generated.
costs-how-energy = Device { $device }; with the rest of the machine and the losses of the power supply, { $plug } at the plug. Of the device’s energy: read from its counter { $metered }, summed from its power { $integrated }, estimated from configured watts { $estimated }.
costs-how-saved = List price elsewhere { $price } for { $images } images − their standard cost { $total } = { $saving }.
costs-how-saved-all-in = List price elsewhere { $price } for { $images } images − their all-in cost { $total } = { $saving }.
costs-how-price-read = Price as of { $day }: { $source }.
costs-how-payback = (List price elsewhere { $price } − electricity { $electricity } − upkeep { $upkeep }) = { $saved }, of { $investment } paid for the hardware: { $part }. Counts what was paid since { $since }, so depreciation is left out.
costs-how-pace = Pace: { $saved } in the last { $days } days.
costs-how-failed = Electricity of jobs that gave no image, and of images that were reversed. It is not part of the standard cost.
costs-how-idle = Electricity at the plug while the device waited, warmed up, or ran without this server.
costs-how-idle-energy = Energy of the device while it was on and generated nothing.
costs-how-warm-up = Energy of the device for its warm-up images.
costs-how-gaps = What the device’s counter added while this server was down.
costs-how-break-even = Fixed cost of the whole month or year at today’s pace ÷ (list price elsewhere − marginal cost). An image costs { $there } elsewhere.
costs-at-pace = { $images } at this pace, after { $days } of { $of } days
costs-how-break-even-never = The marginal cost of an image is above its list price elsewhere, so no number of images breaks even.

# Closing a month.
costs-close = Close this month
costs-close-title = Close { $month }
costs-close-how = A closed month is shown like this for good. Parts, rents and sales that you record later become adjustments of the open month. Keep the seal where users of this machine can't reach it: print it, or mail it.
costs-close-sealed = What will be sealed
costs-close-controls = Whether the books hold
costs-close-sure = I have looked at these figures. This can't be undone.
costs-close-now = Close the month
costs-close-not-now = Not now
costs-close-settling = { $month } has just ended, and machines that share the ledger may still book in it. Close it from { $day }, { $time } on.
costs-close-running = { $month } has not ended. Close it after { $day }.
costs-close-open = { $count ->
    [one] One request of the month is still open. Wait for it, or restart the server.
   *[other] { $count } requests of the month are still open. Wait for them, or restart the server.
}
costs-close-closed = { $month } is closed already, and months before it can't be closed any more.
costs-close-earlier = { $month } has entries and isn't closed. Close it first.
costs-close-shifted = The month doesn't begin where { $month } ended, because another time zone counts its days.
costs-control-holds = holds
costs-control-breaks = { $count ->
    [one] broken, { $count } place; see tintype audit
   *[other] broken, { $count } places; see tintype audit
}
costs-control-closed = Closed months are as they were closed
costs-control-statements = Statements of closed months are the sums of their entries
costs-control-entries = Entries follow from the prices stored with them
costs-control-idle = Idle energy follows from the prices stored with it
costs-control-requests = Settled requests have the images they asked for
costs-control-kept-images = Kept images are of requests that asked for them
costs-control-answers = Answers that clients got are of settled requests
costs-control-parts = Parts have lost what the months say
costs-control-meters = Booked energy is near what meters counted

# What a month was counted with.
costs-terms = What this month was counted with
costs-terms-how = Each value holds from its date on. Change one on the Settings page, in tintype.toml, or with tintype terms set; earlier days keep what they had.
costs-term-electricity = Electricity, per kWh
costs-term-spot = Electricity by the hour, per kWh
costs-term-spot-prices = { $count ->
    [one] { $count } price, until { $until }
   *[other] { $count } prices, until { $until }
}
costs-term-exchange-rate = 1 { $currency }
costs-term-host-watts = Rest of the machine, generating
costs-term-wall-factor = Wall factor
costs-term-device-watts = Device, generating
costs-term-idle-watts = Device, idle
costs-term-compare-with = Compared with
costs-term-compare-mix = Some images compared with
costs-term-no-mix = nothing else
costs-term-carbon = CO₂e per kWh, location-based
costs-term-time-zone = Time zone
costs-term-shared-by = Idle and unused cost, shared by
costs-term-mark-up = Mark-up
costs-share-device-time = device time
costs-share-standard-cost = standard cost
costs-share-images = images
costs-share-equally = cost centre, equally
costs-share-nobody = nobody: it stays with the operator
costs-term-usual = usual for its kind
costs-term-not-booked = not booked
costs-term-always = always
costs-term-from = from { $moment }
costs-term-by = recorded by { $actor }
costs-term-by-configuration = from the configuration
costs-term-by-command-line = recorded on the command line

costs-files = Download
costs-csv = CSV
costs-focus = FOCUS 1.4
costs-centres = Cost centres
costs-print-note = Print this page for a statement.

# The headline and the tabs.
costs-all-in-month = All-in cost of the month
costs-all-in-year = All-in cost of the year
costs-all-in-days = All-in cost of these days
costs-all-in-each = All-in cost per image now
costs-images-count = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
costs-used-title = What was used of it
costs-used = Used by images
costs-unused = Unused depreciation and upkeep
costs-part-of = { $name } { $amount } ({ $part })
costs-tabs = Parts of this page
costs-tab-overview = Overview
costs-tab-breakdown = Breakdown
costs-tab-comparison = Comparison
costs-tab-books = Books
costs-step-mark = { $step }: { $total }, { $images ->
    [one] { $images } image
   *[other] { $images } images
}
costs-span = { $from } to { $to }
costs-from = From month
costs-to = To month
costs-show = Show
costs-days = Other days
costs-earlier = Earlier
costs-later = Later
costs-from-day = From day
costs-to-day = To day
costs-show-days = Show
costs-jobs-of-day = Jobs of this day
costs-only = Only
costs-only-not = Show all
costs-only-how = Of these images only: their standard cost. What else was spent belongs to no image.
costs-issued = Statement issued by { $operator } on { $day }. All amounts in { $currency }.
costs-budgets = Budgets
costs-budgets-how = How far they are used up now, whatever the month above.
costs-budgets-all = All keys together
costs-no-budgets = There are no budgets. A key’s budgets are set on its page; those of all keys together in tintype.toml, under budgets.
