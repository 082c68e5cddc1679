// The inner loops of decoding on a CPU: linears with 4- and 8-bit weights, attention of one query, and the gathering of
// what a refresh keeps.
//
// Built at run time for the machine at hand (kernels/__init__.py). Shapes and contracts are stated there, beside the
// reference implementations in torch that the tests compare these with.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

using torch::stable::Tensor;

namespace {

constexpr int64_t kGroup = 32;   // weights that share a scale and a minimum
constexpr int64_t kChunk = 128;  // positions one task attends to: their values stay in the first-level cache
constexpr int kOutputs = 4;      // rows of a weight multiplied side by side
constexpr float kLevels = 32767;  // of a 16-bit activation; four products with 8-bit weights fit a float32 exactly
constexpr float kLowest = -1e30f;

// --- linears --------------------------------------------------------------------------------------------------------

float from_bfloat16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

// One activation row, rounded to 16 bits in groups, so that a dot product runs in integers: with 8 bits the embedded
// model's outputs move twenty times as far as with this, for a tenth of the time.
struct Row {
  std::vector<int16_t> values;
  std::vector<float> scales;  // of each group
  std::vector<float> sums;    // of each group's activations: they meet the group's minimum

  Row(const float* x, int64_t inputs) : values(inputs), scales(inputs / kGroup), sums(inputs / kGroup) {
    for (int64_t group = 0; group < inputs / kGroup; ++group) {
      const float* from = x + group * kGroup;
      float largest = 0, sum = 0;
      for (int64_t i = 0; i < kGroup; ++i) {
        largest = std::max(largest, std::fabs(from[i]));
        sum += from[i];
      }
      const float inverse = largest > 0 ? kLevels / largest : 0;
      for (int64_t i = 0; i < kGroup; ++i)
        values[group * kGroup + i] = static_cast<int16_t>(std::lrintf(from[i] * inverse));
      scales[group] = largest / kLevels;
      sums[group] = sum;
    }
  }
};

// 4-bit weights: byte i of a group holds weight i in its low half and weight i + 16 in its high half; a bfloat16 step and
// minimum for each group.
struct Int4 {
  using Stored = uint8_t;
  static constexpr int64_t kBytes = kGroup / 2;
  static float step(const uint16_t* scale, int64_t, int64_t at) { return from_bfloat16(scale[2 * at]); }
  static float minimum(const uint16_t* scale, int64_t at) { return from_bfloat16(scale[2 * at + 1]); }
  static int32_t level(const Stored* group, int64_t i) { return i < 16 ? group[i] & 15 : group[i - 16] >> 4; }
#if defined(__AVX2__)
  static void load(const Stored* group, __m256i& first, __m256i& second) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(group)), low = _mm_set1_epi8(15);
    first = _mm256_cvtepu8_epi16(_mm_and_si128(packed, low));
    second = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(packed, 4), low));
  }
#endif
};

// 8-bit weights with one bfloat16 step for each output.
struct Int8 {
  using Stored = int8_t;
  static constexpr int64_t kBytes = kGroup;
  static float step(const uint16_t* scale, int64_t output, int64_t) { return from_bfloat16(scale[output]); }
  static float minimum(const uint16_t*, int64_t) { return 0; }
  static int32_t level(const Stored* group, int64_t i) { return group[i]; }
#if defined(__AVX2__)
  static void load(const Stored* group, __m256i& first, __m256i& second) {
    const __m128i* halves = reinterpret_cast<const __m128i*>(group);
    first = _mm256_cvtepi8_epi16(_mm_loadu_si128(halves));
    second = _mm256_cvtepi8_epi16(_mm_loadu_si128(halves + 1));
  }
#endif
};

