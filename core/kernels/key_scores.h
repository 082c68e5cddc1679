// Scores of all positions for a query, by the codes of their keys.

#pragma once

#include "key_codes.h"

namespace refreshkv {

constexpr int64_t kScored = 512, kMostParts = 32;  // positions that one task scores at least, and of about so many tasks a row
constexpr float kLargestSum = 1e30f;
constexpr int64_t kAhead = 8192;  // bytes of codes that are asked for early: the processor itself stops at every page

inline int64_t positions_of_a_task(int64_t length) {
  return kScored * std::max<int64_t>(1, length / (kScored * kMostParts));
}

// 2^(factor * product - reference), to four digits.
inline Floats powers(Integers products, float factor, float reference) {
  const Floats x = __builtin_convertvector(products, Floats) * factor - reference;
#if defined(__AVX512F__)
  const auto part = reinterpret_cast<Floats>(_mm512_reduce_ps(reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEG_INF));
  const Floats power = 0.999925221f + part * (0.695833527f + part * (0.226067171f + part * 0.078024522f));
  return reinterpret_cast<Floats>(_mm512_scalef_ps(reinterpret_cast<__m512>(power), reinterpret_cast<__m512>(x)));
#else
  return exp2_of(x);
#endif
}

// The sum of those over [begin, count), and of what is in `sums`.
inline float sum_of_powers(const int32_t* products, int64_t begin, int64_t count, float factor, float reference,
                           Floats sums) {
  int64_t j = begin;
  for (; j + kLanes <= count; j += kLanes) sums += powers(load(products + j), factor, reference);
  float sum = total(sums);
  for (; j < count; ++j) sum += std::exp2(products[j] * factor - reference);
  return sum;
}

// Call `function` with two constants: the bits of an index's codes, and how many of `left` queries are scored at once.
template <typename F>
void as_constants(int64_t bits, int64_t left, const F& function) {
  const auto with = [&](auto queries) {
    if (bits == 2) function(std::integral_constant<int, 2>{}, queries);
    if (bits == 3) function(std::integral_constant<int, 3>{}, queries);
    if (bits == 4) function(std::integral_constant<int, 4>{}, queries);
  };
  if (left >= 4) with(std::integral_constant<int, 4>{});
  if (left == 3) with(std::integral_constant<int, 3>{});
  if (left == 2) with(std::integral_constant<int, 2>{});
  if (left == 1) with(std::integral_constant<int, 1>{});
}

// What `length` positions get from a query: products of the codes; what makes logits of a query head's, which lack the same
// constant each; and the logarithm of their sum of exponentials.
struct Logits {
  int64_t rows, group, length, stride, scored;
  Levels levels;
  std::unique_ptr<int32_t[], void (*)(int32_t*)> products;  // `stride` of each query head
  std::vector<float> normalizers;

  Logits(const KeyCodes& index, const float* query, int64_t group, int64_t length, double scaling)
      : rows(index.rows), group(group), length(length), stride(KeyCodes::up_to(length, kTile)),
        scored(positions_of_a_task(length)), levels(index, query, group, scaling),
        products(room_at_lines<int32_t>(rows * group * stride)), normalizers(rows * group) {
    const int64_t chunks = (length + scored - 1) / scored;
    std::vector<Part> parts(rows * group * chunks);
    parallel_for(rows * chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task)
        for (int64_t q = 0; q < group; q += 4) {
          const int64_t first = task / chunks * group + q, chunk = task % chunks;
          Part* part = &parts[first * chunks + chunk];
          as_constants(index.bits, group - q, [&](auto bits, auto queries) {
            score<decltype(bits)::value, decltype(queries)::value>(index, first, chunk * scored, part, chunks);
          });
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

  // Queries first, first + 1, … of one row over the positions of a chunk. Products are summed as they come, while the next
  // codes are on their way: as powers of what they exceed one of the first by, since the largest is not known yet.
  template <int kBits, int kQueries>
  void score(const KeyCodes& index, int64_t first, int64_t begin, Part* parts, int64_t parts_stride) {
    const int64_t count = std::min(scored, length - begin), whole = count / kTile * kTile;
    const uint8_t* tile = index.tile(first / group, begin);
    const int32_t* words = &levels.words[first * index.spans * kFours];
    int32_t* to = &products[first * stride + begin];
    float factors[kQueries], references[kQueries];
    Floats sums[kQueries] = {};
    for (int q = 0; q < kQueries; ++q) factors[q] = levels.factors[first + q] * static_cast<float>(kLog2E);
    for (int64_t j = 0; j < count; j += kTile, tile += index.tile_bytes()) {
      for (int64_t line = 0; line < index.tile_bytes(); line += 64) __builtin_prefetch(tile + kAhead + line);
      score_tile<kBits, kQueries>(tile, index.spans, words, to + j, stride);
      if (j == 0)
        for (int q = 0; q < kQueries; ++q) references[q] = factors[q] * extremes(to + q * stride, std::min(count, kTile)).second;
      if (j == whole) break;
#pragma GCC unroll 4
      for (int q = 0; q < kQueries; ++q)
        for (int64_t i = j; i < j + kTile; i += kLanes)
          sums[q] += powers(load(to + q * stride + i), factors[q], references[q]);
    }
    for (int q = 0; q < kQueries; ++q) {
      const int32_t* own = to + q * stride;
      float sum = sum_of_powers(own, whole, count, factors[q], references[q], sums[q]);
      if (!(sum < kLargestSum)) {
        references[q] = factors[q] * extremes(own, count).second;
        sum = sum_of_powers(own, 0, count, factors[q], references[q], Floats{});
      }
      parts[q * parts_stride] = {references[q] / static_cast<float>(kLog2E), sum};
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
