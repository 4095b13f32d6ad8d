// What the inner loops offer: one table of functions for each kind of processor, plain pointers only.
//
// kernels.cpp is compiled once a variant, with that variant's instructions allowed. Neither it nor
// this header may use the standard library's templates or inline functions: the linker keeps one
// copy of such a function, which could be one that an older processor cannot execute.
#pragma once

#include <stdint.h>

namespace spikeport {

// Neurons are kept in words of 64; arrays of states, registers and sums have room for whole words.
constexpr int64_t WORD_NEURONS = 64;
inline constexpr int64_t words_of(int64_t neurons) { return (neurons + WORD_NEURONS - 1) / WORD_NEURONS; }

// The messages that one source sends in one step. payload: null if all of them count as 1. Up to
// the next multiple of AT_ONCE the index goes on with the size of the source, which no neuron has.
constexpr int64_t AT_ONCE = 4;
struct Events {
  const int32_t* index;
  const int32_t* payload;
  int64_t count;
};

// Where found events are written; room for the whole source and SLACK more. payload may be null.
struct EventsOut {
  int32_t* index;
  int32_t* payload;
};
constexpr int64_t SLACK = 64;

// Signed integers of 1, 2 or 4 bytes: how weights and input lines are kept.
enum Width { BYTE, SHORT, WORD, UNSIGNED_BYTE, WIDTHS };

// Neurons counted: activation not 0; u or v left its register; nothing to compute with.
struct Sums {
  int64_t driven, wraps, saturations, zero;
};
inline void add(Sums& to, const Sums& more) {
  to.driven += more.driven;
  to.wraps += more.wraps;
  to.saturations += more.saturations;
  to.zero += more.zero;
}

// One step of all neurons of a population. state, registers: in the order of the neuron's
// declaration; registers hold one value, or one a neuron. Messages go to `spikes`, a bit a neuron,
// if the kernel computes in 32-bit lanes and the neuron sends only 0 and 1; else to `messages`.
struct Step {
  int64_t neurons;
  void* activation;  // int32_t; int16_t for `short_sums`, which leave 0 there
  int32_t* const* state;
  const int32_t* const* registers;
  int32_t* messages;
  uint64_t* spikes;
  uint64_t* driven_before;  // of a form that forgets u: where the step before was driven
  Sums sums;
};

// weight[event * targets + j] goes to target j < targets.
struct Dense {
  const void* weight;
  int64_t targets;
};

// Source i drives synapses start[i] .. start[i + 1] - 1.
struct Sparse {
  const void* weight;
  const int64_t* start;
  const int32_t* target;
};

// Where a position's input lands: the weights of a tap, from weight[from] on, are added to sum[to]
// and on, both counted from the first of the input's channel and group.
struct Landing {
  uint32_t to, from;
};

// Neurons and weights are kept channels last: weight[input channel][tap][output of group]. Position
// p of the source, its index over `channels`, lands at landing[start[p]] .. landing[start[p + 1] - 1].
struct Conv {
  const void* weight;
  const int32_t* start;
  const Landing* landing;
  uint32_t channels, group_in, group_out, channel_weights;
  uint32_t multiplier;  // index / channels is index * multiplier >> shift
  uint32_t shift;
};

constexpr int64_t MOST_CHANNELS = 1 << 12;  // of a convolution in rows

// Rows of bytes, to be added in registers: packed[word of targets][source][64], where
// weight = (byte << scale) + lowest; after the last source comes a row of weights 0. `group` rows
// add up within a byte: 1, 2 or 4. `most` rows add up within 16 bits, a multiple of AT_ONCE.
struct Rows {
  const uint8_t* packed;
  int64_t sources;
  int32_t group, scale, lowest, most;
};

// A dense or convolutional part as a product of matrices of bytes: rows are the places of the target
// in each step, of row_bytes = taps * position_bytes messages. The channels of a position of the
// source fill position_bytes, a multiple of 4; all positions and a silent one step_bytes.
// weight[vector of targets][row_bytes / 4][LANES][4] makes sums << scale of the targets of a place;
// they begin with start[target], which undoes that signed messages are sent as message + silence.
struct Product {
  const int8_t* weight;
  const int32_t* start;
  const int32_t* byte;   // [source]: where its message stands in a step's bytes
  const int32_t* taken;  // [place][tap]: where what the tap hears stands; null: a step's bytes are a row
  int32_t places, taps, position_bytes, row_bytes, step_bytes, targets, silence, scale;
};

constexpr uint8_t COUNTED = 1, RESET_BEFORE = 2, IN_BOUNDS = 4;

// Some steps of a population that hears rows only. events, flags (the above): [step]; spikes:
// [step][words].
struct RowsRun {
  int64_t steps, neurons;
  Rows rows;
  const Events* events;
  const uint8_t* flags;
  int32_t* const* state;
  const int32_t* const* registers;
  uint64_t* spikes;
  uint64_t* driven_before;
  Sums sums;
};

using StepFunction = void (*)(Step&);

// What is known about a population in a step: nothing; that its current has no memory and stays in
// its register; and that its voltage does, too.
enum Knowledge { GENERAL, FORGETTING, BOUNDED, KNOWLEDGES };

// Kernels of a neuron for registers that hold one value a neuron, or one in all. Only neurons that
// send 0 and 1 have short_sums and rows.
struct Form {
  StepFunction sums[2], short_sums[2];
  void (*rows[2])(RowsRun&, int64_t first_word, int64_t last_word);  // none for BOUNDED
};

struct NeuronKernel {
  const char* name;
  bool spikes;
  StepFunction wide[2];  // 64-bit lanes
  Form form[KNOWLEDGES];
};

// Synapses that messages reach for each multiplication of a product, from which on that is faster
// than events: payloads, or spikes of a convolution.
struct Crossover {
  double graded, conv;
};

struct Kernels {
  int lanes, tile;
  Crossover crossover;
  void (*dense[WIDTHS])(int32_t* sum, const Dense&, Events);
  void (*rows)(int32_t* sum, int64_t neurons, const Rows&, Events);
  void (*gemm)(int32_t* sums, const Product&, const uint8_t* messages, int64_t rows);
  void (*sparse[WIDTHS])(int32_t* sum, const Sparse&, Events);
  void (*conv[WIDTHS])(int32_t* sum, const Conv&, Events);
  void (*conv_rows)(int32_t* sum, const Conv&, const Rows&, Events);
  void (*short_conv)(int16_t* sum, const Conv&, Events);  // weights of 16 bits
  // sum += part shifted left (right if negative), or sum += part wrapped to 24 bits, part[j]
  // to sum[places[j]] unless places is null.
  void (*add_shifted)(int32_t* sum, const int32_t* part, int64_t n, int shift);
  void (*add_wrapped)(int32_t* sum, const int32_t* part, int64_t n, const int32_t* places);
  // Indices (through `order`, if not null) and values of what is not 0; returns their number.
  int64_t (*find[WIDTHS])(const void* values, int64_t n, const int32_t* order, EventsOut);
  int64_t (*find_bits)(const uint64_t* bits, int64_t words, EventsOut);
  // Puts events of a kind together if that is quick; room for 2 * (n + SLACK).
  void (*gather_kinds)(int32_t* index, int64_t n, const int32_t* kind, int kinds, int32_t* room);
  // Adds each bit to a counter of its own.
  void (*count_bits)(const uint64_t* bits, int64_t words, uint8_t* counters);
  const NeuronKernel* neurons;
  int neuron_count;
};

extern const Kernels kernels_baseline;
#ifdef SPIKEPORT_X86
extern const Kernels kernels_v3;
extern const Kernels kernels_v4;
extern const Kernels kernels_icelake;  // v4, VBMI, VBMI2 and VNNI
#endif

}  // namespace spikeport
