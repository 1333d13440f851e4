"""What both commands share: options, progress, interrupts, and how a command ends."""
