"""What the networks learn from: pictures labelled by teachers, and what cameras, light and clothes do to them."""
