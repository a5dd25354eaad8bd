#ifndef WARREN_TOOLS_WARREN_JSON_LINES_H_
#define WARREN_TOOLS_WARREN_JSON_LINES_H_

#include <google/protobuf/message.h>

#include <string>

#include "nlohmann/json.hpp"
#include "warren/v1/common.pb.h"

// What --json prints: one object a line, ASCII only, so that a terminal that shows it obeys
// nothing.
namespace warren {

std::string JsonLine(const nlohmann::ordered_json& object);

// `bytes` under `key`. Where they are not UTF-8, U+FFFD stands for what is not, and all of them are
// beside it in base64 under `base64_key`.
void PutBytes(nlohmann::ordered_json& object, const char* key, const char* base64_key,
              const std::string& bytes);

// How a run ended and what it cost: durations in seconds.
void PutTermination(nlohmann::ordered_json& object, const v1::Termination& termination);
nlohmann::ordered_json UsageObject(const v1::Usage& usage);

// Prints an answer of the server that has no bytes in it as protobuf's JSON mapping has it, with
// the field names of the .proto files. Returns the exit code.
int PrintJson(const google::protobuf::Message& message);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_JSON_LINES_H_
