/*
 * Holds a private host (private-host.ts): makes its namespaces and folders, and then runs programs
 * in them, one after another, for as long as its standard input is open. Small, because a process is
 * started faster the less memory the starting one has, and because it is inside already.
 *
 *   keeper BIN PEER LATER-PEER PROGRAMS      the folders that are mounted in the private host
 *
 * The FIFO /run/bed/requests holds jobs: its length, number of words, number of variables, and 1 if it
 * is not waited for (32 bits each), then a text with NUL behind it each: path of a network namespace or
 * nothing, words, variables; the rest is the standard input. The FIFO /run/bed/answers has their ends, in
 * the same order: wait status, length of the standard output and of the standard error (32 bits each), and
 * both. That of the nth job that is not waited for comes to /run/bed/end-n, which is there before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BED "/run/bed"

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* Bytes that grow. */
struct bytes {
    char *at;
    size_t length, room;
};

static char *make_room(struct bytes *bytes, size_t more)
{
    if (bytes->length + more > bytes->room) {
        bytes->room = 2 * (bytes->length + more);
        bytes->at = realloc(bytes->at, bytes->room);
        if (!bytes->at)
            fail("memory");
    }
    return bytes->at + bytes->length;
}

/* What is to be run, and where. */
struct job {
    const char *netns;
    char **words, **variables;
    const char *input;
    size_t input_length;
};

struct ending {
    int status;
    struct bytes out, err;
};

/* Reads what is there; closes the descriptor at its end. */
static void gather(int *fd, struct bytes *bytes)
{
    ssize_t length = read(*fd, make_room(bytes, 1 << 16), 1 << 16);

    if (length > 0)
        bytes->length += length;
    else if (length == 0 || errno != EINTR)
        close(*fd), *fd = -1;
}

/* Writes what there is room for; closes the descriptor when all is written, or nobody reads it. */
static void give(int *fd, struct job *job)
{
    ssize_t length = write(*fd, job->input, job->input_length);

    if (length > 0)
        job->input += length, job->input_length -= length;
    if (job->input_length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
        close(*fd), *fd = -1;
}

/* Until both outputs are closed, or whoever holds the host has gone. */
static void converse(int in, int out, int err, struct job *job, struct ending *ending)
{
    if (job->input_length == 0)
        close(in), in = -1;
    while (out >= 0 || err >= 0) {
        struct pollfd fds[] = {
            { .fd = 0, .events = POLLIN }, { .fd = in, .events = POLLOUT },
            { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN },
        };
        if (poll(fds, 4, -1) < 0)
            continue;
        if (fds[0].revents)
            exit(0);
        if (fds[1].revents)
            give(&in, job);
        if (fds[2].revents)
            gather(&out, &ending->out);
        if (fds[3].revents)
            gather(&err, &ending->err);
    }
    if (in >= 0)
        close(in);
}

static int enter(const char *netns)
{
    int fd = open(netns, O_RDONLY | O_CLOEXEC), failed = fd < 0 || setns(fd, CLONE_NEWNET);

    if (fd >= 0)
        close(fd);
    return failed;
}

static void say(struct ending *ending, const char *what, int error)
{
    ending->status = 1 << 8;
    ending->err.length += sprintf(make_room(&ending->err, strlen(what) + 200),
                                  "keeper: Cannot run %s: %s\n", what, strerror(error));
}

static void run(struct job *job, struct ending *ending)
{
    static const char *own = "/proc/self/ns/net";
    static int home = -1;
    int in[2], out[2], err[2], failed;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t ignored;
    pid_t pid;

    if (home < 0 && (home = open(own, O_RDONLY | O_CLOEXEC)) < 0)
        fail(own);
    if (*job->netns && enter(job->netns)) {
        say(ending, job->netns, errno);
        return;
    }
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        fail("pipe");
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    environ = job->variables; /* its PATH is where the program is looked for */
    failed = posix_spawnp(&pid, job->words[0], &actions, &attributes, job->words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]), close(out[1]), close(err[1]);
    if (*job->netns && setns(home, CLONE_NEWNET))
        fail(own);
    converse(in[1], out[0], err[0], job, ending);
    if (failed)
        say(ending, job->words[0], failed);
    else if (waitpid(pid, &ending->status, 0) < 0)
        fail("waitpid");
}

static void read_all(int fd, void *to, size_t length)
{
    for (char *at = to; length > 0;) {
        ssize_t some = read(fd, at, length);
        if (some <= 0 && errno != EINTR)
            fail("requests");
        if (some > 0)
            at += some, length -= some;
    }
}

static void write_all(int fd, const void *from, size_t length)
{
    for (const char *at = from; length > 0;) {
        ssize_t some = write(fd, at, length);
        if (some < 0 && errno != EINTR)
            fail("answers");
        if (some > 0)
            at += some, length -= some;
    }
}

/* So many texts, each with NUL behind it. */
static char **texts(char **at, uint32_t count)
{
    char **all = calloc(count + 1, sizeof *all);

    if (!all)
        fail("memory");
    for (uint32_t i = 0; i < count; i++)
        all[i] = *at, *at += strlen(*at) + 1;
    return all;
}

