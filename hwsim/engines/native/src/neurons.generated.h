// The steps of hwsim.neurons.NEURONS over arith.h and lanes.h, written by generate.py.
// Do not edit: change the neuron, then `make generate`.
#pragma once

namespace {

struct Cuba {
  static constexpr int STATES = 2, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const auto t0 = decay(old_u, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = wrap(t1, wrapped);
    const auto t3 = decay(old_v, registers[1]);
    const auto t4 = add(t3, t2);
    const auto t5 = add(t4, registers[3]);
    const auto t6 = clip(t5, saturated);
    const auto t7 = fire(t6, registers[2]);
    const auto t8 = reset(t6, t7);
    state[0] = t2;
    state[1] = t8;
    return t7;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

struct CubaForgetting {
  static constexpr int STATES = 1, REGISTERS = 3, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[2]);
    const auto t3 = clip(t2, saturated);
    const auto t4 = fire(t3, registers[1]);
    const auto t5 = reset(t3, t4);
    state[0] = t5;
    return t4;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct CubaBounded {
  static constexpr int STATES = 1, REGISTERS = 3, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[2]);
    const auto t3 = fire(t2, registers[1]);
    const auto t4 = reset(t2, t3);
    state[0] = t4;
    return t3;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct CubaRefractory {
  static constexpr int STATES = 3, REGISTERS = 5, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, 2, -1}, REGISTER[] = {0, 1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const T old_wait = state[2];
    const auto t0 = above(old_wait, As<T>::number(0));
    const auto t1 = decay(old_u, registers[0]);
    const auto t2 = add(t1, x);
    const auto t3 = wrap(t2, wrapped);
    const auto t4 = decay(old_v, registers[1]);
    const auto t5 = add(t4, t3);
    const auto t6 = add(t5, registers[3]);
    const auto t7 = pick(t0, old_v, t6);
    const auto t8 = clip(t7, saturated);
    const auto t9 = fire(t8, registers[2]);
    const auto t10 = reset(t8, t9);
    const auto t11 = subtract(old_wait, t0);
    const auto t12 = pick(t9, registers[4], t11);
    state[0] = t3;
    state[1] = t10;
    state[2] = t12;
    return t9;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(all_of(state[0], state[1]), state[2]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

struct CubaRefractoryForgetting {
  static constexpr int STATES = 2, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, 2, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const T old_wait = state[1];
    const auto t0 = above(old_wait, As<T>::number(0));
    const auto t1 = decay(old_v, registers[0]);
    const auto t2 = add(t1, x);
    const auto t3 = add(t2, registers[2]);
    const auto t4 = pick(t0, old_v, t3);
    const auto t5 = clip(t4, saturated);
    const auto t6 = fire(t5, registers[1]);
    const auto t7 = reset(t5, t6);
    const auto t8 = subtract(old_wait, t0);
    const auto t9 = pick(t6, registers[3], t8);
    state[0] = t7;
    state[1] = t9;
    return t6;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct CubaRefractoryBounded {
  static constexpr int STATES = 2, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, 2, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const T old_wait = state[1];
    const auto t0 = above(old_wait, As<T>::number(0));
    const auto t1 = decay(old_v, registers[0]);
    const auto t2 = add(t1, x);
    const auto t3 = add(t2, registers[2]);
    const auto t4 = pick(t0, old_v, t3);
    const auto t5 = fire(t4, registers[1]);
    const auto t6 = reset(t4, t5);
    const auto t7 = subtract(old_wait, t0);
    const auto t8 = pick(t5, registers[3], t7);
    state[0] = t6;
    state[1] = t8;
    return t5;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct CubaSubtract {
  static constexpr int STATES = 2, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const auto t0 = decay(old_u, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = wrap(t1, wrapped);
    const auto t3 = decay(old_v, registers[1]);
    const auto t4 = add(t3, t2);
    const auto t5 = add(t4, registers[3]);
    const auto t6 = clip(t5, saturated);
    const auto t7 = fire(t6, registers[2]);
    const auto t8 = subtract(t6, registers[2]);
    const auto t9 = pick(t7, t8, t6);
    state[0] = t2;
    state[1] = t9;
    return t7;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

struct CubaSubtractForgetting {
  static constexpr int STATES = 1, REGISTERS = 3, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[2]);
    const auto t3 = clip(t2, saturated);
    const auto t4 = fire(t3, registers[1]);
    const auto t5 = subtract(t3, registers[1]);
    const auto t6 = pick(t4, t5, t3);
    state[0] = t6;
    return t4;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct CubaSubtractBounded {
  static constexpr int STATES = 1, REGISTERS = 3, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[2]);
    const auto t3 = fire(t2, registers[1]);
    const auto t4 = subtract(t2, registers[1]);
    const auto t5 = pick(t3, t4, t2);
    state[0] = t5;
    return t3;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct Delta {
  static constexpr int STATES = 2, REGISTERS = 3, INPUT_SHIFT = 0;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, -1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_act = state[0];
    const T old_residue = state[1];
    const auto t0 = wrap32(x, wrapped);
    const auto t1 = add(registers[1], registers[2]);
    const auto t2 = shift_left(t0, t1, wrapped);
    const auto t3 = subtract(t2, old_act);
    const auto t4 = add(t3, old_residue);
    const auto t5 = wrap32(t4, wrapped);
    const auto t6 = magnitude(t5);
    const auto t7 = above(registers[0], t6);
    const auto t8 = reset(t5, t7);
    const auto t9 = shift_right(t8, registers[2]);
    const auto t10 = pick(t7, t5, As<T>::number(0));
    state[0] = t2;
    state[1] = t10;
    return t9;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return As<T>::number(0);
  }
};

struct Gate {
  static constexpr int STATES = 0, REGISTERS = 1, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {-1}, REGISTER[] = {0, -1};
  static constexpr bool SPIKES = true, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const auto t0 = wrap(x, wrapped);
    const auto t1 = clip(t0, saturated);
    const auto t2 = fire(t1, registers[0]);
    return t2;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return As<T>::number(0); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return As<T>::number(0);
  }
};

struct GradedRelay {
  static constexpr int STATES = 0, REGISTERS = 1, INPUT_SHIFT = 0;
  static constexpr int STATE[] = {-1}, REGISTER[] = {0, -1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const auto t0 = wrap32(x, wrapped);
    const auto t1 = magnitude(t0);
    const auto t2 = above(t1, registers[0]);
    const auto t3 = pick(t2, t0, As<T>::number(0));
    return t3;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return As<T>::number(0); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return As<T>::number(0);
  }
};

struct LeakyIntegrator {
  static constexpr int STATES = 2, REGISTERS = 3, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, -1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const auto t0 = decay(old_u, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = wrap(t1, wrapped);
    const auto t3 = decay(old_v, registers[1]);
    const auto t4 = add(t3, t2);
    const auto t5 = add(t4, registers[2]);
    const auto t6 = clip(t5, saturated);
    const auto t7 = subtract(t6, t6);
    state[0] = t2;
    state[1] = t6;
    return t7;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[2];
  }
};

struct LeakyIntegratorForgetting {
  static constexpr int STATES = 1, REGISTERS = 2, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[1]);
    const auto t3 = clip(t2, saturated);
    const auto t4 = subtract(t3, t3);
    state[0] = t3;
    return t4;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[1];
  }
};

struct LeakyIntegratorBounded {
  static constexpr int STATES = 1, REGISTERS = 2, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[1]);
    const auto t3 = subtract(t2, t2);
    state[0] = t2;
    return t3;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[1];
  }
};

struct Sigma {
  static constexpr int STATES = 1, REGISTERS = 0, INPUT_SHIFT = 0;
  static constexpr int STATE[] = {0, -1}, REGISTER[] = {-1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_sigma = state[0];
    const auto t0 = add(old_sigma, x);
    const auto t1 = wrap32(t0, wrapped);
    state[0] = t1;
    return t1;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return As<T>::number(0);
  }
};

struct SigmaDelta {
  static constexpr int STATES = 3, REGISTERS = 4, INPUT_SHIFT = 0;
  static constexpr int STATE[] = {0, 1, 2, -1}, REGISTER[] = {0, 1, 2, 3, -1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_sigma = state[0];
    const T old_act = state[1];
    const T old_residue = state[2];
    const auto t0 = add(old_sigma, x);
    const auto t1 = wrap32(t0, wrapped);
    const auto t2 = add(t1, registers[1]);
    const auto t3 = wrap32(t2, wrapped);
    const auto t4 = above(t3, As<T>::number(0));
    const auto t5 = pick(registers[3], As<T>::number(0), t3);
    const auto t6 = pick(t4, t3, t5);
    const auto t7 = subtract(t6, old_act);
    const auto t8 = add(t7, old_residue);
    const auto t9 = wrap32(t8, wrapped);
    const auto t10 = magnitude(t9);
    const auto t11 = above(registers[0], t10);
    const auto t12 = reset(t9, t11);
    const auto t13 = shift_right(t12, registers[2]);
    const auto t14 = pick(t11, t9, As<T>::number(0));
    state[0] = t1;
    state[1] = t6;
    state[2] = t14;
    return t13;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(all_of(state[0], state[1]), state[2]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[1];
  }
};

struct Ternary {
  static constexpr int STATES = 2, REGISTERS = 5, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, 3, 4, -1};
  static constexpr bool SPIKES = false, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const auto t0 = decay(old_u, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = wrap(t1, wrapped);
    const auto t3 = decay(old_v, registers[1]);
    const auto t4 = add(t3, t2);
    const auto t5 = add(t4, registers[4]);
    const auto t6 = clip(t5, saturated);
    const auto t7 = fire(t6, registers[2]);
    const auto t8 = negate(t6);
    const auto t9 = negate(registers[3]);
    const auto t10 = fire(t8, t9);
    const auto t11 = subtract(t7, t10);
    const auto t12 = add(t7, t10);
    const auto t13 = reset(t6, t12);
    state[0] = t2;
    state[1] = t13;
    return t11;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[4];
  }
};

struct TernaryForgetting {
  static constexpr int STATES = 1, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[3]);
    const auto t3 = clip(t2, saturated);
    const auto t4 = fire(t3, registers[1]);
    const auto t5 = negate(t3);
    const auto t6 = negate(registers[2]);
    const auto t7 = fire(t5, t6);
    const auto t8 = subtract(t4, t7);
    const auto t9 = add(t4, t7);
    const auto t10 = reset(t3, t9);
    state[0] = t10;
    return t8;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

struct TernaryBounded {
  static constexpr int STATES = 1, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[3]);
    const auto t3 = fire(t2, registers[1]);
    const auto t4 = negate(t2);
    const auto t5 = negate(registers[2]);
    const auto t6 = fire(t4, t5);
    const auto t7 = subtract(t3, t6);
    const auto t8 = add(t3, t6);
    const auto t9 = reset(t2, t8);
    state[0] = t9;
    return t7;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

#define SPIKEPORT_NEURONS(NEURON) \
    NEURON("Cuba", Cuba, CubaForgetting, CubaBounded) \
    NEURON("CubaRefractory", CubaRefractory, CubaRefractoryForgetting, CubaRefractoryBounded) \
    NEURON("CubaSubtract", CubaSubtract, CubaSubtractForgetting, CubaSubtractBounded) \
    NEURON("Delta", Delta, Delta, Delta) \
    NEURON("Gate", Gate, Gate, Gate) \
    NEURON("GradedRelay", GradedRelay, GradedRelay, GradedRelay) \
    NEURON("LeakyIntegrator", LeakyIntegrator, LeakyIntegratorForgetting, LeakyIntegratorBounded) \
    NEURON("Sigma", Sigma, Sigma, Sigma) \
    NEURON("SigmaDelta", SigmaDelta, SigmaDelta, SigmaDelta) \
    NEURON("Ternary", Ternary, TernaryForgetting, TernaryBounded)

}  // namespace
