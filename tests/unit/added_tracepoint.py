"""One more tracepoint and its mark, as they would be added."""

from __future__ import annotations

from tests.unit.changed_package import Additions

ROWS = "tcctui/wire/tracepoints.py"

IN_PYTHON: Additions = {
    ROWS: (
        ("\n\nclass MarkKind(IntEnum):", "    RCV_SPACE = 9\n"),
        ("\n\nclass Mark(NamedTuple):", "    READ = 8\n"),
        (
            ')  # fmt: skip\n"""Every mark',
            '    Mark(MarkKind.READ, "⬆", "^", "read", "$text-success", "the application read",'
            " counted=True),\n",
        ),
        (
            ')\n"""Every tracepoint',
            '    Tracepoint("tcp/tcp_rcv_space_adjust", EventKind.RCV_SPACE,'
            ' ("skaddr", *ENDS, "sock_cookie"), ("family",), mark=MarkKind.READ,'
            ' without="reads are not marked"),\n',
        ),
    )
}

IN_C: Additions = {
    "bpf/tcc.c": (
        (
            "#ifndef TCC_NO_DESTROY\n",
            """#ifndef TCC_NO_RCV_SPACE
PROGRAM(tcp, tcp_rcv_space_adjust)
{
	union address saddr, daddr;
	struct event *event;

	READ_V6(saddr, args->saddr_v6);
	READ_V6(daddr, args->daddr_v6);
	event = begin(EVENT_RCV_SPACE, &saddr, &daddr, args->sport, args->dport);
	if (!event)
		return 0;
	event->sock_cookie = args->sock_cookie;
	event->skaddr = (__u64)args->skaddr;
#ifdef TCC_RCV_SPACE_HAS_FAMILY
	event->family = args->family;
#endif
	submit(event);
	return 0;
}
#endif

""",
        ),
    )
}
