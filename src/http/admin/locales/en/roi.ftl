roi-title = Worth it?
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
roi-begins = Begins with { $scenario }. Amounts in { $currency }.

roi-standard-each = Standard cost of an image
roi-fully-loaded = Fully loaded
roi-fully-loaded-how = the price less everything of a year, an image
roi-no-like-for-like = Not compared like for like: the configured service has no price or no rate today.
roi-against = Against { $name }
roi-against-like-for-like = Against { $name }: the same weights, hosted
roi-price-there = Price of an image there
roi-saved = Saved on each
roi-saved-how = the price less the standard cost
roi-lost = Lost on each
roi-pays-back = Pays back in { $months } months.
roi-pays-back-too-late = Never pays back: it would take { $months } months, and it is worn out after { $life }.
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

roi-one-image = One image
roi-at-the-plug = { $energy } kWh at the plug
roi-electricity = Electricity
roi-electricity-how = of the images
roi-depreciation = Depreciation
roi-depreciation-how = wear, less what it is sold for
roi-without-residual = The same, worth nothing in the end
roi-upkeep = Upkeep
roi-upkeep-how = repairs, network, space
roi-standard = Standard cost
roi-standard-how = electricity, depreciation, upkeep

roi-one-year = { $count ->
    [one] One year: { $count } image
   *[other] One year: { $count } images
}
roi-idle = Idle hours
roi-idle-how = electricity while it is on and does not paint
roi-other = Other bills
roi-other-how = what the bills of a year say beyond these
roi-total = Total
roi-total-how = over its images: fully loaded

roi-years-against = Year by year against { $name }
roi-year = Year
roi-hardware = Hardware
roi-running = Running
roi-elsewhere = Elsewhere
roi-saved-in-all = Saved in all
