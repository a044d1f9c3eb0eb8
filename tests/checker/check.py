"""Works out every figure of some months again, in exact fractions, and compares it with what Tintype said.

Written from docs/costs.md, docs/charging.md, docs/months.md and docs/focus.md; it imports nothing of Tintype's and calls nothing of it. A directory holds
ledger.sqlite3, said.json (the zone, the moment, and the reports), and a FOCUS file of each month. Prints how many figures it
compared; exits with 1 and a line for each if one of them differs.
"""

import csv
import json
import math
import sqlite3
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

NANO = 10**9
MILLIJOULES_PER_KWH = 3_600_000_000
ALWAYS = date(1, 1, 1)
NEVER = date(9999, 12, 31)
# [costs.hardware] of the shipped configuration, until the first part is bought.
EXAMPLE = {"price": 17300 * NANO, "residual": 7000 * NANO, "share": 100, "images": 30000, "years": None}

place = Path(sys.argv[1])
said = json.loads((place / "said.json").read_text(), parse_float=Decimal, parse_int=Decimal)
zone = ZoneInfo(said["zone"])
ledger = sqlite3.connect(f"file:{place}/data/ledger.sqlite3?mode=ro", uri=True)
ledger.row_factory = sqlite3.Row
compared, wrong = 0, []


def wall_clock(milliseconds):
    whole, part = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(whole, zone).replace(tzinfo=None) + timedelta(milliseconds=part)


def day_of(milliseconds):
    return wall_clock(milliseconds).date()


def day(text):
    return ALWAYS if text is None else date.fromisoformat(text)


def money(nano):
    return None if nano is None else Decimal(nano) / NANO


def kwh(millijoules):
    """Kilowatt-hours, cut off after twelve places."""
    pico = abs(millijoules) * 10**12 // MILLIJOULES_PER_KWH
    return Decimal(pico if millijoules >= 0 else -pico) / 10**12


def expect(where, found, right):
    global compared
    compared += 1
    if found != right:
        wrong.append(f"{where}: {found}, and it is {right}")


cards = {row["id"]: json.loads(row["card"]) for row in ledger.execute("SELECT * FROM rate_cards")}
intensities = {number: Fraction(card["carbon"]["grams_per_kwh"]) for number, card in cards.items() if "carbon" in card}
entries = [dict(row) for row in ledger.execute(
    "SELECT entries.*, tag, model, requests.loras, quality, public_id, delivered FROM entries "
    "JOIN requests ON requests.id = request_id JOIN keys ON keys.id = key_id")]
corrected = {entry["corrects"] for entry in entries if entry["corrects"] is not None}
by_id = {entry["id"]: entry for entry in entries}


def first_card_of(entry):
    """The rate card of the entry by which an image was first booked."""
    while entry["reverses"] is not None or entry["corrects"] is not None:
        entry = by_id[entry["reverses"] or entry["corrects"]]
    return entry["rate_card"]


first_cards = {entry["id"]: first_card_of(entry) for entry in entries}
for entry in entries:
    entry["day"] = day_of(entry["entered_at_ms"])
    entry["first_card"] = first_cards[entry["id"]]
    entry["is_taken_back"] = entry["reverses"] is not None and entry["reverses"] not in corrected
overheads = [dict(row, day=day_of(row["entered_at_ms"])) for row in ledger.execute("SELECT * FROM overheads")]
begun = min(row[0] for row in ledger.execute("SELECT min(created_at_ms) FROM keys UNION SELECT min(entered_at_ms) FROM entries"))
first_day, tomorrow = day_of(begun), day_of(int(said["now_ms"])) + timedelta(days=1)

def cost_of_invoice(invoice):
    """What an invoice costs: without the tax if that is deducted, with it if not, at its rate of exchange, rounded up."""
    times, over = 1, 1
    if invoice["vat"] is not None:
        gross = 1 + Fraction(invoice["vat"]["rate"]) / 100
        if invoice["vat"]["is_included"] and invoice["vat"]["is_deducted"]:
            over = gross
        elif not invoice["vat"]["is_included"] and not invoice["vat"]["is_deducted"]:
            times = gross
    return math.ceil(Fraction(invoice["amount"]) * Fraction(invoice["exchange_rate"]) * times / over * NANO)


