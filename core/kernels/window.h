// A decode step beyond the trained window (core/window.py): which old positions it attends to, and their keys moved to stand
// without gaps before what is near.

#pragma once

#include "key_peaks.h"

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
    int64_t i = 0;
    if (!interleaved)
      for (; i + kLanes <= pairs; i += kLanes) {
        const Floats first = load(from + i), second = load(from + pairs + i);
        const Floats cosine = load(cos + i), sine = load(sin + i) * sign;
        store(first * cosine - second * sine, to + i);
        store(second * cosine + first * sine, to + pairs + i);
      }
    for (; i < pairs; ++i) {
      const float first = wide(from[i * step]), second = wide(from[i * step + half]);
      narrow(first * cos[i] - second * (sign * sin[i]), to[i * step]);
      narrow(second * cos[i] + first * (sign * sin[i]), to[i * step + half]);
    }
    std::copy(from + 2 * pairs, from + dim, to + 2 * pairs);
  }
};

// Write what `from` has of each direction of `basis`, `(dim, directions)`, into `to`.
inline void project(const float* from, const float* basis, int64_t dim, int64_t directions, float* to) {
  std::fill(to, to + directions, 0.0f);
  for (int64_t d = 0; d < dim; ++d)
    for (int64_t i = 0; i < directions; ++i) to[i] += from[d] * basis[d * directions + i];
}

// Write what was chosen of `from`, and its positions from `staged` up to `length`, which are near, into `to`: in slots in
// their order, the near ones from `old` on behind all chosen ones.
template <typename T>
void stage(const Cached<T>& from, const Cached<T>& to, const Chosen& chosen, const Turns& turns, int64_t count, int64_t old,
           int64_t closer, int64_t staged, int64_t length) {
  each_chosen(from, chosen, count, [&](int64_t head, int64_t slot, int64_t position) {
    turns.move(from.key(head, position), to.key(head, slot), from.dim, old - count + closer + slot - position);
    std::copy_n(from.value(head, position), from.value_dim, to.value(head, slot));
  });
  for (int64_t head = 0; head < from.heads; ++head) {
    const int64_t slot = count + staged - old, near = length - staged;
    std::copy_n(from.key(head, staged), near * from.dim, to.key(head, slot));
    std::copy_n(from.value(head, staged), near * from.value_dim, to.value(head, slot));
  }
}

}  // namespace refreshkv
