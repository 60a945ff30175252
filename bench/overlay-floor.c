/*
 * The floor of vxlan-overlay: only the netlink messages about entries that no overlay can do without,
 * for the peers of overlay.mjs, in datagrams as large as the program's.
 *
 *   overlay-floor make DEVICE COUNT   set all entries of COUNT peers: an fdb entry, two neighbours, two routes
 *   overlay-floor read DEVICE         list routes, neighbours and fdb entries of the device
 *
 * No peers file, no comparison, no device made.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

enum { PEERS_IN_ONE = 26, WEFT = 87, STRICT = 12 /* NETLINK_GET_STRICT_CHK */, SOL = 270 };

static _Alignas(NLMSG_ALIGNTO) char buffer[65536], reply[65536];
static size_t used;
static struct nlmsghdr *current;
static uint32_t device;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void append(const void *data, size_t size)
{
    memset(buffer + used, 0, NLMSG_ALIGN(size));
    memcpy(buffer + used, data, size);
    used += NLMSG_ALIGN(size);
    current->nlmsg_len = (uint32_t)(buffer + used - (char *)current);
}

static void message(uint16_t type, uint16_t flags, const void *head, size_t size)
{
    struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };

    current = (struct nlmsghdr *)(void *)(buffer + used);
    append(&header, sizeof header);
    append(head, size);
}

static void attribute(uint16_t type, const void *data, size_t size)
{
    struct rtattr header = { .rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type };

    append(&header, sizeof header);
    append(data, size);
}

/* Sends what is in the buffer, and reads until its last message is answered. */
static void exchange(int fd)
{
    if (send(fd, buffer, used, 0) < 0)
        fail("send");
    used = 0;
    for (;;) {
        int left = (int)recv(fd, reply, sizeof reply, 0);
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply;

        if (left < 0)
            fail("recv");
        for (; NLMSG_OK(header, (unsigned)left); header = NLMSG_NEXT(header, left)) {
            int error = header->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(header))->error : 0;

            if (error) {
                fprintf(stderr, "netlink: %s\n", strerror(-error));
                exit(1);
            }
            if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE)
                return;
        }
    }
}

static void set_pair(uint8_t family, const void *address, size_t size, const uint8_t *mac)
{
    int is_fdb = family == AF_BRIDGE;
    struct ndmsg head = { .ndm_family = family, .ndm_ifindex = (int)device,
                          .ndm_state = NUD_PERMANENT | (is_fdb ? NUD_NOARP : 0),
                          .ndm_flags = is_fdb ? NTF_SELF : 0 };

    message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    attribute(NDA_DST, address, size);
    attribute(NDA_LLADDR, mac, 6);
}

static void set_route(uint8_t family, const void *address, size_t size, uint8_t length)
{
    struct rtmsg head = { .rtm_family = family, .rtm_dst_len = length, .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = WEFT, .rtm_type = RTN_UNICAST, .rtm_flags = RTNH_F_ONLINK };

    message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    attribute(RTA_DST, address, size);
    attribute(RTA_OIF, &device, sizeof device);
    attribute(RTA_GATEWAY, address, size);
}

static void set_peer(int i)
{
    uint8_t high = (uint8_t)(1 + (i >> 8)), low = (uint8_t)i;
    uint8_t subnet[4] = { 10, high, low, 0 }, host[4] = { 172, 16, high, low };
    uint8_t subnet6[16] = { 0xfd, 0x10, 0, 0, 0, high, 0, low }, mac[6] = { 2, 0, 0, 0, high, low };

    set_pair(AF_BRIDGE, host, sizeof host, mac);
    set_pair(AF_INET, subnet, sizeof subnet, mac);
    set_pair(AF_INET6, subnet6, sizeof subnet6, mac);
    set_route(AF_INET, subnet, sizeof subnet, 24);
    set_route(AF_INET6, subnet6, sizeof subnet6, 64);
}

static void make_all(int fd, int count)
{
    for (int i = 0; i < count; i++) {
        set_peer(i);
        if ((i + 1) % PEERS_IN_ONE && i + 1 < count)
            continue;
        current->nlmsg_flags |= NLM_F_ACK;
        exchange(fd);
    }
}

static void read_all(int fd)
{
    static const uint8_t FAMILIES[] = { AF_INET, AF_INET6, AF_BRIDGE };

    for (int i = 0; i < 3; i++) {
        message(RTM_GETNEIGH, NLM_F_DUMP, &(struct ndmsg){ .ndm_family = FAMILIES[i] }, sizeof(struct ndmsg));
        attribute(NDA_IFINDEX, &device, sizeof device);
        exchange(fd);
    }
    for (int i = 0; i < 2; i++) {
        message(RTM_GETROUTE, NLM_F_DUMP, &(struct rtmsg){ .rtm_family = FAMILIES[i] }, sizeof(struct rtmsg));
        attribute(RTA_OIF, &device, sizeof device);
        exchange(fd);
    }
}

int main(int argc, char **argv)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), yes = 1;

    if (fd < 0 || argc < 3 || !(device = if_nametoindex(argv[2])))
        fail("overlay-floor");
    setsockopt(fd, SOL, STRICT, &yes, sizeof yes);
    if (!strcmp(argv[1], "make"))
        make_all(fd, argc > 3 ? atoi(argv[3]) : 0);
    else
        read_all(fd);
    return 0;
}
