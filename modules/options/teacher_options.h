// [teacher.NAME]: who writes the data of a synthesize stage, or judges it.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct TeacherOptions {
  std::string kind = "endpoint";
  std::string url;
  std::string model;
  std::string key;
  std::string path;
  std::string stage;
  bool sight = false;
  double temperature = 0.7;
  double top_p = 1;
  std::int64_t max_tokens = 512;
  std::map<std::string, std::string> extra;
  std::int64_t concurrency = 4;
  double timeout = 300;
  std::int64_t retries = 5;
  std::optional<double> requests_per_minute;
  std::optional<double> tokens_per_minute;
  double price_prompt = 0;
  double price_reply = 0;
  std::optional<std::int64_t> budget_tokens;
  std::optional<double> budget;

  template <class Visitor>
  void declare(Visitor& v) {
    v(kind, {.key = "kind", .help = "Who it is: 'endpoint' is a server with OpenAI's chat interface, 'model' a language model on this machine, 'self' what a train stage of the recipe has trained.", .choices = {"endpoint", "model", "self"}});
    v(url, {.key = "url", .help = "Address of an 'endpoint' as far as '/chat/completions': \"http://localhost:8080/v1\".", .operational = true});
    v(model, {.key = "model", .help = "Name of the model that an 'endpoint' is asked for."});
    v(key, {.key = "key", .help = "Name of the environment variable that holds an endpoint's key, never the key itself; empty: none is sent.", .operational = true});
    v(path, {.key = "path", .help = "A 'model': a folder in Hugging Face layout, or a GGUF file.", .path = true});
    v(stage, {.key = "stage", .help = "Train stage whose model a 'self' teacher is."});
    v(sight, {.key = "sight", .help = "Whether it is shown the picture beside the words."});
    v(temperature, {.key = "temperature", .help = "Divides the logits before a token is drawn: 0 always takes the likeliest.", .min = 0, .max = 2});
    v(top_p, {.key = "top_p", .help = "Tokens are drawn from the likeliest that together have this probability.", .max = 1, .positive = true});
    v(max_tokens, {.key = "max_tokens", .help = "Longest reply.", .unit = "tokens", .min = 1});
    v(extra, {.key = "extra", .help = "Further fields of each request to an 'endpoint', each as JSON text: { top_k = \"40\", chat_template_kwargs = '{\"enable_thinking\": false}' }; \"null\" leaves a field out that is sent otherwise."});
    v(concurrency, {.key = "concurrency", .help = "Most requests that an 'endpoint' works on at once.", .unit = "requests", .min = 1, .max = 1024, .operational = true});
    v(timeout, {.key = "timeout", .help = "Time after which a request counts as failed.", .unit = "seconds", .positive = true, .operational = true});
    v(retries, {.key = "retries", .help = "Times that a request which failed for a passing reason is sent again.", .min = 0, .operational = true});
    v(requests_per_minute, {.key = "requests_per_minute", .help = "Most requests sent in a minute. What the server's own headers ask for is kept to in any case.", .positive = true, .operational = true});
    v(tokens_per_minute, {.key = "tokens_per_minute", .help = "Most tokens of prompts and replies in a minute.", .unit = "tokens", .positive = true, .operational = true});
    v(price_prompt, {.key = "price_prompt", .help = "Price of a million tokens of prompts, in any one currency.", .min = 0, .operational = true});
    v(price_reply, {.key = "price_reply", .help = "Price of a million tokens of replies.", .min = 0, .operational = true});
    v(budget_tokens, {.key = "budget_tokens", .help = "Most tokens of prompts and replies in all that a stage may use; replies kept from earlier runs count.", .unit = "tokens", .min = 1, .operational = true});
    v(budget, {.key = "budget", .help = "The same in money, at these prices.", .positive = true, .operational = true});
  }
};

}  // namespace saucier::options
