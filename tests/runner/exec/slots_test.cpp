// Where stages run: what --devices says, as slots of one process or several.
#include <cstdlib>
#include <optional>

#include "modules/base/error.h"
#include "runner/exec/slots.h"

#include <catch2/catch.hpp>

using namespace saucier;
using exec::read_slots;
using Texts = std::vector<std::string>;

namespace {

// CUDA_VISIBLE_DEVICES as a test wants it, and afterwards as it was.
class Visible {
 public:
  explicit Visible(const char* value) {
    if (const char* before = std::getenv(kName)) before_ = before;
    value ? ::setenv(kName, value, 1) : ::unsetenv(kName);
  }
  ~Visible() { before_ ? ::setenv(kName, before_->c_str(), 1) : ::unsetenv(kName); }
  Visible(const Visible&) = delete;
  Visible& operator=(const Visible&) = delete;

 private:
  static constexpr const char* kName = "CUDA_VISIBLE_DEVICES";
  std::optional<std::string> before_;
};

std::string problem_of(const std::string& devices) {
  try {
    read_slots(devices, 0);
  } catch (const Error& error) {
    return error.render();
  }
  return "none";
}

}  // namespace

TEST_CASE("each text of --devices is a slot") {
  const Visible visible(nullptr);
  const auto one = read_slots("cpu", 0);
  REQUIRE(one.size() == 1);
  CHECK(one[0].devices == Texts{"cpu"});
  CHECK(one[0].threads == 0);
  const auto two = read_slots("0,cuda:3", 5);
  REQUIRE(two.size() == 2);
  CHECK(two[0].visible == "0");
  CHECK(two[1].visible == "3");
  CHECK(two[1].devices == Texts{"cuda:0"});
  CHECK(two[1].threads == 5);
}

TEST_CASE("devices with a plus between them are one slot, which sees them and no others") {
  const Visible visible(nullptr);
  const auto slots = read_slots("0+1,4+2+3", 6);
  REQUIRE(slots.size() == 2);
  CHECK(slots[0].devices == Texts{"cuda:0", "cuda:1"});
  CHECK(slots[0].visible == "0,1");
  CHECK(slots[0].threads == 3);
  CHECK(slots[1].devices == Texts{"cuda:0", "cuda:1", "cuda:2"});
  CHECK(slots[1].visible == "4,2,3");
  CHECK(slots[1].threads == 2);
  CHECK(read_slots("cpu+cpu", 4).front().threads == 2);
  CHECK(read_slots("cpu+cpu", 1).front().threads == 1);
}

TEST_CASE("numbers count within what the environment allows") {
  const Visible visible("GPU-a,7");
  CHECK(read_slots("1+0", 0).front().visible == "7,GPU-a");
  CHECK(problem_of("2") == "error: device '2' is not among the 2 that CUDA_VISIBLE_DEVICES allows\n");
}

TEST_CASE("what is no device is said") {
  const Visible visible(nullptr);
  for (const std::string device : {"gpu", "tpu", "-1", "0++1", "0+", "+0", "", "0,", "12345"}) {
    INFO(device);
    CHECK(problem_of(device).starts_with("error: unknown device '"));
  }
  CHECK(problem_of("gpu") == "error: unknown device 'gpu' (allowed: cpu, cuda:N)\nhint: --devices cpu, or numbers of CUDA devices: --devices 0,1\n");
  CHECK(problem_of("cpu+0") == "error: 'cpu+0' joins the CPU and CUDA devices\nhint: join devices of one kind: 0+1, or cpu+cpu\n");
}
