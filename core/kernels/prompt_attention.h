// Causal attention of a chunk of a prompt over a cache, in place: tiles of queries over blocks of keys, of which nothing is
// kept but each query's largest score, sum of exponentials and sum of values (Dao and others, FlashAttention, 2022).
//
// Queries lie across the lanes of vectors, so that a score, its exponential and its share of the values are a lane each,
// and keys need no turning: a number of a key is multiplied with that of 16 queries at once. Where the processor multiplies
// pairs of bfloat16 and all is stored so, a word holds a pair of numbers; else it holds one, as float.

#pragma once

#include "attention.h"
#include "vectors.h"

namespace refreshkv {

#if defined(__AVX512F__)
constexpr int kKeysAtOnce = 8;  // with three vectors of queries their sums fill the registers
#else
constexpr int kKeysAtOnce = 4;
#endif
constexpr int kVectorsAtOnce = 3;
constexpr int64_t kKeyBlock = 128;
constexpr int64_t kTileTokens = 64;

// T: how keys and values are stored, Q: how queries and the output are.
template <typename T, typename Q>
struct PromptAttention {
  static constexpr bool kPairs = kHasPairs && std::is_same_v<T, uint16_t> && std::is_same_v<Q, uint16_t>;
  static constexpr int64_t kInWord = kPairs ? 2 : 1;

  const Cached<T> cached;
  const Q* query;
  const int64_t query_stride, token_stride;  // from one query head to the next, and from one token
  const int64_t group, tokens, length;
  const float scale;  // of scores, to powers of two
  const int64_t damped_first, damped_last;  // keys of the past of which a query gets less
  const Damping damping;
  Q* out;             // `(tokens, query_heads, value_dim)`

  // What a task works in; vectors of queries lie in sets of up to kVectorsAtOnce, those of the same tokens together.
  struct Room {
    std::vector<uint32_t> queries, keys, values, weights;
    std::vector<float> scores, sums;
    std::vector<Floats> largest, totals;
  };

  int64_t vectors() const { return group * (kTileTokens / kLanes); }
  int64_t words() const { return cached.dim / kInWord; }
  int64_t past() const { return length - tokens; }

  // The queries of a KV head for the tokens from `first` on.
  void attend(int64_t head, int64_t first) const {
    static thread_local Room room;
    room.queries.assign(vectors() * kLanes * words(), 0);
    room.sums.assign(vectors() * kLanes * cached.value_dim, 0.0f);
    room.largest.assign(vectors(), Floats{} + kLowest);
    room.totals.assign(vectors(), Floats{});
    room.keys.resize(kPairs ? 0 : kKeyBlock * cached.dim);
    room.values.resize(kKeyBlock / kInWord * cached.value_dim);
    room.weights.resize(kKeyBlock / kInWord * kVectorsAtOnce * kLanes);
    room.scores.resize(kKeyBlock * kVectorsAtOnce * kLanes);
    each_set([&](int64_t set, auto count) { gather<decltype(count)::value>(head, first, set, room); });
    if (damped_first < damped_last) {
      add_all(head, first, damped_first, damped_last, room);
      each_set([&](int64_t set, auto count) { damp<decltype(count)::value>(set, room); });
    }
    add_all(head, first, 0, damped_first, room);
    add_all(head, first, damped_last, past() + std::min(tokens, first + kTileTokens), room);
    each_set([&](int64_t set, auto count) { write<decltype(count)::value>(head, first, set, room); });
  }

 private:
  // All queries over the keys [begin, end).
  void add_all(int64_t head, int64_t first, int64_t begin, int64_t end, Room& room) const {
    for (; begin < end; begin += kKeyBlock) {
      const int64_t keys = std::min(kKeyBlock, end - begin);
      const uint32_t* rows = lay_out(head, begin, keys, room);
      each_set([&](int64_t set, auto count) { add<decltype(count)::value>(first, set, begin, keys, rows, room); });
    }
  }

  template <typename F>
  void each_set(const F& function) const {
    for (int64_t set = 0; set < vectors(); set += kVectorsAtOnce) {
      const int64_t left = vectors() - set;
      if (left >= 3) function(set, std::integral_constant<int, 3>{});
      if (left == 2) function(set, std::integral_constant<int, 2>{});
      if (left == 1) function(set, std::integral_constant<int, 1>{});
    }
  }

  // The first token of a vector, and its query head among those of the KV head.
  int64_t token_of(int64_t first, int64_t vector) const { return first + vector / group * kLanes; }
  int64_t head_of(int64_t vector) const { return vector % group; }

  template <int kVectors>
  void gather(int64_t head, int64_t first, int64_t set, Room& room) const {
    uint32_t* to = room.queries.data() + set * kLanes * words();
    for (int v = 0; v < kVectors; ++v)
      for (int lane = 0; lane < kLanes && token_of(first, set + v) + lane < tokens; ++lane) {
        const Q* from = query + (head * group + head_of(set + v)) * query_stride +
                        (token_of(first, set + v) + lane) * token_stride;
        for (int64_t w = 0; w < words(); ++w) to[(w * kVectors + v) * kLanes + lane] = word(from + w * kInWord);
      }
  }

