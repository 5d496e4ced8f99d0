"""A fleet on this machine: hosts in namespaces, each with an agent, and a collector."""
