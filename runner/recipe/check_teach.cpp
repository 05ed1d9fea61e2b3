// Synthesize stages: teachers, kinds, what is written of which source.

#include <algorithm>
#include <cstdlib>

#include "modules/base/suggest.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

constexpr std::string_view kTemplate = "template";
constexpr std::string_view kReadyKinds[] = {"conversation", "detail", "reasoning"};

bool contains(const std::vector<std::string>& list, std::string_view word) { return std::find(list.begin(), list.end(), word) != list.end(); }

bool is_ready(std::string_view kind) { return std::ranges::find(kReadyKinds, kind) != std::end(kReadyKinds); }

bool is_variable(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// What only teachers of one kind look at.
struct KeysOf {
  std::string_view kind;
  std::vector<std::string_view> keys;
};

const std::vector<KeysOf>& teacher_keys() {
  static const std::vector<KeysOf> kKinds = {
      {"endpoint", {"url", "model", "key", "sight", "temperature", "top_p", "extra", "concurrency", "timeout", "retries", "requests_per_minute", "tokens_per_minute", "price_prompt", "price_reply", "budget_tokens", "budget"}},
      {"model", {"path"}},
      {"self", {"stage", "sight"}}};
  return kKinds;
}

class TeacherChecks {
 public:
  TeacherChecks(const Bound& bound, const Node& node, const options::TeacherOptions& teacher, Diagnostics& problems)
      : bound_(bound), node_(node), teacher_(teacher), problems_(problems) {}

  void check() {
    check_name(node_, "teacher", problems_);
    if (node_.key == kTemplate)
      problems_.error("bad-name", place(node_), fmt::format("there is a teacher '{}' already", node_.key), "give yours another name");
    check_keys();
    if (teacher_.kind == "endpoint") check_endpoint();
    if (teacher_.kind == "model") need("path");
    if (teacher_.kind == "self" && need("stage")) check_trained();
  }

 private:
  bool need(const char* key) {
    if (const Node* said = node_.find(key)) return said->is(Kind::kString);
    problems_.error("missing-key", place(node_), fmt::format("teacher '{}' needs '{}' (kind '{}')", node_.key, key, teacher_.kind));
    return false;
  }

  void check_keys() {
    const options::Table& known = options::table_of<options::TeacherOptions>();
    for (const Node& item : node_.items) {
      const options::Field* field = known.find(item.key);
      std::string others;
      bool own = true;
      for (const KeysOf& kind : teacher_keys()) {
        if (std::find(kind.keys.begin(), kind.keys.end(), item.key) == kind.keys.end()) continue;
        others += fmt::format("{}'{}'", others.empty() ? "" : ", ", kind.kind);
        own = false;
        if (kind.kind == teacher_.kind) own = true, others.clear();
        if (own) break;
      }
      if (own || !field || options::key_to_json(teacher_, item.key) == field->default_value) continue;
      problems_.error("unused-key", place(item), fmt::format("teacher '{}' does not use '{}' (kind '{}')", node_.key, item.key, teacher_.kind),
                      fmt::format("remove it; it is for {}", others));
    }
  }

  void check_endpoint() {
    if (need("url") && !teacher_.url.starts_with("http://") && !teacher_.url.starts_with("https://"))
      problems_.error("bad-url", place_of(node_, "url"), fmt::format("'url' must begin with 'http://' or 'https://' (got '{}')", teacher_.url),
                      "write, say, url = \"http://localhost:8080/v1\"");
    need("model");
    if (!teacher_.key.empty()) check_key();
    if (teacher_.budget && teacher_.price_prompt == 0 && teacher_.price_reply == 0)
      problems_.error("missing-key", place_of(node_, "budget"), fmt::format("teacher '{}' has a budget of money and no prices", node_.key), "give price_prompt and price_reply, or budget_tokens in its place");
    const Node* extra = node_.find("extra");
    if (!extra || !extra->is(Kind::kTable)) return;
    for (const Node& field : extra->items)
      if (field.is(Kind::kString) && !Json::accept(field.text()))
        problems_.error("bad-json", field.position, fmt::format("'extra.{}' is not JSON (got '{}')", field.key, field.text()), fmt::format("write '\"{}\"' for a text", field.text()));
  }

  void check_key() {
    if (!is_variable(teacher_.key)) {  // it may be the key itself: neither it nor its line is shown
      problems_.error("bad-key", place(node_), fmt::format("'key' of teacher '{}' must be the name of an environment variable", node_.key), "put the key into a variable of the environment, and take it out of the recipe");
      return;
    }
    const bool asked = std::ranges::any_of(bound_.stages, [&](const BoundStage& stage) { return contains(teachers_of(bound_, stage), node_.key); });
    if (asked && !std::getenv(teacher_.key.c_str()))
      problems_.warning("unset-variable", place_of(node_, "key"), fmt::format("the environment variable '{}' with the key of teacher '{}' is not set", teacher_.key, node_.key),
                        "set it before the recipe is run");
  }

  void check_trained() {
    const BoundStage* stage = bound_.stage(teacher_.stage);
    if (!stage) {
      std::vector<std::string> known;
      for (const BoundStage& other : bound_.stages)
        if (other.kind == "train") known.push_back(other.name);
      problems_.error("unknown-stage", place_of(node_, "stage"), fmt::format("no stage '{}' in the recipe", teacher_.stage), suggestion(teacher_.stage, known));
    } else if (stage->kind != "train" && !stage->kind.empty()) {
      problems_.error("wrong-stage-kind", place_of(node_, "stage"), fmt::format("stage '{}' leaves no model: it is a stage of kind '{}'", stage->name, stage->kind), "name a stage of kind 'train'");
    }
  }

  const Bound& bound_;
  const Node& node_;
  const options::TeacherOptions& teacher_;
  Diagnostics& problems_;
};

class SynthesizeChecks {
 public:
  SynthesizeChecks(const Bound& bound, const BoundStage& stage, Diagnostics& problems)
      : bound_(bound), stage_(stage), node_(*stage.node), options_(*stage.synthesize), problems_(problems) {}

  void check() {
    const bool known = options_.teacher == kTemplate || check_asked(node_, "teacher", options_.teacher, true);
    if (const Node* filters = node_.find("filters"); filters && filters->is(Kind::kTable)) check_filters(*filters);
    if (known) check_kinds();
    check_source();
  }

 private:
  void error(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place_of(node_, key), std::move(message), std::move(hint));
  }

  // A teacher that is named at `key` of `table`.
  bool check_asked(const Node& table, const char* key, const std::string& name, bool with_template) {
    const Node* said = table.find(key);
    if (!said || !said->is(Kind::kString) || name.empty()) return false;
    std::vector<std::string> known = names_of(*bound_.root, "teacher");
    const bool there = contains(known, name);
    if (there) {
      check_trained_before(bound_, stage_, said->position, name, problems_);
      return true;
    }
    if (with_template) known.emplace_back(kTemplate);
    problems_.error("unknown-teacher", said->position, fmt::format("no teacher '{}' in the recipe", name), suggestion(name, known));
    return false;
  }

  void check_filters(const Node& filters) {
    if (options_.teacher == kTemplate) {
      if (options::to_json(options_.filters) != options::to_json(options::FilterOptions()))
        problems_.error("unused-key", place(filters), fmt::format("{} filters nothing: the template teacher's samples are true as they are", stage_.what), "remove 'filters', or name a [teacher.NAME]");
      return;
    }
    check_asked(filters, "blind", options_.filters.blind, false);
    check_asked(filters, "judge", options_.filters.judge, false);
    const auto in_order = [&](const char* least, std::int64_t min, const char* most, std::int64_t max) {
      if (min > max) problems_.error("out-of-range", place_of(filters, filters.find(least) ? least : most), fmt::format("'{}' must not exceed '{}' (got {} and {})", least, most, min, max));
    };
    in_order("min_question_words", options_.filters.min_question_words, "max_question_words", options_.filters.max_question_words);
    in_order("min_answer_words", options_.filters.min_answer_words, "max_answer_words", options_.filters.max_answer_words);
  }

  void check_kinds() {
    const Node* kinds = node_.find("kinds");
    if (!stage_.said.contains("kinds") || !kinds || !kinds->is(Kind::kTable)) return;
    double sum = 0;
    for (const auto& [kind, share] : options_.kinds) sum += share;
    if (sum <= 0) error("no-weight", "kinds", fmt::format("{} writes nothing: every proportion is 0", stage_.what));
    std::vector<std::string> known;
    if (options_.teacher == kTemplate) {
      known = options::table_of<options::SynthesizeOptions>().find("kinds")->rule.choices;
    } else {
      known.assign(std::begin(kReadyKinds), std::end(kReadyKinds));
      for (const std::string& name : names_of(*bound_.root, "kind"))
        if (!contains(known, name)) known.push_back(name);
    }
    for (const Node& kind : kinds->items)
      if (!contains(known, kind.key)) problems_.error("unknown-choice", place(kind), fmt::format("unknown word '{}' in 'kinds'", kind.key), suggestion(kind.key, known));
  }

  void check_source() {
    if (!stage_.said.contains("source")) return;
    const std::vector<std::string> known = names_of(*bound_.root, "data");
    constexpr std::string_view kPrefix = "data.";
    if (!contains(known, options_.source)) {
      const bool prefixed = options_.source.starts_with(kPrefix);
      error("unknown-source", "source", fmt::format("no data source '{}' in the recipe", options_.source),
            prefixed ? fmt::format("write \"{}\"", options_.source.substr(kPrefix.size())) : suggestion(options_.source, known));
      return;
    }
    const auto it = bound_.options.data.find(options_.source);
    if (it == bound_.options.data.end() || it->second.format.empty()) return;
    const std::string& format = it->second.format;
    if (options_.teacher == kTemplate && format != "scenes")
      error("wrong-source", "source", fmt::format("the template teacher reads scenes, and '{}' is of format '{}'", options_.source, format), "name a source of format 'scenes'");
    else if (format != "scenes" && format != "coco" && format != "captions")
      error("wrong-source", "source", fmt::format("a teacher reads captions and boxes, and '{}' is of format '{}'", options_.source, format), "name a source of format 'scenes', 'coco' or 'captions'");
  }

  const Bound& bound_;
  const BoundStage& stage_;
  const Node& node_;
  const options::SynthesizeOptions& options_;
  Diagnostics& problems_;
};

}  // namespace

