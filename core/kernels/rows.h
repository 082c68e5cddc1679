// One layer of a decode step of some rows inside a compiled graph: each row is one token, of a cache of its own or the
// next of the same.

#pragma once

#include "window.h"

namespace refreshkv {

// Where a row reads and writes, as core/places.py lays it out: a number in each field, addresses too. Behind the last one
// stands for each KV head how many positions it chooses.
struct Place {
  int64_t position;      // of the token
  int64_t keys, values, capacity;
  int64_t slot;          // in the small cache, or -1 for a step over the full one, and for one that chooses anew
  int64_t slots;         // of it that are in use
  int64_t small_keys, small_values, small_capacity;
  int64_t weights, room;  // where a full step writes its attention, `(heads, group, room)`, or 0
  int64_t codes, ranges, coded, bytes;  // of the index, if the step is by one; `coded` positions of `bytes` each
  int64_t uncoded;       // the first position whose code is missing
  int64_t recent;        // positions that it always chooses
  int64_t spread;        // how far heads may be from their counts, which they share if it is above 1
  int64_t behind, ahead; // positions before and behind its own that a score counts for, where a small cache is chosen
  int64_t chosen, told;  // where it writes what it chose, `(heads, told)`, or 0
  int64_t old;           // beyond the window: the first positions, of which some are chosen; 0 within
  int64_t sinks;         // the first of them, which always are
  int64_t reach;         // a score of theirs counts for so many positions before its own and after it
  int64_t set_keys, set_values, set_capacity;  // room for all that is attended to
  int64_t staged;        // up to here stand those that are near in it
  int64_t turns, pairs, interleaved;
  int64_t apart;         // by how much the query is moved to score them
  int64_t basis, directions;  // of the keys that the codes have, `(heads, dim, directions)`
  int64_t closer;        // by how much the chosen stand closer than without gaps before what is near
  double most, peak;     // a query gets less of the chosen ones but for the first
};

constexpr int64_t kFields = sizeof(Place) / sizeof(int64_t);

template <typename T>
struct DecodeRows {
  const int64_t rows, query_heads, heads, dim, value_dim;
  const float *query, *key, *value;  // of all rows, one after the other
  const int64_t* places;
  double scaling;
  float* out;

  const Place& place(int64_t r) const { return *reinterpret_cast<const Place*>(places + r * (kFields + heads)); }
  const int64_t* counts(int64_t r) const { return places + r * (kFields + heads) + kFields; }
  Cached<T> full(int64_t r) const {
    const Place& at = place(r);
    return {at.keys, at.values, heads, at.capacity, dim, value_dim};
  }
  Cached<T> small(int64_t r) const {
    const Place& at = place(r);
    return {at.small_keys, at.small_values, heads, at.small_capacity, dim, value_dim};
  }
  KeyCodes index(int64_t r) const {
    const Place& at = place(r);
    return {at.codes, at.ranges, heads, at.coded, at.bytes, at.basis ? at.directions : dim};
  }

  // All rows are written before one is read: a row may be the past of another.
  void write() const {
    for (int64_t r = 0; r < rows; ++r) {
      const Place& at = place(r);
      const float *k = key + r * heads * dim, *v = value + r * heads * value_dim;
      const Cached<T> cache = full(r);
      cache.write(at.position, k, v);
      if (at.slot >= 0) small(r).write(at.slot, k, v);
      if (at.codes)
        for (int64_t head = 0; head < heads; ++head)
          for (int64_t j = at.uncoded; j <= at.position; ++j)
            index(r).write(head, j, cache.keys + head * cache.key_stride + j * dim);
    }
  }

  // Rows of the same cache that follow one another attend together.
  void attend() const {
    std::vector<Attention<T>> sets;
    for (int64_t first = 0, last = 0; first < rows; first = last) {
      if (place(first).codes) {
        attend_by_codes(last++);
        continue;
      }
      while (last < rows && !place(last).codes && attended(last) == attended(first)) ++last;
      sets.push_back(set<First>(first, last, place(first).slot < 0 ? full(first) : small(first)));
      for (int64_t r = first; r < last; ++r) {
        const Place& at = place(r);
        sets.back().attended.push_back({at.slot < 0 ? at.position + 1 : at.slots});
        sets.back().weights.push_back(at.slot < 0 ? reinterpret_cast<float*>(at.weights) : nullptr);
      }
    }
    run(sets);
  }

 private:
  int64_t attended(int64_t r) const { return place(r).slot < 0 ? place(r).keys : place(r).small_keys; }

  void attend_by_codes(int64_t r) const {
    if (place(r).old) {
      attend_beyond(r);
    } else if (place(r).small_keys) {
      renew(r);
    } else {
      attend_by_index(r);
    }
  }

  const float* own_query(int64_t r) const { return query + r * query_heads * dim; }

  void attend_by_index(int64_t r) const {
    const Place& at = place(r);
    const Chosen chosen = indexed_positions(index(r), own_query(r), query_heads / heads, at.position + 1, counts(r),
                                            {.recent = at.recent, .spread = at.spread}, scaling);
    if (at.chosen) chosen.copy(reinterpret_cast<int64_t*>(at.chosen), at.told);
    std::vector<Attention<T, Chosen>> sets{set<Chosen>(r, r + 1, full(r))};
    sets[0].attended.push_back(chosen);
    sets[0].weights.push_back(nullptr);
    run(sets);
  }

