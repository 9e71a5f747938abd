"""edgeface beside other face readers: speed, memory and accuracy of whole chains, in one run on the same pictures."""
