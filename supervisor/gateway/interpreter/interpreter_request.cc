#include "supervisor/gateway/interpreter/interpreter_request.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"

namespace warren {
namespace {

constexpr char kEnvVars[] = "env_vars";

// Takes the fields as the parser comes to them; what it does not know it passes over, however deep.
// Each function: false ends the parsing, and status() says why.
class RequestReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit RequestReader(InterpreterRequest& request) : request_(request) {}

  const absl::Status& status() const { return status_; }

  bool null() override { return in_env_vars() ? Refuse() : TakeNothing(); }
  bool boolean(bool) override { return Scalar(); }
  bool number_integer(number_integer_t) override { return Scalar(); }
  bool number_unsigned(number_unsigned_t) override { return Scalar(); }
  bool number_float(number_float_t, const string_t&) override { return Scalar(); }
  bool binary(binary_t&) override { return Scalar(); }

  bool string(string_t& value) override {
    if (depth_ == 0) return Refuse();
    if (depth_ == 1) {
      if (text_ != nullptr) *text_ = std::move(value);
      return is_env_vars_ ? Refuse() : true;
    }
    if (!in_env_vars()) return true;
    request_.env_vars[name_] = std::move(value);
    return request_.env_vars.size() <= kMaxEnvVars ? true : Refuse();
  }

  bool key(string_t& name) override {
    if (depth_ == 1) Enter(name);
    if (in_env_vars()) name_ = std::move(name);
    return true;
  }

  bool start_object(size_t) override {
    const bool taken = depth_ == 0 || (depth_ == 1 && is_env_vars_) || !known();
    ++depth_;
    return taken ? true : Refuse();
  }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override {
    if (depth_ == 0 || known()) return Refuse();
    ++depth_;
    return true;
  }
  bool end_array() override { return Leave(); }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("the request's body is no JSON: see its byte ", position));
    return false;
  }

 private:
  bool known() const { return text_ != nullptr || is_env_vars_; }
  bool in_env_vars() const { return depth_ == 2 && is_env_vars_; }

  void Enter(const std::string& field) {
    field_ = field;
    is_env_vars_ = field == kEnvVars;
    text_ = nullptr;
    const std::pair<const char*, std::string*> texts[] = {{"code", &request_.code},
                                                          {"context_id", &request_.context_id},
                                                          {"language", &request_.language},
                                                          {"cwd", &request_.cwd}};
    for (const auto& [name, text] : texts) {
      if (field == name) text_ = text;
    }
  }
  bool Leave() {
    --depth_;
    return true;
  }
  // Null: as if the field were not there.
  bool TakeNothing() { return depth_ == 0 ? Refuse() : true; }
  bool Scalar() { return depth_ == 0 || in_env_vars() || known() ? Refuse() : true; }
  bool Refuse() {
    if (depth_ == 0 || !known()) {
      status_ = absl::InvalidArgumentError("the request's body is no JSON object");
    } else if (is_env_vars_) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("env_vars must be an object of at most ", kMaxEnvVars, " strings"));
    } else {
      status_ = absl::InvalidArgumentError(absl::StrCat(field_, " must be a string"));
    }
    return false;
  }

  InterpreterRequest& request_;
  absl::Status status_;
  // Of the arrays and objects that it is in.
  size_t depth_ = 0;
  // The object's field that it is at, and where that goes; null for one that is not a text's.
  std::string field_;
  std::string* text_ = nullptr;
  bool is_env_vars_ = false;
  // The variable that it is at.
  std::string name_;
};

}  // namespace

absl::StatusOr<InterpreterRequest> ParseInterpreterRequest(absl::string_view body) {
  InterpreterRequest request;
  if (body.empty()) return request;
  RequestReader reader(request);
  // nlohmann-json takes a NUL for the end of the text, whatever is behind it.
  const bool ends = body.find('\0') != absl::string_view::npos;
  if (ends || !nlohmann::json::sax_parse(body.begin(), body.end(), &reader)) {
    if (!reader.status().ok()) return reader.status();
    return absl::InvalidArgumentError("the request's body is no JSON object");
  }
  request.language = LanguageName(request.language);
  return request;
}

std::string LanguageName(absl::string_view said) {
  std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(said));
  if (name == "js") return "javascript";
  if (name == "ts") return "typescript";
  return name;
}

}  // namespace warren
