"""The command `latentzoo`: `main` dispatches to the subcommands, one file each."""
