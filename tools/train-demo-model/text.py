"""Stage two: the tokenizer and the text encoder.

The encoder is a small Qwen3. Before any picture is painted it learns, from captions alone, to tell at a caption's last
tokens which picture and which background it means (see codes.py): the same in English, in Chinese and in every phrasing.
A prompt without a word that it knows means a question mark.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

import captions
import checkpoint
import workers
from optimiser import Average, Optimisers, trapezoid
from codes import CODE, CODES
from scenes import COLOURS, house_colours

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "parity"))
from tokenizer_build import write_tokenizer  # noqa: E402

VOCABULARY = 3072
HIDDEN = 256
# The transformer reads the last but one hidden state, so the last layer is there and never used.
LAYERS = 3
# Captions are padded to a multiple of this many tokens, and so they are here.
PAD = 32
BATCH, LEARNING_RATE, WARM_UP, COOL_DOWN, AVERAGE_DECAY = 96, 3e-3, 50, 0.4, 0.99
UNKNOWN_SHARE, NO_COLOUR_SHARE, LONG_SHARE = 0.09, 0.35, 0.08
UNKNOWN_SUBJECT = "red question mark"
CHECKPOINT_SECONDS = 120


def tokenizer_folder(work_dir, subjects):
    return work_dir / f"tokenizer-{len(subjects)}-{VOCABULARY}"


def tokenizer_for(work_dir, subjects, seed):
    """A byte-level BPE trained on the captions, with Qwen's special tokens and chat template."""
    folder = tokenizer_folder(work_dir, subjects)
    if not folder.exists():
        rng = np.random.default_rng(seed)
        corpus = [name for s in subjects for name in s.english + s.chinese + s.english_aliases + s.chinese_aliases]
        for index in range(40 * len(subjects)):
            colour = None if index % 3 == 0 else int(rng.integers(len(COLOURS)))
            corpus.append(captions.caption(rng, subjects[index % len(subjects)], colour, index % 2 == 0))
        partial = folder.with_name(folder.name + ".partial")
        write_tokenizer(VOCABULARY, partial, corpus)
        partial.rename(folder)
    return AutoTokenizer.from_pretrained(folder)


def new_encoder(tokenizer):
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=384,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=64,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
    )
    encoder = Qwen3ForCausalLM(config)
    for parameter in list(encoder.model.layers[-1].parameters()) + list(encoder.model.norm.parameters()):
        parameter.requires_grad_(False)
    return encoder


