#include "narrow.h"

#include <math.h>
#include <string.h>

#include "vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef int32_t integers __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint32_t words __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint8_t bytes __attribute__((vector_size(LANES), aligned(1)));

_Static_assert(LANES == CK_PANEL, "a panel is as wide as a vector");

// Helpers that are inlined get vectors by their addresses: as values they would be passed in other ways with and without AVX-512.

/// Writes one row of one panel: the columns that there are.
HELPER void store(const lanes *numbers, size_t row, size_t panel, size_t columns, float *y, size_t y_row) {
    size_t first = panel * CK_PANEL;
    y += row * y_row + first;
    if (columns - first >= LANES) {
        *(lanes *)y = *numbers;
    } else {
        memcpy(y, numbers, sizeof(float) * (columns - first));
    }
}

/// Defines a function that computes all of a product in tiles of ROWS rows and PANELS panels, which `tile` computes: the sums stay in registers. All
/// rows are multiplied with some panels, before the next ones are read.
#define PRODUCT(name, attribute, inlined, tile, ROWS, PANELS, operands)                                                \
    inlined void name##_panels(const size_t panels, size_t rows, size_t columns, size_t groups, operands o,            \
                                        size_t panel, float *y, size_t y_row) {                                        \
        size_t row = 0;                                                                                                \
        for (; row + ROWS <= rows; row += ROWS) tile(ROWS, panels, row, columns, groups, o, panel, y, y_row);          \
        for (; row + 2 <= rows; row += 2) tile(2, panels, row, columns, groups, o, panel, y, y_row);                   \
        for (; row < rows; row++) tile(1, panels, row, columns, groups, o, panel, y, y_row);                           \
    }                                                                                                                  \
    attribute static void name(size_t rows, size_t columns, size_t groups, operands o, float *y, size_t y_row) {       \
        size_t count = (columns + CK_PANEL - 1) / CK_PANEL, panel = 0;                                                 \
        for (; panel + PANELS <= count; panel += PANELS) {                                                             \
            name##_panels(PANELS, rows, columns, groups, o, panel, y, y_row);                                          \
        }                                                                                                              \
        for (; panel < count; panel++) name##_panels(1, rows, columns, groups, o, panel, y, y_row);                    \
    }

/// The panel that a tile fetches while it computes: the first tiles, one panel each of those that come after theirs, which all tiles read; a later tile,
/// what it reads itself.
HELPER const uint32_t *panel_ahead(const uint32_t *w, size_t tile, size_t panels, size_t groups) {
    return tile < panels ? w + (panels + tile) * groups * CK_PANEL : w;
}

// MARK: Bytes

void ck_pack_int8(size_t rows, size_t columns, const int8_t *restrict q, size_t bytes, uint32_t *restrict panel) {
    memset(panel, 0, (columns + 3) / 4 * CK_PANEL * sizeof *panel);
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < columns; i++) {
            ((int8_t *)panel)[(i / 4 * CK_PANEL + row) * 4 + i % 4] = q[row * bytes + i];
        }
    }
}

VECTORISED void ck_sum_int8(size_t panels, size_t groups, const uint32_t *restrict w, int32_t *restrict sums) {
    for (size_t panel = 0; panel < panels; panel++, sums += CK_PANEL) {
        integers sum = {};
        for (size_t g = 0; g < groups; g++, w += CK_PANEL) {
            integers bytes = *(const integers *)w;
            sum += (bytes << 24 >> 24) + (bytes << 16 >> 24) + (bytes << 8 >> 24) + (bytes >> 24);
        }
        *(integers *)sums = sum;
    }
}

// 1.5 · 2²³: added to a number below 2²², it rounds away the fraction, to the nearest integer or the even one of two, which the lowest bits then are.
#define ROUNDER 12582912.0f
enum { ROUNDER_BITS = 0x4B400000 };

HELPER int32_t nearest(float x) {
    float shifted = x + ROUNDER;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - ROUNDER_BITS;
}

/// Some numbers times their factors, if there are such.
HELPER void scaled(const float *x, const float *factors, size_t i, lanes *v) {
    *v = *(const lanes *)(x + i);
    if (factors) *v *= *(const lanes *)(factors + i);
}

