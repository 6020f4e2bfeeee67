// Makes one call to the file system fail, or kills the process before it: loaded before libc, by LD_PRELOAD.
//
//   ADDNORM_FAULT=kill:37 LD_PRELOAD=…/faults.so addnorm train …     killed before the 37th call
//   ADDNORM_FAULT=28:37 …                                             the 37th call fails with errno 28 (ENOSPC)
//   ADDNORM_FAULT=threads …                                           no thread can be started
//
// With ADDNORM_FAULT_LOG=FILE, a line is appended to FILE that names the call, or at the process's end their number. Calls are those that open, read, write, make, rename or remove
// something; standard streams do not count. Linux only.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long fault_at = -1;
static int fault_errno;
static int has_threads = 1;

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("ADDNORM_FAULT");
    has_threads = !fault || strcmp(fault, "threads");
    if (!fault || !strchr(fault, ':')) return;
    fault_at = atol(strchr(fault, ':') + 1);
    fault_errno = strncmp(fault, "kill", 4) ? atoi(fault) : 0;
}

static void log_line(const char *word, const char *rest) {
    const char *log = getenv("ADDNORM_FAULT_LOG");
    if (!log) return;
    int (*real_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    ssize_t (*real_write)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int file = real_open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    char line[4200];
    int length = snprintf(line, sizeof line, "%s %s\n", word, rest);
    if (file < 0 || real_write(file, line, (size_t)length) < 0) abort();
}

__attribute__((destructor)) static void end(void) {
    char number[24];
    snprintf(number, sizeof number, "%ld", atomic_load(&calls));
    log_line("calls:", number);
}

// Whether this call is the one that has to fail.
static int fails(const char *name, const char *path) {
    if (fault_at < 0 || atomic_fetch_add(&calls, 1) + 1 != fault_at) return 0;
    log_line(name, path ? path : "");
    if (!fault_errno) kill(getpid(), SIGKILL);
    errno = fault_errno;
    return 1;
}

#define REAL(result, name, ...)                                                                                        \
    static result (*real)(__VA_ARGS__);                                                                                \
    if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define WITH_PATH(name, parameters, arguments, path)                                                                   \
    int name parameters {                                                                                              \
        static int(*real) parameters;                                                                                  \
        if (!real) real = (int(*) parameters)dlsym(RTLD_NEXT, #name);                                                  \
        return fails(#name, path) ? -1 : real arguments;                                                               \
    }

#define WITH_FILE(result, name, parameters, arguments)                                                                 \
    result name parameters {                                                                                           \
        static result(*real) parameters;                                                                               \
        if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);                                               \
        return file > 2 && fails(#name, NULL) ? -1 : real arguments;                                                   \
    }

#define OPENS(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                                      \
        va_end(list);                                                                                                  \
        REAL(int, name, const char *, int, ...);                                                                       \
        return fails(#name, path) ? -1 : real(path, flags, mode);                                                      \
    }

#define OPENS_AT(name)                                                                                                 \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                                      \
        va_end(list);                                                                                                  \
        REAL(int, name, int, const char *, int, ...);                                                                  \
        return fails(#name, path) ? -1 : real(folder, path, flags, mode);                                              \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
WITH_PATH(mkdir, (const char *path, mode_t mode), (path, mode), path)
WITH_PATH(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), path)
WITH_PATH(rmdir, (const char *path), (path), path)
WITH_PATH(unlink, (const char *path), (path), path)
WITH_PATH(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), path)
WITH_PATH(rename, (const char *from, const char *to), (from, to), to)
WITH_PATH(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), to)
WITH_PATH(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), to)
WITH_FILE(ssize_t, read, (int file, void *bytes, size_t count), (file, bytes, count))
WITH_FILE(ssize_t, pread, (int file, void *bytes, size_t count, off_t at), (file, bytes, count, at))
WITH_FILE(ssize_t, pread64, (int file, void *bytes, size_t count, off64_t at), (file, bytes, count, at))
WITH_FILE(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
WITH_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
WITH_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at))
WITH_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at))
WITH_FILE(int, fsync, (int file), (file))
WITH_FILE(int, fdatasync, (int file), (file))
WITH_FILE(int, ftruncate, (int file, off_t size), (file, size))
WITH_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
WITH_FILE(int, posix_fallocate, (int file, off_t at, off_t count), (file, at, count))
WITH_FILE(int, fchmod, (int file, mode_t mode), (file, mode))

// A descriptor is gone even if closing it says that something went wrong.
int close(int file) {
    REAL(int, close, int);
    if (file > 2 && fails("close", NULL)) {
        int number = errno;
        real(file);
        errno = number;
        return -1;
    }
    return real(file);
}

// As where the number of processes is limited.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    return has_threads ? real(thread, attributes, body, argument) : EAGAIN;
}
