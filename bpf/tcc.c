// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What congestion control does to every TCP socket, as fixed-size records in one ring buffer.
 *
 * BCC dialect: the tracepoints' structs come from tracefs at run time, so fields are bound by name
 * and their offsets may differ between kernels. What a kernel lacks is switched off by -D flags,
 * which tcctui/sources/tracepoints.py derives from the format files:
 *
 *   TCC_RING_PAGES            size of the ring buffer, a power of two
 *   TCC_PROBE_HAS_FAMILY      tcp_probe has `family` (else the sockaddr's own is taken)
 *   TCC_PROBE_HAS_SKADDR      tcp_probe has `skaddr`
 *   TCC_NO_DESTROY            there is no tcp_destroy_sock with a cookie
 *   TCC_NO_STATE              there is no inet_sock_set_state
 */

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

#define MAX_PORTS    8
#define MAX_PREFIXES 8

enum event_kind {
	EVENT_PROBE = 0,
	EVENT_STATE = 1,
	EVENT_DESTROY = 2,
	EVENT_KINDS,
};

/* IPv6, or IPv4 as ::ffff:a.b.c.d, in network byte order. */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

/* The wire format; tcctui/events.py describes the same bytes as a numpy dtype. */
struct event {
	__u64 ts_ns; /* CLOCK_MONOTONIC */
	__u64 sock_cookie; /* 0 where the tracepoint has none */
	__u64 skaddr; /* 0 where the tracepoint has none */
	union address saddr;
	union address daddr;
	__u32 mark;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 snd_cwnd; /* segments */
	__u32 ssthresh; /* segments */
	__u32 snd_wnd; /* bytes */
	__u32 srtt; /* microseconds */
	__u32 rcv_wnd; /* bytes */
	__u16 sport; /* host byte order */
	__u16 dport;
	__u16 family;
	__u16 data_len; /* bytes */
	__u8 kind;
	__u8 oldstate;
	__u8 newstate;
	__u8 reserved[5];
};

struct prefix {
	__u64 address[2];
	__u64 mask[2];
};

/* A flow passes if one end has one of the ports and one end is in one of the prefixes; an empty
 * list lets everything through.
 */
struct filter {
	__u32 n_ports;
	__u32 n_prefixes;
	__u16 ports[MAX_PORTS];
	struct prefix prefixes[MAX_PREFIXES];
};

BPF_RINGBUF_OUTPUT(events, TCC_RING_PAGES);

/* Records that found no room, by kind. */
BPF_PERCPU_ARRAY(lost, __u64, EVENT_KINDS);

/* Two filters, of which `active` names the one in force: a new one is written whole before it
 * counts. Until the first one is (0), nothing passes.
 */
BPF_ARRAY(filters, struct filter, 2);
BPF_ARRAY(active, __u32, 1);

static inline int in_prefix(const struct prefix *prefix, const union address *address)
{
	return (address->halves[0] & prefix->mask[0]) == prefix->address[0] &&
	       (address->halves[1] & prefix->mask[1]) == prefix->address[1];
}

static inline int passes(const union address *saddr, const union address *daddr, __u16 sport,
			 __u16 dport)
{
	int zero = 0, matched, i;
	__u32 *slot = active.lookup(&zero);
	struct filter *filter;

	if (!slot || !*slot)
		return 0;
	i = *slot & 1;
	filter = filters.lookup(&i);
	if (!filter)
		return 0;

	if (filter->n_ports) {
		matched = 0;
#pragma unroll
		for (i = 0; i < MAX_PORTS; i++)
			if (i < filter->n_ports &&
			    (filter->ports[i] == sport || filter->ports[i] == dport))
				matched = 1;
		if (!matched)
			return 0;
	}

	if (filter->n_prefixes) {
		matched = 0;
#pragma unroll
		for (i = 0; i < MAX_PREFIXES; i++)
			if (i < filter->n_prefixes && (in_prefix(&filter->prefixes[i], saddr) ||
						       in_prefix(&filter->prefixes[i], daddr)))
				matched = 1;
		if (!matched)
			return 0;
	}

	return 1;
}

static inline struct event *reserve(int kind)
{
	struct event *event = events.ringbuf_reserve(sizeof(struct event));
	__u64 *count;

	if (!event) {
		count = lost.lookup(&kind);
		if (count)
			(*count)++;
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->ts_ns = bpf_ktime_get_ns();
	event->kind = kind;
	return event;
}

/*
 * A sockaddr's address, from the tracepoint's bytes: IPv4 stands at 4, IPv6 at 8. A macro, since a
 * function can't take the struct that BCC declares at the probe.
 */
#define READ_SOCKADDR(address, family, sockaddr)                                                   \
	do {                                                                                       \
		if ((family) == AF_INET) {                                                         \
			(address).halves[0] = 0;                                                   \
			(address).words[2] = bpf_htonl(0xffff);                                    \
			(address).words[3] = *(__u32 *)&(sockaddr)[4];                             \
		} else {                                                                           \
			(address).words[0] = *(__u32 *)&(sockaddr)[8];                             \
			(address).words[1] = *(__u32 *)&(sockaddr)[12];                            \
			(address).words[2] = *(__u32 *)&(sockaddr)[16];                            \
			(address).words[3] = *(__u32 *)&(sockaddr)[20];                            \
		}                                                                                  \
	} while (0)

TRACEPOINT_PROBE(tcp, tcp_probe)
{
	union address saddr, daddr;
	struct event *event;
	__u16 family;

#ifdef TCC_PROBE_HAS_FAMILY
	family = args->family;
#else
	family = *(__u16 *)&args->saddr[0];
#endif
	READ_SOCKADDR(saddr, family, args->saddr);
	READ_SOCKADDR(daddr, family, args->daddr);

	if (!passes(&saddr, &daddr, args->sport, args->dport))
		return 0;

	event = reserve(EVENT_PROBE);
	if (!event)
		return 0;
	event->sock_cookie = args->sock_cookie;
#ifdef TCC_PROBE_HAS_SKADDR
	event->skaddr = (__u64)args->skaddr;
#endif
	event->saddr = saddr;
	event->daddr = daddr;
	event->mark = args->mark;
	event->snd_nxt = args->snd_nxt;
	event->snd_una = args->snd_una;
	event->snd_cwnd = args->snd_cwnd;
	event->ssthresh = args->ssthresh;
	event->snd_wnd = args->snd_wnd;
	event->srtt = args->srtt;
	event->rcv_wnd = args->rcv_wnd;
	event->sport = args->sport;
	event->dport = args->dport;
	event->family = family;
	event->data_len = args->data_len;
	events.ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

/*
 * The other tracepoints keep IPv4 as v4-mapped in saddr_v6 and daddr_v6 too, at offsets that need
 * not be aligned.
 */
#define READ_V6(address, bytes) bpf_probe_read_kernel(&(address), sizeof(address), bytes)

#ifndef TCC_NO_STATE
TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
	union address saddr, daddr;
	struct event *event;

	if (args->protocol != IPPROTO_TCP)
		return 0;
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	if (!passes(&saddr, &daddr, args->sport, args->dport))
		return 0;

	event = reserve(EVENT_STATE);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
	event->saddr = saddr;
	event->daddr = daddr;
	event->sport = args->sport;
	event->dport = args->dport;
	event->family = args->family;
	event->oldstate = args->oldstate;
	event->newstate = args->newstate;
	events.ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}
#endif

#ifndef TCC_NO_DESTROY
TRACEPOINT_PROBE(tcp, tcp_destroy_sock)
{
	union address saddr, daddr;
	struct event *event;

	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	if (!passes(&saddr, &daddr, args->sport, args->dport))
		return 0;

	event = reserve(EVENT_DESTROY);
	if (!event)
		return 0;
	event->sock_cookie = args->sock_cookie;
	event->skaddr = (__u64)args->skaddr;
	event->saddr = saddr;
	event->daddr = daddr;
	event->sport = args->sport;
	event->dport = args->dport;
	events.ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}
#endif