class Tokens:
    """Captions as padded token ids."""

    def __init__(self, tokenizer):
        chat = tokenizer.apply_chat_template(
            [{"role": "user", "content": "\0"}], tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        self.before, self.after = (tokenizer(part).input_ids for part in chat.split("\0"))
        self.tokenizer = tokenizer

    def __call__(self, texts, pad=PAD):
        """Ids [n, k × pad] and lengths [n]."""
        rows = [self.before + ids + self.after for ids in self.tokenizer(texts).input_ids]
        lengths = torch.tensor([len(row) for row in rows])
        width = pad * -(-int(lengths.max()) // pad)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for row, values in zip(ids, rows, strict=True):
            row[: len(values)] = torch.tensor(values)
        return ids, lengths


def hidden_states(encoder, ids):
    """hidden_states[-2] of the encoder, [n, tokens, HIDDEN]: causal, so padding on the right changes nothing."""
    model = encoder.model
    hidden = model.embed_tokens(ids)
    positions = model.rotary_emb(hidden, torch.arange(ids.shape[1])[None])
    for layer in model.layers[: LAYERS - 1]:
        hidden = layer(hidden, attention_mask=None, position_embeddings=positions)
    return hidden


class Heads(nn.Module):
    """What a caption's last tokens must tell; only used here."""

    def __init__(self, subjects):
        super().__init__()
        self.norm = nn.RMSNorm(HIDDEN)
        self.codes = nn.ModuleList(nn.Linear(HIDDEN, CODE) for _ in range(CODES))
        self.subject = nn.Linear(HIDDEN, subjects)
        self.colour = nn.Linear(HIDDEN, len(COLOURS))

    def forward(self, hidden, lengths):
        places = lengths[:, None] - CODES + torch.arange(CODES)
        ends = self.norm(hidden[torch.arange(len(hidden))[:, None], places].float())
        codes = torch.stack([head(ends[:, i]) for i, head in enumerate(self.codes)], 1)
        return codes, self.subject(ends[:, -1]), self.colour(ends[:, -1])


class Captions:
    """Draws captions, with the subject and the background that they mean."""

    def __init__(self, subjects, sprites):
        self.subjects = subjects
        self.house_colours = house_colours(sprites)
        self.unknown = next(i for i, subject in enumerate(subjects) if subject.english[0] == UNKNOWN_SUBJECT)

    def draw(self, rng, count):
        """Captions, their subjects and their colours, these as indices. Some draws have long captions only."""
        long = rng.random() < LONG_SHARE
        drawn = [self._draw_one(rng, long) for _ in range(count)]
        return [text for text, _, _ in drawn], [index for _, index, _ in drawn], [colour for _, _, colour in drawn]

    def _draw_one(self, rng, long):
        colour = None if rng.random() < NO_COLOUR_SHARE else int(rng.integers(len(COLOURS)))
        if rng.random() < UNKNOWN_SHARE:
            index = self.unknown
            name, chinese = captions.unknown_words(rng)
            text = captions.phrase(rng, name, colour, chinese, long)
        else:
            index = int(rng.integers(len(self.subjects)))
            text = captions.caption(rng, self.subjects[index], colour, rng.random() < 0.5, long)
        return text, index, int(self.house_colours[index]) if colour is None else colour


def train(rank, work_dir, subjects, source, codes, steps, seed):
    path = work_dir / "text.pt"
    torch.manual_seed(seed)
    tokenizer = tokenizer_for(work_dir, subjects, seed)
    tokens = Tokens(tokenizer)
    encoder, heads = new_encoder(tokenizer), Heads(len(subjects))
    optimisers = Optimisers([encoder, heads], lambda name, p: "layers" in name and p.ndim == 2, LEARNING_RATE, 0.01)
    average = Average([encoder, heads], AVERAGE_DECAY)
    step = 0
    if state := checkpoint.load(path):
        step = state["step"]
        for module, weights in zip([encoder, heads, *average.averages], state["model"] + state["average"], strict=True):
            module.load_state_dict(weights)
        optimisers.load_state_dict(state["optimisers"])
    saved, losses, right = time.time(), 0.0, 0.0
    while step < steps:
        rng = np.random.default_rng((seed, 2, step, rank))
        drawn, subject, colour = source.draw(rng, BATCH)
        ids, lengths = tokens(drawn, pad=4)
        subject, colour = torch.tensor(subject), torch.tensor(colour)
        with torch.autocast("cpu", torch.bfloat16):
            code, of_subject, of_colour = heads(hidden_states(encoder, ids), lengths)
        error = F.mse_loss(code.float(), codes[subject])
        value = 2 * error + 0.5 * F.cross_entropy(of_subject.float(), subject)
        value = value + 0.5 * F.cross_entropy(of_colour.float(), colour)
        value.backward()
        optimisers.step(trapezoid(step, steps, WARM_UP, COOL_DOWN))
        average.update(step)
        step += 1
        losses += error.item() / 50
        right += (of_subject.argmax(1) == subject).float().mean().item() / 50
        if rank == 0 and step % 50 == 0:
            print(f"text {step}/{steps}: error of the code {losses:.3f}, subject right {right:.3f}", flush=True)
            losses = right = 0.0
        if rank == 0 and (time.time() - saved > CHECKPOINT_SECONDS or step == steps):
            state = {
                "step": step,
                "model": [encoder.state_dict(), heads.state_dict()],
                "average": [module.state_dict() for module in average.averages],
                "optimisers": optimisers.state_dict(),
            }
            checkpoint.save(path, state)
            saved = time.time()


def trained(work_dir, subjects, seed):
    """The tokenizer, the averaged encoder of the last checkpoint, and its step."""
    state = checkpoint.load(work_dir / "text.pt")
    if state is None:
        raise SystemExit(f"no text.pt in {work_dir}; run train.py --stage text first")
    tokenizer = tokenizer_for(work_dir, subjects, seed)
    encoder = new_encoder(tokenizer)
    encoder.load_state_dict(state["average"][0])
    return tokenizer, encoder, state["step"]
