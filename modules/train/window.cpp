#include "modules/train/window.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace saucier::train {
namespace {

constexpr std::pair<const char*, double Spent::*> kSpent[] = {
    {"data_seconds", &Spent::data},         {"vision_seconds", &Spent::vision},       {"forward_seconds", &Spent::forward},
    {"backward_seconds", &Spent::backward}, {"exchange_seconds", &Spent::exchange},   {"optimizer_seconds", &Spent::optimizer},
    {"logging_seconds", &Spent::logging}};
constexpr std::pair<const char*, double Window::*> kSums[] = {
    {"loss", &Window::loss}, {"norm", &Window::norm}, {"flops", &Window::flops}, {"seconds", &Window::seconds}};
constexpr std::pair<const char*, std::int64_t Window::*> kCounts[] = {
    {"steps", &Window::steps}, {"samples", &Window::samples}, {"tokens", &Window::tokens}, {"learned", &Window::learned}};

}  // namespace

void Window::add(const StepResult& result, double gradient_norm) {
  loss += result.loss;
  norm += gradient_norm;
  flops += result.flops;
  ++steps;
  samples += result.samples;
  tokens += result.tokens;
  learned += result.learned;
  for (const auto& [name, member] : kSpent) spent.*member += result.spent.*member;
  for (const auto& [name, source] : result.by_source) {
    by_source[name].sum += source.sum;
    by_source[name].tokens += source.tokens;
  }
  for (const auto& [name, value] : result.extra) extra[name] += value;
}

std::map<std::string, double> Window::row(double peak) const {
  const auto n = static_cast<double>(std::max<std::int64_t>(steps, 1));
  const double time = std::max(seconds, 1e-9);
  std::map<std::string, double> values = {{"loss", loss / n},
                                          {"gradient_norm", norm / n},
                                          {"samples_per_second", static_cast<double>(samples) / time},
                                          {"tokens_per_second", static_cast<double>(tokens) / time},
                                          {"tokens", static_cast<double>(tokens) / n},
                                          {"learned_tokens", static_cast<double>(learned) / n},
                                          {"memory_megabytes", resident_megabytes()}};
  for (const auto& [name, member] : kSpent) values[name] = spent.*member / n;
  if (spent.exchange <= 0) values.erase("exchange_seconds");  // one process
  if (flops > 0 && peak > 0) values["mfu"] = flops / time / peak;
  for (const auto& [name, source] : by_source)
    if (source.tokens > 0) values["source_loss." + name] = source.sum / static_cast<double>(source.tokens);
  for (const auto& [name, value] : extra) values[name] = value / n;
  return values;
}

Json to_json(const Window& window) {
  Json json = {{"extra", window.extra}};
  for (const auto& [name, member] : kSums) json[name] = window.*member;
  for (const auto& [name, member] : kCounts) json[name] = window.*member;
  for (const auto& [name, member] : kSpent) json[name] = window.spent.*member;
  json["by_source"] = Json::object();
  for (const auto& [name, source] : window.by_source) json["by_source"][name] = {source.sum, source.tokens};
  return json;
}

Window window_from_json(const Json& json) {
  Window window;
  window.extra = json.at("extra").get<std::map<std::string, double>>();
  for (const auto& [name, member] : kSums) window.*member = json.at(name).get<double>();
  for (const auto& [name, member] : kCounts) window.*member = json.at(name).get<std::int64_t>();
  for (const auto& [name, member] : kSpent) window.spent.*member = json.at(name).get<double>();
  for (const auto& [name, source] : json.at("by_source").items())
    window.by_source[name] = {source.at(0).get<double>(), source.at(1).get<std::int64_t>()};
  return window;
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  if (!(file >> pages >> resident)) return 0;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace saucier::train
