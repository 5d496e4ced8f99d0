// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What congestion control does to every TCP socket, as fixed-size records in ring buffers.
 *
 * With an interval, a socket's ACKs are coalesced: each is folded into the socket's slot, and a
 * record is written at once for the first one, and where ssthresh changed or cwnd fell. Of the
 * others those of one interval have one record: the first ACK after it writes it. No record is of
 * two intervals, which all begin at multiples of their length: where that divides the width of a
 * history's buckets, a bucket is as it were of every ACK. Sockets in focus have an interval of
 * their own. What a quiet socket leaves in its slot, and its end if the ring has no room for that,
 * user space takes out of the memory it shares (tcctui/sources/kernel/slots.py).
 *
 * BCC dialect: the tracepoints' structs come from tracefs at run time, so fields are bound by name
 * and their offsets may differ between kernels. What a kernel lacks is switched off by -D flags,
 * which tcctui/sources/kernel/tracepoint_formats.py derives from the format files and the rows of
 * tcctui/wire/tracepoints.py:
 *
 * - EVENT_PROBE and its like: numbers of the kinds of events, from 0 to EVENT_KINDS - 1
 * - TCC_LOST_COUNTERS: counters of lost records on each processor, at least EVENT_KINDS
 * - TCC_PROBE_HAS_FAMILY: tcp_probe has `family` (else the sockaddr's own is taken)
 * - TCC_PROBE_HAS_SKADDR: tcp_probe has `skaddr`
 * - TCC_NO_STATE, TCC_NO_DESTROY, TCC_NO_RETRANSMIT, TCC_NO_CA_STATE, TCC_NO_RECEIVE_RESET,
 *   TCC_NO_SEND_RESET, TCC_NO_RETRANSMIT_SYNACK: the tracepoint of that kind of event is not there,
 *   or lacks a field that is needed of it
 * - TCC_..._HAS_FAMILY: the tracepoint of one of the last five has `family` (else it is unknown)
 * - TCC_RETRANSMIT_HAS_ERR: tcp_retransmit_skb tells of what could not be sent, too
 * - TCC_SEND_RESET_HAS_SOCKADDRS: tcp_send_reset has its ends as tcp_probe has them, in sockaddrs
 */

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

#define MAX_TESTS  64 /* a power of two */
#define MAX_FOCUS  8
#define FREE_SLOTS 1024
#define HINTS	   (1 << 17) /* a power of two */

/* Of include/net/tcp_states.h. */
enum tcp_state {
	TCP_TIME_WAIT = 6,
	TCP_NEW_SYN_RECV = 12,
};

/* The type of a field of tcp_send_reset, under a name that no kernel header has. */
#define sk_rst_reason tcc_rst_reason
enum sk_rst_reason {
	TCC_RST_REASON_NOT_SPECIFIED,
};

/* IPv6, or IPv4 as ::ffff:a.b.c.d, in network byte order. */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

/* The wire format; tcctui/wire/events.py describes the same bytes as a numpy dtype. saddr and sport
 * are this machine's end of the connection, in all kinds of events.
 */
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
	__u32 acks; /* folded into the slot so far, this one too (0 without a slot) */
	__u32 snd_cwnd_min; /* extremes since the record before */
	__u32 srtt_min;
	__u32 in_flight_min; /* bytes */
	__u32 snd_cwnd_max;
	__u32 srtt_max;
	__u32 in_flight_max;
	__u16 sport; /* host byte order */
	__u16 dport;
	__u16 family;
	__u16 data_len; /* bytes */
	__u8 kind; /* EVENT_... */
	__u8 oldstate;
	__u8 newstate; /* TCP state that it is in now, or of EVENT_CA_STATE the enum tcp_ca_state */
	__u8 begun; /* no ACK of the slot was reported before: this stands for all of `acks` */
};

/* Where to go on that is no test. */
enum verdict {
	VERDICT_DROP = MAX_TESTS,
	VERDICT_PASS,
};

