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

struct CubaLateReset {
  static constexpr int STATES = 2, REGISTERS = 5, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = false;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_u = state[0];
    const T old_v = state[1];
    const auto t0 = fire(old_v, registers[2]);
    const auto t1 = pick(t0, registers[3], As<T>::number(0));
    const auto t2 = decay(old_u, registers[0]);
    const auto t3 = add(t2, x);
    const auto t4 = wrap(t3, wrapped);
    const auto t5 = decay(old_v, registers[1]);
    const auto t6 = add(t5, t4);
    const auto t7 = add(t6, registers[4]);
    const auto t8 = subtract(t7, t1);
    const auto t9 = clip(t8, saturated);
    const auto t10 = fire(t9, registers[2]);
    state[0] = t4;
    state[1] = t9;
    return t10;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[4];
  }
};

struct CubaLateResetForgetting {
  static constexpr int STATES = 1, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = fire(old_v, registers[1]);
    const auto t1 = pick(t0, registers[2], As<T>::number(0));
    const auto t2 = decay(old_v, registers[0]);
    const auto t3 = add(t2, x);
    const auto t4 = add(t3, registers[3]);
    const auto t5 = subtract(t4, t1);
    const auto t6 = clip(t5, saturated);
    const auto t7 = fire(t6, registers[1]);
    state[0] = t6;
    return t7;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
  }
};

struct CubaLateResetBounded {
  static constexpr int STATES = 1, REGISTERS = 4, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, -1};
  static constexpr bool SPIKES = true, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = fire(old_v, registers[1]);
    const auto t1 = pick(t0, registers[2], As<T>::number(0));
    const auto t2 = decay(old_v, registers[0]);
    const auto t3 = add(t2, x);
    const auto t4 = add(t3, registers[3]);
    const auto t5 = subtract(t4, t1);
    const auto t6 = fire(t5, registers[1]);
    state[0] = t5;
    return t6;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[3];
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

