// Sums into neurons: the generated steps, over a population in lanes of 64 or of 32 bits.
#pragma once

#include "kernels.h"
#include "lanes.h"
#include "neurons.generated.h"

namespace {

using namespace spikeport;

template <class N, bool Single> void step_wide(Step& step) {
  const int32_t* __restrict activation = static_cast<const int32_t*>(step.activation);
  int32_t* __restrict messages = step.messages;
  Wide driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    Wide state[N::STATES + 1], registers[N::REGISTERS + 1], wrapped = 0, saturated = 0;
    for (int k = 0; k < N::STATES; ++k) state[k] = step.state[k][i];
    for (int k = 0; k < N::REGISTERS; ++k) registers[k] = step.registers[k][Single ? 0 : i];
    busy += any_bit(Wide(activation[i]) | N::memory(state) | N::constant(registers));
    const Wide x = Wide(uint64_t(Wide(activation[i])) << N::INPUT_SHIFT);
    messages[i] = int32_t(N::step(x, state, registers, wrapped, saturated));
    for (int k = 0; k < N::STATES; ++k) step.state[k][i] = int32_t(state[k]);
    driven += Wide(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
  }
  step.sums = {driven, wraps, saturations, neurons - busy};
}

// The neurons of `word` that there are.
inline uint64_t present(int64_t neurons, int64_t word) {
  const int64_t left = neurons - word * WORD_NEURONS;
  return left >= WORD_NEURONS ? ~uint64_t(0) : (uint64_t(1) << left) - 1;
}

inline int64_t ones(uint64_t bits) { return __builtin_popcountll(bits); }

// The registers of a word of neurons, and which of them have a bias.
template <class N, bool Single> class Registers {
 public:
  explicit Registers(const int32_t* const* from) : from_(from) { if (Single) read(0); }
  void move_to(int64_t word) { if (!Single) read(word * WORD_NEURONS); }
  const Lanes* at(int j) const { return value_[Single ? 0 : j]; }
  uint64_t biased() const { return biased_; }

 private:
  void read(int64_t first) {
    Mask biased[PER_WORD];
    for (int j = 0; j < PER_WORD; ++j) {
      for (int k = 0; k < N::REGISTERS && !(Single && j); ++k) {
        const int32_t* p = from_[N::REGISTER[k]];
        value_[j][k] = Single ? every(p[0]) : load(p + first + j * LANES);
      }
      biased[j] = nonzero(N::constant(at(j)));
    }
    biased_ = word(biased);
  }

  const int32_t* const* from_;
  Lanes value_[Single ? 1 : PER_WORD][N::REGISTERS + 1];
  uint64_t biased_ = 0;
};

inline void sent(Mask message, int32_t*, Mask& spikes) { spikes = message; }
inline void sent(Lanes message, int32_t* messages, Mask&) { store(messages, message); }

// Steps a word of 64 neurons on their shifted activations x: returns the spikes, a bit each, or
// writes other messages to `messages`. before: of a form that forgets, see Step. The neurons
// `there` are added to `sums` if the step is `counted`.
template <class N, class R>
[[gnu::always_inline]] inline uint64_t step_word(const Lanes* x, Lanes (*state)[N::STATES + 1], const R& registers,
                          int32_t* messages, uint64_t there, uint64_t* before, bool counted, Sums& sums) {
  Lanes old[PER_WORD];
  Mask driven[PER_WORD], spikes[PER_WORD] = {}, wrapped[PER_WORD], saturated[PER_WORD], rare = nowhere();
#pragma GCC unroll 16
  for (int j = 0; j < PER_WORD; ++j) {
    old[j] = N::memory(state[j]);
    driven[j] = nonzero(x[j]);
    wrapped[j] = saturated[j] = nowhere();
    sent(N::step(x[j], state[j], registers.at(j), wrapped[j], saturated[j]), messages + j * LANES, spikes[j]);
    rare = either(rare, either(wrapped[j], saturated[j]));
  }
  const uint64_t arrived = word(driven);
  uint64_t busy = arrived | registers.biased() | (N::FORGETS ? *before : 0);
  *before = arrived;
  if (counted) {
    sums.driven += ones(arrived & there);
    if (there & ~busy) {  // only these need a look at their states
      Mask kept[PER_WORD];
      for (int j = 0; j < PER_WORD; ++j) kept[j] = nonzero(old[j]);
      sums.zero += ones(there & ~(busy | word(kept)));
    }
    if (__builtin_expect(any(rare), 0)) {
      sums.wraps += ones(word(wrapped) & there);
      sums.saturations += ones(word(saturated) & there);
    }
  }
  return word(spikes) & there;
}

inline Lanes load(const int16_t* p) {
#if defined(__AVX512BW__)  // gcc 12 converts halves
  return {Signed(_mm512_maskz_cvtepi16_epi32(__mmask16(-1), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))))};
#else
  typedef int16_t Shorts __attribute__((vector_size(2 * LANES), aligned(1)));
  return {__builtin_convertvector(*reinterpret_cast<const Shorts*>(p), Signed)};
#endif
}
inline void forget(const int32_t*) {}
inline void forget(int16_t* p) {
  typedef int16_t Shorts __attribute__((vector_size(2 * LANES), aligned(1)));
  *reinterpret_cast<Shorts*>(p) = Shorts{};
}

template <class N, class Sum, bool Single> void step_sums(Step& step) {
  Sum* sum = static_cast<Sum*>(step.activation);
  Sums sums{};
  Registers<N, Single> registers(step.registers);
  const int64_t words = words_of(step.neurons);
  for (int64_t w = 0; w < words; ++w) {
    const int64_t first = w * WORD_NEURONS;
    const uint64_t there = present(step.neurons, w);
    registers.move_to(w);
    Lanes x[PER_WORD], state[PER_WORD][N::STATES + 1];
    for (int j = 0; j < PER_WORD; ++j) {
      x[j] = shifted(load(sum + first + j * LANES), N::INPUT_SHIFT);
      forget(sum + first + j * LANES);
      for (int k = 0; k < N::STATES; ++k) state[j][k] = load(step.state[N::STATE[k]] + first + j * LANES);
    }
    const uint64_t spikes = step_word<N>(x, state, registers, step.messages + first, there,
                                         step.driven_before + w, true, sums);
    if (N::SPIKES) step.spikes[w] = spikes;
    for (int j = 0; j < PER_WORD; ++j)
      for (int k = 0; k < N::STATES; ++k) store(step.state[N::STATE[k]] + first + j * LANES, state[j][k]);
  }
  step.sums = sums;
}

}  // namespace
