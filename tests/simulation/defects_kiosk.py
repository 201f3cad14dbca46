"""Mistakes in the firmware: journal, recovery, outbox, sign-on, payment, card."""

from __future__ import annotations

from simulation.planting import Defect, Text, Value

from bank.authoriser import pin, visits, withdrawal
from bank.cards import ratchet
from bank.decision import decide
from bank.decision.committer import Committer
from bank.facts import completion, exchange, reversal
from bank.store import store
from bank_link.card_file import CardFile
from drivers import passage
from drivers.stick_reader import StickReader
from kiosk.host import Host
from kiosk.journal import recovery, tables
from kiosk.journal import store as journal
from kiosk.machine import Machine
from kiosk.operator import exchange as cassettes
from kiosk.outbox import Outbox
from kiosk.payment import Dispense
from kiosk.standing import JournalStanding
from kiosk.vault import Vault

_NO_FSYNC = tuple(pragma.replace("synchronous = FULL", "synchronous = NORMAL") for pragma in store._PRAGMAS)

JOURNAL = (
    Defect(
        "journal-not-synced",
        "The journal's writes are not flushed before the next step: a power cut takes back what was acted upon.",
        (Text(journal._connect, "synchronous = FULL", "synchronous = NORMAL"),),
    ),
    Defect(
        "books-not-synced",
        "The bank's commits are not flushed before it answers: a power cut takes back what it has promised.",
        (Value(store, "_PRAGMAS", _NO_FSYNC),),
    ),
    Defect(
        "answer-before-commit",
        "The bank answers what it has decided and commits it afterwards: a kill in between forgets what it has promised.",
        (
            Text(
                Committer._settle,
                "decision = await self._commit(",
                "self.__dict__['taken'] = taken\n        decision = await self._commit(",
            ),
            Text(
                Committer._commit,
                "        await tx.last(write, books, decision.view)\n",
                "        for (_, future), outcome in zip(self.__dict__['taken'], decision.outcomes, strict=True):\n"
                "            if not isinstance(outcome, Again) and not future.done():\n"
                "                future.set_result(outcome)\n"
                "        await tx.last(write, books, decision.view)\n",
            ),
        ),
    ),
    Defect(
        "sent-before-journalled",
        "A number is journalled when its answer is there, not before its first byte leaves: a power cut uses it twice.",
        (
            Text(
                Host._numbered,
                "    self._journal.write(r.Taken(transaction=name, number=name.number, kind=kind(message)))\n"
                "    try:\n"
                "        answer = await self._ask(message, until)\n"
                "    except NoAnswer:\n",
                "    taken = r.Taken(transaction=name, number=name.number, kind=kind(message))\n"
                "    try:\n"
                "        answer = await self._ask(message, until)\n"
                "        self._journal.write(taken)\n"
                "    except NoAnswer:\n"
                "        self._journal.write(taken)\n",
            ),
        ),
    ),
    Defect(
        "paid-before-journalled",
        "The notes move before the burnt nonce and the authority are in the journal.",
        (
            Text(
                Vault.pay,
                "        self._journal.write(\n"
                "            r.AuthorityHeld(transaction=held.transaction, authority=authority),\n"
                "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n"
                "        )\n"
                "        hand = Hand(self._dispenser, self._journal, self.stock, self._failing, self._exit_notes)\n"
                "        return await Dispense(hand, held, plan, moved, taken).run()\n",
                "        hand = Hand(self._dispenser, self._journal, self.stock, self._failing, self._exit_notes)\n"
                "        payment = await Dispense(hand, held, plan, moved, taken).run()\n"
                "        self._journal.write(\n"
                "            r.AuthorityHeld(transaction=held.transaction, authority=authority),\n"
                "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n"
                "        )\n"
                "        return payment\n",
            ),
        ),
    ),
    Defect(
        "nonce-not-burnt",
        "The vault pays without burning the authority's nonce: nothing says any more that it was used.",
        (Text(Vault.pay, "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n", ""),),
    ),
    Defect(
        "next-note-before-commit",
        "A note moves while the one before it is not in the journal yet: a power cut then hides two, not one.",
        (
            Text(
                Dispense._keep, "self._hand.journal.write(", "self.__dict__.setdefault('behind', []).append("
            ),
            Text(
                Dispense.run, "        self._keep(note, pick)\n",
                "        self._hand.journal.write(*self.__dict__.pop('behind', ()))\n"
                "        self._keep(note, pick)\n",
            ),
            Text(
                Dispense._present, "self._hand.journal.write(", "self._hand.journal.write(*self.__dict__.pop('behind', ()), "
            ),
        ),
    ),
    Defect(
        "no-recovery",
        "What a crash left open is not concluded at the next start.",
        (Text(Machine.start, "recover(self.journal, self.host.now())", "pass"),),
    ),
    Defect(
        "numbers-from-the-journal-alone",
        "After a disk was lost the kiosk counts from 1 again, whatever number the bank has named.",
        (Text(journal.Journal.next_number, "max(self.highest_taken(generation) + 1, int(floor))",
              "self.highest_taken(generation) + 1"),),
    ),
)  # fmt: skip

