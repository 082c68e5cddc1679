// Attention of one query token over a cache, and one layer of a decode step.

#pragma once

#include "parallel.h"

namespace refreshkv {

constexpr float kLowest = -1e30f;

// What one task leaves of its positions for a query, besides the values' sum: the largest score and the sum of
// exponentials.
struct Part {
  float largest, sum;
};

// The totals of several.
template <int kCount>
void totals(const Floats* values, float* out) {
#if defined(__AVX2__)
  if constexpr (kCount == 4) {
    __m256 v[4];
    for (int i = 0; i < 4; ++i) {
#if defined(__AVX512F__)
      const __m512 whole = reinterpret_cast<__m512>(values[i]);
      v[i] = _mm256_add_ps(_mm512_castps512_ps256(whole), _mm512_extractf32x8_ps(whole, 1));
#else
      v[i] = reinterpret_cast<__m256>(values[i]);
#endif
    }
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
    return;
  }
#endif
  for (int i = 0; i < kCount; ++i) out[i] = total(values[i]);
}

// Keys and values `(1, heads, slots, dim)`, float32 or bfloat16.
template <typename T>
struct Cached {
  T *keys, *values;
  int64_t heads, dim, value_dim, key_stride, value_stride;

  Cached(const Tensor& k, const Tensor& v)
      : keys(static_cast<T*>(k.data_ptr())), values(static_cast<T*>(v.data_ptr())), heads(k.size(1)), dim(k.size(3)),
        value_dim(v.size(3)), key_stride(k.stride(1)), value_stride(v.stride(1)) {}

  void write(int64_t slot, const float* key, const float* value) const {
    for (int64_t head = 0; head < heads; ++head) {
      for (int64_t d = 0; d < dim; ++d) narrow(key[head * dim + d], keys[head * key_stride + slot * dim + d]);
      for (int64_t d = 0; d < value_dim; ++d)
        narrow(value[head * value_dim + d], values[head * value_stride + slot * value_dim + d]);
    }
  }
};

// Which slots of a cache are attended to: the first `length` of every head. (key_index.h has another such type.)
struct First {
  static constexpr bool kScattered = false;
  int64_t length;

  int64_t longest() const { return length; }
  int64_t count(int64_t) const { return length; }
  // The slots of a head from its `begin`-th on, as a function that may be asked for kChunk more than there are.
  auto slots(int64_t, int64_t begin) const {
    return [begin](int64_t j) { return begin + j; };
  }
};

template <typename T, typename Slots = First>
struct Attention {
  Cached<T> cached;
  const Slots& attended;
  const float* query;  // scaled
  int64_t group;
  float* weights;  // one row of `weights_stride` per query head, or null
  int64_t weights_stride;

  // Scores of kQueries queries with kKeys keys: side by side, since one alone waits for its own additions.
  template <int kQueries, int kKeys>
  void score(int64_t first, const T* const (&keys)[kKeys], float* scores) const {
    const int64_t dim = cached.dim;
    Floats sums[kQueries][kKeys] = {};
    int64_t d = 0;
    for (; d + kLanes <= dim; d += kLanes)
      for (int i = 0; i < kKeys; ++i) {
        const Floats key = load(keys[i] + d);
        for (int q = 0; q < kQueries; ++q) sums[q][i] += key * load(query + (first + q) * dim + d);
      }
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q) totals<kKeys>(sums[q], scores + q * kChunk);
    for (; d < dim; ++d)
      for (int i = 0; i < kKeys; ++i)
        for (int q = 0; q < kQueries; ++q) scores[q * kChunk + i] += query[(first + q) * dim + d] * wide(keys[i][d]);
  }

  // Sums of kVectors * kLanes value columns from `values` on, weighted by `scores`; `keys` are read after them.
  template <int kQueries, int kVectors, typename At>
  void add_values(const T* values, const At& at, int64_t count, const float* scores, float* out, const T* keys) const {
    Floats sums[kQueries][kVectors] = {};
    for (int64_t j = 0; j < count; ++j) {
      prefetch(keys + at(j + kChunk) * cached.dim, cached.dim);
      for (int v = 0; v < kVectors; ++v) {
        const Floats value = load(values + at(j) * cached.value_dim + v * kLanes);
        for (int q = 0; q < kQueries; ++q) sums[q][v] += value * scores[q * kChunk + j];
      }
    }
    for (int q = 0; q < kQueries; ++q)
      for (int v = 0; v < kVectors; ++v) store(sums[q][v], out + q * cached.value_dim + v * kLanes);
  }

