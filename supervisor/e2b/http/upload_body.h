#ifndef WARREN_SUPERVISOR_E2B_HTTP_UPLOAD_BODY_H_
#define WARREN_SUPERVISOR_E2B_HTTP_UPLOAD_BODY_H_

#include <cstddef>
#include <deque>
#include <string>

namespace warren {

// What is still to be sent of a request's body. Thread-compatible.
class UploadBody {
 public:
  void Add(std::string data);
  // Nothing is added any more.
  void Close() { closed_ = true; }
  // Moves up to `room` bytes to `out`; how many they were.
  size_t Take(char* out, size_t room);

  size_t size() const { return size_; }
  bool closed() const { return closed_; }

 private:
  // None of them is empty.
  std::deque<std::string> parts_;
  // Of the first part, what was taken.
  size_t taken_ = 0;
  size_t size_ = 0;
  bool closed_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_UPLOAD_BODY_H_
