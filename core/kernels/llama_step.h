// A decode step of some rows through all layers of a Llama with 4-bit linears and an 8-bit head: one operation, without
// anything of torch's inside. What flows from layer to layer is float32.

#pragma once

#include "linears.h"
#include "rows.h"

namespace refreshkv {

// A layer's tensors, as core/llama_step.py lays out their addresses.
struct LlamaLayer {
  const float *first_norm, *second_norm;
  StoredInt4 query, key, value, output, gate, up, down;
};

constexpr int64_t kLayerFields = sizeof(LlamaLayer) / sizeof(int64_t);

struct LlamaSizes {
  int64_t rows, size, query_heads, heads, dim, between;
  float epsilon;
  double scaling;
};

template <typename T>
class LlamaStep : LlamaSizes {
 public:
  // `hidden` `(rows, size)`; cosines and sines `(rows, dim)`.
  LlamaStep(const LlamaSizes& sizes, const float* hidden, const float* cos, const float* sin)
      : LlamaSizes(sizes), cos_(cos), sin_(sin), hidden_(hidden, hidden + rows * size), normal_(size),
        query_(rows * query_heads * dim), key_(rows * heads * dim), value_(key_.size()), attended_(query_.size()),
        inputs_(rows, Row(size)), outputs_(rows, Row(query_heads * dim)), gated_(rows, Row(between)) {}

  void run(const LlamaLayer& layer, const int64_t* places) {
    normalize(layer.first_norm);
    project(layer);
    rotate();
    const DecodeRows<T> attention{rows, query_heads, heads, dim, dim, query_.data(), key_.data(), value_.data(), places,
                                  scaling, attended_.data()};
    attention.write();
    attention.attend();
    for (int64_t r = 0; r < rows; ++r) outputs_[r].round(&attended_[r * query_heads * dim]);
    add(layer.output, outputs_);
    normalize(layer.second_norm);
    gate(layer);
    add(layer.down, gated_);
  }

  // What comes out of the last layer, normalized and rounded.
  const std::vector<Row>& finish(const float* norm) {
    normalize(norm);
    return inputs_;
  }

 private:
  static constexpr int64_t kBlocksAtOnce = 4, kPairsAtOnce = 2;

  void normalize(const float* norm) {
    for (int64_t r = 0; r < rows; ++r) {
      refreshkv::normalize(&hidden_[r * size], size, norm, epsilon, normal_.data());
      inputs_[r].round(normal_.data());
    }
  }

  void project(const LlamaLayer& layer) {
    const int64_t queries = query_heads * dim / kBlock, keys = heads * dim / kBlock;
    const auto multiply = [&](const StoredInt4& weight, int64_t block, Lines<float>& to) {
      const int64_t stride = to.size() / rows;
      each_rows(rows, [&](int64_t r, auto count) {
        weight.template multiply<decltype(count)::value>(block, &inputs_[r], &to[r * stride + block * kBlock], stride);
      });
    };
    parallel_for(queries + 2 * keys, kBlocksAtOnce, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        if (block < queries) {
          multiply(layer.query, block, query_);
        } else if (block < queries + keys) {
          multiply(layer.key, block - queries, key_);
        } else {
          multiply(layer.value, block - queries - keys, value_);
        }
      }
    });
  }

  void rotate() {
    for (int64_t r = 0; r < rows; ++r) {
      const auto turn = [&](Lines<float>& states, int64_t count) {
        for (int64_t head = r * count; head < (r + 1) * count; ++head)
          refreshkv::rotate(&states[head * dim], cos_ + r * dim, sin_ + r * dim, dim, &states[head * dim]);
      };
      turn(query_, query_heads);
      turn(key_, heads);
    }
  }

  // Add the products of `x` with a weight to what flows.
  void add(const StoredInt4& weight, const std::vector<Row>& x) {
    parallel_for(size / kBlock, kBlocksAtOnce, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block)
        each_rows(rows, [&](int64_t first, auto count) {
          float products[count * kBlock];
          weight.template multiply<decltype(count)::value>(block, &x[first], products, kBlock);
          for (int64_t r = 0; r < count; ++r)
            for (int64_t i = 0; i < kBlock; ++i)
              hidden_[(first + r) * size + block * kBlock + i] += products[r * kBlock + i];
        });
    });
  }

  [[gnu::noipa]] static void multiply_by_gate(float* gate, const float* up) {
    for (int64_t i = 0; i < kGroup; i += kLanes) store(silu(load(gate + i)) * load(up + i), gate + i);
  }

  // Two blocks of outputs of each of the gated linears are a group of what is next.
  void gate(const LlamaLayer& layer) {
    parallel_for(between / kGroup, kPairsAtOnce, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group)
        each_rows(rows, [&](int64_t first, auto count) {
          constexpr int kRows = decltype(count)::value;
          float gates[kRows * kGroup], ups[kRows * kGroup];
          for (int64_t half = 0; half < 2; ++half) {
            layer.gate.template multiply<kRows>(2 * group + half, &inputs_[first], gates + half * kBlock, kGroup);
            layer.up.template multiply<kRows>(2 * group + half, &inputs_[first], ups + half * kBlock, kGroup);
          }
          for (int64_t r = 0; r < kRows; ++r) {
            multiply_by_gate(gates + r * kGroup, ups + r * kGroup);
            gated_[first + r].round(group, gates + r * kGroup);
          }
        });
    });
  }

  const float *cos_, *sin_;
  Lines<float> hidden_, normal_, query_, key_, value_, attended_;
  std::vector<Row> inputs_, outputs_, gated_;
};

// hidden float32 `(rows, size)`; layers int64 `(layers, fields)`, see LlamaLayer; places int64
// `(layers, rows, fields + heads)`, see Place; cos and sin float32 `(rows, dim)`; `between`: outputs of a gated linear;
// `stored`: bytes of a number in the caches; the last norm float32 `(size,)`, and the 8-bit head. Returns the logits.
inline Tensor llama_step(const Tensor hidden, const Tensor layers, const Tensor places, const Tensor cos, const Tensor sin,
                         int64_t query_heads, int64_t between, double epsilon, double scaling, int64_t stored,
                         const Tensor norm, const Tensor head, const Tensor head_scale) {
  const int64_t rows = hidden.size(0), heads = places.size(2) - kFields, outputs = head.size(0);
  const LlamaSizes sizes{rows, hidden.size(1), query_heads, heads, cos.size(1), between, static_cast<float>(epsilon), scaling};
  const auto* own = reinterpret_cast<const LlamaLayer*>(layers.const_data_ptr<int64_t>());
  const int64_t* at = places.const_data_ptr<int64_t>();
  Tensor logits = torch::stable::new_empty(hidden, {rows, outputs});
  with_stored_type(stored, [&](auto type) {
    LlamaStep<decltype(type)> step(sizes, hidden.const_data_ptr<float>(), cos.const_data_ptr<float>(),
                                   sin.const_data_ptr<float>());
    for (int64_t i = 0; i < layers.size(0); ++i) step.run(own[i], at + i * rows * places.size(2));
    int8_products(step.finish(norm.const_data_ptr<float>()), static_cast<const int8_t*>(head.const_data_ptr()),
                  static_cast<const uint16_t*>(head_scale.const_data_ptr()), outputs, logits.mutable_data_ptr<float>());
  });
  return logits;
}

}  // namespace refreshkv
