// Linears with 4- and 8-bit weights, for one row of activations or a few.
//
// Activations are rounded to 16 bits in groups of 32, so that a product is an integer one: with 8 bits the embedded model's
// outputs move twenty times as far. They are kept in two halves of 8 bits, since processors multiply bytes fastest.

#pragma once

#include "parallel.h"
#include "vectors.h"

namespace refreshkv {

constexpr int64_t kGroup = 32;    // weights that share a step and a minimum
constexpr int64_t kBlock = 16;    // outputs whose 4-bit weights lie side by side
constexpr int64_t kBytes = kGroup * kBlock / 2;
constexpr int64_t kWeightsAhead = 8192;  // bytes of weights that are asked for early: the processor stops at every page
constexpr float kLevels = 32639;  // of an activation: 127 * 256 + 127, so that both halves fit a signed byte

struct Row {
  Lines<int16_t> values;            // 256 * high + low
  Lines<int8_t> high, low;
  std::vector<float> scales;        // of each group
  std::vector<float> sums;          // of each group's activations: they meet the group's minimum

  explicit Row(int64_t inputs)
      : values(inputs), high(inputs), low(inputs), scales(inputs / kGroup), sums(inputs / kGroup) {}

  Row(const float* x, int64_t inputs) : Row(inputs) { round(x); }

  void round(const float* x) {
    for (int64_t group = 0; group < groups(); ++group) round(group, x + group * kGroup);
  }

  // (Never inlined, like all that is done for a row alone: its numbers are then the same whatever is beside it.)
  [[gnu::noipa]] void round(int64_t group, const float* x) {
    Floats most = {}, sum = {};
    for (int64_t i = 0; i < kGroup; i += kLanes) {
      const Floats own = load(x + i);
      most = larger(most, larger(own, -own));
      sum += own;
    }
    const float largest = largest_of(most), inverse = largest > 0 ? kLevels / largest : 0;
    scales[group] = largest / kLevels;
    sums[group] = total(sum);
    for (int64_t i = 0, at = group * kGroup; i < kGroup; i += kLanes, at += kLanes) {
      const Integers whole = nearest(load(x + i) * inverse), lower = whole << 24 >> 24;
      store_halves(whole, &values[at]);
      store_bytes(lower, &low[at]);
      store_bytes((whole - lower) >> 8, &high[at]);
    }
  }

  int64_t groups() const { return scales.size(); }
};

// Call `function(first, count)` for all of `rows`, up to four at a time, the count being one of the compiler's.
template <typename F>
void each_rows(int64_t rows, const F& function) {
  for (int64_t r = 0; r < rows; r += 4) {
    const int64_t left = rows - r;
    if (left >= 4) function(r, std::integral_constant<int, 4>{});
    if (left == 3) function(r, std::integral_constant<int, 3>{});
    if (left == 2) function(r, std::integral_constant<int, 2>{});
    if (left == 1) function(r, std::integral_constant<int, 1>{});
  }
}

// --- 4 bits ---------------------------------------------------------------------------------------------------------
//
// A block of 16 outputs and a group of 32 inputs take 256 bytes: byte (p * 16 + o) * 4 + i holds the levels of output o for
// input 4p + i in its low half and input 16 + 4p + i in its high half. So 4 bytes that are multiplied with 4 activations
// lie together, and the 16 outputs beside one another. Steps and minima are bfloat16, 16 of each for a block and a group.

// Products of `row` with the 16 outputs of a block.
[[gnu::noipa]] inline void int4_block(const uint8_t* weight, const uint16_t* scale, const Row& row, float* out) {
#if defined(__AVX2__)
  // Eight products of a level up to 15 and a byte, twice: 16 bits hold them.
  const __m256i mask = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  __m256 sums[2] = {};
  for (int64_t group = 0; group < row.groups(); ++group, weight += kBytes, scale += 2 * kBlock) {
    const int32_t* high = reinterpret_cast<const int32_t*>(row.high.data() + group * kGroup);
    const int32_t* low = reinterpret_cast<const int32_t*>(row.low.data() + group * kGroup);
    __m256i highs[2] = {}, lows[2] = {};
    for (int p = 0; p < 4; ++p)
      for (int n = 0; n < 2; ++n) {
        const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weight + 64 * p + 32 * n));
        const __m256i first = _mm256_and_si256(packed, mask);
        const __m256i second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), mask);
        highs[n] = _mm256_add_epi16(highs[n], _mm256_maddubs_epi16(first, _mm256_set1_epi32(high[p])));
        lows[n] = _mm256_add_epi16(lows[n], _mm256_maddubs_epi16(first, _mm256_set1_epi32(low[p])));
        highs[n] = _mm256_add_epi16(highs[n], _mm256_maddubs_epi16(second, _mm256_set1_epi32(high[p + 4])));
        lows[n] = _mm256_add_epi16(lows[n], _mm256_maddubs_epi16(second, _mm256_set1_epi32(low[p + 4])));
      }
    for (int n = 0; n < 2; ++n) {
      const __m256i wide_highs = _mm256_slli_epi32(_mm256_madd_epi16(highs[n], ones), 8);
      const __m256 product = _mm256_cvtepi32_ps(_mm256_add_epi32(wide_highs, _mm256_madd_epi16(lows[n], ones)));
      const __m256i steps = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scale + 8 * n)));
      const __m256i minima = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scale + kBlock + 8 * n)));
      const __m256 step = _mm256_castsi256_ps(_mm256_slli_epi32(steps, 16));
      const __m256 minimum = _mm256_castsi256_ps(_mm256_slli_epi32(minima, 16));
      sums[n] = _mm256_fmadd_ps(_mm256_mul_ps(product, step), _mm256_set1_ps(row.scales[group]), sums[n]);
      sums[n] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(row.sums[group]), sums[n]);
    }
  }
  for (int n = 0; n < 2; ++n) _mm256_storeu_ps(out + 8 * n, sums[n]);