  template <typename N>
  static uint32_t word(const N* from) {
    uint32_t bits;
    if constexpr (kPairs) {
      std::memcpy(&bits, from, sizeof bits);
    } else {
      const float value = wide(*from);
      std::memcpy(&bits, &value, sizeof bits);
    }
    return bits;
  }

  // The keys of a block as rows of words, and its values in `room`: words of the same number of one key, or of two.
  const uint32_t* lay_out(int64_t head, int64_t begin, int64_t count, Room& room) const {
    const T* keys = cached.keys + head * cached.key_stride + begin * cached.dim;
    const T* values = cached.values + head * cached.value_stride + begin * cached.value_dim;
    const int64_t size = cached.value_dim;
    for (int64_t j = 0; j < count; j += kInWord) {
      uint32_t* to = room.values.data() + j / kInWord * size;
      if constexpr (kPairs) {
        const bool both = j + 1 < count;
        for (int64_t d = 0; d < size; ++d)
          to[d] = values[j * size + d] | static_cast<uint32_t>(both ? values[(j + 1) * size + d] : 0) << 16;
      } else {
        for (int64_t d = 0; d < size; ++d) to[d] = word(values + j * size + d);
      }
    }
    if constexpr (kPairs) return reinterpret_cast<const uint32_t*>(keys);
    for (int64_t i = 0; i < count * cached.dim; ++i) room.keys[i] = word(keys + i);
    return room.keys.data();
  }

  // A set of queries over a block of keys.
  template <int kVectors>
  void add(int64_t first, int64_t set, int64_t begin, int64_t count, const uint32_t* rows, Room& room) const {
    constexpr int kWidth = kVectors * kLanes;
    const int64_t last = past() + std::min(tokens, token_of(first, set + kVectors - 1) + kLanes) - 1;
    count = std::min(count, last + 1 - begin);
    if (count <= 0) return;
    const uint32_t* queries = room.queries.data() + set * kLanes * words();
    float* scores = room.scores.data();
    Floats largest[kVectors], factors[kVectors];
    for (int v = 0; v < kVectors; ++v) largest[v] = room.largest[set + v];
    for (int64_t j = 0; j < count; j += kKeysAtOnce) score<kVectors>(rows, j, count, queries, scores, largest);
    if (begin + count - 1 > past() + token_of(first, set)) {  // some of these keys come after some of the queries
      for (int v = 0; v < kVectors; ++v) largest[v] = room.largest[set + v];
      mask<kVectors>(first, set, begin, count, scores, largest);
    }
    for (int v = 0; v < kVectors; ++v) {
      factors[v] = exp2_of((room.largest[set + v] - largest[v]) * scale);
      room.largest[set + v] = largest[v];
    }
    weigh<kVectors>(count, largest, factors, &room.totals[set], room);
    float* sums = room.sums.data() + set * kLanes * cached.value_dim;
    const int64_t pairs = (count + kInWord - 1) / kInWord;
    int64_t d = 0;
    for (; d + kKeysAtOnce <= cached.value_dim; d += kKeysAtOnce)
      add_values<kVectors, kKeysAtOnce>(room.values.data() + d, room.weights.data(), pairs, factors, sums + d * kWidth);
    for (; d < cached.value_dim; ++d)
      add_values<kVectors, 1>(room.values.data() + d, room.weights.data(), pairs, factors, sums + d * kWidth);
  }

  // Scores of the keys from `j` on, of which there are `count`, and the largest so far.
  template <int kVectors>
  void score(const uint32_t* rows, int64_t j, int64_t count, const uint32_t* queries, float* scores,
             Floats* largest) const {
    const uint32_t* at[kKeysAtOnce];
    for (int k = 0; k < kKeysAtOnce; ++k) at[k] = rows + std::min(j + k, count - 1) * words();
    Floats sums[kKeysAtOnce][kVectors] = {};
    for (int64_t w = 0; w < words(); ++w) {
      Words many[kVectors];
      for (int v = 0; v < kVectors; ++v) many[v] = load_words(queries + (w * kVectors + v) * kLanes);
      for (int k = 0; k < kKeysAtOnce; ++k)
        for (int v = 0; v < kVectors; ++v) sums[k][v] = add_product<kPairs>(sums[k][v], at[k][w], many[v]);
    }
    for (int k = 0; k < kKeysAtOnce; ++k)
      for (int v = 0; v < kVectors; ++v) {
        store(sums[k][v], scores + ((j + k) * kVectors + v) * kLanes);
        largest[v] = larger(largest[v], sums[k][v]);
      }
  }

  // What a set of queries has of the keys that it is to have less of, before any other.
  template <int kVectors>
  void damp(int64_t set, Room& room) const {
    const int64_t size = cached.value_dim;
    float* sums = room.sums.data() + set * kLanes * size;
    for (int v = 0; v < kVectors; ++v)
      for (int lane = 0; lane < kLanes; ++lane) {
        const float share = damping.share(room.totals[set + v][lane]);
        room.totals[set + v][lane] *= share;
        for (int64_t d = 0; d < size; ++d) sums[(d * kVectors + v) * kLanes + lane] *= share;
      }
  }

