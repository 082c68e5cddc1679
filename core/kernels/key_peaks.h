// Few of many positions, chosen by their keys' codes in one pass over them, of which nothing is written but what may be chosen:
// the products that are at or above a threshold, which a sample suggests.

#pragma once

#include "key_index.h"

namespace refreshkv {

// The first `sinks` positions are always chosen; a score counts for `behind` positions before its own and `ahead` after it.
struct Reach {
  int64_t sinks, behind, ahead;
};

// A product of a code and a query that is high enough, at a position of its task.
struct Found {
  int32_t query, at, product;
};

// The search of each row for what `group` queries give the highest log-probabilities to.
class PeakSearch {
 public:
  PeakSearch(const KeyCodes& index, const float* queries, int64_t group, int64_t length, double scaling)
      : index_(index), rows_(index.rows), group_(group), length_(length), step_(positions_of_a_task(length)),
        tasks_((length + step_ - 1) / step_), levels_(index, queries, group, scaling), least_(rows_ * group),
        references_(rows_ * group), sums_(rows_ * group * tasks_), found_(rows_ * tasks_) {}

  // Of each row `counts` positions, ascending: the first ones, and those with the highest scores, of equal ones the later.
  Chosen choose(const int64_t* counts, const Reach& reach) {
    const Chosen chosen(counts, rows_, length_, 1);
    const int64_t fours = (group_ + 3) / 4;
    parallel_for(rows_ * fours, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task)
        suggest(task / fours, task % fours * 4, sampled_tiles(), chosen.counts[task / fours] / 2);
    });
    parallel_for(rows_ * tasks_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) look(task / tasks_, task % tasks_);
    });
    parallel_for(rows_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) choose(row, reach, chosen);
    });
    return chosen;
  }

 private:
  // A sample has so many positions, or a 32nd of all: what is high lies side by side, and few tiles may have none.
  static constexpr int64_t kSample = 2048, kShare = 32, kMostFolded = 8, kEarly = 16;
  // Of many positions those that are not found are summed in every fourth tile: what they get is much alike.
  static constexpr int64_t kMany = 1 << 15, kSummed = 4;
  static constexpr int64_t kReserved = 64;

  const KeyCodes& index_;
  const int64_t rows_, group_, length_, step_, tasks_;  // positions of a task, and tasks of a row
  const Levels levels_;
  std::vector<int32_t> least_;     // of each query: the products that are looked for
  std::vector<float> references_;  // its powers are of what exceeds this one
  std::vector<float> sums_;        // of them, of each query and task
  std::vector<std::vector<Found>> found_;

  int64_t tiles() const { return (length_ + kTile - 1) / kTile; }
  int64_t summed_every() const { return length_ < kMany ? 1 : kSummed; }
  int64_t sampled_tiles() const { return std::min(tiles(), std::max(kSample, length_ / kShare) / kTile); }
  float factor(int64_t q) const { return levels_.factors[q]; }

  void choose(int64_t row, const Reach& reach, const Chosen& chosen) {
    const int64_t sinks = std::min({reach.sinks, chosen.counts[row], length_}), rest = chosen.counts[row] - sinks;
    bool bounded = true;
    for (int64_t q = row * group_; q < (row + 1) * group_; ++q) bounded = bounded && sum(q) < kLargestSum;
    if (!bounded) again(row, chosen.counts[row] / 2);
    std::vector<uint64_t> marks(length_ / 64 + 1);
    for (int64_t wanted = rest; !mark(peaks(row), reach, rest, marks); wanted *= 4) again(row, wanted);
    chosen.choose(row, std::min(reach.sinks, length_) - sinks, sinks, marks);
  }

  // Mark `rest` of the positions behind the sinks: those that the highest scores count for, of equal ones the later. False
  // if there are not so many.
  bool mark(std::vector<uint64_t> peaks, const Reach& reach, int64_t rest, std::vector<uint64_t>& marks) const {
    std::vector<uint64_t> spare;
    std::vector<int64_t> alike;  // newly marked by one score
    radix_sort(peaks, spare);
    std::fill(marks.begin(), marks.end(), 0);
    for (size_t left = peaks.size(); left && rest > 0;) {
      alike.clear();
      const uint64_t score = peaks[left - 1] >> 32;
      for (; left && peaks[left - 1] >> 32 == score; --left) {
        const int64_t peak = peaks[left - 1] & 0xffffffff;
        const int64_t last = std::min(length_ - 1, peak + reach.ahead);
        for (int64_t at = std::max(reach.sinks, peak - reach.behind); at <= last; ++at) {
          const uint64_t bit = uint64_t{1} << at % 64;
          if (!(marks[at / 64] & bit)) alike.push_back(at);
          marks[at / 64] |= bit;
        }
      }
      rest -= alike.size();
      if (rest >= 0) continue;
      std::sort(alike.begin(), alike.end());
      for (int64_t i = 0; i < -rest; ++i) marks[alike[i] / 64] ^= uint64_t{1} << alike[i] % 64;
    }
    return rest <= 0;
  }

  // Search a row anew, by all of its tiles in place of a sample, for `wanted` products of each query or some more.
  void again(int64_t row, int64_t wanted) {
    for (int64_t q = 0; q < group_; q += 4) suggest(row, q, tiles(), wanted);
    for (int64_t task = 0; task < tasks_; ++task) look(row, task);
  }

  float sum(int64_t q) const { return std::accumulate(&sums_[q * tasks_], &sums_[q * tasks_] + tasks_, 0.0f); }

  // What was found of a row with a score as high as nothing has that was not looked for: ranked by it, in any order.
  std::vector<uint64_t> peaks(int64_t row) const {
    std::vector<float> normalizers(group_);
    float least = -std::numeric_limits<float>::max();
    bool is_all = true;  // are there, whatever their scores, which may be no numbers
    for (int64_t i = 0, q = row * group_; i < group_; ++i, ++q) {
      normalizers[i] = references_[q] / static_cast<float>(kLog2E) + std::log(sum(q));
      if (least_[q] == INT32_MIN) continue;
      least = std::max(least, least_[q] * factor(q) - normalizers[i]);
      is_all = false;
    }
    std::vector<uint64_t> peaks;
    peaks.reserve(kReserved * tasks_);
    for (int64_t task = 0; task < tasks_; ++task)
      for (const Found& one : found_[row * tasks_ + task]) {
        const float score = one.product * factor(row * group_ + one.query) - normalizers[one.query];
        if (is_all || score >= least) peaks.push_back(ranked(ordered(score), task * step_ + one.at));
      }
    return peaks;
  }

  void suggest(int64_t row, int64_t q, int64_t sampled, int64_t wanted) {
    as_constants(index_.bits, group_ - q, [&](auto bits, auto queries) {
      suggest<decltype(bits)::value, decltype(queries)::value>(row, row * group_ + q, sampled, wanted);
    });
  }

  // What to look for with queries first, first + 1, …, so that about `wanted` products of each are found: by the largest of
  // some tiles at each of their places, as these are about as many as the highest of all.
  template <int kBits, int kQueries>
  void suggest(int64_t row, int64_t first, int64_t sampled, int64_t wanted) {
    const int64_t rank = wanted * sampled / tiles();
    const int64_t folded = std::min(kMostFolded, std::max<int64_t>(1, sampled / std::max<int64_t>(1, 2 * rank)));
    std::vector<int32_t> some[kQueries];
    alignas(64) int32_t products[kQueries * kTile];
    const auto place = [&](int64_t i) { return i * tiles() / sampled; };
    for (int64_t i = 0; i < sampled; ++i) {
      const int64_t tile = place(i);
      const uint8_t* early = index_.tile(row, place(std::min(sampled - 1, i + kEarly)) * kTile);
      for (int64_t line = 0; line < index_.tile_bytes(); line += 64) __builtin_prefetch(early + line);
      score_tile<kBits, kQueries>(index_.tile(row, tile * kTile), index_.spans, words(first), products, kTile);
      for (int64_t j = length_ - tile * kTile; j < kTile; ++j)
        for (int q = 0; q < kQueries; ++q) products[q * kTile + j] = INT32_MIN;
      for (int q = 0; q < kQueries; ++q) {
        if (i % folded == 0) some[q].resize(some[q].size() + kTile, INT32_MIN);
        int32_t* most = some[q].data() + some[q].size() - kTile;
        for (int j = 0; j < kTile; ++j) most[j] = std::max(most[j], products[q * kTile + j]);
      }
    }
    for (int q = 0; q < kQueries; ++q) {
      const int64_t size = some[q].size();
      references_[first + q] = factor(first + q) * static_cast<float>(kLog2E) * extremes(some[q].data(), size).second;
      least_[first + q] = wanted >= length_ || rank >= size ? INT32_MIN : above(some[q], rank);
    }
  }

  // The largest number at or above which more than `rank` of these are, or an eighth more.
  static int32_t above(const std::vector<int32_t>& numbers, int64_t rank) {
    const auto [least, most] = extremes(numbers.data(), numbers.size());
    int64_t low = least, high = int64_t{most} + 1;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      const int64_t count = count_from(numbers.data(), numbers.size(), static_cast<int32_t>(middle));
      (count > rank ? low : high) = middle;
      if (count > rank && count <= rank + rank / 8) break;
    }
    return static_cast<int32_t>(low);
  }

  const int32_t* words(int64_t q) const { return &levels_.words[q * index_.spans * kFours]; }

  void look(int64_t row, int64_t task) {
    found_[row * tasks_ + task].clear();
    for (int64_t q = 0; q < group_; q += 4)
      as_constants(index_.bits, group_ - q, [&](auto bits, auto queries) {
        look<decltype(bits)::value, decltype(queries)::value>(row, q, task);
      });
  }

  // Queries q, q + 1, … of a row over the positions of a task.
  template <int kBits, int kQueries>
  void look(int64_t row, int64_t q, int64_t task) {
    const int64_t first = row * group_ + q, begin = task * step_, count = std::min(step_, length_ - begin);
    const int64_t every = summed_every() * kTile;
    const uint8_t* tile = index_.tile(row, begin);
    std::vector<Found>& to = found_[row * tasks_ + task];
    to.reserve(kReserved);
    const size_t before = to.size();  // which queries ahead of these have found
    float factors[kQueries], references[kQueries];
    int32_t least[kQueries];
    Floats sums[kQueries] = {};
    for (int i = 0; i < kQueries; ++i) {
      factors[i] = factor(first + i) * static_cast<float>(kLog2E);
      references[i] = references_[first + i];
      least[i] = least_[first + i];
    }
    int64_t j = 0;
    const auto look_at = [&](auto tiles) {
      constexpr int kTiles = decltype(tiles)::value, kAll = kTiles * kTile;
      alignas(64) int32_t products[kQueries * kAll];
      for (int64_t line = 0; line < kTiles * index_.tile_bytes(); line += 64) __builtin_prefetch(tile + kAhead + line);
      score_tile<kBits, kQueries, kTiles>(tile, index_.spans, words(first), products, kAll);
      for (int64_t i = count - j; i < kAll; ++i)
        for (int n = 0; n < kQueries; ++n) products[n * kAll + i] = INT32_MIN;
      uint32_t found[kQueries] = {}, any = 0;
      for (int n = 0; n < kQueries; ++n) {
        for (int i = 0; i < kAll; i += kLanes) found[n] |= at_least(load(products + n * kAll + i), least[n]) << i;
        any |= found[n];
      }
      for (int64_t i = 0; i < kAll; i += kTile)
        if ((begin + j + i) % every == 0)
          for (int n = 0; n < kQueries; ++n)
            for (int64_t own = i; own < i + kTile; own += kLanes) {
              const Integers product = load(products + n * kAll + own);
              sums[n] += product < least[n] ? powers(product, factors[n], references[n]) : Floats{};
            }
      if (any)
        for (int n = 0; n < kQueries; ++n)
          for (uint32_t left = found[n]; left; left &= left - 1)
            if (const int at = __builtin_ctz(left); j + at < count)
              to.push_back({static_cast<int32_t>(q + n), static_cast<int32_t>(j + at), products[n * kAll + at]});
      j += kAll;
      tile += kTiles * index_.tile_bytes();
    };
    constexpr int kTiles = kTilesAtOnce<kBits, kQueries>;
    while (j + kTiles * kTile <= count) look_at(std::integral_constant<int, kTiles>{});
    while (j < count) look_at(std::integral_constant<int, 1>{});
    for (int n = 0; n < kQueries; ++n)
      sums_[(first + n) * tasks_ + task] = summed_every() * total(sums[n]);
    for (size_t i = before; i < to.size(); ++i) {
      const int64_t n = to[i].query - q;
      sums_[(first + n) * tasks_ + task] += std::exp2(to[i].product * factors[n] - references[n]);
    }
  }
};

// Of each KV head `count` of the first `length` positions for all of its queries, `(1, heads, queries, dim)`.
inline Tensor key_code_peaks(const Tensor query, const Tensor codes, const Tensor ranges, int64_t length, int64_t count,
                             int64_t sinks, int64_t behind, int64_t ahead, double scaling) {
  const KeyCodes index(codes, ranges);
  const std::vector<int64_t> counts(index.rows, count);
  PeakSearch search(index, query.const_data_ptr<float>(), query.size(2), length, scaling);
  const Chosen chosen = search.choose(counts.data(), {sinks, behind, ahead});
  Tensor out = torch::stable::empty({1, index.rows, chosen.longest()}, torch::headeronly::ScalarType::Long);
  chosen.copy(out.mutable_data_ptr<int64_t>(), chosen.longest());
  return out;
}

}  // namespace refreshkv
