// Runs every vector loop of CKernels on the same numbers and prints a hash of the bits that it leaves, for processors.sh.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

enum { SIZE = 1 << 16, ARRAYS = 6 };
static float arrays[ARRAYS][SIZE];
static float *const x = arrays[0], *const y = arrays[1], *const z = arrays[2], *const u = arrays[3], *const v = arrays[4],
                    *const w = arrays[5];
static double result;
static uint32_t words[256];

/// Of both signs, most of a size that layers have, some far larger and far smaller, and some 0; those of `w` are positive.
static void fill(uint64_t state) {
    for (size_t i = 0; i < ARRAYS * SIZE; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        float value = (float)(int32_t)(state >> 32) / 536870912.0f;
        switch (state >> 16 & 63) {
        case 0: value *= 30; break;
        case 1: value *= 1e-12f; break;
        case 2: value = 0; break;
        }
        arrays[i / SIZE][i % SIZE] = i / SIZE == ARRAYS - 1 && value < 0 ? -value : value;
    }
    memset(words, 0, sizeof words);
    result = 0;
}

static uint64_t hash(uint64_t state, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) state = (state ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return state;
}

/// Calls a kernel with so many elements at a time: fewer than any vector has, whole vectors, and some left over.
#define KERNEL(call)                                                                                                   \
    do {                                                                                                               \
        static const size_t lengths[] = {1, 2, 3, 7, 8, 15, 16, 17, 24, 31, 47, 64, 100, 128};                         \
        uint64_t state = 14695981039346656037u;                                                                        \
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {                                                \
            size_t n = lengths[i];                                                                                     \
            fill(n);                                                                                                   \
            call;                                                                                                      \
            state = hash(state, arrays, sizeof arrays);                                                                \
            state = hash(state, words, sizeof words);                                                                  \
            state = hash(state, &result, sizeof result);                                                               \
        }                                                                                                              \
        printf("%016" PRIx64 "  %s\n", state, #call);                                                                  \
    } while (0)

/// Products of 8 bits of five rows of n numbers with 37, by all instructions that this processor has, which must agree.
static void int8_product(size_t n) {
    static int8_t bytes[37 * 128];
    static uint32_t rows[5 * 36], panels[3 * 16 * 32];
    static float scales[48], factors[128], results[4][5 * 37];
    static int32_t sums[48];
    size_t groups = (n + 3) / 4;
    // The first input and the last are read as they are.
    uint32_t exact[] = {0, (uint32_t)n - 1};
    memcpy(factors, z, sizeof(float) * n);
    factors[0] = factors[n - 1] = 0;
    ck_int8_inputs inputs = {factors, exact, 2};
    for (size_t i = 0; i < 5; i++) ck_quantize_row(n, x + i * n, &inputs, rows + i * (groups + 4));
    for (size_t i = 0; i < 37; i++) ck_quantize_weights(n, y + i * n, bytes + i * n, scales + i);
    for (size_t i = 0; i < 3; i++) {
        ck_pack_int8(i < 2 ? 16 : 5, n, bytes + 16 * i * n, n, panels + 16 * i * groups);
    }
    ck_sum_int8(3, groups, panels, sums);
    ck_int8_matrix matrix = {panels, scales, sums, u, 2};
    for (ck_int8_path path = CK_VNNI; path <= CK_PLAIN; path++) {
        if (!ck_has_int8(path)) continue;
        ck_int8_product(path, 5, 37, groups, rows, matrix, v, results[path], 37);
    }
    for (ck_int8_path path = CK_VNNI; path < CK_PLAIN; path++) {
        if (ck_has_int8(path) && memcmp(results[path], results[CK_PLAIN], sizeof results[path])) {
            fputs("instructions for bytes do not agree\n", stderr);
            exit(1);
        }
    }
    memcpy(z, results[CK_PLAIN], sizeof results[CK_PLAIN]);
}

/// Products of 16 bits of the same shape, by the processor's instruction, if it has one, and by others, which must agree.
static void bfloat16_product(size_t n) {
    static uint32_t rows[5 * 64], panels[3 * 16 * 64];
    static float results[2][5 * 37];
    size_t groups = (n + 1) / 2;
    for (size_t i = 0; i < 5; i++) ck_to_bfloat16(n, x + i * n, rows + i * groups);
    for (size_t i = 0; i < 3; i++) ck_pack_bfloat16(n, 37 - 16 * i, y + 16 * i, 37, panels + 16 * i * groups);
    for (int native = 0; native <= ck_has_bfloat16(); native++) {
        ck_bfloat16_product(native, 5, 37, groups, (ck_groups){rows, groups, 1}, panels, v, 0, results[native], 37);
    }
    if (ck_has_bfloat16() && memcmp(results[0], results[1], sizeof results[0])) {
        fputs("the instruction for 16 bits does not agree\n", stderr);
        exit(1);
    }
    memcpy(z, results[0], sizeof results[0]);
}

/// Weights of one panel that are rounded for inputs, of which the products of each two are known.
static void rounding(size_t n) {
    static double products[128 * 128];
    static float factor[128 * 128];
    for (size_t i = 0; i < n * n; i++) products[i] = (i % n == i / n ? 400 : x[i % n] * (double)x[i / n]);
    result = ck_cholesky(n, products);
    for (size_t i = 0; i < n * n; i++) factor[i] = (float)products[i];
    ck_round_weights(n, factor, y, w, z, (int8_t *)u);
}

int main(void) {
    KERNEL(ck_gelu(n, x, y));
    KERNEL(ck_gelu_backward(n, x, y, z));
    KERNEL(ck_gelu_tanh(n, x, y));
    KERNEL(ck_gelu_tanh_backward(n, x, y, z));
    KERNEL(ck_relu(n, x, y));
    KERNEL(ck_relu_backward(n, x, y, z));

    KERNEL(ck_softmax(n, 0.25f, x));
    KERNEL(ck_softmax_backward(n, 0.25f, w, x));

    KERNEL(ck_layer_norm(n, 1e-12f, x, y, z, u, v));
    KERNEL(ck_layer_norm_backward(n, x, w, y, z));
    KERNEL(ck_layer_norm_add_gradients(n, x, w, y, z, u));
    KERNEL(ck_rms_norm(n, 1e-6f, x, y, z, u));
    KERNEL(ck_rms_norm_backward(n, x, *w, y, z));
    KERNEL(ck_dynamic_tanh(n, 0.5f, x, y, z, u));
    KERNEL(ck_dynamic_tanh_backward(n, 0.5f, x, y, z));
    KERNEL(ck_dynamic_tanh_linearized(n, 0.5f, x, y, z));
    KERNEL(ck_dynamic_tanh_add_gradients(n, 0.5f, x, y, z, u, v, w));
    KERNEL(ck_batch_norm(n, x, y, w, z, u, v));
    KERNEL(ck_batch_norm_backward(n, n, x, y, w, z, u, v, x + n));
    KERNEL(ck_batch_norm_add_sums(n, x, y, w, z, u, v));

    KERNEL(ck_turn(n, 1, x, y));
    KERNEL(ck_multiply(n, x, y));
    KERNEL(ck_combine(n, 0.7f, x, 1.3f, y));
    KERNEL(ck_add_products(n, 0.7f, x, y, z));
    KERNEL(ck_add_square_deviations(n, x, y, z));
    KERNEL(result = ck_dot(n, x, y));
    KERNEL(ck_add(n, x, y));
    KERNEL(ck_scale(n, 0.7f, x));
    KERNEL(result = ck_sum_of_squares(n, x));
    KERNEL(result = ck_all_finite(n, x));
    KERNEL(ck_random_group(n, 2, 3, 4, words));
    KERNEL(ck_dropout(3, n, 2 * n, 0.1f, 1, 2, 3, 250, x));

    ck_adamw_step step = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.7f, 0.2f, 0.003f};
    KERNEL(ck_adamw(n, step, x, y, z, w));
    KERNEL(ck_adamw_without_gradient(n, step, x, y, w));

    // More rows of B than one part of the product has.
    KERNEL(ck_gemm(13, n, 70, (ck_matrix){x, 70, 1}, y, n, CK_NOTHING, z, u, n));
    KERNEL(ck_gemm(n, 24, 33, (ck_matrix){x, 1, n}, y, 30, CK_BIAS, z, u, 24));
    KERNEL(ck_gemm(7, n, 1100, (ck_matrix){x, 1100, 1}, y, 50, CK_C, z, u, 130));
    KERNEL(int8_product(n));
    KERNEL(rounding(n));
    KERNEL(bfloat16_product(n));
    KERNEL(ck_dequantize(n, 0.7f, (const int8_t *)x, y));
    KERNEL(ck_transpose(n, 35, x, 40, y, n + 3));
    KERNEL(ck_transpose_into(n, 35, x, 40, y, n + 3));
    KERNEL(ck_gather_columns(20, n, x, n + 5, y));
    return 0;
}