#else
  std::fill(out, out + kBlock, 0.0f);
  for (int64_t group = 0; group < row.groups(); ++group, weight += kBytes, scale += 2 * kBlock) {
    const int16_t* x = row.values.data() + group * kGroup;
    int32_t products[kBlock] = {};
    for (int p = 0; p < 4; ++p)
      for (int o = 0; o < kBlock; ++o)
        for (int i = 0; i < 4; ++i) {
          const uint8_t packed = weight[(p * kBlock + o) * 4 + i];
          products[o] += (packed & 15) * x[4 * p + i] + (packed >> 4) * x[16 + 4 * p + i];
        }
    for (int o = 0; o < kBlock; ++o)
      out[o] += wide(scale[o]) * row.scales[group] * products[o] + wide(scale[kBlock + o]) * row.sums[group];
  }
#endif
}

// As int4_block, of some rows, with what they share done once. Results lie `stride` apart.
template <int kRows>
void int4_blocks(const uint8_t* weight, const uint16_t* scale, const Row* rows, float* out, int64_t stride) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  const __m512i mask = _mm512_set1_epi8(15);
  __m512 sums[kRows] = {};
  for (int64_t group = 0; group < rows->groups(); ++group, weight += kBytes, scale += 2 * kBlock) {
    __m512i first[4], second[4];
    for (int p = 0; p < 4; ++p) {
      __builtin_prefetch(weight + 64 * p + kWeightsAhead, 0, 3);
      const __m512i packed = _mm512_loadu_si512(weight + 64 * p);
      first[p] = _mm512_and_si512(packed, mask);
      second[p] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), mask);
    }
    const __m512 step = reinterpret_cast<__m512>(load(scale)), minimum = reinterpret_cast<__m512>(load(scale + kBlock));
    for (int r = 0; r < kRows; ++r) {
      const Row& row = rows[r];
      const int32_t* high = reinterpret_cast<const int32_t*>(row.high.data() + group * kGroup);
      const int32_t* low = reinterpret_cast<const int32_t*>(row.low.data() + group * kGroup);
      __m512i highs = _mm512_setzero_si512(), lows = highs, more_highs = highs, more_lows = highs;
      for (int p = 0; p < 4; ++p) {
        highs = _mm512_dpbusd_epi32(highs, first[p], _mm512_set1_epi32(high[p]));
        lows = _mm512_dpbusd_epi32(lows, first[p], _mm512_set1_epi32(low[p]));
        more_highs = _mm512_dpbusd_epi32(more_highs, second[p], _mm512_set1_epi32(high[p + 4]));
        more_lows = _mm512_dpbusd_epi32(more_lows, second[p], _mm512_set1_epi32(low[p + 4]));
      }
      highs = _mm512_slli_epi32(_mm512_add_epi32(highs, more_highs), 8);
      const __m512 product = _mm512_cvtepi32_ps(_mm512_add_epi32(highs, _mm512_add_epi32(lows, more_lows)));
      sums[r] = _mm512_fmadd_ps(_mm512_mul_ps(product, step), _mm512_set1_ps(row.scales[group]), sums[r]);
      sums[r] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(row.sums[group]), sums[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) _mm512_storeu_ps(out + r * stride, sums[r]);
#else
  for (int r = 0; r < kRows; ++r) int4_block(weight, scale, rows[r], out + r * stride);
#endif
}

// A 4-bit weight as it is stored: `groups` are its inputs'.
struct StoredInt4 {
  const uint8_t* levels;
  const uint16_t* scales;

