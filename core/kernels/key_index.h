// Attention to the positions that the keys' codes (key_codes.h) find for the query of the step.

#pragma once

#include "key_scores.h"
#include "refresh.h"

namespace refreshkv {

// Write the indices in [begin, end) whose key is `lowest` or more behind the first `count` of `out`, which has room for
// a vector more than there are; returns how many there are now.
inline int64_t collect(const int32_t* keys, int64_t begin, int64_t end, int32_t lowest, int32_t* out, int64_t count) {
  int64_t i = begin;
#if defined(__AVX512F__)
  const __m512i least = _mm512_set1_epi32(lowest);
  __m512i indices = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(begin)),
                                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  for (; i + 16 <= end; i += 16) {
    const __mmask16 chosen = _mm512_cmpge_epi32_mask(_mm512_loadu_si512(keys + i), least);
    _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(chosen, indices));
    count += __builtin_popcount(chosen);
    indices = _mm512_add_epi32(indices, _mm512_set1_epi32(16));
  }
#endif
  for (; i < end; ++i) {
    out[count] = static_cast<int32_t>(i);
    count += keys[i] >= lowest;
  }
  return count;
}

inline int64_t count_from(const int32_t* keys, int64_t length, int32_t lowest) {
  int32_t count = 0;
  for (int64_t i = 0; i < length; ++i) count += keys[i] >= lowest;
  return count;
}

// A threshold ends in so many zero bits where it is guessed, or where rows share it: such scores down to -16 are a 128th
// apart or less.
constexpr int kThresholdBits = 13;

// About the threshold above which `wanted` of `count` keys are, by an eighth of them or fewer, without its zero bits.
inline int64_t about(const int32_t* keys, int64_t count, int64_t wanted) {
  constexpr int64_t kTaken = 16, kMost = 2600;
  const int64_t every = kTaken * std::max<int64_t>(8, count / kMost);
  std::vector<int32_t> sample;
  sample.reserve(count / every * kTaken + kTaken);
  for (int64_t j = 0; j < count; j += every) sample.insert(sample.end(), keys + j, keys + std::min(j + kTaken, count));
  const int64_t size = sample.size(), own = wanted * size / count;
  const auto [least, most] = extremes(sample.data(), size);
  int64_t low = least >> kThresholdBits, high = most >> kThresholdBits;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (count_from(sample.data(), size, static_cast<int32_t>(middle << kThresholdBits)) > own ? low : high) = middle;
  }
  return high;
}

// Where a threshold lies: at or above `low` there are too many keys, `from_low`, at or above `high` there are not. Tried is
// the middle; after a guess what is `step` and more away from it until the threshold is passed, then by turns where the counts
// point to and the middle.
struct Bracket {
  int64_t low, high, from_low, from_high = 0, tried, step = 0;
  bool below = true, above = true;
  int turns = 0;

  Bracket(int64_t low, int64_t high, int64_t from_low)
      : low(low), high(high), from_low(from_low), tried(low + (high - low) / 2) {
    clamp();
  }

  void guess(int64_t threshold, int64_t away) {
    tried = threshold;
    step = away;
    below = above = false;
    clamp();
  }

  // At or above what was tried there are `found`, too `many` or not; `wanted` are.
  void learn(int64_t found, bool many, int64_t wanted) {
    (many ? low : high) = tried;
    (many ? from_low : from_high) = found;
    (many ? below : above) = true;
    if (below && above) {
      const double share = static_cast<double>(from_low - wanted) / std::max<int64_t>(1, from_low - from_high);
      tried = low + (step && ++turns % 2 ? static_cast<int64_t>(share * (high - low)) : (high - low) / 2);
    } else {
      tried = many ? low + step : high - step;
      step *= 4;
    }
    clamp();
  }

  void clamp() { tried = std::max(low + 1, std::min(tried, high - 1)); }
};

