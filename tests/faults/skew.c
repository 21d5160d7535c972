/* Preloaded into a Redis server, this lets a test put its wall clock ahead: gettimeofday(2) is the only wall
   clock that Redis counts TTLs by. The seconds stand, as a 64-bit number, in the file that SKEW_FILE names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int64_t *ahead;

__attribute__((constructor)) static void open_file(void) {
    int file = open(getenv("SKEW_FILE"), O_RDONLY);
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) abort();
    ahead = mapped;
    close(file);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = syscall(SYS_gettimeofday, now, zone);
    if (!failed) now->tv_sec += *ahead;
    return failed;
}
