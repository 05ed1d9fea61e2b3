#include "modules/text/post_processor.h"

#include <limits>

#include "modules/base/error.h"
#include "modules/text/fields.h"

namespace saucier::text {
namespace {

constexpr std::int64_t kLargestId = std::numeric_limits<std::int32_t>::max();

// ["</s>", 2]
std::int32_t id_of_pair(const Fields& fields, const char* key) {
  const Json& pair = fields.list(key);
  if (pair.size() != 2 || !pair[1].is_number_integer()) throw Error(fmt::format("'{}' is not a token with its id", fields.name(key)));
  const Json id = {{"id", pair[1]}};
  return static_cast<std::int32_t>(Fields(id, fields.name(key)).number("id", 0, kLargestId));
}

}  // namespace

PostProcessor PostProcessor::read(const Json& post_processor) {
  PostProcessor out;
  if (!post_processor.is_null()) out.add(post_processor, 0);
  return out;
}

void PostProcessor::add(const Json& post_processor, int depth) {
  const Fields fields(post_processor, "post_processor");
  const std::string type = fields.type();
  if (type == "Sequence") {
    fields.check_depth(depth);
    for (const Json& part : fields.list("processors")) add(part, depth + 1);
  } else if (type == "ByteLevel" || type == "RobertaProcessing") {
    trim_offsets = trim_offsets || fields.flag("trim_offsets", true);
    add_prefix_space = fields.flag("add_prefix_space", true);
  } else if (type == "TemplateProcessing") {
    add_template(post_processor);
  } else if (type != "BertProcessing") {
    throw Error(fmt::format("post_processor '{}' is not supported", type));
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    begin.insert(begin.begin(), id_of_pair(fields, "cls"));
    end.push_back(id_of_pair(fields, "sep"));
  }
}

void PostProcessor::add_template(const Json& post_processor) {
  const Fields fields(post_processor, "post_processor");
  const Json none = Json::object();
  const Fields special(fields.has("special_tokens") ? fields.at("special_tokens") : none, "post_processor.special_tokens");
  std::vector<std::int32_t> before, behind;
  bool seen = false;
  for (const Json& piece : fields.list("single")) {
    const Fields part(piece, "post_processor.single");
    if (part.has("Sequence")) {
      if (seen || Fields(part.at("Sequence"), "post_processor.single.Sequence").text("id") != "A")
        throw Error("'post_processor.single' has more than the sequence 'A' once, which is not supported");
      seen = true;
      continue;
    }
    const std::string name = Fields(part.at("SpecialToken"), "post_processor.single.SpecialToken").text("id");
    const Fields token(special.at(name.c_str()), special.name(name.c_str()));
    for (const Json& value : token.list("ids")) {
      const Json id = {{"ids", value}};
      (seen ? behind : before).push_back(static_cast<std::int32_t>(Fields(id, token.where()).number("ids", 0, kLargestId)));
    }
  }
  if (!seen) throw Error("'post_processor.single' lacks the sequence 'A'");
  begin.insert(begin.begin(), before.begin(), before.end());
  end.insert(end.end(), behind.begin(), behind.end());
}

}  // namespace saucier::text
