// Vectors of float and of words.

#pragma once

#include "common.h"

namespace refreshkv {

constexpr double kLog2E = 1.4426950408889634;
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
constexpr bool kHasPairs = true;  // an instruction that multiplies pairs of bfloat16
#else
constexpr bool kHasPairs = false;
#endif

using LyingWords = uint32_t __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

inline Words load_words(const uint32_t* from) { return *reinterpret_cast<const LyingWords*>(from); }

inline void store_words(Words values, uint32_t* to) { *reinterpret_cast<LyingWords*>(to) = values; }

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

inline float largest_of(Floats values) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(reinterpret_cast<__m512>(values));
#else
  float most = values[0];
  for (int i = 1; i < kLanes; ++i) most = std::max<float>(most, values[i]);
  return most;
#endif
}

// A bit for each of the values that is `least` or more.
inline uint32_t at_least(Integers values, int32_t least) {
#if defined(__AVX512F__)
  return _mm512_cmpge_epi32_mask(reinterpret_cast<__m512i>(values), _mm512_set1_epi32(least));
#elif defined(__AVX2__)
  return ~_mm256_movemask_ps(reinterpret_cast<__m256>(Integers{} + least > values)) & 0xff;
#else
  uint32_t bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= uint32_t{values[i] >= least} << i;
  return bits;
#endif
}

inline int32_t total(Integers values) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32(reinterpret_cast<__m512i>(values));
#else
  int32_t sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += values[i];
  return sum;
#endif
}

inline Integers nearest(Floats values) {
#if defined(__AVX512F__)
  return reinterpret_cast<Integers>(_mm512_cvtps_epi32(reinterpret_cast<__m512>(values)));
#elif defined(__AVX2__)
  return reinterpret_cast<Integers>(_mm256_cvtps_epi32(reinterpret_cast<__m256>(values)));
#else
  Integers rounded;
  for (int i = 0; i < kLanes; ++i) rounded[i] = static_cast<int32_t>(std::lrintf(values[i]));
  return rounded;
#endif
}

inline void store_bytes(Integers values, int8_t* to) {
  using Narrow = int8_t __attribute__((vector_size(kLanes)));
  const Narrow bytes = __builtin_convertvector(values, Narrow);
  std::memcpy(to, &bytes, sizeof bytes);
}

inline void store_halves(Integers values, int16_t* to) {
  using Narrow = int16_t __attribute__((vector_size(2 * kLanes)));
  const Narrow halves = __builtin_convertvector(values, Narrow);
  std::memcpy(to, &halves, sizeof halves);
}

inline void store(Floats values, uint16_t* to) {  // as bfloat16
  using Narrow = uint16_t __attribute__((vector_size(2 * kLanes)));
  const Words bits = reinterpret_cast<Words>(values);
  const Narrow halves = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Narrow);
  std::memcpy(to, &halves, sizeof halves);
}

// 2^x, to 3e-6 of each, and 1 of 0: sums that are scaled by it stay. Nothing below 2^-126.
inline Floats exp2_of(Floats x) {
  const auto polynomial = [](Floats f) {
    return 1 + f * (0.69312418f + f * (0.24024099f + f * (0.05590643f + f * 0.00958285f)));
  };
#if defined(__AVX512F__)
  const __m512 whole = _mm512_roundscale_ps(reinterpret_cast<__m512>(x), 0);
  const Floats part = polynomial(x - reinterpret_cast<Floats>(whole));
  return reinterpret_cast<Floats>(_mm512_scalef_ps(reinterpret_cast<__m512>(part), whole));
#else
  const Floats within = smaller(larger(x, Floats{} - 126.0f), Floats{} + 128.0f);
  const Integers whole = __builtin_convertvector(within + 126.5f, Integers) - 126;
  const Floats part = polynomial(within - __builtin_convertvector(whole, Floats));
  return reinterpret_cast<Floats>(reinterpret_cast<Integers>(part) + (whole << 23));
#endif
}