HELPER void quantize_row(size_t n, const float *restrict x, const float *restrict factors, uint32_t *restrict row) {
    lanes low = {}, high = {}, damage = {}, rest = {};
    size_t whole = n / LANES * LANES;
    for (size_t i = whole; i < n; i++) rest[i - whole] = factors ? x[i] * factors[i] : x[i];
    for (size_t i = 0; i <= whole; i += LANES) {
        lanes v = rest;
        if (i < whole) scaled(x, factors, i, &v);
        low = v < low ? v : low;
        high = v > high ? v : high;
        // 0, unless a number is none or infinite.
        damage += v - v;
    }
#pragma clang loop unroll(full)
    for (size_t half = LANES / 2; half > 0; half /= 2) {
#pragma clang loop unroll(full) vectorize(enable)
        for (size_t j = 0; j < half; j++) {
            low[j] = low[j + half] < low[j] ? low[j + half] : low[j];
            high[j] = high[j + half] > high[j] ? high[j + half] : high[j];
            damage[j] += damage[j + half];
        }
    }
    float range = high[0] - low[0], steps = range > 0 ? 255.0f / range : 0.0f;
    int32_t offset = nearest(-low[0] * steps);
    float scale = range / 255.0f + damage[0];
    size_t groups = (n + 3) / 4;
    memcpy(row + groups, &scale, sizeof scale);
    row[groups + 1] = (uint32_t)offset;
    uint8_t *q = (uint8_t *)row;
    for (size_t i = 0; i < n; i += LANES) {
        lanes v = rest;
        if (i < whole) scaled(x, factors, i, &v);
        lanes shifted = v * steps + ROUNDER;
        integers value = (integers)shifted - (ROUNDER_BITS - offset);
        value = __builtin_elementwise_max(__builtin_elementwise_min(value, (integers){} + 255), (integers){});
        bytes there = __builtin_convertvector(value, bytes);
        if (i < whole) {
            *(bytes *)(q + i) = there;
        } else {
            memcpy(q + i, &there, (n - whole + 3) / 4 * 4);
        }
    }
}

VECTORISED void ck_quantize_row(size_t n, const float *restrict x, const ck_int8_inputs *inputs,
                                uint32_t *restrict row) {
    // Without factors no loop asks for them.
    if (!inputs->factors) return quantize_row(n, x, NULL, row);
    quantize_row(n, x, inputs->factors, row);
    float *exact = (float *)(row + (n + 3) / 4 + 2);
    for (size_t i = 0; i < inputs->count; i++) exact[i] = x[inputs->exact[i]];
}

VECTORISED void ck_quantize_weights(size_t n, const float *restrict x, int8_t *restrict q, float *restrict scale) {
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        float size = fabsf(x[i]);
        largest = size > largest ? size : largest;
    }
    float steps = largest > 0 ? 127.0f / largest : 0.0f;
    *scale = largest / 127.0f;
    for (size_t i = 0; i < n; i++) q[i] = (int8_t)nearest(x[i] * steps);
}

VECTORISED void ck_dequantize(size_t n, float factor, const int8_t *restrict q, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = factor * (float)q[i];
}

/// What a product of bytes reads.
typedef struct {
    const uint32_t *x;
    size_t x_row;
    ck_int8_matrix w;
    const float *bias;
} int8_operands;

