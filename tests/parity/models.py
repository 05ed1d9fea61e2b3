"""Makes tests/data/model/: tiny random models, their inputs, and what transformers and PEFT compute from them.

    pip install torch==2.13.0 transformers==4.57.6 peft==0.21.2 pillow
    python tests/parity/models.py tests/data/model

The C++ tests of modules/model and modules/checkpoint read these folders and must agree within 1e-5. Each folder is a
model as the libraries save it, with expected.safetensors beside it.
"""
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import save_file

WORDS = torch.tensor([[1, 5, 9, 33, 2, 17, 40], [1, 8, 8, 21, 60, 3, 2]])


def randomise(model, seed):
    """Weights large enough that every path shows in the output, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.copy_((1 if name.endswith("weight") and "norm" in name.lower() else 0) + 0.2 * noise)
            else:
                parameter.copy_(noise * 1.5 / parameter[0].numel() ** 0.5)
    return model.eval()


def keep(folder, **tensors):
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()},
              folder / "expected.safetensors")


def tower(folder):
    config = transformers.CLIPVisionConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=3,
                                           num_attention_heads=2, image_size=12, patch_size=4,
                                           attn_implementation="eager")
    model = randomise(transformers.CLIPVisionModel(config), 1)
    model.save_pretrained(folder)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12})
    processor.save_pretrained(folder)
    pixels = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    out = model(pixels, output_hidden_states=True)
    loss = (out.hidden_states[-2][:, 1:] ** 2).mean()
    loss.backward()
    gradients = {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None and
                 ("embeddings" in name or "pre_layrnorm" in name or "layers.1." in name)}
    keep(folder, pixels=pixels, pooled=out.pooler_output, **{f"hidden.{i}": h for i, h in enumerate(out.hidden_states)},
         loss=loss, **gradients)
    return model, pixels


def language(folder, kv_heads, tied, head_dim=None):
    config = transformers.LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=kv_heads, head_dim=head_dim,
                                      max_position_embeddings=64, rope_theta=500.0, tie_word_embeddings=tied,
                                      rms_norm_eps=1e-5, attn_implementation="eager")
    model = randomise(transformers.LlamaForCausalLM(config), 3)
    model.save_pretrained(folder)
    out = model(WORDS, output_hidden_states=True)
    loss = model(WORDS, labels=WORDS).loss
    loss.backward()
    gradients = {f"gradient.{name}": p.grad for name, p in model.named_parameters()}
    keep(folder, ids=WORDS, logits=out.logits, last_hidden=out.hidden_states[-1], loss=loss, **gradients)
    return model


def lora(folder, base):
    modules = ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"]
    model = peft.get_peft_model(base, peft.LoraConfig(r=4, lora_alpha=6, lora_dropout=0.0, target_modules=modules,
                                                      task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    model.eval()
    model.save_pretrained(folder)
    model.zero_grad()
    out = model(WORDS, labels=WORDS)
    out.loss.backward()
    gradients = {"gradient." + name.replace(".default", "").removeprefix("base_model.model."): p.grad
                 for name, p in model.named_parameters() if p.requires_grad}
    keep(folder, ids=WORDS, logits=out.logits, loss=out.loss, **gradients)
    return model.unload()


def llava(folder, vision, text, pixels):
    """The joined model: projector mlp2x_gelu, layer -2 without the class token, a picture as nine tokens 63.

    The text has no id 2: that one marks a picture in the C++ test."""
    config = transformers.LlavaConfig(vision_config=vision.config, text_config=text.config, image_token_index=63,
                                      vision_feature_layer=-2, vision_feature_select_strategy="default",
                                      image_seq_length=9, attn_implementation="eager")
    model = randomise(transformers.LlavaForConditionalGeneration(config), 5)
    model.model.vision_tower.load_state_dict(vision.state_dict())
    model.model.language_model.load_state_dict(text.model.state_dict())
    model.lm_head.load_state_dict(text.lm_head.state_dict())
    picture = [63] * 9
    ids = torch.tensor([[1, 5] + picture + [9, 33, 50, 17], [1] + picture + [8, 21, 60, 3, 50]])
    labels = ids.clone()
    labels[ids == 63] = -100
    labels[:, :2] = -100
    out = model(input_ids=ids, pixel_values=pixels, labels=labels)
    out.loss.backward()
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"multi_modal_projector.{name}": p.detach().contiguous()
               for name, p in model.model.multi_modal_projector.named_parameters()},
              folder / "projector.safetensors", metadata={"format": "pt"})
    gradients = {f"gradient.{name}": p.grad for name, p in model.model.multi_modal_projector.named_parameters()}
    keep(folder, ids=ids, labels=labels, pixels=pixels, logits=out.logits, loss=out.loss, **gradients)


def main(out):
    vision, pixels = tower(out / "clip")
    full = language(out / "llama", kv_heads=4, tied=False)
    language(out / "llama_grouped", kv_heads=2, tied=True, head_dim=6)
    lora(out / "lora", full)
    llava(out / "llava", vision, full, pixels)
    for extra in list(out.glob("*/README.md")):
        extra.unlink()
    total = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{total / 1000:.0f} kB in {out}")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1]))
