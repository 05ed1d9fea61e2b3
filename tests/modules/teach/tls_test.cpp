// A server whose certificate nobody has signed is told nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/modules/teach/asking.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* what) const { Free(what); }
};
template <class T, auto Free>
using Own = std::unique_ptr<T, Freed<Free>>;

Own<SSL_CTX, SSL_CTX_free> self_signed() {
  const Own<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  const Own<X509, X509_free> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  Own<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_server_method()));
  REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  return context;
}

}  // namespace

TEST_CASE("a certificate that no authority has signed ends the asking before a word is said") {
  const Variable no_proxy("no_proxy", "127.0.0.1");
  const auto context = self_signed();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 4) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  int read = 0, accepted = 0;
  std::thread server([&] {
    const int client = ::accept(listener, nullptr, nullptr);
    const Own<SSL, SSL_free> connection(SSL_new(context.get()));
    SSL_set_fd(connection.get(), client);
    accepted = SSL_accept(connection.get());  // by TLS 1.3 it may be done before the client has said no
    char bytes[64];
    if (accepted == 1) read = SSL_read(connection.get(), bytes, sizeof(bytes));
    ::close(client);
  });
  options::TeacherOptions options;
  options.url = fmt::format("https://127.0.0.1:{}/v1", ntohs(address.sin_port));
  options.model = "mock";
  options.concurrency = 1;
  SleepClock clock;
  Endpoint teacher(options, clock.settings());
  const std::string error = error_of([&] { teacher.ask(prompts_of({"a", "b"}), [](size_t, const Reply&) { FAIL("a reply"); }); });
  server.join();
  ::close(listener);
  CHECK(error == fmt::format("error: '{}' is not trusted: SSL peer certificate or SSH remote key was not OK\n"
                             "hint: give the server a certificate that this machine's authorities have signed\n",
                             options.url));
  CHECK(read <= 0);
}
