/*
 * The engine's memory: one region at a fixed address, a bump pointer, a free list per size class.
 *
 * A plugin lives for a few milliseconds, so memory is never given back to the kernel; what is freed
 * is reused. Compared with the C library's allocator this saves some forty system calls a run.
 *
 * The engine cuts small blocks out of pages that it asks for one by one. They are whole pages here,
 * without a head: a page that is written for the first time costs the kernel two microseconds,
 * so no block of the engine's should lie on two. A pointer to the start of a page is such a page.
 *
 * Because the address is fixed, the build can keep what is in the region once everything is loaded
 * (the snapshot), and link it back into the image at the very same place: see main.c.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "host.h"

enum {
    UNIT = 16,    /* sizes are rounded to this, and so aligned */
    SMALL = 1024, /* one class per UNIT up to here, four per power of two above */
    PER_POWER = 4,
    CLASSES = SMALL / UNIT + PER_POWER * 20,
    PAGE = 4096,
    PAGES = 16, /* so many are set apart at once */
};

/* Before every block; a free block holds the link to the next one of its class. */
struct block {
    size_t size;
    union {
        struct block *next;
        char pad[8];
    };
};

/* The beginning of the region: what has to be known of the rest. */
struct arena {
    struct roots roots;
    char *top;
    char *page, *pages_end; /* whole pages set apart */
    void *free_page;        /* the first of a list; each holds the link to the next */
    struct block *free_blocks[CLASSES];
};

static struct arena *const arena = (struct arena *)ARENA_BASE;
static char *const arena_end = (char *)ARENA_BASE + ARENA_SIZE;

/* The class of a size, and the size rounded up to what the class holds. */
static int class_of(size_t *size)
{
    size_t step = SMALL / PER_POWER / 2;
    int power = -1;

    if (*size <= SMALL) {
        *size = (*size + UNIT - 1) & ~(size_t)(UNIT - 1);
        return *size / UNIT;
    }
    while (*size > 2 * PER_POWER * step)
        step *= 2, power++;
    *size = (*size + step - 1) & ~(step - 1);
    return SMALL / UNIT + PER_POWER * power + (int)(*size / step) - PER_POWER;
}

static struct block *block_of(const void *pointer)
{
    return (struct block *)pointer - 1;
}

static int is_page(const void *pointer)
{
    return ((uintptr_t)pointer & (PAGE - 1)) == 0;
}

static char *page_after(const char *address)
{
    return (char *)(((uintptr_t)address + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

static size_t arena_usable_size(const void *pointer)
{
    return !pointer ? 0 : is_page(pointer) ? PAGE : block_of(pointer)->size;
}

static void *take_page(void)
{
    char *page = arena->free_page;

    if (page) {
        arena->free_page = *(void **)page;
        return page;
    }
    if (arena->page == arena->pages_end) {
        page = page_after(arena->top);
        if (arena_end - page < PAGES * PAGE)
            return NULL;
        arena->page = page;
        arena->top = arena->pages_end = page + PAGES * PAGE;
    }
    page = arena->page;
    arena->page += PAGE;
    return page;
}

static void *take_block(int class, size_t size)
{
    struct block *block = arena->free_blocks[class];

    if (block) {
        arena->free_blocks[class] = block->next;
        return block + 1;
    }
    block = (struct block *)(void *)arena->top;
    if (is_page(block + 1))
        block++;
    if (arena_end - (char *)(block + 1) < (ptrdiff_t)size)
        return NULL;
    block->size = size;
    arena->top = (char *)(block + 1) + size;
    return block + 1;
}

static void *arena_malloc(JSMallocState *state, size_t size)
{
    void *pointer;
    int class;

    if (size == 0 || size > ARENA_SIZE)
        return NULL;
    class = class_of(&size);
    pointer = size == PAGE ? take_page() : take_block(class, size);
    if (pointer) {
        state->malloc_count++;
        state->malloc_size += size;
    }
    return pointer;
}

static void arena_free(JSMallocState *state, void *pointer)
{
    struct block *block;
    size_t size = arena_usable_size(pointer);
    int class;

    if (!pointer)
        return;
    if (is_page(pointer)) {
        *(void **)pointer = arena->free_page;
        arena->free_page = pointer;
    } else {
        block = block_of(pointer);
        class = class_of(&size);
        block->next = arena->free_blocks[class];
        arena->free_blocks[class] = block;
    }
    state->malloc_count--;
    state->malloc_size -= size;
}

static void *arena_realloc(JSMallocState *state, void *pointer, size_t size)
{
    void *moved;

    if (!pointer)
        return arena_malloc(state, size);
    if (size == 0)
        return arena_free(state, pointer), NULL;
    if (size <= arena_usable_size(pointer))
        return pointer;
    moved = arena_malloc(state, size);
    if (moved) {
        memcpy(moved, pointer, arena_usable_size(pointer));
        arena_free(state, pointer);
    }
    return moved;
}

const JSMallocFunctions arena_functions = { arena_malloc, arena_free, arena_realloc,
                                            arena_usable_size };

/* The image holds the region up to its top, or one empty page; the rest is asked for here. */
struct roots *arena_open(void)
{
    char *rest = arena->top ? page_after(arena->top) : (char *)ARENA_BASE + PAGE;

    if (mmap(rest, arena_end - rest, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return NULL;
    if (!arena->top)
        arena->top = (char *)(((uintptr_t)(arena + 1) + UNIT - 1) & ~(uintptr_t)(UNIT - 1));
    return &arena->roots;
}

/* Pages that were set apart last, and not taken, are given back before. */
size_t arena_used(void)
{
    if (arena->pages_end == arena->top)
        arena->top = arena->pages_end = arena->page;
    return page_after(arena->top) - (char *)ARENA_BASE;
}
