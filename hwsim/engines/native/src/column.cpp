// A column through some steps of a population: what it hears, what it does, what is counted.
#include "column.h"

#include <algorithm>
#include <cstring>

#include "arith.h"

namespace spikeport {

void EventList::begin(const Source& source) {
  first_ = 1;
  payload_ = source.payload;
  size_ = int32_t(source.size);
  start_.assign(1, 0);
  count_.clear();
}

void EventList::forget_before(int64_t step) {
  const int64_t gone = std::min<int64_t>(step - first_, int64_t(start_.size()) - 1);
  if (gone <= 0) return;
  const int64_t from = start_[gone], kept = start_.back() - from;
  std::copy_n(index_.begin() + from, kept, index_.begin());
  if (payload_) std::copy_n(payloads_.begin() + from, kept, payloads_.begin());
  start_.erase(start_.begin(), start_.begin() + gone);
  count_.erase(count_.begin(), count_.begin() + gone);
  for (int64_t& s : start_) s -= from;
  first_ += gone;
}

EventsOut EventList::room(int64_t most) {
  const size_t needed = size_t(start_.back() + most + SLACK);
  if (index_.size() < needed) index_.resize(std::max(needed, 2 * index_.size()));
  if (payload_ && payloads_.size() < index_.size()) payloads_.resize(index_.size());
  return {index_.data() + start_.back(), payload_ ? payloads_.data() + start_.back() : nullptr};
}

void EventList::close(int64_t found) {
  const int64_t whole = (found + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
  std::fill_n(index_.begin() + start_.back() + found, whole - found, size_);
  count_.push_back(found);
  start_.push_back(start_.back() + whole);
}

Events EventList::sent(int64_t step) const {
  if (step < first_) return {nullptr, nullptr, 0};  // before the machine was started
  const int64_t from = start_[step - first_];
  return {index_.data() + from, payload_ ? payloads_.data() + from : nullptr, count_[step - first_]};
}

void Tally::settle() {
  for (size_t i = 0; i < fired.size(); ++i) fired[i] += lately[i];
  std::fill(lately.begin(), lately.end(), 0);
  steps = 0;
}

Column::Column(const Network& network) : network_(network), events_(network.sources.size()) {
  int64_t largest = 0;
  for (const Population& p : network.populations) {
    const int64_t n = network.sources[p.source].size, room = words_of(n) * WORD_NEURONS;
    largest = std::max(largest, room);
    Running r;
    r.state.assign(p.states, Aligned<int32_t>(room));
    r.driven_before.assign(words_of(n), 0);
    r.tally.fired.assign(n, 0);
    r.tally.lately.assign(room, 0);
    r.state_data.resize(size_t(p.states));
    running_.push_back(std::move(r));
  }
  sum_.resize(largest);
  part_.resize(largest);
  messages_.resize(largest);
  short_sum_.resize(largest);
}

void Column::begin(Batch& batch, int64_t column) {
  batch_ = &batch;
  column_ = column;
  for (size_t i = 0; i < events_.size(); ++i) events_[i].begin(network_.sources[i]);
  for (size_t i = 0; i < running_.size(); ++i) {
    Running& r = running_[i];
    for (size_t k = 0; k < r.state.size(); ++k) {
      std::fill(r.state[k].begin(), r.state[k].end(), 0);
      r.state_data[k] = r.state[k].data();
    }
    std::fill(r.driven_before.begin(), r.driven_before.end(), 0);
    r.records_state = false;
    r.reach = 0;
    for (size_t kind = 1; kind < batch.records[i].size(); ++kind)
      r.records_state = r.records_state || batch.records[i][kind].data;
  }
  read_.assign(running_[network_.output].tally.fired.size(), 0);
}

void Column::listen(int64_t first, int64_t steps) {
  const Batch& batch = *batch_;
  for (size_t i = 0; i < events_.size(); ++i)
    events_[i].forget_before(first - network_.sources[i].history);
  const int64_t frame = batch.first_frame + first - 1;
  const int64_t silent = std::clamp<int64_t>(-frame, 0, steps);
  const int64_t sent = std::clamp<int64_t>(batch.frames - std::max<int64_t>(frame, 0), 0, steps - silent);
  send(0, steps, sent ? batch.input(column_, std::max<int64_t>(frame, 0), sent, frames_) : Frames{}, silent, sent);
  if (batch.blanks) send(1, steps, {batch.blanks + first - 1, 1, UNSIGNED_BYTE}, 0, steps);
}

void Column::finish() {
  int64_t* const out = batch_->outputs + column_ * int64_t(read_.size());
  for (size_t i = 0; i < read_.size(); ++i) out[place(network_.output, i)] = read_[i];
}

const Tally& Column::tally(int population) {
  running_[population].tally.settle();
  return running_[population].tally;
}

// Rows of a batch lie far apart: one is asked for so many rows before it is read.
constexpr int64_t AHEAD = 4;

void Column::send(int line, int64_t steps, const Frames& frames, int64_t silent, int64_t sent) {
  static constexpr int64_t BYTES[WIDTHS] = {1, 2, 4, 1};
  const Source& source = network_.sources[line];
  const int64_t bytes = source.size * BYTES[frames.width];
  for (int64_t r = 0; r < steps && !stopped(); ++r) {
    const EventsOut out = events_[line].room(source.size);
    const char* row = static_cast<const char*>(frames.data) + (r - silent) * frames.stride;
    const bool any = r >= silent && r < silent + sent;
    if (r >= silent && r + AHEAD < silent + sent)
      for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + AHEAD * frames.stride + i);
    const Kernels& kernels = *network_.kernels;
    const int64_t found = any ? kernels.find[frames.width](row, source.size, source.order, out) : 0;
    if (source.kind && !out.payload) {
      by_kind_.resize(std::max(by_kind_.size(), size_t(2 * (found + SLACK))));
      kernels.gather_kinds(out.index, found, source.kind, source.kinds, by_kind_.data());
    }
    events_[line].close(found);
  }
}

bool Column::in_rows(int population) const {
  return network_.populations[population].path == Path::ROWS && !running_[population].records_state;
}

void Column::run_sums(int population, int64_t first, int64_t steps) {
  const Population& p = network_.populations[population];
  multiplies_ = choose_products(p, first, steps);
  const int64_t at_once = product_steps(p);
  for (int64_t t = first; t < first + steps && !stopped(); ++t) {
    if (multiplies_ && (t - first) % at_once == 0) multiply(p, t, std::min(at_once, first + steps - t));
    step_sums(population, t);
  }
}

// Fills heard_ for some steps: what each part of a population hears.
void Column::hear(const Population& p, int64_t first, int64_t steps) {
  const auto sent = [&](int source, int delay, int64_t t) { return events_[source].sent(t - 1 - delay); };
  size_t most = 0;
  for (const Part& part : p.parts)
    for (const Ear& ear : part.ears)
      for (int64_t t = first; t < first + steps; ++t) most += size_t(sent(ear.source, ear.delay, t).count);
  most += size_t(steps * AT_ONCE) * p.parts.size();
  if (joined_.size() < most) joined_.resize(most);
  heard_.clear();
  int32_t* out = joined_.data();
  for (int64_t t = first; t < first + steps; ++t)
    for (const Part& part : p.parts) {
      if (part.ears.size() < 2) {
        const bool rows = part.kind == Part::ROWS;
        heard_.push_back(rows ? sent(part.ears[0].source, part.ears[0].delay, t)
                              : sent(part.route.source, part.route.delay, t));
        if (!part.route.graded) heard_.back().payload = nullptr;
        continue;
      }
      int32_t* const start = out;
      for (const Ear& ear : part.ears) {
        const Events events = sent(ear.source, ear.delay, t);
        for (int64_t k = 0; k < events.count; ++k) *out++ = events.index[k] + ear.first;
      }
      heard_.push_back({start, nullptr, out - start});
      while ((out - start) % AT_ONCE) *out++ = int32_t(part.rows.sources);
    }
}

// Says what is known of a population's next step, and moves the bound of its voltage on: to be called
// once a step, in order. The bound never falls, since a neuron may hold its voltage while it waits.
Knowledge Column::advance_bound(int population, const Events* heard) {
  const Population& p = network_.populations[population];
  Running& r = running_[population];
  if (!p.forgets || r.records_state) return GENERAL;
  int64_t arriving = p.bound.bias;
  for (size_t i = 0; i < p.parts.size(); ++i) arriving += p.bound.message[i] * heard[i].count;
  arriving = std::min(arriving, p.bound.sum + p.bound.bias);
  const int64_t next = std::max(r.reach * p.bound.keep >> DECAY_BITS, p.bound.taken) + arriving;
  r.reach = std::min<int64_t>(std::max(r.reach, next), STATE_LIMIT - 1);
  return next < STATE_LIMIT ? BOUNDED : FORGETTING;
}

void Column::start_rows(int population, int64_t first, int64_t steps) {
  const Population& p = network_.populations[population];
  Running& r = running_[population];
  const int64_t n = network_.sources[p.source].size;
  hear(p, first, steps);
  flags_.clear();
  for (int64_t t = first; t < first + steps; ++t)
    flags_.push_back(uint8_t((counted(p, t) ? COUNTED : 0) | (resets(p, t) ? RESET_BEFORE : 0) |
                             (advance_bound(population, &heard_[t - first]) == BOUNDED ? IN_BOUNDS : 0)));
  spikes_.resize(std::max(spikes_.size(), size_t(steps * words_of(n))));
  rows_ = {steps, n, p.parts[0].rows, heard_.data(), flags_.data(), r.state_data.data(),
           p.registers.data(), spikes_.data(), r.driven_before.data(), {}};
}

void Column::step_rows(int population, int64_t word) {
  const Population& p = network_.populations[population];
  const NeuronKernel& neuron = network_.kernels->neurons[p.neuron];
  if (!stopped()) neuron.form[p.forgets ? FORGETTING : GENERAL].rows[p.single](rows_, word, word + 1);
}

void Column::finish_rows(int population, int64_t first) {
  const int64_t words = words_of(rows_.neurons);
  EventList& events = events_[network_.populations[population].source];
  add(running_[population].tally.sums, rows_.sums);
  for (int64_t t = 0; t < rows_.steps && !stopped(); ++t) {
    const uint64_t* spikes = spikes_.data() + t * words;
    events.close(network_.kernels->find_bits(spikes, words, events.room(rows_.neurons)));
    if (flags_[t] & COUNTED) count(population, first + t, spikes);
    write_spikes(population, first + t);
  }
}

// Adds a part whose sum wraps, or is shifted, before it joins the others.
void Column::add_alone(const Part& part, Events events, int64_t n) {
  const Kernels& kernels = *network_.kernels;
  std::memset(part_.data(), 0, n * sizeof(int32_t));
  if (part.kind == Part::DENSE) kernels.dense[part.width](part_.data(), part.dense, events);
  if (part.kind == Part::SPARSE) kernels.sparse[part.width](part_.data(), part.sparse, events);
  if (part.kind == Part::CONV) kernels.conv[part.width](part_.data(), part.conv, events);
  if (part.route.wraps) kernels.add_wrapped(sum_.data(), part_.data(), n, part.places);
  else kernels.add_shifted(sum_.data(), part_.data(), n, part.route.shift);
}

void Column::gather(const Population& p, int64_t, int16_t* sum) {
  for (size_t i = 0; i < p.parts.size(); ++i) network_.kernels->short_conv(sum, p.parts[i].conv, heard_[i]);
}

void Column::gather(const Population& p, int64_t step, int32_t* sum) {
  const Kernels& kernels = *network_.kernels;
  const int64_t n = network_.sources[p.source].size;
  std::memset(sum, 0, words_of(n) * WORD_NEURONS * sizeof(int32_t));
  if (multiplies_) std::copy_n(products_.data() + (step - products_from_) * n, n, sum);
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const Part& part = p.parts[i];
    const Events events = heard_[i];
    if (!events.count || multiplied_[i]) continue;
    if (part.alone()) add_alone(part, events, n);
    else if (part.kind == Part::DENSE) kernels.dense[part.width](sum, part.dense, events);
    else if (part.kind == Part::ROWS) kernels.rows(sum, n, part.rows, events);
    else if (part.kind == Part::SPARSE) kernels.sparse[part.width](sum, part.sparse, events);
    else if (part.kind == Part::CONV_ROWS) kernels.conv_rows(sum, part.conv, part.rows, events);
    else kernels.conv[part.width](sum, part.conv, events);
  }
}

