"""The electrical side of each device: what sits behind the pins and the serial line when there is no hardware."""