OUTBOX = (
    Defect(
        "fact-forgotten-after-a-restart",
        "A restart in the middle of a dispense ends the transaction and puts no completion into the outbox.",
        (
            Text(
                recovery._last_word, "    if progress.moved:\n",
                "    if progress.moved and not same_boot:\n        return []\n    if progress.moved:\n",
            ),
        ),
    ),
    Defect(
        "fact-forgotten-where-nothing-came",
        "A released payment of which no note came ends without a word to the bank.",
        (
            Text(
                recovery._last_word, "return _completion(journal, progress, now, outcome=Outcome.NOT_PRESENTED)",
                "return []",
            ),
        ),
    ),
    Defect(
        "sent-is-delivered",
        "A fact whose answer did not come counts as delivered.",
        (
            Text(
                Outbox.deliver, "except NoAnswer:\n            return False\n",
                "except NoAnswer:\n            self._acknowledge(entry, Acknowledged())\n",
            ),
        ),
    ),
    Defect(
        "restored-and-not-sent-again",
        "The kiosk hears what a restored bank has lost, and sends nothing of it again.",
        (
            Text(
                JournalStanding.opened,
                "lost = [number for number in spread(session.missing) if self._journal.fact(*number) is not None]",
                "lost = []",
            ),
        ),
    ),
    Defect(
        "restore-noticed-only-at-sign-on",
        "A session that survived in a backup goes on: nobody asks what the bank has lost since.",
        (Text(decide._one, "if envelope.sequence > session.sequence:", "if session.ended:"),),
    ),
    Defect(
        "completion-without-authority",
        "A completion goes without its authority: a bank that forgot the hold cannot tell whose money it was.",
        (Text(recovery._completion, "authority=progress.authority", "authority=None"),),
    ),
    Defect(
        "exchange-forgets-rejects",
        "The notes that the operator finds in the reject bin are not counted as found.",
        (Text(cassettes._counted, "rejected=found.rejected", "rejected=0"),),
    ),
    Defect(
        "rejects-not-booked-at-exchange",
        "The bank books an exchange by the cassettes alone and leaves out the reject bin.",
        (Text(exchange._value, "(cassette.count + cassette.rejected)", "cassette.count"),),
    ),
)  # fmt: skip

