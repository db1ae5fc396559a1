"""The practice cloud: an AWS emulator behind a front that behaves like AWS."""
