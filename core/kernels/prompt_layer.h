// What a layer of a Llama does with a prompt besides attention: two operations, whose tiles of rows stay in a thread's
// near caches from one linear to the next. What flows from layer to layer is float32.

#pragma once

#include "prompt_linears.h"

namespace refreshkv {

// Activations of a tile, at the places where a layer rounds them, and one panel of products or two.
struct TileRoom {
  Bytes inputs, attended, gated;
  std::vector<float> row, head;
  float products[kTileRows * kPanel], more[kTileRows * kPanel];

  static TileRoom& of_thread() {
    static thread_local std::unique_ptr<TileRoom> room(new TileRoom);
    return *room;
  }
};

// Root mean square normalization of `rows` of `hidden`, rounded.
inline void normalize(const float* hidden, int64_t size, int64_t rows, const float* norm, float epsilon, TileRoom& room) {
  room.inputs.resize(size);
  room.row.resize(size);
  for (int64_t r = 0; r < rows; ++r) {
    normalize(hidden + r * size, size, norm, epsilon, room.row.data());
    room.inputs.round(r, room.row.data());
  }
}

// Queries, keys and values of a prompt.
template <typename T>
struct PromptInputs {
  const float *hidden, *norm, *cos, *sin;
  const int64_t rows, size, dim;
  const float epsilon;

  // Rows [first, first + count) of one linear's heads to `(heads, rows, dim)`, with rotary embedding or as they are.
  void project(const Int4Weight& weight, bool rotated, int64_t first, int64_t count, T* to, TileRoom& room) const {
    room.head.resize(kTileRows * dim);
    for (int64_t head = 0; head < weight.outputs() / dim; ++head) {
      for (int64_t d = 0; d < dim; d += kPanel) {
        panel_of_thread().multiply(room.inputs, count, weight, (head * dim + d) / kPanel, room.products);
        for (int64_t r = 0; r < count; ++r)
          std::memcpy(&room.head[r * dim + d], room.products + r * kPanel, kPanel * sizeof(float));
      }
      for (int64_t r = 0; r < count; ++r) {
        const float* own = &room.head[r * dim];
        T* out = to + (head * rows + first + r) * dim;
        if (rotated) {
          rotate(own, cos + (first + r) * dim, sin + (first + r) * dim, dim, out);
        } else {
          for (int64_t d = 0; d < dim; d += kLanes) store(load(own + d), out + d);
        }
      }
    }
  }
};

inline std::vector<Int4Weight> int4_weights(const std::vector<Tensor>& weights, const std::vector<Tensor>& scales) {
  std::vector<Int4Weight> all;
  for (size_t i = 0; i < weights.size(); ++i) all.emplace_back(weights[i], scales[i]);
  return all;
}

// hidden float32 `(rows, size)`, norm float32 `(size,)`, the weights of q, k and v, cos and sin float32 `(rows, dim)`, dim a
// multiple of 64. Returns q, k and v, `(1, heads, rows, dim)` each, of `stored` bytes a number.
inline std::tuple<Tensor, Tensor, Tensor> prompt_inputs(const Tensor hidden, const Tensor norm, double epsilon,
                                                        const std::vector<Tensor> weights,
                                                        const std::vector<Tensor> scales, const Tensor cos,
                                                        const Tensor sin, int64_t stored) {
  using torch::headeronly::ScalarType;
  const std::vector<Int4Weight> all = int4_weights(weights, scales);
  const int64_t rows = hidden.size(0), size = hidden.size(1), dim = cos.size(1);
  const auto made = [&](const Int4Weight& weight) {
    return torch::stable::empty({1, weight.outputs() / dim, rows, dim},
                                stored == 2 ? ScalarType::BFloat16 : ScalarType::Float);
  };
  std::tuple<Tensor, Tensor, Tensor> outs{made(all[0]), made(all[1]), made(all[2])};
  with_stored_type(stored, [&](auto type) {
    using T = decltype(type);
    const PromptInputs<T> layer{hidden.const_data_ptr<float>(), norm.const_data_ptr<float>(),
        cos.const_data_ptr<float>(), sin.const_data_ptr<float>(), rows, size, dim, static_cast<float>(epsilon)};
    T* const to[] = {static_cast<T*>(std::get<0>(outs).mutable_data_ptr()),
                     static_cast<T*>(std::get<1>(outs).mutable_data_ptr()),
                     static_cast<T*>(std::get<2>(outs).mutable_data_ptr())};
    each_tile(rows, [&](int64_t first, int64_t count) {
      TileRoom& room = TileRoom::of_thread();
      normalize(layer.hidden + first * size, size, count, layer.norm, layer.epsilon, room);
      for (int i = 0; i < 3; ++i) layer.project(all[i], i < 2, first, count, to[i], room);
    });
  });
  return outs;
}

// Add the products of a tile with a weight to `hidden` `(rows, size)`.
inline void add_linear(const Bytes& x, int64_t rows, const Int4Weight& weight, float* hidden, int64_t size, TileRoom& room) {
  for (int64_t begin = 0; begin < size; begin += kPanel) {
    panel_of_thread().multiply(x, rows, weight, begin / kPanel, room.products);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < kPanel; i += kLanes) {
        float* to = hidden + r * size + begin + i;
        store(load(to) + load(room.products + r * kPanel + i), to);
      }
  }
}

// What follows attention, added to hidden float32 `(rows, size)`: the output of `attended`, `(1, rows, heads, dim)` float32 or
// bfloat16, then that of the gated linears. The weights are those of o, gate, up and down.
inline void prompt_outputs(Tensor hidden, const Tensor attended, const Tensor norm, double epsilon,
                           const std::vector<Tensor> weights, const std::vector<Tensor> scales) {
  const std::vector<Int4Weight> all = int4_weights(weights, scales);
  const int64_t rows = hidden.size(0), size = hidden.size(1);
  const int64_t inputs = all[0].groups * kGroup, between = all[3].groups * kGroup;
  const float* norms = norm.const_data_ptr<float>();
  float* const states = hidden.mutable_data_ptr<float>();
  with_stored_type(attended.element_size(), [&](auto type) {
    const auto* from = static_cast<const decltype(type)*>(attended.const_data_ptr());
    each_tile(rows, [&](int64_t first, int64_t count) {
      TileRoom& room = TileRoom::of_thread();
      Panel& panel = panel_of_thread();
      float* own = states + first * size;
      room.attended.resize(inputs);
      for (int64_t r = 0; r < count; ++r) room.attended.round(r, from + (first + r) * inputs);
      add_linear(room.attended, count, all[0], own, size, room);
      normalize(own, size, count, norms, static_cast<float>(epsilon), room);
      room.gated.resize(between);
      for (int64_t group = 0; group < between / kGroup; ++group) {  // a panel's outputs are a group of what is next
        panel.multiply(room.inputs, count, all[1], group, room.products);
        panel.multiply(room.inputs, count, all[2], group, room.more);
        for (int64_t r = 0; r < count; ++r) {
          float* gate = room.products + r * kPanel;
          for (int64_t i = 0; i < kPanel; i += kLanes)
            store(silu(load(gate + i)) * load(room.more + r * kPanel + i), gate + i);
          room.gated.round(r, group, gate);
        }
      }
      add_linear(room.gated, count, all[3], own, size, room);
    });
  });
}

}  // namespace refreshkv
