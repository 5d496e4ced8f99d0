"""Facts that the kernel's types (BTF) tell once and for all; kept with the compiled program.

Reading them takes 50 ms and more, which no start pays that finds the program in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tcctui.sources.kernel.type_information import TypeInformation

_PREFIX = "SKB_DROP_REASON_"


class TypeFacts(NamedTuple):
    """Names of `enum skb_drop_reason`, and layouts of the algorithms that are built in, as data.

    Modules are not among them: they can be exchanged while the kernel runs.
    """

    drop_reasons: dict[int, str]
    layouts: list[Any]

    @classmethod
    def from_json(cls, values: Any) -> TypeFacts:
        """Read what JSON made of it.

        Raises:
            ValueError, TypeError: it is something else.

        """
        reasons, layouts = values
        return cls({int(at): str(name) for at, name in reasons.items()}, list(layouts))


NO_FACTS = TypeFacts({}, [])
"""Those of a kernel without types."""


def facts(types: TypeInformation | None) -> TypeFacts:
    """Read them from a kernel's types."""
    from tcctui.sources.kernel import private_layouts  # noqa: PLC0415 - of no use once they are kept
    from tcctui.sources.kernel.type_information import Kind  # noqa: PLC0415

    if types is None:
        return NO_FACTS
    number = types.find(Kind.ENUM, "skb_drop_reason")
    names = {} if number is None else types.constants(number)
    return TypeFacts(
        {at: name.removeprefix(_PREFIX) for at, name in names.items()},
        [layout.to_data() for layout in private_layouts.built_in(types)],
    )
