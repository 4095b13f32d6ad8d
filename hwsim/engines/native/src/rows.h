// Rows into neurons: the weights of a word of 64 neurons stay in the cache while time advances, the
// sums and the states in registers.
//
// A row's bytes are added as 16-bit words, once whole and once shifted right by 8 bits: modulo 2^16
// the second sum is that of the odd bytes, and the first less 256 times the second that of the even
// ones. Bytes that add up within a byte (`group` rows of small weights) are added before.
#pragma once

#include "kernels.h"
#include "lanes.h"
#include "steps.h"
#include "sums.h"

namespace {

using namespace spikeport;

constexpr int ROW = int(WORD_NEURONS);          // bytes
constexpr int VECTORS = ROW / VECTOR;           // that a row fills

typedef uint8_t Bytes __attribute__((vector_size(VECTOR)));
typedef uint8_t LooseBytes __attribute__((vector_size(VECTOR), aligned(1)));
typedef uint16_t Shorts __attribute__((vector_size(VECTOR)));

inline Bytes row_part(const uint8_t* row, int i) { return *reinterpret_cast<const LooseBytes*>(row + i * VECTOR); }

// Sums of bytes: whole words, and their upper halves.
struct ByteSums {
  Shorts whole[VECTORS], upper[VECTORS];
};

template <int Group>
inline ByteSums add_rows_of(const uint8_t* packed, const int32_t* index, int64_t n) {
  static_assert(AT_ONCE % Group == 0, "no group is cut");
  ByteSums sums{};
  for (int64_t k = 0; k < n; k += AT_ONCE)
    for (int r = 0; r < AT_ONCE; r += Group)
      for (int i = 0; i < VECTORS; ++i) {
        Bytes bytes = row_part(packed + int64_t(index[k + r]) * ROW, i);
        for (int g = 1; g < Group; ++g) bytes += row_part(packed + int64_t(index[k + r + g]) * ROW, i);
        sums.whole[i] += Shorts(bytes);
        sums.upper[i] += Shorts(bytes) >> 8;
      }
  return sums;
}

inline ByteSums add_rows_of(const Rows& rows, const uint8_t* packed, const int32_t* index, int64_t n) {
  if (rows.group == 4) return add_rows_of<4>(packed, index, n);
  if (rows.group == 2) return add_rows_of<2>(packed, index, n);
  return add_rows_of<1>(packed, index, n);
}

// Adds what `events` bring along `rows` to the sums of the 64 neurons of `word`, shifted left.
// Vector 4 * i + {0, 1, 2, 3} of the sums holds the even and odd words of the even, then the odd bytes.
inline void add_rows_of(Lanes* sum, const Rows& rows, int64_t word, Events events, int shift) {
  const uint8_t* packed = rows.packed + word * (rows.sources + 1) * ROW;
  const int64_t whole = (events.count + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
  const int up = rows.scale + shift;
  const Lanes lowest = every(int32_t(uint32_t(rows.lowest) * uint32_t(whole) << shift));
  Lanes found[PER_WORD];
  for (int j = 0; j < PER_WORD; ++j) found[j] = add(sum[j], lowest);
  for (int64_t k = 0; k < whole; k += rows.most) {
    const int64_t n = whole - k < rows.most ? whole - k : rows.most;
    const ByteSums bytes = add_rows_of(rows, packed, events.index + k, n);
    for (int i = 0; i < VECTORS; ++i) {
      const Unsigneds even = Unsigneds(bytes.whole[i] - (bytes.upper[i] << 8));
      const Unsigneds odd = Unsigneds(bytes.upper[i]);
      const Unsigneds quarters[4] = {even & 0xFFFF, even >> 16, odd & 0xFFFF, odd >> 16};
      for (int j = 0; j < 4; ++j) found[4 * i + j] = add(found[4 * i + j], lanes(quarters[j] << up));
    }
  }
  for (int j = 0; j < PER_WORD; ++j) sum[j] = found[j];
}

void sum_rows(int32_t* sum, int64_t neurons, const Rows& rows, Events events) {
  for (int64_t w = 0; w < words_of(neurons); ++w) {
    Lanes found[PER_WORD];
    for (int j = 0; j < PER_WORD; ++j) found[j] = load(sum + w * WORD_NEURONS + j * LANES);
    add_rows_of(found, rows, w, events, 0);
    for (int j = 0; j < PER_WORD; ++j) store(sum + w * WORD_NEURONS + j * LANES, found[j]);
  }
}

// A convolution without groups, channels many and outputs a multiple of 64: rows.packed has, for each
// tap and word of outputs, a row a channel. What a position sends in a step is added in registers, and
// lands once; the events of a position must follow each other.
void conv_rows(int32_t* sum, const Conv& part, const Rows& rows, Events events) {
  const int64_t words = part.group_out / WORD_NEURONS;
  int32_t channels[MOST_CHANNELS + AT_ONCE];
  for (int64_t k = 0; k < events.count;) {
    const uint32_t position = origin(part, events.index[k]).position;
    const int32_t first = int32_t(position * part.channels), stop = first + int32_t(part.channels);
    int64_t n = 0;
    for (; k < events.count && events.index[k] < stop; ++k) channels[n++] = events.index[k] - first;
    for (int64_t i = n; i % AT_ONCE; ++i) channels[i] = int32_t(part.channels);
    for (int32_t i = part.start[position]; i < part.start[position + 1]; ++i)
      for (int64_t w = 0; w < words; ++w) {
        int32_t* const to = sum + part.landing[i].to + w * WORD_NEURONS;
        const int64_t word = part.landing[i].from / WORD_NEURONS + w;
        Lanes found[PER_WORD];
        for (int j = 0; j < PER_WORD; ++j) found[j] = load(to + j * LANES);
        add_rows_of(found, rows, word, {channels, nullptr, n}, 0);
        for (int j = 0; j < PER_WORD; ++j) store(to + j * LANES, found[j]);
      }
  }
}

// Bounded: the form of N for steps IN_BOUNDS.
template <class N, class Bounded, bool Single>
void step_rows(RowsRun& run, int64_t first_word, int64_t last_word) {
  const int64_t words = words_of(run.neurons);
  Sums sums{};
  Registers<N, Single> registers(run.registers);
  for (int64_t w = first_word; w < last_word; ++w) {
    const int64_t first = w * WORD_NEURONS;
    const uint64_t there = present(run.neurons, w);
    registers.move_to(w);
    Lanes state[PER_WORD][N::STATES + 1];
    for (int j = 0; j < PER_WORD; ++j)
      for (int k = 0; k < N::STATES; ++k) state[j][k] = load(run.state[N::STATE[k]] + first + j * LANES);
    uint64_t before = run.driven_before[w];
    for (int64_t t = 0; t < run.steps; ++t) {
      Lanes x[PER_WORD] = {};
      add_rows_of(x, run.rows, w, run.events[t], N::INPUT_SHIFT);
      if (__builtin_expect(run.flags[t] & RESET_BEFORE, 0)) {
        before = 0;
        for (int j = 0; j < PER_WORD; ++j)
          for (int k = 0; k < N::STATES; ++k) state[j][k] = every(0);
      }
      const bool counted = run.flags[t] & COUNTED;
      uint64_t& spikes = run.spikes[t * words + w];
      if (run.flags[t] & IN_BOUNDS)
        spikes = step_word<Bounded>(x, state, registers, nullptr, there, &before, counted, sums);
      else spikes = step_word<N>(x, state, registers, nullptr, there, &before, counted, sums);
    }
    run.driven_before[w] = before;
    for (int j = 0; j < PER_WORD; ++j)
      for (int k = 0; k < N::STATES; ++k) store(run.state[N::STATE[k]] + first + j * LANES, state[j][k]);
  }
  add(run.sums, sums);
}

}  // namespace
