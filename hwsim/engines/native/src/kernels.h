// What the inner loops offer: one table of functions for each kind of processor, plain pointers only.
//
// kernels.cpp is compiled once a variant, with that variant's instructions allowed. Neither it nor
// this header may use the standard library's templates or inline functions: the linker keeps one
// copy of such a function, which could be one that an older processor cannot execute.
#pragma once

#include <stdint.h>

namespace spikeport {

// The messages that one source sends in one step. payload: null if all of them count as 1.
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
constexpr int64_t SLACK = 16;

// Signed integers of 1, 2 or 4 bytes: how weights and input lines are kept.
enum Width { BYTE, SHORT, WORD, UNSIGNED_BYTE, WIDTHS };

// One step of all neurons of a population. state, registers: in the order of the neuron's
// declaration; registers hold one value, or one a neuron. The sums count neurons.
struct Step {
  int64_t neurons;
  const int32_t* activation;
  int32_t* const* state;
  const int32_t* const* registers;
  int32_t* messages;
  int64_t driven, wraps, saturations, zero;
};

// weight[event * stride + j] goes to target j < targets.
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

// Kernel tap -> output index along an axis; along x, `length` taps that follow each other in the
// stored weights reach outputs that follow each other.
struct Landing {
  int32_t tap, out, length;
};

// Neurons and weights are kept channels last: weight[input channel][ky][kx, sorted][output of group].
struct Conv {
  const void* weight;
  int32_t in_channels, in_width, out_channels, out_width;
  int32_t group_in, group_out, kernel_height, kernel_width;
  const int32_t* y_start;
  const Landing* y;
  const int32_t* x_start;
  const Landing* x;
};

using StepFunction = void (*)(Step&);

struct NeuronKernel {
  const char* name;
  StepFunction step[2][2];  // [64-bit lanes][registers hold one value]
};

struct Kernels {
  void (*dense[WIDTHS])(int32_t* sum, const Dense&, Events);
  void (*sparse[WIDTHS])(int32_t* sum, const Sparse&, Events);
  void (*conv[WIDTHS])(int32_t* sum, const Conv&, Events);
  // sum += part shifted left (right if negative), or sum += part wrapped to 24 bits, part[j]
  // to sum[places[j]] unless places is null.
  void (*add_shifted)(int32_t* sum, const int32_t* part, int64_t n, int shift);
  void (*add_wrapped)(int32_t* sum, const int32_t* part, int64_t n, const int32_t* places);
  // Indices (through `order`, if not null) and values of what is not 0; returns their number.
  int64_t (*find[WIDTHS])(const void* values, int64_t n, const int32_t* order, EventsOut);
  const NeuronKernel* neurons;
  int neuron_count;
};

extern const Kernels kernels_baseline;
#ifdef SPIKEPORT_X86
extern const Kernels kernels_v3;
extern const Kernels kernels_v4;
#endif

}  // namespace spikeport