/// Some rows of some panels: from sums of integers, of which `sums_row` belong to a row, to numbers.
HELPER void finish(const size_t rows, const size_t panels, const integers *sums, const size_t sums_row, size_t row,
                   size_t panel, size_t columns, size_t groups, int8_operands o, float *y, size_t y_row) {
    const uint32_t *x = o.x + row * o.x_row + groups;
    lanes numbers[8][3];
    for (size_t i = 0; i < rows; i++) {
        float scale;
        memcpy(&scale, x + i * o.x_row, sizeof scale);
        int32_t zero = (int32_t)x[i * o.x_row + 1];
        for (size_t p = 0; p < panels; p++) {
            size_t first = (panel + p) * CK_PANEL;
            integers sum = sums[i * sums_row + p] - zero * *(const integers *)(o.w.sums + first);
            numbers[i][p] = __builtin_convertvector(sum, lanes) * (scale * *(const lanes *)(o.w.scales + first));
        }
    }
    const float *exact = (const float *)(x + 2), *weights = o.w.exact + panel * CK_PANEL * o.w.exact_count;
    for (size_t k = 0; k < o.w.exact_count; k++) {
        for (size_t p = 0; p < panels; p++) {
            lanes column = *(const lanes *)(weights + (p * o.w.exact_count + k) * CK_PANEL);
            for (size_t i = 0; i < rows; i++) {
                numbers[i][p] = __builtin_elementwise_fma((lanes){} + exact[i * o.x_row + k], column, numbers[i][p]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) {
            if (o.bias) numbers[i][p] += *(const lanes *)(o.bias + (panel + p) * CK_PANEL);
            store(&numbers[i][p], row + i, panel + p, columns, y, y_row);
        }
    }
}

HELPER void plain_tile(const size_t rows, const size_t panels, size_t row, size_t columns, size_t groups,
                       int8_operands o, size_t panel, float *y, size_t y_row) {
    for (size_t p = panel; p < panel + panels; p++) {
        const uint32_t *x = o.x + row * o.x_row;
        const integers *w = (const integers *)(o.w.panels + p * groups * CK_PANEL);
        integers sums[2] = {};
        for (size_t g = 0; g < groups; g++) {
            for (size_t shift = 0; shift < 32; shift += 8) {
                integers weights = w[g] << (24 - shift) >> 24;
                for (size_t i = 0; i < rows; i++) sums[i] += (int32_t)(x[i * o.x_row + g] >> shift & 255) * weights;
            }
        }
        finish(rows, 1, sums, 1, row, p, columns, groups, o, y, y_row);
    }
}
PRODUCT(int8_plain, , HELPER, plain_tile, 2, 1, int8_operands)

#if defined(__x86_64__)
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

VNNI INLINE void vnni_tile(const size_t rows, const size_t panels, size_t row, size_t columns, size_t groups,
                           int8_operands o, size_t panel, float *y, size_t y_row) {
    __m512i sums[8][3];
    __m512i zero = _mm512_setzero_si512();
    // The compiler must not know that it is 0, or it would call memset, and get the sums out of memory.
    __asm__("" : "+v"(zero));
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) sums[i][p] = zero;
    }
    const uint32_t *x = o.x + row * o.x_row, *w = o.w.panels + panel * groups * CK_PANEL;
    const uint32_t *ahead = panel_ahead(w, row / 8, panels, groups);
    for (size_t g = 0; g < groups; g++) {
        __builtin_prefetch(ahead + g * CK_PANEL, 0, 2);
        __m512i weights[3];
        for (size_t p = 0; p < panels; p++) weights[p] = _mm512_loadu_si512(w + (p * groups + g) * CK_PANEL);
        for (size_t i = 0; i < rows; i++) {
            __m512i quad = _mm512_set1_epi32((int)x[i * o.x_row + g]);
            for (size_t p = 0; p < panels; p++) sums[i][p] = _mm512_dpbusd_epi32(sums[i][p], quad, weights[p]);
        }
    }
    finish(rows, panels, (const integers *)sums, 3, row, panel, columns, groups, o, y, y_row);
}
PRODUCT(int8_vnni, VNNI, VNNI INLINE, vnni_tile, 8, 3, int8_operands)

/// Defines a tile that multiplies and adds pairs of 16 bits, of which `vector` has `count`. The sums of a group are left in two lanes.
#define PAIRS_TILE(name, attribute, vector, count, widen, broadcast, multiply, add, load, store)                       \
    attribute INLINE void name(const size_t rows, const size_t panels, size_t row, size_t columns, size_t groups,      \
                               int8_operands o, size_t panel, float *y, size_t y_row) {                                \
        enum { PARTS = 4 * CK_PANEL / count };                                                                         \
        for (size_t p = panel; p < panel + panels; p++) {                                                              \
            const uint32_t *x = o.x + row * o.x_row, *w = o.w.panels + p * groups * CK_PANEL;                     \
            vector sums[4][PARTS] = {};                                                                                \
            for (size_t g = 0; g < groups; g++, w += CK_PANEL) {                                                       \
                vector quads[4];                                                                                       \
                for (size_t i = 0; i < rows; i++) quads[i] = broadcast(_mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)x[i * o.x_row + g])));\
                for (size_t part = 0; part < PARTS; part++) {                                                          \
                    vector weights = widen(load((const void *)((const int8_t *)w + part * count)));                    \
                    for (size_t i = 0; i < rows; i++) {                                                                \
                        sums[i][part] = add(sums[i][part], multiply(quads[i], weights));                               \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
            for (size_t i = 0; i < rows; i++) {                                                                        \
                int32_t pairs[2 * CK_PANEL];                                                                           \
                integers sum;                                                                                          \
                for (size_t part = 0; part < PARTS; part++) store((void *)(pairs + part * count / 2), sums[i][part]);  \
                for (size_t j = 0; j < CK_PANEL; j++) sum[j] = pairs[2 * j] + pairs[2 * j + 1];                        \
                finish(1, 1, &sum, 1, row + i, p, columns, groups, o, y, y_row);                                       \
            }                                                                                                          \
        }                                                                                                              \
    }
