// The keys in 2 to 4 bits a channel, and their products with a query.
//
// Every channel of a KV head has a range of its own: a code is the key's place in it, of 4, 8 or 16. A query meets the
// codes as signed bytes, itself times the channel's step rounded, so that a product is an integer; the lower ends of the
// ranges add the same to all scores of a query head and are left out.

#pragma once

#include "attention.h"

namespace refreshkv {

constexpr int64_t kTile = 16;     // positions whose codes lie side by side
constexpr int64_t kSpan = 32;     // channels whose codes share bytes; a key is filled up to whole spans
constexpr int64_t kFours = 8;     // of a span: four channels are multiplied at once
constexpr float kLargestLevel = 127;

// --- Codes ----------------------------------------------------------------------------------------------------------
//
// A tile and a span take `bits` vectors of 64 bytes. Byte 4 o + i of each belongs to position o and to the channels
// 4 g + i of some fours g: with 4 bits, vector v holds fours 2v and 2v + 1 in the halves of its bytes; with 2 bits fours
// 4v to 4v + 3 in their quarters; with 3 bits fours 2v and 2v + 1 in bits 0-2 and 3-5, and in bits 6 and 7 the upper two of
// fours 6 (v = 0) and 7 (v = 2), whose lowest are bits 6 and 7 of vector 1. So 3 bits take 12 operations for eight fours
// where 4 bits take 8: the codes are multiplied where they lie in their bytes, and the sums are shifted.

struct KeyCodes {
  uint8_t* codes;
  const float* ranges;  // of every row: where the channels begin, their steps, and one over these
  int64_t rows, dim, bits, spans, stride;

  // codes `(batch, heads, capacity, bytes)`, ranges `(batch, heads, 3, dim)`; a row is a head of the batch.
  KeyCodes(const Tensor& codes, const Tensor& ranges)
      : codes(static_cast<uint8_t*>(codes.data_ptr())), ranges(ranges.const_data_ptr<float>()),
        rows(codes.size(0) * codes.size(1)), dim(ranges.size(3)), bits(codes.size(3) * 8 / (up_to(dim, kSpan))),
        spans((dim + kSpan - 1) / kSpan), stride(codes.size(2) * codes.size(3)) {}

  // `rows` of `capacity` positions of `bytes` each, from these addresses on.
  KeyCodes(int64_t codes, int64_t ranges, int64_t rows, int64_t capacity, int64_t bytes, int64_t dim)
      : codes(reinterpret_cast<uint8_t*>(codes)), ranges(reinterpret_cast<const float*>(ranges)), rows(rows), dim(dim),
        bits(bytes * 8 / up_to(dim, kSpan)), spans((dim + kSpan - 1) / kSpan), stride(capacity * bytes) {}

  static int64_t up_to(int64_t size, int64_t whole) { return (size + whole - 1) / whole * whole; }

  const float* begins(int64_t row) const { return ranges + row * 3 * dim; }
  const float* steps(int64_t row) const { return begins(row) + dim; }
  const float* inverses(int64_t row) const { return begins(row) + 2 * dim; }
  int64_t tile_bytes() const { return spans * bits * 64; }
  uint8_t* tile(int64_t row, int64_t position) const { return codes + row * stride + position / kTile * tile_bytes(); }

  template <typename T>
  void write(int64_t row, int64_t position, const T* key) const {
    const float *begin = begins(row), *inverse = inverses(row), most = static_cast<float>((1 << bits) - 1);
    for (int64_t span = 0; span < spans; ++span) {
      uint8_t code[kSpan] = {}, packed[16];
      const int64_t from = span * kSpan, channels = std::min(kSpan, dim - from);
      for (int64_t i = 0; i < channels; ++i) {
        const float level = std::nearbyint((wide(key[from + i]) - begin[from + i]) * inverse[from + i]);
        code[i] = static_cast<uint8_t>(std::min(std::max(level, 0.0f), most));
      }
      pack(code, packed);
      uint8_t* to = tile(row, position) + span * bits * 64 + position % kTile * 4;
      for (int64_t v = 0; v < bits; ++v) std::memcpy(to + v * 64, packed + v * 4, 4);
    }
  }

