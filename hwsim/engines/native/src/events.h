// Neurons into events: the indices of what is not 0.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace {

using namespace spikeport;

// Bit i of the result: values[i] is not 0. SCANNED values are read.
#if defined(__AVX512BW__)
constexpr int SCANNED = 64;
inline uint64_t nonzero(const int8_t* p) {
  const __m512i x = _mm512_loadu_si512(p);
  return _mm512_test_epi8_mask(x, x);
}
inline uint64_t nonzero(const int32_t* p) {
  uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) {
    const __m512i x = _mm512_loadu_si512(p + 16 * i);
    bits |= uint64_t(_mm512_test_epi32_mask(x, x)) << (16 * i);
  }
  return bits;
}
#elif defined(__SSE2__)
constexpr int SCANNED = 16;
inline uint64_t nonzero(const int8_t* p) {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128()))) ^ 0xFFFFu;
}
inline uint64_t nonzero(const int32_t* p) {
  uint64_t zero = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 4 * i));
    const __m128i equal = _mm_cmpeq_epi32(x, _mm_setzero_si128());
    zero |= uint64_t(_mm_movemask_ps(_mm_castsi128_ps(equal))) << (4 * i);
  }
  return zero ^ 0xFFFFu;
}
#else
constexpr int SCANNED = 8;
template <class V> inline uint64_t nonzero(const V* p) {
  uint64_t bits = 0;
  for (int i = 0; i < SCANNED; ++i) bits |= uint64_t(p[i] != 0) << i;
  return bits;
}
#endif

// Writes first + i for each set bit i, and up to SLACK more; returns their number.
#if defined(__AVX512VBMI2__)
inline int64_t write_bits(uint64_t bits, int32_t first, int32_t* out) {
  alignas(64) static constexpr uint8_t LANE[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  __m512i found = _mm512_maskz_compress_epi8(bits, _mm512_load_si512(LANE));
  const int64_t count = __builtin_popcountll(bits);
  int64_t written = 0;
  do {  // once, but for crowded words
    const __m256i some = _mm256_cvtepu8_epi32(_mm512_castsi512_si128(found));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + written), _mm256_add_epi32(some, _mm256_set1_epi32(first)));
    found = _mm512_maskz_alignr_epi64(__mmask8(-1), found, found, 1);
  } while ((written += 8) < count);
  return count;
}
#elif defined(__AVX512BW__)
inline int64_t write_bits(uint64_t bits, int32_t first, int32_t* out) {
  int64_t count = 0;
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int j = 0; j < 4; ++j) {
    const __mmask16 some = __mmask16(bits >> (16 * j));
    const __m512i index = _mm512_add_epi32(lane, _mm512_set1_epi32(first + 16 * j));
    _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(some, index));
    count += __builtin_popcount(some);
  }
  return count;
}
#else
inline int64_t write_bits(uint64_t bits, int32_t first, int32_t* out) {
  int64_t count = 0;
  for (; bits; bits &= bits - 1) out[count++] = first + __builtin_ctzll(bits);
  return count;
}
#endif

int64_t find_bits(const uint64_t* bits, int64_t words, EventsOut out) {
  int64_t count = 0;
  for (int64_t w = 0; w < words; ++w) count += write_bits(bits[w], int32_t(64 * w), out.index + count);
  return count;
}

void count_bits(const uint64_t* bits, int64_t words, uint8_t* counters) {
  for (int64_t w = 0; w < words; ++w, counters += 64) {
#if defined(__AVX512BW__)
    const __m512i before = _mm512_loadu_si512(counters);
    _mm512_storeu_si512(counters, _mm512_mask_add_epi8(before, bits[w], before, _mm512_set1_epi8(1)));
#else
    for (uint64_t left = bits[w]; left; left &= left - 1) ++counters[__builtin_ctzll(left)];
#endif
  }
}

// `Stored`: the type that `nonzero` scans, of the same width as V.
template <class V, class Stored>
int64_t find(const void* from, int64_t n, const int32_t* order, EventsOut out) {
  const V* value = static_cast<const V*>(from);
  int64_t count = 0, i = 0;
  for (; i + SCANNED <= n; i += SCANNED)
    count += write_bits(nonzero(reinterpret_cast<const Stored*>(value + i)), int32_t(i), out.index + count);
  for (; i < n; ++i)
    if (value[i]) out.index[count++] = int32_t(i);
  if (out.payload)
    for (int64_t k = 0; k < count; ++k) out.payload[k] = int32_t(value[out.index[k]]);
  if (order)
    for (int64_t k = 0; k < count; ++k) out.index[k] = order[out.index[k]];
  return count;
}

// Puts events of the same kind together, kind[index] < kinds; `room` holds as many and SLACK more.
// Where the processor has no instruction for it, the order stays: it only serves speed.
void gather_kinds(int32_t* index, int64_t n, const int32_t* kind, int kinds, int32_t* room) {
#if defined(__AVX512BW__)
  int32_t* const kind_of = room + n + SLACK;
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 some = __mmask16(n - i < 16 ? (1 << (n - i)) - 1 : -1);
    const __m512i at = _mm512_maskz_loadu_epi32(some, index + i);
    _mm512_storeu_si512(kind_of + i, _mm512_mask_i32gather_epi32(_mm512_set1_epi32(-1), some, at, kind, 4));
  }
  int64_t count = 0;
  for (int k = 0; k < kinds; ++k)
    for (int64_t i = 0; i < n; i += 16) {
      const __mmask16 same = _mm512_cmpeq_epi32_mask(_mm512_loadu_si512(kind_of + i), _mm512_set1_epi32(k));
      _mm512_storeu_si512(room + count, _mm512_maskz_compress_epi32(same, _mm512_loadu_si512(index + i)));
      count += __builtin_popcount(same);
    }
  __builtin_memcpy(index, room, size_t(n) * sizeof(int32_t));
#else
  (void)index, (void)n, (void)kind, (void)kinds, (void)room;
#endif
}

}  // namespace
