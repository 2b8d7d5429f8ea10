// Loops of the training step over float32 rows. Every function works on the rows it is given and nothing
// else, so that the caller decides the blocks; sums use sixteen partial sums in a fixed order. `rows`, where
// a function has it, maps the i-th row of a compact block to its row in the full matrix (NULL: row i itself).
#pragma once
#include <stdint.h>

// y[i] = (x[row i] - mean) * rstd * gamma + beta for i in first..<first+count; y starts at row `first`.
void em_layer_norm(const float *x, const int32_t *rows, long first, long count, long width,
                   const float *gamma, const float *beta, float epsilon, float *y, float *mean, float *rstd);
// The same from the saved mean and rstd.
void em_layer_norm_again(const float *x, const int32_t *rows, long first, long count, long width,
                         const float *gamma, const float *beta, const float *mean, const float *rstd,
                         float *y);
// dx[row i] = (accumulate ? dx : 0) + gradient; this block's sums are written, or added, to gamma_sum and beta_sum
// (width each).
void em_layer_norm_backward(const float *dy, const float *x, const int32_t *rows, long first, long count,
                            long width, const float *gamma, const float *mean, const float *rstd, float *dx,
                            int accumulate, float *gamma_sum, float *beta_sum, int accumulate_sums);

// y[i] += bias for count rows of n.
void em_add_bias(float *y, const float *bias, long count, long n);
// out = x * Phi(x), exact GELU (Hendrycks and Gimpel 2016), to 1e-6; out may be x.
void em_gelu(const float *x, long count, float *out);
// dx = dy * gelu'(x) (dx may be dy), and the value gelu(x) once more (value may be x).
void em_gelu_backward(const float *x, const float *dy, long count, float *dx, float *value);

// y[row i] = x[row i] + scale * (branch[i] + bias), branch starting at row `first`.
void em_residual(const float *branch, const float *bias, float scale, const float *x, const int32_t *rows,
                 long first, long count, long width, float *y);
// out[i] = scale * x[row i], out starting at row `first`.
void em_gather(const float *x, const int32_t *rows, long first, long count, long width, float scale,
               float *out);

// sums[j] = (accumulate ? sums[j] : 0) + sum over count rows of x[., j].
void em_column_sums(const float *x, long count, long n, long stride, float *sums, int accumulate);
// y += scale * x
void em_add(float *y, const float *x, float scale, long count);
// y *= scale
void em_scale(float *y, float scale, long count);
// The sum of squares in double precision; blocks of 4,096 in a fixed order.
double em_sum_of_squares(const float *x, long count);
// The sum of the squares of x - y, in the same way.
double em_sum_of_squared_differences(const float *x, const float *y, long count);

// y = x / max(|x|, epsilon) per row; norms get max(|x|, epsilon).
void em_l2_normalize(const float *x, long count, long width, float epsilon, float *y, float *norms);
// dx = (dy - y (y . dy)) / norm; where the norm was cut at epsilon, dx = dy / epsilon.
void em_l2_normalize_backward(const float *dy, const float *y, const float *norms, float epsilon, long count,
                              long width, float *dx);

// Columns first..<first+count of y (rows x stride) times factors[column].
void em_scale_columns(const float *x, long stride, long rows, long columns, const float *factors, float *y,
                      long y_stride);
// factors[i] = gain[i] / |v[i]|.
void em_weight_norm_factors(const float *v, const float *gain, long count, long width, float *factors);
// Weight norm (Salimans and Kingma 2016), eq. 3, in place: with s = gain / |v| and dv holding s * dw on
// entry, dv becomes s dw - (s dw . v) v / |v|^2; gain_gradient (or NULL) gets dw . v / |v|. With `previous`,
// it is added.
void em_weight_norm_backward(float *dv, const float *v, const float *gain, long count, long width,
                             float *gain_gradient, const float *previous);

// out = softmax((x - center) / temperature) of one row; center may be NULL.
void em_softmax(const float *x, const float *center, float temperature, long count, float *out);
// out = e^((x - greatest of x) / temperature) of one row, e^-87 at least; returns the greatest of x.
float em_exp_below_greatest(const float *x, float temperature, long count, float *out);
// Cross-entropy of one row of logits with a target row whose entries sum to `mass`:
// returns mass * logsumexp(x / temperature) - sum target * x / temperature, and the logsumexp.
double em_cross_entropy(const float *x, const float *target, float mass, float temperature, long count,
                        float *log_sum);
