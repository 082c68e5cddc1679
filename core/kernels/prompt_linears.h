// Linears with 4-bit weights for many rows of activations: tiles of rows against panels of 32 outputs.
//
// Activations are rounded to bytes in groups of 32, each with a step and a middle of its own: x = middle + step * byte. With a
// weight of step * (level - 8) + centre, centre being the minimum and eight steps, a group's product is
//     step * step * (sum of level * byte - 8 * sum of bytes) + middle * (sum of weights) + step * (sum of bytes) * centre,
// whose first sum is of bytes. (The last two terms as a pair of bfloat16 were 12 percent faster and doubled the divergence.)

#pragma once

#include "linears.h"

namespace refreshkv {

constexpr float kLeastReach = 1e-30f;    // between the middle and the ends of a group, to have bytes of its own
constexpr int64_t kPanel = 2 * kBlock;   // outputs
constexpr int64_t kGroupsAtOnce = 24;    // of a panel: unpacked they stay in the nearest cache
constexpr int kPanelVectors = kPanel / kLanes;
constexpr int kVectorsOfOutputs = 2;     // at once
#if defined(__AVX512F__)
constexpr int kRowsAtOnce = 6;
#else
constexpr int kRowsAtOnce = 2;
#endif
constexpr int64_t kTileRows = 96;        // at most, a multiple of kRowsAtOnce: for them a panel is unpacked once

// Sums of four products each of an unsigned level up to 15 and a signed byte, with a number that they begin at.
class ByteSums {
 public:
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  void begin(int32_t first) { sums_ = _mm512_set1_epi32(first); }
  void add(const uint8_t* levels, int32_t bytes) {
    sums_ = _mm512_dpbusd_epi32(sums_, _mm512_loadu_si512(levels), _mm512_set1_epi32(bytes));
  }
  Floats total() const { return reinterpret_cast<Floats>(_mm512_cvtepi32_ps(sums_)); }

 private:
  __m512i sums_;
#elif defined(__AVX512BW__)
  void begin(int32_t first) { first_ = first, sums_ = _mm512_setzero_si512(); }
  void add(const uint8_t* levels, int32_t bytes) {  // 16 bits hold eight pairs of products
    sums_ = _mm512_add_epi16(sums_, _mm512_maddubs_epi16(_mm512_loadu_si512(levels), _mm512_set1_epi32(bytes)));
  }
  Floats total() const {
    const __m512i wide = _mm512_madd_epi16(sums_, _mm512_set1_epi16(1));
    return reinterpret_cast<Floats>(_mm512_cvtepi32_ps(_mm512_add_epi32(wide, _mm512_set1_epi32(first_))));
  }

 private:
  int32_t first_;
  __m512i sums_;
#elif defined(__AVX2__)
  void begin(int32_t first) { first_ = first, sums_ = _mm256_setzero_si256(); }
  void add(const uint8_t* levels, int32_t bytes) {  // 16 bits hold eight pairs of products
    const __m256i own = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(levels));
    sums_ = _mm256_add_epi16(sums_, _mm256_maddubs_epi16(own, _mm256_set1_epi32(bytes)));
  }
  Floats total() const {
    const __m256i wide = _mm256_madd_epi16(sums_, _mm256_set1_epi16(1));
    return reinterpret_cast<Floats>(_mm256_cvtepi32_ps(_mm256_add_epi32(wide, _mm256_set1_epi32(first_))));
  }

 private:
  int32_t first_;
  __m256i sums_;
#else
  void begin(int32_t first) { sums_ = Integers{} + first; }
  void add(const uint8_t* levels, int32_t bytes) {
    for (int lane = 0; lane < kLanes; ++lane)
      for (int i = 0; i < 4; ++i) sums_[lane] += levels[4 * lane + i] * static_cast<int8_t>(bytes >> (8 * i));
  }
  Floats total() const { return __builtin_convertvector(sums_, Floats); }

 private:
  Integers sums_;
#endif
};

// A tile of activations, rounded.
struct Bytes {
  struct Group {
    float step;
    int32_t offset;       // -8 times the sum of the bytes
    float middle, total;  // step times the sum of the bytes
  };
  int64_t groups = 0;
  std::vector<int8_t> values;  // `(kTileRows, inputs)`
  std::vector<Group> of_groups;

  void resize(int64_t inputs) {
    groups = inputs / kGroup;
    values.resize(kTileRows * inputs);
    of_groups.resize(kTileRows * groups);
  }

