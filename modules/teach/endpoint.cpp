#include "modules/teach/endpoint.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <thread>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/stop.h"
#include "modules/teach/reply_cache.h"
#include "modules/teach/transfer.h"

namespace saucier::teach {
namespace {

constexpr double kLongestSleep = 0.1;    // seconds, so that a stop is seen
constexpr double kLongestWait = 600;     // seconds that a server may ask us to wait
constexpr size_t kFailuresInARow = 16;   // with no reply between: the server is down, or it will not take what the recipe asks for

constexpr std::string_view kNotAgain = "run the same command again: what was answered is kept and not asked again";

// libcurl's process-wide part, for good: it may not be set up twice at once.
void set_up_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw Error(fmt::format("libcurl cannot be used: {}", curl_easy_strerror(code)));
}

}  // namespace

struct Endpoint::Connections {
  CURLM* multi = curl_multi_init();
  explicit Connections(std::int64_t most) {
    SAUCIER_CHECK(multi != nullptr, "libcurl gives no handle");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(most));
  }
  ~Connections() { curl_multi_cleanup(multi); }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
};

// One call of ask().
class Asking {
 public:
  using Done = std::function<void(size_t, const Reply&)>;
  Asking(Endpoint& endpoint, std::span<const Prompt> prompts, const Done& done)
      : at_(endpoint), multi_(endpoint.connections_->multi), prompts_(prompts), done_(done) {}

  void run() {
    while (!over()) {
      send();
      if (under_way_.empty()) sleep();
      else exchange();
    }
    if (error_) throw *error_;
    if (answered_ < prompts_.size()) throw Interrupted(fmt::format("stopped after {} of {} replies", answered_, prompts_.size()));
  }

 private:
  // A prompt on its way to its reply.
  struct Item {
    size_t index = 0;
    std::int64_t retries = 0;
    Usage used = {};  // by tries that came to nothing
  };
  struct UnderWay {
    Item item;
    Usage expected;
    std::unique_ptr<Transfer> transfer;
  };

  double now() const { return at_.settings_.clock.steady_seconds(); }
  bool stopping() const { return error_ || stop_requested(); }

  bool over() {
    if (answered_ == prompts_.size()) return true;
    if (!stopping()) return false;
    if (!stopped_) stopped_ = now();
    return under_way_.empty() || now() >= *stopped_ + at_.settings_.grace;
  }

  // No new prompts while many wait to be sent again: a server that is down is not tried with all of them.
  size_t many() const { return std::max(kFailuresInARow, 2 * static_cast<size_t>(at_.options_.concurrency)); }
  bool has_new() const { return next_ < prompts_.size() && later_.size() < many(); }
  bool has_due() const { return !later_.empty() && later_.begin()->first <= now(); }
  Item take_next() {
    if (!has_due()) return {.index = next_++};
    const Item item = later_.begin()->second;
    later_.erase(later_.begin());
    return item;
  }

  Usage expected(const Prompt& prompt) const {
    Usage most{.prompt_tokens = expected_tokens(prompt), .reply_tokens = prompt.max_tokens};
    most.cost = at_.budget_.cost(most);
    return most;
  }

  void send() {
    while (!stopping() && static_cast<std::int64_t>(under_way_.size()) < at_.options_.concurrency && at_.pace_.ready() <= now() && (has_due() || has_new())) {
      const Item item = take_next();
      const Prompt& prompt = prompts_[item.index];
      const Usage most = expected(prompt);
      Usage set_aside;
      for (const auto& [handle, one] : under_way_) {
        set_aside.prompt_tokens += one.expected.prompt_tokens;
        set_aside.reply_tokens += one.expected.reply_tokens;
        set_aside.cost += one.expected.cost;
      }
      waits_for_budget_ = !at_.budget_.allows(set_aside, most);
      if (waits_for_budget_) {
        later_.emplace(now(), item);
        if (under_way_.empty()) stop_with(at_.budget_.used_up(most));
        return;
      }
      try {
        begin(item, most);
      } catch (Error& error) {  // a picture that cannot be read; what is under way still comes
        stop_with(std::move(error));
      }
    }
  }

  void begin(const Item& item, const Usage& most) {
    auto transfer = std::make_unique<Transfer>(
        multi_, TransferSettings{.address = at_.address_, .secret = at_.secret_, .timeout = at_.options_.timeout},
        chat_body(at_.options_.model, at_.extra_, prompts_[item.index]));
    at_.pace_.sent(now(), most.prompt_tokens + most.reply_tokens);
    CURL* handle = transfer->handle();
    under_way_.emplace(handle, UnderWay{.item = item, .expected = most, .transfer = std::move(transfer)});
  }

