// What import, ask, logits and export --model say, word for word (tests/golden/models/COMMAND.txt), up to where they start
// the worker. tests/e2e/models.sh goes on from there.

#include <catch2/catch.hpp>

#include <fstream>

#include "runner/recipe/recipe.h"
#include "tests/must_be_current.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/report/filled_store.h"

using namespace saucier;

namespace {

const fs::path kTests = fs::path(SAUCIER_SOURCE_DIR) / "tests";

// A folder of models in which the commands are given, so that no path of this machine is in what they say.
class Golden {
 public:
  explicit Golden(std::string name) : name_(std::move(name)), before_(fs::current_path()) { fs::current_path(folder_.path()); }
  ~Golden() {
    fs::current_path(before_);
    must_be_current(kTests / "golden/models" / (name_ + ".txt"), text_);
  }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  Golden& has(const std::string& model) {
    fs::copy(kTests / "data/model" / model, model, fs::copy_options::recursive);
    return *this;
  }
  // As `model`, with other words in its config: the weights no longer fit it.
  Golden& has(const std::string& other, const std::string& model, const Json& words, const std::string& config = "config.json") {
    fs::copy(kTests / "data/model" / model, other, fs::copy_options::recursive);
    Json changed = parse_json(read_file(fs::path(other) / config), config);
    changed.update(words);
    write_file_atomic(fs::path(other) / config, changed.dump());
    return *this;
  }
  Golden& says(const std::vector<std::string>& given) {
    std::vector<std::string> arguments = {name_};
    arguments.insert(arguments.end(), given.begin(), given.end());
    text_ += transcript(arguments);
    return *this;
  }

 private:
  std::string name_, text_;
  TempFolder folder_;
  fs::path before_;
};

template <class T>
void put(std::ostream& out, T value) { out.write(reinterpret_cast<const char*>(&value), sizeof value); }
void put_text(std::ostream& out, const std::string& text) {
  put(out, std::uint64_t{text.size()});
  out << text;
}

// A GGUF file of one layer in float32, without its output norm.
void write_gguf(const fs::path& file, const std::string& architecture) {
  std::ofstream out(file, std::ios::binary);
  const std::vector<std::pair<std::string, std::uint32_t>> sizes = {{"embedding_length", 8}, {"feed_forward_length", 12}, {"block_count", 1},
                                                                     {"attention.head_count", 2}, {"context_length", 32}};
  const std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors = {
      {"token_embd.weight", {8, 16}}, {"blk.0.attn_norm.weight", {8}}, {"blk.0.ffn_norm.weight", {8}}, {"blk.0.attn_q.weight", {8, 8}},
      {"blk.0.attn_k.weight", {8, 8}}, {"blk.0.attn_v.weight", {8, 8}}, {"blk.0.attn_output.weight", {8, 8}}, {"blk.0.ffn_gate.weight", {8, 12}},
      {"blk.0.ffn_up.weight", {8, 12}}, {"blk.0.ffn_down.weight", {12, 8}}};
  out << "GGUF";
  put(out, std::uint32_t{3});
  put(out, std::uint64_t{tensors.size()});
  put(out, std::uint64_t{sizes.size() + 1});
  put_text(out, "general.architecture");
  put(out, std::uint32_t{8});  // a text
  put_text(out, architecture);
  for (const auto& [key, value] : sizes) {
    put_text(out, architecture + "." + key);
    put(out, std::uint32_t{4});  // uint32
    put(out, value);
  }
  std::uint64_t at = 0;
  for (const auto& [name, sides] : tensors) {
    put_text(out, name);
    put(out, static_cast<std::uint32_t>(sides.size()));
    std::uint64_t numbers = 1;
    for (const std::uint64_t side : sides) {
      put(out, side);
      numbers *= side;
    }
    put(out, std::uint32_t{0});  // float32
    put(out, at);
    at += numbers * 4;
  }
  out << std::string((32 - static_cast<std::uint64_t>(out.tellp()) % 32) % 32 + at, '\0');
}

// A store with the quickstart's first trial, of which only align has come to an end; its artifact is gone.
void fill_with_quickstart(const fs::path& file) {
  const recipe::Recipe recipe = recipe::load(fs::path(SAUCIER_SOURCE_DIR) / "recipes/quickstart.toml", {}, {});
  const auto store = store::Store::open(file);
  const recipe::Trial& trial = recipe.trials.front();
  const std::string aligned(64, 'a'), instructed(64, 'b');
  store->add_sweep("quickstart", "quickstart.toml", "", "maximize",
                   {{.name = trial.name, .parameters = Json::object(), .resolved = canonical(trial.resolved), .stages = {{"align", aligned}, {"instruct", instructed}}}});
  finish_stage(*store, aligned, "align", "train", {});
  fs::remove_all(store->artifacts() / aligned);
}

}  // namespace

