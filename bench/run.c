/*
 * Runs programs and measures each from before it is started until it has been waited for.
 *
 * Small and static on purpose: the kernel counts the memory of the starting process as the first
 * peak of the started one, and a large process starts others slowly.
 *
 * The plan comes on stdin, one line each, fields separated by tabs:
 *   job   netns  stdin-file  output-file  program  [word ...]  NAME=value ...
 *   group N                                                        the next N jobs at once
 * and the answer on stdout, in the same order:
 *   job   nanoseconds  peak-memory-in-KB  page-faults  exit-status
 *   group nanoseconds                                              after its jobs
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_JOBS = 256, MAX_FIELDS = 32 };

struct job {
    char *line, *fields[MAX_FIELDS], *words[MAX_FIELDS], **environment;
    posix_spawn_file_actions_t actions;
    int input, output, netns;
    pid_t pid;
    long long start, end;
    long peak, faults;
    int status;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int must_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd < 0)
        fail(path);
    return fd;
}

/* Splits the line, and does everything that can be done before the clock runs. */
static void prepare(struct job *job, const char *line)
{
    int count = 0;

    job->line = strdup(line);
    for (char *field = strtok(job->line, "\t\n"); field; field = strtok(NULL, "\t\n")) {
        if (count == MAX_FIELDS - 1)
            errno = E2BIG, fail("plan");
        job->fields[count++] = field;
    }
    if (count < 5 || strcmp(job->fields[0], "job"))
        errno = EINVAL, fail("plan");
    job->fields[count] = NULL;
    job->environment = job->fields + 4;
    for (char **word = job->words; *job->environment && !strchr(*job->environment, '=');)
        *word++ = *job->environment++;
    job->netns = must_open(job->fields[1], O_RDONLY);
    job->input = must_open(job->fields[2], O_RDONLY);
    job->output = must_open(job->fields[3], O_WRONLY | O_CREAT | O_TRUNC);
    posix_spawn_file_actions_init(&job->actions);
    posix_spawn_file_actions_adddup2(&job->actions, job->input, 0);
    posix_spawn_file_actions_adddup2(&job->actions, job->output, 1);
    posix_spawn_file_actions_adddup2(&job->actions, job->output, 2);
}

static void start(struct job *job)
{
    char **words = job->words;

    job->start = now();
    errno = posix_spawn(&job->pid, words[0], &job->actions, NULL, words, job->environment);
    if (errno)
        fail(words[0]);
}

/* Waits for any one of the jobs. */
static void finish(struct job *jobs, int count)
{
    struct rusage usage;
    int status;
    pid_t pid = wait4(-1, &status, 0, &usage);
    long long end = now();

    if (pid < 0)
        fail("wait4");
    for (int i = 0; i < count; i++) {
        if (jobs[i].pid != pid)
            continue;
        jobs[i].end = end;
        jobs[i].peak = usage.ru_maxrss;
        jobs[i].faults = usage.ru_minflt + usage.ru_majflt;
        jobs[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static void release(struct job *job)
{
    posix_spawn_file_actions_destroy(&job->actions);
    close(job->input);
    close(job->output);
    close(job->netns);
    free(job->line);
}

static void run(struct job *jobs, int count)
{
    long long begin;

    if (setns(jobs[0].netns, CLONE_NEWNET)) /* a group shares the namespace of its first job */
        fail("setns");
    begin = now();
    for (int i = 0; i < count; i++)
        start(&jobs[i]);
    for (int i = 0; i < count; i++)
        finish(jobs, count);
    long long duration = now() - begin;
    for (int i = 0; i < count; i++) {
        printf("job\t%lld\t%ld\t%ld\t%d\n", jobs[i].end - jobs[i].start, jobs[i].peak,
               jobs[i].faults, jobs[i].status);
        release(&jobs[i]);
    }
    if (count > 1)
        printf("group\t%lld\n", duration);
}

int main(void)
{
    static struct job jobs[MAX_JOBS];
    char *line = NULL;
    size_t size = 0;
    int wanted = 1, count = 0;

    while (getline(&line, &size, stdin) > 0) {
        if (sscanf(line, "group\t%d", &wanted) == 1) {
            if (wanted < 2 || wanted > MAX_JOBS)
                errno = E2BIG, fail("group");
            continue;
        }
        prepare(&jobs[count++], line);
        if (count < wanted)
            continue;
        run(jobs, count);
        count = 0;
        wanted = 1;
    }
    return 0;
}
