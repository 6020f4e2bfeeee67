// Softmax and norms: functions of whole rows, and their gradients.

#include "vectors.h"

// MARK: Softmax

VECTORISED void ck_softmax(size_t n, float scale, float *x) {
    // A maximum of its own for each lane: the compiler may not reorder comparisons, for the sake of NaNs.
    float maxima[LANES], largest = -INFINITY;
    for (size_t j = 0; j < LANES; j++) maxima[j] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) maxima[j] = x[i + j] > maxima[j] ? x[i + j] : maxima[j];
    }
    for (; i < n; i++) maxima[i % LANES] = x[i] > maxima[i % LANES] ? x[i] : maxima[i % LANES];
    for (size_t j = 0; j < LANES; j++) largest = maxima[j] > largest ? maxima[j] : largest;
    for (size_t i = 0; i < n; i++) {
        // What is masked, or next to nothing, becomes 0: divided by the sum it would be a number that processors compute with many times
        // more slowly.
        float exponent = scale * (x[i] - largest);
        x[i] = exponent < -87.0f ? 0.0f : exponential(exponent);
    }
    float factor = 1.0f / SUM(float, i, n, x[i]);
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

VECTORISED void ck_softmax_backward(size_t n, float scale, const float *restrict p, float *restrict dp) {
    float dot = SUM(float, i, n, p[i] * dp[i]);
    for (size_t i = 0; i < n; i++) dp[i] = scale * p[i] * (dp[i] - dot);
}

// MARK: LayerNorm

VECTORISED void ck_layer_norm(size_t n, float epsilon, const float *restrict x, const float *restrict gain,
                              const float *restrict bias, float *restrict y, float *restrict statistics) {
    float mean = SUM(float, i, n, x[i]) / (float)n;
    float variance = SUM(float, i, n, (x[i] - mean) * (x[i] - mean)) / (float)n;
    float scale = 1.0f / square_root(variance + epsilon);
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
    statistics[0] = mean;
    statistics[1] = scale;
}

VECTORISED void ck_layer_norm_backward(size_t n, const float *restrict x, const float *restrict statistics,
                                       const float *restrict gain, float *restrict dy) {
    float mean = statistics[0], scale = statistics[1];
    for (size_t i = 0; i < n; i++) dy[i] *= gain[i];
    float sum = SUM(float, i, n, dy[i]) / (float)n;
    float dot = SUM(float, i, n, dy[i] * ((x[i] - mean) * scale)) / (float)n;
    for (size_t i = 0; i < n; i++) dy[i] = scale * (dy[i] - sum - (x[i] - mean) * scale * dot);
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
    float s = 1.0f / square_root(SUM(float, i, n, x[i] * x[i]) / (float)n + epsilon);
    for (size_t i = 0; i < n; i++) y[i] = x[i] * s * gain[i];
    *scale = s;
}

VECTORISED void ck_rms_norm_backward(size_t n, const float *restrict x, float scale, const float *restrict gain,
                                     float *restrict dy) {
    float dot = SUM(float, i, n, dy[i] * gain[i] * (x[i] * scale)) / (float)n;
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
