// The inner loops, compiled once a variant: weights into sums, sums into neurons, neurons into events.
//
// All sums are modulo 2^32, as between Lava's Processes.
#include "kernels.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "arith.h"
#include "neurons.generated.h"

namespace {

using namespace spikeport;

constexpr int ROWS = 8;  // rows that are added at once: the sums are loaded and stored once

template <class W> inline uint32_t widened(W weight) { return uint32_t(int32_t(weight)); }

// Eight weights of 8 bits add up within 16 bits, with half the vector operations.
template <class W> struct RowSum { using type = uint32_t; };
template <> struct RowSum<int8_t> { using type = int16_t; };

template <class W>
void add_rows(uint32_t* __restrict sum, const W* const* row, int64_t n) {
  using Sum = typename RowSum<W>::type;
  const W *__restrict a = row[0], *__restrict b = row[1], *__restrict c = row[2],
          *__restrict d = row[3], *__restrict e = row[4], *__restrict f = row[5],
          *__restrict g = row[6], *__restrict h = row[7];
  for (int64_t j = 0; j < n; ++j) {
    const Sum first = Sum(Sum(a[j]) + Sum(b[j]) + Sum(c[j]) + Sum(d[j]));
    const Sum second = Sum(Sum(e[j]) + Sum(f[j]) + Sum(g[j]) + Sum(h[j]));
    sum[j] += widened(Sum(first + second));
  }
}

template <class W>
void add_row(uint32_t* __restrict sum, const W* __restrict row, int64_t n) {
  for (int64_t j = 0; j < n; ++j) sum[j] += widened(row[j]);
}

template <class W>
void add_row_times(uint32_t* __restrict sum, const W* __restrict row, int64_t n, uint32_t payload) {
  for (int64_t j = 0; j < n; ++j) sum[j] += widened(row[j]) * payload;
}

template <class W> void dense(int32_t* out, const Dense& part, Events events) {
  uint32_t* sum = reinterpret_cast<uint32_t*>(out);
  const W* weight = static_cast<const W*>(part.weight);
  const int64_t n = part.targets;
  int64_t k = 0;
  if (!events.payload) {
    for (; k + ROWS <= events.count; k += ROWS) {
      const W* row[ROWS];
      for (int r = 0; r < ROWS; ++r) row[r] = weight + events.index[k + r] * n;
      add_rows(sum, row, n);
    }
  }
  for (; k < events.count; ++k) {
    const W* row = weight + events.index[k] * n;
    if (events.payload) add_row_times(sum, row, n, uint32_t(events.payload[k]));
    else add_row(sum, row, n);
  }
}

template <class W> void sparse(int32_t* out, const Sparse& part, Events events) {
  uint32_t* sum = reinterpret_cast<uint32_t*>(out);
  const W* weight = static_cast<const W*>(part.weight);
  for (int64_t k = 0; k < events.count; ++k) {
    const uint32_t payload = events.payload ? uint32_t(events.payload[k]) : 1;
    const int64_t stop = part.start[events.index[k] + 1];
    for (int64_t j = part.start[events.index[k]]; j < stop; ++j)
      sum[part.target[j]] += widened(weight[j]) * payload;
  }
}

template <class W> void conv(int32_t* out, const Conv& part, Events events) {
  const W* weight = static_cast<const W*>(part.weight);
  for (int64_t k = 0; k < events.count; ++k) {
    const uint32_t position = uint32_t(events.index[k]) / uint32_t(part.in_channels);
    const int32_t channel = events.index[k] - int32_t(position) * part.in_channels;
    const int32_t y = int32_t(position / uint32_t(part.in_width));
    const int32_t x = int32_t(position) - y * part.in_width;
    const int64_t group = channel / part.group_in * part.group_out;
    for (int32_t iy = part.y_start[y]; iy < part.y_start[y + 1]; ++iy) {
      const int64_t taps = (int64_t(channel) * part.kernel_height + part.y[iy].tap) * part.kernel_width;
      const int64_t line = int64_t(part.y[iy].out) * part.out_width;
      for (int32_t ix = part.x_start[x]; ix < part.x_start[x + 1]; ++ix) {
        const Landing& landing = part.x[ix];
        const W* from = weight + (taps + landing.tap) * part.group_out;
        int32_t* to = out + (line + landing.out) * part.out_channels + group;
        const int64_t n = int64_t(landing.length) * part.group_out;
        if (events.payload)
          add_row_times(reinterpret_cast<uint32_t*>(to), from, n, uint32_t(events.payload[k]));
        else add_row(reinterpret_cast<uint32_t*>(to), from, n);
      }
    }
  }
}

void add_shifted(int32_t* __restrict sum, const int32_t* __restrict part, int64_t n, int shift) {
  for (int64_t j = 0; j < n; ++j) {
    const int32_t scaled = shift >= 0 ? int32_t(uint32_t(part[j]) << shift) : part[j] >> -shift;
    sum[j] = add(sum[j], scaled);
  }
}

inline int32_t wrap24(int32_t x) { return int32_t(uint32_t(x) << 8) >> 8; }

void add_wrapped(int32_t* __restrict sum, const int32_t* __restrict part, int64_t n,
                 const int32_t* places) {
  if (places)
    for (int64_t j = 0; j < n; ++j) sum[places[j]] = add(sum[places[j]], wrap24(part[j]));
  else
    for (int64_t j = 0; j < n; ++j) sum[j] = add(sum[j], wrap24(part[j]));
}

// Bit i of the result: values[i] is not 0. LANES values are read.
#if defined(__AVX512BW__)
constexpr int LANES = 64;
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
constexpr int LANES = 16;
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
constexpr int LANES = 8;
template <class V> inline uint64_t nonzero(const V* p) {
  uint64_t bits = 0;
  for (int i = 0; i < LANES; ++i) bits |= uint64_t(p[i] != 0) << i;
  return bits;
}
#endif

// `Stored`: the type that `nonzero` scans, of the same width as V.
template <class V, class Stored>
int64_t find(const void* from, int64_t n, const int32_t* order, EventsOut out) {
  const V* value = static_cast<const V*>(from);
  int64_t count = 0;
  const auto keep = [&](int64_t i) {
    out.index[count] = order ? order[i] : int32_t(i);
    if (out.payload) out.payload[count] = int32_t(value[i]);
    ++count;
  };
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    uint64_t bits = nonzero(reinterpret_cast<const Stored*>(value + i));
    for (; bits; bits &= bits - 1) keep(i + __builtin_ctzll(bits));
  }
  for (; i < n; ++i)
    if (value[i]) keep(i);
  return count;
}

}  // namespace

namespace spikeport {

extern const Kernels SPIKEPORT_KERNELS;
const Kernels SPIKEPORT_KERNELS = {
    {dense<int8_t>, dense<int16_t>, dense<int32_t>, nullptr},
    {sparse<int8_t>, sparse<int16_t>, sparse<int32_t>, nullptr},
    {conv<int8_t>, conv<int16_t>, conv<int32_t>, nullptr},
    add_shifted,
    add_wrapped,
    {find<int8_t, int8_t>, nullptr, find<int32_t, int32_t>, find<uint8_t, int8_t>},
    NEURONS,
    sizeof(NEURONS) / sizeof(NEURONS[0]),
};

}  // namespace spikeport