// Write the indices of the `count` largest of `length` keys, ascending, into `out`, which has room for kChunk more; of
// equal keys the later ones. The range in which the lowest of them lies is narrowed until few keys too many are above its
// lower end: only the keys in it are ranked.
inline void largest_indices(const int32_t* keys, int64_t length, int64_t count, int32_t* out) {
  constexpr int64_t kFew = kChunk / 2, kWorthGuessing = 1 << 14;
  if (count <= 0) return;
  const auto [least, most] = extremes(keys, length);
  Bracket at(least, int64_t{most} + 1, length);
  if (length >= kWorthGuessing) at.guess(about(keys, length, count) << kThresholdBits, 1 << 16);
  while (at.from_low - count > kFew && at.high - at.low > 1) {
    const int64_t found = count_from(keys, length, static_cast<int32_t>(at.tried));
    at.learn(found, found >= count, count + kFew / 2);
  }
  const int64_t low = at.low, high = at.high, from_low = at.from_low;
  int64_t from_high = at.from_high;
  if (from_low - count > kFew) {  // so many keys are the same
    int64_t first = length;
    for (int64_t left = count - from_high; left > 0;) left -= keys[--first] == low;
    if (low < INT32_MAX) from_high = collect(keys, 0, first, static_cast<int32_t>(low + 1), out, 0);
    collect(keys, first, length, static_cast<int32_t>(low), out, from_high);
    return;
  }
  collect(keys, 0, length, static_cast<int32_t>(low), out, 0);
  if (from_low == count) return;
  const auto rank = [&](int32_t i) { return int64_t{keys[i]} << 32 | i; };
  std::vector<int64_t> between;
  for (int64_t i = 0; i < from_low; ++i)
    if (keys[out[i]] < high) between.push_back(rank(out[i]));
  const auto lowest = between.begin() + (from_low - count);
  std::nth_element(between.begin(), lowest, between.end());
  for (int64_t i = 0, kept = 0; i < from_low; ++i) {
    const int32_t index = out[i];
    out[kept] = index;
    kept += rank(index) >= *lowest;
  }
}

// The positions chosen in every row, ascending: `counts` of them, the last `recent` always. Told to Attention.
struct Chosen {
  static constexpr bool kScattered = true;
  std::vector<int64_t> counts;
  int64_t most, stride;
  std::shared_ptr<int32_t[]> positions;

  // `spread`: of `wanted`, how many times as many a row may come to by `share`.
  Chosen(const int64_t* wanted, int64_t rows, int64_t length, int64_t spread)
      : counts(wanted, wanted + rows) {
    for (int64_t& count : counts) count = std::min(std::max<int64_t>(count, 1), length);
    most = std::min(length, spread * *std::max_element(counts.begin(), counts.end()));
    stride = most + kChunk;
    positions.reset(new int32_t[rows * stride]);
  }

  // Let rows [begin, end), whose keys follow one another, share their counts: each gets the positions above one threshold,
  // the lowest with which they are no more in all, and a spread-th of its count at least, spread times it at most. Returns
  // the threshold.
  int32_t share(int64_t begin, int64_t end, const int32_t* keys, int64_t length, int64_t recent, int64_t spread) {
    const std::vector<int64_t> own(counts.begin() + begin, counts.begin() + end);
    const int64_t total = std::accumulate(own.begin(), own.end(), int64_t{0});
    const auto above = [&](int64_t threshold) {
      int64_t sum = 0;
      for (int64_t row = begin; row < end; ++row) {
        const int64_t count = own[row - begin], last = std::min(recent, count);
        const int64_t most = std::min(length, count * spread), least = std::max(last, count / spread);
        const int32_t lowest = static_cast<int32_t>(threshold << kThresholdBits);
        const int64_t found = last + count_from(keys + (row - begin) * length, length - last, lowest);
        sum += counts[row] = std::min(std::max(found, least), most);
      }
      return sum;
    };
    constexpr int64_t kBottom = -(int64_t{1} << (31 - kThresholdBits)) - 1, kTop = -kBottom - 2;
    Bracket at(kBottom, kTop, (end - begin) * length);
    at.guess(about(keys, (end - begin) * length, total), 4);
    while (at.high - at.low > 1) {
      const int64_t threshold = at.tried, sum = above(threshold);
      if (sum == total) return static_cast<int32_t>(threshold << kThresholdBits);
      at.learn(sum, sum > total, total);
    }
    above(at.high);
    return static_cast<int32_t>(at.high << kThresholdBits);
  }

