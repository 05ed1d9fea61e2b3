#include "runner/exec/slots.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "modules/base/error.h"

namespace saucier::exec {
namespace {

std::vector<std::string> split(std::string_view text, char between) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(between, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::size_t number_of(const std::string& device) {
  const std::string number = device.starts_with("cuda:") ? device.substr(5) : device;
  if (number.empty() || number.size() > 4 || number.find_first_not_of("0123456789") != std::string::npos)
    throw Error(fmt::format("unknown device '{}' (allowed: cpu, cuda:N)", device), "--devices cpu, or numbers of CUDA devices: --devices 0,1");
  return static_cast<std::size_t>(std::stoi(number));
}

// `given`: what CUDA_VISIBLE_DEVICES has, in which numbers count; empty: all.
Slot read_slot(const std::string& text, const std::vector<std::string>& given) {
  Slot slot;
  std::size_t on_cuda = 0;
  const std::vector<std::string> devices = split(text, '+');
  for (const std::string& device : devices) {
    if (device == "cpu") {
      slot.devices.push_back(device);
      continue;
    }
    const std::size_t number = number_of(device);
    if (!given.empty() && number >= given.size())
      throw Error(fmt::format("device '{}' is not among the {} that CUDA_VISIBLE_DEVICES allows", device, given.size()));
    slot.devices.push_back(fmt::format("cuda:{}", on_cuda));
    slot.visible += (on_cuda++ > 0 ? "," : "") + (given.empty() ? std::to_string(number) : given[number]);
  }
  if (on_cuda > 0 && on_cuda < devices.size()) throw Error(fmt::format("'{}' joins the CPU and CUDA devices", text), "join devices of one kind: 0+1, or cpu+cpu");
  return slot;
}

}  // namespace

std::vector<Slot> read_slots(std::string_view devices, std::int64_t threads) {
  std::vector<std::string> given;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"); visible != nullptr && *visible != '\0') given = split(visible, ',');
  std::vector<Slot> slots;
  std::size_t on_cpu = 0;
  for (const std::string& text : split(devices, ',')) {
    slots.push_back(read_slot(text, given));
    if (slots.back().visible.empty()) on_cpu += slots.back().devices.size();
  }
  const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  for (Slot& slot : slots) {
    const std::size_t together = slot.devices.size(), sharing = slot.visible.empty() ? on_cpu : together;
    if (threads > 0) slot.threads = std::max<std::int64_t>(1, threads / static_cast<std::int64_t>(together));
    else if (sharing > 1) slot.threads = std::max<std::int64_t>(1, cores / static_cast<std::int64_t>(sharing));
  }
  return slots;
}

}  // namespace saucier::exec
