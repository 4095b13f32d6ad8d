// Dense messages into sums: a product of unsigned bytes and signed weights, for where events lose.
//
// Four bytes of a position's messages meet the same four of a target's weights in a 32-bit lane:
// vpdpbusd in one instruction; pmaddwd in two, the even and the odd bytes as 16-bit words.
// Sums are modulo 2^32 like those of events, and no product or pair of them leaves its lane: a
// byte times a weight fits 16 bits, two such fit 32.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace {

using namespace spikeport;

constexpr int TILE = 8;  // rows of the product that share each vector of weights

inline int32_t load_four(const uint8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  return four;
}

// Measured by benchmarks/crossover.py on an AMD EPYC (Zen 4), with VNNI the mean of two runs; above 1
// events always win.
#if defined(__AVX512VNNI__)
constexpr Crossover CROSSOVER{0.10, 0.23};
#elif defined(__AVX2__)
constexpr Crossover CROSSOVER{0.31, 0.54};
#else
constexpr Crossover CROSSOVER{0.20, 0.74};
#endif

#if defined(__AVX512VNNI__)

struct FourWeights {
  __m512i all;
};
inline FourWeights four_weights(const int8_t* p) { return {_mm512_loadu_si512(p)}; }
inline Lanes dot(Lanes sum, int32_t messages, FourWeights w) {
  return {Signed(_mm512_dpbusd_epi32(__m512i(sum.v), _mm512_set1_epi32(messages), w.all))};
}

#else

typedef int16_t Words __attribute__((vector_size(VECTOR)));
typedef int16_t LooseWords __attribute__((vector_size(VECTOR), aligned(1), may_alias));

struct FourWeights {
  Words even, odd;
};
inline FourWeights four_weights(const int8_t* p) {
  const Words both = *reinterpret_cast<const LooseWords*>(p);
  return {(both << 8) >> 8, both >> 8};
}
// x[2i] * y[2i] + x[2i + 1] * y[2i + 1] in lane i.
inline Lanes pairs(Words x, Words y) {
#if defined(__AVX512BW__)
  return {Signed(_mm512_maskz_madd_epi16(__mmask16(-1), __m512i(x), __m512i(y)))};
#elif defined(__AVX2__)
  return {Signed(_mm256_madd_epi16(__m256i(x), __m256i(y)))};
#elif defined(__SSE2__)
  return {Signed(_mm_madd_epi16(__m128i(x), __m128i(y)))};
#else
  Lanes sum;
  for (int i = 0; i < LANES; ++i) sum.v[i] = x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
  return sum;
#endif
}
inline Lanes dot(Lanes sum, int32_t messages, FourWeights w) {
  const Words both = Words(every(messages).v);
  return add(add(sum, pairs(both & 255, w.even)), pairs((both >> 8) & 255, w.odd));
}

#endif

// Adds `count` rows, TILE at most, for one vector of targets.
inline void add_tile(int32_t* sums, const Product& part, const uint8_t* messages, int64_t column, int64_t count) {
  const int64_t targets = part.targets, bytes = part.row_bytes;
  const int scale = part.scale;
  const uint8_t* row[TILE];
  for (int m = 0; m < TILE; ++m)  // what is missing is computed as the last one, and not stored
    row[m] = messages + (m < count ? m : count - 1) * bytes;
  const int8_t* weight = part.weight + column * bytes * LANES;
  Lanes sum[TILE];
  for (int m = 0; m < TILE; ++m) sum[m] = load(part.start + column * LANES);
  for (int64_t k = 0; k < bytes; k += 4, weight += VECTOR) {
    const FourWeights w = four_weights(weight);
#pragma GCC unroll 8
    for (int m = 0; m < TILE; ++m) sum[m] = dot(sum[m], load_four(row[m] + k), w);
  }
  int32_t* to = sums + column * LANES;
#pragma GCC unroll 8
  for (int m = 0; m < TILE; ++m, to += targets)
    if (m < count) store(to, add(load(to), shifted(sum[m], scale)));
}

// sums[row][target] += what the messages of each row bring. Vectors reach beyond a row's last
// target, where the weights are 0: sums have room for a vector more.
void gemm(int32_t* sums, const Product& part, const uint8_t* messages, int64_t rows) {
  for (int64_t column = 0; column * LANES < part.targets; ++column)
    for (int64_t r = 0; r < rows; r += TILE)
      add_tile(sums + r * part.targets, part, messages + r * part.row_bytes, column,
               rows - r < TILE ? rows - r : TILE);
}

}  // namespace
