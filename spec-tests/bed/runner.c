/*
 * Runs programs one after another and tells what each needed, from before it is started until it
 * has been waited for. Small, because the kernel counts the memory of the starting process as the
 * first peak of the started one.
 *
 * stdin holds jobs. A block is its length as a 32-bit number and so many bytes:
 *   number of blocks, program, its standard input, NAME=value ...
 * stdout holds their ends, in the same order:
 *   nanoseconds, nanoseconds of these without a free core, nanoseconds on a core, nanoseconds on a
 *   core of a calibration run if it computed for long (else 0), peak memory in KB, wait status (64
 *   bits each), then its standard output and its standard error as blocks
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BLOCKS = 1024, MAX_OUTPUT = 1 << 24, TABLE = 1 << 20 };

/* What was asleep so often, or computed for so many nanoseconds, will not end. */
#define ASLEEP 200
#define COMPUTING 60000000000ULL

/* From here on the machine's speed is asked for as well, in nanoseconds. */
#define LONG 300000000ULL

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t nanoseconds(struct timeval t)
{
    return t.tv_sec * 1000000000ULL + t.tv_usec * 1000ULL;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* A number, or the end of all jobs. */
static uint32_t read_number(void)
{
    uint32_t number;

    if (fread(&number, sizeof number, 1, stdin) != 1)
        exit(0);
    return number;
}

/* A block as text: it gets a NUL behind it. */
static char *read_text(void)
{
    uint32_t length = read_number();
    char *text = calloc(1, (size_t)length + 1);

    if (!text || fread(text, 1, length, stdin) != length)
        fail("job");
    return text;
}

static void write_number(uint64_t number)
{
    fwrite(&number, sizeof number, 1, stdout);
}

static int memory_file(void)
{
    int fd = memfd_create("runner", MFD_CLOEXEC);

    if (fd < 0)
        fail("memory file");
    return fd;
}

/* A block as a file: a large one must not make this process large. */
static int read_file(void)
{
    static char bytes[1 << 16];
    uint32_t left = read_number();
    int fd = memory_file();

    while (left > 0) {
        size_t some = left < sizeof bytes ? left : sizeof bytes;
        if (fread(bytes, 1, some, stdin) != some || write(fd, bytes, some) != (ssize_t)some)
            fail("job");
        left -= some;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void write_file(int fd)
{
    char bytes[1 << 12];
    struct stat file;
    uint32_t left;

    if (fstat(fd, &file))
        fail("output");
    left = file.st_size < MAX_OUTPUT ? file.st_size : MAX_OUTPUT;
    fwrite(&left, sizeof left, 1, stdout);
    for (off_t at = 0; left > 0;) {
        ssize_t length = pread(fd, bytes, left < sizeof bytes ? left : sizeof bytes, at);
        if (length <= 0)
            fail("output");
        fwrite(bytes, 1, length, stdout);
        at += length;
        left -= length;
    }
}

/* How long a process, ended or not, was on a core, and was ready for one and had none. */
struct times {
    uint64_t ran, waited;
};

static struct times times_of(pid_t pid)
{
    char path[64];
    struct times times = { 0, 0 };
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &times.ran, &times.waited) != 2)
            times = (struct times){ 0, 0 };
        fclose(file);
    }
    return times;
}

/* What a fixed computation takes now: small steps through a table that no near cache holds. */
static uint64_t calibrate(void)
{
    uint32_t *table = malloc(TABLE * sizeof *table), at = 1;
    struct timespec begin, end;

    if (!table)
        fail("calibration");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (uint32_t i = 0; i < 4 * TABLE; i++) {
        at = at * 1664525 + 1013904223;
        table[at % TABLE] = i;
        at ^= table[(at >> 7) % TABLE];
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    free(table);
    return (end.tv_sec - begin.tv_sec) * 1000000000ULL + end.tv_nsec - begin.tv_nsec;
}

/*
 * Ends what hangs or loops. No time is fixed: what counts is its own time on a core, and how often
 * it is found to have been neither on a core nor ready for one, which a busy machine asks more slowly.
 */
static void wait_until_ended(pid_t pid)
{
    struct pollfd handle = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    struct times before = { 0, 0 };
    siginfo_t info;
    int asleep = 0;

    if (handle.fd < 0)
        fail("pidfd_open");
    while (poll(&handle, 1, 100) == 0) {
        struct times times = times_of(pid);

        asleep = times.ran == before.ran && times.waited == before.waited ? asleep + 1 : 0;
        if (asleep > ASLEEP || times.ran > COMPUTING)
            kill(-pid, SIGKILL);
        before = times;
    }
    close(handle.fd);
    if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
        fail("waitid");
}

static void run(char *program, int in, char **env)
{
    char *argv[] = { program, NULL };
    int out = memory_file(), err = memory_file(), status;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    struct rusage usage;
    uint64_t begin, end, waited, computed;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    begin = now();
    errno = posix_spawn(&pid, program, &actions, &attributes, argv, env);
    if (errno)
        fail(program);
    wait_until_ended(pid);
    end = now();
    waited = times_of(pid).waited;
    wait4(pid, &status, 0, &usage);
    computed = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
    write_number(end - begin);
    write_number(waited);
    write_number(computed);
    write_number(computed > LONG ? calibrate() : 0);
    write_number(usage.ru_maxrss);
    write_number(status);
    write_file(out);
    write_file(err);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(in), close(out), close(err);
}

int main(void)
{
    static char *env[MAX_BLOCKS];

    for (;;) {
        uint32_t count = read_number();
        if (count < 2 || count >= MAX_BLOCKS)
            errno = EINVAL, fail("job");
        char *program = read_text();
        int in = read_file();
        for (uint32_t i = 2; i < count; i++)
            env[i - 2] = read_text();
        env[count - 2] = NULL;
        run(program, in, env);
        for (char **text = env; *text; text++)
            free(*text);
        free(program);
        fflush(stdout);
    }
}
