// Attention of one query token over a cache, or of several, each over its own or the same.

#pragma once

#include "parallel.h"
#include "vectors.h"

namespace refreshkv {

constexpr float kLowest = -1e30f;
#if defined(__AVX512F__)
constexpr int kMostQueries = 6;  // of a KV head at once: with four keys their sums fill the registers
#else
constexpr int kMostQueries = 4;
#endif

// What one task leaves of its positions for a query, besides the values' sum: the largest score and the sum of
// exponentials.
struct Part {
  float largest, sum;
};

// How much less a query gets of some positions: nothing if one of them has a share of `peak` of what they all get, else the
// more the less one stands out, down to exp(-most).
struct Damping {
  float most, peak;  // the largest divisor, and `peak`

  static Damping of(double most, double peak) { return {static_cast<float>(std::exp(most)), static_cast<float>(peak)}; }

  // `total`: of their exponentials, the largest being 1.
  float share(float total) const { return 1 / std::min(std::max(peak * total, 1.0f), most); }
};

// The totals of several. (Inlined by force: else the sums leave their registers.)
template <int kCount>
[[gnu::always_inline]] inline void totals(const Floats (&values)[kCount], float* out) {
#if defined(__AVX512F__)
  if constexpr (kCount == 4) {
    const auto pairs = [](Floats a, Floats b) {
      const __m512 x = reinterpret_cast<__m512>(a), y = reinterpret_cast<__m512>(b);
      return _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y)));
    };
    const __m512d first = pairs(values[0], values[1]), second = pairs(values[2], values[3]);
    const __m512 fours = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(first, second)),
                                       _mm512_castpd_ps(_mm512_unpackhi_pd(first, second)));
    const __m256 halves = _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
    return;
  }
#elif defined(__AVX2__)
  if constexpr (kCount == 4) {
    __m256 v[4];
    for (int i = 0; i < 4; ++i) v[i] = reinterpret_cast<__m256>(values[i]);
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

  // `capacity` positions of each head, from these addresses on.
  Cached(int64_t k, int64_t v, int64_t heads, int64_t capacity, int64_t dim, int64_t value_dim)
      : keys(reinterpret_cast<T*>(k)), values(reinterpret_cast<T*>(v)), heads(heads), dim(dim), value_dim(value_dim),
        key_stride(capacity * dim), value_stride(capacity * value_dim) {}

  void write(int64_t slot, const float* key, const float* value) const {
    for (int64_t head = 0; head < heads; ++head) {
      for (int64_t d = 0; d < dim; ++d) narrow(key[head * dim + d], keys[head * key_stride + slot * dim + d]);
      for (int64_t d = 0; d < value_dim; ++d)
        narrow(value[head * value_dim + d], values[head * value_stride + slot * value_dim + d]);
    }
  }

  T* key(int64_t head, int64_t slot) const { return keys + head * key_stride + slot * dim; }
  T* value(int64_t head, int64_t slot) const { return values + head * value_stride + slot * value_dim; }

  void prefetch(int64_t head, int64_t slot) const {
    for (int64_t d = 0; d < dim; d += 64 / sizeof(T)) __builtin_prefetch(key(head, slot) + d);
    for (int64_t d = 0; d < value_dim; d += 64 / sizeof(T)) __builtin_prefetch(value(head, slot) + d);
  }
};

// Which slots of a cache are attended to: the first `length` of every head. (key_index.h has another such type.)
struct First {
  static constexpr bool kScattered = false;
  int64_t length;

  int64_t count(int64_t) const { return length; }
  // The slots of a head from its `begin`-th on, as a function that may be asked for kChunk more than there are.
  auto slots(int64_t, int64_t begin) const {
    return [begin](int64_t j) { return begin + j; };
  }
};

// Queries, scaled: to keys in bfloat16 they are rounded to it where there is an instruction for pairs of it, as are the
// exponentials to values. (It halves what a further row multiplies; the sums are float32 either way.)
template <typename T>
struct Queries {
  static constexpr bool kPairs = kHasPairs && std::is_same_v<T, uint16_t>;
  Lines<float> numbers;
  Lines<uint16_t> pairs;

  Queries(Lines<float> scaled) : numbers(std::move(scaled)), pairs(kPairs ? numbers.size() : 0) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      narrow(numbers[i], pairs[i]);
      numbers[i] = wide(pairs[i]);
    }
  }
};

