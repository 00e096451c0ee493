"""Apollo's suite for subgraphs, against its fixed schema written with our stack."""
