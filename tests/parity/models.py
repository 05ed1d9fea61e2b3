"""Makes tests/data/model/: tiny random models, their inputs, and what transformers and PEFT compute from them.

    pip install torch==2.13.0 transformers==4.57.6 peft==0.21.2 pillow
    python tests/parity/models.py fixtures tests/data/model
    python tests/parity/models.py live BUILD_FOLDER

The C++ tests of modules/model and modules/checkpoint read these folders and must agree. Each folder is a model as the
libraries save it, with expected.safetensors beside it. `live` makes larger ones in a temporary folder and compares what
`saucier logits` says with the installed transformers.
"""
import copy
import json
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

WORDS = torch.tensor([[1, 5, 9, 33, 2, 17, 40, 11, 3, 59, 28, 7], [1, 8, 8, 21, 60, 3, 2, 44, 12, 8, 8, 30]])

# Every language model: a name, its config's class, and what is odd about it.
LANGUAGE = {
    "llama": ("Llama", {}),
    "llama_grouped": ("Llama", dict(num_key_value_heads=2, tie_word_embeddings=True, head_dim=6)),
    "llama_bias": ("Llama", dict(attention_bias=True, mlp_bias=True, vocab_size=61)),
    "llama_rope_llama3": ("Llama", dict(max_position_embeddings=32, rope_scaling=dict(
        rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8))),
    "llama_rope_linear": ("Llama", dict(rope_scaling=dict(rope_type="linear", factor=2.5))),
    "llama_rope_dynamic": ("Llama", dict(max_position_embeddings=8, rope_scaling=dict(rope_type="dynamic", factor=2.0))),
    "llama_rope_yarn": ("Llama", dict(rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=8))),
    "mistral": ("Mistral", dict(num_key_value_heads=2, sliding_window=None)),
    "mistral_window": ("Mistral", dict(num_key_value_heads=1, sliding_window=4)),
    "qwen2": ("Qwen2", dict(num_key_value_heads=2, tie_word_embeddings=True)),
    "qwen2_window": ("Qwen2", dict(num_key_value_heads=4, use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(num_key_value_heads=2, head_dim=8)),
    "qwen3_window": ("Qwen3", dict(num_key_value_heads=2, head_dim=8, attention_bias=True, use_sliding_window=True,
                                   sliding_window=5, layer_types=["sliding_attention", "full_attention"])),
    "phi3": ("Phi3", dict(num_key_value_heads=2, sliding_window=6)),
    "phi3_longrope": ("Phi3", dict(max_position_embeddings=32, original_max_position_embeddings=8, rope_scaling=dict(
        type="longrope", short_factor=[1.0, 1.1], long_factor=[1.5, 3.0]))),
    "phi3_partial": ("Phi3", dict(hidden_size=32, partial_rotary_factor=0.75, num_key_value_heads=4)),
}

VISION = {
    "clip": ("CLIPVision", {}),
    "clip_gelu": ("CLIPVision", dict(hidden_act="gelu", image_size=14)),  # 14 is no multiple of 4
    "siglip": ("SiglipVision", {}),
    "dinov2": ("Dinov2", dict(mlp_ratio=2)),
    "dinov2_swiglu": ("Dinov2", dict(use_swiglu_ffn=True, qkv_bias=False)),
    "dinov2_registers": ("Dinov2WithRegisters", dict(num_register_tokens=3, mlp_ratio=2)),
}