PAIRS_TILE(avx512_tile, AVX512, __m512i, 32, _mm512_cvtepi8_epi16, _mm512_broadcastq_epi64, _mm512_madd_epi16,
           _mm512_add_epi32, _mm256_loadu_si256, _mm512_storeu_si512)
PAIRS_TILE(avx2_tile, AVX2, __m256i, 16, _mm256_cvtepi8_epi16, _mm256_broadcastq_epi64, _mm256_madd_epi16,
           _mm256_add_epi32, _mm_loadu_si128, _mm256_storeu_si256)
PRODUCT(int8_avx512, AVX512, AVX512 INLINE, avx512_tile, 4, 1, int8_operands)
PRODUCT(int8_avx2, AVX2, AVX2 INLINE, avx2_tile, 2, 1, int8_operands)
#endif

int ck_has_int8(ck_int8_path path) {
    switch (path) {
#if defined(__x86_64__)
    case CK_VNNI: return ck_has_int8(CK_AVX512) && __builtin_cpu_supports("avx512vnni");
    case CK_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
               && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    case CK_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    case CK_PLAIN: return 1;
    default: return 0;
    }
}

void ck_int8_product(ck_int8_path path, size_t rows, size_t columns, size_t groups, const uint32_t *restrict x,
                     ck_int8_matrix w, const float *restrict bias, float *restrict y, size_t y_row) {
    int8_operands operands = {x, groups + 2 + w.exact_count, w, bias};
    switch (path) {
#if defined(__x86_64__)
    case CK_VNNI: return int8_vnni(rows, columns, groups, operands, y, y_row);
    case CK_AVX512: return int8_avx512(rows, columns, groups, operands, y, y_row);
    case CK_AVX2: return int8_avx2(rows, columns, groups, operands, y, y_row);
#endif
    default: return int8_plain(rows, columns, groups, operands, y, y_row);
    }
}

// MARK: bfloat16

/// The bits of a number whose lower half is to be cut off: rounded to the nearest, or to the even one of two.
HELPER uint32_t rounded(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t up = bits + 0x7FFF + (bits >> 16 & 1);
    // No number stays none, and never becomes infinity.
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? bits | 0x400000 : up;
}

VECTORISED void ck_to_bfloat16(size_t n, const float *restrict x, uint32_t *restrict groups) {
    uint16_t *halves = (uint16_t *)groups;
    for (size_t i = 0; i < n; i++) halves[i] = (uint16_t)(rounded(x[i]) >> 16);
    if (n % 2 != 0) halves[n] = 0;
}

VECTORISED void ck_pack_bfloat16(size_t rows, size_t columns, const float *restrict x, size_t x_row,
                                 uint32_t *restrict panel) {
    static const float none[CK_PANEL];
    for (size_t row = 0; row < rows; row += 2, panel += CK_PANEL) {
        const float *first = x + row * x_row, *second = row + 1 < rows ? first + x_row : none;
        if (columns >= CK_PANEL) {
            for (size_t j = 0; j < CK_PANEL; j++) panel[j] = rounded(first[j]) >> 16 | (rounded(second[j]) & 0xFFFF0000);
        } else {
            for (size_t j = 0; j < columns; j++) panel[j] = rounded(first[j]) >> 16 | (rounded(second[j]) & 0xFFFF0000);
            for (size_t j = columns; j < CK_PANEL; j++) panel[j] = 0;
        }
    }
}

