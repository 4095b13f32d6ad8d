// The chip's arithmetic on vectors of 32-bit lanes: the functions of arith.h, as wide as the variant's registers.
//
// Used only for populations where bounds.py proved that no intermediate leaves 32 bits and that what
// decays stays within 2^24. Values outside a register are rare: wrap and clip test for them, and fold
// or saturate in a branch. A condition is a Mask; add and subtract take it for the numbers 0 and 1.
//
// decay multiplies in float32 and truncates: the integer is exact below 2^24, the product is rounded
// toward zero, and truncating it again gives the truncated exact product. AVX-512 names the rounding
// in the instruction; elsewhere TowardZero sets it for as long as kernels run.
#pragma once

#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "arith.h"

namespace {

#if defined(__AVX512BW__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
constexpr int VECTOR = 4 * LANES;          // bytes
constexpr int PER_WORD = 64 / LANES;       // vectors that 64 neurons fill

typedef int32_t Signed __attribute__((vector_size(VECTOR)));
typedef uint32_t Unsigneds __attribute__((vector_size(VECTOR)));
typedef int32_t LooseSigned __attribute__((vector_size(VECTOR), aligned(1)));

struct Lanes {
  Signed v;
};

inline Lanes lanes(Unsigneds v) { return {Signed(v)}; }
inline Lanes every(int32_t value) { return {Signed{} + value}; }
template <> struct As<Lanes> {
  static Lanes number(int64_t value) { return every(int32_t(value)); }
};
inline Lanes load(const int32_t* p) { return {*reinterpret_cast<const LooseSigned*>(p)}; }
inline void store(int32_t* p, Lanes x) { *reinterpret_cast<LooseSigned*>(p) = x.v; }

#if defined(__AVX512BW__)

struct Mask {
  __mmask16 bits;
};
inline Mask nowhere() { return {0}; }
inline bool any(Mask m) { return m.bits != 0; }
inline Mask either(Mask x, Mask y) { return {__mmask16(x.bits | y.bits)}; }
inline Mask above(Lanes x, Lanes y) { return {_mm512_cmpgt_epi32_mask(__m512i(x.v), __m512i(y.v))}; }
inline Mask beyond(Lanes x, int32_t limit) {  // |x| > limit
  return {_mm512_cmpgt_epu32_mask(_mm512_maskz_abs_epi32(__mmask16(-1), __m512i(x.v)), _mm512_set1_epi32(limit))};
}
inline Mask nonzero(Lanes x) { return {_mm512_test_epi32_mask(__m512i(x.v), __m512i(x.v))}; }
inline Lanes pick(Mask m, Lanes x, Lanes y) {
  return {Signed(_mm512_mask_mov_epi32(__m512i(y.v), m.bits, __m512i(x.v)))};
}
inline Lanes number(Mask m) { return {Signed(_mm512_maskz_set1_epi32(m.bits, 1))}; }
inline Lanes reset(Lanes v, Mask s) {
  return {Signed(_mm512_mask_mov_epi32(__m512i(v.v), s.bits, __m512i{}))};
}
// The conditions of 64 neurons, one bit each.
inline uint64_t word(const Mask (&m)[PER_WORD]) {
  return _mm512_kunpackd(_mm512_kunpackw(m[3].bits, m[2].bits), _mm512_kunpackw(m[1].bits, m[0].bits));
}
inline Lanes truncated_product(Lanes x, Lanes keep) {  // zeroing forms: gcc 12 warns of the others
  const __mmask16 all = __mmask16(-1);
  const __m512 scale = _mm512_maskz_cvtepi32_ps(all, __m512i(keep.v)) * (1.0f / (1 << DECAY_BITS));
  const __m512 product = _mm512_maskz_mul_round_ps(all, _mm512_maskz_cvtepi32_ps(all, __m512i(x.v)), scale,
                                                   _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  return {Signed(_mm512_maskz_cvttps_epi32(all, product))};
}

#else

struct Mask {
  Signed all;  // -1 where true
};
inline Mask nowhere() { return {Signed{}}; }
inline Mask either(Mask x, Mask y) { return {x.all | y.all}; }
inline Mask above(Lanes x, Lanes y) { return {x.v > y.v}; }
inline Mask beyond(Lanes x, int32_t limit) { return {(x.v > limit) | (x.v < -limit)}; }
inline Mask nonzero(Lanes x) { return {x.v != 0}; }
inline Lanes pick(Mask m, Lanes x, Lanes y) { return {(x.v & m.all) | (y.v & ~m.all)}; }
inline Lanes number(Mask m) { return {-m.all}; }
inline Lanes reset(Lanes v, Mask s) { return {v.v & ~s.all}; }
#if defined(__AVX2__)
inline uint32_t bits(Mask m) { return uint32_t(_mm256_movemask_ps(__m256(m.all))); }
inline Lanes truncated_product(Lanes x, Lanes keep) {
  const __m256 scale = _mm256_mul_ps(_mm256_cvtepi32_ps(__m256i(keep.v)), _mm256_set1_ps(1.0f / (1 << DECAY_BITS)));
  return {Signed(_mm256_cvttps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(__m256i(x.v)), scale)))};
}
#elif defined(__SSE2__)
inline uint32_t bits(Mask m) { return uint32_t(_mm_movemask_ps(__m128(m.all))); }
inline Lanes truncated_product(Lanes x, Lanes keep) {
  const __m128 scale = _mm_mul_ps(_mm_cvtepi32_ps(__m128i(keep.v)), _mm_set1_ps(1.0f / (1 << DECAY_BITS)));
  return {Signed(_mm_cvttps_epi32(_mm_mul_ps(_mm_cvtepi32_ps(__m128i(x.v)), scale)))};
}
#else
inline uint32_t bits(Mask m) {
  uint32_t found = 0;
  for (int i = 0; i < LANES; ++i) found |= uint32_t(m.all[i] & 1) << i;
  return found;
}
inline Lanes truncated_product(Lanes x, Lanes keep) {
  Lanes y;
  for (int i = 0; i < LANES; ++i) y.v[i] = int32_t(decay(int64_t(x.v[i]), int64_t((1 << DECAY_BITS) - keep.v[i])));
  return y;
}
#endif
inline bool any(Mask m) { return bits(m) != 0; }
inline uint64_t word(const Mask (&m)[PER_WORD]) {
  uint64_t found = 0;
  for (int j = 0; j < PER_WORD; ++j) found |= uint64_t(bits(m[j])) << (LANES * j);
  return found;
}

