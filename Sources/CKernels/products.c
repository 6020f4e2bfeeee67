// Matrix products by tiles, and the copies that they read.

#include "vectors.h"

typedef float half_lanes __attribute__((ext_vector_type(LANES / 2), aligned(4)));

/// a · b + c, rounded once, for processors that have no instruction for it (Boldo & Melquiond, *Emulation of FMA and Correctly Rounded Sums: Proved
/// Algorithms Using Rounding to Odd*, 2008). In double the product is exact. Where the sum is not, its last bit is made 1, so that it never lies in the
/// middle between two floats that it does not belong to.
HELPER float multiply_add(float a, float b, float c) {
    double product = (double)a * (double)b, sum = product + (double)c;
    double added = sum - product, lost = (product - (sum - added)) + ((double)c - added);
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    int64_t outwards = (lost > 0) == (sum > 0) ? 1 : -1;
    bits += (lost < 0 || lost > 0) && bits % 2 == 0 ? outwards : 0;
    memcpy(&sum, &bits, sizeof bits);
    return (float)sum;
}

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
            vector one = addend == CK_BIAS ? bias[i] : 0;                                                              \
            for (size_t j = 0; j < vectors; j++) sums[i][j] = addend == CK_C ? there[j] : one;                         \
        }                                                                                                              \
        for (size_t p = 0; p < k; p++) {                                                                               \
            for (size_t i = 0; p % LANES == 0 && i < rows; i++) {                                                      \
                __builtin_prefetch(a.pointer + (i + rows) * a.row + p * a.column);                                     \
            }                                                                                                          \
            const vector *values = (const vector *)(b + p * b_row);                                                    \
            for (size_t i = 0; i < rows; i++) {                                                                        \
                vector factor = a.pointer[i * a.row + p * a.column];                                                   \
                for (size_t j = 0; j < vectors; j++) {                                                                 \
                    sums[i][j] = __builtin_elementwise_fma(factor, values[j], sums[i][j]);                             \
                }                                                                                                      \
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

/// Whether the clone that the loader has taken has FMA.
HELPER int has_fma(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("x86-64-v3") != 0;
#else
    return 1;
#endif
}

int ck_has_tiles(void) {
#if defined(__x86_64__) && defined(__linux__)
    return has_fma();
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

/// The part of ck_gemm with DEPTH rows of B at most, for processors without FMA.
HELPER void gemm_block_without_fma(size_t m, size_t n, size_t k, ck_matrix a, const float *restrict b, size_t b_row,
                                   ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {
    for (size_t i = 0; i < m; i++, c += c_row) {
        for (size_t j = 0; addend != CK_C && j < n; j++) c[j] = addend == CK_BIAS ? bias[i] : 0;
        for (size_t p = 0; p < k; p++) {
            float factor = a.pointer[i * a.row + p * a.column];
            for (size_t j = 0; j < n; j++) c[j] = multiply_add(factor, b[p * b_row + j], c[j]);
        }
    }
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
            for (size_t p = 0; p < k; p++) {
                sum = __builtin_elementwise_fma(a.pointer[i * a.row + p * a.column], b[p * b_row + j], sum);
            }
            c[i * c_row + j] = sum;
        }
    }
}

VECTORISED void ck_gemm(size_t m, size_t n, size_t k, ck_matrix a, const float *restrict b, size_t b_row,
                        ck_addend addend, const float *restrict bias, float *restrict c, size_t c_row) {
    do {
        size_t depth = k < DEPTH ? k : DEPTH;
        if (has_fma()) {
            gemm_block(m, n, depth, a, b, b_row, addend, bias, c, c_row);
        } else {
            gemm_block_without_fma(m, n, depth, a, b, b_row, addend, bias, c, c_row);
        }
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
