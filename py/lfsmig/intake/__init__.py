"""From the files as delivered to one harmonised table: read, map, record, validate."""