// dx = scale * (mass * softmax(x / temperature) - target) / temperature, from the saved logsumexp; dx may be
// x.
void em_cross_entropy_backward(const float *x, const float *target, float mass, float temperature,
                               float log_sum, float scale, long count, float *dx);

// -sum p ln p of one row of probabilities, in nats.
double em_entropy(const float *p, long count);
// The place of the greatest of x, the first of equal ones.
long em_greatest_place(const float *x, long count);

// sums[j] = sum over count rows r of factors[r] * x[r, j] for n columns, in double precision.
void em_weighted_column_sums(const float *x, long count, long n, long stride, const double *factors,
                             double *sums);
// The sum of x[i] * factors[i] in double precision.
double em_weighted_sum(const float *x, const double *factors, long count);
// x[i] *= scale * factors[i], computed in double precision.
void em_scale_each(float *x, const double *factors, double scale, long count);

// The product of x / max(|x|, epsilon) and y. With dx: dx = scale * its gradient by x (dx may be x); where the
// norm is cut at epsilon, that of x / epsilon.
float em_cosine(const float *x, const float *y, float epsilon, float scale, long width, float *dx);
// The sum of (p - q)^2 of two rows of probabilities. With dx: dx = scale * its gradient by the logits whose softmax p
// is (dx may be p).
float em_softmax_distance(const float *p, const float *q, float scale, long count, float *dx);
// |a - b + epsilon|, epsilon added to every difference.
float em_distance(const float *a, const float *b, float epsilon, long width);
// da += scale * (a - b + epsilon), and db -= the same.
void em_distance_backward(const float *a, const float *b, float epsilon, float scale, long width, float *da,
                          float *db);

// log_p = ln p and p = softmax((x - shift) * factor) of one row, in double precision.
void em_log_softmax(const float *x, double shift, double factor, long count, double *log_p, double *p);
// One arm (i) of the angles at a vertex (j), told by inner products of rows: `products` i with each k, `vertex` j with
// each k, `rest` = jj - ij, `inverse` 1 / |i - j|, `inverses` 1 / |k - j|, 0 where the distance is 0.
typedef struct {
  const double *products, *vertex, *inverses;
  double rest, inverse;
} em_angles;
// Smooth L1 of cos(ijk) of s and t for `count` other arms k. sums [3]: the losses, their slopes by the numerator of s's
// cosine, their slopes by the cosine times the cosine; the latter two are also added, k by k, to by_product and by_first
// (both the same) and to by_cosine.
void em_angle_differences(em_angles s, em_angles t, long count, double *by_product, double *by_first,
                          double *by_cosine, double *sums);

// One head of one sample: out = softmax(q k^T / sqrt(depth)) v, and log2 of the sum of each query's row. q, k,
// v, out: [tokens, depth] with the given row strides. scratch: em_attention_scratch(tokens, depth) floats.
// `narrow` and `wide` are its forms for 16 and for 32 vector registers.
void em_attention(const float *q, const float *k, const float *v, long stride, long tokens, long depth,
                  float *out, long out_stride, float *log_sums, float *scratch);
void em_attention_narrow(const float *q, const float *k, const float *v, long stride, long tokens, long depth,
                         float *out, long out_stride, float *log_sums, float *scratch);
void em_attention_wide(const float *q, const float *k, const float *v, long stride, long tokens, long depth,
                       float *out, long out_stride, float *log_sums, float *scratch);
// The gradients by q, k, v; probabilities are recomputed from the log2 (FlashAttention, Dao et al. 2022,
// alg. 4).
void em_attention_backward(const float *q, const float *k, const float *v, long stride, long tokens, long depth,
                           const float *out, long out_stride, const float *dout, long dout_stride,
                           const float *log_sums, float *dq, float *dk, float *dv, long gradient_stride,
                           float *scratch);
