/// What the files of vector loops share.
#ifndef VECTORS_H
#define VECTORS_H

#include <math.h>
#include <string.h>

#include "CKernels.h"

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

/// Unlike sqrtf it never sets errno, which no vector loop could.
HELPER float square_root(float x) { return __builtin_elementwise_sqrt(x); }

HELPER float hyperbolic_tangent(float x) { return 1.0f - 2.0f / (1.0f + exponential(2.0f * x)); }

#endif
