"""The command lines of `atm` and `bank`: every spelling of a good one means the same, and nothing else is taken."""

import getopt
import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_link.till.grammar import AtmLine, BankLine, LineError, _options, read_atm, read_bank
from bank_link.till.messages import What

LETTERS = "_-." + string.digits + string.ascii_lowercase
MODES = {"n": What.OPEN, "d": What.DEPOSIT, "w": What.WITHDRAW, "g": What.BALANCE}

accounts = st.text(LETTERS, min_size=1, max_size=122)
files = st.text(LETTERS, min_size=1, max_size=127).filter(lambda name: name not in {".", ".."})
ports = st.integers(1_024, 65_535).map(str)
ips = st.lists(st.integers(0, 255), min_size=4, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def amounts(least: int) -> st.SearchStrategy[str]:
    return st.integers(least, 429_496_729_599).map(lambda minor: f"{minor // 100}.{minor % 100:02}")


modes = st.one_of(
    st.tuples(st.just("n"), amounts(1_000)), st.tuples(st.sampled_from("dw"), amounts(1)), st.just(("g", ""))
)
atm_options = st.builds(
    lambda required, mode, more: required | {mode[0]: mode[1]} | more,
    st.fixed_dictionaries({"a": accounts}),
    modes,
    st.fixed_dictionaries({}, optional={"s": files, "i": ips, "p": ports, "c": files}),
)
bank_options = st.fixed_dictionaries({}, optional={"s": files, "p": ports})


@st.composite
def spelled(draw: st.DrawFn, options: dict[str, str]) -> list[str]:
    """The options in any order; values glued or apart; `-g` alone or at the head of the next option's word."""
    words: list[str] = []
    head = "-"
    for letter in draw(st.permutations(sorted(options))):
        if letter == "g":
            head = "-g"
            if draw(st.booleans()):
                words.append(head)
                head = "-"
            continue
        value = options[letter]
        words += [head + letter + value] if draw(st.booleans()) else [head + letter, value]
        head = "-"
    return words if head == "-" else [*words, head]


def meant(options: dict[str, str]) -> AtmLine:
    mode = next(letter for letter in MODES if letter in options)
    return AtmLine(
        auth_file=options.get("s", "bank.auth"),
        ip=options.get("i", "127.0.0.1"),
        port=int(options.get("p", "3000")),
        card_file=options.get("c", options["a"] + ".card"),
        account=options["a"],
        what=MODES[mode],
        amount=int(options[mode].replace(".", "") or "0"),
    )


@given(st.data(), atm_options)
def test_every_spelling_of_a_line_means_the_same(data: st.DataObject, options: dict[str, str]) -> None:
    """Order, grouping and glued values change nothing; what is not said has the rules' defaults."""
    assert read_atm(data.draw(spelled(options))) == meant(options)


@given(st.data(), bank_options, st.none() | st.text(min_size=1, max_size=50))
def test_every_spelling_of_the_banks_line(data: st.DataObject, options: dict[str, str], database: str | None) -> None:
    """`--database DIR` may stand wherever an option may."""
    groups = [data.draw(spelled({letter: value})) for letter, value in options.items()]
    groups += [["--database", database]] if database is not None else []
    words = [word for group in data.draw(st.permutations(groups)) for word in group]
    assert read_bank(words) == BankLine(
        port=int(options.get("p", "3000")), auth_file=options.get("s", "bank.auth"), database=database
    )


@given(st.lists(st.text("gasp-x", max_size=4) | st.sampled_from(["-g", "-a", "-ga", "-sx"]), max_size=6))
def test_words_are_taken_apart_as_getopt_does(words: list[str]) -> None:
    """The standard library's POSIX parser is the judge, but for `--`, operands and repetitions, which are refused."""
    assert taken(words) == oracle(words)


def taken(words: Sequence[str]) -> dict[str, str] | None:
    try:
        return _options(words, valued="asp", bare="g")
    except LineError:
        return None


def oracle(words: Sequence[str]) -> dict[str, str] | None:
    # getopt lets `--` end the options; under another name it is a value where it is one, and else an operand.
    try:
        found, rest = getopt.getopt(["zz" if word == "--" else word for word in words], "a:s:p:g")
    except getopt.GetoptError:
        return None
    options = {letter[1:]: "--" if value == "zz" else value for letter, value in found}
    return None if rest or len(options) < len(found) else options


def refused(words: Sequence[str], read=read_atm) -> str:
    """The sentence, in which no value of the line stands."""
    with pytest.raises(LineError) as error:
        read(words)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


GOOD = ["-a", "bob", "-g"]


@given(st.data(), atm_options)
def test_a_good_line_with_one_thing_wrong(data: st.DataObject, options: dict[str, str]) -> None:
    """An option twice, a second mode, no account, no mode, an operand, `--`, an unknown option, a value too few."""
    words = data.draw(spelled(options))
    letter = data.draw(st.sampled_from(sorted(options)))
    mode = next(mode for mode in MODES if mode in options)
    second = data.draw(st.sampled_from(sorted(set(MODES) - {mode})))
    missing = data.draw(st.sampled_from(["a", mode]))
    without = {name: value for name, value in options.items() if name != missing}
    again = [f"-{letter}"] if letter == "g" else [f"-{letter}", options[letter]]
    for wrong in (
        words + again,
        again + words,
        [*words, *([f"-{second}"] if second == "g" else [f"-{second}", "10.00"])],
        data.draw(spelled(without)),
        [*words, data.draw(st.text(LETTERS, max_size=5).filter(lambda word: not word.startswith("-")))],
        [*words, "--"],
        ["--", *words],
        [*words, "-"],
        [*words, data.draw(st.sampled_from(["-h", "-?", "-help", "--account", "--database", "-z1", "-A", "-é"]))],
        [*words, "-" + data.draw(st.sampled_from("sipcandw"))],
    ):
        refused(wrong)


@given(st.lists(st.text(max_size=12) | st.sampled_from(["-a", "-n", "-g", "bob", "10.00", "-p"]), max_size=8))
def test_any_words_are_a_line_or_are_refused(words: list[str]) -> None:
    """Nothing else is ever raised, whatever comes; and what is taken is within its limits."""
    try:
        line = read_atm(words)
    except LineError:
        return
    assert 1_024 <= line.port <= 65_535
    assert 0 < len(line.account) <= 122
    assert (line.amount == 0) == (line.what is What.BALANCE)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "Bob",
        "bob\n",
        "\nbob",
        "bo b",
        "b/b",
        "../x",
        "bób",
        "b٣",
        "=bob!",
        "b" * 4_097,
        "b\0",
        "\udcff",
    ],
)
def test_names_that_are_none(value: str) -> None:
    """Neither as an account nor as a file, apart or glued, and never with a line's end behind it."""
    refused(["-a", value, "-g"])
    refused([f"-a{value}", "-g"])
    for option in "sc":
        refused([*GOOD, f"-{option}", value])
    refused(["-s", value], read_bank)


