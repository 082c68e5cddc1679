// Scores of all positions for a query, by the codes of their keys.

#pragma once

#include "key_codes.h"

namespace refreshkv {

constexpr int64_t kScored = 512;  // positions one task scores
constexpr int64_t kAhead = 8192;  // bytes of codes that are asked for early: the processor itself stops at every page

// The sum of 2^(factor * (product - largest)) over `count` products, to four digits.
inline float sum_of_powers(const int32_t* products, int64_t count, float factor, int32_t largest) {
  Floats sums = {};
  float sum = 0;
  int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const Floats scaled = __builtin_convertvector(load(products + j) - largest, Floats) * factor;
    const Floats exponent = scaled > -126.0f ? scaled : Floats{} - 126.0f;
    const Integers whole = __builtin_convertvector(exponent, Integers);
    const Floats f = exponent - __builtin_convertvector(whole, Floats);  // above -1, up to 0
    const Floats power = 0.999925013f + f * (0.691019596f + f * (0.230068952f + f * 0.0390118549f));
    sums += reinterpret_cast<Floats>(reinterpret_cast<Integers>(power) + (whole << 23));
  }
  for (; j < count; ++j) sum += std::exp2((products[j] - largest) * factor);
  return sum + total(sums);
}

// What `length` positions get from a query: products of the codes; what makes logits of a query head's, which lack the same
// constant each; and the logarithm of their sum of exponentials.
struct Logits {
  int64_t rows, group, length, stride;
  Levels levels;
  std::unique_ptr<int32_t[]> products;  // `stride` of each query head
  std::vector<float> normalizers;

  Logits(const KeyCodes& index, const float* query, int64_t group, int64_t length, double scaling)
      : rows(index.rows), group(group), length(length), stride(KeyCodes::up_to(length, kTile)),
        levels(index, query, group, scaling),
        products(new int32_t[rows * group * stride]), normalizers(rows * group) {
    const int64_t chunks = (length + kScored - 1) / kScored;
    std::vector<Part> parts(rows * group * chunks);
    parallel_for(rows * chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task)
        for (int64_t q = 0; q < group; q += 4) {
          const int64_t first = task / chunks * group + q, chunk = task % chunks;
          Part* part = &parts[first * chunks + chunk];
          const auto with = [&](auto queries) {
            constexpr int kQueries = decltype(queries)::value;
            if (index.bits == 2) score<2, kQueries>(index, first, chunk * kScored, part, chunks);
            if (index.bits == 3) score<3, kQueries>(index, first, chunk * kScored, part, chunks);
            if (index.bits == 4) score<4, kQueries>(index, first, chunk * kScored, part, chunks);
          };
          if (group - q >= 4) with(std::integral_constant<int, 4>{});
          if (group - q == 3) with(std::integral_constant<int, 3>{});
          if (group - q == 2) with(std::integral_constant<int, 2>{});
          if (group - q == 1) with(std::integral_constant<int, 1>{});
        }
    });
    for (int64_t q = 0; q < rows * group; ++q) normalizers[q] = normalizer(&parts[q * chunks], chunks);
  }

  static float normalizer(const Part* parts, int64_t count) {
    float largest = parts[0].largest, sum = 0;
    for (int64_t c = 1; c < count; ++c) largest = std::max(largest, parts[c].largest);
    for (int64_t c = 0; c < count; ++c) sum += parts[c].sum * std::exp(parts[c].largest - largest);
    return largest + std::log(sum);
  }

  // Queries first, first + 1, … of one row over the positions of a chunk.
  template <int kBits, int kQueries>
  void score(const KeyCodes& index, int64_t first, int64_t begin, Part* parts, int64_t parts_stride) {
    constexpr float kLog2E = 1.44269504f;
    const int64_t count = std::min(kScored, length - begin);
    const uint8_t* tile = index.tile(first / group, begin);
    int32_t* to = &products[first * stride + begin];
    for (int64_t j = 0; j < count; j += kTile, tile += index.tile_bytes()) {
      for (int64_t line = 0; line < index.tile_bytes(); line += 64) __builtin_prefetch(tile + kAhead + line);
      score_tile<kBits, kQueries>(tile, index.spans, &levels.words[first * index.spans * kFours], to + j, stride);
    }
    for (int q = 0; q < kQueries; ++q) {
      const float factor = levels.factors[first + q];
      const int32_t largest = extremes(to + q * stride, count).second;
      const float sum = sum_of_powers(to + q * stride, count, factor * kLog2E, largest);
      parts[q * parts_stride] = {largest * factor, sum};
    }
  }

  // Log-probabilities of positions from `begin` on for a query head.
  template <typename F>
  void each(int64_t q, int64_t begin, int64_t count, const F& take) const {
    const int32_t* from = &products[q * stride + begin];
    const float factor = levels.factors[q], normal = normalizers[q];
    for (int64_t j = 0; j < count; ++j) take(j, from[j] * factor - normal);
  }

  // Hand scores, the largest log-probability of the group, of a row's positions [first, last) to
  // `take(begin, count, scores)`, kChunk at a time.
  template <typename F>
  void largest(int64_t row, int64_t first, int64_t last, const F& take) const {
    float best[kChunk];
    for (int64_t begin = first; begin < last; begin += kChunk) {
      const int64_t count = std::min(kChunk, last - begin);
      each(row * group, begin, count, [&](int64_t j, float value) { best[j] = value; });
      for (int64_t q = row * group + 1; q < (row + 1) * group; ++q)
        each(q, begin, count, [&](int64_t j, float value) { best[j] = std::max(best[j], value); });
      take(begin, count, best);
    }
  }
};

inline Logits scored(const Tensor& codes, const Tensor& ranges, const Tensor& query, int64_t length, double scaling) {
  const KeyCodes index(codes, ranges);
  return Logits(index, query.const_data_ptr<float>(), query.size(0) * query.size(1) / index.rows, length, scaling);
}

inline Tensor key_code_log_weights(const Tensor query, const Tensor codes, const Tensor ranges, int64_t length,
                                   double scaling) {
  const Logits logits = scored(codes, ranges, query, length, scaling);
  Tensor out = torch::stable::new_empty(query, {codes.size(0), codes.size(1), logits.group, length});
  float* to = out.mutable_data_ptr<float>();
  for (int64_t q = 0; q < logits.rows * logits.group; ++q)
    logits.each(q, 0, length, [&](int64_t j, float value) { to[q * length + j] = value; });
  return out;
}

inline Tensor key_code_scores(const Tensor query, const Tensor codes, const Tensor ranges, int64_t length,
                              double scaling) {
  const Logits logits = scored(codes, ranges, query, length, scaling);
  Tensor out = torch::stable::new_empty(query, {codes.size(0), codes.size(1), length});
  float* to = out.mutable_data_ptr<float>();
  parallel_for(logits.rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      logits.largest(row, 0, length, [&](int64_t first, int64_t count, const float* scores) {
        std::memcpy(to + row * length + first, scores, count * sizeof(float));
      });
  });
  return out;
}

}  // namespace refreshkv
