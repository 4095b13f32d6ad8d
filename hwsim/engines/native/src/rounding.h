// The rounding that lanes.h decays with.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

// Rounds float32 toward zero from here to the end of the scope: what decay in lanes.h needs.
class TowardZero {
 public:
#if defined(__SSE2__)
  TowardZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | _MM_ROUND_TOWARD_ZERO); }
  ~TowardZero() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#endif
};

}  // namespace