  int64_t longest() const { return *std::max_element(counts.begin(), counts.end()); }
  int64_t count(int64_t row) const { return counts[row]; }
  auto slots(int64_t row, int64_t begin) const {
    const int32_t* from = &positions[row * stride + begin];
    return [from](int64_t j) -> int64_t { return from[j]; };
  }

  // `threshold`: with which there may be as many already.
  void choose(int64_t row, const int32_t* keys, int64_t length, int64_t recent, int32_t threshold = INT32_MAX) const {
    int32_t* to = &positions[row * stride];
    const int64_t count = counts[row], last = std::min(std::max<int64_t>(recent, 0), count);
    if (threshold != INT32_MAX && count_from(keys, length - last, threshold) == count - last) {
      collect(keys, 0, length - last, threshold, to, 0);
    } else {
      largest_indices(keys, length - last, count - last, to);
    }
    for (int64_t j = 0; j < last; ++j) to[count - last + j] = static_cast<int32_t>(length - last + j);
    std::fill(to + count, to + stride, 0);
  }

  // So many positions from `first` on, and behind them those that are marked.
  void choose(int64_t row, int64_t first, int64_t so_many, const std::vector<uint64_t>& marks) const {
    int32_t* to = &positions[row * stride];
    std::iota(to, to + so_many, static_cast<int32_t>(first));
    int64_t count = so_many;
    for (size_t word = 0; word < marks.size(); ++word)
      for (uint64_t left = marks[word]; left; left &= left - 1)
        to[count++] = static_cast<int32_t>(word * 64 + __builtin_ctzll(left));
    std::fill(to + count, to + stride, 0);
  }

  // Order what was chosen by rank, but for the last ones.
  void rank(int64_t row, const int32_t* keys, int64_t recent) const {
    int32_t* own = &positions[row * stride];
    std::vector<uint64_t> order, spare;
    order.reserve(counts[row]);
    for (int64_t j = 0; j < counts[row] - recent; ++j) order.push_back(ranked(keys[own[j]], own[j]));
    radix_sort(order, spare);
    for (size_t j = 0; j < order.size(); ++j) own[j] = static_cast<int32_t>(order[j]);
  }

  const int32_t* row(int64_t row) const { return &positions[row * stride]; }

  // The first `count` into rows of `width`, filled up with -1.
  void copy(int64_t* to, int64_t width, int64_t count) const {
    for (int64_t row = 0; row < static_cast<int64_t>(counts.size()); ++row)
      for (int64_t j = 0; j < count; ++j)
        to[row * width + j] = j < counts[row] ? positions[row * stride + j] : -1;
  }
  void copy(int64_t* to, int64_t width) const { copy(to, width, width); }
};

