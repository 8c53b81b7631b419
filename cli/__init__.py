"""The command `latentzoo`: `main` finds the subcommand, and each subcommand has a file."""
