/* A stand-in for what macOS has and Linux lacks in the C library, to be preloaded: each call is done in Linux's own way and
 * named, a line each, in the file STANDIN_LOG. It shows that our calls are made as macOS documents them, and no more: not
 * what its kernel and file systems make of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what)
{
    int log = syscall(SYS_openat, AT_FDCWD, getenv("STANDIN_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    dprintf(log, "%s\n", what);
    syscall(SYS_close, log);
}

/* sys/fcntl.h: F_FULLFSYNC 51 */
int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    long argument = va_arg(rest, long);
    va_end(rest);
    if (command != 51) return syscall(SYS_fcntl, descriptor, command, argument);
    say("F_FULLFSYNC");
    return syscall(SYS_fdatasync, descriptor);
}

int fcntl(int descriptor, int command, ...) __attribute__((alias("fcntl64")));

/* sys/stdio.h: RENAME_SWAP 2, RENAME_EXCL 4 */
int renamex_np(const char *from, const char *to, unsigned int flags)
{
    say(flags == 2 ? "RENAME_SWAP" : flags == 4 ? "RENAME_EXCL" : "renamex_np?");
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags == 2 ? 2 : 1);
}

/* sys/sysctl.h */
int sysctlbyname(const char *name, void *old, size_t *size, void *new, size_t length)
{
    struct { int64_t seconds; int32_t microseconds, padding; } booted = {1790000000, 500000, 0};
    const char session[] = "1B2C3D4E-0000-4000-8000-123456789ABC";
    const void *value = !strcmp(name, "kern.boottime") ? (const void *)&booted : session;
    size_t found = value == session ? sizeof session : sizeof booted;
    say(name);
    if (value == session && strcmp(name, "kern.bootsessionuuid")) return errno = ENOENT, -1;
    if (new || length || *size < found) return errno = ENOMEM, -1;
    memcpy(old, value, found);
    *size = found;
    return 0;
}