PAYMENT = (
    Defect(
        "unknown-is-not-presented",
        'The bank gives the money back on "unknown", as if the machine had proven that no note came.',
        (
            Text(
                completion._settle,
                "proven = fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == release_boot",
                "proven = fact.outcome is not Outcome.PRESENTED",
            ),
        ),
    ),
    Defect(
        "new-boot-speaks-for-the-old",
        'After a restart the kiosk says "not presented" of what the old boot was paid for, and the bank believes it.',
        (
            Text(recovery._last_word, "outcome=Outcome.UNKNOWN", "outcome=Outcome.NOT_PRESENTED"),
            Text(
                completion._settle,
                "proven = fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == release_boot",
                "proven = fact.outcome is Outcome.NOT_PRESENTED",
            ),
        ),
    ),
    Defect(
        "restart-reverses-a-release",
        "A restart reverses whatever has no note in the journal, and the bank voids also what it had released.",
        (
            Text(
                recovery._last_word, "return _completion(journal, progress, now, outcome=Outcome.UNKNOWN)",
                "return _reversal(journal, progress, now, why)",
            ),
            Text(reversal.reverse, 'if hold.state == "held" or', 'if hold.state in {"held", "released"} or'),
        ),
    ),
    Defect(
        "partial-rounded-up",
        "A payment of which some notes came is reported as paid in full.",
        (
            Text(
                recovery._completion, "presented=notes(progress.dispensed)",
                "presented=held.mix if any(progress.dispensed.values()) else ()",
            ),
        ),
    ),
    Defect(
        "doubt-is-certain",
        "A note that nothing proves to have come is counted as presented.",
        (
            Text(
                recovery._completion, "presented=notes(progress.dispensed),\n        in_doubt=notes(in_doubt)",
                "presented=notes(progress.dispensed + in_doubt),\n        in_doubt=()",
            ),
        ),
    ),
    Defect(
        "next-note-not-in-doubt",
        "After a restart in the middle of a dispense the note that may have been moving is not mentioned.",
        (Text(recovery._last_word, "doubt=None if same_boot else _next_note(progress)", "doubt=None"),),
    ),
    Defect(
        "reject-is-paid",
        "A note that went to the reject bin counts as one that the customer has.",
        (
            Text(
                passage.judge, "Pick(PickOutcome.REJECTED, rejected=rejected, sentence=sentence)",
                "Pick(PickOutcome.DISPENSED, dispensed=1, sentence=sentence)",
            ),
        ),
    ),
    Defect(
        "unseen-is-paid",
        "A pick of which no sensor saw a note counts as a note that came.",
        (
            Text(
                passage.judge, "Pick(PickOutcome.TIMEOUT, in_doubt=1, sentence=sentence)",
                "Pick(PickOutcome.DISPENSED, dispensed=1, sentence=sentence)",
            ),
        ),
    ),
    Defect(
        "rejects-stay-in-the-cassette",
        "A rejected note is not taken off its cassette's count.",
        (
            Text(
                tables._moved, "left = record.dispensed + record.surplus + record.rejected + record.in_doubt",
                "left = record.dispensed + record.surplus + record.in_doubt",
            ),
        ),
    ),
)  # fmt: skip

CARD = (
    Defect(
        "secret-handed-out-twice",
        "A card that shows an older secret gets the last one issued once more: so does its copy.",
        (
            Text(
                ratchet.present, "new = _next(max(shown, state.issued), now_ms)",
                "new = state.issued if shown < state.issued else _next(shown, now_ms)",
            ),
        ),
    ),
    Defect(
        "release-ignores-n",
        "A release does not look at the card's n and confirms nothing: every copy is paid.",
        (
            Text(
                withdrawal.release, "spent = _spend(view, message, hold)",
                "spent = ratchet_state(view.need(Card, hold.card))",
            ),
        ),
    ),
    Defect(
        "reversal-touches-the-card",
        "A reversal confirms the secret that its visit was given, which may never have reached the card.",
        (
            Text(
                reversal._close_visit, '    view.put(replace(visit, state="closed"))\n',
                '    view.put(replace(visit, state="closed"))\n'
                "        from bank.ledger.rows import Card\n"
                "        card = view.need(Card, visit.card)\n"
                "        view.put(replace(card, confirmed_epoch=visit.epoch, confirmed_n=visit.n))\n",
            ),
        ),
    ),
    Defect(
        "open-visit-overtakes-a-hold",
        "A copy may open a visit elsewhere while a payment is authorised and its card is on the way out.",
        (Text(visits.open_visit, "    _not_in_use_elsewhere(view, context, card)\n", ""),),
    ),
    Defect(
        "two-tries-counted-once",
        "Two PIN tries of one card in one batch are counted as one.",
        (
            Text(
                pin.check_pin, "    raise CountTry(counted(card, context))\n",
                "    under = view\n"
                "        while isinstance(under, View):\n"
                "            under = under._under\n"
                "        raise CountTry(counted(under.get(Card, card.key), context))\n",
            ),
        ),
    ),
    Defect(
        "newest-secret-overwritten",
        "The next secret goes over the card's newest one: a stick that is pulled then has lost what the bank wants.",
        (Text(CardFile.older_offset.fget, "SLOT if self.slots[0] is self.newest else 0",  # type: ignore[attr-defined]
              "SLOT if self.slots[0] is not self.newest else 0"),),
    ),
    Defect(
        "card-not-synced",
        "The card's new secret is not flushed before the card is out.",
        (Text(StickReader._write_now, "        file.fsync()\n", ""),),
    ),
)  # fmt: skip
