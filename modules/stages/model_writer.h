// A teacher on this machine: a language model, or a model of this program's with or without sight. It decodes greedily.
#pragma once

#include <string>

#include "modules/base/json.h"
#include "modules/model/joined.h"
#include "modules/options/data_options.h"
#include "modules/teach/writer.h"

namespace saucier::stages {

class ModelWriter final : public teach::Writer {
 public:
  // `conversation` says how messages are written out; a prompt's system message takes the place of its own. `what`: what the
  // model is, for identity().
  ModelWriter(model::JoinedModel model, options::JobConversation conversation, Json what);

  std::string identity() const override;
  void ask(std::span<const teach::Prompt> prompts, const std::function<void(size_t, const teach::Reply&)>& done) override;

 private:
  void ask_some(std::span<const teach::Prompt> prompts, std::span<const size_t> which, const std::function<void(size_t, const teach::Reply&)>& done);
  std::int64_t tokens_of(const std::string& text) const;

  model::JoinedModel model_;
  options::JobConversation conversation_;
  Json what_;
};

}  // namespace saucier::stages