/* Holds if one of its ends has its address and its port inside. A test of ports alone has a mask of
 * zeros, one of addresses alone all ports.
 */
struct test {
	__u64 address[2]; /* network byte order */
	__u64 mask[2];
	__u16 low; /* host byte order */
	__u16 span; /* the highest port minus the lowest */
	__u8 not_local; /* 1: this end does not count */
	__u8 not_remote;
	/* A later test, or the verdict: where it holds in the lower byte, else in the higher. */
	__u16 next;
};

/* Any formula over ports and addresses: no test is looked at twice. */
struct filter {
	__u32 first; /* the test to begin with, or the verdict */
	__u32 unused;
	struct test tests[MAX_TESTS];
};

/* What user space changes while the programs run. */
struct config {
	/* The time that a record may stand for; 0: a record for each ACK, and no socket has a slot.
	 */
	__u64 interval_ns;
	__u64 focus_ns; /* the same of sockets in focus: not longer, and not 0 */
	__u64 focus[MAX_FOCUS]; /* their cookies; 0 is none */
	__u32 crowded; /* bytes waiting in a ring buffer from which on its reader is woken */
	__u32 last_ring; /* number of ring buffers, a power of two, less one */
	__u32 n_focus;
	/* Which filters are in force, by its lowest bit: new ones are written whole before they
	 * count. Until the first ones are (0), nothing passes.
	 */
	__u32 active;
};

/* What a filter is for; it stands there, or behind that, by the lowest bit of `active`. */
enum filter_of {
	FILTER_OF_ALL = 0,
	FILTER_OF_ENDS = 2, /* sockets that go: also of those that were let through before */
	FILTERS = 4,
};

/* Whether a slot's socket still lives. One that was destroyed leaves its slot to user space. */
enum slot_state {
	SLOT_LIVING = 0,
	SLOT_GONE = 1,
	SLOT_GONE_UNREPORTED = 2, /* there was no room: user space reports it, at `emitted_ns` */
};

/* How far a slot's socket has come. Apart from the slot's event, so that user space looks through
 * many of them in no time. Each side has words of its own to write.
 */
struct mark {
	/* The interval in which the last record was written, or was to be, by its begin: all that
	 * is not reported is of this one.
	 */
	__u64 emitted_ns;
	__u32 acks; /* ACKs seen, counted before the event is changed */
	__u32 done; /* the same, after it was */
	__u32 reported; /* of these, ACKs that records have reported */
	__u32 fetched; /* of these, ACKs that user space has taken out of the slot */
	__u32 state; /* enum slot_state */
	/* Lower half of the cookie of the socket that has the slot; 0 for nobody, and for a socket
	 * that is about to lose it: each of its ACKs is reported at once.
	 */
	__u32 owner;
};

/* Slots that a processor may give away. User space puts them in; only programs on that processor,
 * which never interrupt each other, take them out.
 */
struct free_slots {
	__u32 taken;
	__u32 given;
	__u32 slots[FREE_SLOTS];
};

/* Records that found no room, by kind, on one processor; on cache lines of its own. */
struct lost {
	__u64 records[TCC_LOST_COUNTERS];
};

/* Else one kind would be counted as another, or as another processor's. */
_Static_assert(EVENT_KINDS <= TCC_LOST_COUNTERS, "there is no counter for each kind of event");
_Static_assert(EVENT_KINDS <= 256, "struct event has one byte for its kind");
_Static_assert(TCC_LOST_COUNTERS % 8 == 0, "counters have to fill cache lines");

/* Where maps have SIZED entries (of a ring buffer, pages), user space makes them with as many as
 * are needed (tcctui/sources/kernel/program.py): one for each socket that can be coalesced at a
 * time, or for each processor that this machine can have.
 */
#define SIZED 1

/* Ring buffers, each for some processors: one lock for many of them would have them wait for each
 * other. The first is `events`, user space makes the others.
 */
