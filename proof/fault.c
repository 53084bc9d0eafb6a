/* A library to be preloaded: counts the calls of a process, and of those it starts, on paths under a `.temp`, writes each
 * to a log, and at a chosen one kills the process or fails as the system would. `fault.py` says what, in a shared file.
 * A handler of TRACED, where there is one, is called at each, and writes before it who makes it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a call does, in the order of `fault.KINDS`. */
enum kind { LOOK, ASK, LIST, OPEN, READ, LOCK, CREATE, WRITE, OVERWRITE, CUT, SYNC, NAME, REMOVE };
enum action { WATCH, KILL, FAIL, HALF };

/* Strikes once at the first call from `point` on that is of a kind in `fitting`, a bit each; with `lasting` at all. */
static volatile struct state { int armed, count, point, action, error, fitting, lasting, struck; } *state;
static int report = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_STATE"), *log = getenv("FAULT_LOG");
    if (!path || !log) return;
    int opened = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *mapped = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, opened, 0);
    syscall(SYS_close, opened);
    opened = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC);
    report = syscall(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 400);
    syscall(SYS_close, opened);
    if (mapped != MAP_FAILED) state = mapped;
}

static int is_ours(const char *path)
{
    const char *found = strstr(path, "/.temp");
    return found && (found[6] == '/' || !found[6]);
}

/* The path of an open file. */
static int of(int descriptor, char *path)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_ours(path);
}

/* The path of a name in a directory. */
static int at(int directory, const char *name, char *path)
{
    if (name && name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return is_ours(path);
    }
    ssize_t length = 0;
    if (directory == AT_FDCWD) length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/cwd", path, PATH_MAX - 1);
    else of(directory, path), length = strlen(path);
    if (length < 0) length = 0;
    snprintf(path + length, PATH_MAX - length, "/%s", name ? name : "");
    return is_ours(path);
}

/* The error number the call is to fail with, 0 for none; HALVED when it is to do a half. */
#define HALVED -1
static int strike(enum kind kind, int number)
{
    if (state->action == WATCH || number < state->point || !(state->fitting >> kind & 1)) return 0;
    if (__sync_lock_test_and_set(&state->struck, 1) && !state->lasting) return 0;
    if (state->action == KILL) syscall(SYS_kill, getpid(), SIGKILL);
    return state->action == HALF ? HALVED : state->error;
}

#define TRACED (SIGRTMIN + 5) /* as fault.py says; no program that a command starts has a use for it */
static void note(int number, const char *call, enum kind kind, int descriptor, int error, int injected,
                 const char *path, const char *other)
{
    struct stat found = {0};
    struct sigaction tracer;
    if (!sigaction(TRACED, NULL, &tracer) && tracer.sa_handler != SIG_DFL) raise(TRACED);
    if (descriptor >= 0) syscall(SYS_fstat, descriptor, &found);
    char text[2 * PATH_MAX + 200];
    int length = snprintf(text, sizeof text, "%d\t%d\t%s\t%d\t%ld\t%ld\t%d\t%d\t%s\t%s\n", number, getpid(), call, kind,
                          (long)found.st_ino, (long)found.st_size, error, injected, path, other);
    syscall(SYS_write, report, text, length);
}

#define ORIGINAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* `where`: whether the call concerns us, and its path. `file`: the descriptor to be looked at. `failed`: its value then. */
#define CALL(type, name, kind, where, file, failed, parameters, ...) \
    CALLED(type, name, kind, where, file, failed, , parameters, __VA_ARGS__)
/* One that may do a half of the `size` it is given. */
#define SIZED(type, name, kind, file, parameters, ...) \
    CALLED(type, name, kind, OPENED, file, -1, size -= size / 2, parameters, __VA_ARGS__)
