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
 * - TCC_NO_DROP, TCC_NO_STATE, TCC_NO_DESTROY, TCC_NO_RETRANSMIT, TCC_NO_CA_STATE,
 * TCC_NO_RECEIVE_RESET, TCC_NO_SEND_RESET, TCC_NO_RETRANSMIT_SYNACK: the tracepoint of that kind of
 * event is not there, or lacks a field that is needed of it
 * - TCC_..._HAS_FAMILY: the tracepoint of one of the last five has `family` (else it is unknown)
 * - TCC_RETRANSMIT_HAS_ERR: tcp_retransmit_skb tells of what could not be sent, too
 * - TCC_SEND_RESET_HAS_SOCKADDRS: tcp_send_reset has its ends as tcp_probe has them, in sockaddrs
 * - TCC_COOKIE_OFFSET, TCC_DEVICE_OFFSET, TCC_LOCK_OFFSET, TCC_ERROR_OFFSET: bytes from a
 *   `struct sock` to its cookie, to the index of the device that it is bound to, to its lock, and
 *   to its pending error; TCC_OWNED_OFFSET: from that lock to whether a process has it;
 *   TCC_TASK_FLAGS_OFFSET, TCC_LEADER_OFFSET, TCC_COMM_OFFSET: from a `struct task_struct` to its
 *   flags, to its process's first thread and to its name; where these are known
 *   (tcctui/sources/kernel/type_information.py)
 * - TCC_TYPED: the kernel's types are known (BTF): tcp_probe's values are read from the socket, by
 *   TCC_PROBE_SND_NXT and its like, bytes from a `struct tcp_sock` or `struct sk_buff`
 *   (tcctui/sources/kernel/type_flags.py); TCC_TCP_SOCK, TCC_TCPHDR: numbers of these types, where
 *   the kernel has bpf_rdonly_cast; TCC_CAST stands for that function's number
 * - TCC_QUEUE_NEXT, TCC_QUEUE_SK, TCC_QUEUE_TSTAMP: likewise, of packets that leave a queue
 * - TCC_HAS_CGROUPS: this kernel has cgroups, which processes are in
 */

#define ETH_P_IP    0x0800
#define ETH_P_IPV6  0x86dd
#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

#define ECONNABORTED 103
#define PF_KTHREAD   0x00200000 /* of include/linux/sched.h */

#define MAX_TESTS  64 /* a power of two */
#define MAX_FOCUS  8
#define FREE_SLOTS 1024
#define HINTS	   (1 << 17) /* a power of two */

/* Of include/net/tcp_states.h. */
enum tcp_state {
	TCP_SYN_SENT = 2,
	TCP_FIN_WAIT1 = 4,
	TCP_TIME_WAIT = 6,
	TCP_LAST_ACK = 9,
	TCP_NEW_SYN_RECV = 12,
};

/* The type of a field of tcp_send_reset, under a name that no kernel header has. */
#define sk_rst_reason tcc_rst_reason
enum sk_rst_reason {
	TCC_RST_REASON_NOT_SPECIFIED,
};

/* The same of kfree_skb. */
#define skb_drop_reason tcc_drop_reason
enum skb_drop_reason {
	TCC_DROP_REASON_NOT_SPECIFIED,
};

/* IPv6, or IPv4 as ::ffff:a.b.c.d, in network byte order. Of a link-local one, words[1] is the
 * index of its device.
 */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

