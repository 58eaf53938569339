"""The local stack: its tools, its servers, what is built for it and deployed to it."""
