roi-title = Worth it?
roi-lead = Is a card of your own worth it, from how many pictures, and when has it paid for itself? Change a number, and see.
roi-begins = Begins with { $scenario }. Amounts in { $currency }.
roi-presets = Begin with
roi-preset-own = Your hardware
roi-preset-article = The article’s RTX 4090
roi-group-use = What you need
roi-group-hardware = The hardware
roi-group-running = What it takes to run
roi-price = Price of the hardware
roi-residual = Sold in the end for
roi-share = Share for images, %
roi-lifetime = Images in its life
roi-watts = Watts while it paints
roi-seconds = Seconds an image
roi-price-per-kwh = Price of a kWh
roi-upkeep-per-image = Upkeep, an image
roi-running-costs = Bills of a year, if known
roi-images = Images a month
roi-compared-price = Price of an image elsewhere
roi-years = Years
roi-work-out = Work it out

roi-standard-each = Standard cost of an image
roi-fully-loaded = Fully loaded
roi-capacity = Images a month it has time for
roi-hardware = Hardware
roi-no-like-for-like = Not compared like for like: the configured service has no price or no rate today.
roi-what-you-pay = What you pay now
roi-against = Against { $name }:
roi-against-like-for-like = Against { $name }, the same weights, hosted:
roi-like-for-like = the same weights, hosted
roi-prices = Against each price
roi-where = Where
roi-price-there = Price there
roi-saved = Saved on each
roi-saved-part = Of the price
roi-saved-loaded = With everything
roi-lost = Lost
roi-months = { $count } months
roi-years-long = { $count } years
roi-pays-back = Pays back in { $span }.
roi-pays-back-too-late = Never pays back: it would take { $span }, and it is worn out after { $life }.
roi-never-pays-back = Never pays back at this volume.
roi-worth-from = { $count ->
    [one] Worth it from { $count } image a month.
   *[other] Worth it from { $count } images a month.
}
roi-worth-beyond = { $count ->
    [one] Not worth it, not even at the { $count } image a month it has time for.
   *[other] Not worth it, not even at the { $count } images a month it has time for.
}
roi-worth-never = Not worth it at any volume.

roi-curve = What an image costs, by how many you paint
roi-curve-how = Bills and wear of a year; hardware that stands still counts as worn out after the years you chose. Where the curve falls below a price, your own hardware begins to be worth it. The dot is where you are.
roi-curve-here = here
roi-curve-present = At { $images } images a month, one costs { $cost }.
roi-curve-table = The curve in figures

roi-one-image = One image
roi-electricity = Electricity
roi-depreciation = Depreciation
roi-without-residual = The same, worth nothing in the end
roi-upkeep = Upkeep
roi-standard = Standard cost

roi-one-year = { $count ->
    [one] One year: { $count } image
   *[other] One year: { $count } images
}
roi-idle = Idle hours
roi-other = Other bills
roi-total = Total

roi-years-against = Year by year, against { $name }
roi-year = Year
roi-running = Running
roi-elsewhere = Elsewhere
roi-saved-in-all = Saved in all

roi-how = How?
roi-how-standard = Electricity { $electricity } + depreciation { $depreciation } + upkeep { $upkeep } = { $standard }.
roi-how-loaded = Everything of a year { $total } ÷ { $images } images = { $each }, rounded up.
roi-how-capacity = The seconds of a month ÷ seconds an image.
roi-how-hardware = The part that works for images: { $price } paid; expected to be sold for { $residual } in the end. Depreciation counts the difference; the payback counts what was paid.
roi-how-saved = Price { $price } − cost here { $here } = { $saving } on each image.
roi-how-payback = Hardware { $hardware } ÷ what a year saves (elsewhere { $elsewhere } − bills { $running } = { $saved }) × 12 months.
roi-how-electricity = (device + machine) × seconds × losses of the power supply = { $energy } kWh at the plug, × price of a kWh.
roi-how-depreciation = (price − what it is sold for) × share ÷ images in its life.
roi-how-without-residual = Price × share ÷ images in its life.
roi-how-upkeep = As you wrote it: repairs, network, space.
roi-how-times = { $each } × { $images } images.
roi-how-idle = Electricity of the hours in which it is on and does not paint.
roi-how-other = What the bills of a year say beyond electricity and upkeep.
roi-how-year-depreciation = Wear of a year.

# What may be written into a field.
roi-refused = “{ $field }” cannot be used: { $rule }
roi-rule-amount = write an amount of 0 or more, such as 0.5.
roi-rule-residual = write an amount from 0 to the price of the hardware.
roi-rule-price-there = write an amount above 0, or nothing.
roi-rule-percent = write a whole number from 1 to 100.
roi-rule-years = write a whole number from 1 to 50.
roi-rule-count = write a whole number above 0.
roi-rule-images = write a whole number above 0, and no more than this hardware has time for.
roi-rule-watts = write a whole number from 0 to 100,000.
roi-rule-seconds = write seconds above 0 and up to 86,400, such as 1.5.
