// What the program knows of its database, for people and for Datasette: from the comments of store/views.
#pragma once

#include <string>

#include "modules/base/json.h"

namespace saucier::report {

// The views as Markdown: a section each, with its columns and an example.
std::string views_reference();

// Metadata for `datasette FILE -m …` of a store file with the stem `database`: views and columns explained, tables hidden,
// and queries to start from. Where a query has parameters, Datasette asks for them.
Json datasette_metadata(const std::string& database);

}  // namespace saucier::report