struct MultiSpike {
  static constexpr int STATES = 2, REGISTERS = 7, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {0, 1, -1}, REGISTER[] = {0, 1, 2, 3, 4, 5, 6, -1};
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
    const auto t5 = add(t4, registers[6]);
    const auto t6 = clip(t5, saturated);
    const auto t7 = negate(t6);
    const auto t8 = negate(registers[2]);
    const auto t9 = fire(t7, t8);
    const auto t10 = subtract(As<T>::number(1), t9);
    const auto t11 = subtract(t6, t6);
    const auto t12 = subtract(t6, t6);
    const auto t13 = add(registers[2], registers[2]);
    const auto t14 = add(registers[3], registers[3]);
    const auto t15 = add(t13, t13);
    const auto t16 = add(t14, t14);
    const auto t17 = add(t15, t15);
    const auto t18 = add(t16, t16);
    const auto t19 = add(t17, t17);
    const auto t20 = add(t18, t18);
    const auto t21 = add(t19, t19);
    const auto t22 = add(t20, t20);
    const auto t23 = add(t21, t21);
    const auto t24 = add(t22, t22);
    const auto t25 = add(t23, t23);
    const auto t26 = add(t24, t24);
    const auto t27 = above(t25, t6);
    const auto t28 = add(t11, As<T>::number(128));
    const auto t29 = above(t28, registers[5]);
    const auto t30 = subtract(As<T>::number(1), t29);
    const auto t31 = pick(t27, As<T>::number(0), t30);
    const auto t32 = pick(t31, As<T>::number(128), As<T>::number(0));
    const auto t33 = add(t11, t32);
    const auto t34 = pick(t31, t26, As<T>::number(0));
    const auto t35 = add(t12, t34);
    const auto t36 = pick(t31, t25, As<T>::number(0));
    const auto t37 = subtract(t6, t36);
    const auto t38 = above(t23, t37);
    const auto t39 = add(t33, As<T>::number(64));
    const auto t40 = above(t39, registers[5]);
    const auto t41 = subtract(As<T>::number(1), t40);
    const auto t42 = pick(t38, As<T>::number(0), t41);
    const auto t43 = pick(t42, As<T>::number(64), As<T>::number(0));
    const auto t44 = add(t33, t43);
    const auto t45 = pick(t42, t24, As<T>::number(0));
    const auto t46 = add(t35, t45);
    const auto t47 = pick(t42, t23, As<T>::number(0));
    const auto t48 = subtract(t37, t47);
    const auto t49 = above(t21, t48);
    const auto t50 = add(t44, As<T>::number(32));
    const auto t51 = above(t50, registers[5]);
    const auto t52 = subtract(As<T>::number(1), t51);
    const auto t53 = pick(t49, As<T>::number(0), t52);
    const auto t54 = pick(t53, As<T>::number(32), As<T>::number(0));
    const auto t55 = add(t44, t54);
    const auto t56 = pick(t53, t22, As<T>::number(0));
    const auto t57 = add(t46, t56);
    const auto t58 = pick(t53, t21, As<T>::number(0));
    const auto t59 = subtract(t48, t58);
    const auto t60 = above(t19, t59);
    const auto t61 = add(t55, As<T>::number(16));
    const auto t62 = above(t61, registers[5]);
    const auto t63 = subtract(As<T>::number(1), t62);
    const auto t64 = pick(t60, As<T>::number(0), t63);
    const auto t65 = pick(t64, As<T>::number(16), As<T>::number(0));
    const auto t66 = add(t55, t65);
    const auto t67 = pick(t64, t20, As<T>::number(0));
    const auto t68 = add(t57, t67);
    const auto t69 = pick(t64, t19, As<T>::number(0));
    const auto t70 = subtract(t59, t69);
    const auto t71 = above(t17, t70);
    const auto t72 = add(t66, As<T>::number(8));
    const auto t73 = above(t72, registers[5]);
    const auto t74 = subtract(As<T>::number(1), t73);
    const auto t75 = pick(t71, As<T>::number(0), t74);
    const auto t76 = pick(t75, As<T>::number(8), As<T>::number(0));
    const auto t77 = add(t66, t76);
    const auto t78 = pick(t75, t18, As<T>::number(0));
    const auto t79 = add(t68, t78);
    const auto t80 = pick(t75, t17, As<T>::number(0));
    const auto t81 = subtract(t70, t80);
    const auto t82 = above(t15, t81);
    const auto t83 = add(t77, As<T>::number(4));
    const auto t84 = above(t83, registers[5]);
    const auto t85 = subtract(As<T>::number(1), t84);
    const auto t86 = pick(t82, As<T>::number(0), t85);
    const auto t87 = pick(t86, As<T>::number(4), As<T>::number(0));
    const auto t88 = add(t77, t87);
    const auto t89 = pick(t86, t16, As<T>::number(0));
    const auto t90 = add(t79, t89);
    const auto t91 = pick(t86, t15, As<T>::number(0));
    const auto t92 = subtract(t81, t91);
    const auto t93 = above(t13, t92);
    const auto t94 = add(t88, As<T>::number(2));
    const auto t95 = above(t94, registers[5]);
    const auto t96 = subtract(As<T>::number(1), t95);
    const auto t97 = pick(t93, As<T>::number(0), t96);
    const auto t98 = pick(t97, As<T>::number(2), As<T>::number(0));
    const auto t99 = add(t88, t98);
    const auto t100 = pick(t97, t14, As<T>::number(0));
    const auto t101 = add(t90, t100);
    const auto t102 = pick(t97, t13, As<T>::number(0));
    const auto t103 = subtract(t92, t102);
    const auto t104 = above(registers[2], t103);
    const auto t105 = add(t99, As<T>::number(1));
    const auto t106 = above(t105, registers[5]);
    const auto t107 = subtract(As<T>::number(1), t106);
    const auto t108 = pick(t104, As<T>::number(0), t107);
    const auto t109 = pick(t108, As<T>::number(1), As<T>::number(0));
    const auto t110 = add(t99, t109);
    const auto t111 = pick(t108, registers[3], As<T>::number(0));
    const auto t112 = add(t101, t111);
    const auto t113 = subtract(t6, t112);
    const auto t114 = above(t110, As<T>::number(0));
    const auto t115 = subtract(t110, t114);
    const auto t116 = add(t10, t115);
    const auto t117 = above(t113, registers[4]);
    const auto t118 = pick(t117, t113, registers[4]);
    state[0] = t2;
    state[1] = t118;
    return t116;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return all_of(state[0], state[1]); }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[6];
  }
};

