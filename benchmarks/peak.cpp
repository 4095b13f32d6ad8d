// Peak rates of one core, printed as JSON: rows of events added into sums, exact LIF updates.
//
//     g++ -O3 -march=native -std=c++17 peak.cpp -o peak && ./peak
//
// Everything lies in the first-level cache; each figure is the best of many short runs, in
// 1e9 synapses or neurons a second. Every loop's results are checked against plain C.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#ifdef __AVX512BW__
#include <immintrin.h>
#endif

namespace {

constexpr int kColumns = 64, kRows = 256, kEvents = 240, kNeurons = 256, kSteps = 16;
constexpr int kLeak = 410, kThreshold = 600 << 6, kLowest = -(1 << 23) + 1;

template <class Work>
double best_seconds(Work work) {
    double best = 1e9;
    for (int i = 0; i < 3000; i++) {
        auto start = std::chrono::steady_clock::now();
        work();
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::min(best, took.count());
    }
    return best;
}

// ---- sums[c] = sum of rows[events[i]][c]; rows hold even weights w as bytes

struct Adding {
    alignas(64) uint8_t rows[kRows * kColumns];
    int weights[kRows * kColumns];
    uint16_t events[kEvents];
    alignas(64) int32_t sums[kColumns];
};

// A function of its own: inlined, gcc 12 unrolls the loop instead of vectorizing it.
[[gnu::noinline]] void add_row(int16_t* __restrict sums, const uint8_t* __restrict row, int n) {
    for (int c = 0; c < n; c++) sums[c] += int8_t(row[c]);
}

void add_plain(Adding& a) {  // byte: w
    int16_t sums[kColumns] = {};
    for (uint16_t e : a.events) add_row(sums, a.rows + e * kColumns, kColumns);
    for (int c = 0; c < kColumns; c++) a.sums[c] = sums[c];
}

#ifdef __AVX512BW__

inline __m512i row(const Adding& a, int i) {
    return _mm512_load_si512(a.rows + a.events[i] * kColumns);
}

void add_widened(Adding& a) {  // byte: w; each half of a row widened to 16 bits
    __m512i low = _mm512_setzero_si512(), high = low;
    for (uint16_t e : a.events) {
        auto* at = reinterpret_cast<const __m256i*>(a.rows + e * kColumns);
        low = _mm512_add_epi16(low, _mm512_cvtepi8_epi16(at[0]));
        high = _mm512_add_epi16(high, _mm512_cvtepi8_epi16(at[1]));
    }
    alignas(64) int16_t sums[kColumns];
    _mm512_store_si512(sums, low);
    _mm512_store_si512(sums + 32, high);
    for (int c = 0; c < kColumns; c++) a.sums[c] = sums[c];
}

// Sums of byte pairs as words and of their high bytes; scale * (byte - offset) is the weight.
void write_pairs(Adding& a, const __m512i* words, const __m512i* high, int offset, int scale) {
    alignas(64) uint16_t both[32], odd[32];
    _mm512_store_si512(both, _mm512_add_epi16(words[0], words[1]));
    _mm512_store_si512(odd, _mm512_add_epi16(high[0], high[1]));
    for (int i = 0; i < 32; i++) {
        int16_t even = int16_t(both[i] - (odd[i] << 8) - offset * kEvents);
        a.sums[2 * i] = scale * even;
        a.sums[2 * i + 1] = scale * int16_t(odd[i] - offset * kEvents);
    }
}

void add_words(Adding& a) {  // byte: w + 128; two columns a 16-bit word, the high one also alone
    __m512i words[2] = {}, high[2] = {};
    for (int i = 0; i < kEvents; i += 2)
        for (int j = 0; j < 2; j++) {
            __m512i r = row(a, i + j);
            words[j] = _mm512_add_epi16(words[j], r);
            high[j] = _mm512_add_epi16(high[j], _mm512_srli_epi16(r, 8));
        }
    write_pairs(a, words, high, 128, 1);
}

void add_row_pairs(Adding& a) {  // byte: w / 2 + 64, below 128: two rows add up in bytes
    __m512i words[2] = {}, high[2] = {};
    for (int i = 0; i < kEvents; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512i r = _mm512_add_epi8(row(a, i + 2 * j), row(a, i + 2 * j + 1));
            words[j] = _mm512_add_epi16(words[j], r);
            high[j] = _mm512_add_epi16(high[j], _mm512_srli_epi16(r, 8));
        }
    write_pairs(a, words, high, 64, 2);
}

#endif

double add_rate(void (*add)(Adding&), int offset, int scale) {
    static Adding a;
    for (int i = 0; i < kRows * kColumns; i++) {
        a.weights[i] = 2 * (std::rand() % 128) - 128;
        a.rows[i] = uint8_t(a.weights[i] / scale + offset);
    }
    for (auto& e : a.events) e = uint16_t(std::rand() % kRows);
    double seconds = best_seconds([&] {
        for (int k = 0; k < 20; k++) {
            add(a);
            asm volatile("" : : "r"(&a) : "memory");
        }
    });
    for (int c = 0; c < kColumns; c++) {
        int sum = 0;
        for (uint16_t e : a.events) sum += a.weights[e * kColumns + c];
        if (sum != a.sums[c]) std::abort();
    }
    return 20.0 * kEvents * kColumns / seconds / 1e9;
}

// ---- v = trunc(v * (4096 - leak) / 4096) + (a << 6); no lower than -2^23 + 1; 0 where it fires.
// The upper end of v, 2^23 - 1, is above every threshold of 17 bits: what reaches it fires.

struct Updating {
    alignas(64) int32_t sums[kSteps * kNeurons];
    alignas(64) uint16_t fired[kSteps * kNeurons / 16];
};

void update_plain(Updating& u) {
    static int32_t v[kNeurons];
    std::fill(v, v + kNeurons, 0);
    std::fill(std::begin(u.fired), std::end(u.fired), 0);
    for (int t = 0; t < kSteps; t++)
        for (int n = 0; n < kNeurons; n++) {
            int32_t x = int32_t(int64_t(v[n]) * (4096 - kLeak) / 4096);
            x = std::max(x + (u.sums[t * kNeurons + n] << 6), kLowest);
            v[n] = x > kThreshold ? 0 : x;
            u.fired[(t * kNeurons + n) / 16] |= uint16_t((x > kThreshold) << n % 16);
        }
}

#ifdef __AVX512BW__

constexpr int kVectors = kNeurons / 16;

struct Multiplied {  // v split into 12 and 12 bits, each multiplied as 16-bit words
    static __m512i decayed(__m512i v, __mmask16 kept) {
        const __m512i factor = _mm512_set1_epi32(4096 - kLeak), low = _mm512_set1_epi32(4095);
        v = _mm512_maskz_mov_epi32(kept, v);
        __m512i h = _mm512_madd_epi16(_mm512_srai_epi32(v, 12), factor);
        __m512i l = _mm512_madd_epi16(_mm512_and_si512(v, low), factor);
        l = _mm512_mask_add_epi32(l, _mm512_movepi32_mask(v), l, low);
        return _mm512_add_epi32(h, _mm512_srli_epi32(l, 12));
    }
};

struct Floating {  // |v| < 2^24: a product rounded toward zero truncates to the same integer
    static __m512i decayed(__m512i v, __mmask16 kept) {
        const __m512 factor = _mm512_set1_ps((4096 - kLeak) / 4096.0f);
        constexpr int toward_zero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
        __m512 real = _mm512_maskz_cvtepi32_ps(kept, v);
        return _mm512_cvttps_epi32(_mm512_mul_round_ps(real, factor, toward_zero));
    }
};

template <class Form>
void update(Updating& u) {
    const __m512i lowest = _mm512_set1_epi32(kLowest), threshold = _mm512_set1_epi32(kThreshold);
    __m512i v[kVectors] = {};
    __mmask16 kept[kVectors] = {};
    for (int t = 0; t < kSteps; t++)
#pragma GCC unroll 16
        for (int n = 0; n < kVectors; n++) {
            __m512i x = _mm512_slli_epi32(_mm512_load_si512(u.sums + (t * kVectors + n) * 16), 6);
            x = _mm512_add_epi32(Form::decayed(v[n], kept[n]), x);
            v[n] = _mm512_max_epi32(x, lowest);
            kept[n] = _mm512_cmple_epi32_mask(v[n], threshold);
            u.fired[t * kVectors + n] = uint16_t(~kept[n]);
        }
}

#endif

double update_rate(void (*update)(Updating&)) {
    static Updating u, expected;
    for (auto& sum : u.sums) sum = std::rand() % 700 - 300;
    expected = u;
    update_plain(expected);
    double seconds = best_seconds([&] {
        for (int k = 0; k < 5; k++) {
            update(u);
            asm volatile("" : : "r"(&u) : "memory");
        }
    });
    if (!std::equal(std::begin(u.fired), std::end(u.fired), expected.fired)) std::abort();
    return 5.0 * kSteps * kNeurons / seconds / 1e9;
}

}  // namespace

int main() {
    std::printf("{\"add\": {\"plain\": %.2f", add_rate(add_plain, 0, 1));
#ifdef __AVX512BW__
    std::printf(", \"widened\": %.2f", add_rate(add_widened, 0, 1));
    std::printf(", \"words\": %.2f", add_rate(add_words, 128, 1));
    std::printf(", \"row pairs\": %.2f", add_rate(add_row_pairs, 64, 2));
#endif
    std::printf("}, \"update\": {\"plain\": %.3f", update_rate(update_plain));
#ifdef __AVX512BW__
    std::printf(", \"multiplied\": %.3f", update_rate(update<Multiplied>));
    std::printf(", \"floating\": %.3f", update_rate(update<Floating>));
#endif
    std::printf("}}\n");
}