  void round(int64_t row, int64_t group, const float* x) {
    constexpr int kVectors = kGroup / kLanes;
    Floats least = load(x), most = least;
    for (int v = 1; v < kVectors; ++v) {
      least = smaller(least, load(x + v * kLanes));
      most = larger(most, load(x + v * kLanes));
    }
    const float low = -largest_of(-least), high = largest_of(most);
    uint16_t bits;
    narrow((low + high) / 2, bits);
    const float middle = wide(bits), reach = std::max(high - middle, middle - low);
    const float inverse = reach > kLeastReach ? 127 / reach : 0;
    Integers sums = {};
    int8_t* to = values.data() + (row * groups + group) * kGroup;
    for (int v = 0; v < kVectors; ++v) {
      const Integers rounded = nearest((load(x + v * kLanes) - middle) * inverse);
      sums += rounded;
      store_bytes(rounded, to + v * kLanes);
    }
    const int32_t sum = refreshkv::total(sums);
    const float step = reach / 127, total = step * sum;
    of_groups[row * groups + group] = {step, -8 * sum, middle, total};
  }

  // A whole row, of float32 or bfloat16.
  template <typename T>
  void round(int64_t row, const T* x) {
    float values[kGroup];
    for (int64_t group = 0; group < groups; ++group) {
      for (int i = 0; i < kGroup; i += kLanes) store(load(x + group * kGroup + i), values + i);
      round(row, group, values);
    }
  }
};

// A 4-bit weight as it is stored.
struct Int4Weight {
  const uint8_t* levels;
  const uint16_t* scales;
  int64_t blocks, groups;

  Int4Weight(const Tensor& weight, const Tensor& scale)
      : levels(weight.const_data_ptr<uint8_t>()), scales(static_cast<const uint16_t*>(scale.const_data_ptr())),
        blocks(weight.size(0)), groups(weight.size(1)) {}

  int64_t outputs() const { return blocks * kBlock; }
};

// 32 outputs of a 4-bit weight, some groups at a time.
class Panel {
 public:
  // Products of `rows` of `x` with outputs 32 * `index` on: to `out` `(kTileRows, kPanel)`.
  void multiply(const Bytes& x, int64_t rows, const Int4Weight& weight, int64_t index, float* out) {
    for (int64_t begin = 0; begin < x.groups; begin += kGroupsAtOnce) {
      const int64_t count = std::min(kGroupsAtOnce, x.groups - begin);
      unpack(weight, index, begin, count);
      for (int64_t row = 0; row < rows; row += kRowsAtOnce)
        for (int vector = 0; vector < kPanelVectors; vector += kVectorsOfOutputs)
          add(x, row, vector, begin, count, out + row * kPanel + vector * kLanes);
    }
  }

 private:
  void unpack(const Int4Weight& weight, int64_t index, int64_t begin, int64_t count) {
    for (int64_t b = 0; b < 2; ++b) {
      const int64_t block = 2 * index + b;
      if (block == weight.blocks) {  // zeros, where their number is odd
        for (int64_t group = 0; group < count; ++group) {
          std::memset(levels_ + group * kLevels + b * kBlock * 4, 0, kBlock * 4);
          for (int64_t o = b * kBlock; o < (b + 1) * kBlock; ++o)
            steps_[group][o] = wholes_[group][o] = centres_[group][o] = 0;
        }
        continue;
      }
      const uint8_t* from = weight.levels + (block * weight.groups + begin) * kBytes;
      const uint16_t* scales = weight.scales + (block * weight.groups + begin) * 2 * kBlock;
      for (int64_t group = 0; group < count; ++group, from += kBytes, scales += 2 * kBlock)
        unpack_group(from, scales, group, b);
    }
  }

  void unpack_group(const uint8_t* from, const uint16_t* scales, int64_t group, int64_t b) {
    uint8_t* to = levels_ + group * kLevels + b * kBlock * 4;
    for (int p = 0; p < 4; ++p)
      for (int i = 0; i < kBlock * 4; ++i) {
        to[p * kPanel * 4 + i] = from[p * kBlock * 4 + i] & 15;
        to[(p + 4) * kPanel * 4 + i] = from[p * kBlock * 4 + i] >> 4;
      }
    for (int64_t o = 0; o < kBlock; o += kLanes) {
      ByteSums all;
      all.begin(0);
      for (int p = 0; p < 8; ++p) all.add(to + (p * kPanel + o) * 4, 0x01010101);
      const int64_t at = b * kBlock + o;
      const Floats step = load(scales + o), minimum = load(scales + kBlock + o);
      const Floats whole = step * all.total() + minimum * static_cast<float>(kGroup), centre = minimum + 8.0f * step;
      store(step, steps_[group] + at);
      store(whole, wholes_[group] + at);
      store(centre, centres_[group] + at);
    }
  }