BPF_RINGBUF_OUTPUT(events, SIZED);
BPF_ARRAY_OF_MAPS(rings, "events", SIZED);

/* All of these are mapped into user space, except which slot a socket has. */
BPF_F_TABLE("array", int, struct config, config, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", int, struct filter, filters, FILTERS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", int, struct lost, lost, SIZED, BPF_F_MMAPABLE);
BPF_F_TABLE("array", int, struct event, flows, SIZED, BPF_F_MMAPABLE);
BPF_F_TABLE("array", int, struct mark, marks, SIZED, BPF_F_MMAPABLE);
BPF_F_TABLE("array", int, struct free_slots, free_slots, SIZED, BPF_F_MMAPABLE);
/* Not 0 for slots that user space has to look at: something in them is not reported, or their
 * socket is gone. It is user space that sets them to 0, before it looks.
 */
BPF_F_TABLE("array", int, __u64, pending, SIZED, BPF_F_MMAPABLE);
BPF_HASH(slots, __u64, __u32, SIZED);

/* The slot that a socket with such a cookie had last: spares most looks into the hash. By now it
 * may be another socket's, or nobody's: the slot itself says whose.
 */
BPF_ARRAY(hints, __u32, HINTS);

/* 0 if an end is inside a test, else 1. Without branches: each of them would double the ways
 * through the filter that the kernel has to verify.
 */
static inline __u64 is_outside(const struct test *test, const union address *address, __u16 port)
{
	__u64 differs = ((address->halves[0] & test->mask[0]) ^ test->address[0]) |
			((address->halves[1] & test->mask[1]) ^ test->address[1]);
	__u64 left = (__u64)test->span - (__u16)(port - test->low);

	return (differs | -differs | left) >> 63;
}

/* Which ways there are through a filter: with branches that a processor predicts, or with few that
 * the kernel has to verify.
 */
enum walk {
	WALK_OFTEN,
	WALK_SELDOM,
};

static inline int passes(const struct config *config, enum filter_of of, enum walk walk,
			 const union address *saddr, const union address *daddr, __u16 sport,
			 __u16 dport)
{
	struct filter *filter;
	struct test *test;
	__u64 outside, next;
	__u32 at;
	int place, i;

	if (!config->active)
		return 0;
	place = of + (config->active & 1);
	filter = filters.lookup(&place);
	if (!filter)
		return 0;
	at = filter->first;
#pragma clang loop unroll(disable)
	for (i = 0; i < MAX_TESTS && at < MAX_TESTS; i++) {
		/* Else the compiler may leave the mask out, and the kernel does not know why. */
		asm volatile("" : "+r"(at));
		test = &filter->tests[at & (MAX_TESTS - 1)];
		outside = (is_outside(test, saddr, sport) | test->not_local) &
			  (is_outside(test, daddr, dport) | test->not_remote);
		next = test->next;
		if (walk == WALK_SELDOM)
			next >>= outside * 8;
		else if (outside)
			next >>= 8;
		at = next & 0xff;
	}
	return at == VERDICT_PASS;
}

static inline void lose(__u32 kind)
{
	int cpu = bpf_get_smp_processor_id();
	struct lost *here = lost.lookup(&cpu);

	if (here && kind < EVENT_KINDS)
		here->records[kind]++;
}

/* This processor's ring buffer; never 0, but the verifier does not know that. */
static inline void *ring_here(const struct config *now)
{
	int ring = bpf_get_smp_processor_id() & now->last_ring;

	return (void *)rings.lookup(&ring);
}

/* Bytes between two wake-ups where a ring buffer is filling up, a power of two. */
#define WAKE_EVERY (1 << 16)

