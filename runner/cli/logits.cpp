// logits: what a model makes of a text, for comparison with other programs.

#include <charconv>
#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/model_argument.h"

namespace saucier::cli {
namespace {

std::vector<std::int64_t> read_ids(const std::string& list) {
  std::vector<std::int64_t> ids;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    std::int64_t id = 0;
    const auto [stopped, problem] = std::from_chars(list.data() + begin, list.data() + end, id);
    if (problem != std::errc() || stopped != list.data() + end)
      throw Error(fmt::format("'{}' in --ids is not a token id", list.substr(begin, end - begin)), "write --ids 1,2,3");
    ids.push_back(id);
    begin = end + 1;
  }
  return ids;
}

}  // namespace

int logits(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_model_options(options);
  options.add_options()("prompt", po::value<std::string>()->value_name("TEXT"), "text, with <image> where a picture stands");
  options.add_options()("ids", po::value<std::string>()->value_name("1,2,3"), "token ids in its place");
  options.add_options()("image", po::value<std::vector<std::string>>()->value_name("FILE"), "a picture; any number of times, in their order");
  options.add_options()("dtype", po::value<std::string>()->value_name("float32|bfloat16")->default_value("float32"), "number format of the computation");
  options.add_options()("out", po::value<std::string>()->value_name("FILE"), "safetensors file to write");
  options.add_options()("hidden", "with hidden states and picture features")("pixels", "with the pixel values");
  const po::variables_map values = parse("logits", arguments, options, {});
  options::Request request;
  request.model = read_model("logits", values).reference;
  auto& asked = request.logits.emplace();
  if (values.count("prompt") && values.count("ids")) throw Error("'saucier logits' takes --prompt or --ids, not both");
  if (!values.count("prompt") && !values.count("ids")) throw Error("'saucier logits' needs --prompt or --ids", command("logits").example);
  if (!values.count("out")) throw Error("'saucier logits' needs --out", command("logits").example);
  if (values.count("prompt")) asked.prompt = text_of(values, "prompt");
  if (values.count("ids")) asked.ids = read_ids(text_of(values, "ids"));
  for (const std::string& file : strings(values, "image")) asked.images.push_back(existing(file, "image"));
  asked.dtype = text_of(values, "dtype");
  if (asked.dtype != "float32" && asked.dtype != "bfloat16") throw Error(fmt::format("--dtype is '{}' (allowed 'float32', 'bfloat16')", asked.dtype));
  asked.out = std::filesystem::absolute(text_of(values, "out")).string();
  asked.hidden = values.count("hidden") > 0;
  asked.pixels = values.count("pixels") > 0;
  return run_request(std::move(request), values);
}

}  // namespace saucier::cli