for table, column in (("assets", "price_nano"), ("cost_lines", "amount_nano")):
    for row in ledger.execute(f"SELECT id, {column} AS amount, invoice FROM {table} WHERE invoice IS NOT NULL"):
        expect(f"{table} {row['id']} by its invoice", row["amount"], cost_of_invoice(json.loads(row["invoice"])))

closings = {row["month"]: row["closed_at_ms"] for row in ledger.execute("SELECT * FROM month_closings ORDER BY month")}
asset_rows = [dict(row) for row in ledger.execute("SELECT * FROM assets LEFT JOIN asset_retirements ON asset_id = id ORDER BY id")]
line_rows = [dict(row) for row in ledger.execute(
    "SELECT cost_lines.*, ended_on, cost_line_ends.recorded_at_ms AS end_recorded_at_ms FROM cost_lines "
    "LEFT JOIN cost_line_ends ON line_id = id ORDER BY id")]


def parts_known(moment):
    """The parts that are recorded by a moment, the example first, and what is known of their ends."""
    parts = []
    for row in asset_rows:
        if row["added_at_ms"] > moment:
            continue
        is_sold = row["retired_on"] is not None and row["noted_at_ms"] <= moment
        bought, end = day(row["purchased_on"]), day(row["retired_on"]) if is_sold else NEVER
        years = row["life_years"] or row["planned_years"]
        if years is not None:
            end = min(end, bought + timedelta(days=365 * years))
        parts.append({"price": row["price_nano"], "residual": row["residual_nano"], "share": row["share_percent"],
                      "images": row["lifetime_images"], "years": years, "first": bought, "end": max(bought, end),
                      "retired": day(row["retired_on"]) if is_sold else None, "proceeds": row["proceeds_nano"]})
    until = min([part["first"] for part in parts], default=NEVER)
    return [EXAMPLE | {"first": ALWAYS, "end": until, "retired": None}] + parts


def lines_known(moment):
    def end(row):
        if row["per"] == "once":
            return day(row["first_day"]) + timedelta(days=1)
        return day(row["ended_on"]) if row["ended_on"] and row["end_recorded_at_ms"] <= moment else NEVER
    return [{"per": row["per"], "amount": row["amount_nano"], "percent": row["normal_utilisation_percent"],
             "hours": row["hours_a_day"], "least": row["minimum_hours"], "first": day(row["first_day"]), "end": end(row)}
            for row in line_rows if row["recorded_at_ms"] <= moment]


parts, lines = parts_known(int(said["now_ms"])), lines_known(int(said["now_ms"]))


def images_on(first, end):
    return sum(entry["images"] for entry in entries if first <= entry["day"] < end)


def lost_before(part, moment, counted=None):
    """What a part has lost before a day: by time a straight line, by units what its images took; the larger of both."""
    by_time = by_images = 0
    worn = Fraction((part["price"] - part["residual"]) * part["share"], 100)
    if part["years"] is not None:
        days = max(0, (min(moment, part["end"]) - part["first"]).days)
        by_time = math.ceil(worn * days / (365 * part["years"]))
    if part["images"] is not None:
        images = max(0, images_on(part["first"], min(moment, part["end"]))) if counted is None else counted
        by_images = min(math.ceil(worn / part["images"]) * images, math.ceil(worn))
    return max(by_time, by_images)


def days_of_month(moment):
    return ((moment.replace(day=28) + timedelta(days=4)).replace(day=1) - moment.replace(day=1)).days


def line_cost(line, first, end):
    first, end = max(first, line["first"]), min(end, line["end"])
    if first >= end:
        return 0
    if line["per"] == "image":
        return line["amount"] * images_on(first, end)
    if line["per"] == "once":
        return line["amount"]
    if line["per"] == "hour":
        def until(moment):
            whole, month = 0, date(2020, 1, 1)
            while month < moment.replace(day=1):
                whole += line["amount"] * max(line["hours"] * days_of_month(month), line["least"])
                month = (month + timedelta(days=31)).replace(day=1)
            length = days_of_month(moment)
            paid = line["amount"] * max(line["hours"] * length, line["least"])
            return whole + math.ceil(Fraction(paid * (moment.day - 1), length))
    elif line["per"] == "month":
        def until(moment):
            months = 12 * moment.year + moment.month
            return line["amount"] * months + math.ceil(Fraction(line["amount"] * (moment.day - 1), days_of_month(moment)))
    else:
        def until(moment):
            length = (date(moment.year + 1, 1, 1) - date(moment.year, 1, 1)).days
            passed = (moment - date(moment.year, 1, 1)).days
            return line["amount"] * moment.year + math.ceil(Fraction(line["amount"] * passed, length))
    return until(end) - until(first)