  double until_next() const {
    double at = at_.pace_.ready();
    if (!has_new() && !later_.empty()) at = std::max(at, later_.begin()->first);
    return std::clamp(at - now(), 0.0, kLongestSleep);
  }

  void sleep() const {
    if (stopping()) return;
    const double seconds = until_next();
    if (at_.settings_.sleep) at_.settings_.sleep(seconds);
    else std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }

  void exchange() {
    int running = 0;
    check(curl_multi_perform(multi_, &running));
    bool moved = false;
    for (int left = 0; const CURLMsg* message = curl_multi_info_read(multi_, &left);) {
      if (message->msg != CURLMSG_DONE) continue;
      auto found = under_way_.find(message->easy_handle);
      const CURLcode code = message->data.result;
      UnderWay one = std::move(found->second);
      under_way_.erase(found);
      moved = true;
      ended(one, code);
    }
    if (moved) return;
    const bool may_send = !stopping() && !waits_for_budget_ && static_cast<std::int64_t>(under_way_.size()) < at_.options_.concurrency &&
                          (has_new() || !later_.empty());
    const double seconds = may_send ? until_next() : kLongestSleep;
    check(curl_multi_poll(multi_, nullptr, 0, static_cast<int>(1000 * seconds) + 1, nullptr));
  }

  static void check(CURLMcode code) {
    if (code != CURLM_OK) throw Error(fmt::format("libcurl cannot go on: {}", curl_multi_strerror(code)));
  }

  void ended(UnderWay& one, CURLcode code) {
    Transfer::Ended end = one.transfer->ended(code);
    const Prompt& prompt = prompts_[one.item.index];
    Reply& reply = end.reading.reply;
    Usage used = reply.usage;
    if (end.reading.verdict == Verdict::kReply && !end.reading.counted)
      used = {.prompt_tokens = expected_tokens(prompt), .reply_tokens = expected_tokens(reply.text)};
    used.cost = at_.budget_.cost(used);
    at_.budget_.spend(used);
    at_.pace_.used(one.expected.prompt_tokens + one.expected.reply_tokens, used.prompt_tokens + used.reply_tokens);
    Item& item = one.item;
    item.used.prompt_tokens += used.prompt_tokens;
    item.used.reply_tokens += used.reply_tokens;
    item.used.cost += used.cost;

    const std::int64_t next_size = one.expected.prompt_tokens + one.expected.reply_tokens;
    const std::optional<double> asked = heed(one, end, next_size);
    const bool again = end.reading.verdict == Verdict::kPassing && item.retries < at_.options_.retries;
    if (end.untrusted || (end.unreachable && !again)) {
      stop_with(unreachable(end));
    } else if (end.reading.verdict == Verdict::kRefused) {
      stop_with(refused(end));
    } else if (again && asked.value_or(0) > kLongestWait) {
      stop_with(Error(fmt::format("'{}' asks to wait for {} (http status '{}')", at_.options_.url, format_duration(*asked), end.status),
                      fmt::format("after that, {}", kNotAgain)));
    } else if (again) {
      const double wait = std::max(asked.value_or(0), back_off(prompt.seed + item.index, item.retries));
      ++item.retries;
      if (asked || end.status == 429) at_.pace_.hold(now() + wait);  // who is told to slow down slows down with all requests
      later_.emplace(now() + wait, item);
    } else {
      reply.usage = item.used;
      ++answered_;
      failed_in_a_row_ = reply.failure.empty() ? 0 : failed_in_a_row_ + 1;
      done_(item.index, reply);
      if (failed_in_a_row_ >= many())
        stop_with(Error(fmt::format("the last {} prompts to '{}' came to nothing, the last of them with '{}'", failed_in_a_row_, at_.options_.url, said(reply.failure, reply.detail)),
                        fmt::format("see to that, then {}", kNotAgain)));
    }
  }

  std::optional<double> heed(const UnderWay& one, const Transfer::Ended& end, std::int64_t tokens) {
    if (end.status == 0) return std::nullopt;
    const Headers headers = one.transfer->headers();
    at_.pace_.heed(headers, now(), tokens);
    if (end.reading.verdict != Verdict::kPassing) return std::nullopt;
    return retry_after(headers, at_.settings_.clock.now_us());
  }