// Rows that attend to the same cache, each a token of its own. A piece of the cache is read once for all of them; a row's
// arithmetic is the same whatever rows are beside it.
template <typename T, typename Slots = First>
struct Attention {
  static constexpr bool kPairs = Queries<T>::kPairs;
  Cached<T> cached;
  std::vector<Slots> attended;  // of each row
  Queries<T> query;             // `(heads, rows, group, dim)`
  int64_t group;
  std::vector<float*> weights;  // of each row, one line of `weights_stride` per query head, or null
  int64_t weights_stride;
  std::vector<float*> outs;     // of each row, `(query_heads, value_dim)`
  int64_t damped_first = 0, damped_last = 0;  // of the slots attended to, of which a query gets less
  Damping damping = {1, 0};

  // The queries of a KV head, those of a row side by side.
  int64_t queries() const { return attended.size() * group; }

  struct Stretch {
    int64_t begin, end;
    int64_t chunks() const { return (end - begin + kChunk - 1) / kChunk; }
  };

  // Those of which a query gets less have chunks of their own.
  std::array<Stretch, 3> stretches(int64_t row, int64_t head) const {
    return {{{0, damped_first}, {damped_first, damped_last}, {damped_last, attended[row].count(head)}}};
  }

  int64_t chunks(int64_t row, int64_t head) const {
    int64_t count = 0;
    for (const Stretch& stretch : stretches(row, head)) count += stretch.chunks();
    return count;
  }

  // The slots of a chunk, of which a row may have none.
  Stretch slots(int64_t row, int64_t head, int64_t chunk) const {
    for (const Stretch& stretch : stretches(row, head)) {
      const int64_t begin = stretch.begin + chunk * kChunk;
      if (begin < stretch.end) return {begin, std::min(begin + kChunk, stretch.end)};
      chunk -= stretch.chunks();
    }
    return {0, 0};
  }

  int64_t chunks(int64_t head) const {
    int64_t most = 0;
    for (int64_t row = 0; row < static_cast<int64_t>(attended.size()); ++row) most = std::max(most, chunks(row, head));
    return most;
  }

  // `row`'s, of its query `q` with KV head `head`.
  float* weights_of(int64_t head, int64_t row, int64_t q) const {
    return weights[row] ? weights[row] + (head * group + q) * weights_stride : nullptr;
  }