static int make_fifo(const char *path)
{
    int fd;

    if (mkfifo(path, 0600) || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
        fail(path);
    return fd;
}

static void answer(int answers, const struct ending *ending)
{
    uint32_t end[3] = { ending->status, ending->out.length, ending->err.length };

    write_all(answers, end, sizeof end);
    write_all(answers, ending->out.at, ending->out.length);
    write_all(answers, ending->err.at, ending->err.length);
}

/* Where the end of the nth job that is not waited for comes to. */
static const char *end_path(unsigned n)
{
    static char path[64];

    sprintf(path, BED "/end-%u", n);
    return path;
}

/* Runs a job in a process of its own, which reports to whoever has opened its FIFO. */
static void run_apart(struct job *job, int requests, int answers)
{
    static unsigned count = 1;
    struct ending ending = { 0 };
    pid_t pid = fork();
    int fd;

    if (pid < 0)
        fail("fork");
    if (pid > 0) {
        close(make_fifo(end_path(++count)));
        answer(answers, &ending);
        return;
    }
    close(requests), close(answers);
    if ((fd = open(end_path(count), O_WRONLY | O_CLOEXEC)) < 0)
        fail("end");
    run(job, &ending);
    answer(fd, &ending);
    _exit(0);
}

static void serve(int requests, int answers)
{
    struct ending ending = { 0 };
    uint32_t head[4];
    char *bytes, *at;

    read_all(requests, head, sizeof head);
    at = bytes = malloc((size_t)head[0] + 1);
    if (!bytes)
        fail("memory");
    read_all(requests, bytes, head[0]);
    bytes[head[0]] = 0;
    struct job job = { .netns = *texts(&at, 1) };
    job.words = texts(&at, head[1]);
    job.variables = texts(&at, head[2]);
    job.input = at;
    job.input_length = bytes + head[0] - at;
    if (head[3]) {
        run_apart(&job, requests, answers);
    } else {
        run(&job, &ending);
        answer(answers, &ending);
    }
    free(job.words), free(job.variables), free(bytes);
    free(ending.out.at), free(ending.err.at);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) && errno != EEXIST)
        fail(path);
}

static void mount_fresh(const char *kind, const char *path, const char *options)
{
    if (mount("bed", path, kind, 0, options))
        fail(path);
}

/* A folder that was opened before what lies over it was mounted. */
static void mount_folder(int fd, const char *path)
{
    char from[32];

    sprintf(from, "/proc/self/fd/%d", fd);
    make_folder(path);
    if (mount(from, path, NULL, MS_BIND, NULL) ||
        mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
        fail(path);
    close(fd);
}

static void make_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        fail(path);
    write_all(fd, text, strlen(text));
    close(fd);
}

static void make_files(char **folders)
{
    static const char *places[] = { BED "/bin", BED "/peer", BED "/later-peer", BED "/programs" };
    int fds[4];

    if (unshare(CLONE_NEWNS | CLONE_NEWNET) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        fail("namespaces");
    for (int i = 0; i < 4; i++)
        if ((fds[i] = open(folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
            fail(folders[i]);
    mount_fresh("tmpfs", "/run", "mode=0755");
    mount_fresh("sysfs", "/sys", NULL);
    mount_fresh("tmpfs", "/var/lib", "mode=0755");
    mount_fresh("tmpfs", "/tmp", "mode=1777");
    make_folder(BED);
    for (int i = 0; i < 4; i++)
        mount_folder(fds[i], places[i]);
    make_folder(BED "/fakes");
    make_folder("/run/mount"); /* as mount(8) does, when it is run for the first time */
    make_folder("/run/flannel");
    make_file("/run/flannel/subnet.env", "FLANNEL_NETWORK=10.1.0.0/16\n"
                                         "FLANNEL_SUBNET=10.1.2.1/24\n"
                                         "FLANNEL_MTU=1450\n"
                                         "FLANNEL_IPMASQ=true\n");
}

/* The loopback is up, and there is an uplink to nowhere. */
static void make_links(void)
{
    char *words[] = { BED "/programs/listed/ip", "-batch", "-", NULL };
    static const char batch[] = "link set lo up\n"
                                "link add uplink0 type bridge\n"
                                "address add 198.51.100.1/24 dev uplink0\n"
                                "link set uplink0 up\n";
    struct job job = { "", words, environ, batch, sizeof batch - 1 };
    struct ending ending = { 0 };

    run(&job, &ending);
    write_all(2, ending.err.at, ending.err.length);
    if (ending.status)
        exit(2);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        errno = EINVAL, fail("keeper");
    signal(SIGPIPE, SIG_IGN);
    make_files(argv + 1);
    make_links();
    if (chdir("/"))
        fail("/");
    close(make_fifo(end_path(1)));
    int answers = make_fifo(BED "/answers"), requests = make_fifo(BED "/requests");

    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        struct pollfd fds[] = { { .fd = 0, .events = POLLIN }, { .fd = requests, .events = POLLIN } };
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents)
            return 0;
        serve(requests, answers);
    }
}
