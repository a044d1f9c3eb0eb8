"""A small byte-level BPE with the normaliser, splitting, decoder and special tokens of Qwen3's."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# (content, special) in the order of their ids, as in Qwen3.
ADDED_TOKENS = [
    ("<|endoftext|>", True),
    ("<|im_start|>", True),
    ("<|im_end|>", True),
    ("<|object_ref_start|>", True),
    ("<|object_ref_end|>", True),
    ("<|box_start|>", True),
    ("<|box_end|>", True),
    ("<|quad_start|>", True),
    ("<|quad_end|>", True),
    ("<|vision_start|>", True),
    ("<|vision_end|>", True),
    ("<|vision_pad|>", True),
    ("<|image_pad|>", True),
    ("<|video_pad|>", True),
    ("<tool_call>", False),
    ("</tool_call>", False),
    ("<|fim_prefix|>", False),
    ("<|fim_middle|>", False),
    ("<|fim_suffix|>", False),
    ("<|fim_pad|>", False),
    ("<|repo_name|>", False),
    ("<|file_sep|>", False),
    ("<tool_response>", False),
    ("</tool_response>", False),
    ("<think>", False),
    ("</think>", False),
]

# Qwen3's template, for the conversations that an image prompt makes.
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}"
    "{%- endif %}"
)

CORPUS = """
user assistant user assistant user assistant user
A red bicycle leans against the white wall of a small house by the sea, in the morning light.
The old lighthouse stands on the rocks, and the waves break under a grey sky full of birds.
A watercolour painting of a fox in the snow, with soft light and long blue shadows.
Photograph of a street market at night, lanterns and rain, people with umbrellas, reflections on the ground.
A portrait of a woman reading a book near the window; the curtain moves in the wind.
An oil painting of mountains and a river, with a wooden bridge and three horses on the far side.
A cat sleeps on the table between two cups of tea, and the sun shines through the steam.
The train leaves the station; the snow falls on the platform and on the roof of the carriages.
A paper boat floats down the stream, past the stones and the green moss, towards the lake.
A glass of water on a wooden table, sharp focus, high detail, natural light, 35mm film.
Blurry, low quality, distorted, watermark, text, bad anatomy, extra fingers, dark, noise.
A poster with the words "hello world" in large red letters on a yellow background.
It's late, they're tired, we've walked all day and I'll sleep; he'd stay if she didn't leave.
The children build a castle of sand, and the tide comes in; nothing remains but the shells.
An astronaut rides a white horse over the hills of the moon, with the earth rising behind.
一只猫坐在窗边，看着外面的雪。阳光照在木桌上，桌上有两杯茶。
一幅山水画，远处的山在云中，近处有一座小桥，桥下的水很清。
夜晚的城市，街道上的灯光，雨水，行人打着伞，地面上有倒影。
一个女人在窗边看书，风吹动窗帘，光线柔和，油画风格，细节丰富。
红色的自行车靠在白色的墙上，海边的小房子，早晨的阳光。
一只狐狸在雪地里，蓝色的影子，水彩画，柔和的光。
老人在河边钓鱼，河水很静，远处有山，天空是灰色的，有很多鸟。
海报上写着红色的大字，背景是黄色的，风格简单。
"""


def build_tokenizer(vocab_size, corpus):
    """Trains the tokenizer on the lines of `corpus`: bytes first, then merges, then the added tokens, as in Qwen3."""
    tokenizer = Tokenizer(BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(ADDED_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens([AddedToken(text, special=special, normalized=False) for text, special in ADDED_TOKENS])
    assert tokenizer.get_vocab_size() == vocab_size
    return tokenizer


def write_tokenizer(vocab_size, directory, corpus=tuple(CORPUS.strip().splitlines())):
    """tokenizer.json and tokenizer_config.json, in the form in which Qwen3 is published."""
    tokenizer = build_tokenizer(vocab_size, corpus)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(text)): {
                "content": text,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": special,
            }
            for text, special in ADDED_TOKENS
        },
        "additional_special_tokens": [text for text, special in ADDED_TOKENS[1:] if special],
        "bos_token": None,
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
