/*
 * The memory of an engine that is ready to run, made so that runs write to few of its pages: each
 * page that is written has to be copied, and most are written only because references are counted.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"

enum { PAGE = 4096, MOST = 4096 }; /* free blocks of one size */

static struct {
    int (*function)(struct roots *);
    struct roots *roots;
    int result;
} call;

static void handle(int signal)
{
    (void)signal;
    call.result = call.function(call.roots);
}

int on_fixed_stack(int (*function)(struct roots *), struct roots *roots)
{
    enum { BASE = 0x30000000, SIZE = 2 * STACK_LIMIT };
    void *memory = mmap((void *)BASE, SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    stack_t stack = { .ss_sp = memory, .ss_size = SIZE };
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

    call.function = function;
    call.roots = roots;
    if (memory == MAP_FAILED || sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
        return 1;
    raise(SIGUSR1);
    return call.result;
}

static uintptr_t page_of(const void *pointer)
{
    return (uintptr_t)pointer / PAGE;
}

/* The page in which most of the blocks are. */
static uintptr_t fullest_page(void *const *blocks, size_t count)
{
    size_t most = 0;
    uintptr_t page = 0;

    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        for (size_t j = 0; j < count; j++)
            same += page_of(blocks[j]) == page_of(blocks[i]);
        if (same > most)
            most = same, page = page_of(blocks[i]);
    }
    return page;
}

/*
 * Leaves free blocks of a size in one page only. What a run needs first lies side by side then; it
 * would be scattered over all pages in which something has been freed while code was loaded. The
 * other free blocks are never used: they would be in the image all the same.
 */
static void gather_free(JSRuntime *runtime, size_t size)
{
    static void *blocks[MOST];
    size_t count = 0, pages = arena_pages();
    uintptr_t page;

    while (count < MOST && (blocks[count] = js_malloc_rt(runtime, size)) && arena_pages() == pages)
        memset(blocks[count++], 0, size);
    js_free_rt(runtime, count < MOST ? blocks[count] : NULL); /* in a page of its own */
    page = fullest_page(blocks, count);
    for (size_t i = 0; i < count; i++)
        if (page_of(blocks[i]) == page)
            js_free_rt(runtime, blocks[i]);
}

int write_snapshot(JSRuntime *runtime)
{
    enum { STEP = 8, LARGEST = 504 }; /* of what the engine cuts out of pages */
    size_t size;

    JS_RunGC(runtime);
    for (size = LARGEST; size > 0; size -= STEP)
        gather_free(runtime, size);
    size = arena_trim();
    if (!size)
        fputs("weft: no snapshot: a block that is kept is too big (native/arena.c: BIG)\n", stderr);
    return fwrite((void *)ARENA_BASE, size, 1, stdout) != 1 || fflush(stdout);
}
