"""A fleet: its dashboard, and what holds what many machines send."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App

from tcctui.fleet.collector.limits import MIB, Limits
from tcctui.fleet.tables.estimates import FLOOR
from tcctui.fleet.tables.every_table import ROLLED_UP, TABLES
from tcctui.fleet.view.fleet_app import FleetApp
from tcctui.fleet.view.flow_statement import MOST
from tcctui.fleet.view.hosts import WINDOWS
from tcctui.fleet.view.keys import MEANINGS, OWN
from tcctui.reference.blocks import Block, Command, Heading, Listing, Paragraph, entry
from tcctui.ui.actions import actions, spoken
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player

_USERS = """\
[agents]
role = "agent"
password = "scrypt:..."

[people]
role = "reader"
token = "sha256:..."
"""


def blocks() -> Iterator[Block]:
    """Dashboard, engine, users, limits, tables."""
    limits = Limits()
    yield Command(
        "tcctui fleet https://HOST:8443 --user NAME --password-file FILE",
        "The dashboard: groups of all connections in the last hour, the worst first. G changes the"
        " grouping, Enter opens a group, Esc clears the search, the arrows go back in time, [ by a"
        " day.",
    )
    yield Command(
        "tcctui fleet https://HOST:8443 'port:443 and srtt>80ms' --at -2h",
        "Of connections that match, two hours ago.",
    )
    yield Paragraph(
        "A group's Δ is the change, since the same hour yesterday, of its median srtt, or of its"
        " retransmitted share plus 0.1 %: the larger growth, or where neither grew by 10 % the"
        " larger fall, below 0; LIMITED is what limited its"
        " connections for most of the time. Both need"
        f" {FLOOR} connections. Sums are those of every"
        " connection, quantiles are within 2 %. A search for host, process, net, port, algorithm"
        " or namespace is summed up anew; one for values of single connections is estimated from"
        " the samples of each host's last window: FLOWS± is half of the 95 % interval of their"
        " number, and unknown where too few were chosen by chance; then there is no verdict."
    )
    yield Paragraph(
        f"Connections are shown as their last window says, at most the {MOST:,} worst."
        " Values that hosts do not send, such as every ACK, are refused: Enter on a connection"
        " goes to its host. While the engine is slow or away the status line says so, and the last"
        " rows stay."
    )
    yield Paragraph(
        "Enter on a connection asks its host, over ssh (--ssh), for its last minutes, as far as the"
        " host's agent keeps them (--rewind), and goes on live; where the dashboard shows a moment"
        " of the past, it goes to that moment. One that has ended is shown at its last moments."
        " V looks for the host that has the connection's other end: the same addresses and ports"
        " turned around, else the one host that has the remote address. Then both ends are on one"
        " time axis, in the past or live; behind NAT none is found."
    )
    yield Paragraph(
        "Charts of a group have the day before beside. A host without a row for"
        f" {WINDOWS} windows is silent: the status line names it. Alerts (--alert) look at the rows"
        " that are shown."
    )
    yield Heading("Keys that differ from one machine's")
    app: App[None] = App()
    owners = (FleetApp, DashboardApp, Dashboard, *FlowTable.__mro__, Player)
    for action in actions(owners):
        meaning = MEANINGS.get(action.id, action.meaning if action.id in OWN else "")
        if meaning:
            name = "" if action.id in OWN else action.id
            yield entry(spoken(app, action.keys), meaning, setting=name)
    yield Heading("Engine")
    yield Command(
        "tcctui collector --listen 0.0.0.0:8443 --users users.toml",
        "Keep what agents send, where there is no ClickHouse: for up to 500 hosts. --certificate"
        " makes it https.",
    )
    yield Command(
        "tcctui fleet schema https://HOST:8443 --password-file FILE",
        "Create the tables in a ClickHouse, or add what they lack; may be repeated.",
    )
    yield Command(
        "tcctui fleet schema --print --cluster NAME",
        "Print the statements: here those of replicated and distributed tables, which were never"
        " tried on a real cluster: read them first.",
    )
    yield Paragraph(
        "The collector is ClickHouse's own engine (chDB) in one process, behind ClickHouse's HTTP"
        " interface: other clients of ClickHouse read it, too. It needs"
        " pip install 'tcctui[fleet]'. Its tables are those of a server: to move to one, create the"
        " schema there, and copy each table with SELECT ... FORMAT Native and INSERT ... FORMAT"
        " Native. Above some 500 hosts, or where data must survive this machine, use a server."
    )
    yield Paragraph(
        "Started by root, it becomes the user who called sudo, or the owner of its directory, or"
        " nobody for an empty one; where the kernel has Landlock, it writes to nothing else."
    )
    yield Heading("Relays")
    yield Command(
        "tcctui relay --listen ADDRESS:8124 --users FILE --to https://HOST:8443",
        "Merge what some 200 agents send: above some 1,000 hosts, a few of these stand before the"
        " engine. --user and --password-file are for the engine, --users are the agents.",
    )
    yield Paragraph(
        "An agent's batch is acknowledged once the engine has stored it. While the engine is away,"
        " agents keep theirs: a relay keeps only what is on its way, in --spool, so that after a"
        " kill it comes again as the same insert, and is stored once. Each agent has to keep to one"
        " relay: two know nothing of each other's batches. It needs no root. /ping answers as long"
        " as it runs, /replicas_status with 503 while it has no engine."
    )
    yield Heading("Kafka")
    yield Command(
        "tcctui relay --listen ADDRESS:8124 --kafka https://PROXY:8082",
        "Hand on what agents send to a Kafka that is there, by the REST proxy of Confluent,"
        " Karapace or Redpanda: topics tcctui.flow_10s and so on, to be made before.",
    )
    yield Command(
        "tcctui fleet schema --print --kafka HOST:9092,HOST:9092",
        "Print the statements with tables that read these topics, and views that move the rows on.",
    )
    yield Paragraph(
        "A record is a batch of one agent, an Arrow stream, with its token as the key. Kafka does"
        " not know the token: a batch whose answer gets lost may be stored twice, which does not"
        " happen without Kafka. After an update of tcctui drop the tables NAME_kafka and the views"
        " NAME_from_kafka, and create them anew. It was tried with a stand-in for the proxy, never"
        " with a real Kafka."
    )
    yield Heading("Users of collectors and relays")
    yield Paragraph(
        "Without --users it listens on this machine alone, and everybody there may do everything."
        " The file has a table of TOML for each user. tcctui collector --hash makes the hash of a"
        " password, --token a new token and its hash. It is read at the start: restart the"
        " process after a change. Nothing is lost by that, agents send again; and it has no right"
        " to read the file any more once it serves."
    )
    yield Listing(_USERS)
    yield entry("agent", "Inserts rows into the tables below, and reads nothing.")
    yield entry("reader", "Reads: no other statements, and no settings but harmless ones.")
    yield entry("admin", "Creates, changes and drops tables, too.")
    yield Paragraph(
        "Nobody reaches files, programs or other machines through it: file(), url(), remote() and"
        " the like are refused."
    )
    yield Paragraph(
        "--certificate is one file with the certificate, those above it and the key. Behind a proxy"
        " that ends https, listen on 127.0.0.1, with --users; it has to let"
        f" {limits.body // MIB} MiB through (nginx: client_max_body_size)."
    )
    yield Heading("Limits of the collector")
    yield Paragraph(
        f"A request has at most {limits.body // MIB} MiB, {limits.unpacked // MIB} MiB unpacked; a"
        f" statement takes at most {limits.seconds:.0f} s and {limits.memory // MIB} MiB, and its"
        f" result {limits.result // MIB} MiB. {limits.reading} statements read at once, and"
        f" {limits.inserting} insert; others wait {limits.patience_s:.0f} s for their turn. All"
        f" together may take {(limits.reading + limits.inserting) * limits.memory // MIB} MiB, and"
        " the engine itself some 500. While the disk is full agents keep their batches."
    )
    yield Heading("Labels of hosts")
    yield Command(
        "tcctui fleet schema URL --labels hosts.csv",
        "Replace all labels by those of a file, such as host,rack,site; in SQL:"
        " dictGet('host_labels', 'rack', host)",
    )
    yield Heading("Tables")
    for table in (*TABLES, ROLLED_UP):
        yield entry(table.name, table.meaning, f"Kept for {table.days} days.")
