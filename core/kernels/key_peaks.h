// Few of many positions, chosen by their keys' codes. The scores are looked through once: what lies below a threshold that
// some of them suggest is passed over a vector at a time, and what is left is ranked.

#pragma once

#include "key_index.h"

namespace refreshkv {

// The first `sinks` positions are always chosen; a score counts for `behind` positions before its own and `ahead` after it.
struct Reach {
  int64_t sinks, behind, ahead;
};

// Some positions, ascending, with their scores as integers that order alike.
struct Peaks {
  std::vector<int32_t> positions, scores;

  void reserve(size_t size) {
    positions.reserve(size);
    scores.reserve(size);
  }

  void add(int64_t position, int32_t score) {
    positions.push_back(static_cast<int32_t>(position));
    scores.push_back(score);
  }

  // Those of [begin, end) that have `least` or more.
  template <typename Scores>
  void add(const Scores& of, int64_t row, int64_t begin, int64_t end, float least) {
    float scores[kLanes];
    for (int64_t first = begin; first < end; first += kLanes) {
      const Floats best = of.best(row, first);
      const int64_t there = std::min<int64_t>(kLanes, end - first);
      uint32_t found = at_least(best, least) & ((uint32_t{1} << there) - 1);
      if (!found) continue;
      store(best, scores);
      for (; found; found &= found - 1) {
        const int lane = __builtin_ctz(found);
        add(first + lane, ordered(scores[lane]));
      }
    }
  }

  void add(const Peaks& others) {
    positions.insert(positions.end(), others.positions.begin(), others.positions.end());
    scores.insert(scores.end(), others.scores.begin(), others.scores.end());
  }

  // All positions behind the sinks, of `length`, that these scores count for, each with the highest of them.
  Peaks reached(const Reach& reach, int64_t length) const {
    Peaks to;
    to.reserve(positions.size() * (reach.behind + 1 + reach.ahead));
    for (size_t i = 0; i < positions.size(); ++i) {
      const int64_t first = std::max(reach.sinks, positions[i] - reach.behind);
      const int64_t last = std::min(length - 1, positions[i] + reach.ahead);
      for (int64_t j = first; j <= last; ++j) {
        // From the first to the last of those that are there already none is missing.
        const int64_t back = to.positions.empty() ? -1 : to.positions.back() - j;
        if (back < 0) {
          to.add(j, scores[i]);
        } else {
          int32_t& own = to.scores[to.scores.size() - 1 - back];
          own = std::max(own, scores[i]);
        }
      }
    }
    return to;
  }
};

// At or above which about `wanted` of a row's scores are, by some of them; all are where none suffices.
template <typename Scores>
float about(const Scores& of, int64_t row, int64_t wanted) {
  constexpr int64_t kMost = 1024;
  std::vector<float> some;
  const int64_t every = kLanes * std::max<int64_t>(1, of.length / kMost);
  for (int64_t j = 0; j + kLanes <= of.length; j += every) {
    some.resize(some.size() + kLanes);
    store(of.best(row, j), some.data() + some.size() - kLanes);
  }
  const int64_t size = some.size(), rank = wanted * size / of.length;
  if (rank >= size) return -std::numeric_limits<float>::infinity();
  std::nth_element(some.begin(), some.begin() + rank, some.end(), std::greater<float>());
  return some[rank];
}

// Of each row `counts` positions, ascending: the first ones, and those with the highest scores, of equal ones the later.
template <typename Scores>
Chosen choose_few(const Scores& of, const int64_t* counts, const Reach& reach) {
  constexpr int64_t kLooked = 4096;
  const int64_t rows = of.rows, length = of.length, pieces = (length + kLooked - 1) / kLooked;
  const Chosen chosen(counts, rows, length, 1);
  std::vector<float> least(rows);
  std::vector<Peaks> found(rows * pieces);
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) least[row] = about(of, row, chosen.counts[row] / 2);
  });
  parallel_for(rows * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / pieces, first = task % pieces * kLooked;
      found[task].add(of, row, first, std::min(length, first + kLooked), least[row]);
    }
  });
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      Peaks all;
      for (int64_t piece = 0; piece < pieces; ++piece) all.add(found[row * pieces + piece]);
      const int64_t sinks = std::min({reach.sinks, chosen.counts[row], length}), rest = chosen.counts[row] - sinks;
      Peaks reached = all.reached(reach, length);
      for (int64_t wanted = rest; static_cast<int64_t>(reached.positions.size()) < rest; wanted *= 4) {
        all = {};
        all.add(of, row, 0, length, about(of, row, wanted));
        reached = all.reached(reach, length);
      }
      chosen.choose(row, reach.sinks - sinks, sinks, reached.positions, reached.scores);
    }
  });
  return chosen;
}

// What positions get at best from many queries of each row, some of which are scored at a time.
struct Best {
  int64_t rows, length, stride;
  std::unique_ptr<float[], void (*)(float*)> scores;

  // `queries` `(rows, count, dim)`; `most`: bytes of products at once.
  Best(const KeyCodes& index, const float* queries, int64_t count, int64_t length, double scaling, int64_t most)
      : rows(index.rows), length(length), stride(KeyCodes::up_to(length, kTile)), scores(room_at_lines<float>(rows * stride)) {
    const int64_t fours = std::max<int64_t>(1, most / (4 * rows * stride * static_cast<int64_t>(sizeof(int32_t))));
    for (int64_t first = 0; first < count; first += 4 * fours) {
      const int64_t some = std::min(4 * fours, count - first);
      std::vector<float> own;
      for (int64_t row = 0; row < rows; ++row) {
        const float* from = queries + (row * count + first) * index.dim;
        own.insert(own.end(), from, from + some * index.dim);
      }
      add(Logits(index, own.data(), some, length, scaling), first == 0);
    }
  }

  Floats best(int64_t row, int64_t begin) const { return load(&scores[row * stride + begin]); }

 private:
  void add(const Logits& logits, bool first) {
    constexpr int64_t kAdded = 2048;
    const int64_t pieces = (stride + kAdded - 1) / kAdded;
    parallel_for(rows * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t row = task / pieces, from = task % pieces * kAdded;
        for (int64_t j = from; j < std::min(stride, from + kAdded); j += kLanes) {
          const Floats own = logits.best(row, j);
          store(first ? own : larger(own, best(row, j)), &scores[row * stride + j]);
        }
      }
    });
  }
};

// Of each KV head `count` of the first `length` positions for all of its queries, `(1, heads, queries, dim)`.
inline Tensor key_code_peaks(const Tensor query, const Tensor codes, const Tensor ranges, int64_t length, int64_t count,
                             int64_t sinks, int64_t behind, int64_t ahead, double scaling) {
  constexpr int64_t kProducts = 1 << 24;  // bytes at once: what the allocator keeps for the next ones
  const KeyCodes index(codes, ranges);
  const Best best(index, query.const_data_ptr<float>(), query.size(2), length, scaling, kProducts);
  const std::vector<int64_t> counts(index.rows, count);
  const Chosen chosen = choose_few(best, counts.data(), {sinks, behind, ahead});
  Tensor out = torch::stable::empty({1, index.rows, chosen.longest()}, torch::headeronly::ScalarType::Long);
  chosen.copy(out.mutable_data_ptr<int64_t>(), chosen.longest());
  return out;
}

}  // namespace refreshkv
