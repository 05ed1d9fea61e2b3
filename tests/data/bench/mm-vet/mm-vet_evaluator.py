# Made up; the official file has its prompt in the same place.
prompt = """Made-up prompt with | cells.

Q | T | P | S
--- | --- | --- | ---
"""