  void pack(const uint8_t* code, uint8_t* packed) const {
    for (int i = 0; i < 4; ++i) {
      const auto of = [&](int four) { return code[4 * four + i]; };
      for (int v = 0; v < bits; ++v) {
        uint8_t& to = packed[4 * v + i];
        if (bits == 2) to = of(4 * v) | of(4 * v + 1) << 2 | of(4 * v + 2) << 4 | of(4 * v + 3) << 6;
        if (bits == 3) to = of(2 * v) | of(2 * v + 1) << 3;
        if (bits == 4) to = of(2 * v) | of(2 * v + 1) << 4;
      }
      if (bits != 3) continue;
      packed[i] |= of(6) >> 1 << 6;
      packed[4 + i] |= (of(6) & 1) << 6 | (of(7) & 1) << 7;
      packed[8 + i] |= of(7) >> 1 << 6;
    }
  }
};

// Write the codes of keys `(batch, heads, new, dim)`, whose vectors are contiguous, from position `start` on.
inline void append_key_codes(const Tensor keys, Tensor codes, const Tensor ranges, int64_t start) {
  const KeyCodes index(codes, ranges);
  const int64_t heads = keys.size(1), count = keys.size(2);
  with_stored_type(keys.element_size(), [&](auto type) {
    using T = decltype(type);
    const T* from = static_cast<const T*>(keys.const_data_ptr());
    parallel_for(index.rows * count, kChunk, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; ++at) {
        const int64_t row = at / count, j = at % count;
        const T* key = from + row / heads * keys.stride(0) + row % heads * keys.stride(1) + j * keys.stride(2);
        index.write(row, start + j, key);
      }
    });
  });
}

// --- Products -------------------------------------------------------------------------------------------------------

// Queries as bytes, in words of the four channels that are multiplied at once.
struct Levels {
  std::vector<int32_t> words;  // of every query head
  std::vector<float> factors;  // from its integer products to logits

  Levels(const KeyCodes& index, const float* query, int64_t group, double scaling)
      : words(index.rows * group * index.spans * kFours), factors(index.rows * group) {
    std::vector<float> stepped(index.dim);
    for (int64_t q = 0; q < index.rows * group; ++q) {
      const float *from = query + q * index.dim, *step = index.steps(q / group);
      float largest = 0;
      for (int64_t d = 0; d < index.dim; ++d) {
        stepped[d] = from[d] * step[d];
        largest = std::max(largest, std::fabs(stepped[d]));
      }
      const float inverse = largest > 0 ? kLargestLevel / largest : 0;
      int8_t* to = reinterpret_cast<int8_t*>(words.data() + q * index.spans * kFours);
      for (int64_t d = 0; d < index.dim; ++d) to[d] = static_cast<int8_t>(std::nearbyint(stepped[d] * inverse));
      factors[q] = largest * static_cast<float>(scaling / kLargestLevel);
    }
  }
};

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
// The codes of fours g of a span where they lie in their bytes: `field` says by how many bits they are too high.
template <int kBits>
__m512i codes_of(const __m512i* packed, int g) {
  if constexpr (kBits == 4) return _mm512_and_si512(packed[g / 2], _mm512_set1_epi8(g % 2 ? 0xf0 : 0x0f));
  if constexpr (kBits == 2) return _mm512_and_si512(packed[g / 4], _mm512_set1_epi8(3 << 2 * (g % 4)));
  if (g < 6) return _mm512_and_si512(packed[g / 2], _mm512_set1_epi8(g % 2 ? 0x38 : 0x07));
  const __m512i upper = packed[g == 6 ? 0 : 2], lowest = _mm512_srli_epi16(packed[1], g == 6 ? 1 : 2);
  // Upper bits from one, all others from the other; of which only the lowest of the three is wanted.
  const __m512i both = _mm512_ternarylogic_epi32(_mm512_set1_epi8(0xc0), upper, lowest, 0xca);
  return _mm512_and_si512(both, _mm512_set1_epi8(0xe0));
}

template <int kBits>
constexpr int field(int g) {
  return kBits == 2 ? g % 4 : kBits == 4 || g < 6 ? g % 2 : 2;
}
template <int kBits>
constexpr int shift(int field) {
  return kBits == 3 && field == 2 ? 5 : kBits * field;
}
#elif defined(__AVX2__)
// The codes of fours g of a span for 8 positions.
template <int kBits>
__m256i codes_of(const __m256i* packed, int g) {
  const __m256i mask = _mm256_set1_epi8((1 << kBits) - 1);
  if constexpr (kBits == 4) return _mm256_and_si256(_mm256_srli_epi16(packed[g / 2], 4 * (g % 2)), mask);
  if constexpr (kBits == 2) return _mm256_and_si256(_mm256_srli_epi16(packed[g / 4], 2 * (g % 4)), mask);
  if (g < 6) return _mm256_and_si256(_mm256_srli_epi16(packed[g / 2], 3 * (g % 2)), mask);
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(packed[g == 6 ? 0 : 2], 5), _mm256_set1_epi8(6));
  return _mm256_or_si256(upper, _mm256_and_si256(_mm256_srli_epi16(packed[1], g), _mm256_set1_epi8(1)));
}
#else
// The code of channel 4 g + i of a span, from byte 4 o + i of its vectors.
template <int kBits>
int code_of(const uint8_t* byte, int g) {
  if constexpr (kBits == 4) return byte[g / 2 * 64] >> 4 * (g % 2) & 15;
  if constexpr (kBits == 2) return byte[g / 4 * 64] >> 2 * (g % 4) & 3;
  return g < 6 ? byte[g / 2 * 64] >> 3 * (g % 2) & 7 : byte[g == 6 ? 0 : 128] >> 6 << 1 | (byte[64] >> g & 1);
}
#endif

