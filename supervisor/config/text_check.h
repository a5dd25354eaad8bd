#ifndef WARREN_SUPERVISOR_CONFIG_TEXT_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_TEXT_CHECK_H_

#include <google/protobuf/message.h>

#include "supervisor/config/config_section.h"

namespace warren {

// Complains of every text in a message, and in those in it, that could not be sent or printed:
// protobuf's strings are UTF-8, and the parser takes whatever escapes ("\377") make.
void CheckTexts(const google::protobuf::Message& message, const ConfigSection& section);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_TEXT_CHECK_H_
