#include "supervisor/config/config_section.h"

#include <string>

#include "absl/strings/match.h"

namespace warren {
namespace {

using google::protobuf::FieldDescriptor;
using ParseLocation = google::protobuf::TextFormat::ParseLocation;

// Of a field that is not repeated.
constexpr int kNoIndex = -1;
constexpr absl::string_view kBeforeRemedy = "; ";

}  // namespace

ConfigSection::ConfigSection(const google::protobuf::Descriptor* type, const Tree* tree,
                             ConfigProblems* problems)
    : ConfigSection(type, tree, Place{}, problems) {}

const ConfigSection::Tree* ConfigSection::TreeOf(const FieldDescriptor* field, int index) const {
  return tree_ == nullptr ? nullptr : tree_->GetTreeForNested(field, index);
}

ConfigSection ConfigSection::Nested(int field) const {
  const FieldDescriptor* descriptor = type_->FindFieldByNumber(field);
  return {descriptor->message_type(), TreeOf(descriptor, kNoIndex), At(field), problems_};
}

ConfigSection ConfigSection::Nested(int field, int index) const {
  const FieldDescriptor* descriptor = type_->FindFieldByNumber(field);
  return {descriptor->message_type(), TreeOf(descriptor, index), At(field, index), problems_};
}

ConfigSection::Place ConfigSection::At(int field) const {
  if (tree_ == nullptr) return place_;
  const ParseLocation found = tree_->GetLocation(type_->FindFieldByNumber(field), kNoIndex);
  return found.line < 0 ? place_ : Place{found.line + 1, found.column + 1};
}

ConfigSection::Place ConfigSection::At(int field, int index) const {
  if (tree_ == nullptr) return place_;
  const FieldDescriptor* descriptor = type_->FindFieldByNumber(field);
  // The parser notes where a list in brackets begins, and not where its elements do.
  for (int i = index; i >= 0; --i) {
    const ParseLocation found = tree_->GetLocation(descriptor, i);
    if (found.line >= 0) return {found.line + 1, found.column + 1};
  }
  return place_;
}

bool ConfigSection::Has(int field) const {
  return tree_ != nullptr &&
         tree_->GetLocation(type_->FindFieldByNumber(field), kNoIndex).line >= 0;
}

void ConfigSection::Complain(Place place, absl::string_view what, absl::string_view remedy) const {
  problems_->push_back({place.line, place.column, std::string(what), std::string(remedy)});
}

void ConfigSection::Complain(Place place, const absl::Status& status) const {
  if (status.ok()) return;
  const absl::string_view text = status.message();
  const size_t mark = text.rfind(kBeforeRemedy);
  if (mark == absl::string_view::npos) return Complain(place, text, "");
  Complain(place, text.substr(0, mark), text.substr(mark + kBeforeRemedy.size()));
}

}  // namespace warren
