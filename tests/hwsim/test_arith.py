import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arith import (
    CURRENT,
    STATE_LIMIT,
    VOLTAGE,
    WORD,
    Integer,
    SignMode,
    bias_fits,
    bias_registers,
    round_bias,
    scale_sum,
    threshold_mantissa,
    truncate_weights,
    wrap24,
)

states = st.integers(-STATE_LIMIT, STATE_LIMIT).map(np.int64)
wide = st.integers(-(2**40), 2**40).map(np.int64)
decays = st.integers(0, 4096)


@given(x=states, d=decays)
def test_decay_shrinks_toward_zero_and_is_odd(x, d):
    y = Integer().decay(x, d)
    assert abs(y) <= abs(x)
    assert Integer().decay(-x, d) == -y


@given(x=states, d=decays)
def test_decay_equals_exact_rational_truncated(x, d):
    assert Integer().decay(x, d) == int(int(x) * (4096 - d) / 4096)


@given(x=wide)
def test_wrap_keeps_what_fits_and_is_congruent_mod_2_24(x):
    y = int(Integer().wrap(x))
    assert (y - int(x)) % 2**24 == 0
    if -STATE_LIMIT < x <= STATE_LIMIT:
        assert y == x


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (STATE_LIMIT, STATE_LIMIT),
        (-STATE_LIMIT, STATE_LIMIT),
        (STATE_LIMIT + 1, 1 - STATE_LIMIT),
        (3 * STATE_LIMIT + 5, STATE_LIMIT + 5),
        (2**32 + 7, 7),
        (2**31, -(2**31) + 2 * STATE_LIMIT),
    ],
)
def test_wrap_folds_once_with_the_interval_of_lava(x, expected):
    assert int(Integer().wrap(np.int64(x))) == expected


@given(x=wide)
def test_clip_never_leaves_the_register(x):
    assert abs(int(Integer().clip(x))) < STATE_LIMIT


def test_clip_wraps_to_int32_before_it_saturates():
    assert int(Integer().clip(np.int64(2**31))) == 1 - STATE_LIMIT


def test_fire_is_strict():
    v = np.array([639, 640, 641])
    assert Integer().fire(v, 640).tolist() == [0, 0, 1]


def test_scale_sum_floors_negative_sums():
    assert scale_sum(np.array([-3, 3]), -1).tolist() == [-2, 1]
    assert scale_sum(np.array([-3]), 2).tolist() == [-12]


@given(x=wide)
def test_wrap24_is_twos_complement(x):
    y = int(wrap24(np.array([x]))[0])
    assert -STATE_LIMIT <= y < STATE_LIMIT
    assert (y - int(x)) % 2**24 == 0


def test_mixed_signs_make_odd_weights_even():
    assert truncate_weights(np.array([3, -1, 255, -256, 300])).tolist() == [2, -2, 254, -256, 254]
    assert truncate_weights(np.array([3, 255, 300])).tolist() == [3, 255, 255]
    assert truncate_weights(np.array([-3, -255, -300])).tolist() == [-3, -255, -255]


def test_sign_mode_of_zeros_is_excitatory():
    assert SignMode.of(np.zeros(3)) is SignMode.EXCITATORY


@given(mantissa=st.integers(-4096, 4095), exponent=st.integers(0, 7))
def test_bias_registers_restore_every_bias_they_can_hold(mantissa, exponent):
    bias = np.array([mantissa * 2**exponent])
    m, e = bias_registers(bias, 4095, 7)
    assert (m * 2**e == bias).all()
    assert -4096 <= m[0] <= 4095
    assert 0 <= e[0] <= 7


@given(bias=st.floats(-500_000, 500_000))
def test_round_bias_is_within_half_a_step(bias):
    rounded = round_bias(np.array([bias]), 4095, 7)[0]
    assert abs(rounded - bias) <= max(0.5, abs(bias) / 4000)
    m, e = bias_registers(np.array([rounded]), 4095, 7)
    assert m[0] * 2 ** e[0] == rounded


