// Weights into sums: the events of a step, added to an array of 32 or 16 bits a neuron.
//
// All sums are modulo 2^32, as between Lava's Processes; those of 16 bits are used only where
// plan.py proved that they fit.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace {

using namespace spikeport;

inline int32_t plus(int32_t x, int32_t y) { return int32_t(uint32_t(x) + uint32_t(y)); }

template <class W> inline uint32_t widened(W weight) { return uint32_t(int32_t(weight)); }

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
  for (int64_t k = 0; k < events.count; ++k) {
    const W* row = weight + events.index[k] * part.targets;
    if (events.payload) add_row_times(sum, row, part.targets, uint32_t(events.payload[k]));
    else add_row(sum, row, part.targets);
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

// Adds N weights; in vectors by name, since gcc 12 takes short loops for scalar code.
template <class S, class W, int N> inline void add_some(S* sum, const W* weight) {
  constexpr int AT_ONCE = N < VECTOR / int(sizeof(S)) ? N : VECTOR / int(sizeof(S));
  typedef S Sums __attribute__((vector_size(AT_ONCE * sizeof(S)), aligned(1), may_alias));
  typedef W Weights __attribute__((vector_size(AT_ONCE * sizeof(W)), aligned(1), may_alias));
  for (int j = 0; j < N; j += AT_ONCE)
    *reinterpret_cast<Sums*>(sum + j) +=
        __builtin_convertvector(*reinterpret_cast<const Weights*>(weight + j), Sums);
}

// Where an event of a convolution comes from.
struct Origin {
  uint32_t position, channel;
};
inline Origin origin(const Conv& part, int32_t index) {
  const uint32_t position = uint32_t(uint64_t(uint32_t(index)) * part.multiplier >> part.shift);
  return {position, uint32_t(index) - position * part.channels};
}

// Lands spikes of a convolution without groups, whose outputs are a multiple of Outputs: loops of
// known length have no head and no tail.
template <class S, class W, int Outputs> void land(S* sum, const Conv& conv, Events events) {
  const Conv part = conv;  // what is stored cannot be one of its fields
  const W* weight = static_cast<const W*>(part.weight);
  const uint32_t outputs = Outputs < 64 ? Outputs : part.group_out;
  for (int64_t k = 0; k < events.count; ++k) {
    const Origin at = origin(part, events.index[k]);
    const W* from = weight + uint64_t(at.channel) * part.channel_weights;
    const Landing* const stop = part.landing + part.start[at.position + 1];
    for (const Landing* landing = part.landing + part.start[at.position]; landing != stop; ++landing)
      for (uint32_t j = 0; j < outputs; j += Outputs)
        add_some<S, W, Outputs>(sum + landing->to + j, from + landing->from + j);
  }
}

template <class W> void land_any(int32_t* sum, const Conv& part, Events events) {
  const W* weight = static_cast<const W*>(part.weight);
  for (int64_t k = 0; k < events.count; ++k) {
    const Origin at = origin(part, events.index[k]);
    const W* from = weight + uint64_t(at.channel) * part.channel_weights;
    uint32_t* to = reinterpret_cast<uint32_t*>(sum) + at.channel / part.group_in * part.group_out;
    for (int32_t i = part.start[at.position]; i < part.start[at.position + 1]; ++i) {
      const Landing landing = part.landing[i];
      if (events.payload)
        add_row_times(to + landing.to, from + landing.from, part.group_out, uint32_t(events.payload[k]));
      else add_row(to + landing.to, from + landing.from, part.group_out);
    }
  }
}

template <class W> void conv(int32_t* sum, const Conv& part, Events events) {
  const bool plain = !events.payload && part.group_in == part.channels;
  if (plain && part.group_out % 64 == 0) land<int32_t, W, 64>(sum, part, events);
  else if (plain && part.group_out == 32) land<int32_t, W, 32>(sum, part, events);
  else if (plain && part.group_out == 16) land<int32_t, W, 16>(sum, part, events);
  else land_any<W>(sum, part, events);
}

void short_conv(int16_t* sum, const Conv& part, Events events) {
  if (part.group_out % 64 == 0) land<int16_t, int16_t, 64>(sum, part, events);
  else if (part.group_out == 32) land<int16_t, int16_t, 32>(sum, part, events);
  else land<int16_t, int16_t, 16>(sum, part, events);
}

void add_shifted(int32_t* __restrict sum, const int32_t* __restrict part, int64_t n, int shift) {
  for (int64_t j = 0; j < n; ++j) {
    const int32_t scaled = shift >= 0 ? int32_t(uint32_t(part[j]) << shift) : part[j] >> -shift;
    sum[j] = plus(sum[j], scaled);
  }
}

inline int32_t wrap24(int32_t x) { return int32_t(uint32_t(x) << 8) >> 8; }

void add_wrapped(int32_t* __restrict sum, const int32_t* __restrict part, int64_t n,
                 const int32_t* places) {
  if (places)
    for (int64_t j = 0; j < n; ++j) sum[places[j]] = plus(sum[places[j]], wrap24(part[j]));
  else
    for (int64_t j = 0; j < n; ++j) sum[j] = plus(sum[j], wrap24(part[j]));
}

}  // namespace