  // Products of kRows of `rows` with a block. Results lie `stride` apart.
  template <int kRows>
  void multiply(int64_t block, const Row* rows, float* out, int64_t stride) const {
    const int64_t at = block * rows->groups();
    int4_blocks<kRows>(levels + at * kBytes, scales + at * 2 * kBlock, rows, out, stride);
  }
};

// All weights multiply the same activations: their outputs lie one after the other in the result.
inline Tensor int4_linears(const Tensor x, const std::vector<Tensor> weights, const std::vector<Tensor> scales) {
  const int64_t groups = weights[0].size(1), inputs = groups * kGroup, rows = x.numel() / inputs;
  std::vector<const uint8_t*> weight;  // of every block
  std::vector<const uint16_t*> scale;
  for (size_t i = 0; i < weights.size(); ++i)
    for (int64_t block = 0; block < weights[i].size(0); ++block) {
      weight.push_back(weights[i].const_data_ptr<uint8_t>() + block * groups * kBytes);
      scale.push_back(static_cast<const uint16_t*>(scales[i].const_data_ptr()) + block * groups * 2 * kBlock);
    }
  const int64_t blocks = weight.size(), outputs = blocks * kBlock;
  Tensor out = torch::stable::new_empty(x, {rows, outputs});
  const float* from = x.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  std::vector<Row> rounded;
  for (int64_t r = 0; r < rows; ++r) rounded.emplace_back(from + r * inputs, inputs);
  parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      each_rows(rows, [&](int64_t r, auto count) {
        constexpr int kRows = decltype(count)::value;
        int4_blocks<kRows>(weight[block], scale[block], &rounded[r], to + r * outputs + block * kBlock, outputs);
      });
  });
  return out;
}

inline Tensor int4_linear(const Tensor x, const Tensor weight, const Tensor scale) {
  return int4_linears(x, {weight}, {scale});
}

inline Tensor int4_dense(const Tensor weight, const Tensor scale) {
  const int64_t blocks = weight.size(0), groups = weight.size(1), inputs = groups * kGroup;
  Tensor out = torch::stable::empty({blocks * kBlock, inputs}, torch::headeronly::ScalarType::Float);
  const uint8_t* weights = weight.const_data_ptr<uint8_t>();
  const auto* scales = static_cast<const uint16_t*>(scale.const_data_ptr());
  float* to = out.mutable_data_ptr<float>();
  parallel_for(blocks * groups, 16, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      float* rows = to + at / groups * kBlock * inputs + at % groups * kGroup;
      for (int o = 0; o < kBlock; ++o) {
        const float step = wide(scales[2 * kBlock * at + o]), minimum = wide(scales[2 * kBlock * at + kBlock + o]);
        for (int p = 0; p < 4; ++p)
          for (int i = 0; i < 4; ++i) {
            const uint8_t packed = weights[kBytes * at + (p * kBlock + o) * 4 + i];
            rows[o * inputs + 4 * p + i] = (packed & 15) * step + minimum;
            rows[o * inputs + 16 + 4 * p + i] = (packed >> 4) * step + minimum;
          }
      }
    }
  });
  return out;
}

// --- 8 bits: rows of signed bytes with one bfloat16 step for each output ---------------------------------------------------

// Products of `row` with outputs first, first + 1, …: side by side, since one alone waits for its own additions.
template <int kOutputs>
[[gnu::noipa]] void int8_dot(const int8_t* weight, const uint16_t* scale, const Row& row, float* out) {
  const int64_t groups = row.groups(), inputs = groups * kGroup;
#if defined(__AVX2__)
  __m256 sums[kOutputs] = {};
  for (int64_t group = 0; group < groups; ++group) {
    const __m256i* x = reinterpret_cast<const __m256i*>(row.values.data() + group * kGroup);
    const __m256i x0 = _mm256_loadu_si256(x), x1 = _mm256_loadu_si256(x + 1);
    const __m256 factor = _mm256_set1_ps(row.scales[group]);
    for (int n = 0; n < kOutputs; ++n) {
      const __m128i* halves = reinterpret_cast<const __m128i*>(weight + n * inputs + group * kGroup);
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(halves));
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(halves + 1));
      const __m256i product = _mm256_add_epi32(_mm256_madd_epi16(w0, x0), _mm256_madd_epi16(w1, x1));
      sums[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(product), factor, sums[n]);
    }
  }
  for (int n = 0; n < kOutputs; ++n) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sums[n]), _mm256_extractf128_ps(sums[n], 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    half = _mm_add_ss(half, _mm_shuffle_ps(half, half, 1));
    out[n] = _mm_cvtss_f32(half) * wide(scale[n]);
  }