// x / (1 + e^-x), with e to a power that is never above 0.
inline Floats silu(Floats x) {
  const Floats power = exp2_of(smaller(x, -x) * static_cast<float>(kLog2E));
  return x * (x < 0 ? power : Floats{} + 1) / (1 + power);
}

// Root mean square normalization of `x`, of a size that is a multiple of kLanes, times `norm`.
[[gnu::noipa]] inline void normalize(const float* x, int64_t size, const float* norm, float epsilon, float* to) {
  Floats squares = {};
  for (int64_t i = 0; i < size; i += kLanes) squares += load(x + i) * load(x + i);
  const float factor = 1 / std::sqrt(total(squares) / size + epsilon);
  for (int64_t i = 0; i < size; i += kLanes) store(load(x + i) * factor * load(norm + i), to + i);
}

// Rotary embedding of one head, `to` may be `x`; dim is a multiple of 2 kLanes.
template <typename T>
void rotate(const float* x, const float* cosine, const float* sine, int64_t dim, T* to) {
  const int64_t half = dim / 2;
  for (int64_t d = 0; d < half; d += kLanes) {
    const Floats low = load(x + d), high = load(x + half + d);
    store(low * load(cosine + d) - high * load(sine + d), to + d);
    store(high * load(cosine + half + d) + low * load(sine + half + d), to + half + d);
  }
}

// Two numbers of each lane in a word, as bfloat16, of kHasPairs; the first in the low half.
inline Words paired(Floats first, Floats second) {
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
  const __m512i both = reinterpret_cast<__m512i>(
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
  const __m512i halves = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                          5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return reinterpret_cast<Words>(_mm512_permutexvar_epi16(halves, both));
#else
  return reinterpret_cast<Words>(first + second);  // not called
#endif
}

#if defined(__AVX512BF16__) && defined(__AVX512BW__)

// Of bfloat16, kLanes pairs of them in a vector.
inline Words load_pairs(const uint16_t* from) { return reinterpret_cast<Words>(_mm512_loadu_si512(from)); }

inline Floats add_pairs(Floats sum, Words a, Words b) {
  return reinterpret_cast<Floats>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a),
                                                   reinterpret_cast<__m512bh>(b)));
}

// Pairs of a number of `a` and of that of `b` at its place. They are out of order: `store_ordered` puts right what they add up to.
inline std::pair<Words, Words> interleaved(Words a, Words b) {
  const __m512i x = reinterpret_cast<__m512i>(a), y = reinterpret_cast<__m512i>(b);
  return {reinterpret_cast<Words>(_mm512_unpacklo_epi16(x, y)), reinterpret_cast<Words>(_mm512_unpackhi_epi16(x, y))};
}

inline void store_ordered(Floats low, Floats high, float* to) {
  const __m512 x = reinterpret_cast<__m512>(low), y = reinterpret_cast<__m512>(high);
  const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  _mm512_storeu_ps(to, _mm512_permutex2var_ps(x, first, y));
  _mm512_storeu_ps(to + kLanes, _mm512_permutex2var_ps(x, second, y));
}

#else  // not called

inline Words load_pairs(const uint16_t*) { return Words{}; }
inline Floats add_pairs(Floats sum, Words, Words) { return sum; }
inline std::pair<Words, Words> interleaved(Words a, Words b) { return {a, b}; }
inline void store_ordered(Floats, Floats, float*) {}

#endif

// `sum` and the products of one word with those of a vector: of two bfloat16 each with kPairs, else of a float.
template <bool kPairs>
inline Floats add_product(Floats sum, uint32_t one, Words many) {
  if constexpr (kPairs) return add_pairs(sum, Words{} + one, many);
  float value;
  std::memcpy(&value, &one, sizeof value);
  return sum + value * reinterpret_cast<Floats>(many);
}

}  // namespace refreshkv
