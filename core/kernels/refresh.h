// The choice of a refresh: the positions with the highest scores, and what stands there.

#pragma once

#include "parallel.h"

namespace refreshkv {

// The bits of a float as an integer that orders alike.
inline int32_t ordered(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits ^ (bits >> 31 & 0x7fffffff);
}

// Such an integer and a position as one that orders by both.
inline uint64_t ranked(int32_t score, int64_t position) {
  return static_cast<uint64_t>(static_cast<uint32_t>(score) ^ 1u << 31) << 32 | position;
}

// Sort by the upper 32 bits, least significant byte first: equal ones stay in their order.
inline void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& spare) {
  spare.resize(keys.size());
  for (int shift = 32; shift < 64; shift += 8) {
    int64_t starts[257] = {};
    for (const uint64_t key : keys) ++starts[(key >> shift & 255) + 1];
    for (int i = 0; i < 256; ++i) starts[i + 1] += starts[i];
    for (const uint64_t key : keys) spare[starts[key >> shift & 255]++] = key;
    keys.swap(spare);
  }
}

// The upper bits are counted, so that only what lies at or above the lowest chosen count is sorted.
inline Tensor top_positions(const Tensor scores, int64_t count) {
  constexpr int kShift = 20;
  const int64_t length = scores.size(2), rows = scores.size(0) * scores.size(1);
  Tensor out = torch::stable::empty({scores.size(0), scores.size(1), count}, torch::headeronly::ScalarType::Long);
  const float* from = scores.const_data_ptr<float>();
  int64_t* to = out.mutable_data_ptr<int64_t>();
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<uint32_t> bits(length);
    std::vector<uint64_t> keys, spare;
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t i = 0; i < length; ++i)
        bits[i] = static_cast<uint32_t>(ordered(from[row * length + i])) ^ 1u << 31;
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

// Attention weights `(batch, heads, group, length)` to scores `(batch, heads, length)`: the largest of the group, then the
// largest of a window of `size` positions. The weights' positions are contiguous; the other strides are as they come.
inline Tensor pooled_scores(const Tensor weights, int64_t size) {
  const int64_t heads = weights.size(1), group = weights.size(2), length = weights.size(3), radius = size / 2;
  Tensor out = torch::stable::new_empty(weights, {weights.size(0), heads, length});
  const float* from = weights.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  parallel_for(weights.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> padded(length + 2 * radius, 0.0f);  // nothing is below zero
    float* largest = padded.data() + radius;
    for (int64_t row = begin; row < end; ++row) {
      const float* rows = from + row / heads * weights.stride(0) + row % heads * weights.stride(1);
      std::memcpy(largest, rows, length * sizeof(float));
      for (int64_t q = 1; q < group; ++q) {
        const float* other = rows + q * weights.stride(2);
        for (int64_t i = 0; i < length; ++i) largest[i] = std::max(largest[i], other[i]);
      }
      float* pooled = to + row * length;
      std::memcpy(pooled, padded.data(), length * sizeof(float));
      for (int64_t shift = 1; shift < size; ++shift) {
        const float* other = padded.data() + shift;
        for (int64_t i = 0; i < length; ++i) pooled[i] = std::max(pooled[i], other[i]);
      }
    }
  });
  return out;
}

// Copy, for each of several caches, what stands in `states` at `positions` to the beginning of `outs`, per head.
inline void gather_positions(const std::vector<Tensor> outs, const std::vector<Tensor> states,
                             const std::vector<Tensor> positions) {
  struct Rows {  // of one head
    char* to;
    const char* from;
    const int64_t* chosen;
    int64_t width, step, count;
  };
  std::vector<Rows> tasks;
  for (size_t n = 0; n < outs.size(); ++n) {
    const int64_t bytes = states[n].element_size(), heads = states[n].size(1), count = positions[n].size(2);
    const int64_t width = states[n].size(3) * bytes, step = states[n].stride(2) * bytes;
    const int64_t* chosen = positions[n].const_data_ptr<int64_t>();
    char* to = static_cast<char*>(outs[n].data_ptr());
    const char* from = static_cast<const char*>(states[n].const_data_ptr());
    for (int64_t row = 0; row < states[n].size(0) * heads; ++row)
      for (int64_t first = 0; first < count; first += kChunk)
        tasks.push_back({to + (row / heads * outs[n].stride(0) + row % heads * outs[n].stride(1)) * bytes + first * width,
                         from + (row / heads * states[n].stride(0) + row % heads * states[n].stride(1)) * bytes,
                         chosen + row * count + first, width, step, std::min(kChunk, count - first)});
  }
  parallel_for(tasks.size(), 1, [&](int64_t begin, int64_t end) {
    constexpr int64_t kAhead = 16;  // chosen positions are far apart: ask for them early
    for (int64_t t = begin; t < end; ++t) {
      const Rows& rows = tasks[t];
      for (int64_t i = 0; i < rows.count; ++i) {
        if (i + kAhead < rows.count)
          for (int64_t line = 0; line < rows.width; line += 64)
            __builtin_prefetch(rows.from + rows.chosen[i + kAhead] * rows.step + line);
        std::memcpy(rows.to + i * rows.width, rows.from + rows.chosen[i] * rows.step, rows.width);
      }
    }
  });
}

}  // namespace refreshkv