void em_attention_backward_narrow(const float *q, const float *k, const float *v, long stride, long tokens,
                                  long depth, const float *out, long out_stride, const float *dout,
                                  long dout_stride, const float *log_sums, float *dq, float *dk, float *dv,
                                  long gradient_stride, float *scratch);
void em_attention_backward_wide(const float *q, const float *k, const float *v, long stride, long tokens,
                                long depth, const float *out, long out_stride, const float *dout,
                                long dout_stride, const float *log_sums, float *dq, float *dk, float *dv,
                                long gradient_stride, float *scratch);
long em_attention_scratch(long tokens, long depth);
// AdamW (Loshchilov and Hutter 2019, alg. 2): decay, moments, bias-corrected step. gradient is scaled by
// `clip`; rest1 and rest2 are 1 - beta, rounded from double precision.
void em_adamw(float *w, const float *gradient, float *m, float *v, long count, float clip, float rate,
              float decay, float beta2, float rest1, float rest2, float epsilon, float correction1,
              float correction2);
// Momentum (PyTorch's SGD): g = (gradient * clip + decay * w) * trust; direction = momentum * direction + g;
// w -= rate * (own * g + past * direction). own and past are 0 and 1, or 1 and the momentum for Nesterov's form.
void em_sgd(float *w, const float *gradient, float *direction, long count, float clip, float decay, float trust,
            float rate, float momentum, float own, float past);
// The sums of (gradient * clip + decay * w)^2 and of w^2 in double precision; blocks of 4,096 in a fixed order.
double em_squares_with_decay(const float *w, const float *gradient, long count, float clip, float decay,
                             double *weight_squares);
// teacher = momentum * teacher + rest * student, with rest = 1 - momentum rounded from double precision.
void em_ema(float *teacher, const float *student, long count, float momentum, float rest);

// One query against all tokens of a sample, one head: probabilities = softmax(q k^T / sqrt(depth)), out = p
// v. k and v: [tokens, depth] with row stride `stride`.
void em_class_attention(const float *q, const float *k, const float *v, long stride, long tokens, long depth,
                        float *probabilities, float *out);
// Its gradients; dk and dv are overwritten. scratch: tokens floats.
void em_class_attention_backward(const float *q, const float *k, const float *v, long stride, long tokens,
                                 long depth, const float *probabilities, const float *dout, float *dq,
                                 float *dk, float *dv, float *scratch);
// The gradients of q and k by those of the probabilities; dk is overwritten.
void em_class_shares_backward(const float *q, const float *k, long stride, long tokens, long depth,
                              const float *probabilities, const float *dprobabilities, float *dq, float *dk);

// Packs a [depth, columns] matrix (columns a multiple of 16) into panels of sixteen columns: [columns / 16][depth][16].
// Element (p, j) is x[p * stride + j], or transposed x[j * stride + p].
void em_pack(const float *x, long stride, int transposed, long depth, long columns, float *out);
// c = a b, with b packed, added to c if `accumulate`, else to the bias [columns] if that is not NULL; rows of a and c are
// ars and crs apart. `narrow` and `wide` are its two forms, for 16 and for 32 vector registers; sums run over the depth
// in the same order in both.
void em_packed_product(const float *a, long ars, const float *b, long rows, long columns, long depth,
                       const float *bias, float *c, long crs, int accumulate);
void em_packed_product_narrow(const float *a, long ars, const float *b, long rows, long columns, long depth,
                              const float *bias, float *c, long crs, int accumulate);
void em_packed_product_wide(const float *a, long ars, const float *b, long rows, long columns, long depth,
                            const float *bias, float *c, long crs, int accumulate);
// dw = (accumulate ? dw : 0) + dy^T x, the gradient of a linear layer's weight: dy [rows, outputs], x [rows, inputs] ->
// dw [outputs, inputs]. scratch: em_weight_gradient_scratch() floats. Two forms as above.
void em_weight_gradient(const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                        int accumulate, float *scratch);
void em_weight_gradient_narrow(const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                               int accumulate, float *scratch);
void em_weight_gradient_wide(const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                             int accumulate, float *scratch);
long em_weight_gradient_scratch(void);

// Whether the processor has thirty-two vector registers of sixteen floats (AVX-512).
int em_has_wide_registers(void);
