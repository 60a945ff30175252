/*
 * Prints a whole private host (snapshot.ts): its own namespace and those in /run/netns, each behind
 * `@@@ NAME`, in sections of JSON or text behind lines that begin with `@@`. Of a batch each command
 * prints one line.
 *
 * The system's own tools look. It runs thousands of times: so it starts no shell, and asks the kernel first
 * whether a tool would have anything to tell. What the kernel does not answer, the tool is asked.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAMS "/run/bed/programs/listed/"
#define SYSCTLS "/proc/sys/net/"
#define MAX_WORDS 12
#define MAX_QUEUEING 4096

extern char **environ;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void print(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t some = write(1, text, length);
        if (some < 0 && errno != EINTR)
            fail("output");
        if (some > 0)
            text += some, length -= some;
    }
}

/* Runs a program by its words, with a text as its standard input. */
static void tool(const char *input, const char *words)
{
    char text[256], path[300], *argv[MAX_WORDS], **word = argv;
    int in[2], status;
    posix_spawn_file_actions_t actions;
    pid_t pid;

    snprintf(text, sizeof text, "%s", words);
    for (*word = strtok(text, " "); *word; *word = strtok(NULL, " "))
        word++;
    snprintf(path, sizeof path, PROGRAMS "%s", argv[0]);
    if (pipe2(in, O_CLOEXEC) || write(in[1], input, strlen(input)) < 0)
        fail("pipe");
    close(in[1]);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    errno = posix_spawn(&pid, path, &actions, NULL, argv, environ);
    if (errno)
        fail(path);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    if (waitpid(pid, &status, 0) < 0)
        fail("waitpid");
}

static void section(const char *title, const char *input, const char *words)
{
    dprintf(1, "\n@@ %s\n", title);
    tool(input, words);
}

/* ---- what the kernel has ---- */

/* Calls `each` with every message of a dump, until it returns true: 1 if one did, 0 if none, -1 if the kernel refuses. */
static int any(int protocol, struct nlmsghdr *request, int (*each)(struct nlmsghdr *))
{
    static char answer[1 << 16];
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), found = 0;

    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    if (fd < 0 || send(fd, request, request->nlmsg_len, 0) < 0)
        found = -1;
    for (int ended = found; !ended;) {
        ssize_t length = recv(fd, answer, sizeof answer, 0);
        struct nlmsghdr *head = (struct nlmsghdr *)answer;
        if (length <= 0)
            found = -1, ended = 1;
        for (; !ended && NLMSG_OK(head, length); head = NLMSG_NEXT(head, length)) {
            ended = head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR;
            if (head->nlmsg_type == NLMSG_ERROR)
                found = -1;
            else if (!ended)
                ended = found = each(head);
        }
    }
    if (fd >= 0)
        close(fd);
    return found;
}

static void *attribute(struct nlmsghdr *head, size_t before, int type)
{
    struct rtattr *at = (void *)((char *)NLMSG_DATA(head) + NLMSG_ALIGN(before));
    int length = head->nlmsg_len - NLMSG_SPACE(before);

    for (; RTA_OK(at, length); at = RTA_NEXT(at, length))
        if (at->rta_type == type)
            return RTA_DATA(at);
    return NULL;
}

static int always(struct nlmsghdr *head)
{
    return head != NULL;
}

static int has_nft(void)
{
    struct {
        struct nlmsghdr head;
        struct nfgenmsg body;
    } request = { { .nlmsg_len = sizeof request,
                    .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE },
                  { 0 } };

    return any(NETLINK_NETFILTER, &request.head, always) != 0;
}

/* An entry of anything but a group: those the kernel keeps itself, and nobody compares them. */
static int is_told(struct nlmsghdr *head)
{
    static const char *groups[] = { "\x33\x33", "\x01\x00\x5e", "\x01\x80\xc2" };
    const char *mac = attribute(head, sizeof(struct ndmsg), NDA_LLADDR);

    for (int i = 0; mac && i < 3; i++)
        if (memcmp(mac, groups[i], i ? 3 : 2) == 0)
            return 0;
    return 1;
}

static int has_fdb(void)
{
    struct {
        struct nlmsghdr head;
        struct ndmsg body;
    } request = { { .nlmsg_len = sizeof request, .nlmsg_type = RTM_GETNEIGH },
                  { .ndm_family = AF_BRIDGE } };

    return any(NETLINK_ROUTE, &request.head, is_told) != 0;
}

