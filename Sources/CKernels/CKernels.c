#include "CKernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
// One clone for AVX-512, one for AVX2 with FMA, one for any x86-64; the loader takes the best that the CPU has. ThreadSanitizer is not ready when it does.
#define VECTORISED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORISED
#endif

// A helper has to be inlined, or each clone would call one copy that was compiled for the baseline.
#define HELPER static inline __attribute__((always_inline))

// As many floats as fill AVX-512's registers; on other machines the compiler takes several. Any address will do.
enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));
typedef float half_lanes __attribute__((vector_size(2 * LANES), aligned(4)));

// MARK: Scalar functions that the compiler can vectorise

/// eˣ by 2ⁿ · eʳ with r = x − n ln 2 and a Taylor polynomial of eʳ; relative error below 2e-7.
HELPER float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    // Adding and subtracting 1.5 · 2²³ rounds to an integer without an SSE4 instruction.
    const float rounder = 12582912.0f;
    float n = (x * 1.44269504f + rounder) - rounder;
    float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/// Φ(x), the normal distribution function, from `bell` = e^(−x²/2): Abramowitz & Stegun 7.1.26, error below 1e-7.
HELPER float normal_cdf(float x, float bell) {
    float z = fabsf(x) * 0.707106781f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float tail = 0.5f * p * t * bell;
    return x < 0 ? tail : 1.0f - tail;
}

/// Unlike sqrtf it never sets errno, which no vector loop could.
HELPER float square_root(float x) { return __builtin_elementwise_sqrt(x); }

HELPER float hyperbolic_tangent(float x) { return 1.0f - 2.0f / (1.0f + exponential(2.0f * x)); }

// MARK: Activations

VECTORISED void ck_gelu(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] * normal_cdf(x[i], exponential(-0.5f * x[i] * x[i]));
}

VECTORISED void ck_gelu_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y) {
    for (size_t i = 0; i < n; i++) {
        float bell = exponential(-0.5f * x[i] * x[i]), cdf = normal_cdf(x[i], bell);
        dy[i] *= cdf + x[i] * bell * 0.398942280f;
        y[i] = x[i] * cdf;
    }
}

VECTORISED void ck_gelu_tanh(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) {
        float inner = 0.797884561f * (x[i] + 0.044715f * x[i] * x[i] * x[i]);
        y[i] = 0.5f * x[i] * (1.0f + hyperbolic_tangent(inner));
    }
}

VECTORISED void ck_gelu_tanh_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y) {
    for (size_t i = 0; i < n; i++) {
        float t = hyperbolic_tangent(0.797884561f * (x[i] + 0.044715f * x[i] * x[i] * x[i]));
        float inner = 0.797884561f * (1.0f + 3.0f * 0.044715f * x[i] * x[i]);
        dy[i] *= 0.5f * (1.0f + t) + 0.5f * x[i] * (1.0f - t * t) * inner;
        y[i] = 0.5f * x[i] * (1.0f + t);
    }
}

VECTORISED void ck_relu(size_t n, const float *restrict x, float *restrict y) {
    // In this order, so that NaN stays NaN.
    for (size_t i = 0; i < n; i++) y[i] = x[i] <= 0 ? 0 : x[i];
}

VECTORISED void ck_relu_backward(size_t n, const float *restrict x, float *restrict dy, float *restrict y) {
    for (size_t i = 0; i < n; i++) {
        dy[i] = x[i] <= 0 ? 0 : dy[i];
        y[i] = x[i] <= 0 ? 0 : x[i];
    }
}

// MARK: Softmax

VECTORISED void ck_softmax(size_t n, float scale, float *x) {
#pragma clang fp reassociate(on)
    // A maximum of its own for each lane: the compiler may not reorder comparisons, for the sake of NaNs.
    float maxima[LANES], largest = -INFINITY;
    for (size_t j = 0; j < LANES; j++) maxima[j] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) maxima[j] = x[i + j] > maxima[j] ? x[i + j] : maxima[j];
    }
    for (; i < n; i++) maxima[i % LANES] = x[i] > maxima[i % LANES] ? x[i] : maxima[i % LANES];
    for (size_t j = 0; j < LANES; j++) largest = maxima[j] > largest ? maxima[j] : largest;
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        // What is masked, or next to nothing, becomes 0: divided by the sum it would be a number that processors compute with many times
        // more slowly.
        float exponent = scale * (x[i] - largest);
        x[i] = exponent < -87.0f ? 0.0f : exponential(exponent);
        sum += x[i];
    }
    float factor = 1.0f / sum;
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

