// SPDX-License-Identifier: MIT
/*
 * A line for each tcp_probe event, from a ring buffer of tests/bench/compiled_peer.py: what a small
 * compiled program on libbpf does, which is woken where it has read everything.
 *
 * compiled_peer DESCRIPTOR BYTES
 */

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUSY	(1U << 31) /* BPF_RINGBUF_BUSY_BIT */
#define DISCARD (1U << 30)
#define HEADER	8

/* As the program of compiled_peer.py writes it. */
struct event {
	uint64_t ts_ns, cookie;
	uint8_t saddr[28], daddr[28];
	uint32_t snd_nxt, snd_una, snd_cwnd, ssthresh, snd_wnd, srtt, rcv_wnd;
	uint16_t sport, dport, family, data_len;
};

static const char *text(const uint8_t *sockaddr, uint16_t family, char *into)
{
	const void *address = sockaddr + (family == AF_INET ? 4 : 8);

	return inet_ntop(family, address, into, INET6_ADDRSTRLEN);
}

static void tell(const struct event *event)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];

	printf("%.3f| %s.%u > %s.%u | snd_nxt %u snd_una %u snd_cwnd %u ssthresh %u snd_wnd %u srtt %u"
	       " rcv_wnd %u sock_cookie %llu length %u\n",
	       event->ts_ns / 1e6, text(event->saddr, event->family, local), event->sport,
	       text(event->daddr, event->family, remote), event->dport, event->snd_nxt,
	       event->snd_una, event->snd_cwnd, event->ssthresh, event->snd_wnd, event->srtt,
	       event->rcv_wnd, (unsigned long long)event->cookie, event->data_len);
}

int main(int argc, char **argv)
{
	int ring = argc > 2 ? atoi(argv[1]) : -1, poll = epoll_create1(0);
	size_t size = argc > 2 ? strtoul(argv[2], 0, 10) : 0, page = getpagesize();
	struct epoll_event ready = {.events = EPOLLIN};
	unsigned long *consumer, *producer, at;
	char *data;

	consumer = mmap(0, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	producer = mmap(0, page + 2 * size, PROT_READ, MAP_SHARED, ring, page);
	if (consumer == MAP_FAILED || producer == MAP_FAILED ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, ring, &ready))
		return 1;
	data = (char *)producer + page;
	for (at = *consumer; epoll_wait(poll, &ready, 1, -1) >= 0;) {
		while (at < __atomic_load_n(producer, __ATOMIC_ACQUIRE)) {
			char *record = data + (at & (size - 1));
			uint32_t length = __atomic_load_n((uint32_t *)record, __ATOMIC_ACQUIRE);

			if (length & BUSY)
				break;
			if (!(length & DISCARD))
				tell((struct event *)(record + HEADER));
			at += ((length & ~DISCARD) + HEADER + 7) & ~7UL;
			__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
		}
	}
	return 0;
}
