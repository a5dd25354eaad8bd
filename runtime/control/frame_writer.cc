#include "runtime/control/frame_writer.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "google/protobuf/io/coded_stream.h"
#include "runtime/base/status.h"
#include "runtime/control/frame.h"
#include "warren/internal/agent.pb.h"

namespace warren {
namespace {

using google::protobuf::io::CodedOutputStream;
using internal::StreamData;

// Two lengths, four tags, an id, a length of the data and a bool.
constexpr size_t kMaxHead = 48;

constexpr uint32_t LengthDelimited(int field) { return static_cast<uint32_t>(field) << 3 | 2; }

// A frame up to its data, which is its last field. Returns how long that is.
size_t MakeHead(int field, uint64_t stream_id, bool last, size_t size, uint8_t* head) {
  StreamData rest;
  rest.set_stream_id(stream_id);
  rest.set_last(last);
  const auto bytes = static_cast<uint32_t>(size);
  const uint32_t data_tag = LengthDelimited(StreamData::kDataFieldNumber);
  const uint32_t tag = LengthDelimited(field);
  const auto inner =
      static_cast<uint32_t>(rest.ByteSizeLong() + CodedOutputStream::VarintSize32(data_tag) +
                            CodedOutputStream::VarintSize32(bytes) + size);
  const auto outer = static_cast<uint32_t>(CodedOutputStream::VarintSize32(tag) +
                                           CodedOutputStream::VarintSize32(inner) + inner);
  uint8_t* at = CodedOutputStream::WriteLittleEndian32ToArray(outer, head);
  at = CodedOutputStream::WriteTagToArray(tag, at);
  at = CodedOutputStream::WriteVarint32ToArray(inner, at);
  at = rest.SerializeWithCachedSizesToArray(at);
  at = CodedOutputStream::WriteTagToArray(data_tag, at);
  at = CodedOutputStream::WriteVarint32ToArray(bytes, at);
  return static_cast<size_t>(at - head);
}

}  // namespace

absl::Status FrameWriter::Add(const google::protobuf::MessageLite& message) {
  return AppendFrame(message, &kept_);
}

absl::Status FrameWriter::WriteData(int pipe, int field, uint64_t stream_id, bool last,
                                    absl::string_view data) {
  uint8_t head[kMaxHead];
  const size_t head_size = MakeHead(field, stream_id, last, data.size(), head);
  WARREN_RETURN_IF_ERROR(Flush(pipe));
  size_t written = 0;
  if (empty()) {
    const iovec parts[] = {{head, head_size}, {const_cast<char*>(data.data()), data.size()}};
    const ssize_t size = ::writev(pipe, parts, 2);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Errno("write");
    if (size > 0) written = static_cast<size_t>(size);
  }
  if (written < head_size)
    kept_.append(reinterpret_cast<char*>(head) + written, head_size - written);
  data.remove_prefix(written < head_size ? 0 : written - head_size);
  kept_.append(data.data(), data.size());
  return absl::OkStatus();
}

absl::Status FrameWriter::Flush(int pipe) {
  while (!empty()) {
    const ssize_t size = ::write(pipe, kept_.data() + written_, this->size());
    if (size >= 0) {
      written_ += static_cast<size_t>(size);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return Errno("write");
    }
  }
  // Moved only where that at least halves it: fewer bytes are moved than were written.
  if (written_ > 0 && written_ >= kept_.size() / 2) {
    kept_.erase(0, written_);
    written_ = 0;
  }
  return absl::OkStatus();
}

void FrameWriter::Shrink(size_t bytes) {
  if (empty() && kept_.capacity() > bytes) kept_ = std::string();
}

}  // namespace warren
