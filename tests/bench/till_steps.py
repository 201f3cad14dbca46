"""A balance call of `atm`, which prints the processor seconds of each of its steps as JSON.

    python tests/bench/till_steps.py PORT ACCOUNT

The files are in the current directory.
"""

# The interpreter's own start is the first step: what is imported here is loaded already, or is part of the next one.
import sys
import time

MARKS = [("interpreter", time.process_time())]


def main(port: str, account: str) -> None:
    """The steps of `bank_link.till.atm`, in its order."""
    from bank_link.envelope import Envelope
    from bank_link.seams import SystemClock
    from bank_link.till import auth, card, grammar, output
    from bank_link.till.call import _REQUEST_HEAD, LONGEST_S, _answer, _context, _Line, _read, call_of
    from bank_link.till.messages import TillDone, call_envelope, pack

    mark("imports")
    line = grammar.read_atm(["-p", port, "-a", account, "-g"])
    identity = auth.read(line.auth_file, SystemClock().now_ms())
    call = call_of(line, identity, card.read(line.card_file))
    envelope: Envelope = call_envelope(call, identity.terminal, identity.generation)
    mark("files")
    context = _context(identity)
    with _Line(line.ip, line.port, LONGEST_S) as connection:
        connection.secure(context, identity.address.partition(":")[0])
        mark("handshake")
        connection.send(_REQUEST_HEAD + pack(envelope))
        data = _answer(connection)
    done = _read(data, call, identity)
    assert isinstance(done, TillDone)
    output.line(done.what, done.account, done.amount)
    mark("call")


def mark(step: str) -> None:
    MARKS.append((step, time.process_time()))


def spent_s() -> dict[str, float]:
    starts = [0.0, *(at for _, at in MARKS)]
    return {step: at - start for (step, at), start in zip(MARKS, starts, strict=False)}


if __name__ == "__main__":
    main(*sys.argv[1:])
    import json

    print(json.dumps(spent_s()))