#else
  for (int n = 0; n < kOutputs; ++n) {
    float sum = 0;
    for (int64_t group = 0; group < groups; ++group) {
      int32_t product = 0;
      for (int64_t i = group * kGroup; i < (group + 1) * kGroup; ++i) product += weight[n * inputs + i] * row.values[i];
      sum += row.scales[group] * product;
    }
    out[n] = sum * wide(scale[n]);
  }
#endif
}

// 128 times the sum of the activations as they were rounded.
inline float share_of(const Row& row) {
  float share = 0;
  for (int64_t group = 0; group < row.groups(); ++group) {
    int32_t sum = 0;
    for (int64_t i = group * kGroup; i < (group + 1) * kGroup; ++i) sum += row.values[i];
    share += row.scales[group] * sum;
  }
  return 128 * share;
}

// As int8_dot, of some rows, with what they share done once; `shares` are those of the rows. Results lie `stride` apart.
template <int kOutputs, int kRows>
void int8_dots(const int8_t* weight, const uint16_t* scale, const Row* rows, const float* shares, float* out,
               int64_t stride) {
  const int64_t groups = rows->groups(), inputs = groups * kGroup;
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  // The processor multiplies unsigned bytes with signed ones, so that 128 is added to each weight, and its share taken off.
  const __m512i sign = _mm512_set1_epi8(-128), zero = _mm512_setzero_si512();
  __m512 sums[kRows][kOutputs] = {};
  for (int64_t group = 0; group < groups; group += 2) {
    const __mmask64 both = group + 1 < groups ? ~0ull : 0xffffffffull;
    __m512i levels[kOutputs];
    for (int n = 0; n < kOutputs; ++n) {
      const int8_t* from = weight + n * inputs + group * kGroup;
      __builtin_prefetch(from + kWeightsAhead, 0, 3);
      levels[n] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(both, from), sign);
    }
    for (int r = 0; r < kRows; ++r) {
      const Row& row = rows[r];
      const __m512i high = _mm512_maskz_loadu_epi8(both, row.high.data() + group * kGroup);
      const __m512i low = _mm512_maskz_loadu_epi8(both, row.low.data() + group * kGroup);
      const float last = group + 1 < groups ? row.scales[group + 1] : 0;
      const __m512 factor = _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(row.scales[group]), _mm512_set1_ps(last));
      for (int n = 0; n < kOutputs; ++n) {
        const __m512i highs = _mm512_slli_epi32(_mm512_dpbusd_epi32(zero, levels[n], high), 8);
        const __m512i all = _mm512_add_epi32(highs, _mm512_dpbusd_epi32(zero, levels[n], low));
        sums[r][n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(all), factor, sums[r][n]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int n = 0; n < kOutputs; ++n)
      out[r * stride + n] = (_mm512_reduce_add_ps(sums[r][n]) - shares[r]) * wide(scale[n]);
#else
  for (int r = 0; r < kRows; ++r) int8_dot<kOutputs>(weight, scale, rows[r], out + r * stride);
#endif
}

// Products of all `rows` with a weight `(outputs, inputs)`: `(rows, outputs)` into `to`.
inline void int8_products(const std::vector<Row>& rows, const int8_t* weights, const uint16_t* scales, int64_t outputs,
                          float* to) {
  constexpr int kOutputs = 4;
  const int64_t inputs = rows[0].groups() * kGroup;
  std::vector<float> shares(rows.size());
  std::transform(rows.begin(), rows.end(), shares.begin(), share_of);
  parallel_for(outputs, 64, [&](int64_t begin, int64_t end) {
    int64_t n = begin;
    const auto with = [&](auto width) {
      constexpr int kWidth = decltype(width)::value;
      each_rows(rows.size(), [&](int64_t r, auto count) {
        int8_dots<kWidth, decltype(count)::value>(weights + n * inputs, scales + n, &rows[r], &shares[r],
                                                  to + r * outputs + n, outputs);
      });
    };
    for (; n + kOutputs <= end; n += kOutputs) with(std::integral_constant<int, kOutputs>{});
    for (; n < end; ++n) with(std::integral_constant<int, 1>{});
  });
}

inline std::vector<Row> rounded_rows(const float* x, int64_t rows, int64_t inputs) {
  std::vector<Row> rounded;
  for (int64_t r = 0; r < rows; ++r) rounded.emplace_back(x + r * inputs, inputs);
  return rounded;
}

inline Tensor int8_linear(const Tensor x, const Tensor weight, const Tensor scale) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1), rows = x.numel() / inputs;
  Tensor out = torch::stable::new_empty(x, {rows, outputs});
  if (rows == 0) return out;
  int8_products(rounded_rows(x.const_data_ptr<float>(), rows, inputs), static_cast<const int8_t*>(weight.const_data_ptr()),
                static_cast<const uint16_t*>(scale.const_data_ptr()), outputs, out.mutable_data_ptr<float>());
  return out;
}

}  // namespace refreshkv
