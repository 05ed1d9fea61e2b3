// What a text says of objects, held against boxes and captions.
//
// A category is named by its words, in the singular or the plural; the longest name counts, so that "hot dog" names no dog.
// Sentences are taken apart into clauses. In a clause that denies or supposes something ("no", "might", "if") nothing is
// claimed. Known to be missed: objects by other names than the source's, and what pronouns refer to. Known to be rejected
// wrongly: words that mean something else too ("an orange coat"), for which FilterOptions::claims_except is there.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "modules/data/scenes/scene.h"
#include "modules/teach/exchange.h"
#include "modules/teach/rejection.h"

namespace saucier::teach {

class Claims {
 public:
  // `categories`: all that the source knows, so that one that is absent is known as an object. `except`: passed over.
  Claims(const std::vector<std::string>& categories, const std::vector<std::string>& except);

  // The first claim of the pairs that is not so: absent-object, wrong-count or wrong-denial.
  Rejection check(const data::CaptionsAndBoxes& context, const std::vector<Exchange>& exchanges) const;

 private:
  struct Named {
    size_t category = 0, begin = 0, end = 0;  // words
  };
  struct Known;
  std::vector<Named> named_in(const std::vector<std::string>& words) const;
  Rejection check_clause(const std::vector<std::string>& words, const Known& known) const;
  Rejection check_question(const Exchange& exchange, const Known& known) const;

  std::vector<std::string> categories_;
  std::map<std::string, size_t> names_;  // words joined by spaces → category
  size_t longest_ = 1;                   // words of a name
};

}  // namespace saucier::teach
