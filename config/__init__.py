"""TOML into frozen dataclasses, every mistake at once; the profiles, one a cabinet model.

`config.kiosk` and `config.bank` say what there is to set, `config.pins` which pins there are; `config.load` reads.
"""
