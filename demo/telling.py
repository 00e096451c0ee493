"""Tells the story in the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lotkin.demo import words
from lotkin.demo.story import CLASSES
from lotkin.demo.words import Language

Told = Mapping[str, Any]


def tell(story: Told, console: Console, language: Language) -> None:
    """Print the story: what is hit, how surely, where it is, and why."""
    teller = _Teller(console, language)
    teller.opening(story)
    teller.reach(story)
    teller.consignees(story["consignees"])
    teller.devices(story)
    teller.component(story["component"])


def close(url: str, roles: Sequence[str], tokens: Path, console: Console, lang: Language) -> None:
    """Print how to go on and how to stop."""
    console.print(Rule(style="dim"))
    for line in (
        words.text(lang, "open", f"{url}/graphiql"),
        words.text(lang, "roles", ", ".join(roles), tokens),
        words.text(lang, "capture"),
        words.text(lang, "stop"),
    ):
        console.print(line, soft_wrap=True, markup=False)


class _Teller:
    """A terminal and a language."""

    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language = language

    def opening(self, story: Told) -> None:
        """Tell what was captured and what is suspect."""
        self._console.print(Rule(self._text("title"), style="bold"))
        self._say("captured", **story["captured"])
        suspect = story["suspect"]
        self._say(
            "suspect",
            lot=suspect["lotNo"],
            name=suspect["itemClass"]["name"],
            quantity=_quantity(suspect["quantity"]),
            since=suspect["holds"][0]["since"][:10] if suspect["holds"] else "?",
        )

    def reach(self, story: Told) -> None:
        """Tell how many devices are hit, by class, under both policies."""
        timed, untimed = story["timed"], story["untimed"]
        self._say(
            "answer",
            engine=story["engine"],
            ms=round(story["elapsedMs"]),
            first=round(story["firstElapsedMs"]),
            http=round(story["roundTripMs"]),
            position=story["position"],
            visited=timed["visited"],
        )
        self._say(
            "reach",
            serials=timed["serials"],
            consignees=timed["consignees"],
            consumed=timed["consumed"],
            shipped=timed["shipped"],
            in_stock=timed["inStock"],
            containers=timed["containers"],
        )
        table = self._table("class", "timed", "untimed")
        for name in CLASSES:
            counts = (each["devicesByClass"][name] for each in (timed, untimed))
            table.add_row(self._text(name), *map(str, counts))
        self._console.print(Padding(table, (0, 2)))

    def consignees(self, consignees: Sequence[Told]) -> None:
        """Tell who was sent what."""
        self._console.print()
        table = self._table("consignee", "devices", "from", "until")
        for each in consignees:
            dates = (each["firstShippedAt"][:10], each["lastShippedAt"][:10])
            table.add_row(each["party"]["name"], str(each["serials"]), *dates)
        self._console.print(Padding(table, (0, 2)))

    def devices(self, story: Told) -> None:
        """Tell of single devices: where, why in, why out, what became of them."""
        device, excluded = story["device"], story["excluded"]
        self._console.print()
        self._say("where", **_named(device), place=self._place(device["whereabouts"]))
        self._path("why", device["why"])
        self._path("why_not", excluded["why"], **_named(excluded))
        self._console.print()
        for name, key in (("replaced", "replaced"), ("by_hand", "replacedByHand")):
            pump = story[key]
            last = pump["why"][-1]["rule"]
            rule = words.rule(self._language, last)
            self._say(name, serial=pump["serialNo"], holder=_holder(pump), rule=rule)
        returned, renumbered = story["returned"], story["renumbered"]
        self._say("returned", serial=returned["serialNo"], holder=_holder(returned))
        new = renumbered["successor"]["key"].rpartition("/")[2]
        self._say("renumbered", old=renumbered["serialNo"], new=new)

    def component(self, told: Told) -> None:
        """Tell of the second suspect and the bound that its pieces give."""
        for bound in told["bounds"][:1]:
            self._say(
                "bound",
                lot=told["suspect"]["lotNo"],
                name=told["suspect"]["itemClass"]["name"],
                certain=told["timed"]["devicesByClass"]["CERTAIN"],
                possible=told["timed"]["devicesByClass"]["POSSIBLE"],
                at_most=bound["atMost"],
                unit=bound["itemClass"]["name"],
            )

    def _path(self, name: str, steps: Sequence[Told], /, **facts: Any) -> None:
        self._say(name, **facts)
        for step in steps:
            activity = step["activity"] or {}
            done = activity.get("operation") or activity.get("kind") or ""
            at = f"{step['at'][:16].replace('T', ' ')} UTC" if step["at"] else ""
            line = Text("    ")
            line.append(f"{_label(step['from'])} → {_label(step['to'])}", style="bold")
            line.append(f"  {done}, {at}: ", style="dim")
            line.append(words.rule(self._language, step["rule"]))
            self._console.print(line, soft_wrap=True)

    def _place(self, where: Told) -> str:
        chain = [each["key"].rpartition("/")[2] for each in where["containers"]]
        told = [self._text("inside", chain[0])] if chain else []
        told += [self._text("on", each) for each in chain[1:]]
        if where["inTransitTo"]:
            told.append(self._text("transit", where["inTransitTo"]["name"]))
        if where["place"]:
            told.append(self._text("at", where["place"]["name"]))
        elif where["holder"]:
            told.append(self._text("held", where["holder"]["name"]))
        return ", ".join(told)

    def _table(self, *names: str) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, name in enumerate(names):
            table.add_column(self._text(name), justify="right" if number else "left")
        return table

    def _text(self, name: str, /, *values: object, **facts: object) -> str:
        return words.text(self._language, name, *values, **facts)

    def _say(self, name: str, /, **facts: object) -> None:
        self._console.print(self._text(name, **facts), markup=False)


def _named(item: Told) -> Told:
    return {"name": item["itemClass"]["name"], "serial": item["serialNo"]}


def _label(item: Told) -> str:
    return f"{item['itemClass']['name']} {item.get('lotNo') or item.get('serialNo')}"


def _holder(item: Told) -> str:
    holder = item["whereabouts"]["holder"]
    return str(holder["name"]) if holder else "?"


def _quantity(told: Told | None) -> str:
    return "?" if told is None else f"{told['value']} {told['unit']}"
