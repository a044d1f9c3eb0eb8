# /admin/settings
settings-lead = What costs are counted with. Each value is stored in the ledger with its date, and earlier days keep what they had. What `tintype.toml` or a variable states comes first; the page says where that is so.
settings-saved = Saved
settings-example-tag = Example
settings-save = Save
settings-stated = Set by `{ $key }` in the configuration. Change it there, or take it out to set it here.
settings-stated-until = `{ $key }` in the configuration counts until the first part below is bought.
settings-by-key = set by { $key } in the configuration
settings-by-default = the example’s
settings-by = by { $actor }
settings-from = from { $day }
settings-document = Document (optional)
settings-valid-from = From

# The example month.
settings-example = An example month
settings-images-measured = { $images } images, as in the last 30 days.
settings-images-example = { $images } images, an example until two weeks have been measured.
settings-each-measured = Each takes { $time } and { $energy } of the device, the mean of the last 30 days.
settings-each-example = Each takes { $time } and { $energy } of the device: nothing has been measured yet.
settings-now = Now
settings-then = With this change
settings-month-total = All-in cost of the month
settings-all-in-each = All-in cost per image
settings-standard-each = Standard cost per image
settings-elsewhere-each = List price elsewhere
settings-saving-each = All-in saving per image
settings-compared-note = Compared with { $sku } at 1024×1024.
settings-without-idle = Without the electricity of idle hours.
settings-holds-from = With this change: the 30 days from { $day } on.

# Machine.
settings-machine = Machine
settings-hardware-configured = { $name }, { $price }. It counts until the first part is bought.
settings-part = Part
settings-bought = Bought on
settings-price = Price
settings-residual = Resale value
settings-residual-hint = What it will be sold for.
settings-sold-for = resale { $residual }
settings-life = Wears out by
settings-by-years = years
settings-by-images = images
settings-life-images = { $images } images
settings-life-years = { $years ->
    [one] { $years } year at { $percent }% use
   *[other] { $years } years at { $percent }% use
}
settings-years = Years
settings-years-hint = How long it will serve.
settings-utilisation = Usual use, %
settings-utilisation-hint = Of all hours, those in which it generates.
settings-images = Images in its life
settings-images-hint = After these it is worth its resale value.
settings-share = Share for Tintype, %
settings-add-part = Add a part
settings-undo = Undo
settings-retired = out of service since { $day }
settings-preset = Fill in: { $name }
settings-cards = Power and launch price of common graphics cards
settings-cards-how = What each draws at most. A card is measured while it works; this counts where it is not, as `energy.device_watts` in tintype.toml. Its name goes into the form, and its launch price if the ledger is kept in that currency: what NVIDIA named before tax. Change it to what you paid.
settings-card-launch = launched at { $price }
settings-card-read = read on { $day }
settings-preset-source = The figures are those of config/scenarios/rtx4090-2026.toml, an article of January 2026: one card of { $watts } W, and the machine around it. Change them to what you paid.

# Electricity.
settings-electricity = Electricity
settings-per-kwh = Price per kWh
settings-per-kwh-hint = With all taxes and fees.
settings-by-hours = Other prices at some hours
settings-hours = Hours
settings-hours-hint = Such as 22:00-06:00.
settings-price-then = Price per kWh then
settings-spot = { $count ->
    [one] { $count } price by the hour, until { $until }
   *[other] { $count } prices by the hour, until { $until }
}
settings-csv-title = Prices by the hour from a CSV file
settings-csv = Lines of the file
settings-csv-hint = A line of names, then in each line a time and a price.
settings-csv-file = Choose a file
settings-csv-per = Prices are for
settings-csv-add = Added to each price, per kWh
settings-csv-add-hint = Grid, fees and taxes.

# Power.
settings-power = Power
settings-device = The device draws { $watts } W while it generates, unless its counter is read. `energy.device_watts` sets it, and `tintype calibrate` measures it.
settings-host-watts = Rest of the machine, W
settings-host-watts-hint = While it generates; 0 if the device’s watts include it.
settings-wall-factor = Wall factor, %
settings-wall-factor-hint = 110: the wall delivers 110 W for 100 W used.

# Everything else.
settings-upkeep = Rent, network, repairs
settings-add-line = Add a cost
settings-line-name = What it is
settings-line-hint = Such as rent, network, insurance.
settings-amount = Amount
settings-per = Paid
settings-per-month = a month
settings-per-year = a year
settings-per-image = per image
settings-per-hour = an hour
settings-once = once
settings-end = End today

# Comparison.
settings-comparison = Comparison
settings-compared-with = Images are compared with
settings-service = Service, and its list price of a 1024×1024 image today
settings-mix = { $count ->
    [one] `costs.mix` in the configuration compares some images with another service: { $count } rule.
   *[other] `costs.mix` in the configuration compares some images with other services: { $count } rules.
}

# Exchange rates.
settings-rates = Exchange rates
settings-currency = Currency
settings-rate = One unit costs
settings-rate-hint = In the ledger’s currency.
settings-ledger-currency = The ledger is kept in { $currency }.

# What the configuration alone sets.
settings-configured = In the configuration
settings-configured-how = A server reads these from `tintype.toml` at its start. `tintype setup` writes the file, and `config/tintype.toml` lists every key.
settings-zone = Time zone
settings-address = Public address
settings-device-watts = Device, generating

# What cannot be saved.
settings-problem-part = There is no form called “{ $detail }”.
settings-problem-id = There is no such row. Reload the page.
settings-problem-name = Write a name.
settings-problem-text = Write at most 500 characters, without line breaks or control characters.
settings-problem-amount = Write an amount such as 0.28.
settings-problem-whole = Write a whole number.
settings-problem-percent = Write a percentage from 1 to 100.
settings-problem-years = Write a number of years from 1 to 100.
settings-problem-residual = The resale value is at most the price.
settings-problem-day = Write a day as 2027-01-15.
settings-problem-past = This day has passed, and keeps what it was counted with. Write today or a later day.
settings-problem-closed = This day is in a month that is closed.
settings-problem-hours = Write hours as 22:00-06:00.
settings-problem-overlap = Two rows hold at the same hours. Let them not overlap.
settings-problem-csv = The lines cannot be read. ({ $detail })
settings-problem-wall-factor = Write a percentage from 100 to 1000.
settings-problem-currency = Write another currency’s code, such as USD.
settings-problem-sku = The price book has no such service.
settings-problem-stated = Set by { $detail } in the configuration. Change it there, or take it out.
