// One request by libcurl. Internal to this folder.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "modules/teach/chat.h"
#include "modules/teach/pace.h"
#include "modules/teach/secret.h"

namespace saucier::teach {

struct TransferSettings {
  std::string address;
  const Secret& secret;
  double timeout;  // seconds
};

class Transfer {
 public:
  Transfer(CURLM* multi, const TransferSettings& settings, std::string body);  // begins at once
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return easy_.get(); }
  Headers headers() const;

  // Of one that ended with `code`: what its answer is, or in which way there is none.
  struct Ended {
    Reading reading;
    bool unreachable = false;  // no connection came about
    bool untrusted = false;    // the server's certificate is not good
    int status = 0;            // of HTTP; 0: no answer
    std::string redirect;      // where it points elsewhere
  };
  Ended ended(CURLcode code) const;

 private:
  static size_t take(const char* bytes, size_t one, size_t size, void* self);
  struct CleanUp {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  CURLM* multi_;
  const Secret& secret_;
  std::unique_ptr<curl_slist, CleanUp> sent_headers_;
  std::string request_, answer_;
  bool too_large_ = false;
  std::unique_ptr<CURL, CleanUp> easy_;
};

}  // namespace saucier::teach
