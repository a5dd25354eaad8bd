"""What calls take and answer: frozen dataclasses and enumerations, free of protobuf."""
