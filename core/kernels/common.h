// What the kernels share: bfloat16 as its bits, and vectors of float.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

namespace refreshkv {

using torch::stable::Tensor;

constexpr int64_t kChunk = 128;  // positions one task works on: their keys and values stay in the near caches

inline float wide(float value) { return value; }

inline float wide(uint16_t bits) {
  const uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

inline void narrow(float value, float& to) { to = value; }

inline void narrow(float value, uint16_t& to) {  // round to nearest, ties to even, as torch does
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  to = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Where a vector's numbers begin at a cache line: one that lies across two takes the processor twice as long to read.
template <typename T>
struct AtLines {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  AtLines() = default;
  template <typename U>
  AtLines(const AtLines<U>&) {}

  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kLine)); }
  void deallocate(T* from, size_t) { ::operator delete(from, kLine); }
  template <typename U>
  bool operator==(const AtLines<U>&) const {
    return true;
  }
};

template <typename T>
using Lines = std::vector<T, AtLines<T>>;

// The same with nothing in them yet.
template <typename T>
std::unique_ptr<T[], void (*)(T*)> room_at_lines(int64_t count) {
  return {AtLines<T>().allocate(count), [](T* from) { AtLines<T>().deallocate(from, 0); }};
}

// Call `function` with a value of the type in which a number is stored in so many bytes: bfloat16 or float.
template <typename F>
void with_stored_type(int64_t bytes, const F& function) {
  if (bytes == 2) {
    function(uint16_t{});
  } else {
    function(float{});
  }
}

// As many floats as fit one vector of the processor; `Unaligned` is how they lie in memory. Copied there with memcpy, sums
// would leave their registers.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#else
constexpr int kLanes = 8;
#endif
using Floats = float __attribute__((vector_size(4 * kLanes)));
using Words = uint32_t __attribute__((vector_size(4 * kLanes)));
using Integers = int32_t __attribute__((vector_size(4 * kLanes)));
using Unaligned = float __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

inline Floats load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }

inline void store(Floats values, float* to) { *reinterpret_cast<Unaligned*>(to) = values; }

inline Floats load(const uint16_t* from) {
#if defined(__AVX512F__)
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return reinterpret_cast<Floats>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
#elif defined(__AVX2__)
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return reinterpret_cast<Floats>(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
#else
  using Halves = uint16_t __attribute__((vector_size(2 * kLanes)));
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
#endif
}

inline Integers load(const int32_t* from) {
  using Lying = int32_t __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
  return *reinterpret_cast<const Lying*>(from);
}

// The smallest and the largest of one value or more. (Written out: the compiler makes a chain of it.)
inline std::pair<int32_t, int32_t> extremes(const int32_t* values, int64_t count) {
  int32_t least = values[0], most = values[0];
  int64_t i = 0;
  if (count >= kLanes) {
    Integers low = load(values), high = low;
    for (; i + kLanes <= count; i += kLanes) {
      const Integers next = load(values + i);
      low = next < low ? next : low;
      high = next > high ? next : high;
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      least = std::min<int32_t>(least, low[lane]);
      most = std::max<int32_t>(most, high[lane]);
    }
  }
  for (; i < count; ++i) {
    least = std::min(least, values[i]);
    most = std::max(most, values[i]);
  }
  return {least, most};
}

inline float total(Floats values) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(reinterpret_cast<__m512>(values));
#else
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += values[i];
  return sum;
#endif
}

}  // namespace refreshkv
