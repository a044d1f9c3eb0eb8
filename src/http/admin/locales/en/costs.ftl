costs-title = Costs, { $span }
costs-year = { $year }
costs-months = Months
costs-years = Years
costs-this-month = This month
costs-empty = No pictures were painted in this time.

# Whether the books can still change.
costs-to-come = To come
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
costs-images = Pictures
costs-of-them-undelivered = { $count } undelivered
costs-per-image = Cost of a picture
costs-total = Total
costs-saved = Saved
costs-lost = Lost
costs-by-standard-cost = Saved, by standard cost
costs-of-what = { $figure }, { $what }
costs-like-for-like = like for like
costs-premium = premium service
costs-unpriced = The price book has no price there for these pictures.
costs-energy-plug = Energy at the plug
costs-measured = measured
costs-estimated = estimated
costs-partly-measured = { $part } measured
costs-payback = Paid back
costs-paid-back = the hardware is paid for
costs-pays-back-on = in full on { $day }, at this pace
costs-pays-back-too-late = never: worn out before { $day }
costs-pays-back-never = never, at this pace

# Charts.
costs-by-day = Cost by day
costs-by-month = Cost by month
costs-every-day = Every day in figures
costs-every-month = Every month in figures
costs-dearest = The highest: { $step }, { $total }.
costs-day = Day
costs-month = Month
costs-electricity = Electricity
costs-depreciation = Depreciation
costs-upkeep = Upkeep
costs-idle-and-failed = Idle hours and failed work
costs-elsewhere = Price elsewhere
costs-here = Cost here
costs-savings = Saved so far, against what the hardware cost
costs-savings-how = What the pictures would have cost elsewhere, less electricity and upkeep. Where a line meets the dashed one, the hardware has paid for itself.
costs-savings-none = No hardware had been bought yet, or no price elsewhere is known.
costs-savings-table = These figures as a table
costs-up-to-day = Up to
costs-paid-for-hardware = paid for the hardware: { $amount }
costs-by-key = By key
costs-by-tag = By tag
costs-by-size = By size
costs-by-quality = By quality
costs-by-model = By model
costs-group = Name
costs-every-group = All of them in figures
costs-others = { $count ->
    [one] { $count } other
   *[other] { $count } others
}
costs-no-tag = no tag
costs-not-noted = not noted
costs-tag-how = Clients tag their requests by the header X-Cost-Tag or the field user.

# The account of the whole month.
costs-whole-month = From the pictures to the whole month
costs-whole-year = From the pictures to the whole year
costs-standard = Standard cost
costs-failed = Failed work
costs-idle = Idle hours, warm-up, gaps
costs-unused-wear = Unused depreciation
costs-unused-upkeep = Unused upkeep
costs-loaded = All in
costs-disposal = Gain on parts sold
costs-disposal-loss = Loss on parts sold
costs-each = Each
costs-energy-short = Energy
costs-a-picture-costs = What a picture costs
costs-marginal = Marginal
costs-everything = everything of this time
costs-break-even = Break-even, pictures
costs-break-even-never = never
costs-energy = Energy
costs-energy-device = Device, for pictures
costs-energy-idle = Device, idle
costs-energy-warm-up = Device, warming up
costs-energy-gaps = Device, while no server ran
costs-services = The same pictures elsewhere
costs-services-how = List prices of each day. What loses money is shown as a loss.
costs-service = Service
costs-saved-part = Of the price
costs-price-read = Price read on
costs-price-ends = Its price ends on { $day }. Add the next one to the price book, or compare with another service.
costs-price-ended = No price since { $day }. Add one to the price book, or compare with another service.
costs-price-not-begun = No price until { $day }.
costs-price-no-rate = No exchange rate from { $currency } holds today. Add an [[exchange_rate]] to the configuration.
costs-price-out-of-range = Its price in the ledger’s currency is out of range. Check the price and the exchange rate.
costs-unpriced-days = { $images } pictures from { $first } to { $last } have no price there and are left out.
costs-whole-plans = { $plans ->
    [one] As { $plans } whole monthly plan: { $price }; saved { $saving }.
   *[other] As { $plans } whole monthly plans: { $price }; saved { $saving }.
}

# How each figure is made.
costs-how-images = Pictures that were painted and settled, less those of earlier months that were taken back. { $undelivered } of them were painted for a client that had gone: they cost the same.
costs-how-each = { $what }: { $sum } ÷ { $images } pictures = { $each }, rounded up.
costs-how-total = Electricity { $electricity } + depreciation { $depreciation } + upkeep { $upkeep } = { $total }.
costs-how-loaded = Images { $standard } + failed work { $failed } + idle hours, warm-up and gaps { $idle } + unused depreciation { $wear } + unused upkeep { $upkeep } − gain on parts sold { $disposal } = { $total }.
costs-how-electricity = { $plug } at the plug ({ $device } of it in the device), each picture at the tariff of its hour: { $total }.
costs-how-depreciation = What the pictures were charged of the wear of the hardware: { $charged }. In this time it wore by { $whole }, used or not.
costs-how-upkeep = What the pictures were charged of repairs, network and space: { $charged }. In this time these came to { $whole }.
costs-how-unused = { $what } of this time { $whole } − charged to pictures { $charged } = { $unused }. Negative where more was painted than usual.
costs-how-energy = Device { $device }; with the machine around it and the losses of the power supply { $plug } at the plug. Of the device: metered by its counter { $metered }, added up from its power { $integrated }, estimated from configured watts { $estimated }.
costs-how-saved = Price elsewhere { $price } for { $images } images − their standard cost { $total } = { $saving }.
costs-how-saved-all-in = Price elsewhere { $price } for { $images } images − everything that was spent on them, used or not, { $total } = { $saving }.
costs-how-price-read = Price read on { $day }: { $source }.
costs-how-payback = (Price elsewhere { $price } − electricity { $electricity } − upkeep { $upkeep }) = { $saved }, of { $investment } paid for the hardware: { $part }. Counted in money paid since { $since }, so without depreciation.
costs-how-pace = The pace: { $saved } in the last { $days } days.
costs-how-failed = Electricity of work that gave no image, and of images that were taken back. It is not in the standard cost.
costs-how-idle = Electricity at the plug while the device waited, warmed up, or ran without this server.
costs-how-idle-energy = What the device drew while it was on and did not paint.
costs-how-warm-up = What the device drew for the pictures that warm it up.
costs-how-gaps = What the device's counter went on by while this server did not run.
costs-how-break-even = Fixed cost of the whole month or year at today’s pace ÷ (price elsewhere − what an image adds). An image costs { $there } elsewhere.
costs-at-pace = { $images } at this pace, after { $days } of { $of } days
costs-how-break-even-never = A picture adds more here than it costs elsewhere: no number of them breaks even.

costs-files = As files
costs-csv = CSV
costs-focus = FOCUS 1.4
costs-print-note = Printed, this page is a statement.
costs-example-hardware = Depreciation is an example’s (an RTX 4090 workstation). Put your own hardware, tariff and watts into `tintype.toml`; `config/tintype.toml` lists every key.
