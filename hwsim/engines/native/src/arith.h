// The chip's arithmetic on one 64-bit lane, as hwsim/arith.py defines it; neurons.generated.h is written with it.
//
// It mirrors hwsim.arith.Integer. Sums go through unsigned types, so that no overflow is undefined;
// >> of a negative number must be arithmetic, as every compiler has it. Conditions are arithmetic on
// masks: gcc 12 vectorises no loop that counts comparisons. lanes.h has the same on 32-bit lanes.
#pragma once

#include <stdint.h>

namespace {

static_assert((-1 >> 1) == -1, "needs arithmetic right shifts");

constexpr int DECAY_BITS = 12;
constexpr int32_t STATE_LIMIT = 1 << 23;

using Wide = int64_t;

// How a number is written in a neuron's equation.
template <class T> struct As {
  static T number(int64_t value) { return T(value); }
};

inline Wide add(Wide x, Wide y) { return Wide(uint64_t(x) + uint64_t(y)); }
inline Wide subtract(Wide x, Wide y) { return Wide(uint64_t(x) - uint64_t(y)); }
inline Wide negate(Wide x) { return Wide(-uint64_t(x)); }

// The low 32 bits, sign extended.
inline Wide low32(Wide x) { return Wide(int32_t(uint32_t(x))); }

// Truncates toward zero.
inline Wide decay(Wide x, Wide d) {
  const Wide product = x * ((1 << DECAY_BITS) - d);
  return (product + ((product >> 63) & ((1 << DECAY_BITS) - 1))) >> DECAY_BITS;
}

// 1 if any bit of `flags` is set: wrap, clip and wrap32 leave there what they changed.
inline Wide any_bit(Wide flags) { return Wide(uint64_t(flags) < 1 ? uint64_t(flags) : 1); }

inline Wide wrap(Wide x, Wide& wrapped) {
  Wide y = low32(x);
  y = subtract(y, Wide(y > STATE_LIMIT) * 2 * STATE_LIMIT);
  y = add(y, Wide(y <= -STATE_LIMIT) * 2 * STATE_LIMIT);
  wrapped |= y ^ x;
  return y;
}

inline Wide clip(Wide x, Wide& saturated) {
  Wide y = low32(x);
  y = y > STATE_LIMIT - 1 ? STATE_LIMIT - 1 : y;
  y = y < -STATE_LIMIT + 1 ? -STATE_LIMIT + 1 : y;
  saturated |= y ^ x;
  return y;
}

inline Wide wrap32(Wide x, Wide& wrapped) {
  const Wide y = low32(x);
  wrapped |= y ^ x;
  return y;
}

inline Wide above(Wide x, Wide y) { return Wide(x > y); }
inline Wide fire(Wide v, Wide threshold) { return above(v, threshold); }
inline Wide pick(Wide condition, Wide x, Wide y) { return y ^ ((x ^ y) & Wide(-uint64_t(condition))); }
inline Wide reset(Wide v, Wide s) { return v & Wide(uint64_t(s) - 1); }
inline Wide magnitude(Wide x) { return low32(x < 0 ? negate(x) : x); }
inline Wide shift_left(Wide x, Wide bits, Wide& wrapped) { return wrap32(Wide(uint64_t(x) << bits), wrapped); }
inline Wide shift_right(Wide x, Wide bits) { return x >> bits; }
inline Wide all_of(Wide x, Wide y) { return x | y; }

}  // namespace
