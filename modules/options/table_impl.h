// The templates behind table.h: three visitors over `declare`.
#pragma once

#include <type_traits>

namespace saucier::options::detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {
  using mapped = T;
};

struct NullVisitor {
  template <class M>
  void operator()(M&, const Declaration&) {}
};
template <class T>
concept Declared = requires(T& t, NullVisitor& v) { t.declare(v); };

void wrong_type(std::string_view key, const Json& value);  // throws Error

template <class M>
void read_into(const Json& value, M& options);  // keys that are missing keep what `options` has

Json encode(const Weight& weight);
Weight decode_weight(std::string_view key, const Json& value);

template <class M>
Json encode(const M& member) {
  if constexpr (is_optional<M>::value) {
    return member ? encode(*member) : Json();
  } else if constexpr (Declared<M>) {
    return to_json(member);
  } else if constexpr (is_map<M>::value) {
    Json out = Json::object();
    for (const auto& [key, value] : member) out[key] = encode(value);
    return out;
  } else {
    return Json(member);
  }
}

template <class M>
void decode(std::string_view key, const Json& value, M& member) {
  if constexpr (is_optional<M>::value) {
    if (value.is_null()) {
      member.reset();
    } else {
      typename M::value_type inner{};
      decode(key, value, inner);
      member = std::move(inner);
    }
  } else if constexpr (std::is_same_v<M, Weight>) {
    member = decode_weight(key, value);
  } else if constexpr (Declared<M>) {
    read_into(value, member);  // not from_json: a member's own default (test_scenes) stays where a key is missing
  } else if constexpr (is_map<M>::value) {
    if (!value.is_object()) wrong_type(key, value);
    member.clear();
    for (const auto& [name, item] : value.items()) decode(name, item, member[name]);
  } else {
    try {
      member = value.get<M>();
    } catch (const Json::exception&) {
      wrong_type(key, value);
    }
  }
}

template <class M>
void describe(Field& field) {
  if constexpr (is_optional<M>::value) {
    field.optional = true;
    describe<typename M::value_type>(field);
  } else if constexpr (std::is_same_v<M, bool>) {
    field.type = Type::kBool;
  } else if constexpr (std::is_integral_v<M>) {
    field.type = Type::kInteger;
  } else if constexpr (std::is_floating_point_v<M>) {
    field.type = Type::kNumber;
  } else if constexpr (std::is_same_v<M, std::string>) {
    field.type = Type::kString;
  } else if constexpr (std::is_same_v<M, std::vector<std::string>>) {
    field.type = Type::kStringList;
  } else if constexpr (std::is_same_v<M, std::vector<std::int64_t>>) {
    field.type = Type::kIntegerList;
  } else if constexpr (std::is_same_v<M, std::map<std::string, double>>) {
    field.type = Type::kNumberMap;
  } else if constexpr (std::is_same_v<M, std::map<std::string, Weight>>) {
    field.type = Type::kWeightMap;  // what its tables hold: table_of<WeightTable>()
  } else if constexpr (std::is_same_v<M, std::map<std::string, std::string>>) {
    field.type = Type::kStringMap;
  } else if constexpr (is_map<M>::value) {
    field.type = Type::kTableMap;
    field.table = &table_of<typename is_map<M>::mapped>();
  } else {
    static_assert(Declared<M>, "an option of a type that table.h does not list");
    field.type = Type::kTable;
    field.table = &table_of<M>();
  }
}

struct TableBuilder {
  Table table;
  template <class M>
  void operator()(M& member, const Declaration& said) {
    Field field;
    describe<M>(field);
    if (!said.required) field.default_value = encode(member);
    field.rule = {.key = std::string(said.key), .help = std::string(said.help), .unit = std::string(said.unit), .min = said.min, .max = said.max,
                  .positive = said.positive, .choices = {said.choices.begin(), said.choices.end()},
                  .formerly = {said.formerly.begin(), said.formerly.end()}, .open = said.open, .required = said.required,
                  .operational = said.operational, .path = said.path};
    table.fields.push_back(std::move(field));
  }
};

struct Writer {
  Json out = Json::object();
  template <class M>
  void operator()(M& member, const Declaration& said) { out[std::string(said.key)] = encode(member); }
};

struct Reader {
  const Json& in;
  template <class M>
  void operator()(M& member, const Declaration& said) {
    if (auto it = in.find(said.key); it != in.end()) decode(said.key, *it, member);
  }
};

struct KeyWriter {
  std::string_view key;
  Json out = {};
  template <class M>
  void operator()(M& member, const Declaration& said) {
    if (said.key == key) out = encode(member);
  }
};

struct KeyReader {
  std::string_view key;
  const Json* value;
  const Field& field;
  template <class M>
  void operator()(M& member, const Declaration& said) {
    if (said.key != key) return;
    if (said.required) member = M{};
    else decode(key, field.default_value, member);
    if (value) decode(key, *value, member);
  }
};

template <class M>
void read_into(const Json& value, M& options) {
  if (!value.is_object()) wrong_type("options", value);
  Reader reader{value};
  options.declare(reader);
}

}  // namespace saucier::options::detail

namespace saucier::options {

template <class T>
const Table& table_of() {
  static const Table table = [] {
    T defaults{};
    detail::TableBuilder builder;
    defaults.declare(builder);
    return builder.table;
  }();
  return table;
}

template <class T>
T from_json(const Json& value) {
  T out{};
  detail::read_into(value, out);
  return out;
}

template <class T>
Json to_json(const T& options) {
  T copy = options;
  detail::Writer writer;
  copy.declare(writer);
  return writer.out;
}

template <class T>
void put_key(T& options, std::string_view key, const Json* value) {
  const Field* field = table_of<T>().find(key);
  if (!field) return;
  detail::KeyReader reader{key, value, *field};
  options.declare(reader);
}

template <class T>
Json key_to_json(const T& options, std::string_view key) {
  detail::KeyWriter writer{key};
  const_cast<T&>(options).declare(writer);  // only read
  return writer.out;
}

}  // namespace saucier::options
