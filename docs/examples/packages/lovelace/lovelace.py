"""What a program runs on."""

ENGINE = "Analytical Engine"