/// What a product of 16 bits reads, and what its sums begin with.
typedef struct {
    ck_groups x;
    const uint32_t *panels;
    const float *bias;
    int adding;
} bfloat16_operands;

/// What the sum of one row of one panel begins with.
HELPER void begin(lanes *sums, size_t row, size_t panel, size_t columns, bfloat16_operands o, const float *y,
                  size_t y_row) {
    size_t first = panel * CK_PANEL, count = columns - first;
    *sums = (lanes){};
    if (o.adding) {
        memcpy(sums, y + row * y_row + first, sizeof(float) * (count < LANES ? count : LANES));
    } else if (o.bias) {
        *sums = *(const lanes *)(o.bias + first);
    }
}

HELPER void emulated_tile(const size_t rows, const size_t panels, size_t row, size_t columns, size_t groups,
                          bfloat16_operands o, size_t panel, float *y, size_t y_row) {
    lanes sums[4][1];
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) begin(&sums[i][p], row + i, panel + p, columns, o, y, y_row);
    }
    for (size_t g = 0; g < groups; g++) {
        for (size_t p = 0; p < panels; p++) {
            words weights = *(const words *)(o.panels + ((panel + p) * groups + g) * CK_PANEL);
            lanes first = (lanes)(weights << 16), second = (lanes)(weights & 0xFFFF0000);
            for (size_t i = 0; i < rows; i++) {
                words x = (words){} + o.x.pointer[(row + i) * o.x.row + g * o.x.group];
                sums[i][p] = __builtin_elementwise_fma((lanes)(x & 0xFFFF0000), second, sums[i][p]);
                sums[i][p] = __builtin_elementwise_fma((lanes)(x << 16), first, sums[i][p]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) store(&sums[i][p], row + i, panel + p, columns, y, y_row);
    }
}
PRODUCT(bfloat16_emulated, VECTORISED, HELPER, emulated_tile, 4, 1, bfloat16_operands)

#if defined(__x86_64__)
#define BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

BFLOAT16 INLINE void native_tile(const size_t rows, const size_t panels, size_t row, size_t columns, size_t groups,
                                 bfloat16_operands o, size_t panel, float *y, size_t y_row) {
    __m512 sums[8][3];
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) {
            begin((lanes *)&sums[i][p], row + i, panel + p, columns, o, y, y_row);
            // As for bytes: no memset.
            __asm__("" : "+v"(sums[i][p]));
        }
    }
    const uint32_t *x = o.x.pointer + row * o.x.row, *w = o.panels + panel * groups * CK_PANEL;
    const uint32_t *ahead = panel_ahead(w, row / 8, panels, groups);
    for (size_t g = 0; g < groups; g++) {
        __builtin_prefetch(ahead + g * CK_PANEL, 0, 2);
        __m512i weights[3];
        for (size_t p = 0; p < panels; p++) weights[p] = _mm512_loadu_si512(w + (p * groups + g) * CK_PANEL);
        for (size_t i = 0; i < rows; i++) {
            __m512i pair = _mm512_set1_epi32((int)x[i * o.x.row + g * o.x.group]);
            for (size_t p = 0; p < panels; p++) {
                sums[i][p] = _mm512_dpbf16_ps(sums[i][p], (__m512bh)pair, (__m512bh)weights[p]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = 0; p < panels; p++) store((lanes *)&sums[i][p], row + i, panel + p, columns, y, y_row);
    }
}
PRODUCT(bfloat16_native, BFLOAT16, BFLOAT16 INLINE, native_tile, 8, 3, bfloat16_operands)
#endif

int ck_has_bfloat16(void) {
#if defined(__x86_64__)
    return ck_has_int8(CK_AVX512) && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

void ck_bfloat16_product(int native, size_t rows, size_t columns, size_t groups, ck_groups x,
                         const uint32_t *restrict panels, const float *restrict bias, int adding, float *restrict y,
                         size_t y_row) {
    bfloat16_operands operands = {x, panels, bias, adding};
#if defined(__x86_64__)
    if (native) return bfloat16_native(rows, columns, groups, operands, y, y_row);
#endif
    // As the instruction does in any case.
    int before = ck_flush_subnormals(1);
    bfloat16_emulated(rows, columns, groups, operands, y, y_row);
    ck_flush_subnormals(before);
}