def carbon_of(rows, column="first_card"):
    """Grams of what was drawn at the plug, exact; none if no row says so."""
    known = [Fraction(row["wall_energy_mj"], MILLIJOULES_PER_KWH) * intensities[row[column]]
             for row in rows if row[column] in intensities]
    return sum(known) if known else None


def grams(carbon):
    return None if carbon is None else Decimal(math.ceil(carbon * 1000)) / 1000


def total_carbon(parts):
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def sums(of):
    """The sums over entries, each with its sign."""
    work, failed = [e for e in of if e["images"] != 0], [e for e in of if e["images"] == 0]
    kept = [e for e in work if e["is_taken_back"]]
    with_price = [e for e in work if e["compared_sku"] is not None]
    total = lambda rows, column: sum(row[column] for row in rows)
    cost = lambda rows: sum(total(rows, column) for column in ("electricity_nano", "depreciation_nano", "upkeep_nano"))
    return {
        "images": total(work, "images"), "undelivered": sum(e["images"] for e in work if e["delivered"] == 0),
        "energy": total(work, "energy_mj"), "wall": total(work, "wall_energy_mj"),
        "electricity": total(work, "electricity_nano"), "depreciation": total(work, "depreciation_nano"),
        "upkeep": total(work, "upkeep_nano"), "standard": cost(work),
        "compared_images": total(with_price, "images"), "compared_total": cost(with_price),
        "compared": total(with_price, "compared_nano"),
        "has_price": total(with_price, "images") != 0 or total(with_price, "compared_nano") != 0 or total(work, "images") == 0,
        "failed_energy": total(failed, "wall_energy_mj") - total(kept, "wall_energy_mj"),
        "failed_electricity": total(failed, "electricity_nano") - total(kept, "electricity_nano"),
        "carbon": carbon_of(work),
        "failed_carbon": total_carbon([carbon_of(failed), None if carbon_of(kept) is None else -carbon_of(kept)]),
    }


def figures(sum_of):
    price = sum_of["compared"] if sum_of["has_price"] else None
    return {
        "images": sum_of["images"], "undelivered_images": sum_of["undelivered"], "energy_kwh": kwh(sum_of["energy"]),
        "wall_energy_kwh": kwh(sum_of["wall"]), "electricity": money(sum_of["electricity"]),
        "depreciation": money(sum_of["depreciation"]), "upkeep": money(sum_of["upkeep"]), "total": money(sum_of["standard"]),
        "cost_per_image": money(each(sum_of["standard"], sum_of["images"])), "compared_images": sum_of["compared_images"],
        "compared_total": money(sum_of["compared_total"]), "compared_price": money(price),
        "saving": money(None if price is None else price - sum_of["compared_total"]),
        "failed_energy_kwh": kwh(sum_of["failed_energy"]), "failed_electricity": money(sum_of["failed_electricity"]),
        "carbon_grams": grams(sum_of["carbon"]),
    }


def each(total, images):
    return math.ceil(Fraction(total, images)) if images > 0 else None


def cost_of(first, end, sum_of, parts=parts, lines=lines):
    """Depreciation, upkeep, what of both goes by time, and the gain on parts that were sold, of the days that count."""
    first, end = max(first, first_day), max(first, min(end, tomorrow))
    if first >= end:
        first = end
    depreciation = fixed = gain = 0
    for part in parts:
        lost = lost_before(part, end) - lost_before(part, first)
        depreciation += lost
        made = max(0, images_on(part["first"], min(first, part["end"])))
        fixed += lost_before(part, end, made) - lost_before(part, first, made)
        if part["retired"] is not None and first <= part["retired"] < end:
            share = lambda amount: math.ceil(Fraction(amount * part["share"], 100))
            gain += share(part["proceeds"]) - (share(part["price"]) - lost_before(part, part["retired"]))
    held = [line for line in lines if max(first, line["first"]) < min(end, line["end"])]
    by_time = sum(line_cost(line, first, end) for line in held if line["per"] != "image")
    by_image = sum(line_cost(line, first, end) for line in held if line["per"] == "image")
    upkeep = by_time + by_image if any(line["per"] != "image" for line in held) else sum_of["upkeep"]
    return {"depreciation": depreciation, "upkeep": upkeep, "fixed": fixed + by_time, "gain": gain, "days": (end - first).days}