#endif

inline Lanes add(Lanes x, Lanes y) { return lanes(Unsigneds(x.v) + Unsigneds(y.v)); }
inline Lanes subtract(Lanes x, Lanes y) { return lanes(Unsigneds(x.v) - Unsigneds(y.v)); }
inline Lanes subtract(Lanes x, Mask y) { return subtract(x, number(y)); }
inline Lanes subtract(Mask x, Mask y) { return subtract(number(x), number(y)); }
inline Mask add(Mask x, Mask y) { return either(x, y); }  // of conditions that exclude each other
inline Lanes negate(Lanes x) { return lanes(-Unsigneds(x.v)); }
inline Lanes all_of(Lanes x, Lanes y) { return {x.v | y.v}; }

inline Lanes decay(Lanes x, Lanes d) { return truncated_product(x, subtract(every(1 << DECAY_BITS), d)); }

inline Lanes wrap(Lanes x, Mask& wrapped) {
  if (__builtin_expect(any(beyond(x, STATE_LIMIT - 1)), 0)) {
    const Mask over = above(x, every(STATE_LIMIT)), under = above(every(-STATE_LIMIT + 1), x);
    wrapped = either(wrapped, either(over, under));
    x = pick(over, subtract(x, every(2 * STATE_LIMIT)), x);
    x = pick(under, add(x, every(2 * STATE_LIMIT)), x);
  }
  return x;
}

inline Lanes clip(Lanes x, Mask& saturated) {
  const Mask outside = beyond(x, STATE_LIMIT - 1);
  if (__builtin_expect(any(outside), 0)) {
    saturated = either(saturated, outside);
    x = pick(above(x, every(0)), pick(outside, every(STATE_LIMIT - 1), x), pick(outside, every(-STATE_LIMIT + 1), x));
  }
  return x;
}

inline Lanes wrap32(Lanes x, Mask&) { return x; }
inline Mask fire(Lanes v, Lanes threshold) { return above(v, threshold); }
inline Lanes pick(Lanes condition, Lanes x, Lanes y) { return pick(nonzero(condition), x, y); }
inline Lanes magnitude(Lanes x) { return pick(above(every(0), x), negate(x), x); }
inline Lanes shift_left(Lanes x, Lanes bits, Mask&) { return lanes(Unsigneds(x.v) << Unsigneds(bits.v)); }
inline Lanes shift_right(Lanes x, Lanes bits) { return {x.v >> bits.v}; }
inline Lanes shifted(Lanes x, int bits) { return lanes(Unsigneds(x.v) << bits); }

}  // namespace
