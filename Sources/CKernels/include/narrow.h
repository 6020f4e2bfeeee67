/// Matrix products of numbers of 8 and of 16 bits. Numbers that are multiplied and added together lie side by side in **groups** of 32 bits: 4 of
/// int8, or 2 of bfloat16, the first one in the lowest bits. A group is what one lane of the processors' own instructions takes.
///
/// One factor is a matrix in **panels**: of CK_PANEL rows each, whose groups of the same columns lie side by side: group g of row r is at
/// panels[(r / CK_PANEL · groups + g) · CK_PANEL + r % CK_PANEL]. What lies beyond the last row or column is 0.
///
/// Each result is the same to the last bit on every path, for any number of rows and columns.
#ifndef NARROW_H
#define NARROW_H

#include <stddef.h>
#include <stdint.h>

enum { CK_PANEL = 16 };

// MARK: 8 bits

/// Which instructions multiply bytes. Integers have no rounding: all sums are exact.
typedef enum {
    CK_VNNI,    ///< AVX-512 VNNI: vpdpbusd
    CK_AVX512,  ///< AVX-512 BW: vpmaddwd of numbers that were widened to 16 bits, where no sum can saturate
    CK_AVX2,    ///< the same of half as many
    CK_PLAIN,   ///< what the compiler makes of C
} ck_int8_path;

/// Whether this processor has these instructions.
int ck_has_int8(ck_int8_path path);

/// How numbers become bytes.
typedef struct {
    const float *factors;   ///< what each number is multiplied with first; null: nothing
    const uint32_t *exact;  ///< the places of some that are read as they are; their factors are 0
    size_t count;           ///< how many
} ck_int8_inputs;

/// One row in unsigned bytes: factors ⊙ x ≈ scale · (q − zero), with 0 as exactly zero. The bytes reach from the smallest to the largest number of the row,
/// or to 0. Where a number is none or infinite, so is the scale. The row becomes its groups, the last one filled up, then the scale, a float, the zero, and
/// the exact numbers.
void ck_quantize_row(size_t n, const float *restrict x, const ck_int8_inputs *inputs, uint32_t *restrict row);

/// One row in signed bytes: x ≈ scale · q, with |q| <= 127.
void ck_quantize_weights(size_t n, const float *restrict x, int8_t *restrict q, float *restrict scale);

/// y = factor · q: what bytes stand for.
void ck_dequantize(size_t n, float factor, const int8_t *restrict q, float *restrict y);

/// Puts rows of bytes, which are `bytes` apart, into a panel: there may be fewer than CK_PANEL.
void ck_pack_int8(size_t rows, size_t columns, const int8_t *restrict q, size_t bytes, uint32_t *restrict panel);

/// A matrix W ≈ scales ⊙ q of int8, in panels.
typedef struct {
    const uint32_t *panels;
    const float *scales;  ///< one for each row
    const int32_t *sums;  ///< the sum of q in each row
    const float *exact;   ///< the columns of exact numbers: for each panel, those of its rows
    size_t exact_count;
} ck_int8_matrix;

/// The sum of each row of a matrix in panels.
void ck_sum_int8(size_t panels, size_t groups, const uint32_t *restrict w, int32_t *restrict sums);

/// y = x Wᵀ + bias for the first `columns` rows of W: sums of integers, each then times the scales of its row and column; to which the products of exact
/// numbers are added. x is as ck_quantize_row makes it, one row after another. Scales, sums and bias have a whole number of panels of elements; bias may be null.
void ck_int8_product(ck_int8_path path, size_t rows, size_t columns, size_t groups, const uint32_t *restrict x,
                     ck_int8_matrix w, const float *restrict bias, float *restrict y, size_t y_row);

// MARK: Rounding weights to 8 bits

/// The lower triangle L of H = L Lᵀ, in the place of H's: Cholesky's. 0 if there is none.
int ck_cholesky(size_t n, double *h);

/// Rounds the weights of one panel, from the last input to the first, each so that it makes up for the errors of those before it: of the error e of all
/// inputs of an output, eᵀ L Lᵀ e becomes small.
///
/// @param l [n, n], of which the lower triangle is read
/// @param w [n, CK_PANEL]: the weights of each input
/// @param scales CK_PANEL: q stands for scale · q
/// @param sums [n, CK_PANEL], of zeros; is changed
/// @param q becomes [n, CK_PANEL], with |q| <= 127
void ck_round_weights(size_t n, const float *restrict l, const float *restrict w, const float *restrict scales,
                      float *restrict sums, int8_t *restrict q);

// MARK: 16 bits

/// Whether this processor has vdpbf16ps, of AVX-512 BF16.
int ck_has_bfloat16(void);

/// Numbers in bfloat16, the nearest, or the even one of two: one row of groups, the last one filled up with 0.
void ck_to_bfloat16(size_t n, const float *restrict x, uint32_t *restrict groups);

/// A panel whose rows are columns of x, and whose groups are pairs of x's rows: one of CK_PANEL columns, or fewer.
void ck_pack_bfloat16(size_t rows, size_t columns, const float *restrict x, size_t x_row, uint32_t *restrict panel);

/// How the groups of a matrix lie in memory: group g of row i is at pointer[i · row + g · group].
typedef struct {
    const uint32_t *pointer;
    size_t row, group;
} ck_groups;

/// y = x Wᵀ + bias, or y += x Wᵀ, for the first `columns` rows of W. Each sum is made in Float32, group after group, of each the second product first,
/// as vdpbf16ps does; numbers below the smallest normal one count as 0.
///
/// - native: whether by that instruction, which the processor must have; else by others, to the same bits
/// - bias: a whole number of panels of elements; null: there is none
void ck_bfloat16_product(int native, size_t rows, size_t columns, size_t groups, ck_groups x,
                         const uint32_t *restrict panels, const float *restrict bias, int adding, float *restrict y,
                         size_t y_row);

#endif