// Products of `row` with outputs first, first + 1, …: side by side, since one alone waits for its own additions.
template <typename Weight, int kOutputs>
void dot(const typename Weight::Stored* weight, const uint16_t* scale, int64_t first, const Row& row, float* out) {
  const int64_t groups = row.scales.size();
#if defined(__AVX2__)
  __m256 total[kOutputs] = {};
  float minimum[kOutputs] = {};
  for (int64_t group = 0; group < groups; ++group) {
    const __m256i* x = reinterpret_cast<const __m256i*>(row.values.data() + group * kGroup);
    const __m256i x0 = _mm256_loadu_si256(x), x1 = _mm256_loadu_si256(x + 1);
    for (int n = 0; n < kOutputs; ++n) {
      const int64_t at = (first + n) * groups + group;
      __m256i w0, w1;
      Weight::load(weight + at * Weight::kBytes, w0, w1);
      const __m256i sums = _mm256_add_epi32(_mm256_madd_epi16(w0, x0), _mm256_madd_epi16(w1, x1));
      const float factor = Weight::step(scale, first + n, at) * row.scales[group];
      total[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(factor), total[n]);
      minimum[n] += Weight::minimum(scale, at) * row.sums[group];
    }
  }
  for (int n = 0; n < kOutputs; ++n) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(total[n]), _mm256_extractf128_ps(total[n], 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    half = _mm_add_ss(half, _mm_shuffle_ps(half, half, 1));
    out[n] = _mm_cvtss_f32(half) + minimum[n];
  }
#else
  for (int n = 0; n < kOutputs; ++n) {
    float total = 0;
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t at = (first + n) * groups + group;
      const int16_t* x = row.values.data() + group * kGroup;
      int32_t sum = 0;
      for (int64_t i = 0; i < kGroup; ++i) sum += Weight::level(weight + at * Weight::kBytes, i) * x[i];
      total += Weight::step(scale, first + n, at) * row.scales[group] * sum;
      total += Weight::minimum(scale, at) * row.sums[group];
    }
    out[n] = total;
  }
#endif
}

template <typename Weight>
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& scale, int64_t inputs) {
  const int64_t outputs = weight.size(0), rows = x.numel() / inputs;
  Tensor out = torch::stable::new_empty(x, {rows, outputs});
  const float* from = x.const_data_ptr<float>();
  const auto* weights = static_cast<const typename Weight::Stored*>(weight.const_data_ptr());
  const auto* scales = static_cast<const uint16_t*>(scale.const_data_ptr());
  float* to = out.mutable_data_ptr<float>();
  std::vector<Row> rounded;
  for (int64_t r = 0; r < rows; ++r) rounded.emplace_back(from + r * inputs, inputs);
  torch::stable::parallel_for(0, outputs, 64, [&](int64_t begin, int64_t end) {
    int64_t n = begin;
    for (; n + kOutputs <= end; n += kOutputs)
      for (int64_t r = 0; r < rows; ++r) dot<Weight, kOutputs>(weights, scales, n, rounded[r], to + r * outputs + n);
    for (; n < end; ++n)
      for (int64_t r = 0; r < rows; ++r) dot<Weight, 1>(weights, scales, n, rounded[r], to + r * outputs + n);
  });
  return out;
}

Tensor int4_linear(const Tensor x, const Tensor weight, const Tensor scale) {
  return linear<Int4>(x, weight, scale, 2 * weight.size(1));
}

Tensor int8_linear(const Tensor x, const Tensor weight, const Tensor scale) {
  return linear<Int8>(x, weight, scale, weight.size(1));
}

Tensor int4_dense(const Tensor weight, const Tensor scale) {
  const int64_t outputs = weight.size(0), inputs = 2 * weight.size(1), groups = inputs / kGroup;
  Tensor out = torch::stable::empty({outputs, inputs}, torch::headeronly::ScalarType::Float);
  const uint8_t* weights = weight.const_data_ptr<uint8_t>();
  const uint16_t* scales = static_cast<const uint16_t*>(scale.const_data_ptr());
  float* to = out.mutable_data_ptr<float>();
  torch::stable::parallel_for(0, outputs * groups, 512, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const uint8_t* packed = weights + group * kGroup / 2;
      const float step = from_bfloat16(scales[2 * group]), minimum = from_bfloat16(scales[2 * group + 1]);
      float* row = to + group * kGroup;
      for (int64_t i = 0; i < kGroup / 2; ++i) {
        row[i] = (packed[i] & 15) * step + minimum;
        row[i + kGroup / 2] = (packed[i] >> 4) * step + minimum;
      }
    }
  });
  return out;
}

// --- refresh --------------------------------------------------------------------------------------------------------

// Sort by the upper 32 bits, least significant byte first: equal ones stay in their order.
void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& spare) {
  spare.resize(keys.size());
  for (int shift = 32; shift < 64; shift += 8) {
    int64_t starts[257] = {};
    for (const uint64_t key : keys) ++starts[(key >> shift & 255) + 1];
    for (int i = 0; i < 256; ++i) starts[i + 1] += starts[i];
    for (const uint64_t key : keys) spare[starts[key >> shift & 255]++] = key;
    keys.swap(spare);
  }
}

