// A Program laid out for the kernels.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"

namespace spikeport {

// Where a part of a connection leads, and what happens to its sum.
struct Route {
  int target = 0;  // population
  int source = 0;
  int delay = 0;         // extra steps
  bool graded = false;   // messages carry their payload
  bool wraps = false;    // the sum wraps to 24 bits
  int shift = 0;         // or is shifted by the weight exponent
};

// What a part in rows hears: the rows of this source begin at `first`.
struct Ear {
  int source = 0, delay = 0;
  int32_t first = 0;
};

struct Part {
  Route route;
  std::vector<Ear> ears;  // in rows: instead of the route's source and delay
  Width width = BYTE;
  enum Kind { DENSE, ROWS, SPARSE, CONV, CONV_ROWS } kind = DENSE;
  Dense dense{};
  Rows rows{};
  Sparse sparse{};
  Conv conv{};
  Product product{};        // the same as a product, if it has one
  double product_from = 0;  // messages a step above which that is faster
  const int32_t* places = nullptr;  // where the target keeps each output of a conv; null: there
  bool alone() const { return route.wraps || route.shift; }  // needs a sum of its own
};

// The input, the blank line, or a population.
struct Source {
  int64_t size = 0;
  bool payload = false;            // messages other than 0 and 1 occur
  const int32_t* order = nullptr;  // of a line, the kept position by C-order index; of a population,
                                   // the inverse; null: the same
  int history = 1;                 // steps whose messages may still be read
  const int32_t* kind = nullptr;   // of a line's positions, by how often they land; null: all alike
  int kinds = 1;
};

// How a population computes where none of its states is recorded: sums of 32 bits, of 16, or none in
// memory, since rows are all that it hears.
enum class Path { SUMS, SHORT_SUMS, ROWS };

// How far a voltage can get in a step, whichever neuron it is: |v| * keep / 2^12, or `taken` if a reset
// takes more than there is, + bias + for each part its messages times `message`, but not more than `sum`
// for all parts.
struct Bound {
  int64_t keep = 0, bias = 0, taken = 0, sum = 0;
  std::vector<int64_t> message;  // [part]
};

struct Population {
  int source = 0;
  int states = 0;
  bool single = true;    // registers hold one value each
  bool wide = true;      // 64-bit lanes
  bool forgets = false;  // no current is kept, and none leaves its register
  Bound bound;           // of the voltage, if it forgets
  Path path = Path::SUMS;
  int neuron = 0;      // in Kernels::neurons
  int64_t period = 0;  // of its reset; 0: never
  int64_t phase = 0;
  int64_t latency = 0;
  std::vector<const int32_t*> registers;
  std::vector<Part> parts;
};

struct Component {
  std::vector<int> populations;
  bool cyclic;  // its populations wait for each other, or for themselves
};

struct Network {
  const Kernels* kernels = nullptr;
  std::vector<Source> sources;
  std::vector<Population> populations;
  std::vector<Component> components;  // in the order of flow
  int output = 0;
  int voltage = -1;  // state of the output that is read out; -1: its messages
};

}  // namespace spikeport
