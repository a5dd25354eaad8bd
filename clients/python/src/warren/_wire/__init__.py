"""Between the contract's messages and this package's own values. Pure: nothing here sends, waits or reads a file."""