/* The links that have queueing disciplines, each once. */
static int queueing[MAX_QUEUEING], queueing_count;

static int note_queueing(struct nlmsghdr *head)
{
    struct tcmsg *body = NLMSG_DATA(head);
    const char *kind = attribute(head, sizeof *body, TCA_KIND);

    if (kind && strcmp(kind, "noqueue") == 0)
        return 0;
    for (int i = 0; i < queueing_count; i++)
        if (queueing[i] == body->tcm_ifindex)
            return 0;
    if (queueing_count == MAX_QUEUEING)
        errno = ENOSPC, fail("links");
    queueing[queueing_count++] = body->tcm_ifindex;
    return 0;
}

/* ---- sections ---- */

static void print_queueing(void)
{
    struct {
        struct nlmsghdr head;
        struct tcmsg body;
    } request = { { .nlmsg_len = sizeof request, .nlmsg_type = RTM_GETQDISC }, { 0 } };
    static const char *places[] = { "", "ingress", "egress" };
    char title[64], words[128], name[IF_NAMESIZE];

    queueing_count = 0;
    if (any(NETLINK_ROUTE, &request.head, note_queueing) < 0)
        fail("qdiscs");
    if (queueing_count == 0)
        return;
    section("qdiscs", "", "tc -json qdisc show");
    for (int i = 0; i < queueing_count; i++)
        for (int j = 0; j < 3 && if_indextoname(queueing[i], name); j++) {
            snprintf(title, sizeof title, "filters %s %s", name, places[j]);
            snprintf(words, sizeof words, "tc -json filter show dev %s %s", name, places[j]);
            section(title, "", words);
        }
}

static void print_sysctl(const char *name)
{
    char path[512], line[1024];
    int length = snprintf(line, sizeof line, "%s:", name), fd;
    ssize_t some;

    snprintf(path, sizeof path, SYSCTLS "%s", name);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return;
    some = read(fd, line + length, sizeof line - length);
    close(fd);
    if (some > 1)
        print(line, length + some);
}

static void print_sysctls_of_links(const char *family, const char *names)
{
    char folder[64], text[256], name[512];
    DIR *links;

    snprintf(folder, sizeof folder, SYSCTLS "%s/conf", family);
    if (!(links = opendir(folder)))
        return;
    for (struct dirent *link; (link = readdir(links));) {
        if (link->d_name[0] == '.')
            continue;
        snprintf(text, sizeof text, "%s", names);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
            snprintf(name, sizeof name, "%s/conf/%s/%s", family, link->d_name, word);
            print_sysctl(name);
        }
    }
    closedir(links);
}

static void print_iptables(const char *family)
{
    char path[64], title[64], words[64], byte;
    int fd;

    snprintf(path, sizeof path, "/proc/net/%s_tables_names", family);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return;
    if (read(fd, &byte, 1) == 1) {
        snprintf(title, sizeof title, "iptables %s", family);
        snprintf(words, sizeof words, "%stables-legacy-save", family);
        section(title, "", words);
    }
    close(fd);
}

static void observe(void)
{
    static const char *routes = "route show table all\nrule show\n";

    section("links", "address show\nneighbour show nud permanent\n", "ip -json -details -batch -");
    section("routes4", routes, "ip -json -details -4 -batch -");
    section("routes6", routes, "ip -json -details -6 -batch -");
    if (has_fdb())
        section("fdb", "", "bridge -json fdb show");
    print_queueing();
    if (has_nft())
        section("nft", "", "nft -json list ruleset");
    dprintf(1, "\n@@ sysctls\n");
    print_sysctl("ipv4/ip_forward");
    print_sysctls_of_links("ipv4", "route_localnet arp_notify forwarding proxy_arp rp_filter");
    print_sysctls_of_links("ipv6", "accept_ra disable_ipv6 forwarding accept_dad enhanced_dad "
                                   "keep_addr_on_down addr_gen_mode");
    print_iptables("ip");
    print_iptables("ip6");
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(void)
{
    struct dirent **names = NULL;
    int count = scandir("/run/netns", &names, is_name, alphasort);

    dprintf(1, "@@@ host\n");
    observe();
    for (int i = 0; i < count; i++) {
        char path[512];
        int fd;

        snprintf(path, sizeof path, "/run/netns/%s", names[i]->d_name);
        dprintf(1, "\n@@@ %s\n", names[i]->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0)
            observe();
        if (fd >= 0)
            close(fd);
    }
    return 0;
}
