/// Vector loops in C, for the one thing that Swift does not do: compile a loop for several instruction sets at once and
/// choose among them when the program is loaded. All of them give the same bits. Every function is single-threaded; callers split the work.
///
/// `n` counts elements. Arrays must not overlap: the compiler is told so, or it could not vectorise.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "narrow.h"

/// Tells the processor that this thread waits in a loop.
static inline void ck_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// The number of processors that this thread may run on (`taskset`, a cluster's scheduler), or 0 if the system does not say.
int ck_affinity(void);

/// Whether this thread takes numbers for 0 that are too small for a float's usual form. Processors compute with these many times more slowly;
/// a training that diverges is full of them. Returns whether it did before.
static inline int ck_flush_subnormals(int flush) {
#if defined(__x86_64__)
    unsigned int flags = 0x8040, state = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(flush ? state | flags : state & ~flags);
    return (state & flags) != 0;
#elif defined(__aarch64__)
    uint64_t flag = (uint64_t)1 << 24, state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(flush ? state | flag : state & ~flag));
    return (state & flag) != 0;
#else
    return 0;
#endif
}

/// Ends what another library has done with AVX. OpenBLAS does not always: then loops that know nothing of AVX, as ours on such
/// processors, take several times as long.
static inline void ck_end_avx(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroupper");
#endif
}

/// y = GELU(x) = x · Φ(x), with Φ by erf (Hendrycks & Gimpel 2016).
void ck_gelu(size_t n, const float *restrict x, float *restrict y);
/// dy *= GELU'(x): the gradient of the result becomes that of x, in place like all backward functions here; and y = GELU(x)
/// again, which takes hardly any more time.
void ck_gelu_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y);

/// y = x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), the approximation of the same paper.
void ck_gelu_tanh(size_t n, const float *restrict x, float *restrict y);
void ck_gelu_tanh_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y);

/// y = max(0, x).
void ck_relu(size_t n, const float *restrict x, float *restrict y);
void ck_relu_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y);

/// One row: x = softmax(scale · x).
void ck_softmax(size_t n, float scale, float *x);
/// One row: dp = scale · p ⊙ (dp − ⟨p, dp⟩), the derivative through ck_softmax with probabilities p.
void ck_softmax_backward(size_t n, float scale, const float *restrict p, float *restrict dp);

/// Whether ck_gemm is compiled for the vectors of this processor: AVX2 with FMA, or AVX-512.
int ck_has_tiles(void);

/// How a matrix lies in memory: element (i, j) is at pointer[i · row + j · column].
typedef struct {
    const float *pointer;
    size_t row, column;
} ck_matrix;

/// What ck_gemm adds to the product.
typedef enum {
    CK_NOTHING,
    CK_BIAS,  ///< one number for each row of C
    CK_C,     ///< what is there
} ck_addend;

/// C = A B + addend. Some columns of B are read for every few rows of A, best from a cache: they should lie close together. A is [m, k],
/// transposed or not; B is [k, n] with rows of consecutive elements; bias is read for CK_BIAS only. Each sum is made from the first product to
/// the last, and rounded once for each, whatever the shape.
void ck_gemm(size_t m, size_t n, size_t k, ck_matrix a, const float *restrict b, size_t b_row, ck_addend addend,
             const float *restrict bias, float *restrict c, size_t c_row);
/// y[j · padded + i] = x[i · x_row + j] for i < rows, j < columns, and 0 for rows <= i < padded.
void ck_transpose(size_t rows, size_t columns, const float *restrict x, size_t x_row, float *restrict y, size_t padded);
/// The same for a y whose rows are y_row apart, with nothing between them.
void ck_transpose_into(size_t rows, size_t columns, const float *restrict x, size_t x_row, float *restrict y,
                       size_t y_row);
/// y[i · columns + j] = x[i · x_row + j] for i < rows, j < columns.
void ck_gather_columns(size_t rows, size_t columns, const float *restrict x, size_t x_row, float *restrict y);

/// One row: y = (x − μ) / √(σ² + ε) · gain + bias. Leaves μ and 1 / √(σ² + ε) in statistics[0] and [1].
void ck_layer_norm(size_t n, float epsilon, const float *restrict x, const float *restrict gain,
                   const float *restrict bias, float *restrict y, float *restrict statistics);
/// One row: dy, the gradient of ck_layer_norm's result, becomes that of x.
void ck_layer_norm_backward(size_t n, const float *restrict x, const float *restrict statistics,
                            const float *restrict gain, float *restrict dy);
/// Adds x̂ ⊙ dy and dy of one row, or of a part of its columns, to the gradients of gain and bias.
void ck_layer_norm_add_gradients(size_t n, const float *restrict x, const float *restrict statistics,
                                 const float *restrict dy, float *restrict dgain, float *restrict dbias);

