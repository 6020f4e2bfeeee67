#include "narrow.h"

#include "vectors.h"

VECTORISED int ck_cholesky(size_t n, double *h) {
    for (size_t i = 0; i < n; i++) {
        double *row = h + i * n;
        for (size_t j = 0; j <= i; j++) {
            const double *above = h + j * n;
            double rest = row[j] - SUM(double, k, j, row[k] * above[k]);
            if (j < i) {
                row[j] = rest / above[j];
            } else if (rest > 0 && rest < INFINITY) {
                row[j] = sqrt(rest);
            } else {
                return 0;
            }
        }
    }
    return 1;
}

VECTORISED void ck_round_weights(size_t n, const float *restrict l, const float *restrict w,
                                 const float *restrict scales, float *restrict sums, int8_t *restrict q) {
    for (size_t i = n; i-- > 0;) {
        const float *row = l + i * n;
        float error[CK_PANEL];
        for (size_t lane = 0; lane < CK_PANEL; lane++) {
            size_t place = i * CK_PANEL + lane;
            float wanted = w[place] + sums[place] / row[i];
            float steps = scales[lane] > 0 ? wanted / scales[lane] : 0.0f;
            steps = __builtin_elementwise_rint(steps < -127.0f ? -127.0f : steps > 127.0f ? 127.0f : steps);
            q[place] = (int8_t)steps;
            error[lane] = w[place] - scales[lane] * steps;
        }
        for (size_t j = 0; j < i; j++) {
            for (size_t lane = 0; lane < CK_PANEL; lane++) sums[j * CK_PANEL + lane] += row[j] * error[lane];
        }
    }
}
