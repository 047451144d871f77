"""What carries out a replacement: ``smc`` by the API of Server Migration Center, ``console`` through a person."""