// Tiles that are multiplied at once, so that a word of the queries is read once for all, and sums do not wait for one another:
// as many as there are registers for.
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
template <int kBits, int kQueries>
constexpr int kTilesAtOnce = kQueries * (kBits == 4 ? 2 : kBits == 3 ? 3 : 4) <= 9 ? 2 : 1;
#else
template <int kBits, int kQueries>
constexpr int kTilesAtOnce = 1;
#endif

// Products of kQueries queries, `stride` apart, with the 16 keys of each of kTiles tiles.
template <int kBits, int kQueries, int kTiles = 1>
__attribute__((always_inline)) inline void score_tile(const uint8_t* tile, int64_t spans, const int32_t* words,
                                                      int32_t* out, int64_t stride) {
  const int64_t row = spans * kFours;
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  constexpr int kFields = kBits == 4 ? 2 : kBits == 3 ? 3 : 4;
  const int64_t bytes = spans * kBits * 64;
  __m512i sums[kTiles][kQueries][kFields] = {};
  for (int64_t span = 0; span < spans; ++span, tile += kBits * 64) {
    __m512i packed[kTiles][kBits];
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t)
      for (int v = 0; v < kBits; ++v) packed[t][v] = _mm512_loadu_si512(tile + t * bytes + 64 * v);
#pragma GCC unroll 8
    for (int g = 0; g < kFours; ++g) {
      __m512i codes[kTiles];
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) codes[t] = codes_of<kBits>(packed[t], g);
#pragma GCC unroll 4
      for (int q = 0; q < kQueries; ++q) {
        const __m512i levels = _mm512_set1_epi32(words[q * row + span * kFours + g]);
#pragma GCC unroll 2
        for (int t = 0; t < kTiles; ++t) {
          __m512i& sum = sums[t][q][field<kBits>(g)];
          sum = _mm512_dpbusd_epi32(sum, codes[t], levels);
        }
      }
    }
  }
#pragma GCC unroll 2
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q) {
      __m512i sum = sums[t][q][0];
#pragma GCC unroll 3
      for (int f = 1; f < kFields; ++f)
        sum = _mm512_add_epi32(sum, _mm512_srai_epi32(sums[t][q][f], shift<kBits>(f)));
      _mm512_storeu_si512(out + q * stride + t * kTile, sum);
    }
#elif defined(__AVX2__)
  // Two products of a code up to 15 and a byte, of eight fours: 16 bits hold them.
  const __m256i ones = _mm256_set1_epi16(1);
  for (int half = 0; half < 2; ++half) {
    __m256i sums[kQueries] = {};
    for (int64_t span = 0; span < spans; ++span) {
      __m256i packed[kBits], products[kQueries] = {};
      for (int v = 0; v < kBits; ++v)
        packed[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tile + (span * kBits + v) * 64 + 32 * half));
#pragma GCC unroll 8
      for (int g = 0; g < kFours; ++g) {
        const __m256i codes = codes_of<kBits>(packed, g);
#pragma GCC unroll 4
        for (int q = 0; q < kQueries; ++q) {
          const __m256i levels = _mm256_set1_epi32(words[q * row + span * kFours + g]);
          products[q] = _mm256_add_epi16(products[q], _mm256_maddubs_epi16(codes, levels));
        }
      }
      for (int q = 0; q < kQueries; ++q) sums[q] = _mm256_add_epi32(sums[q], _mm256_madd_epi16(products[q], ones));
    }
    for (int q = 0; q < kQueries; ++q)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + q * stride + 8 * half), sums[q]);
  }
#else
  for (int o = 0; o < kTile; ++o) {
    int32_t sums[kQueries] = {};
    for (int64_t span = 0; span < spans; ++span)
      for (int g = 0; g < kFours; ++g)
        for (int i = 0; i < 4; ++i) {
          const int code = code_of<kBits>(tile + span * kBits * 64 + 4 * o + i, g);
          for (int q = 0; q < kQueries; ++q)
            sums[q] += code * reinterpret_cast<const int8_t*>(words + q * row + span * kFours + g)[i];
        }
    for (int q = 0; q < kQueries; ++q) out[q * stride + o] = sums[q];
  }
#endif
}

}  // namespace refreshkv
