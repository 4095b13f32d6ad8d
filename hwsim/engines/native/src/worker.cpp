// The schedule: populations one after the other over a block of steps, cycles step by step.
#include "worker.h"

#include <algorithm>
#include <chrono>

#include "rounding.h"

namespace spikeport {

// Of a population at a time: between them a worker looks whether it is to stop.
constexpr int64_t MOST_STEPS = 512;

bool Worker::work(Batch& batch, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  while (!batch.stop.load(std::memory_order_relaxed)) {
    if (!working_) {
      step_ = 1;
      for (; working_ < columns_.size(); ++working_) {
        const int64_t column = batch.next.fetch_add(1);
        if (column >= batch.columns) break;
        columns_[working_].begin(batch, column);
      }
      if (!working_) return false;
    }
    const int64_t steps = std::min(batch.block, batch.steps + 1 - step_);
    advance(batch, step_, steps);
    if (batch.stop.load(std::memory_order_relaxed)) return false;
    batch.done.fetch_add(steps * int64_t(working_));
    step_ += steps;
    if (step_ > batch.steps)
      while (working_) columns_[--working_].finish();
    if (Clock::now() >= until) return true;
  }
  return false;
}

void Worker::advance(const Batch& batch, int64_t first, int64_t steps) {
  for (size_t c = 0; c < working_; ++c) columns_[c].listen(first, steps);
  const TowardZero rounding;  // not while Python fetches input
  for (const Component& component : network_.components) {
    const int64_t at_once = component.cyclic ? 1 : MOST_STEPS;
    for (int64_t t = first; t < first + steps; t += at_once)
      for (int population : component.populations) {
        if (batch.stop.load(std::memory_order_relaxed)) return;
        run(population, t, std::min(at_once, first + steps - t));
      }
  }
}

void Worker::run(int population, int64_t first, int64_t steps) {
  if (!columns_[0].in_rows(population)) {
    for (size_t c = 0; c < working_; ++c) columns_[c].run_sums(population, first, steps);
    return;
  }
  const int64_t words = words_of(network_.sources[network_.populations[population].source].size);
  for (size_t c = 0; c < working_; ++c) columns_[c].start_rows(population, first, steps);
  for (int64_t w = 0; w < words; ++w)
    for (size_t c = 0; c < working_; ++c) columns_[c].step_rows(population, w);
  for (size_t c = 0; c < working_; ++c) columns_[c].finish_rows(population, first);
}

}  // namespace spikeport