VECTORISED void ck_softmax_backward(size_t n, float scale, const float *restrict p, float *restrict dp) {
#pragma clang fp reassociate(on)
    float dot = 0;
    for (size_t i = 0; i < n; i++) dot += p[i] * dp[i];
    for (size_t i = 0; i < n; i++) dp[i] = scale * p[i] * (dp[i] - dot);
}

// MARK: Matrix products

// A tile has so many rows. Its columns of B stay in the cache for the next tile, as far as they have no more rows than DEPTH.
enum { TILE = 6, DEPTH = 1024 };

/// Defines a function that computes `rows` rows and `vectors` vectors of C, both constants: the sums stay in registers. What comes
/// after these rows of A is fetched meanwhile: the processor itself does not see so many short rows coming. And one that computes all
/// rows of such columns, from the first down.
#define GEMM_TILE(tile, columns, vector)                                                                               \
    HELPER void tile(const size_t rows, const size_t vectors, size_t k, ck_matrix a, const float *restrict b,          \
                     size_t b_row, ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {    \
        vector sums[TILE][4];                                                                                          \
        for (size_t i = 0; i < rows; i++) {                                                                            \
            vector *there = (vector *)(c + i * c_row);                                                                 \
            float one = addend == CK_BIAS ? bias[i] : 0;                                                               \
            for (size_t j = 0; j < vectors; j++) sums[i][j] = addend == CK_C ? there[j] : (vector){} + one;            \
        }                                                                                                              \
        for (size_t p = 0; p < k; p++) {                                                                               \
            for (size_t i = 0; p % LANES == 0 && i < rows; i++) {                                                      \
                __builtin_prefetch(a.pointer + (i + rows) * a.row + p * a.column);                                     \
            }                                                                                                          \
            const vector *values = (const vector *)(b + p * b_row);                                                    \
            for (size_t i = 0; i < rows; i++) {                                                                        \
                float factor = a.pointer[i * a.row + p * a.column];                                                    \
                for (size_t j = 0; j < vectors; j++) sums[i][j] += factor * values[j];                                 \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t i = 0; i < rows; i++) {                                                                            \
            for (size_t j = 0; j < vectors; j++) ((vector *)(c + i * c_row))[j] = sums[i][j];                          \
        }                                                                                                              \
    }                                                                                                                  \
    HELPER void columns(const size_t vectors, size_t m, size_t k, ck_matrix a, const float *restrict b, size_t b_row,  \
                        ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {               \
        for (; m >= TILE; m -= TILE, a.pointer += TILE * a.row, c += TILE * c_row) {                                   \
            tile(TILE, vectors, k, a, b, b_row, addend, bias, c, c_row);                                               \
            if (addend == CK_BIAS) bias += TILE;                                                                       \
        }                                                                                                              \
        switch (m) {                                                                                                   \
        case 1: tile(1, vectors, k, a, b, b_row, addend, bias, c, c_row); break;                                       \
        case 2: tile(2, vectors, k, a, b, b_row, addend, bias, c, c_row); break;                                       \
        case 3: tile(3, vectors, k, a, b, b_row, addend, bias, c, c_row); break;                                       \
        case 4: tile(4, vectors, k, a, b, b_row, addend, bias, c, c_row); break;                                       \
        case 5: tile(5, vectors, k, a, b, b_row, addend, bias, c, c_row); break;                                       \
        }                                                                                                              \
    }

int ck_has_tiles(void) {
#if defined(__x86_64__) && defined(__linux__)
    return __builtin_cpu_supports("x86-64-v3") != 0;
#else
    return 0;
#endif
}

GEMM_TILE(gemm_tile, gemm_columns, lanes)
GEMM_TILE(gemm_half_tile, gemm_half_columns, half_lanes)

/// Whether the sums of several vectors side by side fit into the registers: then each number of A is read less often, and enough sums are on
/// their way at once.
HELPER int has_wide_registers(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f");
#else
    return 0;
#endif
}

/// The part of ck_gemm with DEPTH rows of B at most.
HELPER void gemm_block(size_t m, size_t n, size_t k, ck_matrix a, const float *restrict b, size_t b_row,
                       ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {
    size_t j = 0;
    if (has_wide_registers()) {
        for (; j + 4 * LANES <= n; j += 4 * LANES) gemm_columns(4, m, k, a, b + j, b_row, addend, bias, c + j, c_row);
        for (; j + 3 * LANES <= n; j += 3 * LANES) gemm_columns(3, m, k, a, b + j, b_row, addend, bias, c + j, c_row);
        for (; j + 2 * LANES <= n; j += 2 * LANES) gemm_columns(2, m, k, a, b + j, b_row, addend, bias, c + j, c_row);
    }
    for (; j + LANES <= n; j += LANES) gemm_columns(1, m, k, a, b + j, b_row, addend, bias, c + j, c_row);
    if (j + LANES / 2 <= n) {
        gemm_half_columns(1, m, k, a, b + j, b_row, addend, bias, c + j, c_row);
        j += LANES / 2;
    }
    for (; j < n; j++) {
        for (size_t i = 0; i < m; i++) {
            float sum = addend == CK_C ? c[i * c_row + j] : addend == CK_BIAS ? bias[i] : 0;
            for (size_t p = 0; p < k; p++) sum += a.pointer[i * a.row + p * a.column] * b[p * b_row + j];
            c[i * c_row + j] = sum;
        }
    }
}

VECTORISED void ck_gemm(size_t m, size_t n, size_t k, ck_matrix a, const float *restrict b, size_t b_row,
                        ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {
    do {
        size_t depth = k < DEPTH ? k : DEPTH;
        gemm_block(m, n, depth, a, b, b_row, addend, bias, c, c_row);
        k -= depth, a.pointer += depth * a.column, b += depth * b_row, addend = CK_C;
    } while (k > 0);
}

/// A square of LANES rows and columns: four perfect shuffles of its rows.
HELPER void transpose_square(const float *restrict x, size_t x_row, float *restrict y, size_t y_row) {
    lanes rows[LANES], shuffled[LANES];
    for (size_t i = 0; i < LANES; i++) rows[i] = *(const lanes *)(x + i * x_row);
    for (size_t stage = 0; stage < 4; stage++) {
        for (size_t i = 0; i < LANES / 2; i++) {
            lanes a = rows[i], b = rows[i + LANES / 2];
            shuffled[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            shuffled[2 * i + 1] =
                __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(rows, shuffled, sizeof rows);
    }
    for (size_t i = 0; i < LANES; i++) *(lanes *)(y + i * y_row) = rows[i];
}

HELPER void transpose(size_t rows, size_t columns, const float *restrict x, size_t x_row, float *restrict y,
                      size_t y_row) {
    for (size_t i = 0; i < rows; i += LANES) {
        for (size_t j = 0; j < columns; j += LANES) {
            if (i + LANES <= rows && j + LANES <= columns) {
                transpose_square(x + i * x_row + j, x_row, y + j * y_row + i, y_row);
                continue;
            }
            for (size_t k = i; k < i + LANES && k < rows; k++) {
                for (size_t l = j; l < j + LANES && l < columns; l++) y[l * y_row + k] = x[k * x_row + l];
            }
        }
    }
}

VECTORISED void ck_transpose_into(size_t rows, size_t columns, const float *restrict x, size_t x_row,
                                  float *restrict y, size_t y_row) {
    transpose(rows, columns, x, x_row, y, y_row);
}

VECTORISED void ck_transpose(size_t rows, size_t columns, const float *restrict x, size_t x_row, float *restrict y,
                             size_t padded) {
    transpose(rows, columns, x, x_row, y, padded);
    for (size_t j = 0; j < columns; j++) {
        for (size_t i = rows; i < padded; i++) y[j * padded + i] = 0;
    }
}

VECTORISED void ck_gather_columns(size_t rows, size_t columns, const float *restrict x, size_t x_row,
                                  float *restrict y) {
    // Vector by vector: the compiler would call memmove for each short row.
    for (size_t i = 0; i < rows; i++, x += x_row, y += columns) {
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) *(lanes *)(y + j) = *(const lanes *)(x + j);
        for (; j < columns; j++) y[j] = x[j];
    }
}

// MARK: LayerNorm

VECTORISED void ck_layer_norm(size_t n, float epsilon, const float *restrict x, const float *restrict gain,
                              const float *restrict bias, float *restrict y, float *restrict statistics) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
    float squares = 0;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / square_root(squares / (float)n + epsilon);
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
    statistics[0] = mean;
    statistics[1] = scale;
}

VECTORISED void ck_layer_norm_backward(size_t n, const float *restrict x, const float *restrict statistics,
                                       const float *restrict gain, float *restrict dy) {
#pragma clang fp reassociate(on)
    float mean = statistics[0], scale = statistics[1], sum = 0, dot = 0;
    for (size_t i = 0; i < n; i++) {
        float g = dy[i] * gain[i];
        sum += g;
        dot += g * ((x[i] - mean) * scale);
    }
    sum /= (float)n;
    dot /= (float)n;
    for (size_t i = 0; i < n; i++) dy[i] = scale * (dy[i] * gain[i] - sum - (x[i] - mean) * scale * dot);
}

VECTORISED void ck_layer_norm_add_gradients(size_t n, const float *restrict x, const float *restrict statistics,
                                            const float *restrict dy, float *restrict dgain,
                                            float *restrict dbias) {
    float mean = statistics[0], scale = statistics[1];
    for (size_t i = 0; i < n; i++) {
        dgain[i] += dy[i] * ((x[i] - mean) * scale);
        dbias[i] += dy[i];
    }
}

VECTORISED void ck_rms_norm(size_t n, float epsilon, const float *restrict x, const float *restrict gain,
                            float *restrict y, float *restrict scale) {
#pragma clang fp reassociate(on)
    float squares = 0;
    for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
    *scale = 1.0f / square_root(squares / (float)n + epsilon);
    float s = *scale;
    for (size_t i = 0; i < n; i++) y[i] = x[i] * s * gain[i];
}

VECTORISED void ck_rms_norm_backward(size_t n, const float *restrict x, float scale, const float *restrict gain,
                                     float *restrict dy) {
#pragma clang fp reassociate(on)
    float dot = 0;
    for (size_t i = 0; i < n; i++) dot += dy[i] * gain[i] * (x[i] * scale);
    dot /= (float)n;
    for (size_t i = 0; i < n; i++) dy[i] = scale * (dy[i] * gain[i] - x[i] * scale * dot);
}

VECTORISED void ck_dynamic_tanh(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                const float *restrict bias, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = hyperbolic_tangent(alpha * x[i]) * gain[i] + bias[i];
}

VECTORISED void ck_dynamic_tanh_backward(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                         float *restrict dy) {
    for (size_t i = 0; i < n; i++) {
        float t = hyperbolic_tangent(alpha * x[i]);
        dy[i] *= gain[i] * alpha * (1.0f - t * t);
    }
}

VECTORISED void ck_dynamic_tanh_linearized(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                           float *restrict dy) {
    for (size_t i = 0; i < n; i++) dy[i] *= x[i] == 0 ? 0 : gain[i] * hyperbolic_tangent(alpha * x[i]) / x[i];
}

VECTORISED void ck_dynamic_tanh_add_gradients(size_t n, float alpha, const float *restrict x, const float *restrict gain,
                                              const float *restrict dy, float *restrict dgain, float *restrict dbias,
                                              float *restrict dalpha) {
    for (size_t i = 0; i < n; i++) {
        float t = hyperbolic_tangent(alpha * x[i]);
        dgain[i] += dy[i] * t;
        dbias[i] += dy[i];
        dalpha[i] += dy[i] * gain[i] * (1.0f - t * t) * x[i];
    }
}

VECTORISED void ck_batch_norm(size_t n, const float *restrict x, const float *restrict mean, const float *restrict scale,
                              const float *restrict gain, const float *restrict bias, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean[i]) * scale[i] * gain[i] + bias[i];
}

VECTORISED void ck_batch_norm_backward(size_t n, size_t rows, const float *restrict x, const float *restrict mean,
                                       const float *restrict scale, const float *restrict gain,
                                       const float *restrict dgain, const float *restrict dbias, float *restrict dy) {
    float share = 1.0f / (float)rows;
    for (size_t i = 0; i < n; i++) {
        float normed = (x[i] - mean[i]) * scale[i];
        dy[i] = gain[i] * scale[i] * (dy[i] - dbias[i] * share - normed * (dgain[i] * share));
    }
}

VECTORISED void ck_batch_norm_add_sums(size_t n, const float *restrict x, const float *restrict mean,
                                       const float *restrict scale, const float *restrict dy, float *restrict dgain,
                                       float *restrict dbias) {
    for (size_t i = 0; i < n; i++) {
        dgain[i] += dy[i] * ((x[i] - mean[i]) * scale[i]);
        dbias[i] += dy[i];
    }
}

// MARK: Positions

VECTORISED void ck_turn(size_t pairs, float sign, const float *restrict angles, float *restrict x) {
    for (size_t i = 0; i < pairs; i++) {
        float first = x[i], second = x[pairs + i], cosine = angles[i], sine = sign * angles[pairs + i];
        x[i] = first * cosine - second * sine;
        x[pairs + i] = second * cosine + first * sine;
    }
}

// MARK: Sums

VECTORISED void ck_multiply(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] *= x[i];
}

VECTORISED void ck_combine(size_t n, float s, const float *restrict x, float a, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = a * y[i] + s * x[i];
}

VECTORISED void ck_add_products(size_t n, float factor, const float *restrict x, const float *restrict y,
                                float *restrict z) {
    for (size_t i = 0; i < n; i++) z[i] += y[i] * (x[i] * factor);
}

VECTORISED void ck_add_square_deviations(size_t n, const float *restrict x, const float *restrict mean,
                                         float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}

VECTORISED double ck_dot(size_t n, const float *restrict x, const float *restrict y) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

VECTORISED void ck_add(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

VECTORISED void ck_scale(size_t n, float factor, float *x) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

VECTORISED double ck_sum_of_squares(size_t n, const float *x) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

VECTORISED int ck_all_finite(size_t n, const float *x) {
    // The magnitudes of infinity and NaN are the largest ones as integers, too.
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7FFFFFFF;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7F800000;
}

// MARK: Random numbers

enum { COUNTERS = 64, GROUP = 4 * COUNTERS };

HELPER void random_group(uint64_t seed, uint32_t stream, uint64_t step, uint32_t group, uint32_t *restrict words) {
    for (uint32_t i = 0; i < COUNTERS; i++) {
        uint32_t c0 = group * COUNTERS + i, c1 = stream, c2 = (uint32_t)step, c3 = (uint32_t)(step >> 32);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        for (int round = 0; round < 10; round++) {
            uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
            c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
            c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)b;
            c3 = (uint32_t)a;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        words[i] = c0;
        words[COUNTERS + i] = c1;
        words[2 * COUNTERS + i] = c2;
        words[3 * COUNTERS + i] = c3;
    }
}

VECTORISED void ck_random_group(uint64_t seed, uint32_t stream, uint64_t step, uint32_t group,
                                uint32_t *restrict words) {
    random_group(seed, stream, step, group, words);
}

VECTORISED void ck_dropout(size_t rows, size_t n, size_t row, float rate, uint64_t seed, uint32_t stream, uint64_t step,
                           size_t first, float *x) {
    uint32_t threshold = (uint32_t)((double)rate * 4294967296.0), words[GROUP];
    float scale = 1.0f / (1.0f - rate);
    size_t position = first, group = SIZE_MAX;
    for (; rows > 0; rows--, x += row) {
        for (size_t done = 0; done < n;) {
            if (position / GROUP != group) {
                group = position / GROUP;
                random_group(seed, stream, step, (uint32_t)group, words);
            }
            size_t offset = position % GROUP, count = GROUP - offset < n - done ? GROUP - offset : n - done;
            float *part = x + done;
            for (size_t i = 0; i < count; i++) part[i] = words[offset + i] >= threshold ? part[i] * scale : 0.0f;
            done += count;
            position += count;
        }
    }
}

// MARK: Optimizer

HELPER void adamw(ck_adamw_step s, float gradient, float *restrict p, float *restrict m, float *restrict v) {
    float rate = s.learning_rate / s.correction1, keep = 1.0f - s.learning_rate * s.weight_decay;
    float root = 1.0f / square_root(s.correction2);
    *m = s.beta1 * *m + (1.0f - s.beta1) * gradient;
    *v = s.beta2 * *v + (1.0f - s.beta2) * gradient * gradient;
    *p = *p * keep - rate * *m / (square_root(*v) * root + s.epsilon);
}

VECTORISED void ck_adamw(size_t n, ck_adamw_step step, float *restrict p, const float *restrict g, float *restrict m,
                         float *restrict v) {
    for (size_t i = 0; i < n; i++) adamw(step, g[i] * step.gradient_scale, p + i, m + i, v + i);
}

VECTORISED void ck_adamw_without_gradient(size_t n, ck_adamw_step step, float *restrict p, float *restrict m,
                                          float *restrict v) {
    for (size_t i = 0; i < n; i++) adamw(step, 0, p + i, m + i, v + i);
}
