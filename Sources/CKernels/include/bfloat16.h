// Matrices in bfloat16, the upper half of a float32, rounded to nearest and ties to even. A product has bfloat16
// operands and float32 sums.
#pragma once
#include <stdint.h>

// NaN stays NaN, and becomes quiet. out must not overlap x. Processors with instructions for bfloat16 take subnormal
// numbers for zero; `portable`, which is for others, keeps them, and `wide_plain` goes their way without them and is there
// to be tested.
void em_to_bfloat16(const float *x, long count, uint16_t *out);
void em_to_bfloat16_portable(const float *x, long count, uint16_t *out);
// Exact. out must not overlap x.
void em_from_bfloat16(const uint16_t *x, long count, float *out);

// x as if it had been bfloat16 in between, in place; subnormal numbers are kept.
void em_round_to_bfloat16(float *x, long count);

// Whether the processor multiplies pairs of bfloat16 (AVX512_BF16).
int em_has_bfloat16_instructions(void);

// Rounds and packs a [depth, columns] matrix (columns a multiple of 16) into panels of sixteen columns, two steps of
// the depth side by side: [columns / 16][ceil(depth / 2)][16][2], zeros behind an odd depth. out holds
// columns * (depth + depth % 2) numbers and is aligned to four bytes. Element (p, j) is x[p * stride + j], or
// transposed x[j * stride + p].
void em_pack_bfloat16(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out);
void em_pack_bfloat16_portable(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out);
void em_pack_bfloat16_wide_plain(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out);

// c = a b, with b packed, added to c if `accumulate`, else to the bias [columns] if that is not NULL; rows of a and c
// are ars and crs apart. a is aligned to four bytes and ars even; behind a row of odd depth stands one more number,
// which must be zero.
//
// `portable` widens the operands to float32 and is the form for a processor without the instruction; `wide_plain` goes
// the instruction's way, without it, and is there to be tested. The instruction takes subnormal numbers for zero.
void em_packed_product_bfloat16(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns, long depth,
                                const float *bias, float *c, long crs, int accumulate);
void em_packed_product_bfloat16_portable(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns,
                                         long depth, const float *bias, float *c, long crs, int accumulate);
void em_packed_product_bfloat16_wide_plain(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns,
                                           long depth, const float *bias, float *c, long crs, int accumulate);
// dw = (accumulate ? dw : 0) + dy^T x, the gradient of a linear layer's weight: dy [rows, outputs], x [rows, inputs] ->
// dw [outputs, inputs]. scratch: em_weight_gradient_bfloat16_scratch() numbers, aligned to four bytes. Forms as above.
void em_weight_gradient_bfloat16(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                 float *dw, int accumulate, uint16_t *scratch);
void em_weight_gradient_bfloat16_portable(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                          float *dw, int accumulate, uint16_t *scratch);
void em_weight_gradient_bfloat16_wide_plain(const uint16_t *dy, const uint16_t *x, long rows, long outputs,
                                            long inputs, float *dw, int accumulate, uint16_t *scratch);
long em_weight_gradient_bfloat16_scratch(void);

// em_attention and em_attention_backward (training.h) with queries, keys, values and outputs in bfloat16, of even depth
// and strides and aligned to four bytes: probabilities and their gradients are rounded on their way into the products, the
// gradient of the outputs too; what is summed is float32. For processors with the instruction; `wide_plain` goes its way
// without it and is there to be tested.
void em_attention_bfloat16(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens, long depth,
                           uint16_t *out, long out_stride, float *log_sums, float *scratch);
void em_attention_bfloat16_wide_plain(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens,
                                      long depth, uint16_t *out, long out_stride, float *log_sums, float *scratch);
void em_attention_backward_bfloat16(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens,
                                    long depth, const uint16_t *out, long out_stride, const float *dout,
                                    long dout_stride, const float *log_sums, float *dq, float *dk, float *dv,
                                    long gradient_stride, float *scratch);
void em_attention_backward_bfloat16_wide_plain(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride,
                                               long tokens, long depth, const uint16_t *out, long out_stride,
                                               const float *dout, long dout_stride, const float *log_sums, float *dq,
                                               float *dk, float *dv, long gradient_stride, float *scratch);