  // Scores of kQueries queries with kKeys keys: side by side, since one alone waits for its own additions.
  template <int kQueries, int kKeys>
  void score(int64_t first, const T* const (&keys)[kKeys], float* scores) const {
    const int64_t dim = cached.dim;
    Floats sums[kQueries][kKeys] = {};
    int64_t d = 0;
    if constexpr (kPairs)
      for (; d + 2 * kLanes <= dim; d += 2 * kLanes) {
        Words key[kKeys];
        for (int i = 0; i < kKeys; ++i) key[i] = load_pairs(keys[i] + d);
        for (int q = 0; q < kQueries; ++q) {
          const Words own = load_pairs(query.pairs.data() + (first + q) * dim + d);
          for (int i = 0; i < kKeys; ++i) sums[q][i] = add_pairs(sums[q][i], key[i], own);
        }
      }
    for (; d + kLanes <= dim; d += kLanes)
      for (int i = 0; i < kKeys; ++i) {
        const Floats key = load(keys[i] + d);
        for (int q = 0; q < kQueries; ++q) sums[q][i] += key * load(query.numbers.data() + (first + q) * dim + d);
      }
#pragma GCC unroll 6
    for (int q = 0; q < kQueries; ++q) totals<kKeys>(sums[q], scores + q * kChunk);
    for (; d < dim; ++d)
      for (int i = 0; i < kKeys; ++i)
        for (int q = 0; q < kQueries; ++q) scores[q * kChunk + i] += query.numbers[(first + q) * dim + d] * wide(keys[i][d]);
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

  // As `add_values`, of pairs of positions; `scores` in bfloat16, with a zero behind an odd count.
  template <int kQueries, int kVectors, typename At>
  void add_value_pairs(const T* values, const At& at, int64_t count, const uint16_t* scores, float* out, const T* keys) const {
    Floats sums[kQueries][kVectors] = {};
    for (int64_t j = 0; j < count; j += 2) {
      const T* one = values + at(j) * cached.value_dim;
      const T* next = j + 1 < count ? values + at(j + 1) * cached.value_dim : one;
      prefetch(keys + at(j + kChunk) * cached.dim, cached.dim);
      prefetch(keys + at(j + 1 + kChunk) * cached.dim, cached.dim);
      Words pairs[kVectors];
      for (int v = 0; v < kVectors; v += 2)
        std::tie(pairs[v], pairs[v + 1]) = interleaved(load_pairs(one + v * kLanes), load_pairs(next + v * kLanes));
      for (int q = 0; q < kQueries; ++q) {
        uint32_t both;
        std::memcpy(&both, scores + q * kChunk + j, sizeof both);
        for (int v = 0; v < kVectors; ++v) sums[q][v] = add_product<true>(sums[q][v], both, pairs[v]);
      }
    }
    for (int q = 0; q < kQueries; ++q)
      for (int v = 0; v < kVectors; v += 2)
        store_ordered(sums[q][v], sums[q][v + 1], out + q * cached.value_dim + v * kLanes);
  }

  static void prefetch(const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(from + i, 0, 3);
  }

  // Queries `q`, `q + 1`, … of one KV head over positions [begin, end) of those that `slots` attends to: exponentials into
  // the weights, the rest into `parts` and `sums`, which are the head's.
  template <int kQueries>
  void attend(int64_t q, int64_t head, const Slots& slots, int64_t begin, int64_t end, Part* parts, float* sums) const {
    constexpr int kKeys = 4;
    const int64_t dim = cached.dim, value_dim = cached.value_dim, count = end - begin, first = head * queries() + q;
    float scores[kQueries * kChunk];
    const auto at = slots.slots(head, begin);
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
    for (int i = 0; i < kQueries; ++i) {
      float* row = scores + i * kChunk;
      float largest = kLowest, sum = 0;
      for (int64_t j = 0; j < count; ++j) largest = std::max(largest, row[j]);
      for (int64_t j = 0; j < count; ++j) row[j] = std::exp(row[j] - largest);
      for (int64_t j = 0; j < count; ++j) sum += row[j];
      if (float* to = weights_of(head, (q + i) / group, (q + i) % group))
        std::memcpy(to + begin, row, count * sizeof(float));
      parts[q + i] = {largest, sum};
    }
    float* to = sums + q * value_dim;
    int64_t column = 0;
    if constexpr (kPairs) {
      uint16_t pairs[kQueries * kChunk];
      for (int i = 0; i < kQueries; ++i) {
        for (int64_t j = 0; j < count; ++j) narrow(scores[i * kChunk + j], pairs[i * kChunk + j]);
        if (count % 2) pairs[i * kChunk + count] = 0;
      }
      for (; column + 4 * kLanes <= value_dim; column += 4 * kLanes)
        add_value_pairs<kQueries, 4>(values + column, at, count, pairs, to + column, keys);
    } else {
      for (; column + 4 * kLanes <= value_dim; column += 4 * kLanes)
        add_values<kQueries, 4>(values + column, at, count, scores, to + column, keys);
    }
    for (; column + kLanes <= value_dim; column += kLanes)
      add_values<kQueries, 1>(values + column, at, count, scores, to + column, keys);
    for (; column < value_dim; ++column)
      for (int i = 0; i < kQueries; ++i) {
        float sum = 0;
        for (int64_t j = 0; j < count; ++j) sum += scores[i * kChunk + j] * wide(values[at(j) * value_dim + column]);
        to[i * value_dim + column] = sum;
      }
  }

  // As `attend`, of queries [q, last), as many at once as there are registers for.
  void attend_all(int64_t q, int64_t last, int64_t head, const Slots& slots, int64_t begin, int64_t end, Part* parts,
                  float* sums) const {
    for (; last - q >= kMostQueries; q += kMostQueries) attend<kMostQueries>(q, head, slots, begin, end, parts, sums);
    const int64_t left = last - q;
    if (left == 5 && kMostQueries > 5) attend<5>(q, head, slots, begin, end, parts, sums);
    if (left == 4 && kMostQueries > 4) attend<4>(q, head, slots, begin, end, parts, sums);
    if (left == 3) attend<3>(q, head, slots, begin, end, parts, sums);
    if (left == 2) attend<2>(q, head, slots, begin, end, parts, sums);
    if (left == 1) attend<1>(q, head, slots, begin, end, parts, sums);
  }

  // All queries of a KV head over the positions of a chunk: together where every row has all of them.
  void attend_chunk(int64_t head, int64_t chunk, Part* parts, float* sums) const {
    const int64_t rows = attended.size();
    const auto [begin, end] = slots(0, head, chunk);
    bool same = begin < end;
    for (int64_t row = 1; row < rows; ++row) same = same && slots(row, head, chunk).end == end;
    if (same) {
      attend_all(0, queries(), head, attended[0], begin, end, parts, sums);
      return;
    }
    for (int64_t row = 0; row < rows; ++row)
      if (const auto own = slots(row, head, chunk); own.begin < own.end)
        attend_all(row * group, (row + 1) * group, head, attended[row], own.begin, own.end, parts, sums);
  }

  // Join the parts of a row's query head: its output, and its weights from exponentials within a chunk to probabilities.
  // Those of a chunk lie `stride` queries after those of the one before.
  void join(int64_t head, int64_t row, int64_t q, const Part* parts, const float* sums, int64_t stride) const {
    const int64_t count = chunks(row, head), value_dim = cached.value_dim, own = row * group + q;
    float* out = outs[row] + (head * group + q) * value_dim;
    const auto part = [&](int64_t c) { return parts[c * stride + own]; };
    const auto total = [&](int64_t begin, int64_t end, float largest) {
      float sum = 0;
      for (int64_t c = begin; c < end; ++c) sum += part(c).sum * std::exp(part(c).largest - largest);
      return sum;
    };
    const auto most = [&](int64_t begin, int64_t end) {
      float largest = kLowest;
      for (int64_t c = begin; c < end; ++c) largest = std::max(largest, part(c).largest);
      return largest;
    };
    const auto all = stretches(row, head);
    const int64_t first = all[0].chunks(), last = first + all[1].chunks();
    const float share = first < last ? damping.share(total(first, last, most(first, last))) : 1, largest = most(0, count);
    const float sum = total(0, first, largest) + share * total(first, last, largest) + total(last, count, largest);
    std::fill(out, out + value_dim, 0.0f);
    for (int64_t c = 0; c < count; ++c) {
      const float factor = std::exp(part(c).largest - largest) / sum * (first <= c && c < last ? share : 1);
      const float* from = sums + (c * stride + own) * value_dim;
      for (int64_t d = 0; d < value_dim; ++d) out[d] += factor * from[d];
      if (float* to = weights_of(head, row, q)) {
        const auto [begin, end] = slots(row, head, c);
        for (int64_t j = begin; j < end; ++j) to[j] *= factor;
      }
    }
  }
};

// What each of `sets` attends to, in one parallel loop.
template <typename T, typename Slots>
void run(const std::vector<Attention<T, Slots>>& sets) {
  struct Task {
    int64_t set, head, chunk, query;  // `query`: where the queries of the task begin among those of all
  };
  std::vector<Task> tasks, joins;
  int64_t queries = 0;
  for (int64_t set = 0; set < static_cast<int64_t>(sets.size()); ++set)
    for (int64_t head = 0; head < sets[set].cached.heads; ++head) {
      const int64_t first = queries, chunks = sets[set].chunks(head);
      for (int64_t chunk = 0; chunk < chunks; ++chunk, queries += sets[set].queries())
        tasks.push_back({set, head, chunk, queries});
      for (int64_t q = 0; q < sets[set].queries(); ++q) joins.push_back({set, head, q, first});
    }
  if (tasks.empty()) return;
  const int64_t value_dim = sets[0].cached.value_dim;
  std::vector<Part> parts(queries);
  const std::unique_ptr<float[]> sums(new float[queries * value_dim]);
  parallel_for(tasks.size(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[i];
      sets[task.set].attend_chunk(task.head, task.chunk, &parts[task.query], &sums[task.query * value_dim]);
    }
  });
  parallel_for(joins.size(), 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [set, head, q, first] = joins[i];
      const Attention<T, Slots>& own = sets[set];
      own.join(head, q / own.group, q % own.group, &parts[first], &sums[first * value_dim], own.queries());
    }
  });
}

