// For sched_getaffinity.
#define _GNU_SOURCE
#include "CKernels.h"

#if defined(__linux__)
#include <errno.h>
#include <sched.h>

int ck_affinity(void) {
    // The kernel refuses a set that is too small for the processors that it could have.
    for (int most = 1024; most <= 1 << 20; most *= 2) {
        cpu_set_t *set = CPU_ALLOC(most);
        if (!set) return 0;
        size_t size = CPU_ALLOC_SIZE(most);
        int failure = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
        int count = failure ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (failure != EINVAL) return count;
    }
    return 0;
}
#else
int ck_affinity(void) { return 0; }
#endif
