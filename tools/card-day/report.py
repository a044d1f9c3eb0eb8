"""What a day found, as tables: for whoever ran it, and for docs/performance.md.

    python3 tools/card-day/report.py OUT/card-day.json               prints them
    python3 tools/card-day/report.py OUT/card-day.json --write       puts them into docs/performance.md
"""

import json
import sys
from pathlib import Path

PERFORMANCE = Path(__file__).resolve().parents[2] / "docs/performance.md"
BEGIN, END = "<!-- card-day: written by tools/card-day/report.py -->", "<!-- card-day ends -->"


def tables(results):
    """Markdown: the parts and their states, then what each part has."""
    parts = results["parts"]
    lines = ["| part | state | seconds | |", "| --- | --- | ---: | --- |"]
    lines += [f"| {name} | {part['state']} | {part['seconds']:.0f} | {part.get('note', '')} |" for name, part in parts.items()]
    for name, make in (
        ("kernels", tests),
        ("parity", tests),
        ("bench", benches),
        ("reference", references),
        ("tiers", tiers),
        ("served", served),
        ("lost", lost),
        ("energy", energy),
        ("checked", checks),
        ("profile", profile),
    ):
        figures = parts.get(name, {}).get("figures")
        if figures:
            lines += ["", f"**{name}**", "", *make(figures)]
    return "\n".join(lines) + "\n"


def table(heads, rows):
    """A table whose first column is text and whose others are numbers."""
    yield "| " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * (len(heads) - 1)
    for row in rows:
        yield "| " + " | ".join("–" if cell is None else str(cell) for cell in row) + " |"


def number(value, digits=1):
    return None if value is None else f"{value:,.{digits}f}"


def tests(figures):
    rows = [
        (name, figure["passed"], figure["failed"], figure["largest_error"] and f"{figure['largest_error']:.1e}")
        for name, figure in figures.items()
    ]
    return table(("tests", "passed", "failed", "largest relative error"), rows)


PARTS = ("text", "step", "decode", "png", "whole")


def of_case(case):
    times = {part["name"]: part["median_ms"] for part in case["parts"]}
    return [number(times.get(part)) for part in PARTS] + [number(case["joules_per_image"])]


def benches(figures):
    heads = ("case", *(f"{part}, ms" for part in PARTS), "J an image", "peak of the card, MiB")
    rows = []
    for name, figure in figures.items():
        (case,) = figure["report"]["cases"]
        rows.append((name, *of_case(case), figure["peak_mib_of_card"]))
    return table(heads, rows)


def references(figures):
    rows = []
    for name, figure in figures.items():
        if "cases" in figure:
            whole = next(part for part in figure["cases"][0]["parts"] if part["name"] == "whole")
            rows.append((name, number(whole["median_ms"]), None))
        elif "whole_ms" in figure:
            peak = figure["peak_bytes"]
            rows.append((name, number(figure["whole_ms"]), peak and peak >> 20))
        else:
            said = f"{name}: mean {figure['mean']:.3f}, largest {figure['largest']} of 255"
            rows.append((said, None, None))
    return table(("who", "an image, ms", "peak, MiB"), rows)


def tiers(figures):
    rows = []
    for name, figure in figures.items():
        case = figure["report"]["cases"][0] if figure["report"] else None
        step = case and next(part["median_ms"] for part in case["parts"] if part["name"] == "step")
        rows.append((name, number(step), figure["peak_mib_of_card"], figure["ended_with"]))
    return table(("tier", "step, ms", "peak of the card, MiB", "exit status"), rows)


def served(figures):
    heads = ("requests over HTTP", "whole, ms", "device, ms", "added p50, ms", "added at most, ms")
    keys = ("whole_ms", "device_ms", "added_ms_p50", "added_ms_longest")
    return table(heads, [(name, *(number(figure[key]) for key in keys)) for name, figure in figures.items()])


def lost(figures):
    if "driver" in figures:
        yield from tests({"driver": figures["driver"]})
        yield ""
    if "server" in figures:
        server = figures["server"]
        heads = ("a device that breaks under one of two servers", "")
        rows = [(key.replace("_", " "), number(value) if isinstance(value, float) else value) for key, value in server.items()]
        yield from table(heads, rows)


def energy(figures):
    heads = ("energy", "seconds", "counter, J", "integral, J", "median tick, ms", "longest tick, ms")
    keys = ("seconds", "counter_joules", "integral_joules", "tick_ms_median", "tick_ms_longest")
    return table(heads, [(name, *(number(figure[key]) for key in keys)) for name, figure in figures.items()])


def checks(figures):
    return table(("checker", "clean"), [(name, "yes" if figure["is_clean"] else "no") for name, figure in figures.items()])


def profile(figures):
    rows = [(kernel["kernel"][:60], kernel["launches"], number(kernel["ns"] / 1e3)) for kernel in figures["kernels"]]
    return table(("kernel", "launches", "µs in all"), rows)


def write(text, path=PERFORMANCE):
    """Puts `text` between the markers of the document, which are made before "Not measured" if there are none."""
    document = path.read_text()
    block = f"{BEGIN}\n{text}{END}\n"
    if BEGIN in document:
        before, rest = document.split(BEGIN, 1)
        document = before + block + rest.split(END + "\n", 1)[1]
    else:
        heading = "## Not measured\n"
        before, after = document.split(heading, 1)
        document = f"{before}## On a card\n\n{block}\n{heading}{after}"
    path.write_text(document)


if __name__ == "__main__":
    text = tables(json.loads(Path(sys.argv[1]).read_text()))
    if "--write" in sys.argv[2:]:
        write(text)
    else:
        print(text, end="")