/* Who connects, closes or else uses a socket, in the place of the values of an ACK. */
struct owner {
	__u32 pid; /* 0: nobody is known to */
	__u32 uid;
	char comm[16];
	__u32 unused;
	__u32 cgroup_id[2]; /* one number; user space puts the name into its place */
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
	/* From here on to `in_flight_max`, EVENT_STATE and EVENT_DESTROY have a `struct owner`;
	 * EVENT_RETRANSMIT and EVENT_CA_STATE, as far as `rcv_wnd` the same as an ACK's and behind
	 * that a `struct recovery`, where the kernel's types are known.
	 */
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

/* What the kernel does about a loss, in the place of `acks` and the extremes. */
struct recovery {
	__u8 ca_state;
	__u8 pending; /* timer: ICSK_TIME_... */
	__u8 retransmits; /* timeouts in a row */
	__u8 known; /* 1: all of this is */
	__u32 undo_marker; /* 0: there is nothing to undo */
	__u32 prior_ssthresh; /* segments; 0: it is forgotten */
	__u32 high_seq; /* sequence numbers, as the next two */
	__u32 seq; /* of EVENT_RETRANSMIT: the data that is sent again */
	__u32 end_seq;
	__u32 segments; /* that these are, as TCP counts them */
};

/* A segment that this machine dropped, in the place of the values of an ACK. User space writes the
 * reason's name behind it.
 */
struct drop {
	__u32 reason; /* enum skb_drop_reason */
	__u32 seq;
	__u32 bytes; /* of data */
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
	__u32 inside; /* what is read of sockets and algorithms: INSIDE_... */
	__u32 unused;
};

/* What user space asks for beside an ACK's event, of sockets in focus, or of all: `config.inside`
 * has the latter INSIDE_OF_ALL bits further up.
 */
enum inside_of {
	INSIDE_SOCKET = 1,
	INSIDE_ALGORITHM = 2,
	INSIDE_KINDS = 3,
	INSIDE_ACK = 16,
	INSIDE_ACK_OF_ALL = 32, /* only of ACKs while something is SACKed */
};
#define INSIDE_OF_ALL 2

/* Members of a `struct tcp_sock`, as of the last of the ACKs that an event stands for; beside that
 * event, and of its size. tcctui/wire/inside.py describes the same bytes.
 */
struct inside {
	__u64 ts_ns; /* CLOCK_MONOTONIC */
	__u64 sock_cookie;
	__u32 acks; /* the event's */
	__u32 packets_out; /* segments, as the next three */
	__u32 sacked_out;
	__u32 lost_out;
	__u32 retrans_out;
	__u32 in_flight_min; /* segments: extremes over the ACKs of the event */
	__u32 in_flight_max;
	__u32 mss_cache; /* bytes */
	__u32 delivered; /* segments in total */
	__u32 lost; /* segments in total */
	__u32 app_limited; /* `delivered` up to which the application limits; 0: it does not */
	__u32 rate_delivered; /* segments of the newest sample of the delivery rate */
	__u32 rate_interval_us;
	__u32 rcv_nxt; /* sequence numbers, as the next two */
	__u32 copied_seq;
	__u32 write_seq;
	__u32 reordering; /* segments */
	__u32 rttvar_us;
	__u32 mdev_us; /* four times the mean deviation */
	__u32 min_rtt_us;
	__u32 icsk_rto; /* jiffies */
	__u32 high_seq; /* sequence numbers, as the next two */
	__u32 tlp_high_seq; /* 0: no tail loss probe is out */
	__u32 undo_marker; /* 0: there is nothing to undo */
	__u32 undo_retrans; /* -1: nothing was sent again */
	__u32 prior_ssthresh; /* segments */
	__u8 ca_state;
	__u8 backoff;
	__u8 retransmits;
	__u8 pending; /* timer: ICSK_TIME_... */
	__u8 kind; /* EVENT_INSIDE; 0 in a slot: the socket was not read */
	__u8 unused[3];
};

/* ICSK_CA_PRIV_SIZE of include/net/inet_connection_sock.h. */
#define PRIVATE_WORDS 13

/* The state of a socket's congestion control algorithm, likewise. */
struct algorithm {
	__u64 ts_ns;
	__u64 sock_cookie;
	__u64 private[PRIVATE_WORDS];
	__u32 key; /* of its struct tcp_congestion_ops: a hash of its name */
	__u8 kind; /* EVENT_ALGORITHM; 0 in a slot: it was not read */
	__u8 jiffies[3]; /* the lowest bits of the time in jiffies, lowest byte first */
};

/* What the peer had told by an ACK's arrival, likewise; one for each ACK. */
struct ack {
	__u64 ts_ns;
	__u64 sock_cookie;
	__u32 snd_una; /* sequence numbers, as the next ones */
	__u32 snd_nxt;
	__u32 snd_wnd; /* bytes */
	__u32 sacked_out; /* segments */
	__u32 rtt_us; /* that of the newest segment delivered */
	__u32 sacks[8]; /* begin and end of each range of the newest SACK */
	__u32 dsack_dups; /* segments that the peer got twice, in total */
	__u32 unused[13];
	__u8 kind; /* EVENT_ACK */
	__u8 reserved[3];
};

/* What the queues of this machine's devices did with the packets of a socket in focus. All are
 * totals since it came into focus, but `longest_ns`, which user space sets back.
 */
struct queued {
	__u64 sock_cookie;
	__u64 packets; /* each of one segment, or of several */
	__u64 bytes;
	__u64 wait_ns; /* from when they were to be sent until they left the queue */
	__u64 byte_us; /* their bytes, each times the microseconds that it waited */
	__u64 longest_ns;
};

/* What of these a socket's slot has, too. */
struct insides {
	struct inside socket;
	struct algorithm algorithm;
};

_Static_assert(sizeof(struct inside) == sizeof(struct event), "ring buffers have one size");
_Static_assert(sizeof(struct algorithm) == sizeof(struct event), "ring buffers have one size");
_Static_assert(sizeof(struct ack) == sizeof(struct event), "ring buffers have one size");

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
_Static_assert(EVENT_KINDS + 3 <= TCC_LOST_COUNTERS, "there is no counter for each kind of event");
_Static_assert(EVENT_KINDS + 3 <= 256, "struct event has one byte for its kind");
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
/* Those of the sockets in focus, by their place there, and behind them by slot. */
BPF_F_TABLE("array", int, struct insides, insides, SIZED, BPF_F_MMAPABLE);
/* By place in focus. */
BPF_F_TABLE("array", int, struct queued, queued, MAX_FOCUS, BPF_F_MMAPABLE);
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

	if (here && kind < TCC_LOST_COUNTERS)
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

/* Keeps the compiler from reading what both branches read once, through a pointer that it picks:
 * the verifier allows no such pointers into a program's context.
 */
static inline __u32 read_here(__u32 word)
{
	asm volatile("" : "+r"(word));
	return word;
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
			(address).words[3] = read_here(*(__u32 *)&(sockaddr)[4]);                  \
		} else {                                                                           \
			(address).words[0] = read_here(*(__u32 *)&(sockaddr)[8]);                  \
			(address).words[1] = read_here(*(__u32 *)&(sockaddr)[12]);                 \
			(address).words[2] = read_here(*(__u32 *)&(sockaddr)[16]);                 \
			(address).words[3] = read_here(*(__u32 *)&(sockaddr)[20]);                 \
		}                                                                                  \
	} while (0)

