"""Every fault, by what it damages. A new fault is one function in the module that it belongs to."""

from bench.faults.catalogue import database, files, keys, money, references, text, times, volume

MODULES = (files, text, money, times, keys, references, volume, database)
