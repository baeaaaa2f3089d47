"""The screens that all kinds of record share: lists, boards, cards, dialogs of moves, fields edited in place.

An app describes its kind of record by a `Screen` (registry.py) and writes its own list, board and card views from the
parts here; what is the same for every kind (moving, refusing, notes, tasks, files, bulk actions, export) is served by
the views of this package under the app's own addresses (urls.py).
"""