void Column::step_sums(int population, int64_t step) {
  const Population& p = network_.populations[population];
  Running& r = running_[population];
  const Kernels& kernels = *network_.kernels;
  const Source& source = network_.sources[p.source];
  const NeuronKernel& neuron = kernels.neurons[p.neuron];
  const bool shorts = p.path == Path::SHORT_SUMS && !r.records_state && !multiplies_;
  hear(p, step, 1);
  if (shorts) gather(p, step, short_sum_.data());
  else gather(p, step, sum_.data());
  if (resets(p, step)) {
    for (auto& state : r.state) std::fill(state.begin(), state.end(), 0);
    std::fill(r.driven_before.begin(), r.driven_before.end(), 0);
  }
  spikes_.resize(std::max(spikes_.size(), size_t(words_of(source.size))));
  void* sum = shorts ? static_cast<void*>(short_sum_.data()) : sum_.data();
  Step work{source.size, sum, r.state_data.data(), p.registers.data(), messages_.data(),
            spikes_.data(), r.driven_before.data(), {}};
  const Form& form = neuron.form[advance_bound(population, heard_.data())];
  (p.wide ? neuron.wide : shorts ? form.short_sums : form.sums)[p.single](work);
  EventList& events = events_[p.source];
  const EventsOut out = events.room(source.size);
  if (neuron.spikes && !p.wide) events.close(kernels.find_bits(spikes_.data(), words_of(source.size), out));
  else events.close(kernels.find[WORD](messages_.data(), source.size, nullptr, out));
  if (counted(p, step)) {
    add(r.tally.sums, work.sums);
    count(population, step, neuron.spikes && !p.wide ? spikes_.data() : nullptr);
  }
  write_spikes(population, step);
  write_state(population, step);
}