def test_dots_are_accounts_but_no_files() -> None:
    """`.` and `..` have cards of their own names; a file of that name is refused."""
    assert read_atm(["-a", ".", "-g"]).card_file == "..card"
    assert read_atm(["-a", "..", "-g"]).card_file == "...card"
    for value in (".", ".."):
        refused([*GOOD, "-c", value])
        refused([*GOOD, "-s", value])
        refused(["-s", value], read_bank)


def test_the_longest_names() -> None:
    """An account of 122 has a card of 127, the longest file name; one more is too long."""
    line = read_atm(["-a", "b" * 122, "-g"])
    assert len(line.card_file) == 127
    assert read_atm([*GOOD, "-c", "c" * 127]).card_file == "c" * 127
    refused(["-a", "b" * 123, "-g"])
    refused([*GOOD, "-c", "c" * 128])


def test_a_value_may_begin_with_a_dash() -> None:
    """As POSIX has it: what follows an option that needs a value is its value."""
    assert read_atm(["-a", "-x", "-g"]).account == "-x"
    assert read_atm(["-a", "--", "-g"]).account == "--"
    assert read_atm(["-a-g", "-g"]).account == "-g"
    refused(["-a", "-g"])
    refused(["-a", "bob", "-c", "-d", "50.34"])
    assert "must name an account" in refused(["-a=bob", "-g"])


