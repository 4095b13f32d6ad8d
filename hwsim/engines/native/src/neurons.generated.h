// The steps of hwsim.neurons.NEURONS over arith.h, written by hwsim/engines/native/generate.py.
// Do not edit: change the neuron, then `make generate`.
#pragma once

namespace {

template <class T, bool Single> void step_Cuba(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_u = step.state[0];
  int32_t* __restrict s_v = step.state[1];
  const Register<T, Single> r_decay_u(step.registers[0]);
  const Register<T, Single> r_decay_v(step.registers[1]);
  const Register<T, Single> r_threshold(step.registers[2]);
  const Register<T, Single> r_bias(step.registers[3]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T old_u = T(s_u[i]);
    const T old_v = T(s_v[i]);
    const T t0 = decay(old_u, r_decay_u[i]);
    const T t1 = add(t0, x);
    const T t2 = wrap(t1, wrapped);
    const T t3 = decay(old_v, r_decay_v[i]);
    const T t4 = add(t3, t2);
    const T t5 = add(t4, r_bias[i]);
    const T t6 = clip(t5, saturated);
    const T t7 = fire(t6, r_threshold[i]);
    const T t8 = reset(t6, t7);
    messages[i] = int32_t(t7);
    s_u[i] = int32_t(t2);
    s_v[i] = int32_t(t8);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_u | old_v | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_CubaRefractory(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_u = step.state[0];
  int32_t* __restrict s_v = step.state[1];
  int32_t* __restrict s_wait = step.state[2];
  const Register<T, Single> r_decay_u(step.registers[0]);
  const Register<T, Single> r_decay_v(step.registers[1]);
  const Register<T, Single> r_threshold(step.registers[2]);
  const Register<T, Single> r_bias(step.registers[3]);
  const Register<T, Single> r_period(step.registers[4]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T old_u = T(s_u[i]);
    const T old_v = T(s_v[i]);
    const T old_wait = T(s_wait[i]);
    const T t0 = above(old_wait, T(0));
    const T t1 = decay(old_u, r_decay_u[i]);
    const T t2 = add(t1, x);
    const T t3 = wrap(t2, wrapped);
    const T t4 = decay(old_v, r_decay_v[i]);
    const T t5 = add(t4, t3);
    const T t6 = add(t5, r_bias[i]);
    const T t7 = pick(t0, old_v, t6);
    const T t8 = clip(t7, saturated);
    const T t9 = fire(t8, r_threshold[i]);
    const T t10 = reset(t8, t9);
    const T t11 = subtract(old_wait, t0);
    const T t12 = pick(t9, r_period[i], t11);
    messages[i] = int32_t(t9);
    s_u[i] = int32_t(t3);
    s_v[i] = int32_t(t10);
    s_wait[i] = int32_t(t12);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_u | old_v | old_wait | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_CubaSubtract(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_u = step.state[0];
  int32_t* __restrict s_v = step.state[1];
  const Register<T, Single> r_decay_u(step.registers[0]);
  const Register<T, Single> r_decay_v(step.registers[1]);
  const Register<T, Single> r_threshold(step.registers[2]);
  const Register<T, Single> r_bias(step.registers[3]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T old_u = T(s_u[i]);
    const T old_v = T(s_v[i]);
    const T t0 = decay(old_u, r_decay_u[i]);
    const T t1 = add(t0, x);
    const T t2 = wrap(t1, wrapped);
    const T t3 = decay(old_v, r_decay_v[i]);
    const T t4 = add(t3, t2);
    const T t5 = add(t4, r_bias[i]);
    const T t6 = clip(t5, saturated);
    const T t7 = fire(t6, r_threshold[i]);
    const T t8 = subtract(t6, r_threshold[i]);
    const T t9 = pick(t7, t8, t6);
    messages[i] = int32_t(t7);
    s_u[i] = int32_t(t2);
    s_v[i] = int32_t(t9);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_u | old_v | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_Delta(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_act = step.state[0];
  int32_t* __restrict s_residue = step.state[1];
  const Register<T, Single> r_threshold(step.registers[0]);
  const Register<T, Single> r_spike_exp(step.registers[1]);
  const Register<T, Single> r_state_exp(step.registers[2]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 0);
    const T old_act = T(s_act[i]);
    const T old_residue = T(s_residue[i]);
    const T t0 = wrap32(x, wrapped);
    const T t1 = add(r_spike_exp[i], r_state_exp[i]);
    const T t2 = shift_left(t0, t1, wrapped);
    const T t3 = subtract(t2, old_act);
    const T t4 = add(t3, old_residue);
    const T t5 = wrap32(t4, wrapped);
    const T t6 = magnitude(t5);
    const T t7 = above(r_threshold[i], t6);
    const T t8 = reset(t5, t7);
    const T t9 = shift_right(t8, r_state_exp[i]);
    const T t10 = pick(t7, t5, T(0));
    messages[i] = int32_t(t9);
    s_act[i] = int32_t(t2);
    s_residue[i] = int32_t(t10);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_act | old_residue);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_Gate(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  const Register<T, Single> r_threshold(step.registers[0]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T t0 = wrap(x, wrapped);
    const T t1 = clip(t0, saturated);
    const T t2 = fire(t1, r_threshold[i]);
    messages[i] = int32_t(t2);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]));
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_GradedRelay(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  const Register<T, Single> r_threshold(step.registers[0]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 0);
    const T t0 = wrap32(x, wrapped);
    const T t1 = magnitude(t0);
    const T t2 = above(t1, r_threshold[i]);
    const T t3 = pick(t2, t0, T(0));
    messages[i] = int32_t(t3);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]));
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_LeakyIntegrator(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_u = step.state[0];
  int32_t* __restrict s_v = step.state[1];
  const Register<T, Single> r_decay_u(step.registers[0]);
  const Register<T, Single> r_decay_v(step.registers[1]);
  const Register<T, Single> r_bias(step.registers[2]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T old_u = T(s_u[i]);
    const T old_v = T(s_v[i]);
    const T t0 = decay(old_u, r_decay_u[i]);
    const T t1 = add(t0, x);
    const T t2 = wrap(t1, wrapped);
    const T t3 = decay(old_v, r_decay_v[i]);
    const T t4 = add(t3, t2);
    const T t5 = add(t4, r_bias[i]);
    const T t6 = clip(t5, saturated);
    const T t7 = subtract(t6, t6);
    messages[i] = int32_t(t7);
    s_u[i] = int32_t(t2);
    s_v[i] = int32_t(t6);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_u | old_v | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_Sigma(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_sigma = step.state[0];
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 0);
    const T old_sigma = T(s_sigma[i]);
    const T t0 = add(old_sigma, x);
    const T t1 = wrap32(t0, wrapped);
    messages[i] = int32_t(t1);
    s_sigma[i] = int32_t(t1);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_sigma);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_SigmaDelta(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_sigma = step.state[0];
  int32_t* __restrict s_act = step.state[1];
  int32_t* __restrict s_residue = step.state[2];
  const Register<T, Single> r_threshold(step.registers[0]);
  const Register<T, Single> r_bias(step.registers[1]);
  const Register<T, Single> r_state_exp(step.registers[2]);
  const Register<T, Single> r_rectify(step.registers[3]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 0);
    const T old_sigma = T(s_sigma[i]);
    const T old_act = T(s_act[i]);
    const T old_residue = T(s_residue[i]);
    const T t0 = add(old_sigma, x);
    const T t1 = wrap32(t0, wrapped);
    const T t2 = add(t1, r_bias[i]);
    const T t3 = wrap32(t2, wrapped);
    const T t4 = above(t3, T(0));
    const T t5 = pick(r_rectify[i], T(0), t3);
    const T t6 = pick(t4, t3, t5);
    const T t7 = subtract(t6, old_act);
    const T t8 = add(t7, old_residue);
    const T t9 = wrap32(t8, wrapped);
    const T t10 = magnitude(t9);
    const T t11 = above(r_threshold[i], t10);
    const T t12 = reset(t9, t11);
    const T t13 = shift_right(t12, r_state_exp[i]);
    const T t14 = pick(t11, t9, T(0));
    messages[i] = int32_t(t13);
    s_sigma[i] = int32_t(t1);
    s_act[i] = int32_t(t6);
    s_residue[i] = int32_t(t14);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_sigma | old_act | old_residue | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

template <class T, bool Single> void step_Ternary(spikeport::Step& step) {
  const int32_t* __restrict activation = step.activation;
  int32_t* __restrict messages = step.messages;
  int32_t* __restrict s_u = step.state[0];
  int32_t* __restrict s_v = step.state[1];
  const Register<T, Single> r_decay_u(step.registers[0]);
  const Register<T, Single> r_decay_v(step.registers[1]);
  const Register<T, Single> r_threshold(step.registers[2]);
  const Register<T, Single> r_threshold_low(step.registers[3]);
  const Register<T, Single> r_bias(step.registers[4]);
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {
    T wrapped = 0, saturated = 0;
    const T x = widen<T>(activation[i], 6);
    const T old_u = T(s_u[i]);
    const T old_v = T(s_v[i]);
    const T t0 = decay(old_u, r_decay_u[i]);
    const T t1 = add(t0, x);
    const T t2 = wrap(t1, wrapped);
    const T t3 = decay(old_v, r_decay_v[i]);
    const T t4 = add(t3, t2);
    const T t5 = add(t4, r_bias[i]);
    const T t6 = clip(t5, saturated);
    const T t7 = fire(t6, r_threshold[i]);
    const T t8 = negate(t6);
    const T t9 = negate(r_threshold_low[i]);
    const T t10 = fire(t8, t9);
    const T t11 = subtract(t7, t10);
    const T t12 = add(t7, t10);
    const T t13 = reset(t6, t12);
    messages[i] = int32_t(t11);
    s_u[i] = int32_t(t2);
    s_v[i] = int32_t(t13);
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit(T(activation[i]) | old_u | old_v | r_bias[i]);
  }
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}

const spikeport::NeuronKernel NEURONS[] = {
    {"Cuba", {{step_Cuba<int32_t, false>, step_Cuba<int32_t, true>},
      {step_Cuba<int64_t, false>, step_Cuba<int64_t, true>}}},
    {"CubaRefractory", {{step_CubaRefractory<int32_t, false>, step_CubaRefractory<int32_t, true>},
      {step_CubaRefractory<int64_t, false>, step_CubaRefractory<int64_t, true>}}},
    {"CubaSubtract", {{step_CubaSubtract<int32_t, false>, step_CubaSubtract<int32_t, true>},
      {step_CubaSubtract<int64_t, false>, step_CubaSubtract<int64_t, true>}}},
    {"Delta", {{step_Delta<int32_t, false>, step_Delta<int32_t, true>},
      {step_Delta<int64_t, false>, step_Delta<int64_t, true>}}},
    {"Gate", {{step_Gate<int32_t, false>, step_Gate<int32_t, true>},
      {step_Gate<int64_t, false>, step_Gate<int64_t, true>}}},
    {"GradedRelay", {{step_GradedRelay<int32_t, false>, step_GradedRelay<int32_t, true>},
      {step_GradedRelay<int64_t, false>, step_GradedRelay<int64_t, true>}}},
    {"LeakyIntegrator", {{step_LeakyIntegrator<int32_t, false>, step_LeakyIntegrator<int32_t, true>},
      {step_LeakyIntegrator<int64_t, false>, step_LeakyIntegrator<int64_t, true>}}},
    {"Sigma", {{step_Sigma<int32_t, false>, step_Sigma<int32_t, true>},
      {step_Sigma<int64_t, false>, step_Sigma<int64_t, true>}}},
    {"SigmaDelta", {{step_SigmaDelta<int32_t, false>, step_SigmaDelta<int32_t, true>},
      {step_SigmaDelta<int64_t, false>, step_SigmaDelta<int64_t, true>}}},
    {"Ternary", {{step_Ternary<int32_t, false>, step_Ternary<int32_t, true>},
      {step_Ternary<int64_t, false>, step_Ternary<int64_t, true>}}},
};

}  // namespace
