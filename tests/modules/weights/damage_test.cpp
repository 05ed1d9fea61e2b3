// Files damaged at random: each is either read, every number of it, or refused with an Error that names the file.
#include <sys/resource.h>

#include "tests/damaged.h"
#include "tests/modules/weights/files.h"
#include "tests/modules/weights/memory_file.h"

using namespace saucier;
using namespace saucier::weights;

namespace {

struct Kind {
  const char* name;
  Container (*read)(const fs::path&);
  std::vector<std::string> seeds;
};

std::vector<Kind> kinds() {
  const auto bytes = [](const char* name) { return read_file(fixture(name)); };
  return {{"safetensors", &Container::safetensors, {bytes("types.safetensors"), "\x40" + std::string(7, '\0') + R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}          )" + std::string(8, '\1')}},
          {"gguf", &Container::gguf, {bytes("types.gguf")}},
          {"torch", &Container::torch_pickle,
           {bytes("plain.bin"), bytes("plain.legacy.bin"), bytes("module.bin"), bytes("module.legacy.bin"), bytes("trainer.bin"), bytes("nested.legacy.bin"), bytes("counter.bin")}}};
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// How many of the damaged files were still read.
int run(const Kind& kind, int rounds, std::uint64_t number) {
  const MemoryFile file;
  std::mt19937_64 random(number);
  int read = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string& seed = kind.seeds[random() % kind.seeds.size()];
    const std::string content = damaged(seed, kind.seeds[random() % kind.seeds.size()], random);
    file.write(content);
    INFO(kind.name << " round " << round);
    try {
      const Container container = kind.read(file.path());
      for (const auto& [name, tensor] : container.tensors()) {
        REQUIRE(tensor.elements() <= content.size());
        floats(tensor);
      }
      ++read;
    } catch (const Error& error) {
      REQUIRE(error.render().find(file.path().string()) != std::string::npos);
      REQUIRE(error.render().size() < 2000);
    }
  }
  return read;
}

}  // namespace

TEST_CASE("a damaged file is read or refused, without a crash and without much memory") {
  const long before = peak_kilobytes();
  for (const Kind& kind : kinds()) {
    const int read = run(kind, 4000, 20260606);
    INFO(kind.name);
    CHECK(read >= 100);  // damage that leaves nothing to read would test little
    CHECK(read <= 3900);
  }
  CHECK(peak_kilobytes() - before < 200'000);
}

// SAUCIER_FUZZ_ROUNDS=50: rounds of 4000 files of each kind, each round with other damage.
TEST_CASE("the same for many rounds", "[.fuzz]") {
  const char* rounds = std::getenv("SAUCIER_FUZZ_ROUNDS");
  for (int round = 1; round <= std::stoi(rounds ? rounds : "1"); ++round)
    for (const Kind& kind : kinds()) run(kind, 4000, static_cast<std::uint64_t>(round));
}