  static void prefetch(const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(from + i, 0, 3);
  }

  // Queries of one KV head over positions [begin, end): exponentials into `weights`, the rest into `parts` and `sums`.
  template <int kQueries>
  void attend(int64_t first, int64_t head, int64_t begin, int64_t end, Part* parts, float* sums) const {
    constexpr int kKeys = 4;
    const int64_t dim = cached.dim, value_dim = cached.value_dim, count = end - begin;
    float scores[kQueries * kChunk];
    const auto at = attended.slots(head, begin);
    const T* keys = cached.keys + head * cached.key_stride;
    const T* values = cached.values + head * cached.value_stride;
    if constexpr (Slots::kScattered)
      for (int64_t i = 0; i < count; ++i) prefetch(keys + at(i) * dim, dim);
    int64_t j = 0;
    for (; j + kKeys <= count; j += kKeys) {
      for (int i = 0; i < kKeys; ++i) prefetch(values + at(j + i) * value_dim, value_dim);
      const T* const rows[kKeys] = {keys + at(j) * dim, keys + at(j + 1) * dim, keys + at(j + 2) * dim,
                                    keys + at(j + 3) * dim};
      score<kQueries, kKeys>(first, rows, scores + j);
    }
    for (; j < count; ++j) score<kQueries, 1>(first, {keys + at(j) * dim}, scores + j);
    for (int q = 0; q < kQueries; ++q) {
      float* row = scores + q * kChunk;
      float largest = kLowest, sum = 0;
      for (int64_t j = 0; j < count; ++j) largest = std::max(largest, row[j]);
      for (int64_t j = 0; j < count; ++j) row[j] = std::exp(row[j] - largest);
      for (int64_t j = 0; j < count; ++j) sum += row[j];
      if (weights) std::memcpy(weights + (first + q) * weights_stride + begin, row, count * sizeof(float));
      parts[q] = {largest, sum};
    }
    int64_t column = 0;
    for (; column + 4 * kLanes <= value_dim; column += 4 * kLanes)
      add_values<kQueries, 4>(values + column, at, count, scores, sums + column, keys);
    for (; column + kLanes <= value_dim; column += kLanes)
      add_values<kQueries, 1>(values + column, at, count, scores, sums + column, keys);
    for (; column < value_dim; ++column)
      for (int q = 0; q < kQueries; ++q) {
        float sum = 0;
        for (int64_t j = 0; j < count; ++j) sum += scores[q * kChunk + j] * wide(values[at(j) * value_dim + column]);
        sums[q * value_dim + column] = sum;
      }
  }

  void attend_group(int64_t head, int64_t begin, int64_t end, Part* parts, float* sums) const {
    for (int64_t q = 0; q < group;) {
      const int64_t first = head * group + q, left = group - q;
      float* to = sums + q * cached.value_dim;
      if (left >= 4) {
        attend<4>(first, head, begin, end, parts + q, to);
      } else if (left == 3) {
        attend<3>(first, head, begin, end, parts + q, to);
      } else if (left == 2) {
        attend<2>(first, head, begin, end, parts + q, to);
      } else {
        attend<1>(first, head, begin, end, parts + q, to);
      }
      q += std::min<int64_t>(left, 4);
    }
  }