TEST_CASE("import of a model, in words") {
  Golden golden("import");
  for (const char* model : {"llama", "qwen3", "clip", "clip_whole", "siglip", "dinov2_registers", "llava", "llava_in_memory", "llava_siglip_qwen2", "llava_original", "llava_lora", "lora"})
    golden.has(model);
  golden.has("longer", "llama", {{"num_hidden_layers", 3}}).has("shorter", "llama", {{"num_hidden_layers", 1}}).has("larger", "llama", {{"vocab_size", 65}});
  golden.has("odd", "llama", {{"hidden_act", "relu"}}).has("unknown", "llama", {{"model_type", "mamba"}}).has("nameless", "llama", {{"model_type", 3}});
  golden.has("bare", "llama", Json::object()).has("odd_adapter", "lora", {{"peft_type", 3}}, "adapter_config.json");
  golden.has("far", "llava_original", {{"mm_vision_tower", "openai/clip-vit-large-patch14"}}).has("circle", "llava_original", {{"mm_vision_tower", "."}});
  fs::remove("bare/model.safetensors");
  fs::copy(fs::path(SAUCIER_SOURCE_DIR) / "recipes/models/reader", "reader", fs::copy_options::recursive);
  for (const char* file : {"types.gguf", "types.safetensors", "plain.bin", "module.legacy.bin"}) fs::copy(kTests / "data/weights" / file, file);
  for (const char* folder : {"empty", "torn", "list"}) fs::create_directory(folder);
  write_file_atomic("torn/config.json", "{");
  write_file_atomic("list/config.json", "[]");
  for (const char* file : {"note.txt", "note.safetensors", "note.gguf"}) write_file_atomic(file, "text");
  write_gguf("small.gguf", "llama");
  write_gguf("state_space.gguf", "mamba");

  golden.says({"--help"}).says({}).says({"reader"});
  for (const char* model : {"llama", "qwen3", "clip", "clip_whole", "siglip", "dinov2_registers", "llava", "llava_in_memory", "llava_siglip_qwen2", "llava_original", "llava_lora", "lora"})
    golden.says({model});
  golden.says({"llama/model.safetensors"}).says({"llava_original/mm_projector.bin"}).says({"llava_original/pytorch_model.bin"})
      .says({"types.safetensors"}).says({"plain.bin"}).says({"module.legacy.bin"}).says({"small.gguf"}).says({"types.gguf"}).says({"state_space.gguf"});
  golden.says({"llava", "--json"}).says({"llava", "--csv"}).says({"llava", "--md"}).says({"longer", "--json"});
  golden.says({"longer"}).says({"shorter"}).says({"larger"}).says({"odd"}).says({"unknown"}).says({"nameless"}).says({"bare"}).says({"odd_adapter"})
      .says({"empty"}).says({"torn"}).says({"list"}).says({"far"}).says({"circle"}).says({"note.txt"}).says({"note.safetensors"}).says({"note.gguf"}).says({"nowhere"})
      .says({"llama", "--no-artifacts"});
}

TEST_CASE("ask, in words") {
  fs::path reader = fs::path(SAUCIER_SOURCE_DIR) / "recipes/models/reader";
  Golden golden("ask");
  fs::copy(reader, "reader", fs::copy_options::recursive);
  write_file_atomic("note.txt", "text");
  golden.says({"--help"}).says({}).says({"--model", "nowhere", "Hello?"}).says({"--model", "reader", "Hello?"}).says({"--model", "reader", "--template", "vicuna", "Hello?"})
      .says({"--model", "reader", "--template", "gpt", "Hello?"}).says({"--model", "note.txt", "Hello?"})
      .says({"--model", "reader", "--vision-tower", "tower", "Hello?"}).says({"--model", "reader", "--template", "plain", "--aspect", "wide", "Hello?"})
      .says({"--model", "reader", "--template", "plain", "--max-new-tokens", "0", "Hello?"})
      .says({"--model", "reader", "--template", "plain", "--max-new-tokens", "many", "Hello?"})
      .says({"--model", "reader", "--template", "plain", "--image", "fox.png", "Hello?"});
}

TEST_CASE("logits, in words") {
  Golden golden("logits");
  golden.has("llama");
  golden.says({"--help"}).says({}).says({"--model", "llama"}).says({"--model", "llama", "--prompt", "a fox", "--ids", "1,2", "--out", "x"})
      .says({"--model", "llama", "--ids", "1,2"}).says({"--model", "llama", "--ids", "1,,2", "--out", "x"}).says({"--model", "llama", "--ids", "", "--out", "x"})
      .says({"--model", "llama", "--ids", "1,two", "--out", "x"}).says({"--model", "llama", "--ids", "99999999999999999999", "--out", "x"})
      .says({"--model", "llama", "--ids", "1", "--out", "x", "--dtype", "float16"}).says({"--model", "llama", "--ids", "1", "--out", "x", "--aspect", "wide"})
      .says({"--model", "llama", "--projector", "nowhere.bin", "--ids", "1", "--out", "x"})
      .says({"--model", "llama", "--image", "fox.png", "--ids", "1", "--out", "x"}).says({"--model", "llama", "a fox", "--out", "x"});
}

TEST_CASE("export of a model, in words") {
  Golden golden("export");
  golden.has("llama").has("lora");
  fill_with_quickstart("results/saucier.db");
  golden.says({"--help"}).says({}).says({"--model", "llama"}).says({"--model", "llama", "one", "two"}).says({"--model", "llama", "llama"})
      .says({"--model", "llama", "new", "--layout", "hf"}).says({"--model", "llama", "new", "--layout", "orignal"}).says({"--model", "llama", "new", "--artifacts"})
      .says({"--model", "llama", "new", "--adapter", "nowhere"}).says({"--model", "quickstart-1", "new", "--adapter", "lora"})
      .says({"--model", "quickstart-2", "new"}).says({"--model", "quickstart-1:instrct", "new"}).says({"--model", "quickstart-1:bench", "new"})
      .says({"--model", "quickstart-1:instruct", "new"}).says({"--model", "quickstart-1", "new"}).says({"--model", "quickstart-1", "new", "--store", "other.db"})
      .says({"quickstart", "new", "--bfloat16"}).says({"quickstart", "new", "--layout", "original"});
  CHECK_FALSE(fs::exists("new"));
}
