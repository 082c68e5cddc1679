// The inner loops of decoding on a CPU, built at run time for the machine at hand (__init__.py). Shapes and contracts are
// stated there, beside the reference implementations in torch that the tests compare these with.

#include "attention.h"
#include "linears.h"
#include "llama_step.h"
#include "prompt_attention.h"
#include "prompt_layer.h"
#include "refresh.h"
#include "rows.h"
#include "sampling.h"

STABLE_TORCH_LIBRARY(refreshkv, m) {
  m.def("int4_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor");
  m.def("hold_openmp(bool hold) -> ()");
  m.def("int4_linears(Tensor x, Tensor[] weights, Tensor[] scales) -> Tensor");
  m.def("top_positions(Tensor scores, int count) -> Tensor");
  m.def("pooled_scores(Tensor weights, int size) -> Tensor");
  m.def("gather_positions(Tensor(a!)[] outs, Tensor[] states, Tensor[] positions) -> ()");
  m.def("int8_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor");
  m.def("int4_dense(Tensor weight, Tensor scale) -> Tensor");
  m.def("decode_attention(Tensor query, Tensor keys, Tensor values, float scaling) -> (Tensor, Tensor)");
  m.def(
      "decode_rows_attention(Tensor query, Tensor key, Tensor value, Tensor place, float scaling, int stored) -> Tensor");
  m.def(
      "prompt_attention(Tensor query, Tensor keys, Tensor values, float scaling, int first, int last, float most, "
      "float peak) -> Tensor");
  m.def("int4_prompt_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor");
  m.def("has_byte_products() -> bool");
  m.def(
      "prompt_inputs(Tensor hidden, Tensor norm, float epsilon, Tensor[] weights, Tensor[] scales, Tensor cos, Tensor sin, "
      "int stored) -> (Tensor, Tensor, Tensor)");
  m.def(
      "prompt_outputs(Tensor(a!) hidden, Tensor attended, Tensor norm, float epsilon, Tensor[] weights, Tensor[] scales) "
      "-> ()");
  m.def(
      "llama_step(Tensor hidden, Tensor layers, Tensor places, Tensor cos, Tensor sin, int query_heads, int between, "
      "float epsilon, float scaling, int stored, Tensor norm, Tensor head, Tensor head_scale) -> Tensor");
  m.def("append_key_codes(Tensor keys, Tensor(a!) codes, Tensor ranges, int start) -> ()");
  m.def("key_code_log_weights(Tensor query, Tensor codes, Tensor ranges, int length, float scaling) -> Tensor");
  m.def("key_code_scores(Tensor query, Tensor codes, Tensor ranges, int length, float scaling) -> Tensor");
  m.def(
      "key_code_peaks(Tensor query, Tensor codes, Tensor ranges, int length, int count, int sinks, int behind, int ahead, "
      "float scaling) -> Tensor");
  m.def("choose_positions(Tensor scores, Tensor counts, int recent, int spread) -> Tensor");
  m.def("chosen_attention(Tensor query, Tensor keys, Tensor values, Tensor chosen, float scaling) -> Tensor");
  m.def(
      "indexed_attention(Tensor query, Tensor keys, Tensor values, Tensor codes, Tensor ranges, Tensor counts, "
      "int recent, int spread, float scaling) -> (Tensor, Tensor)");
  m.def("likely_tokens(Tensor logits, float reach) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(refreshkv, CompositeExplicitAutograd, m) {
  m.impl("hold_openmp", TORCH_BOX(&refreshkv::hold_openmp));
  m.impl("has_byte_products", TORCH_BOX(&refreshkv::has_byte_products));
}

STABLE_TORCH_LIBRARY_IMPL(refreshkv, CPU, m) {
  m.impl("int4_linear", TORCH_BOX(&refreshkv::int4_linear));
  m.impl("int4_linears", TORCH_BOX(&refreshkv::int4_linears));
  m.impl("top_positions", TORCH_BOX(&refreshkv::top_positions));
  m.impl("pooled_scores", TORCH_BOX(&refreshkv::pooled_scores));
  m.impl("gather_positions", TORCH_BOX(&refreshkv::gather_positions));
  m.impl("int8_linear", TORCH_BOX(&refreshkv::int8_linear));
  m.impl("int4_dense", TORCH_BOX(&refreshkv::int4_dense));
  m.impl("decode_attention", TORCH_BOX(&refreshkv::decode_attention));
  m.impl("decode_rows_attention", TORCH_BOX(&refreshkv::decode_rows_attention));
  m.impl("prompt_attention", TORCH_BOX(&refreshkv::prompt_attention));
  m.impl("int4_prompt_linear", TORCH_BOX(&refreshkv::int4_prompt_linear));
  m.impl("prompt_inputs", TORCH_BOX(&refreshkv::prompt_inputs));
  m.impl("prompt_outputs", TORCH_BOX(&refreshkv::prompt_outputs));
  m.impl("llama_step", TORCH_BOX(&refreshkv::llama_step));
  m.impl("append_key_codes", TORCH_BOX(&refreshkv::append_key_codes));
  m.impl("key_code_log_weights", TORCH_BOX(&refreshkv::key_code_log_weights));
  m.impl("key_code_scores", TORCH_BOX(&refreshkv::key_code_scores));
  m.impl("key_code_peaks", TORCH_BOX(&refreshkv::key_code_peaks));
  m.impl("choose_positions", TORCH_BOX(&refreshkv::choose_positions));
  m.impl("chosen_attention", TORCH_BOX(&refreshkv::chosen_attention));
  m.impl("indexed_attention", TORCH_BOX(&refreshkv::indexed_attention));
  m.impl("likely_tokens", TORCH_BOX(&refreshkv::likely_tokens));
}