// The positions with the highest scores in every row. `fill(row, begin, end, to)` writes the scores of positions [begin, end)
// as integers; the `heads` rows of a text share their counts if `spread` is above 1. `by_rank`: in place of ascending, with a
// spread of 1.
template <typename F>
Chosen choose_all(const int64_t* counts, int64_t rows, int64_t heads, int64_t length, int64_t recent, int64_t spread,
                  const F& fill, bool by_rank = false) {
  constexpr int64_t kFilled = 2048;
  Chosen chosen(counts, rows, length, spread);
  const std::unique_ptr<int32_t[]> keys(new int32_t[rows * length]);
  const int64_t pieces = (length + kFilled - 1) / kFilled;
  parallel_for(rows * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / pieces, first = task % pieces * kFilled;
      fill(row, first, std::min(length, first + kFilled), &keys[row * length + first]);
    }
  });
  if (spread == 1)
    parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        chosen.choose(row, &keys[row * length], length, recent);
        if (by_rank) chosen.rank(row, &keys[row * length], recent);
      }
    });
  if (spread == 1) return chosen;
  for (int64_t first = 0; first < rows; first += heads) {
    const int32_t threshold = chosen.share(first, first + heads, &keys[first * length], length, recent, spread);
    parallel_for(heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = first + begin; row < first + end; ++row)
        chosen.choose(row, &keys[row * length], length, recent, threshold);
    });
  }
  return chosen;
}

inline Tensor choose_positions(const Tensor scores, const Tensor counts, int64_t recent, int64_t spread) {
  const int64_t heads = scores.size(1), rows = scores.size(0) * heads, length = scores.size(2);
  const float* from = scores.const_data_ptr<float>();
  const Chosen chosen = choose_all(counts.const_data_ptr<int64_t>(), rows, heads, length, recent, spread,
                                   [&](int64_t row, int64_t begin, int64_t end, int32_t* to) {
                                     for (int64_t j = begin; j < end; ++j) *to++ = ordered(from[row * length + j]);
                                   });
  Tensor out = torch::stable::new_empty(counts, {scores.size(0), heads, chosen.longest()});
  chosen.copy(out.mutable_data_ptr<int64_t>(), chosen.longest());
  return out;
}

// What the query heads of each row, `group` of them, attended to: `(rows, group, length)`.
struct Weights {
  const float* values;
  int64_t group, length;

  // As Logits hand their scores.
  template <typename F>
  void largest(int64_t row, int64_t first, int64_t last, const F& take) const {
    float best[kChunk];
    for (int64_t begin = first; begin < last; begin += kChunk) {
      const int64_t count = std::min(kChunk, last - begin);
      const float* from = values + row * group * length + begin;
      std::copy_n(from, count, best);
      for (int64_t q = 1; q < group; ++q)
        for (int64_t j = 0; j < count; ++j) best[j] = std::max(best[j], from[q * length + j]);
      take(begin, count, best);
    }
  }
};

// Scores of positions [begin, end), each the largest of those from `ahead` before it to `behind` after it; of Logits or
// Weights.
template <typename Scores>
void reached_scores(const Scores& scores_of, int64_t row, int64_t begin, int64_t end, int64_t behind, int64_t ahead,
                    int32_t* to) {
  const int64_t first = std::max<int64_t>(0, begin - ahead), last = std::min(scores_of.length, end + behind);
  const int64_t window = behind + 1 + ahead, missing = ahead - (begin - first);
  const auto fill = [&](int32_t* from) {
    scores_of.largest(row, first, last, [&](int64_t at, int64_t count, const float* scores) {
      for (int64_t j = 0; j < count; ++j) from[at - first + j] = ordered(scores[j]);
    });
  };
  if (window == 1) return fill(to);
  // Position p stands at p - begin + ahead; where none is, before the first and behind the last, nothing is larger.
  static thread_local std::vector<int32_t> from, wider;
  from.assign(end - begin + window - 1, INT32_MIN);
  wider.resize(from.size());
  fill(from.data() + missing);
  for (int64_t covered = 1; covered < window; from.swap(wider)) {  // of how many, up to its own, each is the largest
    const int64_t step = std::min(covered, window - covered), size = from.size();
    std::copy_n(from.begin(), step, wider.begin());
    for (int64_t i = step; i < size; ++i) wider[i] = std::max(from[i], from[i - step]);
    covered += step;
  }
  std::copy_n(from.begin() + window - 1, end - begin, to);
}

