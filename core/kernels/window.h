// A decode step beyond the trained window (core/window.py): which old positions it attends to, and their keys moved to stand
// without gaps before what is near.

#pragma once

#include "key_index.h"

namespace refreshkv {

// Rotary embedding: cosines and sines of moves, `(moves, 2 pairs)`, of the first `2 pairs` channels.
struct Turns {
  const float* table;
  int64_t pairs;
  bool interleaved;

  // Write `from` moved by `by` positions into `to`, which is another.
  template <typename T>
  void move(const T* from, T* to, int64_t dim, int64_t by) const {
    const float *cos = table + std::abs(by) * 2 * pairs, *sin = cos + pairs;
    const float sign = by < 0 ? -1.0f : 1.0f;
    const int64_t step = interleaved ? 2 : 1, half = interleaved ? 1 : pairs;
    for (int64_t i = 0; i < pairs; ++i) {
      const float first = wide(from[i * step]), second = wide(from[i * step + half]);
      narrow(first * cos[i] - second * (sign * sin[i]), to[i * step]);
      narrow(second * cos[i] + first * (sign * sin[i]), to[i * step + half]);
    }
    std::copy(from + 2 * pairs, from + dim, to + 2 * pairs);
  }
};

// The `counts` of the index's first `old` positions that a query `(heads, group, dim)`, already where it is to be scored
// from, attends to: the first `sinks`, and those with the highest scores, each of which counts for `reached` on either side.
inline Chosen old_positions(const KeyCodes& index, const float* query, int64_t group, int64_t old, const int64_t* counts,
                            int64_t sinks, int64_t reached, double scaling) {
  const Logits logits(index, query, group, old, scaling);
  return choose_all(counts, index.rows, index.rows, old, 0, 1, [&](int64_t row, int64_t begin, int64_t end, int32_t* to) {
    reached_scores(logits, row, begin, end, reached, reached, to);
    for (int64_t j = begin; j < std::min(sinks, end); ++j) to[j - begin] = INT32_MAX;
  });
}

// Write what was chosen of `from`, and its positions from `staged` up to `length`, which are near, into `to`: in slots in
// their order, the near ones from `old` on behind all chosen ones.
template <typename T>
void stage(const Cached<T>& from, const Cached<T>& to, const Chosen& chosen, const Turns& turns, int64_t count, int64_t old,
           int64_t staged, int64_t length) {
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  parallel_for(from.heads * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t head = task / chunks, last = std::min(count, (task % chunks + 1) * kChunk);
      const int32_t* positions = chosen.row(head);
      for (int64_t slot = task % chunks * kChunk; slot < last; ++slot) {
        const int64_t at = positions[slot];
        from.prefetch(head, positions[slot + 16]);
        turns.move(from.key(head, at), to.key(head, slot), from.dim, old - count + slot - at);
        std::copy_n(from.value(head, at), from.value_dim, to.value(head, slot));
      }
    }
  });
  for (int64_t head = 0; head < from.heads; ++head) {
    const int64_t slot = count + staged - old, near = length - staged;
    std::copy_n(from.key(head, staged), near * from.dim, to.key(head, slot));
    std::copy_n(from.value(head, staged), near * from.value_dim, to.value(head, slot));
  }
}

}  // namespace refreshkv