def randomise(model, seed):
    """Weights large enough that every path shows in the output, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() < 2:
                gain = (name.endswith("weight") and "norm" in name.lower()) or "lambda" in name
                parameter.copy_((1 if gain else 0) + 0.2 * noise)
            else:
                parameter.copy_(noise * 1.5 / parameter[0].numel() ** 0.5)
    return model.eval()


def keep(folder, **tensors):
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()},
              folder / "expected.safetensors")


def gradients_of(model, prefix=""):
    return {f"gradient.{prefix}{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}


def vision_model(kind, seed=1, **odd):
    common = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, image_size=12, patch_size=4,
                  attn_implementation="eager")
    if not kind.startswith("Dinov2"):
        common["intermediate_size"] = 24
    config = getattr(transformers, kind + "Config")(**{**common, **odd})
    return randomise(getattr(transformers, kind + "Model")(config), seed)


def tower(folder, kind, odd):
    model = vision_model(kind, **odd)
    model.save_pretrained(folder)
    side = model.config.image_size
    if kind == "CLIPVision":
        processor = transformers.CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        processor.save_pretrained(folder)
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    out = model(pixels, output_hidden_states=True)
    loss = (out.hidden_states[-2] ** 2).mean()
    loss.backward()
    extra = {}
    if kind != "SiglipVision":
        extra["pooled"] = out.pooler_output
    if kind.startswith("Dinov2"):  # other sizes of pictures: the positions are stretched
        extra["large_pixels"] = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(3))
        extra["large_hidden"] = model(extra["large_pixels"], output_hidden_states=True).hidden_states[-1]
    keep(folder, pixels=pixels, **extra, **{f"hidden.{i}": h for i, h in enumerate(out.hidden_states)}, loss=loss,
         **gradients_of(model))
    return model, pixels


def language_model(kind, seed=3, **odd):
    common = dict(vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                  max_position_embeddings=64, rope_theta=500.0, tie_word_embeddings=False, rms_norm_eps=1e-5,
                  pad_token_id=None, attn_implementation="eager")
    config = getattr(transformers, kind + "Config")(**{**common, **odd})
    return randomise(getattr(transformers, kind + "ForCausalLM")(config), seed)


def language(folder, kind, odd):
    model = language_model(kind, **odd)
    model.save_pretrained(folder)
    out = model(WORDS, output_hidden_states=True)
    loss = model(WORDS, labels=WORDS).loss
    loss.backward()
    gradients = gradients_of(model)
    narrow = copy.deepcopy(model).to(torch.bfloat16)
    keep(folder, ids=WORDS, logits=out.logits, logits_bfloat16=narrow(WORDS).logits.float(),
         **{f"hidden.{i}": h for i, h in enumerate(out.hidden_states)}, loss=loss, **gradients)
    return model


def whole(folder, kind):
    """CLIP or SigLIP with its text tower, from whose repository a vision tower is often taken."""
    vision = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=12, patch_size=4)
    text = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, vocab_size=32)
    config = getattr(transformers, kind + "Config")(text_config=text, vision_config=vision, projection_dim=16)
    model = randomise(getattr(transformers, kind + "Model")(config), 6)
    model.save_pretrained(folder)
    pixels = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    alone = getattr(transformers, kind + "VisionModel")(config.vision_config)
    alone.vision_model.load_state_dict(model.vision_model.state_dict())
    out = alone.eval()(pixels, output_hidden_states=True)
    keep(folder, pixels=pixels, **{f"hidden.{i}": h for i, h in enumerate(out.hidden_states)})


def adapter(folder, base, seed=4, **options):
    model = peft.get_peft_model(base, peft.LoraConfig(lora_dropout=0.0, task_type="CAUSAL_LM", **options))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.add_(0.4 * torch.randn(parameter.shape, generator=generator))
    model.eval()
    model.save_pretrained(folder)
    model.zero_grad()
    return model


def lora(folder, base, **options):
    model = adapter(folder, base, **options)
    out = model(WORDS, labels=WORDS)
    out.loss.backward()
    gradients = {"gradient." + name.replace(".default", "").removeprefix("base_model.model."): p.grad
                 for name, p in model.named_parameters() if p.requires_grad and "lora_" in name}
    keep(folder, ids=WORDS, logits=out.logits, loss=out.loss, **gradients)
    return model.unload()


def joined(vision, text, **odd):
    patches = (vision.config.image_size // vision.config.patch_size) ** 2
    config = transformers.LlavaConfig(vision_config=vision.config, text_config=text.config, image_token_index=63,
                                      **{**dict(vision_feature_layer=-2, vision_feature_select_strategy="default",
                                                image_seq_length=patches, attn_implementation="eager"), **odd})
    config.tie_word_embeddings = text.config.tie_word_embeddings
    model = randomise(transformers.LlavaForConditionalGeneration(config), 5)
    model.model.vision_tower.load_state_dict(vision.state_dict(), strict=False)
    model.model.language_model.load_state_dict(text.model.state_dict())
    model.lm_head.load_state_dict(text.lm_head.state_dict())
    return model.eval()


def picture_input(vision, keep_class=False):
    """A picture stands as so many tokens 63. The text has no id 2: that one marks a picture in the C++ test."""
    picture = [63] * ((vision.config.image_size // vision.config.patch_size) ** 2 + keep_class)
    ids = torch.tensor([[1, 5] + picture + [9, 33, 50, 17], [1] + picture + [8, 21, 60, 3, 50]])
    labels = ids.clone()
    labels[ids == 63] = -100
    labels[:, :2] = -100
    pixels = torch.randn(2, 3, vision.config.image_size, vision.config.image_size, generator=torch.Generator().manual_seed(2))
    return ids, labels, pixels


def llava(folder, vision, text, keep_class=False, **odd):
    """The joined model, on disk with the older names, as transformers saves it."""
    model = joined(vision, text, **odd)
    model.save_pretrained(folder)
    ids, labels, pixels = picture_input(vision, keep_class)
    out = model(input_ids=ids, pixel_values=pixels, labels=labels)
    out.loss.backward()
    gradients = gradients_of(model.model.multi_modal_projector)
    keep(folder, ids=ids, labels=labels, pixels=pixels, logits=out.logits, loss=out.loss, **gradients)
    return model


def llava_in_memory(folder, model, source):
    """The same model with the names that transformers >= 4.52 has in memory."""
    shutil.copytree(source, folder)
    save_file({name: p.detach().clone().contiguous() for name, p in model.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})


def llava_original(folder, model, source):
    """The same model as the original code keeps it: fields mm_…, the tower elsewhere, the projector also as mm_projector.bin."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.config.text_config.to_dict()
    config.update(model_type="llava", architectures=["LlavaLlamaForCausalLM"], mm_vision_tower="../clip", mm_hidden_size=16,
                  mm_projector_type="mlp2x_gelu", mm_vision_select_layer=-2, mm_vision_select_feature="patch",
                  image_aspect_ratio="pad", mm_use_im_start_end=False, mm_use_im_patch_token=False)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    names = {"linear_1": "0", "linear_2": "2"}
    projector = {f"model.mm_projector.{names[name.split('.')[0]]}.{name.split('.')[1]}": p.detach().clone()
                 for name, p in model.model.multi_modal_projector.named_parameters()}
    tensors = {f"model.{name}": p for name, p in model.model.language_model.state_dict().items()}
    tensors["lm_head.weight"] = model.lm_head.weight
    tensors.update(projector)
    torch.save({name: p.detach().clone().contiguous() for name, p in tensors.items()}, folder / "pytorch_model.bin")
    torch.save(projector, folder / "mm_projector.bin")
    torch.save({"base_model.model." + name: p for name, p in projector.items()}, folder / "non_lora_trainables.bin")
    shutil.copy(source / "expected.safetensors", folder)