  // Choose the small cache anew by the index, and attend to it.
  void renew(int64_t r) const {
    const Place& at = place(r);
    const Rule rule{.recent = at.recent, .behind = at.behind, .ahead = at.ahead, .by_rank = true};
    const Chosen chosen =
        indexed_positions(index(r), own_query(r), query_heads / heads, at.position + 1, counts(r), rule, scaling);
    chosen.copy(reinterpret_cast<int64_t*>(at.chosen), at.told, at.slots);
    refill(r, full(r), chosen);
    std::vector<Attention<T>> sets{set<First>(r, r + 1, small(r))};
    sets[0].attended.push_back({at.slots});
    sets[0].weights.push_back(nullptr);
    run(sets);
  }

  // Choose among what is old by the index, put it before what is near, and attend to both.
  void attend_beyond(int64_t r) const {
    const Place& at = place(r);
    const Turns turns{reinterpret_cast<const float*>(at.turns), at.pairs, at.interleaved != 0};
    const int64_t group = query_heads / heads;
    std::vector<float> placed(dim), asking(query_heads * at.directions);
    for (int64_t head = 0; head < query_heads; ++head) {
      turns.move(own_query(r) + head * dim, placed.data(), dim, at.apart);
      project(placed.data(), reinterpret_cast<const float*>(at.basis) + head / group * dim * at.directions, dim,
              at.directions, &asking[head * at.directions]);
    }
    const KeyCodes codes = index(r);
    const Chosen chosen = PeakSearch(codes, asking.data(), group, at.old, scaling)
                              .choose(counts(r), {at.sinks, at.reach, at.reach});
    const int64_t count = chosen.count(0), length = at.position + 1, attended = count + length - at.old;
    const Cached<T> to{at.set_keys, at.set_values, heads, at.set_capacity, dim, value_dim};
    stage(full(r), to, chosen, turns, count, at.old, at.closer, at.staged, length);
    const bool renews = at.small_keys != 0;
    const int64_t room = renews ? attended : at.room;
    const auto weights = room_at_lines<float>(renews ? query_heads * room : 0);
    std::vector<Attention<T>> sets{set<First>(r, r + 1, to)};
    sets[0].attended.push_back({attended});
    sets[0].weights.push_back(renews ? weights.get() : reinterpret_cast<float*>(at.weights));
    sets[0].weights_stride = room;
    sets[0].damped_first = std::min(at.sinks, count);
    sets[0].damped_last = count;
    sets[0].damping = Damping::of(at.most, at.peak);
    run(sets);
    if (renews) {
      keep(r, to, {weights.get(), group, attended}, [&](int64_t head, int64_t slot) {
        return slot < count ? chosen.row(head)[slot] : slot - count + at.old;
      });
    } else if (at.chosen) {
      chosen.copy(reinterpret_cast<int64_t*>(at.chosen), at.told);
    }
  }

  // Choose the small cache anew from what was attended to, whose slots hold the positions that `position` says.
  template <typename F>
  void keep(int64_t r, const Cached<T>& from, const Weights& weights, const F& position) const {
    const Place& at = place(r);
    const std::vector<int64_t> slots(heads, at.slots);
    const Chosen kept = choose_all(
        slots.data(), heads, heads, weights.length, at.recent, 1,
        [&](int64_t row, int64_t begin, int64_t end, int32_t* to) {
          reached_scores(weights, row, begin, end, at.behind, at.ahead, to);
        },
        true);
    refill(r, from, kept);
    int64_t* told = reinterpret_cast<int64_t*>(at.chosen);
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t slot = 0; slot < at.slots; ++slot)
        told[head * at.told + slot] = position(head, kept.row(head)[slot]);
  }

  // Let the small cache hold what stands in `from` where it was chosen.
  void refill(int64_t r, const Cached<T>& from, const Chosen& chosen) const {
    const Cached<T> to = small(r);
    each_chosen(from, chosen, place(r).slots, [&](int64_t head, int64_t slot, int64_t position) {
      std::copy_n(from.key(head, position), dim, to.key(head, slot));
      std::copy_n(from.value(head, position), value_dim, to.value(head, slot));
    });
  }

  // Rows [first, last) over the same cache; what each attends to is still to be said.
  template <typename Slots>
  Attention<T, Slots> set(int64_t first, int64_t last, const Cached<T>& cache) const {
    const int64_t group = query_heads / heads, part = group * dim;
    Lines<float> queries((last - first) * heads * part);
    float* to = queries.data();
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t r = first; r < last; ++r, to += part)
        for (int64_t i = 0; i < part; ++i)
          to[i] = query[(r * heads + head) * part + i] * static_cast<float>(scaling);
    Attention<T, Slots> made{cache, {}, std::move(queries), group, {}, place(first).room, {}};
    for (int64_t r = first; r < last; ++r) made.outs.push_back(out + r * query_heads * value_dim);
    return made;
  }
};

// query `(rows, query_heads, 1, dim)`, key and value likewise, `place` `(rows, fields + heads)`; `stored`: bytes of a number
// in the caches. Returns `(rows, 1, query_heads, value_dim)`.
inline Tensor decode_rows_attention(const Tensor query, const Tensor key, const Tensor value, const Tensor place,
                                    double scaling, int64_t stored) {
  const int64_t rows = query.size(0), heads = key.size(1), value_dim = value.size(3);
  Tensor out = torch::stable::new_empty(query, {rows, 1, query.size(1), value_dim});
  with_stored_type(stored, [&](auto type) {
    const DecodeRows<decltype(type)> all{rows, query.size(1), heads, key.size(3), value_dim,
        query.const_data_ptr<float>(), key.const_data_ptr<float>(), value.const_data_ptr<float>(),
        place.const_data_ptr<int64_t>(), scaling, out.mutable_data_ptr<float>()};
    all.write();
    all.attend();
  });
  return out;
}

}  // namespace refreshkv