// `size` numbers, each times `scaling`.
inline Lines<float> scaled(const float* from, int64_t size, double scaling) {
  Lines<float> values(from, from + size);
  for (float& value : values) value *= static_cast<float>(scaling);
  return values;
}

template <typename T, typename Slots>
void attend(const Cached<T>& cached, const Slots& attended, const Tensor& query, double scaling, float* weights,
            int64_t weights_stride, float* out) {
  Lines<float> own = scaled(query.const_data_ptr<float>(), query.numel(), scaling);
  run<T, Slots>({{cached, {attended}, std::move(own), query.size(1) / cached.heads, {weights}, weights_stride, {out}}});
}

inline std::tuple<Tensor, Tensor> decode_attention(const Tensor query, const Tensor keys, const Tensor values,
                                                   double scaling) {
  const int64_t query_heads = query.size(1), heads = keys.size(1), length = keys.size(2);
  Tensor out = torch::stable::new_empty(query, {1, 1, query_heads, values.size(3)});
  Tensor weights = torch::stable::new_empty(query, {1, heads, query_heads / heads, length});
  with_stored_type(keys.element_size(), [&](auto type) {
    attend(Cached<decltype(type)>(keys, values), First{length}, query, scaling, weights.mutable_data_ptr<float>(), length,
           out.mutable_data_ptr<float>());
  });
  return {out, weights};
}

}  // namespace refreshkv