// Call `place(head, slot, position)` for the first `count` that were chosen of each head in `from`, where it is asked early
// for what stands there: positions are far apart.
template <typename T, typename F>
void each_chosen(const Cached<T>& from, const Chosen& chosen, int64_t count, const F& place) {
  constexpr int64_t kEarly = 16;
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  parallel_for(from.heads * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t head = task / chunks, last = std::min(count, (task % chunks + 1) * kChunk);
      const int32_t* positions = chosen.row(head);
      for (int64_t slot = task % chunks * kChunk; slot < last; ++slot) {
        from.prefetch(head, positions[slot + kEarly]);
        place(head, slot, int64_t{positions[slot]});
      }
    }
  });
}

// How positions are chosen by an index: the last `recent` always; heads may share their counts
// (`spread`), or what they choose is in order of its rank; each score counts for `behind` positions before its own and `ahead`
// after it.
struct Rule {
  int64_t recent = 0, spread = 1, behind = 0, ahead = 0;
  bool by_rank = false;
};

// Of one query `(heads, group, dim)`: among the first `length` positions those with the highest scores by the index.
inline Chosen indexed_positions(const KeyCodes& index, const float* query, int64_t group, int64_t length,
                                const int64_t* counts, const Rule& rule, double scaling) {
  const Logits logits(index, query, group, length, scaling);
  const auto fill = [&](int64_t row, int64_t begin, int64_t end, int32_t* to) {
    reached_scores(logits, row, begin, end, rule.behind, rule.ahead, to);
  };
  return choose_all(counts, index.rows, index.rows, length, rule.recent, rule.spread, fill, rule.by_rank);
}

inline std::tuple<Tensor, Tensor> indexed_attention(const Tensor query, const Tensor keys, const Tensor values,
                                                    const Tensor codes, const Tensor ranges, const Tensor counts,
                                                    int64_t recent, int64_t spread, double scaling) {
  const KeyCodes index(codes, ranges);
  const Chosen chosen =
      indexed_positions(index, query.const_data_ptr<float>(), query.size(1) / index.rows, keys.size(2),
                        counts.const_data_ptr<int64_t>(), {.recent = recent, .spread = spread}, scaling);
  Tensor out = torch::stable::new_empty(query, {1, 1, query.size(1), values.size(3)});
  Tensor positions = torch::stable::new_empty(counts, {1, index.rows, chosen.longest()});
  chosen.copy(positions.mutable_data_ptr<int64_t>(), chosen.longest());
  with_stored_type(keys.element_size(), [&](auto type) {
    attend(Cached<decltype(type)>(keys, values), chosen, query, scaling, nullptr, 0, out.mutable_data_ptr<float>());
  });
  return {out, positions};
}

// Attention to the positions in `chosen` `(1, heads, count)`, of which -1 is none; a head has its own ones first.
inline Tensor chosen_attention(const Tensor query, const Tensor keys, const Tensor values, const Tensor chosen,
                               double scaling) {
  const int64_t heads = keys.size(1), width = chosen.size(2);
  const int64_t* from = chosen.const_data_ptr<int64_t>();
  std::vector<int64_t> counts(heads);
  for (int64_t row = 0; row < heads; ++row)
    counts[row] = std::find(from + row * width, from + (row + 1) * width, -1) - (from + row * width);
  const Chosen attended(counts.data(), heads, width, 1);
  for (int64_t row = 0; row < heads; ++row)
    for (int64_t j = 0; j < attended.stride; ++j)
      attended.positions[row * attended.stride + j] = j < counts[row] ? static_cast<int32_t>(from[row * width + j]) : 0;
  Tensor out = torch::stable::new_empty(query, {1, 1, query.size(1), values.size(3)});
  with_stored_type(keys.element_size(), [&](auto type) {
    attend(Cached<decltype(type)>(keys, values), attended, query, scaling, nullptr, 0, out.mutable_data_ptr<float>());
  });
  return out;
}

}  // namespace refreshkv
