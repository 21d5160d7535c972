"""The rights desk: requests, what recipients owe, how the desk works, its reports."""