/* The reader sleeps until its time has come, or a ring buffer is crowded: see BPF_RB_NO_WAKEUP. */
static inline __u64 wake_up(const struct config *now, void *ring)
{
	__u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	if (waiting >= now->crowded &&
	    (waiting & (WAKE_EVERY - 1)) < sizeof(struct event) + BPF_RINGBUF_HDR_SZ)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

static inline void submit(struct event *event)
{
	int zero = 0;
	struct config *now = config.lookup(&zero);
	void *ring = now ? ring_here(now) : 0;

	bpf_ringbuf_submit(event, ring ? wake_up(now, ring) : BPF_RB_NO_WAKEUP);
}

static inline struct event *reserve(const struct config *now, int kind)
{
	void *ring = ring_here(now);
	struct event *event;

	if (!ring)
		return 0;
	event = bpf_ringbuf_reserve(ring, sizeof(struct event), 0);
	if (!event)
		return 0;
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

/* Give a socket a slot, if this processor has one; says which, or -1. */
static inline int take_slot(__u64 cookie)
{
	int cpu = bpf_get_smp_processor_id();
	struct free_slots *here = free_slots.lookup(&cpu);
	struct mark *mark;
	__u32 slot;

	if (!here || here->taken == here->given)
		return -1;
	slot = here->slots[here->taken & (FREE_SLOTS - 1)];
	mark = marks.lookup(&slot);
	if (!mark || slots.update(&cookie, &slot))
		return -1;
	mark->owner = cookie;
	here->taken++;
	return slot;
}

/* A slot, and what is in it. */
struct held {
	struct event *event;
	struct mark *mark;
	int slot;
};

static inline int hold(struct held *held, int slot)
{
	held->slot = slot;
	held->event = flows.lookup(&slot);
	held->mark = marks.lookup(&slot);
	return held->event && held->mark;
}

/* Find a socket's slot, or give it one; says whether it has one. */
static inline int hold_own(struct held *held, __u64 cookie)
{
	int place = cookie & (HINTS - 1), slot;
	__u32 *hint = hints.lookup(&place), *known;

	if (!hint)
		return 0;
	if (hold(held, *hint) && held->mark->owner == (__u32)cookie &&
	    held->event->sock_cookie == cookie)
		return 1;
	known = slots.lookup(&cookie);
	slot = known ? *known : take_slot(cookie);
	if (slot < 0)
		return 0;
	*hint = slot;
	return hold(held, slot);
}

static inline int in_focus(const struct config *config, __u64 cookie)
{
	int i;

	if (!config->n_focus)
		return 0;
#pragma unroll
	for (i = 0; i < MAX_FOCUS; i++)
		if (config->focus[i] == cookie)
			return 1;
	return 0;
}

static inline __u64 interval_of(const struct config *config, __u64 cookie)
{
	if (config->focus_ns < config->interval_ns && in_focus(config, cookie))
		return config->focus_ns;
	return config->interval_ns;
}

/* Keeps the compiler, and processors that store in order, from storing what follows first. */
#define barrier() asm volatile("" ::: "memory")

/* All of an event that one ACK decides. */
#define SET_PROBE(event, saddr_, daddr_, family_)                                                  \
	do {                                                                                       \
		(event)->sock_cookie = args->sock_cookie;                                          \
		SET_SKADDR(event);                                                                 \
		(event)->saddr = (saddr_);                                                         \
		(event)->daddr = (daddr_);                                                         \
		(event)->mark = args->mark;                                                        \
		(event)->snd_nxt = args->snd_nxt;                                                  \
		(event)->snd_una = args->snd_una;                                                  \
		(event)->snd_cwnd = args->snd_cwnd;                                                \
		(event)->ssthresh = args->ssthresh;                                                \
		(event)->snd_wnd = args->snd_wnd;                                                  \
		(event)->srtt = args->srtt;                                                        \
		(event)->rcv_wnd = args->rcv_wnd;                                                  \
		(event)->sport = args->sport;                                                      \
		(event)->dport = args->dport;                                                      \
		(event)->family = (family_);                                                       \
		(event)->data_len = args->data_len;                                                \
	} while (0)

#ifdef TCC_PROBE_HAS_SKADDR
#define SET_SKADDR(event) (event)->skaddr = (__u64)args->skaddr
#else
#define SET_SKADDR(event)
#endif

static inline void begin_extremes(struct event *event)
{
	__u32 in_flight = event->snd_nxt - event->snd_una;

	event->snd_cwnd_min = event->snd_cwnd;
	event->snd_cwnd_max = event->snd_cwnd;
	event->srtt_min = event->srtt;
	event->srtt_max = event->srtt;
	event->in_flight_min = in_flight;
	event->in_flight_max = in_flight;
}

static inline void widen_extremes(struct event *event)
{
	__u32 in_flight = event->snd_nxt - event->snd_una;

	if (event->snd_cwnd < event->snd_cwnd_min)
		event->snd_cwnd_min = event->snd_cwnd;
	if (event->snd_cwnd > event->snd_cwnd_max)
		event->snd_cwnd_max = event->snd_cwnd;
	if (event->srtt < event->srtt_min)
		event->srtt_min = event->srtt;
	if (event->srtt > event->srtt_max)
		event->srtt_max = event->srtt;
	if (in_flight < event->in_flight_min)
		event->in_flight_min = in_flight;
	if (in_flight > event->in_flight_max)
		event->in_flight_max = in_flight;
}

static inline void set_pending(int slot)
{
	__u64 *here = pending.lookup(&slot);

	if (here)
		*here = 1;
}

/* A program on a tracepoint; tcctui loads and attaches it. bcc would load, too, what is defined by
 * its own TRACEPOINT_PROBE.
 */
#define PROGRAM(category, event)                                                                   \
	int category##__##event(struct tracepoint__##category##__##event *args)

static inline int all_reported(const struct mark *mark)
{
	return mark->reported == mark->acks || mark->fetched == mark->acks;
}

/* Write a record of a slot; says whether there was room. */
static inline int tell(const struct config *now, struct event *event, struct mark *mark)
{
	void *ring = ring_here(now);

	if (!ring || bpf_ringbuf_output(ring, event, sizeof(*event), wake_up(now, ring)))
		return 0;
	mark->reported = mark->acks;
	return 1;
}

/* A socket's ACKs come one after the other, under its lock (tcp_rcv_established): its slot needs
 * none.
 */
PROGRAM(tcp, tcp_probe)
{
	__u32 before_cwnd, before_ssthresh;
	union address saddr, daddr;
	int zero = 0, reported, unreported, over, moved, at_once;
	struct config *now = config.lookup(&zero);
	struct event *event;
	struct mark *mark;
	struct held held;
	__u64 cookie, ts, since;
	__u16 family;

	if (!now)
		return 0;
#ifdef TCC_PROBE_HAS_FAMILY
	family = args->family;
#else
	family = *(__u16 *)&args->saddr[0];
#endif
	READ_SOCKADDR(saddr, family, args->saddr);
	READ_SOCKADDR(daddr, family, args->daddr);

	if (!passes(now, FILTER_OF_ALL, WALK_OFTEN, &saddr, &daddr, args->sport, args->dport))
		return 0;

	cookie = args->sock_cookie;
	if (!now->interval_ns || !hold_own(&held, cookie)) {
		event = reserve(now, EVENT_PROBE);
		if (!event) {
			lose(EVENT_PROBE);
			return 0;
		}
		SET_PROBE(event, saddr, daddr, family);
		begin_extremes(event);
		submit(event);
		return 0;
	}

	event = held.event;
	mark = held.mark;
	ts = bpf_ktime_get_ns();
	reported = all_reported(mark);
	since = ts - mark->emitted_ns;
	over = since >= now->focus_ns && since >= interval_of(now, cookie);
	/* A slot that user space is about to take away must have nothing left in it. An interval's
	 * first ACK waits for others only where a record was written just now.
	 */
	at_once = !mark->owner || (over && reported);
	/* Disconnected and connected anew, a socket keeps its cookie: its records are of either. */
	moved = mark->emitted_ns && (event->sport != args->sport || event->dport != args->dport ||
				     event->daddr.halves[0] != daddr.halves[0] ||
				     event->daddr.halves[1] != daddr.halves[1]);
	if ((over || moved) && !reported) {
		reported = tell(now, event, mark);
		if (!reported)
			lose(EVENT_PROBE);
	}
	if (moved)
		reported = at_once = 1;
	before_cwnd = event->snd_cwnd;
	before_ssthresh = event->ssthresh;

	mark->acks++;
	barrier();
	event->ts_ns = ts;
	SET_PROBE(event, saddr, daddr, family);
	event->acks = mark->acks;
	if (reported) {
		event->begun = !mark->emitted_ns;
		begin_extremes(event);
	} else {
		widen_extremes(event);
	}

	at_once |= event->ssthresh != before_ssthresh || event->snd_cwnd < before_cwnd;
	if (over || at_once)
		mark->emitted_ns = ts - ts % interval_of(now, cookie);
	/* Where there is no room, the next record tells it, an interval later. */
	unreported = !at_once;
	if (at_once && !tell(now, event, mark)) {
		lose(EVENT_PROBE);
		unreported = 1;
	}
	if (reported && unreported)
		set_pending(held.slot);
	barrier();
	mark->done = mark->acks;
	return 0;
}

/* A socket goes: tell what its slot still holds. Gives the slot's mark, or 0, and sets its number.
 */
static inline struct mark *leave_slot(const struct config *now, __u64 cookie, int *slot)
{
	__u32 *known = slots.lookup(&cookie);
	struct event *event;
	struct mark *mark;

	if (!known)
		return 0;
	*slot = *known;
	event = flows.lookup(slot);
	mark = marks.lookup(slot);
	slots.delete(&cookie);
	if (!event || !mark)
		return 0;
	if (now && !all_reported(mark))
		tell(now, event, mark);
	return mark;
}

/*
 * The other tracepoints keep IPv4 as v4-mapped in saddr_v6 and daddr_v6 too, at offsets that need
 * not be aligned.
 */
#define READ_V6(address, bytes) bpf_probe_read_kernel(&(address), sizeof(address), bytes)

/* Begin a record of something that happened to a connection, if it passes the filter. */
static inline struct event *begin(int kind, const union address *saddr, const union address *daddr,
				  __u16 sport, __u16 dport)
{
	int zero = 0;
	struct config *now = config.lookup(&zero);
	struct event *event;

	if (!now || !passes(now, FILTER_OF_ALL, WALK_SELDOM, saddr, daddr, sport, dport))
		return 0;
	event = reserve(now, kind);
	if (!event) {
		lose(kind);
		return 0;
	}
	event->saddr = *saddr;
	event->daddr = *daddr;
	event->sport = sport;
	event->dport = dport;
	return event;
}

#ifndef TCC_NO_STATE
PROGRAM(sock, inet_sock_set_state)
{
	union address saddr, daddr;
	struct event *event;

	if (args->protocol != IPPROTO_TCP)
		return 0;
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_STATE, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
	event->family = args->family;
	event->oldstate = args->oldstate;
	event->newstate = args->newstate;
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_RETRANSMIT
/* One may stand for several segments that were sent as one. */
PROGRAM(tcp, tcp_retransmit_skb)
{
	union address saddr, daddr;
	struct event *event;

#ifdef TCC_RETRANSMIT_HAS_ERR
	if (args->err)
		return 0;
#endif
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_RETRANSMIT, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_RETRANSMIT_HAS_FAMILY
	event->family = args->family;
#endif
	event->newstate = args->state;
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_CA_STATE
/*
 * Comes before the state is set (tcp_set_ca_state), also to what it is already: to Loss each time
 * the timer runs out again, and to Open once for each connection that is accepted.
 */
PROGRAM(tcp, tcp_cong_state_set)
{
	union address saddr, daddr;
	struct event *event;

	if (!args->dport) /* disconnected already, so that nobody knows whose it was */
		return 0;
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_CA_STATE, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_CA_STATE_HAS_FAMILY
	event->family = args->family;
#endif
	event->newstate = args->cong_state;
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_RECEIVE_RESET
PROGRAM(tcp, tcp_receive_reset)
{
	union address saddr, daddr;
	struct event *event;

	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_RECEIVE_RESET, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->sock_cookie = args->sock_cookie;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_RECEIVE_RESET_HAS_FAMILY
	event->family = args->family;
#endif
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_SEND_RESET
/*
 * The ends are the socket's. Since 6.10 a reset that no full socket sends has them too, of the
 * segment that it answers, turned round: saddr is this end in any case.
 */
PROGRAM(tcp, tcp_send_reset)
{
	union address saddr, daddr;
	__u16 family = 0, sport, dport;
	struct event *event;

#ifdef TCC_SEND_RESET_HAS_SOCKADDRS
	family = *(__u16 *)&args->saddr[0];
	READ_SOCKADDR(saddr, family, args->saddr);
	READ_SOCKADDR(daddr, family, args->daddr);
	sport = bpf_ntohs(*(__u16 *)&args->saddr[2]);
	dport = bpf_ntohs(*(__u16 *)&args->daddr[2]);
#else
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	sport = args->sport;
	dport = args->dport;
#ifdef TCC_SEND_RESET_HAS_FAMILY
	family = args->family;
#endif
#endif
	if (!dport) /* a listener's: it does not say to whom */
		return 0;
	event = begin(EVENT_SEND_RESET, &saddr, &daddr, sport, dport);
	if (!event)
		return 0;
	/* Those of other states are not the connection's own socket. */
	if (args->state != TCP_TIME_WAIT && args->state != TCP_NEW_SYN_RECV)
		event->skaddr = (__u64)args->skaddr;
	event->family = family;
	event->newstate = args->state;
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_RETRANSMIT_SYNACK
/* The connection has no socket yet: `skaddr` is the listener's, and is not reported. */
PROGRAM(tcp, tcp_retransmit_synack)
{
	union address saddr, daddr;
	struct event *event;

	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_RETRANSMIT_SYNACK, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
#ifdef TCC_RETRANSMIT_SYNACK_HAS_FAMILY
	event->family = args->family;
#endif
	submit(event);
	return 0;
}
#endif

#ifndef TCC_NO_DESTROY
PROGRAM(tcp, tcp_destroy_sock)
{
	union address saddr, daddr;
	struct event *event;
	struct mark *mark;
	int zero = 0, slot = 0, state = SLOT_GONE, passing;
	struct config *now = config.lookup(&zero);

	mark = leave_slot(now, args->sock_cookie, &slot);
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	passing = now && passes(now, FILTER_OF_ENDS, WALK_SELDOM, &saddr, &daddr, args->sport,
				args->dport);
	/* An aborted socket has been disconnected first, and has lost what the filter goes by
	 * (tcp_disconnect): it may be one of which events came.
	 */
	if (passing || (now && now->active && (mark || !args->dport))) {
		/* Its end comes last: not before what there was no room for. */
		event = 0;
		if (!mark || all_reported(mark))
			event = reserve(now, EVENT_DESTROY);
		if (event) {
			event->sock_cookie = args->sock_cookie;
			event->skaddr = (__u64)args->skaddr;
			event->saddr = saddr;
			event->daddr = daddr;
			event->sport = args->sport;
			event->dport = args->dport;
			submit(event);
		} else if (mark) {
			state = SLOT_GONE_UNREPORTED;
		} else if (passing) {
			lose(EVENT_DESTROY);
		}
	}
	if (mark) {
		if (state == SLOT_GONE_UNREPORTED)
			mark->emitted_ns = bpf_ktime_get_ns();
		barrier();
		mark->state = state;
		barrier();
		set_pending(slot);
	}
	return 0;
}
#endif
