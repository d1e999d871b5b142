"""This module has the statuses with which shells expect a program to end."""

INTERRUPTED = 130
"""The program ended because of Ctrl-C."""
UNREAD = 141
"""The program ended because nobody reads its output."""
