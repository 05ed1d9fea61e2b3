// json, suggest, digest and clock.
#include <catch2/catch.hpp>
#include <limits>

#include "modules/base/base64.h"
#include "modules/base/clock.h"
#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/base/suggest.h"
#include "tests/modules/base/scratch.h"

using namespace saucier;

TEST_CASE("canonical text is sorted, tight and keeps a float's point") {
  CHECK(canonical(Json::parse(R"({"b": [1, 1.0, -0.0, true, null], "a": {"z": "x", "B": 2}})")) ==
        R"({"a":{"B":2,"z":"x"},"b":[1,1.0,-0.0,true,null]})");
  CHECK(canonical(Json(0.1)) == "0.1");
  CHECK(canonical(Json(1e-3)) == "0.001");
  CHECK(canonical(Json(2e-5)) == "2e-05");
  CHECK(canonical(Json(1e20)) == "1e+20");
  CHECK(canonical(Json(std::uint64_t{18446744073709551615u})) == "18446744073709551615");
  CHECK(canonical(Json("ä\"\\\n\x01")) == "\"ä\\\"\\\\\\u000a\\u0001\"");
  CHECK(canonical(Json::object()) == "{}");
  CHECK_THROWS_AS(canonical(Json(std::numeric_limits<double>::infinity())), Error);
}

TEST_CASE("canonical text reads back as the same value") {
  for (const double x : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 1e15, 123456789.125, 800000.0}) {
    const Json back = Json::parse(canonical(Json(x)));
    CHECK(back.is_number_float());
    CHECK(back.get<double>() == x);
  }
}

TEST_CASE("JSON that does not parse is named with its place") {
  const auto message = [](std::string_view text) {
    try {
      parse_json(text, "plan of trial 3");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("parsed");
  };
  CHECK(message("{\n  \"ä\": ?}").starts_with("plan of trial 3 is not valid JSON: line 2, column 8: invalid literal"));
  CHECK(message("[1, 2").starts_with("plan of trial 3 is not valid JSON: line 1, column 6: unexpected end of input"));
  CHECK(message("1e999").starts_with("plan of trial 3 is not valid JSON: number overflow"));
  CHECK(message("[1]") == "parsed");
}

TEST_CASE("edit distance counts an adjacent swap once and ignores case") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("lenght", "length") == 1);
  CHECK(edit_distance("Rank", "rank") == 0);
}

TEST_CASE("suggestions") {
  const std::vector<std::string> known = {"learning_rate", "batch_size", "rank", "data", "dataset"};
  CHECK(suggestion("learning_rat", known) == "did you mean 'learning_rate'?");
  CHECK(suggestion("batch", known) == "did you mean 'batch_size'?");
  CHECK(nearest("data_set", known) == std::vector<std::string>{"dataset", "data"});
  CHECK(nearest("data_set", known, 1) == std::vector<std::string>{"dataset"});
  CHECK(suggestion("zzz", known) == "known: 'learning_rate', 'batch_size', 'rank', 'data', 'dataset'");
  CHECK(suggestion("zzz", std::vector<std::string>(9, "word")) == "");
  CHECK(suggestion("zzz", {}) == "");
}

TEST_CASE("SHA-256, FIPS 180-2 vectors") {
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 parts;
  parts.update("a");
  parts.update("bc");
  CHECK(parts.hex() == sha256("abc"));
}

TEST_CASE("digests of files and folders") {
  const Scratch scratch;
  write_file_atomic(scratch / "f", "abc");
  CHECK(sha256_file(scratch / "f") == sha256("abc"));
  CHECK(sha256_path(scratch / "f") == sha256("abc"));
  CHECK_THROWS_WITH(sha256_file(scratch / "none"),
                    fmt::format("cannot read '{}': No such file or directory", (scratch / "none").string()));
  const auto folder = [&](const std::string& name, const std::string& inner, const std::string& content) {
    make_folders(scratch / name / "sub");
    write_file_atomic(scratch / name / "sub" / inner, content);
    write_file_atomic(scratch / name / "z", "z");
    return sha256_path(scratch / name);
  };
  const std::string digest = folder("one", "a", "1");
  CHECK(folder("two", "a", "1") == digest);
  CHECK(folder("three", "b", "1") != digest);
  CHECK(folder("four", "a", "2") != digest);
  fs::create_directory_symlink(scratch / "one", scratch / "link");
  CHECK(sha256_path(scratch / "link") == digest);
}

TEST_CASE("durations and times for people") {
  CHECK(format_duration(0.42) == "0.4 s");
  CHECK(format_duration(9.96) == "10 s");
  CHECK(format_duration(59.6) == "1 min 00 s");
  CHECK(format_duration(185) == "3 min 05 s");
  CHECK(format_duration(7800) == "2 h 10 min");
  CHECK(format_duration(3599.9) == "1 h 00 min");
  CHECK(format_duration(std::numeric_limits<double>::quiet_NaN()) == "?");
  CHECK(format_time(1795442709000000) == "2026-11-23 14:05:09");
  CHECK(format_time(-1) == "1969-12-31 23:59:59");
  CHECK(system_clock().now_us() > 1700000000000000);
}

TEST_CASE("base64, RFC 4648 section 10, both ways") {
  const std::pair<std::string, std::string> known[] = {{"", ""},          {"f", "Zg=="},     {"fo", "Zm8="},
                                                       {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {std::string("\xff\xfe\x00", 3), "//4A"}};
  for (const auto& [bytes, text] : known) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  }
  CHECK(from_base64("Zg") == "f");
  CHECK_FALSE(from_base64("Zg%=").has_value());
}