  template <int kVectors>
  void mask(int64_t first, int64_t set, int64_t begin, int64_t count, float* scores, Floats* largest) const {
    Integers lanes;
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
    for (int64_t j = 0; j < count; ++j)
      for (int v = 0; v < kVectors; ++v) {
        float* at = scores + (j * kVectors + v) * kLanes;
        const int32_t least = static_cast<int32_t>(begin + j - past() - token_of(first, set + v));
        const Floats seen = lanes >= least ? load(at) : Floats{} + kLowest;
        store(seen, at);
        largest[v] = larger(largest[v], seen);
      }
  }

  // Scores to weights, as words.
  template <int kVectors>
  void weigh(int64_t count, const Floats* largest, const Floats* factors, Floats* totals, Room& room) const {
    for (int v = 0; v < kVectors; ++v) {
      const Floats most = largest[v] * scale;
      Floats total = totals[v] * factors[v];
      const auto weight = [&](int64_t j) {
        return exp2_of(load(room.scores.data() + (j * kVectors + v) * kLanes) * scale - most);
      };
      for (int64_t j = 0; j < count; j += kInWord) {
        uint32_t* to = room.weights.data() + (j / kInWord * kVectors + v) * kLanes;
        const Floats first = weight(j);
        total += first;
        if constexpr (kPairs) {
          const Floats second = j + 1 < count ? weight(j + 1) : Floats{};
          total += second;
          store_words(paired(first, second), to);
        } else {
          store_words(reinterpret_cast<Words>(first), to);
        }
      }
      totals[v] = total;
    }
  }

  template <int kVectors, int kDims>
  void add_values(const uint32_t* values, const uint32_t* weights, int64_t count, const Floats* factors,
                  float* sums) const {
    Floats own[kDims][kVectors];
    for (int d = 0; d < kDims; ++d)
      for (int v = 0; v < kVectors; ++v) own[d][v] = load(sums + (d * kVectors + v) * kLanes) * factors[v];
    for (int64_t j = 0; j < count; ++j) {
      Words many[kVectors];
      for (int v = 0; v < kVectors; ++v) many[v] = load_words(weights + (j * kVectors + v) * kLanes);
      for (int d = 0; d < kDims; ++d)
        for (int v = 0; v < kVectors; ++v)
          own[d][v] = add_product<kPairs>(own[d][v], values[j * cached.value_dim + d], many[v]);
    }
    for (int d = 0; d < kDims; ++d)
      for (int v = 0; v < kVectors; ++v) store(own[d][v], sums + (d * kVectors + v) * kLanes);
  }

  template <int kVectors>
  void write(int64_t head, int64_t first, int64_t set, const Room& room) const {
    const int64_t size = cached.value_dim;
    const float* sums = room.sums.data() + set * kLanes * size;
    for (int v = 0; v < kVectors; ++v)
      for (int lane = 0; lane < kLanes && token_of(first, set + v) + lane < tokens; ++lane) {
        const int64_t row = (token_of(first, set + v) + lane) * cached.heads * group + head * group + head_of(set + v);
        const float share = 1 / room.totals[set + v][lane];
        for (int64_t d = 0; d < size; ++d) narrow(sums[(d * kVectors + v) * kLanes + lane] * share, out[row * size + d]);
      }
  }
};

// query `(1, query_heads, new, dim)`, the last dimension dense; keys and values `(1, heads, length, dim)`, position after
// position, with the chunk's own at the end, of an even number of numbers; float32 or bfloat16, and the query float32 unless
// all are bfloat16. Of the keys from `first` up to `last`, all before the chunk, a query gets less, see `Damping`. Returns
// `(1, new, query_heads, value_dim)` in the query's dtype.
inline Tensor prompt_attention(const Tensor query, const Tensor keys, const Tensor values, double scaling, int64_t first,
                               int64_t last, double most, double peak) {
  const int64_t tokens = query.size(2), heads = keys.size(1);
  Tensor out = torch::stable::new_empty(query, {1, tokens, query.size(1), values.size(3)});
  const auto attend = [&](auto stored, auto asked) {
    using Q = decltype(asked);
    const PromptAttention<decltype(stored), Q> all{Cached<decltype(stored)>(keys, values),
        static_cast<const Q*>(query.const_data_ptr()), query.stride(1), query.stride(2), query.size(1) / heads, tokens,
        keys.size(2), static_cast<float>(scaling * kLog2E), first, last, Damping::of(most, peak),
        static_cast<Q*>(out.mutable_data_ptr())};
    const int64_t tiles = (tokens + kTileTokens - 1) / kTileTokens;
    parallel_for(heads * tiles, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {  // a long one, a short one, …, so that shares are alike
        const int64_t tile = i / heads, own = tile % 2 ? tile / 2 : tiles - 1 - tile / 2;
        all.attend(i % heads, own * kTileTokens);
      }
    });
  };
  if (query.element_size() == 2) {
    attend(uint16_t{}, uint16_t{});
  } else {
    with_stored_type(keys.element_size(), [&](auto stored) { attend(stored, float{}); });
  }
  return out;
}

}  // namespace refreshkv
