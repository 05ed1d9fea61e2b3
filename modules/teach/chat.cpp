#include "modules/teach/chat.h"

#include <algorithm>
#include <array>
#include <optional>

#include "modules/base/base64.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/text/utf8.h"

namespace saucier::teach {
namespace {

constexpr std::array kOwnFields = {"messages", "model", "n", "stream"};
constexpr std::int64_t kPictureTokens = 1500;  // no server that is known takes more for one at its usual size
constexpr std::int64_t kMessageTokens = 8;     // what a chat template writes around a message
constexpr size_t kLongestDetail = 300;
constexpr double kMostTokens = 1e9;  // what a server says beyond it is no count

std::string media_type(const std::string& file, std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("GIF8")) return "image/gif";
  if (bytes.starts_with("BM")) return "image/bmp";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  throw Error(fmt::format("'{}' is no picture that a teacher can be shown (png, jpeg, gif, bmp, webp)", file));
}

Json message_json(const Message& message) {
  if (message.pictures.empty()) return {{"role", message.role}, {"content", text::to_valid_utf8(message.text)}};
  Json parts = Json::array();
  for (const std::string& picture : message.pictures) {
    const std::string bytes = read_file(picture);
    parts.push_back({{"type", "image_url"}, {"image_url", {{"url", fmt::format("data:{};base64,{}", media_type(picture, bytes), to_base64(bytes))}}}});
  }
  parts.push_back({{"type", "text"}, {"text", text::to_valid_utf8(message.text)}});
  return {{"role", message.role}, {"content", std::move(parts)}};
}

const Json* member(const Json* value, std::string_view key) {
  if (!value || !value->is_object()) return nullptr;
  const auto it = value->find(key);
  return it == value->end() ? nullptr : &*it;
}

std::string string_of(const Json* value) { return value && value->is_string() ? value->get<std::string>() : std::string(); }

std::optional<std::int64_t> count_of(const Json* value) {
  if (!value || !value->is_number()) return std::nullopt;
  const double number = value->get<double>();
  if (!(number >= 0 && number <= kMostTokens)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

// One line for people: no control characters, not long, and no key.
std::string one_line(std::string_view said, const Secret& secret) {
  std::string line;
  for (const char c : secret.masked(text::to_valid_utf8(said.substr(0, 16 * kLongestDetail)))) {
    const bool space = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    if (!space) line += c;
    else if (!line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.size() > kLongestDetail) {
    size_t end = kLongestDetail;
    while (text::continues(line[end])) --end;
    line.resize(end);
    line += "…";
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

// Where servers put what went wrong: {"error":{"message":…}} (OpenAI), {"error":…} (Ollama), {"message":…}, {"detail":…},
// which may be a list of fields with what is wrong with each (FastAPI).
std::string said_by(const Json& body) {
  const Json* error = member(&body, "error");
  const Json* detail = member(&body, "detail");
  for (const Json* place : {member(error, "message"), error, member(&body, "message"), detail})
    if (std::string text = string_of(place); !text.empty()) return text;
  std::string out;
  if (detail && detail->is_array())
    for (const Json& item : *detail) {
      const Json* place = member(&item, "loc");
      const std::string field = place && place->is_array() && !place->empty() ? string_of(&place->back()) : "";
      out += fmt::format("{}{}{}{}", out.empty() ? "" : "; ", field, field.empty() ? "" : ": ", string_of(member(&item, "msg")));
    }
  return out;
}

// The text of a message: a string, or a list of parts of which some are text.
std::string text_of(const Json* content) {
  std::string out = string_of(content);
  if (content && content->is_array())
    for (const Json& part : *content) out += string_of(member(&part, "text"));
  return out;
}

bool is_json_type(std::string_view type) {
  std::string name;
  for (const char c : type.substr(0, type.find(';')))
    if (c != ' ') name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"));
}

Reading fails(Verdict verdict, std::string failure, std::string detail = {}) {
  return {.verdict = verdict, .reply = {.text = {}, .failure = std::move(failure), .detail = std::move(detail)}};
}

Verdict verdict_of(int status) {
  switch (status) {
    case 401: case 402: case 403: case 404: return Verdict::kRefused;
    case 408: case 409: case 425: case 429: return Verdict::kPassing;
    default: return status >= 300 && status < 400 ? Verdict::kRefused : status >= 500 ? Verdict::kPassing : Verdict::kFailed;
  }
}

Reading read_failure(int status, const HttpAnswer& answer, const Json& body, const Secret& secret) {
  std::string said = said_by(body);
  if (body.is_discarded() && answer.content_type.starts_with("text/plain")) said = answer.body;
  Reading out = fails(verdict_of(status), fmt::format("http-{}", status), one_line(said, secret));
  if (out.verdict == Verdict::kPassing && answer.should_retry == "false") out.verdict = Verdict::kFailed;
  if (out.verdict == Verdict::kFailed && answer.should_retry == "true") out.verdict = Verdict::kPassing;
  // OpenAI says so with 429, as of a limit that passes by itself.
  const Json* error = member(&body, "error");
  for (const char* place : {"code", "type"})
    if (string_of(member(error, place)) == "insufficient_quota") out.verdict = Verdict::kRefused;
  return out;
}

}  // namespace

Json read_extra(const std::map<std::string, std::string>& extra) {
  Json out = Json::object();
  for (const auto& [field, value] : extra) {
    if (std::find(kOwnFields.begin(), kOwnFields.end(), field) != kOwnFields.end())
      throw Error(fmt::format("'{}' in 'extra' is a field that saucier writes itself", field));
    try {
      out[field] = parse_json(value, fmt::format("'{}' in 'extra'", field));
    } catch (Error& error) {
      throw Error(error.what(), R"(write JSON, a text in quotes of its own: '"high"')");
    }
  }
  return out;
}

std::string endpoint_identity(const options::TeacherOptions& options) {
  return canonical({{"kind", "endpoint"}, {"model", options.model}, {"extra", read_extra(options.extra)}});
}

std::string chat_body(const std::string& model, const Json& extra, const Prompt& prompt) {
  Json messages = Json::array();
  for (const Message& message : prompt.messages) messages.push_back(message_json(message));
  Json body = {{"model", model},
               {"messages", std::move(messages)},
               {"temperature", prompt.temperature},
               {"top_p", prompt.top_p},
               {"max_tokens", prompt.max_tokens},
               {"seed", prompt.seed & 0x7fffffff},  // the range that every server takes
               {"stream", false}};
  for (const auto& [field, value] : extra.items()) {
    if (value.is_null()) body.erase(field);
    else body[field] = value;
  }
  return body.dump();
}

std::int64_t expected_tokens(std::string_view text) { return static_cast<std::int64_t>(text.size() / 3 + 1); }

std::int64_t expected_tokens(const Prompt& prompt) {
  std::int64_t tokens = 0;
  for (const Message& message : prompt.messages)
    tokens += expected_tokens(message.text) + kMessageTokens + kPictureTokens * static_cast<std::int64_t>(message.pictures.size());
  return tokens;
}

Reading read_answer(const HttpAnswer& answer, const Secret& secret) {
  const Json body = Json::parse(answer.body, nullptr, false);
  if (answer.status < 200 || answer.status > 299) return read_failure(answer.status, answer, body, secret);
  if (!is_json_type(answer.content_type))
    return fails(Verdict::kPassing, "wrong-content-type", one_line(fmt::format("content type '{}'", answer.content_type), secret));
  if (!text::is_valid_utf8(answer.body)) return fails(Verdict::kPassing, "not-utf-8");
  if (body.is_discarded()) return fails(Verdict::kPassing, "not-json", one_line(answer.body, secret));

  const Json* choices = member(&body, "choices");
  const Json* choice = choices && choices->is_array() && !choices->empty() ? &choices->front() : nullptr;
  if (!choice) {
    // Some routers say 200 and hide what happened in the body.
    const auto code = count_of(member(member(&body, "error"), "code"));
    if (code && *code >= 400 && *code <= 599) return read_failure(static_cast<int>(*code), answer, body, secret);
  }

  Reading out;
  const Json* usage = member(&body, "usage");
  const auto prompt_tokens = count_of(member(usage, "prompt_tokens"));
  const auto reply_tokens = count_of(member(usage, "completion_tokens"));
  out.counted = prompt_tokens && reply_tokens;
  if (out.counted) out.reply.usage = {.prompt_tokens = *prompt_tokens, .reply_tokens = *reply_tokens};
  out.reply.model = one_line(string_of(member(&body, "model")), secret);
  const auto with = [&](Verdict verdict, std::string failure, std::string detail) {
    out.verdict = verdict;
    out.reply.failure = std::move(failure);
    out.reply.detail = std::move(detail);
    return out;
  };
  if (!choice) return with(Verdict::kPassing, "no-choice", one_line(said_by(body), secret));

  const Json* message = member(choice, "message");
  out.reply.finish = one_line(string_of(member(choice, "finish_reason")), secret);
  const std::string said = text_of(member(message, "content"));
  if (said.find_first_not_of(" \t\r\n") == std::string::npos) {
    if (const std::string refusal = string_of(member(message, "refusal")); !refusal.empty())
      return with(Verdict::kFailed, "refused", one_line(refusal, secret));
    if (out.reply.finish == "content_filter") return with(Verdict::kFailed, "refused", "the server's content filter took the reply");
    return with(Verdict::kPassing, "empty-reply", out.reply.finish == "length" ? "all of max_tokens went into what is not shown" : "");
  }
  out.verdict = Verdict::kReply;
  out.reply.text = secret.without(said);
  return out;
}

}  // namespace saucier::teach