struct MultiSpikeForgetting {
  static constexpr int STATES = 1, REGISTERS = 6, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, 5, 6, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[5]);
    const auto t3 = clip(t2, saturated);
    const auto t4 = negate(t3);
    const auto t5 = negate(registers[1]);
    const auto t6 = fire(t4, t5);
    const auto t7 = subtract(As<T>::number(1), t6);
    const auto t8 = subtract(t3, t3);
    const auto t9 = subtract(t3, t3);
    const auto t10 = add(registers[1], registers[1]);
    const auto t11 = add(registers[2], registers[2]);
    const auto t12 = add(t10, t10);
    const auto t13 = add(t11, t11);
    const auto t14 = add(t12, t12);
    const auto t15 = add(t13, t13);
    const auto t16 = add(t14, t14);
    const auto t17 = add(t15, t15);
    const auto t18 = add(t16, t16);
    const auto t19 = add(t17, t17);
    const auto t20 = add(t18, t18);
    const auto t21 = add(t19, t19);
    const auto t22 = add(t20, t20);
    const auto t23 = add(t21, t21);
    const auto t24 = above(t22, t3);
    const auto t25 = add(t8, As<T>::number(128));
    const auto t26 = above(t25, registers[4]);
    const auto t27 = subtract(As<T>::number(1), t26);
    const auto t28 = pick(t24, As<T>::number(0), t27);
    const auto t29 = pick(t28, As<T>::number(128), As<T>::number(0));
    const auto t30 = add(t8, t29);
    const auto t31 = pick(t28, t23, As<T>::number(0));
    const auto t32 = add(t9, t31);
    const auto t33 = pick(t28, t22, As<T>::number(0));
    const auto t34 = subtract(t3, t33);
    const auto t35 = above(t20, t34);
    const auto t36 = add(t30, As<T>::number(64));
    const auto t37 = above(t36, registers[4]);
    const auto t38 = subtract(As<T>::number(1), t37);
    const auto t39 = pick(t35, As<T>::number(0), t38);
    const auto t40 = pick(t39, As<T>::number(64), As<T>::number(0));
    const auto t41 = add(t30, t40);
    const auto t42 = pick(t39, t21, As<T>::number(0));
    const auto t43 = add(t32, t42);
    const auto t44 = pick(t39, t20, As<T>::number(0));
    const auto t45 = subtract(t34, t44);
    const auto t46 = above(t18, t45);
    const auto t47 = add(t41, As<T>::number(32));
    const auto t48 = above(t47, registers[4]);
    const auto t49 = subtract(As<T>::number(1), t48);
    const auto t50 = pick(t46, As<T>::number(0), t49);
    const auto t51 = pick(t50, As<T>::number(32), As<T>::number(0));
    const auto t52 = add(t41, t51);
    const auto t53 = pick(t50, t19, As<T>::number(0));
    const auto t54 = add(t43, t53);
    const auto t55 = pick(t50, t18, As<T>::number(0));
    const auto t56 = subtract(t45, t55);
    const auto t57 = above(t16, t56);
    const auto t58 = add(t52, As<T>::number(16));
    const auto t59 = above(t58, registers[4]);
    const auto t60 = subtract(As<T>::number(1), t59);
    const auto t61 = pick(t57, As<T>::number(0), t60);
    const auto t62 = pick(t61, As<T>::number(16), As<T>::number(0));
    const auto t63 = add(t52, t62);
    const auto t64 = pick(t61, t17, As<T>::number(0));
    const auto t65 = add(t54, t64);
    const auto t66 = pick(t61, t16, As<T>::number(0));
    const auto t67 = subtract(t56, t66);
    const auto t68 = above(t14, t67);
    const auto t69 = add(t63, As<T>::number(8));
    const auto t70 = above(t69, registers[4]);
    const auto t71 = subtract(As<T>::number(1), t70);
    const auto t72 = pick(t68, As<T>::number(0), t71);
    const auto t73 = pick(t72, As<T>::number(8), As<T>::number(0));
    const auto t74 = add(t63, t73);
    const auto t75 = pick(t72, t15, As<T>::number(0));
    const auto t76 = add(t65, t75);
    const auto t77 = pick(t72, t14, As<T>::number(0));
    const auto t78 = subtract(t67, t77);
    const auto t79 = above(t12, t78);
    const auto t80 = add(t74, As<T>::number(4));
    const auto t81 = above(t80, registers[4]);
    const auto t82 = subtract(As<T>::number(1), t81);
    const auto t83 = pick(t79, As<T>::number(0), t82);
    const auto t84 = pick(t83, As<T>::number(4), As<T>::number(0));
    const auto t85 = add(t74, t84);
    const auto t86 = pick(t83, t13, As<T>::number(0));
    const auto t87 = add(t76, t86);
    const auto t88 = pick(t83, t12, As<T>::number(0));
    const auto t89 = subtract(t78, t88);
    const auto t90 = above(t10, t89);
    const auto t91 = add(t85, As<T>::number(2));
    const auto t92 = above(t91, registers[4]);
    const auto t93 = subtract(As<T>::number(1), t92);
    const auto t94 = pick(t90, As<T>::number(0), t93);
    const auto t95 = pick(t94, As<T>::number(2), As<T>::number(0));
    const auto t96 = add(t85, t95);
    const auto t97 = pick(t94, t11, As<T>::number(0));
    const auto t98 = add(t87, t97);
    const auto t99 = pick(t94, t10, As<T>::number(0));
    const auto t100 = subtract(t89, t99);
    const auto t101 = above(registers[1], t100);
    const auto t102 = add(t96, As<T>::number(1));
    const auto t103 = above(t102, registers[4]);
    const auto t104 = subtract(As<T>::number(1), t103);
    const auto t105 = pick(t101, As<T>::number(0), t104);
    const auto t106 = pick(t105, As<T>::number(1), As<T>::number(0));
    const auto t107 = add(t96, t106);
    const auto t108 = pick(t105, registers[2], As<T>::number(0));
    const auto t109 = add(t98, t108);
    const auto t110 = subtract(t3, t109);
    const auto t111 = above(t107, As<T>::number(0));
    const auto t112 = subtract(t107, t111);
    const auto t113 = add(t7, t112);
    const auto t114 = above(t110, registers[3]);
    const auto t115 = pick(t114, t110, registers[3]);
    state[0] = t115;
    return t113;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[5];
  }
};

