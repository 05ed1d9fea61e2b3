#include "modules/teach/rejection.h"

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::teach {

namespace {

constexpr RejectionText kRejections[] = {
    // of how a reply is laid out
    {"empty-reply", "the reply has no text"},
    {"cut-off", "the reply ends where its longest length was reached"},
    {"unlabelled", "a block begins with neither 'Question:' nor 'Answer:'"},
    {"missing-separator", "a label stands inside a block, without a line '===' before it"},
    {"question-unanswered", "a question is followed by no answer"},
    {"answer-unasked", "an answer stands behind no question"},
    {"empty-question", "a question has no text"},
    {"empty-answer", "an answer has no text"},
    {"several-pairs", "one question was asked for and there are more"},
    {"picture-marker", "the text holds a picture marker"},
    // of what it says
    {"few-pairs", "there are fewer pairs than asked for"},
    {"question-length", "a question is too short or too long"},
    {"answer-length", "an answer is too short or too long"},
    {"mentions-source", "the text speaks of captions, boxes or itself in the place of the picture"},
    {"refusal", "the teacher refuses"},
    {"absent-object", "an object is named that is neither in the boxes nor in the captions"},
    {"wrong-count", "a number of objects is not that of the boxes"},
    {"wrong-denial", "an object is denied that the boxes have"},
    {"language", "the text is in another language"},
    {"near-duplicate", "it says nearly what an earlier sample says"},
    // of what others say about it
    {"answered-blind", "its questions are answered right without the picture"},
    {"no-score", "the judge gave no score that can be read"},
    {"low-score", "the judge's score is too low"},
};

}  // namespace

std::span<const RejectionText> rejections() { return kRejections; }

Rejection rejected(std::string_view name, std::string detail) {
  SAUCIER_CHECK(std::ranges::any_of(kRejections, [&](const RejectionText& text) { return text.name == name; }), "no rejection is called '{}'", name);
  return {std::string(name), std::move(detail)};
}

}  // namespace saucier::teach