def llava_lora(folder, source):
    """An adapter over LlavaForConditionalGeneration: the patterns also fit the vision tower; the projector is saved whole."""
    base = transformers.LlavaForConditionalGeneration.from_pretrained(source, attn_implementation="eager")
    model = adapter(folder, base, r=2, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"],
                    modules_to_save=["multi_modal_projector"], rank_pattern={"down_proj": 3}, alpha_pattern={"v_proj": 7})
    expected = load_file(source / "expected.safetensors")
    ids, pixels = expected["ids"], expected["pixels"]
    keep(folder, ids=ids, pixels=pixels, logits=model(input_ids=ids, pixel_values=pixels).logits)
    # The names that adapters of transformers < 4.52 have.
    older = folder.with_name(folder.name + "_older")
    shutil.copytree(folder, older)
    renamed = {name.replace("model.model.language_model.", "model.language_model.model.")
                   .replace("model.model.vision_tower.", "model.vision_tower.")
                   .replace("model.model.multi_modal_projector.", "model.multi_modal_projector."): p
               for name, p in load_file(folder / "adapter_model.safetensors").items()}
    save_file(renamed, older / "adapter_model.safetensors")


def fixtures(out):
    if out.exists():
        shutil.rmtree(out)
    towers = {name: tower(out / name, kind, odd)[0] for name, (kind, odd) in VISION.items()}
    models = {name: language(out / name, kind, odd) for name, (kind, odd) in LANGUAGE.items()}
    whole(out / "clip_whole", "CLIP")
    whole(out / "siglip_whole", "Siglip")
    full = llava(out / "llava", towers["clip"], models["llama"])
    llava_in_memory(out / "llava_in_memory", full, out / "llava")
    llava_original(out / "llava_original", full, out / "llava")
    llava(out / "llava_siglip_qwen2", towers["siglip"], models["qwen2"], vision_feature_layer=-1, vision_feature_select_strategy="full")
    llava(out / "llava_layers", towers["clip"], models["mistral"], vision_feature_layer=[-3, -1], multimodal_projector_bias=False)
    llava(out / "llava_class", towers["clip_gelu"], models["phi3"], keep_class=True, vision_feature_select_strategy="full")
    llava_lora(out / "llava_lora", out / "llava")
    lora(out / "lora", language_model("Llama"), r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"])
    lora(out / "lora_regex", language_model("Llama"), r=2, lora_alpha=3, use_rslora=True, target_modules=r".*layers\.1\..*proj",
         modules_to_save=["lm_head"])
    lora(out / "lora_phi3", language_model("Phi3", **LANGUAGE["phi3"][1]), r=3, lora_alpha=3, target_modules="all-linear")
    for extra in list(out.glob("*/README.md")):
        extra.unlink()
    total = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{total / 1000:.0f} kB in {out}; transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if sys.argv[1] == "fixtures":
        fixtures(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