// The bits of a non-negative float order like an integer; their upper half is counted, so that only what lies at or above
// the lowest chosen count is sorted.
Tensor top_positions(const Tensor scores, int64_t count) {
  constexpr int kShift = 20;
  const int64_t length = scores.size(2), rows = scores.size(0) * scores.size(1);
  Tensor out = torch::stable::empty({scores.size(0), scores.size(1), count}, torch::headeronly::ScalarType::Long);
  const float* from = scores.const_data_ptr<float>();
  int64_t* to = out.mutable_data_ptr<int64_t>();
  torch::stable::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<uint32_t> bits(length);
    std::vector<uint64_t> keys, spare;
    for (int64_t row = begin; row < end; ++row) {
      std::memcpy(bits.data(), from + row * length, length * sizeof(float));
      int64_t counts[1 << (32 - kShift)] = {}, above = 0;
      for (const uint32_t value : bits) ++counts[value >> kShift];
      uint32_t lowest = 1 << (32 - kShift);
      while (above < count) above += counts[--lowest];
      keys.clear();
      for (int64_t i = 0; i < length; ++i)
        if (bits[i] >> kShift >= lowest) keys.push_back(static_cast<uint64_t>(bits[i]) << 32 | i);
      radix_sort(keys, spare);
      for (int64_t i = 0; i < count; ++i) to[row * count + i] = keys[keys.size() - count + i] & 0xffffffff;
    }
  });
  return out;
}

void gather_positions(Tensor out, const Tensor states, const Tensor positions) {
  const int64_t heads = states.size(1), count = positions.size(2), bytes = states.element_size();
  const int64_t width = states.size(3) * bytes, step = states.stride(2) * bytes;
  const int64_t* chosen = positions.const_data_ptr<int64_t>();
  const char* from = static_cast<const char*>(states.const_data_ptr());
  char* to = static_cast<char*>(out.mutable_data_ptr());
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  torch::stable::parallel_for(0, states.size(0) * heads * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / chunks, first = task % chunks * kChunk;
      const char* source = from + (row / heads * states.stride(0) + row % heads * states.stride(1)) * bytes;
      char* target = to + (row / heads * out.stride(0) + row % heads * out.stride(1)) * bytes;
      for (int64_t i = first; i < std::min(count, first + kChunk); ++i)
        std::memcpy(target + i * width, source + chosen[row * count + i] * step, width);
    }
  });
}

// --- attention of one query -----------------------------------------------------------------------------------------

float wide(float value) { return value; }
float wide(uint16_t bits) { return from_bfloat16(bits); }
void narrow(float value, float& to) { to = value; }
void narrow(float value, uint16_t& to) {  // round to nearest, ties to even, as torch does
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  to = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// What one task leaves of its positions for a query, besides the values' sum: the largest score and the sum of
// exponentials.
struct Part {
  float largest, sum;
};

// Eight numbers at a time, in whatever vectors the processor has; `Unaligned` is how they lie in memory. Copied there with
// memcpy, sums would leave their registers.
constexpr int64_t kLanes = 8;
using Floats = float __attribute__((vector_size(32)));
using Unaligned = float __attribute__((vector_size(32), aligned(4), may_alias));

Floats load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }

void store(Floats values, float* to) { *reinterpret_cast<Unaligned*>(to) = values; }

