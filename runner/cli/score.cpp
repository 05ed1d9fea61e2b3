// score: a benchmark's own scoring of answers that stand in a file, without any model.

#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "modules/bench/catalogue.h"
#include "modules/bench/judging.h"
#include "modules/teach/endpoint.h"
#include "runner/cli/table_output.h"

namespace saucier::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kOf95Percent = 1.959963984540054;  // of a normal distribution, both sides
constexpr size_t kShownProblems = 10;               // of one kind, for people

options::BenchmarkOptions benchmark_options(const std::string& kind, const po::variables_map& values) {
  options::BenchmarkOptions options;
  options.kind = kind;
  options.data = text_of(values, "data");
  options.pictures = text_of(values, "pictures");
  options.split = text_of(values, "split");
  if (values.count("variant")) options.variant = text_of(values, "variant");
  if (values.count("scorer")) options.scorer = text_of(values, "scorer");
  if (values.count("normaliser")) options.normaliser = text_of(values, "normaliser");
  if (values.count("limit")) options.limit = number(values, "limit", 1);
  options.seed = number(values, "seed", 0);
  return options;
}

// All at once, those of one kind together and only the first few of them.
void print_problems(const fs::path& file, const std::vector<bench::AnswerProblem>& problems) {
  std::vector<std::string> codes;
  for (const bench::AnswerProblem& problem : problems)
    if (std::find(codes.begin(), codes.end(), problem.code) == codes.end()) codes.push_back(problem.code);
  for (const std::string& code : codes) {
    size_t count = 0;
    for (const bench::AnswerProblem& problem : problems) {
      if (problem.code != code || count++ >= kShownProblems) continue;
      const std::string place = problem.line > 0 ? fmt::format("{}:{}", file.string(), problem.line) : file.string();
      std::fputs(fmt::format("{}: error: {}\n", place, problem.message).c_str(), stderr);
    }
    if (count > kShownProblems) std::fputs(fmt::format("{}: and {} more like this ({})\n", file.string(), count - kShownProblems, code).c_str(), stderr);
  }
}

Json problems_json(const std::vector<bench::AnswerProblem>& problems) {
  Json out = Json::array();
  for (const bench::AnswerProblem& problem : problems) {
    Json one = {{"code", problem.code}, {"message", problem.message}};
    if (!problem.question.empty()) one["question"] = problem.question;
    if (problem.line > 0) one["line"] = problem.line;
    out.push_back(std::move(one));
  }
  return out;
}

bench::AskJudge judge_of(const po::variables_map& values) {
  if (!values.count("judge-url")) return {};
  options::TeacherOptions options;
  options.url = text_of(values, "judge-url");
  options.model = text_of(values, "judge-model");
  options.key = text_of(values, "judge-key");
  options.temperature = 0.2;
  options.max_tokens = 1024;  // as LLaVA's eval_gpt_review_bench.py asks
  const fs::path replies = text_of(values, "judge-replies");
  return [options, replies](std::span<const bench::Review> reviews) {
    const std::unique_ptr<teach::Writer> judge = teach::open_endpoint(options, replies);
    std::vector<teach::Prompt> prompts;
    for (const bench::Review& review : reviews) {
      teach::Prompt prompt{.messages = {}, .temperature = options.temperature, .top_p = 1, .max_tokens = options.max_tokens};
      if (!review.system.empty()) prompt.messages.push_back({"system", review.system});
      prompt.messages.push_back({"user", review.prompt});
      prompts.push_back(std::move(prompt));
    }
    std::vector<std::string> texts(reviews.size());
    std::string why;
    size_t failed = 0;
    judge->ask(prompts, [&](size_t i, const teach::Reply& reply) {
      texts[i] = reply.text;
      if (!reply.failure.empty()) ++failed, why = reply.failure;
    });
    if (failed > 0) throw Error(fmt::format("the judge failed to reply about {} of {} answers ({})", failed, reviews.size(), why), "run the same again: only what failed is asked for");
    return texts;
  };
}

struct Scored {
  const bench::Benchmark& benchmark;
  std::string variant;
  std::vector<bench::Score> scores;
  std::vector<bench::AnswerProblem> problems;
};

void print_json(const Scored& scored) {
  Json metrics = Json::object();
  for (const bench::Score& score : scored.scores)
    metrics[score.metric] = {{"value", score.value},
                             {"stderr", score.stderr_value},
                             {"ci95", {score.value - kOf95Percent * score.stderr_value, score.value + kOf95Percent * score.stderr_value}},
                             {"n", score.n}};
  const Json out = {{"benchmark", scored.benchmark.name()},
                    {"variant", scored.variant},
                    {"n", scored.benchmark.items().size()},
                    {"main", scored.benchmark.main_metric()},
                    {"metrics", std::move(metrics)},
                    {"setting", scored.benchmark.setting()},
                    {"problems", problems_json(scored.problems)}};
  std::puts(out.dump(2).c_str());
}

void print_text(const Scored& scored) {
  report::Table table{{"metric", "value", "stderr", "95 % from", "to", "n"}, {}};
  for (const bench::Score& score : scored.scores)
    table.rows.push_back({score.metric, score.value, score.stderr_value, score.value - kOf95Percent * score.stderr_value,
                          score.value + kOf95Percent * score.stderr_value, score.n});
  std::fputs(report::to_text(table).c_str(), stdout);
}

