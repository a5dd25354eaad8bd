#ifndef WARREN_SUPERVISOR_CONFIG_CONFIG_SECTION_H_
#define WARREN_SUPERVISOR_CONFIG_CONFIG_SECTION_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/config/config_problem.h"

namespace warren {

// Where a message of the file stands and what is in it, for complaints about it. Fields are named
// by their numbers (config::Backend::kNameFieldNumber). A view: the tree that the parser wrote and
// the list of problems outlive it. Thread-compatible.
class ConfigSection {
 public:
  using Tree = google::protobuf::TextFormat::ParseInfoTree;
  // Both from 1.
  struct Place {
    int line = 1;
    int column = 1;
  };

  // The whole file.
  ConfigSection(const google::protobuf::Descriptor* type, const Tree* tree,
                ConfigProblems* problems);

  // A message in a field, which need not be there.
  ConfigSection Nested(int field) const;
  ConfigSection Nested(int field, int index) const;

  // Where the message begins; where a message that is absent would be, its enclosing one does.
  Place Here() const { return place_; }
  // Where a field begins; of one that is absent, where the message does.
  Place At(int field) const;
  // The same of a repeated field. A list in brackets stands in one place.
  Place At(int field, int index) const;
  // Whether the file says it, be it the default.
  bool Has(int field) const;

  void Complain(Place place, absl::string_view what, absl::string_view remedy) const;
  // What WrongConfig made; nothing of OK.
  void Complain(Place place, const absl::Status& status) const;

 private:
  ConfigSection(const google::protobuf::Descriptor* type, const Tree* tree, Place place,
                ConfigProblems* problems)
      : type_(type), tree_(tree), place_(place), problems_(problems) {}
  // None where the field is absent.
  const Tree* TreeOf(const google::protobuf::FieldDescriptor* field, int index) const;

  const google::protobuf::Descriptor* type_;
  // None of a message that is absent.
  const Tree* tree_;
  Place place_;
  ConfigProblems* problems_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_CONFIG_SECTION_H_