Floats load(const uint16_t* from) {
#if defined(__AVX2__)
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return reinterpret_cast<Floats>(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
#else
  using Halves = uint16_t __attribute__((vector_size(16)));
  using Words = uint32_t __attribute__((vector_size(32)));
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
#endif
}

float total(Floats values) {
  float sum = 0;
  for (int64_t i = 0; i < kLanes; ++i) sum += values[i];
  return sum;
}

// The totals of several.
template <int kCount>
void totals(const Floats* values, float* out) {
#if defined(__AVX2__)
  if constexpr (kCount == 4) {
    const auto* v = reinterpret_cast<const __m256*>(values);
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
    return;
  }
#endif
  for (int i = 0; i < kCount; ++i) out[i] = total(values[i]);
}

// Keys and values `(1, heads, slots, dim)`, float32 or bfloat16, of which the first `length` slots are attended to.
template <typename T>
struct Cached {
  T *keys, *values;
  int64_t heads, dim, value_dim, key_stride, value_stride, length;

  Cached(const Tensor& k, const Tensor& v, int64_t length)
      : keys(static_cast<T*>(k.data_ptr())), values(static_cast<T*>(v.data_ptr())), heads(k.size(1)), dim(k.size(3)),
        value_dim(v.size(3)), key_stride(k.stride(1)), value_stride(v.stride(1)), length(length) {}

  void write(int64_t slot, const float* key, const float* value) const {
    for (int64_t head = 0; head < heads; ++head) {
      for (int64_t d = 0; d < dim; ++d) narrow(key[head * dim + d], keys[head * key_stride + slot * dim + d]);
      for (int64_t d = 0; d < value_dim; ++d)
        narrow(value[head * value_dim + d], values[head * value_stride + slot * value_dim + d]);
    }
  }
};

template <typename T>
struct Attention {
  Cached<T> cached;
  const float* query;
  int64_t group;
  float scaling;
  float* weights;  // one row of `weights_stride` per query head, or null
  int64_t weights_stride;

  // Scores of kQueries queries with kKeys keys: side by side, since one alone waits for its own additions.
  template <int kQueries, int kKeys>
  void score(int64_t first, const T* keys, float* scores) const {
    const int64_t dim = cached.dim;
    Floats sums[kQueries][kKeys] = {};
    int64_t d = 0;
    for (; d + kLanes <= dim; d += kLanes)
      for (int i = 0; i < kKeys; ++i) {
        const Floats key = load(keys + i * dim + d);
        for (int q = 0; q < kQueries; ++q) sums[q][i] += key * load(query + (first + q) * dim + d);
      }
    for (int q = 0; q < kQueries; ++q) {
      float* row = scores + q * kChunk;
      totals<kKeys>(sums[q], row);
      for (int i = 0; i < kKeys; ++i) {
        for (int64_t rest = d; rest < dim; ++rest)
          row[i] += query[(first + q) * dim + rest] * wide(keys[i * dim + rest]);
        row[i] *= scaling;
      }
    }
  }

  // Sums of kVectors * kLanes value columns from `column` on, weighted by `scores`.
  template <int kQueries, int kVectors>
  void add_values(const T* values, int64_t count, const float* scores, float* out) const {
    Floats sums[kQueries][kVectors] = {};
    for (int64_t j = 0; j < count; ++j)
      for (int v = 0; v < kVectors; ++v) {
        const Floats value = load(values + j * cached.value_dim + v * kLanes);
        for (int q = 0; q < kQueries; ++q) sums[q][v] += value * scores[q * kChunk + j];
      }
    for (int q = 0; q < kQueries; ++q)
      for (int v = 0; v < kVectors; ++v) store(sums[q][v], out + q * cached.value_dim + v * kLanes);
  }

  // Queries of one KV head over positions [begin, end): exponentials into `weights`, the rest into `parts` and `sums`.
  template <int kQueries>
  void attend(int64_t first, int64_t head, int64_t begin, int64_t end, Part* parts, float* sums) const {
    constexpr int kKeys = 4;
    const int64_t dim = cached.dim, value_dim = cached.value_dim, count = end - begin;
    float scores[kQueries * kChunk];
    const T* keys = cached.keys + head * cached.key_stride + begin * dim;
    int64_t j = 0;
    for (; j + kKeys <= count; j += kKeys) score<kQueries, kKeys>(first, keys + j * dim, scores + j);
    for (; j < count; ++j) score<kQueries, 1>(first, keys + j * dim, scores + j);
    for (int q = 0; q < kQueries; ++q) {
      float* row = scores + q * kChunk;
      float largest = kLowest, sum = 0;
      for (int64_t j = 0; j < count; ++j) largest = std::max(largest, row[j]);
      for (int64_t j = 0; j < count; ++j) row[j] = std::exp(row[j] - largest);
      for (int64_t j = 0; j < count; ++j) sum += row[j];
      if (weights) std::memcpy(weights + (first + q) * weights_stride + begin, row, count * sizeof(float));
      parts[q] = {largest, sum};
    }
    const T* values = cached.values + head * cached.value_stride + begin * value_dim;
    int64_t column = 0;
    for (; column + 4 * kLanes <= value_dim; column += 4 * kLanes)
      add_values<kQueries, 4>(values + column, count, scores, sums + column);
    for (; column + kLanes <= value_dim; column += kLanes)
      add_values<kQueries, 1>(values + column, count, scores, sums + column);
    for (; column < value_dim; ++column)
      for (int q = 0; q < kQueries; ++q) {
        float sum = 0;
        for (int64_t j = 0; j < count; ++j) sum += scores[q * kChunk + j] * wide(values[j * value_dim + column]);
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
      for (int64_t j = 0; j < std::min(kChunk, cached.length - c * kChunk); ++j) row[j] *= factor;
    }
  }

  void run(float* out) const {
    const int64_t chunks = (cached.length + kChunk - 1) / kChunk, tasks = cached.heads * chunks;
    std::vector<Part> parts(tasks * group);
    const std::unique_ptr<float[]> sums(new float[tasks * group * cached.value_dim]);
    torch::stable::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t head = task / chunks, from = task % chunks * kChunk, at = task * group;
        attend_group(head, from, std::min(cached.length, from + kChunk), &parts[at], &sums[at * cached.value_dim]);
      }
    });
    torch::stable::parallel_for(0, cached.heads * group, 2, [&](int64_t begin, int64_t end) {
      for (int64_t q = begin; q < end; ++q) {
        const int64_t at = q / group * chunks * group + q % group;
        join(q, chunks, &parts[at], &sums[at * cached.value_dim], out + q * cached.value_dim);
      }
    });
  }
};

