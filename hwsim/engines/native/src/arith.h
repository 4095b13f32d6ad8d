// The chip's arithmetic on one lane, as hwsim/arith.py defines it; neurons.generated.h is written with it.
//
// T is int64_t, which mirrors hwsim.arith.Integer, or int32_t, which is used only for populations
// where bounds.py proved that no intermediate leaves 32 bits. Sums go through unsigned types, so
// that no overflow is undefined; >> of a negative number must be arithmetic, as every compiler has it.
// Conditions are arithmetic on masks: gcc 12 vectorises no loop that counts comparisons.
#pragma once

#include <stdint.h>

namespace {

static_assert((-1 >> 1) == -1, "needs arithmetic right shifts");

constexpr int DECAY_BITS = 12;
constexpr int32_t STATE_LIMIT = 1 << 23;

template <class T> struct UnsignedOf;
template <> struct UnsignedOf<int32_t> { using type = uint32_t; };
template <> struct UnsignedOf<int64_t> { using type = uint64_t; };
template <class T> using Unsigned = typename UnsignedOf<T>::type;

// A register of a population: one value, or one a neuron.
template <class T, bool Single> struct Register {
  const int32_t* __restrict value;
  T first;
  explicit Register(const int32_t* p) : value(p), first(T(p[0])) {}
  T operator[](int64_t i) const { return Single ? first : T(value[i]); }
};

template <class T> inline T add(T x, T y) { return T(Unsigned<T>(x) + Unsigned<T>(y)); }
template <class T> inline T subtract(T x, T y) { return T(Unsigned<T>(x) - Unsigned<T>(y)); }
template <class T> inline T negate(T x) { return T(-Unsigned<T>(x)); }

// The low 32 bits, sign extended.
template <class T> inline T low32(T x) { return T(int32_t(uint32_t(x))); }

// Truncates toward zero; the high and low parts of x each have a product that fits 32 bits.
inline int32_t decay(int32_t x, int32_t d) {
  const int32_t keep = (1 << DECAY_BITS) - d;
  const int32_t mask = (1 << DECAY_BITS) - 1;
  const int32_t low = (x & mask) * keep + ((x >> 31) & mask);
  return add((x >> DECAY_BITS) * keep, low >> DECAY_BITS);
}
inline int64_t decay(int64_t x, int64_t d) {
  const int64_t product = x * ((1 << DECAY_BITS) - d);
  return (product + ((product >> 63) & ((1 << DECAY_BITS) - 1))) >> DECAY_BITS;
}

// 1 if any bit of `flags` is set: wrap, clip and wrap32 leave there what they changed. A minimum is
// one instruction of a vector of 32-bit lanes.
template <class T> inline T any_bit(T flags) {
  const Unsigned<T> f = Unsigned<T>(flags);
  return T(f < 1 ? f : 1);
}

template <class T> inline T wrap(T x, T& wrapped) {
  T y = low32(x);
  y = subtract(y, T(y > STATE_LIMIT) * 2 * STATE_LIMIT);
  y = add(y, T(y <= -STATE_LIMIT) * 2 * STATE_LIMIT);
  wrapped |= y ^ x;
  return y;
}

template <class T> inline T clip(T x, T& saturated) {
  T y = low32(x);
  y = y > STATE_LIMIT - 1 ? STATE_LIMIT - 1 : y;
  y = y < -STATE_LIMIT + 1 ? -STATE_LIMIT + 1 : y;
  saturated |= y ^ x;
  return y;
}

template <class T> inline T wrap32(T x, T& wrapped) {
  const T y = low32(x);
  wrapped |= y ^ x;
  return y;
}

template <class T> inline T above(T x, T y) { return T(x > y); }
template <class T> inline T fire(T v, T threshold) { return above(v, threshold); }
template <class T> inline T pick(T condition, T x, T y) { return y ^ ((x ^ y) & T(-Unsigned<T>(condition))); }
template <class T> inline T reset(T v, T s) { return v & T(Unsigned<T>(s) - 1); }
template <class T> inline T magnitude(T x) { return low32(x < 0 ? negate(x) : x); }
template <class T> inline T shift_left(T x, T bits, T& wrapped) {
  return wrap32(T(Unsigned<T>(x) << bits), wrapped);
}
template <class T> inline T shift_right(T x, T bits) { return x >> bits; }

// The activation on its way into `step`: shifted without losing bits.
template <class T> inline T widen(int32_t activation, int bits) {
  return T(Unsigned<T>(T(activation)) << bits);
}

}  // namespace
