/// What the files of vector loops share.
///
/// Every loop gives the same bits on every processor. For that, a product and a sum are one instruction, rounded once, only where that is written; sums are
/// made in an order that does not depend on the width of the vectors; and what is called is IEEE 754's: + − · / √.
#ifndef VECTORS_H
#define VECTORS_H

#include <math.h>
#include <string.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

#if !defined(__x86_64__)
#define VECTORISED
#elif defined(__linux__) && !__has_feature(thread_sanitizer)
// One clone for AVX-512, one for AVX2 with FMA, one for any x86-64; the loader takes the best that the CPU has.
#define VECTORISED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
// ThreadSanitizer is not ready when the loader does, and that of macOS 15, which needs AVX2 itself, does not.
#define VECTORISED __attribute__((target("arch=x86-64-v3")))
#endif

// A helper has to be inlined, or each clone would call one copy that was compiled for the baseline.
#define HELPER static inline __attribute__((always_inline))

// As many floats as fill AVX-512's registers; on other machines the compiler takes several. Any address will do.
enum { LANES = 16 };
typedef float lanes __attribute__((ext_vector_type(LANES), aligned(4)));

/// Σ of a term with i over i < n, on every processor in the same order: LANES sums side by side, to which one term each is added in turn; then the upper
/// half of them is added to the lower one, until one is left. Loops that are left to the compiler would be as wide as the vectors are.
#define SUM(type, i, n, term)                                                                                          \
    ({                                                                                                                 \
        type sums[LANES] = {0};                                                                                        \
        size_t whole = (n) / LANES * LANES;                                                                            \
        for (size_t first = 0; first < whole; first += LANES) {                                                        \
            _Pragma("clang loop vectorize_width(LANES) interleave_count(1) unroll(disable)")                           \
            for (size_t lane = 0; lane < LANES; lane++) {                                                              \
                size_t i = first + lane;                                                                               \
                sums[lane] += (term);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t i = whole; i < (n); i++) sums[i - whole] += (term);                                                \
        for (size_t width = LANES / 2; width > 0; width /= 2) {                                                        \
            for (size_t lane = 0; lane < width; lane++) sums[lane] += sums[lane + width];                              \
        }                                                                                                              \
        sums[0];                                                                                                       \
    })

// MARK: Scalar functions that the compiler can vectorise

/// eˣ by 2ⁿ · eʳ with r = x − n ln 2 and a polynomial of eʳ, the best of degree 6 for |r| ≤ ½ ln 2 that begins with 1 + r + ½ r²; relative error below 1e-7.
/// For x ≤ 88: beyond, it would be infinite.
HELPER float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    // Adding 1.5 · 2²³ rounds to an integer, whose bits are the last ones then; with 127 they are those of the exponent of 2ⁿ.
    const float rounder = 12582912.0f + 127;
    float rounded = x * 1.44269504f + rounder, n = rounded - rounder;
    float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    float p = 0.00138637563f;
    p = p * r + 0.00836750958f;
    p = p * r + 0.0416672379f;
    p = p * r + 0.166665345f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits <<= 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/// Unlike sqrtf it never sets errno, which no vector loop could.
HELPER float square_root(float x) { return __builtin_elementwise_sqrt(x); }

HELPER float hyperbolic_tangent(float x) {
    // It is 1 to the last bit from 10 on.
    return 1.0f - 2.0f / (1.0f + exponential(x > 10.0f ? 20.0f : 2.0f * x));
}

#endif