// Call `function` with a value of the type in which the cache is stored.
template <typename F>
void with_stored_type(const Tensor& states, const F& function) {
  if (states.element_size() == 2) {
    function(uint16_t{});
  } else {
    function(float{});
  }
}

std::tuple<Tensor, Tensor> decode_attention(const Tensor query, const Tensor keys, const Tensor values,
                                            double scaling) {
  const int64_t query_heads = query.size(1), group = query_heads / keys.size(1), length = keys.size(2);
  Tensor out = torch::stable::new_empty(query, {1, 1, query_heads, values.size(3)});
  Tensor weights = torch::stable::new_empty(query, {1, keys.size(1), group, length});
  with_stored_type(keys, [&](auto type) {
    using T = decltype(type);
    Attention<T>{Cached<T>(keys, values, length),      query.const_data_ptr<float>(), group, static_cast<float>(scaling),
                 weights.mutable_data_ptr<float>(), length}
        .run(out.mutable_data_ptr<float>());
  });
  return {out, weights};
}

Tensor decode_step_attention(const Tensor query, const Tensor key, const Tensor value, Tensor full_keys,
                             Tensor full_values, Tensor small_keys, Tensor small_values, Tensor weights,
                             const Tensor place, double scaling) {
  const int64_t query_heads = query.size(1), group = query_heads / full_keys.size(1);
  const int64_t* places = place.const_data_ptr<int64_t>();
  const int64_t position = places[0], slot = places[1], slots = places[2];
  Tensor out = torch::stable::new_empty(query, {1, 1, query_heads, full_values.size(3)});
  const float *from = query.const_data_ptr<float>(), *k = key.const_data_ptr<float>();
  const float* v = value.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  with_stored_type(full_keys, [&](auto type) {
    using T = decltype(type);
    const Cached<T> full(full_keys, full_values, position + 1);
    full.write(position, k, v);
    if (slot >= 0) {
      const Cached<T> small(small_keys, small_values, slots);
      small.write(slot, k, v);
      Attention<T>{small, from, group, static_cast<float>(scaling), nullptr, 0}.run(to);
    } else {
      Attention<T>{full, from, group, static_cast<float>(scaling), weights.numel() ? weights.mutable_data_ptr<float>() : nullptr, weights.size(2)}
          .run(to);
    }
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY(refreshkv, m) {
  m.def("int4_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor");
  m.def("top_positions(Tensor scores, int count) -> Tensor");
  m.def("gather_positions(Tensor(a!) out, Tensor states, Tensor positions) -> ()");
  m.def("int8_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor");
  m.def("int4_dense(Tensor weight, Tensor scale) -> Tensor");
  m.def("decode_attention(Tensor query, Tensor keys, Tensor values, float scaling) -> (Tensor, Tensor)");
  m.def(
      "decode_step_attention(Tensor query, Tensor key, Tensor value, Tensor(a!) full_keys, Tensor(b!) full_values, "
      "Tensor(c!) small_keys, Tensor(d!) small_values, Tensor(e!) weights, Tensor place, float scaling) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(refreshkv, CPU, m) {
  m.impl("int4_linear", TORCH_BOX(&int4_linear));
  m.impl("top_positions", TORCH_BOX(&top_positions));
  m.impl("gather_positions", TORCH_BOX(&gather_positions));
  m.impl("int8_linear", TORCH_BOX(&int8_linear));
  m.impl("int4_dense", TORCH_BOX(&int4_dense));
  m.impl("decode_attention", TORCH_BOX(&decode_attention));
  m.impl("decode_step_attention", TORCH_BOX(&decode_step_attention));
}
