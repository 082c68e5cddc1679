// The likeliest tokens: all that a sampler can come to.

#pragma once

#include <limits>

#include "refresh.h"

namespace refreshkv {

// The places of the logits that are at or above the highest less `reach`, in order; none where a logit is NaN or the highest
// is infinite. Compared are their bits, since -ffast-math knows neither. A block of which the highest is too low is read once.
template <typename T>
inline std::vector<int64_t> within_reach(const T* logits, int64_t size, double reach) {
  constexpr int64_t kBlock = 256;
  constexpr int32_t kInfinity = 0x7f800000;
  std::vector<int32_t> highest((size + kBlock - 1) / kBlock);
  int32_t most = ~kInfinity, least = kInfinity;
  for (size_t block = 0; block < highest.size(); ++block) {
    int32_t high = INT32_MIN, low = INT32_MAX;
    for (int64_t i = block * kBlock, end = std::min<int64_t>(size, i + kBlock); i < end; ++i) {
      const int32_t value = ordered(wide(logits[i]));
      high = std::max(high, value);
      low = std::min(low, value);
    }
    highest[block] = high;
    most = std::max(most, high);
    least = std::min(least, low);
  }
  std::vector<int64_t> found;
  if (most >= kInfinity || most <= ~kInfinity || least < ~kInfinity) return found;
  const int32_t bits = most ^ (most >> 31 & 0x7fffffff);  // as `ordered`, which is its own inverse
  float value;
  std::memcpy(&value, &bits, sizeof value);
  int32_t floor = ordered(static_cast<float>(std::max<double>(value - reach, -std::numeric_limits<float>::max())));
  if (floor == 0) floor = -1;  // -0, which is as much as 0
  for (size_t block = 0; block < highest.size(); ++block) {
    if (highest[block] < floor) continue;
    for (int64_t i = block * kBlock, end = std::min<int64_t>(size, i + kBlock); i < end; ++i)
      if (ordered(wide(logits[i])) >= floor) found.push_back(i);
  }
  return found;
}

inline Tensor likely_tokens(const Tensor logits, double reach) {
  std::vector<int64_t> found;
  with_stored_type(logits.element_size(), [&](auto type) {
    found = within_reach(static_cast<const decltype(type)*>(logits.const_data_ptr()), logits.numel(), reach);
  });
  Tensor out = torch::stable::empty({static_cast<int64_t>(found.size())}, torch::headeronly::ScalarType::Long);
  if (!found.empty()) std::memcpy(out.mutable_data_ptr<int64_t>(), found.data(), found.size() * sizeof(int64_t));
  return out;
}

}  // namespace refreshkv
