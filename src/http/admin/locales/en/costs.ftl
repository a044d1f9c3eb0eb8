costs-title = Costs, { $month }
costs-months = Months
costs-empty = No pictures were painted in this month.
costs-pictures = Pictures
costs-cost-per-picture = Cost of a picture
costs-total = Total
costs-saved = Saved
costs-lost = Lost

costs-standard-cost = Standard cost
costs-electricity = Electricity
costs-electricity-how = energy at the plug × tariff
costs-depreciation = Depreciation
costs-depreciation-how = wear of the hardware, by pictures
costs-upkeep = Upkeep
costs-upkeep-how = repairs, network, space

costs-compared = Compared with `{ $service }`
costs-list-price = List price there
costs-list-price-how = at each day’s price
costs-total-here = Total here

costs-energy = Energy
costs-energy-device = Device
costs-energy-device-how = of the pictures
costs-energy-plug = At the plug
costs-energy-plug-how = device, machine and power supply
costs-energy-failed = Failed work
costs-energy-failed-how = no picture; not in the total
costs-energy-failed-price = Price of failed work
costs-undelivered = Undelivered pictures
costs-undelivered-how = painted, but the client had gone

costs-whole-month = The whole month
costs-standard = Standard cost
costs-standard-how = of the pictures
costs-failed = Failed work
costs-idle = Idle hours and warm-up
costs-idle-how = electricity
costs-unused-wear = Unused depreciation
costs-unused-wear-how = wear that no picture was charged
costs-unused-upkeep = Unused upkeep
costs-fully-loaded = Fully loaded

costs-each = A picture costs
costs-each-marginal = Marginal
costs-each-marginal-how = its electricity
costs-each-standard = Standard
costs-each-standard-how = with wear and upkeep
costs-each-loaded = Fully loaded
costs-each-loaded-how = everything of the month ÷ pictures
costs-break-even = Break-even
costs-break-even-how = pictures a month against the compared price
costs-example-hardware = Depreciation is an example’s (an RTX 4090 workstation). Put your own hardware, tariff and watts into `tintype.toml`; `config/tintype.toml` lists every key.
