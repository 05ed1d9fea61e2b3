// What goes over the wire to an OpenAI-compatible chat endpoint, and what is made of its answer. No network here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "modules/base/json.h"
#include "modules/options/teacher_options.h"
#include "modules/teach/secret.h"
#include "modules/teach/writer.h"

namespace saucier::teach {

// The options' `extra`, read. Throws Error where one is no JSON, or a field that is saucier's own.
Json read_extra(const std::map<std::string, std::string>& extra);

// Endpoint::identity() without a key and without libcurl: for looking up what was kept.
std::string endpoint_identity(const options::TeacherOptions& options);

// The request: a picture becomes a part with a data: URL. Throws Error where a picture cannot be read.
std::string chat_body(const std::string& model, const Json& extra, const Prompt& prompt);

// About how many tokens a prompt takes, rather too many than too few: what is set aside of a budget before the server
// has counted. Of a server that does not count, also what is taken for the truth.
std::int64_t expected_tokens(const Prompt& prompt);
std::int64_t expected_tokens(std::string_view text);

struct HttpAnswer {
  int status = 0;            // of HTTP
  std::string content_type;
  std::string should_retry;  // the header x-should-retry, with which OpenAI's servers say it themselves
  std::string body;
};

enum class Verdict {
  kReply,    // there is a text
  kPassing,  // it may go better later
  kFailed,   // it would end so each time, for this prompt
  kRefused,  // for every prompt: no key, no credit, no such address
};

struct Reading {
  Verdict verdict = Verdict::kFailed;
  Reply reply;           // with usage where the server gave it; its cost is not known here
  bool counted = false;  // usage is the server's
};

Reading read_answer(const HttpAnswer& answer, const Secret& secret);

}  // namespace saucier::teach
