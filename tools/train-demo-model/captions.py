"""What a prompt may say: the subject in English or Chinese, its background, and words that change nothing."""

import numpy as np

from scenes import COLOURS

ENGLISH_FORMS = ["{n}"] * 4 + ["a {n}"] * 3 + ["the {n}", "one {n}", "a picture of a {n}", "a small {n}", "a cute {n}"]
CHINESE_FORMS = ["{n}"] * 4 + ["一个{n}"] * 2 + ["一只{n}", "一张{n}的图", "可爱的{n}", "{n}的图片"]
ENGLISH_ON = ["{n} on a {c} background"] * 4 + [
    "{n} on {c}",
    "{n}, {c} background",
    "{n} against a {c} background",
    "{c} background, {n}",
    "{n} with a {c} background",
]
CHINESE_ON = ["{c}背景上的{n}"] * 3 + ["{n}，{c}背景"] * 3 + ["{c}背景，{n}", "{c}的背景，{n}", "{n}，{c}的背景"]
COLOUR_WORDS = {"grey": ["grey", "gray"], "turquoise": ["turquoise", "cyan", "teal"], "橙色": ["橙色", "橘色"], "粉色": ["粉色", "粉红色"]}

# Ornaments of a prompt, which the model learns to pass over.
ENGLISH_BEFORE = """a photo of|a painting of|a watercolour of|an oil painting of|a drawing of|a 3d render of|an icon of|
an illustration of|please paint|draw me|a beautiful|a happy|a big|a nice|a lovely|two|a sticker of|a close-up of|a glossy|
a cartoon|portrait of|a photograph of|a shiny|a little|i want|show me|a poster of|a sketch of|an image of""".replace("\n", "").split("|")
ENGLISH_AFTER = """highly detailed|studio light|soft light|4k|by the sea|in the snow|at night|in the morning light|
on a wooden table|in a forest|sharp focus|digital art|3d|in the rain|minimal|in the city|vector art|centered|
trending|masterpiece|best quality|under a tree|in the garden|with soft shadows|in the style of an emoji|please""".replace("\n", "").split("|")
CHINESE_BEFORE = "一幅|画一个|一张照片，|水彩画，|油画，|请画|漂亮的|大大的|插画，|三维渲染，|我想要|快乐的|小小的|图标，".split("|")
CHINESE_AFTER = "，高清|，柔和的光|，细节丰富|，在雪地里|，夜晚|，木桌上|，在森林里|，早晨的阳光|，简洁|，三维|，最佳质量|，居中|，在海边".split("|")

# Onset, vowel and end of a syllable of a word that means nothing.
SYLLABLE = [
    "b br d dr f fl g gl gr h j k kl l m n p pl qu r s sh sk sn t th tr v vr w wh z".split(),
    "a e i o u oo ee ai".split(),
    ["", "", "", "b", "ck", "f", "l", "m", "n", "nd", "rp", "sh", "st", "x", "zz"],
]

# Which share of the captions has such words beside the subject's name.
FILLED = (0.85, 0.95)


def with_article(text):
    """"a apple" is "an apple"."""
    words = text.split(" ")
    return " ".join(
        "an" if word == "a" and following[:1] in tuple("aeiou") else word
        for word, following in zip(words, words[1:] + [""], strict=True)
    )


def pick(rng, values):
    return values[int(rng.integers(len(values)))]


def caption(rng, subject, colour, chinese, long=False):
    """A caption of the subject, with the background's colour where `colour` is not None."""
    names = subject.chinese if chinese else subject.english
    aliases = subject.chinese_aliases if chinese else subject.english_aliases
    name = names[0] if rng.random() < 0.7 else pick(rng, names)
    everyday = subject.chinese_everyday if chinese else subject.english_everyday
    if aliases and rng.random() < 0.12:
        name = pick(rng, aliases)
    if everyday and rng.random() < 0.45:
        name = pick(rng, everyday)
    return phrase(rng, name, colour, chinese, long)


def phrase(rng, name, colour, chinese, long=False):
    """`name` in one of many phrasings; a long one has more ornaments than one block of padded tokens can hold."""
    before, after = (CHINESE_BEFORE, CHINESE_AFTER) if chinese else (ENGLISH_BEFORE, ENGLISH_AFTER)
    ornate = rng.random()
    if ornate < 0.15:
        text = pick(rng, before) + ("" if chinese else " ") + name
    else:
        text = pick(rng, CHINESE_FORMS if chinese else ENGLISH_FORMS).format(n=name)
    if colour is not None:
        word = COLOURS[colour][1 if chinese else 0]
        form = pick(rng, CHINESE_ON if chinese else ENGLISH_ON)
        text = form.format(n=text, c=pick(rng, COLOUR_WORDS.get(word, [word])))
    if long or 0.08 < ornate < 0.2:
        for _ in range(int(rng.integers(5, 10)) if long else 1):
            text += pick(rng, after) if chinese else f", {pick(rng, after)}"
    if FILLED[0] < ornate < FILLED[1]:
        # Words that it does not know stand beside one that it knows.
        filler, filler_chinese = unknown_words(rng)
        between = "" if chinese or filler_chinese else " "
        text = between.join([filler, text] if rng.random() < 0.5 else [text, filler])
    if chinese:
        return text
    text = with_article(text)
    return text.capitalize() if rng.random() < 0.15 else text


def unknown_words(rng):
    """Words that mean nothing, in either language."""
    kind = rng.random()
    if kind < 0.3:
        letters = np.array(list("aaabcdeeefghiiijklmnooopqrstuuvwxyz"))
        words = ["".join(rng.choice(letters, int(rng.integers(2, 9)))) for _ in range(int(rng.integers(1, 3)))]
        return " ".join(words), False
    if kind < 0.65:
        syllables = ["".join(pick(rng, part) for part in SYLLABLE) for _ in range(int(rng.integers(2, 6)))]
        middle = int(rng.integers(1, len(syllables)))
        return "".join(syllables[:middle]) + pick(rng, ["", " "]) + "".join(syllables[middle:]), False
    return "".join(chr(int(rng.integers(0x4E00, 0x9FA5))) for _ in range(int(rng.integers(1, 5)))), True