def late(moment, before):
    """What was recorded at a moment costs on days that were closed before: depreciation, upkeep, losses on parts that were sold."""
    days = [month for month, closed in closings.items() if closed < moment]
    if not days:
        return {"depreciation": 0, "upkeep": 0, "disposal": 0}
    first = max(date.fromisoformat(min(days) + "-01"), first_day)
    end = (date.fromisoformat(max(days) + "-01") + timedelta(days=31)).replace(day=1)

    def cost(moment):
        known = cost_of(first, end, {"upkeep": 0}, parts_known(moment), lines_known(moment))
        upkeep = sum(line_cost(line, first, end) for line in lines_known(moment))
        return {"depreciation": known["depreciation"], "upkeep": upkeep, "disposal": -known["gain"]}
    now, then = cost(moment), cost(before)
    return {kind: now[kind] - then[kind] for kind in now}


def adjustments(first, end):
    """The adjustments of a span of days, worked out from what was recorded on them."""
    moments = {row[name] for rows, name in ((asset_rows, "added_at_ms"), (asset_rows, "noted_at_ms"),
               (line_rows, "recorded_at_ms"), (line_rows, "end_recorded_at_ms")) for row in rows if row[name] is not None}
    found = {"depreciation": 0, "upkeep": 0, "disposal": 0}
    for moment in moments:
        if first <= day_of(moment) < end:
            for kind, amount in late(moment, moment - 1).items():
                found[kind] += amount
    return found


def whole(first, end, sum_of, cost, adjusted):
    of = [row for row in overheads if first <= row["day"] < end]
    kinds = {kind: sum(row["energy_mj"] for row in of if row["kind"] == kind) for kind in ("idle", "warm-up", "gap")}
    electricity = sum(row["electricity_nano"] for row in of)
    unused = [cost["depreciation"] - sum_of["depreciation"], cost["upkeep"] - sum_of["upkeep"]]
    all_in = sum_of["standard"] + sum_of["failed_electricity"] + electricity + sum(unused) - cost["gain"] + adjusted
    images, part = sum_of["images"], sum_of["compared_images"]
    saving = None
    if sum_of["has_price"] and part == images:
        saving = sum_of["compared"] - all_in
    elif sum_of["has_price"] and part >= 0 and images > 0:
        saving = sum_of["compared"] - math.ceil(Fraction(all_in * part, images))
    right = {
        "idle_energy_kwh": kwh(kinds["idle"]), "warm_up_energy_kwh": kwh(kinds["warm-up"]), "gap_energy_kwh": kwh(kinds["gap"]),
        "overhead_electricity": money(electricity), "whole_depreciation": money(cost["depreciation"]),
        "whole_upkeep": money(cost["upkeep"]), "unused_depreciation": money(unused[0]), "unused_upkeep": money(unused[1]),
        "disposal_gain": money(cost["gain"]), "adjustments_total": money(adjusted), "fully_loaded_total": money(all_in),
        "marginal_per_image": money(each(sum_of["electricity"], images)), "fully_loaded_per_image": money(each(all_in, images)),
        "saving_all_in": money(saving), "days_counted": cost["days"], "days_in_period": (end - first).days,
        "carbon_grams_total": grams(total_carbon([sum_of["carbon"], sum_of["failed_carbon"], carbon_of(of, "rate_card")])),
        "saving_all_in_percent_tenths": None, "images_at_pace": None, "break_even_images": None,
    }
    if saving is not None and sum_of["compared"] > 0:
        right["saving_all_in_percent_tenths"] = math.floor(Fraction(saving * 1000, sum_of["compared"]))
    if images > 0 and cost["days"] > 0:
        right["images_at_pace"] = images * right["days_in_period"] // cost["days"]
    if images > 0 and part > 0 and sum_of["has_price"]:
        added = cost["depreciation"] + cost["upkeep"] - cost["fixed"] + sum_of["electricity"] + sum_of["failed_electricity"]
        saved = math.floor(Fraction(sum_of["compared"] * images, part)) - added
        if saved > 0:
            fixed = cost["fixed"] + electricity
            right["break_even_images"] = math.ceil(Fraction(fixed * images * right["days_in_period"], saved * cost["days"]))
    return right