void check_teacher(const Bound& bound, const std::string& name, Diagnostics& problems) {
  if (const auto it = bound.options.teachers.find(name); it != bound.options.teachers.end())
    TeacherChecks(bound, *bound.root->find("teacher")->find(name), it->second, problems).check();
}

void check_kind(const Bound& bound, const std::string& name, Diagnostics& problems) {
  const auto it = bound.options.kinds.find(name);
  if (it == bound.options.kinds.end()) return;
  const Node& node = *bound.root->find("kind")->find(name);
  check_name(node, "kind", problems);
  if (is_ready(name)) return;
  const options::KindOptions& kind = it->second;
  if (kind.prompts.empty() && kind.system.empty() && !node.find("prompts"))
    problems.error("missing-key", place(node), fmt::format("kind '{}' needs 'system' or 'prompts'", name), "say what the teacher is to write");
  else if (kind.layout == "answer" && kind.questions.empty() && kind.prompts.empty() && !node.find("prompts"))
    problems.error("missing-key", place(node), fmt::format("kind '{}' needs 'questions' (layout 'answer')", name), "give the questions that its replies answer");
}

void check_synthesize(const Bound& bound, const BoundStage& stage, Diagnostics& problems) { SynthesizeChecks(bound, stage, problems).check(); }

void check_trained_before(const Bound& bound, const BoundStage& stage, const Position& at, const std::string& name, Diagnostics& problems) {
  const auto teacher = bound.options.teachers.find(name);
  if (teacher == bound.options.teachers.end() || teacher->second.kind != "self") return;
  const BoundStage* trained = bound.stage(teacher->second.stage);
  if (trained && trained->kind == "train" && bound.index_of(*trained) > bound.index_of(stage))
    problems.error("stage-order", at, fmt::format("teacher '{}' is what stage '{}' trains, which comes after '{}'", name, trained->name, stage.name),
                   fmt::format("move stage '{}' above '{}'", trained->name, stage.name));
}

std::vector<std::string> teachers_of(const Bound& bound, const BoundStage& stage) {
  std::vector<std::string> names;
  for (const std::string& benchmark : benchmarks_of(bound, stage))
    if (const std::string& judge = bound.options.benchmarks.at(benchmark).judge; bound.options.teachers.contains(judge) && !contains(names, judge)) names.push_back(judge);
  if (!stage.synthesize || stage.synthesize->teacher == kTemplate) return names;
  for (const std::string& name : {stage.synthesize->teacher, stage.synthesize->filters.blind, stage.synthesize->filters.judge})
    if (bound.options.teachers.contains(name) && !contains(names, name)) names.push_back(name);
  return names;
}

std::vector<std::string> kinds_of(const Bound& bound, const BoundStage& stage) {
  std::vector<std::string> names;
  if (!stage.synthesize || stage.synthesize->teacher == kTemplate) return names;
  for (const auto& [name, share] : stage.synthesize->kinds)
    if (share > 0 && bound.options.kinds.contains(name)) names.push_back(name);
  return names;
}

}  // namespace saucier::recipe
