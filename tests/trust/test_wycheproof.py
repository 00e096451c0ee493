"""Ed25519 against public vectors of known-bad signatures: the routine of the offline verifier."""

import json

from lotkin.journal import note, offline
from lotkin.journal.note import VerifierKey
from lotkin.journal.offline import ed25519
from tests.shared_data import shared_data


def test_the_offline_routine_judges_as_the_vectors_want() -> None:
    told = json.loads(shared_data("vectors/wycheproof/ed25519_test.json").read_text())
    wrong, count = [], 0
    for group in told["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            count += 1
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            if ed25519(public, message, signature) != (case["result"] == "valid"):
                wrong.append((case["tcId"], case["comment"]))
    print(f"{count - len(wrong)}/{count} cases")
    assert count == 151
    assert wrong == []


# The example of the package golang.org/x/mod/sumdb/note, whose format signed notes share.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""  # noqa: E501


def test_a_published_note_is_good_for_both_our_readers() -> None:
    key = VerifierKey.parse(PUBLISHED_KEY)
    assert str(key) == PUBLISHED_KEY
    assert note.signed_by(PUBLISHED_NOTE, key)
    assert offline.Key(PUBLISHED_KEY).signed(PUBLISHED_NOTE)
    assert not note.signed_by(PUBLISHED_NOTE.replace("answer", "Answer"), key)
    assert not offline.Key(PUBLISHED_KEY).signed(PUBLISHED_NOTE.replace("answer", "Answer"))