def names_of_loras(entry):
    """A set of LoRAs is one group; an image without any is in the group without a name."""
    if entry["loras"] is None:
        return None
    return ", ".join(sorted(lora["name"] for lora in json.loads(entry["loras"])))


GROUPS = {
    "key": lambda e: e["public_id"], "tag": lambda e: e["tag"], "model": lambda e: e["model"], "lora": names_of_loras,
    "size": lambda e: f"{e['width']}x{e['height']}", "quality": lambda e: e["quality"], "day": lambda e: e["day"].isoformat(),
}


def check(where, found, right):
    for name, value in right.items():
        expect(f"{where} {name}", found[name], value)


def check_month(report, kinds, charges):
    month = report["month"]
    first = date.fromisoformat(month + "-01")
    end = (first + timedelta(days=31)).replace(day=1)
    of = [entry for entry in entries if first <= entry["day"] < end]
    sum_of = sums(of)
    known = closings.get(month, int(said["now_ms"]))
    cost = cost_of(first, end, sum_of, parts_known(known), lines_known(known))
    by_kind = adjustments(first, end)
    for kind, amount in by_kind.items():
        found = sum(adjustment["amount"] for adjustment in report["adjustments"] if adjustment["kind"] == kind)
        expect(f"{month} adjustments of {kind}", found, money(amount))
    right = whole(first, end, sum_of, cost, sum(by_kind.values()))
    check(month, report, figures(sum_of) | right)
    so_far = 0
    for found in report["days"]:
        today = date.fromisoformat(found["day"])
        sum_of_day = sums([entry for entry in of if entry["day"] == today])
        figures_of_day = figures(sum_of_day)
        for column in ("images", "electricity", "depreciation", "upkeep", "total", "failed_electricity", "compared_images",
                       "compared_price", "saving"):
            expect(f"{found['day']} {column}", found[column], figures_of_day[column])
        so_far += figures_of_day["saving"] or 0
        expect(f"{found['day']} saving_so_far", found["saving_so_far"], so_far)
        of_day = sum(row["electricity_nano"] for row in overheads if row["day"] == today)
        expect(f"{found['day']} overhead_electricity", found["overhead_electricity"], money(of_day))
    for kind in kinds:
        by = kind["grouped_by"]
        names = {GROUPS[by](entry) for entry in of}
        expect(f"{month} groups by {by}", {group["group"] for group in kind["groups"]}, names)
        for group in kind["groups"]:
            of_group = [entry for entry in of if GROUPS[by](entry) == group["group"]]
            check(f"{month} by {by} {group['group']}", group, figures(sums(of_group)))
    check_focus(month, of, right, cost)
    check_charges(charges, first, end, of, right)
    return sum_of, cost | {"adjusted": sum(by_kind.values())}


members = [dict(row) for row in ledger.execute(
    "SELECT cost_centre_members.*, public_id, text AS tag FROM cost_centre_members LEFT JOIN keys ON keys.id = key_id "
    "LEFT JOIN labels ON labels.id = label_id")]
centres = {row["id"]: row["name"] for row in ledger.execute("SELECT * FROM cost_centres ORDER BY id")}
terms = [dict(row, value=json.loads(row["term"])["value"]) for row in ledger.execute("SELECT * FROM terms")]
for row in terms:
    row["from"] = datetime.min if row["from_ms"] is None else wall_clock(row["from_ms"])


def centre_of(entry):
    """The cost centre of an entry: its tag's, if that belongs to one on the day, else its key's."""
    for column in ("tag", "public_id"):
        rows = [row for row in members if entry[column] is not None and row[column] == entry[column]
                and day(row["first_day"]) <= entry["day"]]
        if rows:
            centre = max(rows, key=lambda row: (row["first_day"], row["id"]))["centre_id"]
            if centre is not None:
                return centre
    return None


