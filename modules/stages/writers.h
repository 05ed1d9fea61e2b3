// The teachers in words that a job names.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "modules/options/job.h"
#include "modules/teach/asked_filters.h"

namespace saucier::stages {

// Opens each teacher once, however often it is asked for. Replies are kept in the job's cache.
class Writers {
 public:
  explicit Writers(const options::Job& job) : job_(job) {}
  teach::Asked asked(const std::string& name);  // "": nobody

 private:
  const options::Job& job_;
  std::map<std::string, std::unique_ptr<teach::Writer>> open_;
};

}  // namespace saucier::stages