@pytest.mark.parametrize(
    ("bits", "signs", "expected"),
    [
        (9, "excitatory", [0, 1, 3, 255]),
        (8, "excitatory", [0, 1, 3, 255]),
        (7, "excitatory", [0, 0, 2, 254]),
        (1, "excitatory", [0, 0, 0, 128]),
        (9, "mixed", [0, 1, 3, 255]),
        (8, "mixed", [0, 0, 2, 254]),
        (7, "mixed", [0, 0, 0, 252]),
        (8, "inhibitory", [0, 0, 0, 0]),
    ],
)
def test_fewer_bits_floor_weights_and_a_sign_takes_one_of_them(bits, signs, expected):
    weight = np.array([0, 1, 3, 255])
    assert truncate_weights(weight, bits, SignMode[signs.upper()]).tolist() == expected
    if signs == "excitatory":
        mirrored = truncate_weights(-weight, bits).tolist()
        assert mirrored == [-value for value in expected]


def test_reals_lose_their_fraction_before_their_last_bit():
    assert truncate_weights(np.array([-2.9, 3.9])).tolist() == [-2, 2]
    assert truncate_weights(np.array([0.9, 3.9])).tolist() == [0, 3]


@pytest.mark.parametrize(
    ("weight", "mode"),
    [
        ([], SignMode.EXCITATORY),
        ([0, 1], SignMode.EXCITATORY),
        ([-1, 0], SignMode.INHIBITORY),
        ([-1, 1], SignMode.MIXED),
    ],
)
def test_the_signs_of_a_matrix_decide_its_mode_and_zero_has_none(weight, mode):
    assert SignMode.of(np.array(weight, int)) is mode


def test_a_bias_fits_up_to_both_ends_of_its_mantissa_at_every_exponent():
    bias = np.array([7, 8, 9, -8, -9, -10, 14, 28, 30, 31, 32, -32, -33, -34])
    fits = [True, True, False, True, False, True, True, True, False, False, False, True, False,
            False]  # fmt: skip
    assert bias_fits(bias, 7, 2).tolist() == fits
    assert bias_registers(np.array([7, 8, 28, 1000]), 7, 2)[1].tolist() == [0, 1, 2, 2]


def test_a_real_bias_beyond_the_registers_is_rounded_to_their_ends():
    assert round_bias(np.array([1e6, -1e6]), 7, 2).tolist() == [28, -32]


def test_numbers_of_32_bits_wrap_where_they_are_sent_shifted_or_negated():
    chip, low = Integer(), np.array([-(2**31)])
    assert chip.magnitude(low).tolist() == [-(2**31)]
    assert chip.magnitude(low + 1).tolist() == [2**31 - 1]
    assert chip.shift_left(np.array([2**30, -(2**30)]), 1).tolist() == [-(2**31), -(2**31)]
    assert chip.shift_right(np.array([-3, 3]), 1).tolist() == [-2, 1]
    assert threshold_mantissa(np.array([127, 128])).tolist() == [1, 2]


def test_registers_end_where_lava_has_them():
    assert truncate_weights(np.array([-300, 300]), 9).tolist() == [-256, 255]
    assert (WORD, VOLTAGE) == ((-(2**31), 2**31 - 1), (-(2**23) + 1, 2**23 - 1))
    assert CURRENT == (-(2**23) + 1, 2**23)


def test_conditions_are_0_and_1_and_choose_between_values():
    chip, condition = Integer(), np.array([0, 1, 0])
    v, other = np.array([-5, 7, 9]), np.array([1, 7, 3])
    assert chip.above(v, other).tolist() == [0, 0, 1]
    assert chip.reset(v, condition).tolist() == [-5, 0, 9]
    assert chip.pick(condition, v, other + 1).tolist() == [2, 7, 4]
    assert chip.pick(1 - condition, v, other + 1).tolist() == [-5, 8, 9]
