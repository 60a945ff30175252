/*
 * The snapshot in one huge page instead of 460 small ones.
 *
 * A run writes to 180 pages of the snapshot, to most of them only because the engine counts
 * references. Each costs the kernel three microseconds: a fault, a page, a copy, and giving it
 * back. To read all of the snapshot into one huge page costs half of that together, and the
 * processor finds its way in one page faster. The small pages stay for whoever cannot have a huge
 * one, and for commands too short to gain: nothing but the time depends on it.
 *
 * A kernel that has no huge page left makes one by moving what is in the way, which may take long.
 * So a huge page is asked for only if there are plenty.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"

enum {
    PAGE = 4096,
    HUGE_ORDER = 9, /* a huge page is so many times two small pages */
    HUGE_PAGE = PAGE << HUGE_ORDER,
    PLENTY = 64, /* huge pages that must be free */
};

/* Where it is filled: nothing else is mapped there. */
static char *const aside = (char *)0x40000000;

static int is_long_command(void)
{
    const char *command = getenv("CNI_COMMAND");

    return command && (!strcmp(command, "ADD") || !strcmp(command, "DEL") ||
                       !strcmp(command, "CHECK") || !strcmp(command, "GC"));
}

/* How many huge pages a zone has free: "Node 0, zone Normal", then blocks of 1, 2, 4, … pages. */
static unsigned long free_in_zone(const char *line)
{
    unsigned long huge = 0, count;
    const char *at = strstr(line, "zone");
    char *end;

    if (!at)
        return 0;
    at += strlen("zone");
    at += strspn(at, " ");
    at += strcspn(at, " \n");
    for (int order = 0; *(at += strspn(at, " ")) >= '0' && *at <= '9'; order++, at = end) {
        count = strtoul(at, &end, 10);
        if (order >= HUGE_ORDER)
            huge += count << (order - HUGE_ORDER);
    }
    return huge;
}

/* proc(5): /proc/buddyinfo has a line for each zone. */
static int are_plenty_free(void)
{
    char text[4096];
    int fd = open("/proc/buddyinfo", O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    unsigned long huge = 0;

    if (fd >= 0)
        close(fd);
    text[length < 0 ? 0 : length] = 0;
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        huge += free_in_zone(line);
    return huge >= PLENTY;
}

/* Where the snapshot is in the file of this image; 0 if it is in none. */
static off_t offset_in_image(void)
{
    const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);

    for (size_t n = header ? getauxval(AT_PHNUM) : 0; n > 0; n--, header++)
        if (header->p_type == PT_LOAD && header->p_vaddr == ARENA_BASE)
            return (off_t)header->p_offset;
    return 0;
}

/* Reads the snapshot into the page aside; false unless that is a huge one. */
static int fill(size_t size)
{
    unsigned char present[HUGE_PAGE / PAGE] = { 0 };
    off_t offset = offset_in_image();
    ssize_t length = -1;
    int fd;

    madvise(aside, HUGE_PAGE, MADV_HUGEPAGE);
    *(volatile char *)aside = 0;
    if (!offset || mincore(aside, HUGE_PAGE, present) || !(present[HUGE_PAGE / PAGE - 1] & 1))
        return 0;
    fd = open("/proc/self/exe", O_RDONLY);
    if (fd >= 0) {
        length = pread(fd, aside, size, offset);
        close(fd);
    }
    return length == (ssize_t)size;
}

void use_huge_page(size_t size)
{
    const int protection = PROT_READ | PROT_WRITE;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    const int move = MREMAP_MAYMOVE | MREMAP_FIXED;

    if (size > HUGE_PAGE || !is_long_command() || !are_plenty_free() ||
        mmap(aside, HUGE_PAGE, protection, flags, -1, 0) != aside)
        return;
    if (!fill(size) ||
        mremap(aside, HUGE_PAGE, HUGE_PAGE, move, (void *)ARENA_BASE) == MAP_FAILED)
        munmap(aside, HUGE_PAGE);
}
