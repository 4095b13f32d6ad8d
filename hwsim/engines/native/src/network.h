// A Program laid out for the kernels, and one column of a batch at work on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
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

struct Part {
  Route route;
  Width width = BYTE;
  enum Kind { DENSE, SPARSE, CONV } kind = DENSE;
  Dense dense{};
  Sparse sparse{};
  Conv conv{};
  const int32_t* places = nullptr;  // where the target keeps each output of a conv; null: there
  bool alone() const { return route.wraps || route.shift; }  // needs a sum of its own
};

// The input, the blank line, or a population.
struct Source {
  int64_t size = 0;
  bool payload = false;            // messages other than 0 and 1 occur
  const int32_t* order = nullptr;  // kept position by C-order index (lines), or the inverse
                                   // (populations); null: the same
  int history = 1;                 // steps whose messages may still be read
};

struct Population {
  int source = 0;
  int states = 0;
  bool single = true;  // registers hold one value each
  bool wide = true;    // 64-bit lanes
  int neuron = 0;      // in Kernels::neurons
  int64_t period = 0;  // of its reset; 0: never
  int64_t phase = 0;
  int64_t latency = 0;
  std::vector<const int32_t*> registers;
  std::vector<Part> parts;
};

struct Network {
  const Kernels* kernels = nullptr;
  std::vector<Source> sources;
  std::vector<Population> populations;
  std::vector<std::vector<int>> components;  // in the order of flow; several: a cycle
  int output = 0;
  int voltage = -1;  // state of the output that is read out; -1: its messages
};

// The messages of one source over some steps.
class EventList {
 public:
  void begin(const Source& source);
  void forget_before(int64_t step);
  EventsOut room(int64_t most);  // for the events of the next step
  void close(int64_t found);
  Events sent(int64_t step) const;

 private:
  int64_t first_ = 1;  // the step of start_[0]
  bool payload_ = false;
  std::vector<int64_t> start_;
  std::vector<int32_t> index_, payloads_;
};

// Sums over the window of a population, over the columns of one worker.
struct Tally {
  std::vector<int64_t> fired;  // by kept position
  int64_t updates = 0, driven = 0, wraps = 0, saturations = 0, zero = 0;
};

// Room for a recording of one column: row r of step r + 1 begins at data + r * stride bytes.
struct Record {
  char* data = nullptr;
  int64_t stride = 0;
  int bytes = 4;  // 1 or 4
};

// Frames of a line for the steps of a block: row r is sent in the block's step r.
struct Frames {
  const void* data = nullptr;
  int64_t rows = 0;
  Width width = UNSIGNED_BYTE;
};

class Column {
 public:
  explicit Column(const Network& network, std::atomic<bool>& stop);
  void begin(int64_t frames);  // at rest, with `frames` frames to count
  void record(int population, int kind, Record record) { records_[population][kind] = record; }
  void advance(int64_t first, int64_t steps, const std::vector<Frames>& lines);
  const std::vector<int64_t>& read() const { return read_; }
  const Tally& tally(int population) const { return running_[population].tally; }

 private:
  struct Running {
    std::vector<std::vector<int32_t>> state;
    std::vector<int32_t*> state_data;
    Tally tally;
  };
  void send(int line, int64_t steps, const Frames& frames);
  void step(int population, int64_t step);
  void gather(const Population& p, int64_t step);
  void count(int population, const Step& done, const Events& sent);
  void write(int population, int64_t step);

  const Network& network_;
  std::atomic<bool>& stop_;
  int64_t frames_ = 0;
  std::vector<EventList> events_;
  std::vector<Running> running_;
  std::vector<int32_t> sum_, part_, messages_;
  std::vector<std::vector<Record>> records_;  // [population][spikes, a, states]
  std::vector<int64_t> read_;
};

}  // namespace spikeport