void list_benchmarks() {
  report::Table table{{"benchmark", "title", "splits", "variants", "unit"}, {}};
  for (const bench::Entry& entry : bench::catalogue()) {
    const options::BenchmarkProtocol& protocol = *options::find_protocol(entry.kind);
    table.rows.push_back({entry.kind, entry.title, fmt::format("{}", fmt::join(protocol.splits, ", ")), fmt::format("{}", fmt::join(protocol.variants, ", ")), entry.unit});
  }
  std::fputs(report::to_text(table).c_str(), stdout);
}

}  // namespace

int score(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("data", po::value<std::string>()->value_name("DIR"), "folder of the benchmark's official files; of 'custom' the JSONL file")(
      "answers", po::value<std::string>()->value_name("FILE"), "LLaVA's JSON lines, or what the benchmark's own tools write")(
      "variant", po::value<std::string>()->value_name("NAME"), "whose protocol: llava, lmms-eval or official; default: the benchmark's first")(
      "split", po::value<std::string>()->value_name("NAME"), "default: the one that papers report")(
      "pictures", po::value<std::string>()->value_name("DIR"), "folder of its pictures, where a scorer needs their sizes")(
      "normaliser", po::value<std::string>()->value_name("NAME"), "in the place of the variant's: vqa, exact, lower or none")(
      "scorer", po::value<std::string>()->value_name("NAME"), "of 'custom': exact, soft-accuracy, choice, yes-no, contains, numeric, cider or judge")(
      "limit", po::value<std::int64_t>()->value_name("N"), "score about so many of its questions")(
      "seed", po::value<std::int64_t>()->value_name("N")->default_value(0), "which questions a limit leaves in")(
      "missing", po::value<std::string>()->value_name("error|wrong")->default_value("error"), "what a question without an answer is")(
      "submission", po::value<std::string>()->value_name("FILE"), "write what the benchmark's server takes, and score nothing")(
      "judge-url", po::value<std::string>()->value_name("URL"), "OpenAI-compatible endpoint that judges free answers")(
      "judge-model", po::value<std::string>()->value_name("NAME"), "model that it is asked for")(
      "judge-key", po::value<std::string>()->value_name("VARIABLE"), "environment variable that holds its key")(
      "judge-replies", po::value<std::string>()->value_name("DIR")->default_value("results/cache/replies"), "where its replies are kept")(
      "list", "print the benchmarks there are")("json", "one JSON object");
  const po::variables_map values = parse("score", arguments, options, {{"benchmark", 1}});
  if (values.count("list")) return list_benchmarks(), kDone;
  const std::vector<std::string> named = strings(values, "benchmark");
  for (const char* needed : {"data", "answers"})
    if (named.empty() || !values.count(needed))
      throw Error(named.empty() ? "'saucier score' needs a benchmark" : fmt::format("'saucier score' needs --{}", needed), command("score").example);
  const std::string missing = text_of(values, "missing");
  if (missing != "error" && missing != "wrong") throw Error(fmt::format("--missing must be 'error' or 'wrong' (got '{}')", missing));

  const options::BenchmarkOptions asked = benchmark_options(named.front(), values);
  const std::unique_ptr<bench::Benchmark> benchmark = bench::make_benchmark(asked);
  const fs::path file = text_of(values, "answers");
  const std::vector<bench::GivenAnswer> given = benchmark->read_answers(file);
  bench::MatchedAnswers matched = bench::match(benchmark->items(), given, benchmark->left_out());
  if (missing == "wrong") std::erase_if(matched.problems, [](const auto& problem) { return problem.code == "missing-answer"; });

  const std::string variant = asked.variant.value_or(options::find_protocol(asked.kind)->variants.front());
  Scored scored{*benchmark, variant, {}, std::move(matched.problems)};
  if (!scored.problems.empty()) {
    print_problems(file, scored.problems);
    if (values.count("json")) print_json(scored);
    throw Error(fmt::format("'{}' does not answer the questions of '{}', so nothing is scored", file.string(), benchmark->name()),
                "correct the file; --missing wrong counts a question without an answer as wrong");
  }
  std::vector<std::string> answers, replies;
  for (const bench::GivenAnswer* answer : matched.by_item) {
    answers.push_back(answer ? answer->text : "");
    replies.push_back(answer ? answer->review : "");
  }
  if (values.count("submission")) {
    const auto submission = benchmark->submission(answers);
    if (!submission) throw Error(fmt::format("'{}' has no server that takes a file: its answers are scored here", benchmark->name()), "leave --submission out");
    write_file_atomic(text_of(values, "submission"), submission->content);
    std::fputs(fmt::format("wrote {} answers to {}\n", answers.size(), text_of(values, "submission")).c_str(), stderr);
    return kDone;
  }
  if (!benchmark->has_truth())
    throw Error(fmt::format("only the server of '{}' can score its split '{}'", benchmark->name(), asked.split), "--submission FILE writes what it takes");
  std::vector<bench::Judged> judged = bench::judge_all(*benchmark, answers, judge_of(values), std::move(replies));
  for (size_t i = 0; i < judged.size(); ++i)
    if (!matched.by_item[i]) judged[i] = {.answer = "", .normalised = "", .credit = 0, .parts = std::vector<double>(judged[i].parts.size(), 0)};
  scored.scores = benchmark->score(judged);
  values.count("json") ? print_json(scored) : print_text(scored);
  return kDone;
}

}  // namespace saucier::cli