  // Join the parts of one query: its output, and `weights` from exponentials within a chunk to probabilities.
  void join(int64_t q, int64_t chunks, const Part* parts, const float* sums, float* out) const {
    float largest = kLowest, sum = 0;
    for (int64_t c = 0; c < chunks; ++c) largest = std::max(largest, parts[c * group].largest);
    for (int64_t c = 0; c < chunks; ++c) sum += parts[c * group].sum * std::exp(parts[c * group].largest - largest);
    std::fill(out, out + cached.value_dim, 0.0f);
    for (int64_t c = 0; c < chunks; ++c) {
      const float factor = std::exp(parts[c * group].largest - largest) / sum;
      const float* from = sums + c * group * cached.value_dim;
      for (int64_t d = 0; d < cached.value_dim; ++d) out[d] += factor * from[d];
      if (!weights) continue;
      float* row = weights + q * weights_stride + c * kChunk;
      for (int64_t j = 0; j < std::min(kChunk, attended.count(q / group) - c * kChunk); ++j) row[j] *= factor;
    }
  }

  void run(float* out) const {
    const int64_t chunks = (attended.longest() + kChunk - 1) / kChunk, tasks = cached.heads * chunks;
    std::vector<Part> parts(tasks * group);
    const std::unique_ptr<float[]> sums(new float[tasks * group * cached.value_dim]);
    parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t head = task / chunks, from = task % chunks * kChunk, at = task * group;
        const int64_t count = attended.count(head);
        float* to = &sums[at * cached.value_dim];
        attend_group(head, std::min(from, count), std::min(count, from + kChunk), &parts[at], to);
      }
    });
    parallel_for(cached.heads * group, 2, [&](int64_t begin, int64_t end) {
      for (int64_t q = begin; q < end; ++q) {
        const int64_t at = q / group * chunks * group + q % group;
        join(q, chunks, &parts[at], &sums[at * cached.value_dim], out + q * cached.value_dim);
      }
    });
  }
};

template <typename T, typename Slots>
void attend(const Cached<T>& cached, const Slots& attended, const Tensor& query, double scaling, float* weights,
            int64_t weights_stride, float* out) {
  const float* from = query.const_data_ptr<float>();
  std::vector<float> scaled(from, from + query.numel());
  for (float& value : scaled) value *= static_cast<float>(scaling);
  const int64_t group = query.size(1) / cached.heads;
  Attention<T, Slots>{cached, attended, scaled.data(), group, weights, weights_stride}.run(out);
}

// Call `function` with a value of the type in which the cache is stored.
template <typename F>
void with_stored_type(const Tensor& states, const F& function) {
  if (states.element_size() == 2) {
    function(uint16_t{});
  } else {
    function(float{});
  }
}

inline std::tuple<Tensor, Tensor> decode_attention(const Tensor query, const Tensor keys, const Tensor values,
                                                   double scaling) {
  const int64_t query_heads = query.size(1), heads = keys.size(1), length = keys.size(2);
  Tensor out = torch::stable::new_empty(query, {1, 1, query_heads, values.size(3)});
  Tensor weights = torch::stable::new_empty(query, {1, heads, query_heads / heads, length});
  with_stored_type(keys, [&](auto type) {
    attend(Cached<decltype(type)>(keys, values), First{length}, query, scaling, weights.mutable_data_ptr<float>(), length,
           out.mutable_data_ptr<float>());
  });
  return {out, weights};
}

inline Tensor cached_step(const Tensor& query, const Tensor& key, const Tensor& value, Tensor& full_keys,
                          Tensor& full_values, Tensor& small_keys, Tensor& small_values, Tensor& weights,
                          const Tensor& place, double scaling) {
  const int64_t* places = place.const_data_ptr<int64_t>();
  const int64_t position = places[0], slot = places[1], slots = places[2];
  Tensor out = torch::stable::new_empty(query, {1, 1, query.size(1), full_values.size(3)});
  const float *k = key.const_data_ptr<float>(), *v = value.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  with_stored_type(full_keys, [&](auto type) {
    using T = decltype(type);
    const Cached<T> full(full_keys, full_values);
    full.write(position, k, v);
    if (slot >= 0) {
      const Cached<T> small(small_keys, small_values);
      small.write(slot, k, v);
      attend(small, First{slots}, query, scaling, nullptr, 0, to);
    } else {
      float* rows = weights.numel() ? weights.mutable_data_ptr<float>() : nullptr;
      attend(full, First{position + 1}, query, scaling, rows, weights.size(2), to);
    }
  });
  return out;
}

}  // namespace refreshkv