bool Column::counted(const Population& p, int64_t step) const {
  const int64_t frame = step - 1 - p.latency;
  return frame >= 0 && frame < batch_->frames;
}

// spikes: a bit a neuron, if there are such.
void Column::count(int population, int64_t step, const uint64_t* spikes) {
  Tally& tally = running_[population].tally;
  const Events sent = events_[network_.populations[population].source].sent(step);
  tally.updates += int64_t(tally.fired.size());
  if (spikes) {
    network_.kernels->count_bits(spikes, words_of(int64_t(tally.fired.size())), tally.lately.data());
    if (++tally.steps == UINT8_MAX) tally.settle();
  } else {
    for (int64_t k = 0; k < sent.count; ++k) ++tally.fired[sent.index[k]];
  }
  if (population != network_.output) return;
  if (network_.voltage >= 0) {
    const Aligned<int32_t>& v = running_[population].state[network_.voltage];
    for (size_t i = 0; i < read_.size(); ++i) read_[i] += v[i];
  } else {
    for (int64_t k = 0; k < sent.count; ++k)
      read_[sent.index[k]] += sent.payload ? sent.payload[k] : 1;
  }
}

namespace {

char* row_of(const Record& record, int64_t column, int64_t step) {
  return record.data + column * record.column + (step - 1) * record.step;
}

void put(char* row, int bytes, int64_t at, int32_t value) {
  if (bytes == 1) reinterpret_cast<int8_t*>(row)[at] = int8_t(value);
  else reinterpret_cast<int32_t*>(row)[at] = value;
}

}  // namespace

// What is recorded is 0 before.
void Column::write_spikes(int population, int64_t step) {
  const Record& record = batch_->records[population][0];
  if (!record.data) return;
  const Events sent = events_[network_.populations[population].source].sent(step);
  for (int64_t k = 0; k < sent.count; ++k)
    put(row_of(record, column_, step), record.bytes, place(population, sent.index[k]),
        sent.payload ? sent.payload[k] : 1);
}

void Column::write_state(int population, int64_t step) {
  const int64_t neurons = network_.sources[network_.populations[population].source].size;
  for (size_t kind = 1; kind < batch_->records[population].size(); ++kind) {
    const Record& record = batch_->records[population][kind];
    if (!record.data) continue;
    const int32_t* from = kind == 1 ? sum_.data() : running_[population].state[kind - 2].data();
    for (int64_t i = 0; i < neurons; ++i)
      put(row_of(record, column_, step), record.bytes, place(population, i), from[i]);
  }
}

}  // namespace spikeport
