#include "supervisor/config/config_numbers.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

const FieldDescriptor* FieldOf(const ProtoMessage& message, const NumberRange& range) {
  return message.GetDescriptor()->FindFieldByNumber(range.field);
}

int64_t NumberOf(const ProtoMessage& message, const FieldDescriptor* field) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32)
    return reflection->GetInt32(message, field);
  return reflection->GetInt64(message, field);
}

}  // namespace

void CheckNumbers(const ProtoMessage& message, const ConfigSection& section,
                  std::span<const NumberRange> ranges) {
  for (const NumberRange& range : ranges) {
    const FieldDescriptor* field = FieldOf(message, range);
    const int64_t number = NumberOf(message, field);
    if (!section.Has(range.field)) {
      if (range.otherwise != kRequired) continue;
      section.Complain(section.Here(), absl::StrCat(field->name(), " is missing"),
                       absl::StrCat("write ", range.least, " to ", range.most));
    } else if (number < range.least || number > range.most) {
      std::string remedy = absl::StrCat("it can be ", range.least, " to ", range.most);
      if (range.otherwise != kRequired)
        absl::StrAppend(&remedy, ", and is ", range.otherwise, " where it is left out");
      section.Complain(section.At(range.field), absl::StrCat(field->name(), " is ", number),
                       remedy);
    }
  }
}

void FillNumbers(ProtoMessage& message, std::span<const NumberRange> ranges) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  for (const NumberRange& range : ranges) {
    const FieldDescriptor* field = FieldOf(message, range);
    if (range.otherwise == kRequired || NumberOf(message, field) != 0) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      reflection->SetInt32(&message, field, static_cast<int32_t>(range.otherwise));
    } else {
      reflection->SetInt64(&message, field, range.otherwise);
    }
  }
}

}  // namespace warren