static inline int is_of_a_link(const union address *address)
{
	return (address->words[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* A socket that has a link-local address is bound to its device (tcp_v6_connect, tcp_v6_init_req).
 * Where tcp_probe has no socket, no event tells it: those of one socket are joined by its ends.
 */
static inline void set_devices(union address *saddr, union address *daddr, const void *sock)
{
#if defined(TCC_DEVICE_OFFSET) && defined(TCC_PROBE_HAS_SKADDR)
	int device = 0;

	if (!is_of_a_link(saddr) && !is_of_a_link(daddr))
		return;
	bpf_probe_read_kernel(&device, sizeof(device), sock + TCC_DEVICE_OFFSET);
	if (is_of_a_link(saddr))
		saddr->words[1] = bpf_htonl(device);
	if (is_of_a_link(daddr))
		daddr->words[1] = bpf_htonl(device);
#endif
}

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

/* Place of a socket in focus, or -1. */
static inline int focus_of(const struct config *config, __u64 cookie)
{
	int i;

	if (!config->n_focus)
		return -1;
#pragma unroll
	for (i = 0; i < MAX_FOCUS; i++)
		if (config->focus[i] == cookie)
			return i;
	return -1;
}

static inline __u64 interval_of(const struct config *config, __u64 cookie)
{
	if (config->focus_ns < config->interval_ns && focus_of(config, cookie) >= 0)
		return config->focus_ns;
	return config->interval_ns;
}

/* Keeps the compiler, and processors that store in order, from storing what follows first. */
#define barrier() asm volatile("" ::: "memory")

#ifdef TCC_TYPED
/* The arguments of the tracepoint itself, before the kernel copies anything out of them. It knows
 * their types: its verifier checks each of these loads against them.
 */
struct probe_args {
	__u64 sock;
	__u64 skb;
};

#define PROBE_ARGS struct probe_args

/* Load from the kernel's memory; written out, since bcc would have it done by a call. */
#define LOAD(type, from, offset)                                                                   \
	({                                                                                         \
		__u64 loaded_;                                                                     \
		asm volatile("%0 = *(" #type " *)(%1 + %2)"                                        \
			     : "=r"(loaded_)                                                       \
			     : "r"(from), "i"(offset));                                            \
		loaded_;                                                                           \
	})

static __u64 (*const socket_cookie)(void *sock) = (void *)46; /* bpf_get_socket_cookie */

#ifdef TCC_TCP_SOCK
/* bpf_rdonly_cast, a kernel function: its number is written in once it is compiled
 * (tcctui/sources/kernel/compiled.py). It costs nothing, the verifier takes it out.
 */
static void *(*const cast)(void *from, __u64 type) = (void *)TCC_CAST;
#define TCP_SOCK(sock) ((__u64)cast((void *)(sock), TCC_TCP_SOCK))
#else
static void *(*const tcp_sock)(void *sock) = (void *)137; /* bpf_skc_to_tcp_sock */
#define TCP_SOCK(sock) ((__u64)tcp_sock((void *)(sock)))
#endif

/* What TP_fast_assign of tcp_probe reads (include/trace/events/tcp.h), from where it does. */
#define OF_ACK(name) ACK_##name
#define ACK_mark     LOAD(u32, skb, TCC_PROBE_SKB_MARK)
#define ACK_snd_nxt  LOAD(u32, tcp, TCC_PROBE_SND_NXT)
#define ACK_snd_una  LOAD(u32, tcp, TCC_PROBE_SND_UNA)
#define ACK_snd_cwnd LOAD(u32, tcp, TCC_PROBE_SND_CWND)
#define ACK_ssthresh current_ssthresh(tcp)
#define ACK_snd_wnd  LOAD(u32, tcp, TCC_PROBE_SND_WND)
#define ACK_srtt     (LOAD(u32, tcp, TCC_PROBE_SRTT) >> 3)
#define ACK_rcv_wnd  LOAD(u32, tcp, TCC_PROBE_RCV_WND)
#define ACK_skaddr   args_sock
#define ACK_data_len data_length(skb)

#define TCP_CA_CWR	2
#define TCP_CA_RECOVERY 3

static inline __u32 ca_state(__u64 tcp)
{
	return LOAD(u8, tcp, TCC_CA_STATE_BYTE) >> TCC_CA_STATE_SHIFT & TCC_CA_STATE_MASK;
}

/* tcp_current_ssthresh (include/net/tcp.h). */
static inline __u32 current_ssthresh(__u64 tcp)
{
	__u32 state = ca_state(tcp), ssthresh = LOAD(u32, tcp, TCC_PROBE_SND_SSTHRESH);
	__u32 cwnd = LOAD(u32, tcp, TCC_PROBE_SND_CWND), most = (cwnd >> 1) + (cwnd >> 2);

	if (state == TCP_CA_CWR || state == TCP_CA_RECOVERY || ssthresh > most)
		return ssthresh;
	return most;
}

#define TCP_HEADER_OFFSET 12 /* of its own length, in the upper half of that byte, in words */

static inline __u16 data_length(__u64 skb)
{
	__u64 header = LOAD(u64, skb, TCC_PROBE_SKB_DATA);
	__u8 words = 0;

#ifdef TCC_TCP_SOCK
	words = LOAD(u8, cast((void *)header, TCC_TCPHDR), TCP_HEADER_OFFSET);
#else
	bpf_probe_read_kernel(&words, 1, (void *)header + TCP_HEADER_OFFSET);
#endif
	return LOAD(u32, skb, TCC_PROBE_SKB_LEN) - (words >> 4) * 4;
}

/* Addresses that are no IPv6 ones are IPv4. */
static inline void read_ends(__u64 tcp, __u16 family, union address *saddr, union address *daddr)
{
	if (family == AF_INET6) {
		saddr->halves[0] = LOAD(u64, tcp, TCC_PROBE_SADDR6);
		saddr->halves[1] = LOAD(u64, tcp, TCC_PROBE_SADDR6 + 8);
		daddr->halves[0] = LOAD(u64, tcp, TCC_PROBE_DADDR6);
		daddr->halves[1] = LOAD(u64, tcp, TCC_PROBE_DADDR6 + 8);
		return;
	}
	saddr->halves[0] = daddr->halves[0] = 0;
	saddr->words[2] = daddr->words[2] = bpf_htonl(0xffff);
	saddr->words[3] = LOAD(u32, tcp, TCC_PROBE_SADDR);
	daddr->words[3] = LOAD(u32, tcp, TCC_PROBE_DADDR);
}

/* In flight as the kernel counts it (tcp_packets_in_flight, include/net/tcp.h). */
static inline __u32 packets_in_flight(const struct inside *inside)
{
	return inside->packets_out - inside->sacked_out - inside->lost_out + inside->retrans_out;
}

/* An ACK of its own record, of a socket in focus; of any other one where something is SACKed. */
static inline void tell_ack(const struct config *now, __u64 tcp, __u64 cookie, __u64 ts)
{
	__u32 sacked_out, i;
	struct ack *ack;
	void *ring;

	if (!(now->inside & (INSIDE_ACK | INSIDE_ACK_OF_ALL)))
		return;
	sacked_out = LOAD(u32, tcp, TCC_INSIDE_SACKED_OUT);
	if (!(now->inside & INSIDE_ACK_OF_ALL && sacked_out) &&
	    !(now->inside & INSIDE_ACK && focus_of(now, cookie) >= 0))
		return;
	ring = ring_here(now);
	if (!ring)
		return;
	ack = bpf_ringbuf_reserve(ring, sizeof(*ack), 0);
	if (!ack) {
		lose(EVENT_ACK);
		return;
	}
	ack->ts_ns = ts;
	ack->sock_cookie = cookie;
	ack->snd_una = LOAD(u32, tcp, TCC_PROBE_SND_UNA);
	ack->snd_nxt = LOAD(u32, tcp, TCC_PROBE_SND_NXT);
	ack->snd_wnd = LOAD(u32, tcp, TCC_PROBE_SND_WND);
	ack->sacked_out = sacked_out;
	ack->rtt_us = LOAD(u32, tcp, TCC_INSIDE_RACK_RTT_US);
#pragma unroll
	for (i = 0; i < 8; i++)
		ack->sacks[i] = LOAD(u32, tcp, TCC_INSIDE_SACK_CACHE + 4 * i);
	ack->dsack_dups = LOAD(u32, tcp, TCC_INSIDE_DSACK_DUPS);
	__builtin_memset(ack->unused, 0, sizeof(ack->unused));
	ack->kind = EVENT_ACK;
	__builtin_memset(ack->reserved, 0, sizeof(ack->reserved));
	bpf_ringbuf_submit(ack, wake_up(now, ring));
}

/* All but `acks` and the extremes of what is in flight. */
static inline void look_inside(struct inside *inside, __u64 tcp, __u64 cookie, __u64 ts)
{
	inside->ts_ns = ts;
	inside->sock_cookie = cookie;
	inside->packets_out = LOAD(u32, tcp, TCC_INSIDE_PACKETS_OUT);
	inside->sacked_out = LOAD(u32, tcp, TCC_INSIDE_SACKED_OUT);
	inside->lost_out = LOAD(u32, tcp, TCC_INSIDE_LOST_OUT);
	inside->retrans_out = LOAD(u32, tcp, TCC_INSIDE_RETRANS_OUT);
	inside->mss_cache = LOAD(u32, tcp, TCC_INSIDE_MSS_CACHE);
	inside->delivered = LOAD(u32, tcp, TCC_INSIDE_DELIVERED);
	inside->lost = LOAD(u32, tcp, TCC_INSIDE_LOST);
	inside->app_limited = LOAD(u32, tcp, TCC_INSIDE_APP_LIMITED);
	inside->rate_delivered = LOAD(u32, tcp, TCC_INSIDE_RATE_DELIVERED);
	inside->rate_interval_us = LOAD(u32, tcp, TCC_INSIDE_RATE_INTERVAL_US);
	inside->rcv_nxt = LOAD(u32, tcp, TCC_INSIDE_RCV_NXT);
	inside->copied_seq = LOAD(u32, tcp, TCC_INSIDE_COPIED_SEQ);
	inside->write_seq = LOAD(u32, tcp, TCC_INSIDE_WRITE_SEQ);
	inside->reordering = LOAD(u32, tcp, TCC_INSIDE_REORDERING);
	inside->rttvar_us = LOAD(u32, tcp, TCC_INSIDE_RTTVAR_US);
	inside->mdev_us = LOAD(u32, tcp, TCC_INSIDE_MDEV_US);
	inside->min_rtt_us = LOAD(u32, tcp, TCC_INSIDE_MIN_RTT_US);
	inside->icsk_rto = LOAD(u32, tcp, TCC_INSIDE_ICSK_RTO);
	inside->high_seq = LOAD(u32, tcp, TCC_INSIDE_HIGH_SEQ);
	inside->tlp_high_seq = LOAD(u32, tcp, TCC_INSIDE_TLP_HIGH_SEQ);
	inside->undo_marker = LOAD(u32, tcp, TCC_INSIDE_UNDO_MARKER);
	inside->undo_retrans = LOAD(u32, tcp, TCC_INSIDE_UNDO_RETRANS);
	inside->prior_ssthresh = LOAD(u32, tcp, TCC_INSIDE_PRIOR_SSTHRESH);
	inside->ca_state = ca_state(tcp);
	inside->backoff = LOAD(u8, tcp, TCC_INSIDE_BACKOFF);
	inside->retransmits = LOAD(u8, tcp, TCC_INSIDE_RETRANSMITS);
	inside->pending = LOAD(u8, tcp, TCC_INSIDE_PENDING);
	inside->kind = EVENT_INSIDE;
	__builtin_memset(inside->unused, 0, sizeof(inside->unused));
}

static inline void look_at_algorithm(struct algorithm *algorithm, __u64 tcp, __u64 cookie, __u64 ts)
{
	__u64 ops = LOAD(u64, tcp, TCC_INSIDE_CA_OPS), jiffies = bpf_jiffies64();
	int i;

	algorithm->ts_ns = ts;
	algorithm->sock_cookie = cookie;
#pragma unroll
	for (i = 0; i < PRIVATE_WORDS; i++)
		algorithm->private[i] = LOAD(u64, tcp, TCC_INSIDE_CA_PRIV + 8 * i);
	algorithm->key = LOAD(u32, ops, TCC_INSIDE_CA_KEY);
	algorithm->kind = EVENT_ALGORITHM;
#pragma unroll
	for (i = 0; i < 3; i++)
		algorithm->jiffies[i] = jiffies >> 8 * i;
}

static inline void output(const struct config *now, void *record, int kind)
{
	void *ring = ring_here(now);

	if (!ring || bpf_ringbuf_output(ring, record, sizeof(struct event), wake_up(now, ring)))
		lose(kind);
}

/* Write what of an ACK that has no slot is asked for. */
static inline void tell_inside(const struct config *now, __u32 asked, __u64 tcp, __u64 cookie,
			       __u64 ts)
{
	void *ring = ring_here(now);
	struct algorithm *algorithm;
	struct inside *inside;

	if (!ring)
		return;
	if (asked & INSIDE_SOCKET) {
		inside = bpf_ringbuf_reserve(ring, sizeof(*inside), 0);
		if (inside) {
			look_inside(inside, tcp, cookie, ts);
			inside->acks = 0;
			inside->in_flight_min = packets_in_flight(inside);
			inside->in_flight_max = inside->in_flight_min;
			bpf_ringbuf_submit(inside, wake_up(now, ring));
		} else {
			lose(EVENT_INSIDE);
		}
	}
	if (asked & INSIDE_ALGORITHM) {
		algorithm = bpf_ringbuf_reserve(ring, sizeof(*algorithm), 0);
		if (algorithm) {
			look_at_algorithm(algorithm, tcp, cookie, ts);
			bpf_ringbuf_submit(algorithm, wake_up(now, ring));
		} else {
			lose(EVENT_ALGORITHM);
		}
	}
}

/* What is asked for of a socket, by its place among those in focus, or -1. */
static inline __u32 asked_of(const struct config *now, int place)
{
	__u32 of_all = now->inside >> INSIDE_OF_ALL;

	return (place < 0 ? of_all : of_all | now->inside) & INSIDE_KINDS;
}

/* Where a socket with a slot has what is asked for, and sets that; 0 if nothing is, or there is no
 * room.
 */
static inline struct insides *insides_of(const struct config *now, __u32 *asked, __u64 cookie,
					 int slot)
{
	int place;

	*asked = 0;
	if (!now->inside)
		return 0;
	place = focus_of(now, cookie);
	*asked = asked_of(now, place);
	if (!*asked)
		return 0;
	if (place < 0)
		place = MAX_FOCUS + slot;
	return insides.lookup(&place);
}

/* Write what goes with a slot's record: what was read at its ACK, whatever is asked for now. */
static inline void output_insides(const struct config *now, struct insides *held,
				  const struct event *event)
{
	if (!held || held->socket.sock_cookie != event->sock_cookie ||
	    held->socket.acks != event->acks)
		return;
	if (held->socket.kind)
		output(now, &held->socket, EVENT_INSIDE);
	if (held->algorithm.kind)
		output(now, &held->algorithm, EVENT_ALGORITHM);
}

static inline void fold_insides(struct insides *held, __u32 asked, __u64 tcp, __u64 cookie,
				__u64 ts, __u32 acks, int begin)
{
	struct inside *inside = &held->socket;
	__u32 in_flight;

	/* The extremes are of ACKs one behind the other at which the socket was read. */
	begin |= inside->sock_cookie != cookie || !inside->kind || acks - inside->acks != 1;
	/* Of which ACK both are. */
	inside->acks = acks;
	if (asked & INSIDE_SOCKET) {
		look_inside(inside, tcp, cookie, ts);
		in_flight = packets_in_flight(inside);
		if (begin || in_flight < inside->in_flight_min)
			inside->in_flight_min = in_flight;
		if (begin || in_flight > inside->in_flight_max)
			inside->in_flight_max = in_flight;
	} else {
		inside->sock_cookie = cookie;
		inside->kind = 0;
	}
	if (asked & INSIDE_ALGORITHM)
		look_at_algorithm(&held->algorithm, tcp, cookie, ts);
	else
		held->algorithm.kind = 0;
}
#else
#define PROBE_ARGS   struct tracepoint__tcp__tcp_probe
#define OF_ACK(name) args->name
#endif

/* All of an event that one ACK decides. */
#define SET_PROBE(event)                                                                           \
	do {                                                                                       \
		(event)->sock_cookie = cookie;                                                     \
		SET_SKADDR(event);                                                                 \
		(event)->saddr = saddr;                                                            \
		(event)->daddr = daddr;                                                            \
		(event)->mark = OF_ACK(mark);                                                      \
		(event)->snd_nxt = OF_ACK(snd_nxt);                                                \
		(event)->snd_una = OF_ACK(snd_una);                                                \
		(event)->snd_cwnd = OF_ACK(snd_cwnd);                                              \
		(event)->ssthresh = OF_ACK(ssthresh);                                              \
		(event)->snd_wnd = OF_ACK(snd_wnd);                                                \
		(event)->srtt = OF_ACK(srtt);                                                      \
		(event)->rcv_wnd = OF_ACK(rcv_wnd);                                                \
		(event)->sport = sport;                                                            \
		(event)->dport = dport;                                                            \
		(event)->family = family;                                                          \
		(event)->data_len = OF_ACK(data_len);                                              \
	} while (0)

#ifdef TCC_PROBE_HAS_SKADDR
#define SET_SKADDR(event) (event)->skaddr = (__u64)OF_ACK(skaddr)
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
	PROGRAM_OF(category, event, struct tracepoint__##category##__##event)
#define PROGRAM_OF(category, event, arguments) int category##__##event(arguments *args)

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
PROGRAM_OF(tcp, tcp_probe, PROBE_ARGS)
{
	__u32 before_cwnd, before_ssthresh;
	union address saddr, daddr;
	int zero = 0, reported, unreported, over, moved, at_once;
	struct config *now = config.lookup(&zero);
	struct event *event;
	struct mark *mark;
	struct held held;
	__u64 cookie, ts, since;
	__u16 family, sport, dport;
#ifdef TCC_TYPED
	__u64 args_sock = LOAD(u64, args, 0), skb = LOAD(u64, args, 8), tcp;
	struct insides *inside;
	__u32 asked;
#endif

	if (!now)
		return 0;
#ifdef TCC_TYPED
	tcp = TCP_SOCK(args_sock);
	if (!tcp)
		return 0;
	family = LOAD(u16, tcp, TCC_PROBE_FAMILY);
	sport = bpf_ntohs(LOAD(u16, tcp, TCC_PROBE_SPORT));
	dport = bpf_ntohs(LOAD(u16, tcp, TCC_PROBE_DPORT));
	read_ends(tcp, family, &saddr, &daddr);
#else
#ifdef TCC_PROBE_HAS_FAMILY
	family = args->family;
#else
	family = *(__u16 *)&args->saddr[0];
#endif
	sport = args->sport;
	dport = args->dport;
	READ_SOCKADDR(saddr, family, args->saddr);
	READ_SOCKADDR(daddr, family, args->daddr);
#endif
#ifdef TCC_PROBE_HAS_SKADDR
	set_devices(&saddr, &daddr, (void *)OF_ACK(skaddr));
#endif

	if (!passes(now, FILTER_OF_ALL, WALK_OFTEN, &saddr, &daddr, sport, dport))
		return 0;

#ifdef TCC_TYPED
	/* A socket has none until somebody asks for it: whoever traces tcp_probe does. */
	cookie = LOAD(u64, tcp, TCC_COOKIE_OFFSET);
	if (!cookie)
		cookie = socket_cookie((void *)args_sock);
#else
	cookie = args->sock_cookie;
#endif
	if (!now->interval_ns || !hold_own(&held, cookie)) {
		event = reserve(now, EVENT_PROBE);
		if (!event) {
			lose(EVENT_PROBE);
			return 0;
		}
		SET_PROBE(event);
		begin_extremes(event);
#ifdef TCC_TYPED
		ts = event->ts_ns;
		submit(event);
		if (now->inside) {
			asked = asked_of(now, focus_of(now, cookie));
			if (asked)
				tell_inside(now, asked, tcp, cookie, ts);
			tell_ack(now, tcp, cookie, ts);
		}
#else
		submit(event);
#endif
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
	moved = mark->emitted_ns && (event->sport != sport || event->dport != dport ||
				     event->daddr.halves[0] != daddr.halves[0] ||
				     event->daddr.halves[1] != daddr.halves[1]);
#ifdef TCC_TYPED
	inside = insides_of(now, &asked, cookie, held.slot);
	tell_ack(now, tcp, cookie, ts);
#endif
	if ((over || moved) && !reported) {
		reported = tell(now, event, mark);
		if (!reported)
			lose(EVENT_PROBE);
#ifdef TCC_TYPED
		else
			output_insides(now, inside, event);
#endif
	}
	if (moved)
		reported = at_once = 1;
	before_cwnd = event->snd_cwnd;
	before_ssthresh = event->ssthresh;

	mark->acks++;
	barrier();
	event->ts_ns = ts;
	SET_PROBE(event);
	event->acks = mark->acks;
	if (reported) {
		event->begun = !mark->emitted_ns;
		begin_extremes(event);
	} else {
		widen_extremes(event);
	}
#ifdef TCC_TYPED
	if (inside)
		fold_insides(inside, asked, tcp, cookie, ts, mark->acks, reported);
#endif

	at_once |= event->ssthresh != before_ssthresh || event->snd_cwnd < before_cwnd;
	if (over || at_once)
		mark->emitted_ns = ts - ts % interval_of(now, cookie);
	/* Where there is no room, the next record tells it, an interval later. */
	unreported = !at_once;
	if (at_once && !tell(now, event, mark)) {
		lose(EVENT_PROBE);
		unreported = 1;
	}
#ifdef TCC_TYPED
	if (!unreported)
		output_insides(now, inside, event);
#endif
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

/* These states are entered by the process itself (tcp_v4_connect, tcp_close_state): most others by
 * a segment, in whichever process it interrupts.
 */
static inline int by_its_process(int state)
{
	return state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK;
}

/* Whether the current process is the socket's: it has the socket's lock, which segments and timers
 * never take while a process has it (lock_sock_nested, net/core/sock.c). So has one that aborts
 * another's (tcp_abort), which leaves that error, and a kernel thread that closes it for a process.
 * `known` is the answer where the kernel does not tell where to read that.
 */
static inline int is_its_process(const void *sock, int known)
{
#if defined(TCC_LOCK_OFFSET) && defined(TCC_OWNED_OFFSET) && defined(TCC_ERROR_OFFSET)
	int owned = 0, error = 0;

	bpf_probe_read_kernel(&owned, sizeof(owned), sock + TCC_LOCK_OFFSET + TCC_OWNED_OFFSET);
	bpf_probe_read_kernel(&error, sizeof(error), sock + TCC_ERROR_OFFSET);
	known = owned && error != ECONNABORTED;
#endif
#ifdef TCC_TASK_FLAGS_OFFSET
	__u32 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags),
			      (void *)bpf_get_current_task() + TCC_TASK_FLAGS_OFFSET);
	known = known && !(flags & PF_KTHREAD);
#endif
	return known;
}

static inline void set_owner(struct event *event)
{
	struct owner *owner = (struct owner *)&event->snd_nxt;
#ifdef TCC_HAS_CGROUPS
	__u64 id = bpf_get_current_cgroup_id();

	__builtin_memcpy(owner->cgroup_id, &id, sizeof(id));
#endif
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->uid = bpf_get_current_uid_gid();
#if defined(TCC_LEADER_OFFSET) && defined(TCC_COMM_OFFSET)
	/* A thread may have a name of its own: the process's is its first thread's. */
	void *leader = 0;

	bpf_probe_read_kernel(&leader, sizeof(leader),
			      (void *)bpf_get_current_task() + TCC_LEADER_OFFSET);
	__builtin_memset(owner->comm, 0, sizeof(owner->comm));
	bpf_probe_read_kernel_str(owner->comm, sizeof(owner->comm), leader + TCC_COMM_OFFSET);
#else
	bpf_get_current_comm(owner->comm, sizeof(owner->comm));
#endif
}

#ifndef TCC_NO_STATE
/* The cookie that a socket has so far, or 0: it gets one where somebody asks for it
 * (__sock_gen_cookie, net/core/sock_diag.c).
 */
static inline __u64 cookie_of(const void *sock)
{
	__u64 cookie = 0;

#ifdef TCC_COOKIE_OFFSET
	bpf_probe_read_kernel(&cookie, sizeof(cookie), sock + TCC_COOKIE_OFFSET);
#endif
	return cookie;
}

PROGRAM(sock, inet_sock_set_state)
{
	union address saddr, daddr;
	struct event *event;

	if (args->protocol != IPPROTO_TCP)
		return 0;
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	set_devices(&saddr, &daddr, args->skaddr);
	event = begin(EVENT_STATE, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->sock_cookie = cookie_of(args->skaddr);
	event->skaddr = (__u64)args->skaddr;
	event->family = args->family;
	event->oldstate = args->oldstate;
	event->newstate = args->newstate;
	if (is_its_process(args->skaddr, by_its_process(args->newstate)))
		set_owner(event);
	submit(event);
	return 0;
}
#endif

#ifdef TCC_TYPED
#define READ(into, from, offset)                                                                   \
	bpf_probe_read_kernel(&(into), sizeof(into), (const void *)(from) + (offset))

/* What a socket is at when it sends again, or enters a state of recovery. */
static inline void set_recovery(struct event *event, const void *sock)
{
	struct recovery *recovery = (struct recovery *)&event->acks;
	__u8 state = 0;

	READ(event->snd_nxt, sock, TCC_PROBE_SND_NXT);
	READ(event->snd_una, sock, TCC_PROBE_SND_UNA);
	READ(event->snd_cwnd, sock, TCC_PROBE_SND_CWND);
	READ(event->ssthresh, sock, TCC_PROBE_SND_SSTHRESH);
	READ(event->snd_wnd, sock, TCC_PROBE_SND_WND);
	READ(event->srtt, sock, TCC_PROBE_SRTT);
	READ(event->rcv_wnd, sock, TCC_PROBE_RCV_WND);
	event->srtt >>= 3;
	READ(state, sock, TCC_CA_STATE_BYTE);
	recovery->ca_state = state >> TCC_CA_STATE_SHIFT & TCC_CA_STATE_MASK;
	READ(recovery->pending, sock, TCC_INSIDE_PENDING);
	READ(recovery->retransmits, sock, TCC_INSIDE_RETRANSMITS);
	READ(recovery->undo_marker, sock, TCC_INSIDE_UNDO_MARKER);
	READ(recovery->prior_ssthresh, sock, TCC_INSIDE_PRIOR_SSTHRESH);
	READ(recovery->high_seq, sock, TCC_INSIDE_HIGH_SEQ);
	recovery->known = 1;
}
#endif

#ifndef TCC_NO_RETRANSMIT
/* One may stand for several segments that were sent as one. */
PROGRAM(tcp, tcp_retransmit_skb)
{
	union address saddr, daddr;
	struct event *event;
#ifdef TCC_TYPED
	struct recovery *recovery;
	__u16 segments = 0;
#endif

#ifdef TCC_RETRANSMIT_HAS_ERR
	if (args->err)
		return 0;
#endif
	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	set_devices(&saddr, &daddr, args->skaddr);
	event = begin(EVENT_RETRANSMIT, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_RETRANSMIT_HAS_FAMILY
	event->family = args->family;
#endif
	event->newstate = args->state;
#ifdef TCC_TYPED
	set_recovery(event, args->skaddr);
	recovery = (struct recovery *)&event->acks;
	READ(recovery->seq, args->skbaddr, TCC_SKB_SEQ);
	READ(recovery->end_seq, args->skbaddr, TCC_SKB_END_SEQ);
	READ(segments, args->skbaddr, TCC_SKB_SEGMENTS);
	recovery->segments = segments;
#endif
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
	set_devices(&saddr, &daddr, args->skaddr);
	event = begin(EVENT_CA_STATE, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_CA_STATE_HAS_FAMILY
	event->family = args->family;
#endif
	event->newstate = args->cong_state;
#ifdef TCC_TYPED
	set_recovery(event, args->skaddr);
#endif
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
	set_devices(&saddr, &daddr, args->skaddr);
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
	if (args->skaddr)
		set_devices(&saddr, &daddr, args->skaddr);
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

#if defined(TCC_TYPED) && !defined(TCC_NO_DROP)
/* Where a packet's headers are, and the TCP header's first bytes. */
struct headers {
	union address saddr;
	union address daddr;
	__u16 sport;
	__u16 dport;
	__u32 seq;
	__u16 family;
	__u16 bytes; /* of data */
};

#define IPV6_HEADER 40

/* Read the headers of a TCP segment; says whether it is one. */
static inline int read_headers(struct headers *headers, const void *skb, __u16 protocol)
{
	__u8 ip[IPV6_HEADER], tcp[TCP_HEADER_OFFSET + 1];
	__u16 place = 0, total;
	__u32 length;
	void *head = 0;

	READ(head, skb, TCC_SKB_HEAD);
	READ(place, skb, TCC_SKB_NETWORK_HEADER);
	if (protocol == ETH_P_IP) {
		if (bpf_probe_read_kernel(ip, 20, head + place) || ip[9] != IPPROTO_TCP)
			return 0;
		headers->family = AF_INET;
		headers->saddr.halves[0] = headers->daddr.halves[0] = 0;
		headers->saddr.words[2] = headers->daddr.words[2] = bpf_htonl(0xffff);
		__builtin_memcpy(&headers->saddr.words[3], ip + 12, 4);
		__builtin_memcpy(&headers->daddr.words[3], ip + 16, 4);
		length = (ip[0] & 0xf) * 4;
		total = (ip[2] << 8 | ip[3]) - length;
	} else {
		if (bpf_probe_read_kernel(ip, sizeof(ip), head + place) || ip[6] != IPPROTO_TCP)
			return 0;
		headers->family = AF_INET6;
		__builtin_memcpy(&headers->saddr, ip + 8, 16);
		__builtin_memcpy(&headers->daddr, ip + 24, 16);
		length = IPV6_HEADER;
		total = ip[4] << 8 | ip[5];
	}
	if (bpf_probe_read_kernel(tcp, sizeof(tcp), head + place + length))
		return 0;
	headers->sport = tcp[0] << 8 | tcp[1];
	headers->dport = tcp[2] << 8 | tcp[3];
	headers->seq = (__u32)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];
	headers->bytes = total - (tcp[TCP_HEADER_OFFSET] >> 4) * 4;
	return 1;
}

/* `saddr` is the sender of the segment: which end is this machine's, if not both, user space knows
 * from its connections.
 */
PROGRAM(skb, kfree_skb)
{
	struct headers headers;
	struct event *event;
	struct drop *drop;

	if (args->protocol != ETH_P_IP && args->protocol != ETH_P_IPV6)
		return 0;
	if (!read_headers(&headers, args->skbaddr, args->protocol))
		return 0;
	event = begin(EVENT_DROP, &headers.saddr, &headers.daddr, headers.sport, headers.dport);
	if (!event)
		return 0;
	event->family = headers.family;
	drop = (struct drop *)&event->mark;
	drop->reason = args->reason;
	drop->seq = headers.seq;
	drop->bytes = headers.bytes;
	submit(event);
	return 0;
}
#endif

#if defined(TCC_QUEUE_NEXT) && defined(TCC_QUEUE_SK) && defined(TCC_QUEUE_TSTAMP) &&               \
    defined(TCC_COOKIE_OFFSET)
/* Packets that a queue gives away at once, at most: there may be more where they are small. */
#define MAX_DEQUEUED 32

/* The arguments of the tracepoint itself: as numbers, since `skb` is 0 where a queue was empty, and
 * the verifier of some kernels takes a pointer that has a type for one that never is.
 */
struct dequeue_args {
	__u64 qdisc;
	__u64 txq;
	__u64 packets;
	__u64 skb;
};

/* TCP gives a packet the time at which it is to be sent, now or later where it is paced, and the
 * queue, segments that a queue makes of it, and fq, which waits until then, leave it as it is
 * (__tcp_transmit_skb, net/ipv4/tcp_output.c; __copy_skb_header, net/core/skbuff.c).
 */
static inline void add_wait(struct queued *of, __u64 cookie, const void *skb)
{
	__u64 now = bpf_ktime_get_ns(), since = 0, wait;
	__u32 length = 0;

	READ(since, skb, TCC_QUEUE_TSTAMP);
	READ(length, skb, TCC_PROBE_SKB_LEN);
	wait = since && since < now ? now - since : 0;
	if (of->sock_cookie != cookie) {
		__builtin_memset(of, 0, sizeof(*of));
		of->sock_cookie = cookie;
	}
	__sync_fetch_and_add(&of->packets, 1);
	__sync_fetch_and_add(&of->bytes, length);
	__sync_fetch_and_add(&of->wait_ns, wait);
	__sync_fetch_and_add(&of->byte_us, length * (wait / 1000));
	if (wait > of->longest_ns)
		of->longest_ns = wait;
}

int qdisc__qdisc_dequeue(struct dequeue_args *args)
{
	const void *skb = (const void *)args->skb, *next, *sock;
	int zero = 0, place, i;
	struct config *now = config.lookup(&zero);
	struct queued *of;
	__u64 cookie;

	if (!now || !now->n_focus)
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < MAX_DEQUEUED && skb; i++) {
		next = sock = 0;
		cookie = 0;
		READ(sock, skb, TCC_QUEUE_SK);
		if (sock)
			READ(cookie, sock, TCC_COOKIE_OFFSET);
		place = cookie ? focus_of(now, cookie) : -1;
		of = place < 0 ? 0 : queued.lookup(&place);
		if (of)
			add_wait(of, cookie, skb);
		READ(next, skb, TCC_QUEUE_NEXT);
		skb = next;
	}
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
	set_devices(&saddr, &daddr, args->skaddr);
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
			if (is_its_process(args->skaddr, 0))
				set_owner(event);
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