#define CALLED(type, name, kind, where, file, failed, halve, parameters, ...) \
    type name parameters \
    { \
        ORIGINAL(name); \
        char path[PATH_MAX], other[PATH_MAX] = ""; \
        path[0] = 0; \
        if (!state || !state->armed || !(where)) return real(__VA_ARGS__); \
        int number = __sync_add_and_fetch(&state->count, 1), error = strike(kind, number), injected = error != 0; \
        type result = failed; \
        if (error == HALVED) { \
            halve; \
            error = 0; \
        } \
        if (!error) { \
            errno = 0; \
            result = real(__VA_ARGS__); \
            error = errno; \
        } \
        note(number, #name, kind, file, result == failed ? error : 0, injected, path, other); \
        errno = error; \
        return result; \
    }

#define NAMED at(AT_FDCWD, name, path)
#define INSIDE at(directory, name, path)
#define OPENED of(file, path)
#define BOTH(a, b) (at(a, name, path) | at(b, target, other))

CALL(int, stat64, LOOK, NAMED, -1, -1, (const char *name, struct stat64 *to), name, to)
CALL(int, lstat64, LOOK, NAMED, -1, -1, (const char *name, struct stat64 *to), name, to)
CALL(int, fstatat64, LOOK, INSIDE, -1, -1, (int directory, const char *name, struct stat64 *to, int flags), directory, name, to, flags)
CALL(int, fstat64, ASK, OPENED, -1, -1, (int file, struct stat64 *to), file, to)
CALL(int, access, LOOK, NAMED, -1, -1, (const char *name, int mode), name, mode)
CALL(int, faccessat, LOOK, INSIDE, -1, -1, (int directory, const char *name, int mode, int flags), directory, name, mode, flags)
CALL(ssize_t, readlink, LOOK, NAMED, -1, -1, (const char *name, char *to, size_t size), name, to, size)
CALL(DIR *, opendir, LIST, NAMED, -1, NULL, (const char *name), name)
CALL(DIR *, fdopendir, ASK, OPENED, -1, NULL, (int file), file)
CALL(struct dirent64 *, readdir64, ASK, of(dirfd(listed), path), -1, NULL, (DIR *listed), listed)
SIZED(ssize_t, read, READ, -1, (int file, void *to, size_t size), file, to, size)
SIZED(ssize_t, pread64, READ, -1, (int file, void *to, size_t size, off64_t offset), file, to, size, offset)
CALL(int, flock, LOCK, !(how & LOCK_UN) && OPENED, -1, -1, (int file, int how), file, how)
SIZED(ssize_t, write, WRITE, file, (int file, const void *from, size_t size), file, from, size)
SIZED(ssize_t, pwrite64, OVERWRITE, file, (int file, const void *from, size_t size, off64_t offset), file, from, size, offset)
SIZED(ssize_t, sendfile64, WRITE, file, (int file, int from, off64_t *offset, size_t size), file, from, offset, size)
CALL(int, ftruncate64, CUT, OPENED, file, -1, (int file, off64_t size), file, size)
CALL(int, truncate64, CUT, NAMED, -1, -1, (const char *name, off64_t size), name, size)
CALL(int, fsync, SYNC, OPENED, file, -1, (int file), file)
CALL(int, fdatasync, SYNC, OPENED, file, -1, (int file), file)
CALL(int, rename, NAME, BOTH(AT_FDCWD, AT_FDCWD), -1, -1, (const char *name, const char *target), name, target)
CALL(int, renameat, NAME, BOTH(from, to), -1, -1, (int from, const char *name, int to, const char *target), from, name, to, target)
CALL(int, renameat2, NAME, BOTH(from, to), -1, -1, (int from, const char *name, int to, const char *target, unsigned flags), from, name, to, target, flags)
CALL(int, link, NAME, BOTH(AT_FDCWD, AT_FDCWD), -1, -1, (const char *name, const char *target), name, target)
CALL(int, linkat, NAME, BOTH(from, to), -1, -1, (int from, const char *name, int to, const char *target, int flags), from, name, to, target, flags)
CALL(int, symlink, NAME, at(AT_FDCWD, name, path), -1, -1, (const char *target, const char *name), target, name)
CALL(int, mkdir, NAME, NAMED, -1, -1, (const char *name, mode_t mode), name, mode)
CALL(int, mkdirat, NAME, INSIDE, -1, -1, (int directory, const char *name, mode_t mode), directory, name, mode)
CALL(int, utimensat, NAME, INSIDE, -1, -1, (int directory, const char *name, const struct timespec times[2], int flags), directory, name, times, flags)
CALL(int, chmod, NAME, NAMED, -1, -1, (const char *name, mode_t mode), name, mode)
CALL(int, fchmod, NAME, OPENED, -1, -1, (int file, mode_t mode), file, mode)
CALL(int, unlink, REMOVE, NAMED, -1, -1, (const char *name), name)
CALL(int, unlinkat, REMOVE, INSIDE, -1, -1, (int directory, const char *name, int flags), directory, name, flags)
CALL(int, rmdir, REMOVE, NAMED, -1, -1, (const char *name), name)

/* Those with arguments that may not be there. */

static int opened(int (*real)(int, const char *, int, ...), const char *call, int directory, const char *name, int flags,
                  mode_t mode)
{
    char path[PATH_MAX];
    if (!state || !state->armed || !at(directory, name, path)) return real(directory, name, flags, mode);
    enum kind kind = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT ? CREATE : flags & O_DIRECTORY ? LIST : OPEN;
    int number = __sync_add_and_fetch(&state->count, 1), error = strike(kind, number), injected = error != 0, result = -1;
    if (!injected) {
        result = real(directory, name, flags, mode);
        error = errno;
    }
    note(number, call, kind, result, result < 0 ? error : 0, injected, path, flags & O_EXCL ? "new" : "");
    errno = error;
    return result;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, int); \
        va_end(rest); \
    }

int openat64(int directory, const char *name, int flags, ...)
{
    ORIGINAL(openat64);
    MODE(flags)
    return opened(real, "openat", directory, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    static int (*real)(int, const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "openat64");
    MODE(flags)
    return opened(real, "open", AT_FDCWD, name, flags, mode);
}

int fcntl64(int file, int what, ...)
{
    ORIGINAL(fcntl64);
    va_list rest;
    va_start(rest, what);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int locks = (what == F_OFD_SETLK || what == F_OFD_SETLKW) && ((struct flock64 *)argument)->l_type != F_UNLCK;
    char path[PATH_MAX];
    if (!state || !state->armed || !(locks || what == F_SETLEASE) || !of(file, path)) return real(file, what, argument);
    int number = __sync_add_and_fetch(&state->count, 1), error = strike(LOCK, number), injected = error != 0;
    int result = injected ? -1 : real(file, what, argument);
    if (!injected) error = errno;
    note(number, "fcntl", LOCK, -1, result < 0 ? error : 0, injected, path, "");
    errno = error;
    return result;
}
