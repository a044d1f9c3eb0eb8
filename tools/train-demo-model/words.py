"""The words that the demo model was taught, for the playground: writes its module playground-known-words.js."""

import argparse
import textwrap
from pathlib import Path

from subjects import fetch, load_subjects

TARGET = Path(__file__).resolve().parents[2] / "src/http/pages/playground/playground-known-words.js"


def names(subjects, language):
    kinds = (language, language + "_aliases", language + "_everyday")
    found = {name.replace("|", " ").strip() for subject in subjects for kind in kinds for name in getattr(subject, kind)}
    return sorted(name for name in found if name and name.isascii() == (language == "english"))


def written(words):
    lines = textwrap.wrap("| ".join(words), 136, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\\", "").replace("`", "").replace("| ", "|").replace("|\n", "|\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, default=Path("target/train-demo-model"))
    work_dir = parser.parse_args().work_dir
    fetch(work_dir)
    subjects = load_subjects(work_dir)
    english, chinese = (written(names(subjects, language)) for language in ("english", "chinese"))
    TARGET.write_text(
        "// What the demo model was taught, as tools/train-demo-model/words.py writes it: Unicode CLDR's names (Unicode-3.0),\n"
        "// emojibase's (MIT), and everyday words. Nothing else is known to it.\n\n"
        f"/** English names, with bars between. */\nexport const ENGLISH = `{english}`;\n\n"
        f"/** Chinese names, with bars between. */\nexport const CHINESE = `{chinese}`;\n",
        encoding="utf-8",
    )
    print(f"{len(subjects)} things, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