struct MultiSpikeBounded {
  static constexpr int STATES = 1, REGISTERS = 6, INPUT_SHIFT = 6;
  static constexpr int STATE[] = {1, -1}, REGISTER[] = {1, 2, 3, 4, 5, 6, -1};
  static constexpr bool SPIKES = false, FORGETS = true;
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {
    const T old_v = state[0];
    const auto t0 = decay(old_v, registers[0]);
    const auto t1 = add(t0, x);
    const auto t2 = add(t1, registers[5]);
    const auto t3 = negate(t2);
    const auto t4 = negate(registers[1]);
    const auto t5 = fire(t3, t4);
    const auto t6 = subtract(As<T>::number(1), t5);
    const auto t7 = subtract(t2, t2);
    const auto t8 = subtract(t2, t2);
    const auto t9 = add(registers[1], registers[1]);
    const auto t10 = add(registers[2], registers[2]);
    const auto t11 = add(t9, t9);
    const auto t12 = add(t10, t10);
    const auto t13 = add(t11, t11);
    const auto t14 = add(t12, t12);
    const auto t15 = add(t13, t13);
    const auto t16 = add(t14, t14);
    const auto t17 = add(t15, t15);
    const auto t18 = add(t16, t16);
    const auto t19 = add(t17, t17);
    const auto t20 = add(t18, t18);
    const auto t21 = add(t19, t19);
    const auto t22 = add(t20, t20);
    const auto t23 = above(t21, t2);
    const auto t24 = add(t7, As<T>::number(128));
    const auto t25 = above(t24, registers[4]);
    const auto t26 = subtract(As<T>::number(1), t25);
    const auto t27 = pick(t23, As<T>::number(0), t26);
    const auto t28 = pick(t27, As<T>::number(128), As<T>::number(0));
    const auto t29 = add(t7, t28);
    const auto t30 = pick(t27, t22, As<T>::number(0));
    const auto t31 = add(t8, t30);
    const auto t32 = pick(t27, t21, As<T>::number(0));
    const auto t33 = subtract(t2, t32);
    const auto t34 = above(t19, t33);
    const auto t35 = add(t29, As<T>::number(64));
    const auto t36 = above(t35, registers[4]);
    const auto t37 = subtract(As<T>::number(1), t36);
    const auto t38 = pick(t34, As<T>::number(0), t37);
    const auto t39 = pick(t38, As<T>::number(64), As<T>::number(0));
    const auto t40 = add(t29, t39);
    const auto t41 = pick(t38, t20, As<T>::number(0));
    const auto t42 = add(t31, t41);
    const auto t43 = pick(t38, t19, As<T>::number(0));
    const auto t44 = subtract(t33, t43);
    const auto t45 = above(t17, t44);
    const auto t46 = add(t40, As<T>::number(32));
    const auto t47 = above(t46, registers[4]);
    const auto t48 = subtract(As<T>::number(1), t47);
    const auto t49 = pick(t45, As<T>::number(0), t48);
    const auto t50 = pick(t49, As<T>::number(32), As<T>::number(0));
    const auto t51 = add(t40, t50);
    const auto t52 = pick(t49, t18, As<T>::number(0));
    const auto t53 = add(t42, t52);
    const auto t54 = pick(t49, t17, As<T>::number(0));
    const auto t55 = subtract(t44, t54);
    const auto t56 = above(t15, t55);
    const auto t57 = add(t51, As<T>::number(16));
    const auto t58 = above(t57, registers[4]);
    const auto t59 = subtract(As<T>::number(1), t58);
    const auto t60 = pick(t56, As<T>::number(0), t59);
    const auto t61 = pick(t60, As<T>::number(16), As<T>::number(0));
    const auto t62 = add(t51, t61);
    const auto t63 = pick(t60, t16, As<T>::number(0));
    const auto t64 = add(t53, t63);
    const auto t65 = pick(t60, t15, As<T>::number(0));
    const auto t66 = subtract(t55, t65);
    const auto t67 = above(t13, t66);
    const auto t68 = add(t62, As<T>::number(8));
    const auto t69 = above(t68, registers[4]);
    const auto t70 = subtract(As<T>::number(1), t69);
    const auto t71 = pick(t67, As<T>::number(0), t70);
    const auto t72 = pick(t71, As<T>::number(8), As<T>::number(0));
    const auto t73 = add(t62, t72);
    const auto t74 = pick(t71, t14, As<T>::number(0));
    const auto t75 = add(t64, t74);
    const auto t76 = pick(t71, t13, As<T>::number(0));
    const auto t77 = subtract(t66, t76);
    const auto t78 = above(t11, t77);
    const auto t79 = add(t73, As<T>::number(4));
    const auto t80 = above(t79, registers[4]);
    const auto t81 = subtract(As<T>::number(1), t80);
    const auto t82 = pick(t78, As<T>::number(0), t81);
    const auto t83 = pick(t82, As<T>::number(4), As<T>::number(0));
    const auto t84 = add(t73, t83);
    const auto t85 = pick(t82, t12, As<T>::number(0));
    const auto t86 = add(t75, t85);
    const auto t87 = pick(t82, t11, As<T>::number(0));
    const auto t88 = subtract(t77, t87);
    const auto t89 = above(t9, t88);
    const auto t90 = add(t84, As<T>::number(2));
    const auto t91 = above(t90, registers[4]);
    const auto t92 = subtract(As<T>::number(1), t91);
    const auto t93 = pick(t89, As<T>::number(0), t92);
    const auto t94 = pick(t93, As<T>::number(2), As<T>::number(0));
    const auto t95 = add(t84, t94);
    const auto t96 = pick(t93, t10, As<T>::number(0));
    const auto t97 = add(t86, t96);
    const auto t98 = pick(t93, t9, As<T>::number(0));
    const auto t99 = subtract(t88, t98);
    const auto t100 = above(registers[1], t99);
    const auto t101 = add(t95, As<T>::number(1));
    const auto t102 = above(t101, registers[4]);
    const auto t103 = subtract(As<T>::number(1), t102);
    const auto t104 = pick(t100, As<T>::number(0), t103);
    const auto t105 = pick(t104, As<T>::number(1), As<T>::number(0));
    const auto t106 = add(t95, t105);
    const auto t107 = pick(t104, registers[2], As<T>::number(0));
    const auto t108 = add(t97, t107);
    const auto t109 = subtract(t2, t108);
    const auto t110 = above(t106, As<T>::number(0));
    const auto t111 = subtract(t106, t110);
    const auto t112 = add(t6, t111);
    const auto t113 = above(t109, registers[3]);
    const auto t114 = pick(t113, t109, registers[3]);
    state[0] = t114;
    return t112;
  }
  template <class T> static inline T memory([[maybe_unused]] const T* state) { return state[0]; }
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {
    return registers[5];
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
    NEURON("CubaLateReset", CubaLateReset, CubaLateResetForgetting, CubaLateResetBounded) \
    NEURON("CubaRefractory", CubaRefractory, CubaRefractoryForgetting, CubaRefractoryBounded) \
    NEURON("CubaSubtract", CubaSubtract, CubaSubtractForgetting, CubaSubtractBounded) \
    NEURON("Delta", Delta, Delta, Delta) \
    NEURON("Gate", Gate, Gate, Gate) \
    NEURON("GradedRelay", GradedRelay, GradedRelay, GradedRelay) \
    NEURON("LeakyIntegrator", LeakyIntegrator, LeakyIntegratorForgetting, LeakyIntegratorBounded) \
    NEURON("MultiSpike", MultiSpike, MultiSpikeForgetting, MultiSpikeBounded) \
    NEURON("Sigma", Sigma, Sigma, Sigma) \
    NEURON("SigmaDelta", SigmaDelta, SigmaDelta, SigmaDelta) \
    NEURON("Ternary", Ternary, TernaryForgetting, TernaryBounded)

}  // namespace
