"""What measuring a row comes to."""

from dataclasses import dataclass, field


@dataclass
class Measured:
    """A row's figures. samples: in the row's unit; figures: by the names that the criteria use."""

    figures: dict
    samples: list = field(default_factory=list)
    # Series for the plots and the breakdown, by name.
    extra: dict = field(default_factory=dict)
    # Those that the row measured itself: name -> figure.
    references: dict = field(default_factory=dict)
