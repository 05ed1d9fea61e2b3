#include "modules/teach/transfer.h"

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/teach/endpoint.h"

namespace saucier::teach {
namespace {

constexpr double kLongestConnect = 30;  // seconds

std::string header_of(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : "";
}

// What libcurl says went wrong, as part of a sentence.
std::string in_words(CURLcode code) {
  std::string text = curl_easy_strerror(code);
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') text[0] = static_cast<char>(std::tolower(text[0]));
  return text;
}

}  // namespace

Transfer::Transfer(CURLM* multi, const TransferSettings& settings, std::string body)
    : multi_(multi), secret_(settings.secret), request_(std::move(body)), easy_(curl_easy_init()) {
  SAUCIER_CHECK(easy_ != nullptr, "libcurl gives no handle");
  const auto add = [&](const std::string& header) {
    curl_slist* longer = curl_slist_append(sent_headers_.get(), header.c_str());
    SAUCIER_CHECK(longer != nullptr, "libcurl takes no header");
    [[maybe_unused]] auto* same = sent_headers_.release();
    sent_headers_.reset(longer);
  };
  add("Content-Type: application/json");
  add("Accept: application/json");
  add("Expect:");  // a question first, whether a large request may come, costs servers that do not know it a second
  if (settings.secret.known()) add(settings.secret.header());

  const auto set = [&](CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    SAUCIER_CHECK(code == CURLE_OK, "libcurl refuses option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
  };
  set(CURLOPT_URL, settings.address.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_USERAGENT, "saucier");
  set(CURLOPT_HTTPHEADER, sent_headers_.get());
  set(CURLOPT_POSTFIELDS, request_.c_str());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.size()));
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(kMostReplyBytes));
  set(CURLOPT_WRITEFUNCTION, &Transfer::take);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  const auto milliseconds = [](double seconds) { return static_cast<long>(std::ceil(std::min(seconds, 1e6) * 1000)); };
  set(CURLOPT_TIMEOUT_MS, milliseconds(settings.timeout));
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(std::min(settings.timeout, kLongestConnect)));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  SAUCIER_CHECK(curl_multi_add_handle(multi_, easy_.get()) == CURLM_OK, "libcurl takes no further request");
}

Transfer::~Transfer() { curl_multi_remove_handle(multi_, easy_.get()); }

size_t Transfer::take(const char* bytes, size_t, size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.too_large_ = transfer.answer_.size() + size > kMostReplyBytes;
  if (transfer.too_large_) return 0;
  transfer.answer_.append(bytes, size);
  return size;
}

Headers Transfer::headers() const {
  return [easy = easy_.get()](const char* name) { return header_of(easy, name); };
}

Transfer::Ended Transfer::ended(CURLcode code) const {
  Ended out;
  const auto passing = [&](std::string failure, std::string detail = {}) {
    out.reading = {.verdict = Verdict::kPassing, .reply = {.text = {}, .failure = std::move(failure), .detail = std::move(detail)}};
    return out;
  };
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  switch (code) {
    case CURLE_OK:
      break;
    case CURLE_OPERATION_TIMEDOUT:
      return passing("timeout");
    case CURLE_FILESIZE_EXCEEDED:
      return passing("too-large", fmt::format("more than {} bytes", kMostReplyBytes));
    case CURLE_WRITE_ERROR:
      return too_large_ ? passing("too-large", fmt::format("more than {} bytes", kMostReplyBytes)) : passing("connection-lost", in_words(code));
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      out.unreachable = true;
      return passing("unreachable", in_words(code));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      out.untrusted = true;
      return passing("untrusted", in_words(code));
    default:
      return passing("connection-lost", in_words(code));
  }
  out.status = static_cast<int>(status);
  const char* type = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &type);
  const char* elsewhere = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &elsewhere);
  if (elsewhere) out.redirect = secret_.masked(elsewhere);
  out.reading = read_answer({.status = out.status, .content_type = type ? type : "", .should_retry = header_of(easy_.get(), "x-should-retry"), .body = answer_}, secret_);
  return out;
}

}  // namespace saucier::teach
