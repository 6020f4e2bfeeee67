// What the system can do with files and Swift's own modules do not show.
#ifndef CFILESYSTEM_H
#define CFILESYSTEM_H

#include <fcntl.h>
#include <stdio.h>

#if !defined(__APPLE__)
#include <sys/vfs.h>

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags);
#endif

/// Exchanges two files or folders in one step: at no moment is there nothing under either name. -1 with errno: it cannot be done, or not by
/// this file system.
static inline int cfs_exchange(const char *one, const char *other) {
#if defined(__APPLE__)
    return renamex_np(one, other, RENAME_SWAP);
#else
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, 1 << 1 /* RENAME_EXCHANGE */);
#endif
}

/// The number by which Linux tells kinds of file systems from each other (`f_type` of statfs(2)), or 0.
static inline unsigned int cfs_type(const char *path) {
#if defined(__APPLE__)
    return 0;
#else
    struct statfs status;
    return statfs(path, &status) == 0 ? (unsigned int)status.f_type : 0;
#endif
}

#endif
