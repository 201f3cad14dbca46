"""The type of the face in its three weights, and the licences (SIL Open Font License 1.1) under which it is shipped.

Figtree (OFL.txt) for Latin letters and all digits, with copies that have tabular figures; Mukta (OFL-Mukta.txt) for
Devanagari; Vazirmatn (OFL-Vazirmatn.txt) for Arabic.
"""
