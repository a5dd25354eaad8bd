#include "runtime/policy/bpf_evaluator.h"

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

absl::Status Malformed(size_t at, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("BPF instruction ", at, ": ", what));
}

// The machine of one evaluation: accumulator, index register, scratch memory.
class Machine {
 public:
  Machine(std::span<const sock_filter> program, const seccomp_data& data)
      : program_(program), data_(data) {}

  absl::StatusOr<uint32_t> Run() {
    // Jumps go forward only, so this ends.
    while (next_ < program_.size()) {
      const sock_filter& op = program_[next_++];
      switch (BPF_CLASS(op.code)) {
        case BPF_LD:
        case BPF_LDX:
          WARREN_RETURN_IF_ERROR(Load(op));
          break;
        case BPF_ST:
        case BPF_STX:
          if (op.k >= memory_.size()) return Malformed(next_ - 1, "stores outside the memory");
          memory_[op.k] = BPF_CLASS(op.code) == BPF_ST ? accumulator_ : index_;
          break;
        case BPF_ALU:
          WARREN_RETURN_IF_ERROR(Compute(op));
          break;
        case BPF_JMP:
          WARREN_RETURN_IF_ERROR(Jump(op));
          break;
        case BPF_RET:
          return BPF_RVAL(op.code) == BPF_A ? accumulator_ : op.k;
        case BPF_MISC:
          if (BPF_MISCOP(op.code) == BPF_TAX) {
            index_ = accumulator_;
          } else {
            accumulator_ = index_;
          }
          break;
      }
    }
    return Malformed(program_.size(), "the program ends without an answer");
  }

 private:
  absl::Status Load(const sock_filter& op) {
    uint32_t value = 0;
    switch (BPF_MODE(op.code)) {
      case BPF_IMM:
        value = op.k;
        break;
      case BPF_MEM:
        if (op.k >= memory_.size()) return Malformed(next_ - 1, "loads outside the memory");
        value = memory_[op.k];
        break;
      case BPF_LEN:
        value = sizeof(data_);
        break;
      case BPF_ABS:
        if (op.code != (BPF_LD | BPF_W | BPF_ABS) || op.k % 4 != 0 ||
            op.k > sizeof(data_) - sizeof(value)) {
          return Malformed(next_ - 1, "loads no word of seccomp_data");
        }
        std::memcpy(&value, reinterpret_cast<const char*>(&data_) + op.k, sizeof(value));
        break;
      default:
        return Malformed(next_ - 1, "a load that seccomp does not have");
    }
    (BPF_CLASS(op.code) == BPF_LD ? accumulator_ : index_) = value;
    return absl::OkStatus();
  }

  absl::Status Compute(const sock_filter& op) {
    uint32_t operand = BPF_SRC(op.code) == BPF_X ? index_ : op.k;
    switch (BPF_OP(op.code)) {
      case BPF_ADD:
        accumulator_ += operand;
        return absl::OkStatus();
      case BPF_SUB:
        accumulator_ -= operand;
        return absl::OkStatus();
      case BPF_MUL:
        accumulator_ *= operand;
        return absl::OkStatus();
      case BPF_DIV:
        if (operand == 0) return Malformed(next_ - 1, "divides by zero");
        accumulator_ /= operand;
        return absl::OkStatus();
      case BPF_AND:
        accumulator_ &= operand;
        return absl::OkStatus();
      case BPF_OR:
        accumulator_ |= operand;
        return absl::OkStatus();
      case BPF_XOR:
        accumulator_ ^= operand;
        return absl::OkStatus();
      case BPF_LSH:
        accumulator_ = operand < 32 ? accumulator_ << operand : 0;
        return absl::OkStatus();
      case BPF_RSH:
        accumulator_ = operand < 32 ? accumulator_ >> operand : 0;
        return absl::OkStatus();
      case BPF_NEG:
        accumulator_ = 0U - accumulator_;
        return absl::OkStatus();
      default:
        return Malformed(next_ - 1, "an operation that seccomp does not have");
    }
  }

  absl::Status Jump(const sock_filter& op) {
    uint32_t operand = BPF_SRC(op.code) == BPF_X ? index_ : op.k;
    bool taken = false;
    switch (BPF_OP(op.code)) {
      case BPF_JA:
        return JumpBy(op.k);
      case BPF_JEQ:
        taken = accumulator_ == operand;
        break;
      case BPF_JGT:
        taken = accumulator_ > operand;
        break;
      case BPF_JGE:
        taken = accumulator_ >= operand;
        break;
      case BPF_JSET:
        taken = (accumulator_ & operand) != 0;
        break;
      default:
        return Malformed(next_ - 1, "a jump that seccomp does not have");
    }
    return JumpBy(taken ? op.jt : op.jf);
  }

  absl::Status JumpBy(size_t distance) {
    if (distance >= program_.size() - next_)
      return Malformed(next_ - 1, "jumps out of the program");
    next_ += distance;
    return absl::OkStatus();
  }

  std::span<const sock_filter> program_;
  const seccomp_data& data_;
  size_t next_ = 0;
  uint32_t accumulator_ = 0;
  uint32_t index_ = 0;
  std::array<uint32_t, BPF_MEMWORDS> memory_ = {};
};

// As the kernel orders them: KILL_PROCESS is negative and so the strictest.
int32_t Leniency(uint32_t action) { return static_cast<int32_t>(action & SECCOMP_RET_ACTION_FULL); }

}  // namespace

absl::StatusOr<uint32_t> EvaluateFilter(std::span<const sock_filter> filter,
                                        const seccomp_data& data) {
  return Machine(filter, data).Run();
}

absl::StatusOr<uint32_t> EvaluateFilters(const std::vector<std::vector<sock_filter>>& filters,
                                         const seccomp_data& data) {
  uint32_t result = SECCOMP_RET_ALLOW;
  for (auto filter = filters.rbegin(); filter != filters.rend(); ++filter) {
    WARREN_ASSIGN_OR_RETURN(uint32_t action, EvaluateFilter(*filter, data));
    if (Leniency(action) < Leniency(result)) result = action;
  }
  return result;
}

std::string ActionName(uint32_t action) {
  switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
      return "ALLOW";
    case SECCOMP_RET_KILL_PROCESS:
      return "KILL_PROCESS";
    case SECCOMP_RET_KILL_THREAD:
      return "KILL_THREAD";
    case SECCOMP_RET_ERRNO: {
      const char* name = ::strerrorname_np(static_cast<int>(action & SECCOMP_RET_DATA));
      if (name != nullptr) return name;
      break;
    }
    default:
      break;
  }
  return absl::StrCat("0x", absl::Hex(action));
}

}  // namespace warren