def value_at(name, moment, otherwise=None):
    """The value that holds at a moment of the clock on the wall: the last to begin."""
    held = [row for row in terms if row["name"] == name and row["from"] <= moment]
    return max(held, key=lambda row: (row["from"], row["id"]))["value"] if held else otherwise


def shares(total, weights):
    """Parts that add up: each is the difference of two running sums, rounded down."""
    if sum(weights) == 0:
        return [0] * (len(weights) - 1) + [total]
    until = [math.floor(Fraction(total * sum(weights[:count]), sum(weights))) for count in range(len(weights) + 1)]
    return [after - before for before, after in zip(until, until[1:])]


def check_charges(charges, first, end, of, right):
    month = charges["month"]
    last = max(first, min(end, tomorrow))
    moment = datetime(last.year, last.month, last.day) - timedelta(microseconds=1)
    rule, mark_up = value_at("shared_by", moment, "device-time"), value_at("mark_up_percent", moment, 0)
    expect(f"{month} rule", (charges["shared_by"], charges["mark_up_percent"]), (rule, mark_up))
    bearers = list(centres) + [None]
    entries_of = [[entry for entry in of if centre_of(entry) == bearer] for bearer in bearers]
    sums_of = [sums(entries) for entries in entries_of]
    time = [sum(entry["duration_ms"] for entry in entries if entry["images"] != 0) for entries in entries_of]
    weight = {
        "device-time": lambda at: time[at], "standard-cost": lambda at: sums_of[at]["standard"],
        "images": lambda at: sums_of[at]["images"], "nobody": lambda at: 0,
        "equally": lambda at: bearers[at] is not None and (sums_of[at]["images"] != 0 or time[at] != 0),
    }[rule]
    weights = [max(0, int(weight(at))) for at in range(len(bearers))]
    direct = [one["standard"] + one["failed_electricity"] for one in sums_of]
    idle, all_in = nano(right["overhead_electricity"]), nano(right["fully_loaded_total"])
    idle_shares, unused_shares = shares(idle, weights), shares(all_in - sum(direct) - idle, weights)
    expect(f"{month} all-in of cost centres", charges["all_in_total"], money(all_in))
    expect(f"{month} cost centres", [charge["centre"] for charge in charges["charges"]], bearers)
    for at, charge in enumerate(charges["charges"]):
        subtotal = direct[at] + idle_shares[at] + unused_shares[at]
        added = math.ceil(Fraction(subtotal * int(mark_up), 100)) if bearers[at] is not None and subtotal > 0 else 0
        check(f"{month} cost centre {charge['name']}", charge, {
            "name": centres.get(bearers[at]), "images": sums_of[at]["images"],
            "electricity": money(sums_of[at]["electricity"]), "depreciation": money(sums_of[at]["depreciation"]),
            "upkeep": money(sums_of[at]["upkeep"]), "failed_electricity": money(sums_of[at]["failed_electricity"]),
            "idle_share": money(idle_shares[at]), "unused_share": money(unused_shares[at]),
            "subtotal": money(subtotal), "mark_up": money(added), "total": money(subtotal + added),
        })


