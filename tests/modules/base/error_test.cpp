#include <catch2/catch.hpp>

#include "modules/base/error.h"

using namespace saucier;

TEST_CASE("an error prints its fact, its context from the inside out, and its hint") {
  Error error("no tensor 'layers.0.weight'", "check the checkpoint's folder");
  error.add_context("in 'model.safetensors'").add_context("in stage 'align'");
  CHECK(error.render() ==
        "error: no tensor 'layers.0.weight'\n"
        "note: in 'model.safetensors'\n"
        "note: in stage 'align'\n"
        "hint: check the checkpoint's folder\n");
  CHECK(error.render("x.toml:3:1: error: ").starts_with("x.toml:3:1: error: no tensor"));
  CHECK(Error("alone").render() == "error: alone\n");
}

TEST_CASE("with_context adds on the way out only") {
  CHECK(with_context("unused", [] { return 3; }) == 3);
  try {
    with_context("outer", [] { with_context("inner", [] { throw Error("fact"); }); });
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "fact");
    CHECK(error.context() == std::vector<std::string>{"inner", "outer"});
  }
}
