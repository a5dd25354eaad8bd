#include "supervisor/e2b/http/upload_body.h"

#include <algorithm>
#include <utility>

namespace warren {

void UploadBody::Add(std::string data) {
  if (data.empty()) return;
  size_ += data.size();
  parts_.push_back(std::move(data));
}

size_t UploadBody::Take(char* out, size_t room) {
  size_t done = 0;
  while (done < room && !parts_.empty()) {
    const std::string& part = parts_.front();
    const size_t count = std::min(room - done, part.size() - taken_);
    part.copy(out + done, count, taken_);
    done += count;
    taken_ += count;
    if (taken_ < part.size()) break;
    parts_.pop_front();
    taken_ = 0;
  }
  size_ -= done;
  return done;
}

}  // namespace warren