@pytest.mark.parametrize(
    "value",
    [
        "10", "10.0", "10.000", "010.00", "+10.00", "-10.00", "1e1", "0x10.00", "10,00", ".50", "10.", "10.00\n", " 10.00",
        "10.00 ", "١٠.٠٠", "4294967296.00", "99999999999999999999.00", "inf", "nan", "", "10.0٠", "1_0.00",
    ],
)  # fmt: skip
def test_amounts_that_are_none(value: str) -> None:
    """Exactly two decimals, no sign, no leading zero, ASCII digits, at most 4294967295.99."""
    for mode in "ndw":
        refused(["-a", "bob", f"-{mode}", value])


@pytest.mark.parametrize(
    ("mode", "good", "bad"), [("n", "10.00", "9.99"), ("d", "0.01", "0.00"), ("w", "0.01", "0.00")]
)
def test_the_least_and_the_most(mode: str, good: str, bad: str) -> None:
    """An account opens with 10.00 at least; nothing moves zero; the cap itself may be said."""
    assert read_atm(["-a", "bob", f"-{mode}", good]).amount == int(good.replace(".", ""))
    assert read_atm(["-a", "bob", f"-{mode}", "4294967295.99"]).amount == 429_496_729_599
    refused(["-a", "bob", f"-{mode}", bad])


@pytest.mark.parametrize(
    "value", ["1023", "65536", "0", "03000", "+3000", "3000 ", "3e3", "0xbb8", "٣٠٠٠", "", "9" * 40]
)
def test_ports_that_are_none(value: str) -> None:
    """For both programs, 1024 to 65535 in plain digits."""
    refused([*GOOD, "-p", value])
    refused(["-p", value], read_bank)


@pytest.mark.parametrize(
    "value",
    ["localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.", "1.2.3.-4", "::1", "1.2.3.4\n", "١.2.3.4"],
)
def test_addresses_that_are_none(value: str) -> None:
    """Four numbers from 0 to 255, and no names."""
    refused([*GOOD, "-i", value])


@pytest.mark.parametrize("value", ["0.0.0.0", "255.255.255.255", "224.0.0.1"])
def test_addresses_that_nobody_answers_at(value: str) -> None:
    """Fit the pattern: it is the connection that fails."""
    assert read_atm([*GOOD, "-i", value]).ip == value


@pytest.mark.parametrize(
    "words",
    [
        ["-p", "4000", "-p", "4000"], ["-s", "x", "-sx"], ["bank.auth"], [""], ["-"], ["--"], ["-h"], ["-g"],
        ["-i", "127.0.0.1"], ["--database"], ["--database", ""], ["--database", "a", "--database", "a"], ["--database=a"],
        ["--databas", "a"], ["-database", "a"], ["--database", "d" * 4_097], ["-p"],
    ],
)  # fmt: skip
def test_lines_that_are_no_banks(words: list[str]) -> None:
    """Repetitions, operands, options of the other program, and near misses of the one long option."""
    refused(words, read_bank)


def test_the_bank_without_a_word() -> None:
    """Has the rules' defaults and keeps its books in memory."""
    assert read_bank([]) == BankLine(port=3_000, auth_file="bank.auth", database=None)


def test_a_sentence_repeats_no_value() -> None:
    """Names and amounts belong to stdout alone."""
    for words in (["-a", "SECRET", "-g"], ["-a", "bob", "-n", "SECRET"], ["SECRET"], [*GOOD, "-cSECRET"]):
        assert "SECRET" not in refused(words)