  // kRowsAtOnce rows from `row` on, of kVectorsOfOutputs vectors from `vector` on, over the groups that are unpacked.
  void add(const Bytes& x, int64_t row, int vector, int64_t begin, int64_t count, float* out) const {
    Floats sums[kRowsAtOnce][kVectorsOfOutputs] = {};
    if (begin > 0)
      for (int r = 0; r < kRowsAtOnce; ++r)
        for (int v = 0; v < kVectorsOfOutputs; ++v) sums[r][v] = load(out + r * kPanel + v * kLanes);
    const int64_t inputs = x.groups * kGroup;
    const int8_t* bytes = x.values.data() + row * inputs + begin * kGroup;
    const Bytes::Group* groups = x.of_groups.data() + row * x.groups + begin;
    for (int64_t g = 0; g < count; ++g, bytes += kGroup) {
      ByteSums own[kRowsAtOnce][kVectorsOfOutputs];
      for (int r = 0; r < kRowsAtOnce; ++r)
        for (int v = 0; v < kVectorsOfOutputs; ++v) own[r][v].begin(groups[r * x.groups + g].offset);
      for (int p = 0; p < 8; ++p)
        for (int r = 0; r < kRowsAtOnce; ++r) {
          int32_t four;
          std::memcpy(&four, bytes + r * inputs + 4 * p, sizeof four);
          for (int v = 0; v < kVectorsOfOutputs; ++v)
            own[r][v].add(levels_ + g * kLevels + (p * kPanel + (vector + v) * kLanes) * 4, four);
        }
      for (int r = 0; r < kRowsAtOnce; ++r)
        for (int v = 0; v < kVectorsOfOutputs; ++v) {
          const Bytes::Group& group = groups[r * x.groups + g];
          const int64_t at = (vector + v) * kLanes;
          sums[r][v] += own[r][v].total() * group.step * load(steps_[g] + at);
          sums[r][v] += group.middle * load(wholes_[g] + at);
          sums[r][v] += group.total * load(centres_[g] + at);
        }
    }
    for (int r = 0; r < kRowsAtOnce; ++r)
      for (int v = 0; v < kVectorsOfOutputs; ++v) store(sums[r][v], out + r * kPanel + v * kLanes);
  }

  static constexpr int64_t kLevels = kGroup * kPanel;
  alignas(64) uint8_t levels_[kGroupsAtOnce * kLevels];  // of each group `(8, kPanel, 4)`
  float steps_[kGroupsAtOnce][kPanel], wholes_[kGroupsAtOnce][kPanel], centres_[kGroupsAtOnce][kPanel];
};

// Whether multiplying bytes is faster here than anything else.
inline bool has_byte_products() {
#if defined(__AVX2__)
  return true;
#else
  return false;
#endif
}

// What one thread multiplies with.
inline Panel& panel_of_thread() {
  static thread_local std::unique_ptr<Panel> panel(new Panel);
  return *panel;
}

// Call `function(first, count)` for all of `rows` in tiles of at most kTileRows, in parallel.
template <typename F>
void each_tile(int64_t rows, const F& function) {
  const int64_t threads = held_threads ? held_threads : torch::stable::get_num_threads();
  const int64_t share = (rows + threads - 1) / threads;
  const int64_t tiles = (share + kTileRows - 1) / kTileRows, rounds = (share + tiles * kRowsAtOnce - 1) / (tiles * kRowsAtOnce);
  const int64_t size = rounds * kRowsAtOnce;  // so that every thread has the same number of tiles
  parallel_for((rows + size - 1) / size, 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) function(tile * size, std::min(size, rows - tile * size));
  });
}

// As int4_linear, for many rows: x `(..., inputs)` float32 or bfloat16, and the result `(rows, outputs)` like it.
inline Tensor int4_prompt_linear(const Tensor x, const Tensor weight, const Tensor scale) {
  const Int4Weight stored(weight, scale);
  const int64_t inputs = stored.groups * kGroup, rows = x.numel() / inputs, outputs = stored.outputs();
  Tensor out = torch::stable::new_empty(x, {rows, outputs});
  with_stored_type(x.element_size(), [&](auto type) {
    using T = decltype(type);
    const T* from = static_cast<const T*>(x.const_data_ptr());
    T* to = static_cast<T*>(out.mutable_data_ptr());
    each_tile(rows, [&](int64_t first, int64_t count) {
      static thread_local Bytes bytes;
      bytes.resize(inputs);
      float products[kTileRows * kPanel];
      for (int64_t r = 0; r < count; ++r) bytes.round(r, from + (first + r) * inputs);
      for (int64_t begin = 0; begin < outputs; begin += kPanel) {
        panel_of_thread().multiply(bytes, count, stored, begin / kPanel, products);
        for (int64_t r = 0; r < count; ++r)
          for (int64_t o = 0; o < std::min(kPanel, outputs - begin); o += kLanes)
            store(load(products + r * kPanel + o), to + (first + r) * outputs + begin + o);
      }
    });
  });
  return out;
}

}  // namespace refreshkv
