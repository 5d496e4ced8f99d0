"""A relay: takes the inserts of some 200 agents, and makes fewer and larger ones of them.

It is the collector's front door and journal with another engine behind it: one that is elsewhere.
"""
