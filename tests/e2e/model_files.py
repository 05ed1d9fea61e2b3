#!/usr/bin/env python3
"""Small safetensors files for models.sh, made and compared. Standard library only.

    model_files.py projector FILE IN OUT        a two-layer projector of random weights
    model_files.py adapter FOLDER WIDTH LAYERS  a PEFT adapter over q_proj and v_proj of a language model
    model_files.py names FILE                   the tensors' names, a line each
    model_files.py ids FILE                     input_ids, with commas between
    model_files.py compare A B LARGEST          exit 1 where tensors that both hold differ by more
"""
import json
import random
import struct
import sys
from pathlib import Path


def write(file, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    text = json.dumps(header).encode()
    Path(file).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(file):
    content = Path(file).read_bytes()
    begin = 8 + struct.unpack("<Q", content[:8])[0]
    tensors = {}
    for name, tensor in json.loads(content[8:begin]).items():
        if name != "__metadata__":
            first, last = tensor["data_offsets"]
            letter = {"F32": "f", "I64": "q"}[tensor["dtype"]]
            tensors[name] = [number for (number,) in struct.iter_unpack("<" + letter, content[begin + first : begin + last])]
    return tensors


def some(*shape, scale):
    count = 1
    for side in shape:
        count *= side
    return list(shape), [random.gauss(0, scale) for _ in range(count)]


def projector(file, width_in, width_out):
    write(file, {"multi_modal_projector.linear_1.weight": some(width_out, width_in, scale=0.05),
                 "multi_modal_projector.linear_1.bias": some(width_out, scale=0.05),
                 "multi_modal_projector.linear_2.weight": some(width_out, width_out, scale=0.05),
                 "multi_modal_projector.linear_2.bias": some(width_out, scale=0.05)})


def adapter(folder, width, layers, rank=4):
    Path(folder).mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": None, "r": rank, "lora_alpha": 2 * rank,
              "target_modules": ["q_proj", "v_proj"], "bias": "none"}
    (Path(folder) / "adapter_config.json").write_text(json.dumps(config))
    tensors = {}
    for layer in range(layers):
        for name in config["target_modules"]:
            place = f"base_model.model.model.language_model.layers.{layer}.self_attn.{name}"
            tensors[place + ".lora_A.weight"] = some(rank, width, scale=0.1)
            tensors[place + ".lora_B.weight"] = some(width, rank, scale=0.1)
    write(Path(folder) / "adapter_model.safetensors", tensors)


def compare(a, b, largest):
    ours, theirs = read(a), read(b)
    both = sorted(ours.keys() & theirs.keys())
    if "logits" not in both:
        sys.exit(f"no logits in both {a} and {b}")
    for name in both:
        apart = max((abs(x - y) for x, y in zip(ours[name], theirs[name], strict=True)), default=0)
        if not apart <= largest:
            sys.exit(f"{name} of {a} and {b} differ by {apart}")


def main():
    random.seed(6)
    what, *given = sys.argv[1:]
    if what == "projector":
        projector(given[0], int(given[1]), int(given[2]))
    elif what == "adapter":
        adapter(given[0], int(given[1]), int(given[2]))
    elif what == "names":
        print("\n".join(read(given[0])))
    elif what == "ids":
        print(",".join(str(number) for number in read(given[0])["input_ids"]))
    elif what == "compare":
        compare(given[0], given[1], float(given[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
