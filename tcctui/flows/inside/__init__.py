"""Members of sockets and algorithms, read beside their ACKs where somebody asks for them."""