  // The first reason stays.
  void stop_with(Error error) {
    if (!error_) error_ = std::move(error);
  }

  static std::string said(const std::string& what, const std::string& detail) { return detail.empty() ? what : fmt::format("{}: {}", what, detail); }

  Error unreachable(const Transfer::Ended& end) const {
    const std::string& detail = end.reading.reply.detail;
    if (end.untrusted)
      return Error(fmt::format("'{}' is not trusted: {}", at_.options_.url, detail), "give the server a certificate that this machine's authorities have signed");
    return Error(fmt::format("'{}' cannot be reached: {}", at_.options_.url, detail), fmt::format("start the server, then {}", kNotAgain));
  }

  Error refused(const Transfer::Ended& end) const {
    const std::string& url = at_.options_.url;
    const std::string status = said(fmt::format("http status '{}'", end.status), end.reading.reply.detail);
    const std::string& variable = at_.secret_.variable();
    if (!end.redirect.empty() || (end.status >= 300 && end.status < 400))
      return Error(fmt::format("'{}' points to '{}' ({}), and no redirect is followed with a key", url, end.redirect, status),
                   "give that address as 'url' if you trust it");
    switch (end.status) {
      case 401:
      case 403:
        return Error(fmt::format("'{}' refuses {} ({})", url, at_.secret_.known() ? fmt::format("the key in '{}'", variable) : "requests without a key", status),
                     at_.secret_.known() ? fmt::format("set the environment variable '{}' to a key that is valid there", variable)
                                         : "name the environment variable that holds the key with 'key'");
      case 404:
        return Error(fmt::format("'{}' has no model '{}', or there is no '{}' ({})", url, at_.options_.model, at_.address_, status),
                     "look at 'url', which often ends with '/v1', and at 'model'");
      default:
        return Error(fmt::format("'{}' gives no credit any more ({})", url, status), fmt::format("pay for more, then {}", kNotAgain));
    }
  }

  Endpoint& at_;
  CURLM* multi_;
  std::span<const Prompt> prompts_;
  const Done& done_;
  size_t next_ = 0, answered_ = 0, failed_in_a_row_ = 0;
  std::multimap<double, Item> later_;  // by the time before which they are not sent again
  std::map<CURL*, UnderWay> under_way_;
  std::optional<Error> error_;
  std::optional<double> stopped_;
  bool waits_for_budget_ = false;  // until something that is under way ends
};

std::string chat_address(const std::string& url) {
  set_up_libcurl();
  // Not shown: it may hold a key.
  if (url.find_first_of("@?#") != std::string::npos)
    throw Error("a teacher's 'url' holds a user name, a password, a query or a fragment", "leave it out; 'key' names the environment variable with a key");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  SAUCIER_CHECK(parts != nullptr, "libcurl gives no handle");
  char* text = nullptr;
  std::string scheme;
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK && curl_url_get(parts.get(), CURLUPART_SCHEME, &text, 0) == CURLUE_OK) {
    scheme = text;
    curl_free(text);
  }
  if (scheme != "http" && scheme != "https")
    throw Error(fmt::format("'{}' is no http or https address", url), "write one like 'http://localhost:8080/v1'");
  return url + (url.ends_with('/') ? "chat/completions" : "/chat/completions");
}

Endpoint::Endpoint(const options::TeacherOptions& options, EndpointSettings settings)
    : options_(options),
      settings_(std::move(settings)),
      extra_(read_extra(options.extra)),
      address_(chat_address(options.url)),
      secret_(options.key),
      budget_(options),
      pace_(options.requests_per_minute, options.tokens_per_minute),
      connections_(std::make_unique<Connections>(options.concurrency)) {}

Endpoint::~Endpoint() = default;

std::string Endpoint::identity() const { return endpoint_identity(options_); }

void Endpoint::ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) {
  Asking(*this, prompts, done).run();
}

std::unique_ptr<Writer> open_endpoint(const options::TeacherOptions& options, const std::filesystem::path& replies, EndpointSettings settings) {
  auto endpoint = std::make_unique<Endpoint>(options, std::move(settings));
  Budget& budget = endpoint->budget();
  return std::make_unique<CachedWriter>(std::move(endpoint), replies, [&budget](const Usage& usage) { budget.spend(usage); });
}

}  // namespace saucier::teach