/// One row: y = x / √(mean(x²) + ε) · gain. Leaves 1 / √(mean(x²) + ε) in *scale.
void ck_rms_norm(size_t n, float epsilon, const float *restrict x, const float *restrict gain, float *restrict y,
                 float *restrict scale);
/// One row: dy, the gradient of ck_rms_norm's result, becomes that of x.
void ck_rms_norm_backward(size_t n, const float *restrict x, float scale, const float *restrict gain,
                          float *restrict dy);

/// y = tanh(α x) · gain + bias.
void ck_dynamic_tanh(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                     const float *restrict bias, float *restrict y);
/// dy *= gain · α · (1 − tanh²(α x)).
void ck_dynamic_tanh_backward(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                              float *restrict dy);
/// dy *= gain · tanh(α x) / x, or 0 where x is 0.
void ck_dynamic_tanh_linearized(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                float *restrict dy);
/// Adds what one row, or a part of its columns, contributes to the gradients of gain and bias, and of α by column.
void ck_dynamic_tanh_add_gradients(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                   const float *restrict dy, float *restrict dgain, float *restrict dbias,
                                   float *restrict dalpha);

/// One row: y = (x − mean) · scale · gain + bias, by statistics of the columns.
void ck_batch_norm(size_t n, const float *restrict x, const float *restrict mean, const float *restrict scale,
                   const float *restrict gain, const float *restrict bias, float *restrict y);
/// One row of so many whose statistics these are: dy, the gradient of ck_batch_norm's result, becomes that of x. dgain and dbias are the sums
/// that ck_batch_norm_add_sums has made of all rows.
void ck_batch_norm_backward(size_t n, size_t rows, const float *restrict x, const float *restrict mean,
                            const float *restrict scale, const float *restrict gain, const float *restrict dgain,
                            const float *restrict dbias, float *restrict dy);
/// Adds (x − mean) · scale ⊙ dy and dy of one row, or of a part of its columns.
void ck_batch_norm_add_sums(size_t n, const float *restrict x, const float *restrict mean, const float *restrict scale,
                            const float *restrict dy, float *restrict dgain, float *restrict dbias);

/// Turns each pair (x[i], x[pairs + i]) by the angle whose cosine is angles[i], and whose sine is sign · angles[pairs + i].
void ck_turn(size_t pairs, float sign, const float *restrict angles, float *restrict x);

/// y *= x.
void ck_multiply(size_t n, const float *restrict x, float *restrict y);

/// y = a · y + s · x.
void ck_combine(size_t n, float s, const float *restrict x, float a, float *restrict y);
/// z += factor · x ⊙ y.
void ck_add_products(size_t n, float factor, const float *restrict x, const float *restrict y, float *restrict z);
/// y += (x − mean)².
void ck_add_square_deviations(size_t n, const float *restrict x, const float *restrict mean, float *restrict y);
/// Σ x ⊙ y.
double ck_dot(size_t n, const float *restrict x, const float *restrict y);
/// y += x.
void ck_add(size_t n, const float *restrict x, float *restrict y);
/// x *= factor.
void ck_scale(size_t n, float factor, float *x);
/// Σ x².
double ck_sum_of_squares(size_t n, const float *x);
/// Whether no element is infinite or NaN.
int ck_all_finite(size_t n, const float *x);

/// Philox4x32-10 (Salmon et al. 2011): the 256 words of one group. Counters are (64 · group + i, stream, step), i < 64;
/// word 64 · j + i is the j-th output of counter i.
void ck_random_group(uint64_t seed, uint32_t stream, uint64_t step, uint32_t group, uint32_t *restrict words);
/// x is scaled by 1 / (1 − rate), or made 0 with probability rate, element by element: by the random words at the positions
/// from `first` on, for the n elements of one row after another. A row begins `row` elements after the one before it.
void ck_dropout(size_t rows, size_t n, size_t row, float rate, uint64_t seed, uint32_t stream, uint64_t step, size_t first,
                float *x);

/// What one AdamW step needs besides the arrays (Loshchilov & Hutter 2019, algorithm 2).
typedef struct {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    float gradient_scale;   ///< what clipping multiplies each gradient with
    float correction1;      ///< 1 − β₁ᵗ
    float correction2;      ///< 1 − β₂ᵗ
} ck_adamw_step;

/// One pass over parameters p, gradients g and moments m and v.
void ck_adamw(size_t n, ck_adamw_step step, float *restrict p, const float *restrict g, float *restrict m,
              float *restrict v);
/// The same with gradients of 0, to the last bit.
void ck_adamw_without_gradient(size_t n, ck_adamw_step step, float *restrict p, float *restrict m, float *restrict v);

#endif
