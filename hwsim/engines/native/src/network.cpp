// The schedule of one column: populations layer by layer over a block of steps, cycles step by step.
#include "network.h"

#include <algorithm>
#include <cstring>

namespace spikeport {

void EventList::begin(const Source& source) {
  first_ = 1;
  payload_ = source.payload;
  start_.assign(1, 0);
}

void EventList::forget_before(int64_t step) {
  const int64_t gone = std::min<int64_t>(step - first_, int64_t(start_.size()) - 1);
  if (gone <= 0) return;
  const int64_t from = start_[gone], kept = start_.back() - from;
  std::copy_n(index_.begin() + from, kept, index_.begin());
  if (payload_) std::copy_n(payloads_.begin() + from, kept, payloads_.begin());
  start_.erase(start_.begin(), start_.begin() + gone);
  for (int64_t& s : start_) s -= from;
  first_ += gone;
}

EventsOut EventList::room(int64_t most) {
  const size_t needed = size_t(start_.back() + most + SLACK);
  if (index_.size() < needed) index_.resize(std::max(needed, 2 * index_.size()));
  if (payload_ && payloads_.size() < index_.size()) payloads_.resize(index_.size());
  return {index_.data() + start_.back(), payload_ ? payloads_.data() + start_.back() : nullptr};
}

void EventList::close(int64_t found) { start_.push_back(start_.back() + found); }

Events EventList::sent(int64_t step) const {
  if (step < first_) return {nullptr, nullptr, 0};  // before the machine was started
  const int64_t from = start_[step - first_];
  return {index_.data() + from, payload_ ? payloads_.data() + from : nullptr,
          start_[step - first_ + 1] - from};
}

Column::Column(const Network& network, std::atomic<bool>& stop)
    : network_(network), stop_(stop), events_(network.sources.size()) {
  int64_t largest = 0;
  for (const Population& p : network.populations) {
    const int64_t n = network.sources[p.source].size;
    largest = std::max(largest, n);
    Running r;
    r.state.assign(p.states, std::vector<int32_t>(n));
    r.tally.fired.assign(n, 0);
    running_.push_back(std::move(r));
    for (auto& state : running_.back().state) running_.back().state_data.push_back(state.data());
    records_.emplace_back(2 + p.states);
  }
  sum_.resize(largest);
  part_.resize(largest);
  messages_.resize(largest);
}

void Column::begin(int64_t frames) {
  frames_ = frames;
  for (size_t i = 0; i < events_.size(); ++i) events_[i].begin(network_.sources[i]);
  for (Running& r : running_)
    for (auto& state : r.state) std::fill(state.begin(), state.end(), 0);
  read_.assign(running_[network_.output].tally.fired.size(), 0);
}

void Column::advance(int64_t first, int64_t steps, const std::vector<Frames>& lines) {
  for (size_t i = 0; i < events_.size(); ++i)
    events_[i].forget_before(first - network_.sources[i].history);
  for (size_t i = 0; i < lines.size(); ++i) send(int(i), steps, lines[i]);
  for (size_t c = 0; c < network_.components.size(); ++c) {
    const std::vector<int>& component = network_.components[c];
    for (int64_t t = first; t < first + steps; ++t)
      for (int population : component) {
        if (stop_.load(std::memory_order_relaxed)) return;
        step(population, t);
      }
  }
}

void Column::send(int line, int64_t steps, const Frames& frames) {
  static constexpr int BYTES[WIDTHS] = {1, 2, 4, 1};
  const Source& source = network_.sources[line];
  for (int64_t r = 0; r < steps && !stop_.load(std::memory_order_relaxed); ++r) {
    const EventsOut out = events_[line].room(source.size);
    const char* row = static_cast<const char*>(frames.data) + r * source.size * BYTES[frames.width];
    events_[line].close(r < frames.rows ? network_.kernels->find[frames.width](
                                              row, source.size, source.order, out)
                                        : 0);
  }
}

void Column::gather(const Population& p, int64_t step) {
  const Kernels& kernels = *network_.kernels;
  const int64_t n = network_.sources[p.source].size;
  std::memset(sum_.data(), 0, n * sizeof(int32_t));
  for (const Part& part : p.parts) {
    const Route& route = part.route;
    Events events = events_[route.source].sent(step - 1 - route.delay);
    if (!events.count) continue;
    if (!route.graded) events.payload = nullptr;
    int32_t* sum = part.alone() ? part_.data() : sum_.data();
    if (part.alone()) std::memset(sum, 0, n * sizeof(int32_t));
    if (part.kind == Part::DENSE) kernels.dense[part.width](sum, part.dense, events);
    if (part.kind == Part::SPARSE) kernels.sparse[part.width](sum, part.sparse, events);
    if (part.kind == Part::CONV) kernels.conv[part.width](sum, part.conv, events);
    if (route.wraps) kernels.add_wrapped(sum_.data(), sum, n, part.places);
    else if (route.shift) kernels.add_shifted(sum_.data(), sum, n, route.shift);
  }
}

void Column::step(int population, int64_t step) {
  const Population& p = network_.populations[population];
  Running& r = running_[population];
  const Source& source = network_.sources[p.source];
  gather(p, step);
  if (p.period && step % p.period == p.phase)
    for (auto& state : r.state) std::fill(state.begin(), state.end(), 0);
  Step work{source.size, sum_.data(), r.state_data.data(), p.registers.data(), messages_.data(),
            0, 0, 0, 0};
  network_.kernels->neurons[p.neuron].step[p.wide][p.single](work);
  EventList& events = events_[p.source];
  const EventsOut out = events.room(source.size);
  events.close(network_.kernels->find[WORD](messages_.data(), source.size, nullptr, out));
  const int64_t frame = step - 1 - p.latency;
  if (frame >= 0 && frame < frames_) count(population, work, events.sent(step));
  write(population, step);
}

void Column::count(int population, const Step& done, const Events& sent) {
  Tally& tally = running_[population].tally;
  tally.updates += done.neurons;
  tally.driven += done.driven;
  tally.wraps += done.wraps;
  tally.saturations += done.saturations;
  tally.zero += done.zero;
  int64_t* const fired = tally.fired.data();  // else it is loaded again after each store
  for (int64_t k = 0; k < sent.count; ++k) ++fired[sent.index[k]];
  if (population != network_.output) return;
  if (network_.voltage >= 0) {
    const std::vector<int32_t>& v = running_[population].state[network_.voltage];
    for (size_t i = 0; i < v.size(); ++i) read_[i] += v[i];
  } else {
    for (int64_t k = 0; k < sent.count; ++k)
      read_[sent.index[k]] += sent.payload ? sent.payload[k] : 1;
  }
}

void Column::write(int population, int64_t step) {
  const Population& p = network_.populations[population];
  const Source& source = network_.sources[p.source];
  for (size_t kind = 0; kind < records_[population].size(); ++kind) {
    const Record& record = records_[population][kind];
    if (!record.data) continue;
    const int32_t* from = kind == 0   ? messages_.data()
                          : kind == 1 ? sum_.data()
                                      : running_[population].state[kind - 2].data();
    char* row = record.data + (step - 1) * record.stride;
    for (int64_t i = 0; i < source.size; ++i) {
      const int64_t to = source.order ? source.order[i] : i;
      if (record.bytes == 1) reinterpret_cast<int8_t*>(row)[to] = int8_t(from[i]);
      else reinterpret_cast<int32_t*>(row)[to] = from[i];
    }
  }
}

}  // namespace spikeport
