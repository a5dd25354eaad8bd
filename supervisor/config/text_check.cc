#include "supervisor/config/text_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/quote.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

void CheckText(const std::string& text, const ConfigSection& section, ConfigSection::Place place) {
  const bool controls =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (!controls && IsValidUtf8(text)) return;
  section.Complain(place, absl::StrCat(Quoted(text), " has characters that cannot be printed"),
                   "write it without them, as UTF-8");
}

void CheckField(const google::protobuf::Message& message, const FieldDescriptor* field,
                const ConfigSection& section) {
  const Reflection* reflection = message.GetReflection();
  const int number = field->number();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    if (!field->is_repeated()) {
      CheckText(reflection->GetString(message, field), section, section.At(number));
      return;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      CheckText(reflection->GetRepeatedString(message, field, i), section, section.At(number, i));
    }
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!field->is_repeated()) {
      CheckTexts(reflection->GetMessage(message, field), section.Nested(number));
      return;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      CheckTexts(reflection->GetRepeatedMessage(message, field, i), section.Nested(number, i));
    }
  }
}

}  // namespace

void CheckTexts(const google::protobuf::Message& message, const ConfigSection& section) {
  // Of those alone that are there.
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) CheckField(message, field, section);
}

}  // namespace warren
