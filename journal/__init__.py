"""The journal: intents written with the fact, then one gapless order of them.

It is the only outbox: whatever follows the record (the graph first) polls it by position.
"""
