// Functions of single elements, and sums of them.

#include "vectors.h"

// MARK: Activations

/// Φ(x), the normal distribution function, from `bell` = e^(−x²/2): Abramowitz & Stegun 7.1.26, with √½ and ½ in its coefficients, error below 1e-7.
HELPER float normal_cdf(float x, float bell) {
    float t = 1.0f / (1.0f + 0.231641888f * fabsf(x));
    float p = 0.530702715f;
    p = p * t - 0.726576014f;
    p = p * t + 0.710706871f;
    p = p * t - 0.142248368f;
    p = p * t + 0.127414796f;
    float tail = p * t * bell;
    return x < 0 ? tail : 1.0f - tail;
}

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
    return SUM(double, i, n, (double)x[i] * (double)y[i]);
}

VECTORISED void ck_add(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

VECTORISED void ck_scale(size_t n, float factor, float *x) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

VECTORISED double ck_sum_of_squares(size_t n, const float *x) {
    return SUM(double, i, n, (double)x[i] * (double)x[i]);
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
