roi-title = Worth it?
roi-lead = Is buying your own GPU worth it? Change any number to see break-even and payback.
roi-begins = Starts from { $scenario }. Amounts in { $currency }.
roi-presets = Start from
roi-preset-own = Your hardware
roi-preset-article = Example: RTX 4090 (January 2026)
roi-group-use = What you need
roi-group-hardware = The hardware
roi-group-running = Running costs
roi-price = Price of the hardware
roi-residual = Resale value at the end
roi-share = Share used for images, %
roi-lifetime = Images in its lifetime
roi-watts = Watts while generating
roi-seconds = Seconds per image
roi-price-per-kwh = Price per kWh
roi-upkeep-per-image = Upkeep per image
roi-running-costs = Actual bills per year (optional)
roi-images = Images a month
roi-compared-price = Price per image elsewhere
roi-years = Years
roi-work-out = Calculate

roi-standard-each = Standard cost per image
roi-fully-loaded = All-in cost per image
roi-capacity = Maximum images a month
roi-hardware = Hardware
roi-no-like-for-like = No like-for-like comparison: the configured service has no price or no exchange rate today.
roi-what-you-pay = What you pay now
roi-against = Compared with { $name }:
roi-against-like-for-like = Compared with { $name } (same weights, hosted):
roi-like-for-like = same weights, hosted
roi-prices = Compared with each price
roi-where = Service
roi-price-there = List price
roi-saved = Saving per image
roi-saved-part = Saving, %
roi-saved-loaded = Saving at all-in cost
roi-lost = Lost
roi-months = { $count } months
roi-years-long = { $count } years
roi-pays-back = Pays back in { $span }.
roi-pays-back-not-in-ten-years = Won’t pay back within ten years: it would take { $span }.
roi-pays-back-too-late = Won’t pay back: it would take { $span }, and the hardware is worn out after { $life }.
roi-never-pays-back = Won’t pay back at this volume.
roi-worth-from = { $count ->
    [one] Worth it from { $count } image a month.
   *[other] Worth it from { $count } images a month.
}
roi-worth-beyond = { $count ->
    [one] Not worth it, not even at its maximum of { $count } image a month.
   *[other] Not worth it, not even at its maximum of { $count } images a month.
}
roi-worth-never = Not worth it at any volume.

roi-overflow = Overflow, the last { $days } days
roi-overflow-images = Images bought
roi-overflow-paid = Paid
roi-overflow-paid-how = including what is in doubt and what never came
roi-overflow-here = The same images here
roi-overflow-here-how = marginal cost, as measured
roi-overflow-card = One more card
roi-overflow-of-card = what one more { $card } loses in this time
roi-overflow-cheaper = Buying was cheaper by
roi-overflow-another-saves = Another card would have saved
roi-rentals = Renting by the hour instead
roi-rental = Device
roi-rental-hour = An hour
roi-rental-image = An image
roi-rental-month = A month, rented
roi-owned-month = A month, owned
roi-renting-cheaper = Renting is cheaper by { $amount } a month.
roi-owning-cheaper = Owning is cheaper by { $amount } a month.
roi-owning-from = { $count ->
    [one] Owning is worth it from { $count } image a month.
   *[other] Owning is worth it from { $count } images a month.
}
roi-owning-never = Owning is not worth it at any volume.
roi-rental-least = { $count ->
    [one] At least { $count } hour a month is paid.
   *[other] At least { $count } hours a month are paid.
}

roi-curve = Cost per image, by images a month
roi-curve-how = Bills and depreciation of a year. Hardware that is rarely used counts as worn out after the years you chose. Where the curve falls below a price, your own hardware is cheaper. The dot is your volume.
roi-curve-here = your hardware
roi-curve-present = At { $images } images a month, an image costs { $cost }.
roi-curve-table = The curve as a table

roi-one-image = One image
roi-electricity = Electricity
roi-depreciation = Depreciation
roi-without-residual = Depreciation with no resale value
roi-upkeep = Upkeep
roi-standard = Standard cost

roi-one-year = { $count ->
    [one] One year: { $count } image
   *[other] One year: { $count } images
}
roi-idle = Idle time
roi-other = Other bills
roi-total = Total

roi-years-against = Year by year, compared with { $name }
roi-year = Year
roi-running = Running costs
roi-elsewhere = Cost elsewhere
roi-saved-in-all = Saved in total

roi-how = How?
roi-how-standard = Electricity { $electricity } + depreciation { $depreciation } + upkeep { $upkeep } = { $standard }.
roi-how-loaded = Total cost of a year { $total } ÷ { $images } images = { $each }, rounded up.
roi-how-capacity = Seconds of a month ÷ seconds per image.
roi-how-hardware = The share used for images: { $price } paid, expected resale value { $residual }. Depreciation counts the difference; payback counts the price paid.
roi-how-saved = List price { $price } − standard cost { $here } = { $saving } per image.
roi-how-payback = Hardware { $hardware } ÷ saving of a year (elsewhere { $elsewhere } − bills { $running } = { $saved }) × 12 months.
roi-how-electricity = (device + machine) × seconds × power supply losses = { $energy } at the plug, × price per kWh.
roi-how-depreciation = (price − resale value) × share ÷ images in its lifetime.
roi-how-without-residual = Price × share ÷ images in its lifetime.
roi-how-upkeep = As entered: repairs, network, space.
roi-how-times = { $each } × { $images } images.
roi-how-idle = Electricity of the hours in which it is on and generates nothing.
roi-how-other = The part of a year’s bills beyond electricity and upkeep.
roi-how-year-depreciation = Depreciation of a year.

# What may be written into a field.
roi-refused = “{ $field }” is invalid: { $rule }
roi-rule-amount = write an amount of 0 or more, such as 0.5.
roi-rule-residual = write an amount from 0 to the price of the hardware.
roi-rule-price-there = write an amount above 0, or leave it blank.
roi-rule-percent = write a whole number from 1 to 100.
roi-rule-years = write a whole number from 1 to 50.
roi-rule-count = write a whole number above 0.
roi-rule-images = write a whole number above 0 that this hardware has time for.
roi-rule-watts = write a whole number from 0 to 100,000.
roi-rule-seconds = write seconds above 0 and up to 86,400, such as 1.5.