def check_focus(month, of, right, cost):
    with open(place / f"focus-{month}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    column = lambda name: sum((Decimal(row[name]) for row in rows), Decimal(0))
    expect(f"{month} FOCUS BilledCost", column("BilledCost"), right["fully_loaded_total"])
    expect(f"{month} FOCUS depreciation", column("x_DepreciationCost"), money(cost["depreciation"]))
    expect(f"{month} FOCUS upkeep", column("x_MaintenanceCost"), money(cost["upkeep"]))
    booked = {int(row["x_EntryId"]): row for row in rows if row["x_EntryId"]}
    expect(f"{month} FOCUS entries", set(booked), {entry["id"] for entry in of})
    for entry in of:
        row = booked[entry["id"]]
        gives_back = entry["is_taken_back"] and entry["images"] != 0
        amount = (0 if gives_back else entry["electricity_nano"]) + entry["depreciation_nano"] + entry["upkeep_nano"]
        expect(f"{month} FOCUS entry {entry['id']}", Decimal(row["BilledCost"]), money(amount))
        product = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
        expect(f"{month} FOCUS price of entry {entry['id']}", product, money(amount))
        is_carbon_known = entry["first_card"] in intensities
        emitted = grams(carbon_of([entry | {"wall_energy_mj": 0 if gives_back else entry["wall_energy_mj"]}])) if is_carbon_known else None
        expect(f"{month} FOCUS carbon of entry {entry['id']}", Decimal(row["x_CarbonGrams"]) if row["x_CarbonGrams"] else None, emitted)
        expect(f"{month} FOCUS key of entry {entry['id']}", row["SubAccountId"], entry["public_id"])


def nano(text):
    return int(Decimal(text) * NANO)


def carried(amount, percent, milliseconds, years=1):
    """What some time carries of an amount that is spread over years, at a normal utilisation."""
    return math.ceil(Fraction(amount * milliseconds * 100, years * 8760 * 3_600_000 * percent))


def pieces_of(card, row):
    """Work in pieces: what ran before an edge of a tariff or of a day has rates of its own. Energy is shared by time."""
    pieces, begun, energy = [], 0, 0
    for rates in card.get("before", []):
        until = begun + rates["duration_ms"]
        energy_until = row["energy_mj"] * until // row["duration_ms"]
        pieces.append((until - begun, energy_until - energy, rates))
        begun, energy = until, energy_until
    return pieces + [(row["duration_ms"] - begun, row["energy_mj"] - energy, card)]


def energy_of(card, row, has_host):
    wall = electricity = 0
    for milliseconds, energy, rates in pieces_of(card, row):
        rate = rates["electricity"]
        used = energy + (rate["host_watts"] * milliseconds if has_host else 0)
        of_piece = math.ceil(Fraction(used * rate["wall_factor_percent"], 100))
        wall += of_piece
        electricity += math.ceil(Fraction(nano(rate["price_per_kwh"]) * of_piece, MILLIJOULES_PER_KWH))
    return wall, electricity


def meets(rule, entry):
    """Whether an image meets each condition of a rule of the mix."""
    return all((
        entry["tag"] in rule.get("tags", [entry["tag"]]), entry["public_id"] in rule.get("keys", [entry["public_id"]]),
        f"{entry['width']}x{entry['height']}" in rule.get("sizes", [f"{entry['width']}x{entry['height']}"]),
        entry["quality"] in rule.get("qualities", [entry["quality"]]),
    ))


def check_entry(entry, card):
    """Works out an entry again from its row and the rates that it points to."""
    where = f"entry {entry['id']}"
    share = Fraction(1) if entry["steps_done"] is None else Fraction(entry["steps_done"], entry["steps_of"])
    wall, electricity = energy_of(card, entry, True)
    depreciation = upkeep = 0
    for milliseconds, _, rates in pieces_of(card, entry):
        for part in rates["parts"]:
            worn = Fraction((nano(part["price"]) - nano(part["residual"])) * part["share_percent"], 100)
            if "units" in part["life"]:
                of_image = math.ceil(worn / part["life"]["units"]["lifetime_images"])
                if part["at_most"] is not None:
                    of_image = min(of_image, nano(part["at_most"]))
                depreciation += math.ceil(of_image * share)
            else:
                life = part["life"]["time"]
                depreciation += carried(worn, life["normal_utilisation_percent"], milliseconds, life["years"])
        for line in rates["lines"]:
            (per, value), = line["upkeep"].items()
            if per == "per_image":
                upkeep += math.ceil(nano(value) * share)
            else:
                times = {"per_year": lambda: 1, "per_month": lambda: 12,
                         "per_hour": lambda: max(365 * value["hours_a_day"], 12 * value["minimum_hours"])}[per]()
                upkeep += carried(times * nano(value["amount"]), value["normal_utilisation_percent"], milliseconds)
    for column, right in (("wall_energy_mj", wall), ("electricity_nano", electricity), ("depreciation_nano", depreciation),
                          ("upkeep_nano", upkeep)):
        expect(f"{where} {column}", entry[column], right)
    there = card["comparison"]
    expect(f"{where} compared_sku", entry["compared_sku"], there and there["sku"])
    if there is not None:
        (unit, amount), = there["price"].items()
        pixels = entry["width"] * entry["height"]
        list_price = math.floor(Fraction(nano(amount) * pixels, 10**6)) if unit == "megapixel" else nano(amount)
        price = math.floor(Fraction(list_price * nano(there["exchange_rate"]), NANO))
        price = math.floor(Fraction(price * (100 - there.get("discount_percent", 0)), 100))
        expected = next((rule for rule in said["mix"] if meets(rule, entry)), {"sku": said["compare_with"], "discount_percent": 0})
        expect(f"{where} by the mix", (there["sku"], there.get("discount_percent", 0)), (expected["sku"], expected["discount_percent"]))
        expect(f"{where} compared_nano", entry["compared_nano"], price)
    # Whether the rates are those of its moment: the parts and lines that were recorded by then, on its day.
    check_rates(where, card, entry, wall_clock(entry["entered_at_ms"]).date(), True)
    check_pieces(where, card, entry)


def check_rates(where, rates, entry, today, is_whole):
    """The parts and lines of a day; of a piece before an edge, those that go by time."""
    moment = entry["entered_at_ms"]
    in_service = [(part["price"], part["residual"], part["share"]) for part in parts_known(moment)
                  if part["first"] <= today < part["end"] and (is_whole or part["images"] is None)]
    found = [(nano(part["price"]), nano(part["residual"]), part["share_percent"]) for part in rates["parts"]]
    expect(f"{where} parts", found, in_service)
    held = [line["amount"] for line in lines_known(moment)
            if line["first"] <= today < line["end"] and line["per"] != "once" and (is_whole or line["per"] != "image")]
    amounts = [nano(value if per == "per_image" else value["amount"]) for line in rates["lines"] for per, value in line["upkeep"].items()]
    expect(f"{where} lines", amounts, held)


def price_at(moment):
    """The price of a kilowatt-hour: of the rows that hold, the one with most conditions."""
    minute = 60 * moment.hour + moment.minute

    def holds(row):
        if "hours" not in row:
            return True
        begin, end = (60 * int(clock[:2]) + int(clock[3:]) for clock in row["hours"].split("-"))
        return begin <= minute < end if begin < end else minute >= begin or minute < end
    rows = [row for row in value_at("electricity", moment) if holds(row)]
    return nano(max(rows, key=lambda row: "hours" in row)["price_per_kwh"])


def check_pieces(where, card, row):
    """Whether each piece of some work has the price of its own time, at its beginning and at its end."""
    begun = wall_clock(row["entered_at_ms"]) - timedelta(milliseconds=row["duration_ms"])
    for milliseconds, _, rates in pieces_of(card, row):
        end = begun + timedelta(milliseconds=milliseconds)
        price = nano(rates["electricity"]["price_per_kwh"])
        if milliseconds > 0:
            expect(f"{where} price at {begun}", price, price_at(begun))
            expect(f"{where} price until {end}", price, price_at(end - timedelta(milliseconds=1)))
        if rates is not card and row.get("depreciation_nano") is not None:
            check_rates(f"{where} from {begun}", rates, row, begun.date(), False)
        begun = end


for entry in entries:
    if entry["rate_card"] is not None:
        check_entry(entry, cards[entry["rate_card"]])
for row in overheads:
    if row["rate_card"] is not None:
        wall, electricity = energy_of(cards[row["rate_card"]], row, row["kind"] == "warm-up")
        check_pieces(f"overhead {row['id']}", cards[row["rate_card"]], row)
        expect(f"overhead {row['id']} wall energy", row["wall_energy_mj"], wall)
        expect(f"overhead {row['id']} electricity", row["electricity_nano"], electricity)

def add(a, b):
    either = lambda name: a[name] or b[name] if name == "has_price" else total_carbon([a[name], b[name]])
    return {name: either(name) if name in ("has_price", "carbon", "failed_carbon") else a[name] + b[name] for name in a}

months = [check_month(month["report"], month["groups"], month["charges"]) for month in said["months"]]
year = int(said["year"]["year"])
first, end = date(year, 1, 1), date(year + 1, 1, 1)
of_year = sums([entry for entry in entries if first <= entry["day"] < end])
cost_of_year = months[0][1]
for _, cost in months[1:]:
    cost_of_year = add(cost_of_year, cost)
check(str(year), said["year"], figures(of_year) | whole(first, end, of_year, cost_of_year, cost_of_year["adjusted"]))

for line in wrong[:50]:
    print(line)
print(compared, "figures,", len(wrong), "wrong")
sys.exit(1 if wrong else 0)
