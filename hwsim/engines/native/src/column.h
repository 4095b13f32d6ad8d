// One column of a batch at work on a network: its messages, its states, its sums.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <new>
#include <vector>

#include "network.h"

namespace spikeport {

// A vector that begins where a cache line does, as the kernels' vectors do.
template <class T> struct AtLine {
  using value_type = T;
  static constexpr std::align_val_t LINE{64};
  AtLine() = default;
  template <class U> AtLine(const AtLine<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), LINE)); }
  void deallocate(T* p, size_t) { ::operator delete(p, LINE); }
  friend bool operator==(AtLine, AtLine) { return true; }
  friend bool operator!=(AtLine, AtLine) { return false; }
};
template <class T> using Aligned = std::vector<T, AtLine<T>>;

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
  int32_t size_ = 0;
  std::vector<int64_t> start_, count_;
  std::vector<int32_t> index_, payloads_;
};

// Sums over the window of a population, over the columns of one worker.
struct Tally {
  std::vector<int64_t> fired;  // by kept position
  Aligned<uint8_t> lately;  // the same of the last `steps`, until they are settled
  int64_t steps = 0;
  void settle();
  int64_t updates = 0;
  Sums sums{};
};

// Rows of values, `stride` bytes apart.
struct Frames {
  const void* data = nullptr;
  int64_t stride = 0;
  Width width = UNSIGNED_BYTE;
};

// Room for a recording: column b, row r of step r + 1 begins at data + b * column + r * step bytes.
struct Record {
  char* data = nullptr;
  int64_t step = 0, column = 0;
  int bytes = 4;  // 1 or 4
};

// Columns to run, shared by the workers that run them.
struct Batch {
  int64_t columns = 0, frames = 0, steps = 0, block = 1;
  int64_t first_frame = 0;  // that is sent in step 1; negative: silence comes before
  // Frames of a column, from the given one on; `room` may hold them.
  std::function<Frames(int64_t column, int64_t frame, int64_t count, std::vector<char>& room)> input;
  const uint8_t* blanks = nullptr;  // [step - 1]; null: there is no blank line
  std::vector<std::vector<Record>> records;  // [population][spikes, a, states]
  int64_t* outputs = nullptr;                // [column][neuron of the output]
  std::atomic<int64_t> next{0}, done{0};     // columns begun, steps done over all columns
  std::atomic<bool> stop{false};
};

// One column of a batch at work on the network, from rest.
class Column {
 public:
  explicit Column(const Network& network);
  void begin(Batch& batch, int64_t column);
  void listen(int64_t first, int64_t steps);  // to the input and the blank line
  // A population in some steps; in rows by start_rows, step_rows for every word, finish_rows.
  void run_sums(int population, int64_t first, int64_t steps);
  bool in_rows(int population) const;
  void start_rows(int population, int64_t first, int64_t steps);
  void step_rows(int population, int64_t word);
  void finish_rows(int population, int64_t first);
  void finish();  // writes the output
  const Tally& tally(int population);
  // Where a neuron stands in C order, by its kept position.
  int64_t place(int population, int64_t kept) const {
    const int32_t* const order = network_.sources[network_.populations[population].source].order;
    return order ? order[kept] : kept;
  }

 private:
  struct Running {
    std::vector<Aligned<int32_t>> state;
    std::vector<int32_t*> state_data;
    std::vector<uint64_t> driven_before;
    bool records_state = false;
    int64_t reach = 0;  // no |v| is larger
    Tally tally;
  };
  void send(int line, int64_t steps, const Frames& frames, int64_t silent, int64_t sent);
  void step_sums(int population, int64_t step);
  void gather(const Population& p, int64_t step, int16_t* sum);
  void gather(const Population& p, int64_t step, int32_t* sum);
  void add_alone(const Part& part, Events events, int64_t n);
  bool choose_products(const Population& p, int64_t first, int64_t steps);
  int64_t product_steps(const Population& p) const;
  void multiply(const Population& p, int64_t first, int64_t steps);
  bool counted(const Population& p, int64_t step) const;
  bool resets(const Population& p, int64_t step) const { return p.period && step % p.period == p.phase; }
  bool stopped() const { return batch_->stop.load(std::memory_order_relaxed); }
  void hear(const Population& p, int64_t first, int64_t steps);
  Knowledge advance_bound(int population, const Events* heard);
  void count(int population, int64_t step, const uint64_t* spikes);
  void write_spikes(int population, int64_t step);
  void write_state(int population, int64_t step);

  const Network& network_;
  Batch* batch_ = nullptr;
  int64_t column_ = 0;
  std::vector<EventList> events_;
  std::vector<Running> running_;
  Aligned<int32_t> sum_, part_, messages_;
  Aligned<int16_t> short_sum_;  // 0 between steps
  bool multiplies_ = false;       // some parts of the population at work are products:
  std::vector<bool> multiplied_;  // [part]
  Aligned<int32_t> products_;     // [step - products_from_][neuron]: what those bring
  int64_t products_from_ = 0;
  Aligned<uint8_t> bytes_, unfolded_;  // messages of a step, and as rows of a product
  std::vector<uint64_t> spikes_;
  std::vector<Events> heard_;    // [step][part]
  std::vector<int32_t> joined_;  // the lists of parts with several ears
  std::vector<uint8_t> flags_;
  RowsRun rows_{};
  std::vector<int32_t> by_kind_;
  std::vector<char> frames_;
  std::vector<int64_t> read_;
};

}  // namespace spikeport
