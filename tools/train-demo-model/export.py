"""Stage four: the model in the diffusers layout, in f16."""

import json
import shutil

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from safetensors.torch import save_file

import autoencoder
import scenes
import text
import transformer

FILES = {
    "transformer": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}
BYTES_MAX = 24_000_000


def stored(component, name, values):
    """A tensor as the file has it: f16. The text encoder's last layer is never used: zeros, for which 8 bits are enough."""
    if component == "text_encoder" and name.startswith(f"model.layers.{text.LAYERS - 1}.") and values.ndim == 2:
        return torch.zeros_like(values, dtype=torch.float8_e4m3fn)
    return values.to(torch.float16).contiguous()


def write(work_dir, subjects, seed, directory):
    """Writes the model to `directory`, without the VAE's encoder, which text-to-image does not need. Returns
    each part's steps, and the bytes."""
    _, decoder, decoder_steps = autoencoder.trained(work_dir)
    tokenizer, _, text_steps = text.trained(work_dir, subjects, seed)
    model, encoder, transformer_steps = transformer.trained(work_dir, tokenizer)
    trained_transformer = ZImageTransformer2DModel(**transformer.CONFIG)
    trained_transformer.load_state_dict(model.state_dict())
    vae = AutoencoderKL(**autoencoder.CONFIG)
    vae.decoder.load_state_dict(decoder.state_dict())
    encoder.config.dtype = torch.float16
    encoder.config.architectures = [type(encoder).__name__]
    pipeline = ZImagePipeline(
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=transformer.SHIFT, use_dynamic_shifting=False),
        transformer=trained_transformer,
        text_encoder=encoder,
        vae=vae,
    )
    for part in ("tokenizer", "text_encoder", "transformer", "vae", "scheduler"):
        shutil.rmtree(directory / part, ignore_errors=True)
    pipeline.save_config(directory)
    pipeline.scheduler.save_config(directory / "scheduler")
    # The tokenizer's files as they were trained, in the form in which Qwen3 is published.
    shutil.copytree(text.tokenizer_folder(work_dir, subjects), directory / "tokenizer")
    for component, file in FILES.items():
        module = getattr(pipeline, component)
        (directory / component).mkdir(parents=True)
        if component == "text_encoder":
            module.config.save_pretrained(directory / component)
        else:
            module.save_config(directory / component)
        tensors = {
            name: stored(component, name, parameter.detach())
            for name, parameter in module.named_parameters()
            if not name.startswith("encoder.")
        }
        save_file(tensors, directory / component / file, metadata={"format": "pt"})
    index = directory / "model_index.json"
    values = json.loads(index.read_text())
    # Tintype paints at this size and makes the others from it; diffusers passes over the key.
    values["_tintype"] = {"native_size": f"{scenes.SIDE}x{scenes.SIDE}"}
    index.write_text(json.dumps(values, indent=2) + "\n")
    total = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    assert total <= BYTES_MAX, f"{total:,} bytes, more than {BYTES_MAX:,}"
    print(f"{directory}: {total:,} bytes")
    return {"autoencoder": decoder_steps, "text": text_steps, "transformer": transformer_steps, "bytes": total}
