"""What the Makefile's targets do, a file each."""
